//! The log as a file, page by page, without holding more than a page.

use chassis::{decode, fault::Fault};
use proto::{
    activity::v1::{ExportActivityRequest, ExportFormat},
    google::api::HttpBody,
};

use super::{Gone, activity::Activity, follow::Messages, may_see, optional_id, patterns};
use crate::{
    error::Error,
    export::{Format, Writer},
    filter::Filter,
    store::{list, log, selection::Selection},
    viewer::Viewer,
    wire,
};

/// Rows that are read and sent at once.
const PAGE: i64 = 500;

impl Activity {
    pub(super) async fn export(
        &self,
        viewer: Viewer,
        request: &ExportActivityRequest,
    ) -> Result<Messages<HttpBody>, Error> {
        let format = match ExportFormat::try_from(request.format) {
            Ok(ExportFormat::Unspecified | ExportFormat::Jsonl) => Format::JsonLines,
            Ok(ExportFormat::Csv) => Format::Csv,
            Err(_) => {
                return Err(Fault::invalid("format", "UNKNOWN_VALUE", "one of jsonl, csv").into());
            }
        };
        let filter = Filter {
            board_id: optional_id("board_id", request.board_id.as_ref())?,
            task_id: optional_id("task_id", request.task_id.as_ref())?,
            agent_id: optional_id("agent_id", request.agent_id.as_ref())?,
            actor_id: optional_id("actor_id", request.actor_id.as_ref())?,
            types: patterns("event_type", &request.event_type)?,
            since: decode::time("since", request.since.as_ref())?,
            until: decode::time("until", request.until.as_ref())?,
        };
        may_see(&self.pool, &viewer, filter.board_id, Gone::Readable).await?;
        let selection = Selection {
            reach: viewer.reach(),
            filter,
        };
        // What is appended from now on is not part of it: the export ends.
        let (head, _) = log::head(&mut *self.pool.acquire().await?).await?;
        let reasons = viewer.reads_reasons();
        let (pool, stop) = (self.pool.clone(), self.stop.clone());
        Ok(Box::pin(async_stream::try_stream! {
            let mut writer = Writer::new(format);
            let mut after = 0;
            loop {
                if stop.is_cancelled() {
                    Err(Error::Stopping { sequence: after })?;
                }
                // A connection is held for a page and not while a slow reader takes it.
                let rows = async {
                    let mut conn = pool.acquire().await?;
                    list::oldest(&mut conn, &selection, after, head, PAGE).await
                };
                let rows = rows.await.map_err(Error::from)?;
                let is_last = i64::try_from(rows.len()).is_ok_and(|rows| rows < PAGE);
                if let Some(last) = rows.last() {
                    after = last.sequence;
                }
                for row in rows {
                    writer.row(&wire::exported(row, reasons));
                }
                if is_last {
                    writer.end();
                }
                let data = writer.take();
                if !data.is_empty() {
                    yield HttpBody {
                        content_type: format.media_type().to_owned(),
                        data: data.into(),
                    };
                }
                if is_last {
                    break;
                }
            }
        }))
    }
}
