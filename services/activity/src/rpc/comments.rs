//! Comments on tasks, over all boards.

use chassis::{Cursor, decode};
use prost::Message;
use proto::{
    activity::v1::{ListTaskCommentsRequest, ListTaskCommentsResponse, TaskCommentItem},
    event::v1::Event,
};

use super::{
    Gone,
    activity::{Activity, COUNT},
    may_see, optional_id,
};
use crate::{
    error::Error,
    filter::Filter,
    store::{
        comments::{self, CommentRow},
        selection::Selection,
    },
    viewer::Viewer,
    wire::comment::{self, Names},
};

impl Activity {
    pub(super) async fn comments(
        &self,
        viewer: &Viewer,
        request: &ListTaskCommentsRequest,
    ) -> Result<ListTaskCommentsResponse, Error> {
        let page = decode::page(request.limit, request.offset, request.page_token.as_deref())?;
        let filter = Filter {
            board_id: optional_id("board_id", request.board_id.as_ref())?,
            ..Filter::default()
        };
        may_see(&self.pool, viewer, filter.board_id, Gone::Hidden).await?;

        let mut selection = Selection {
            reach: viewer.reach(),
            filter,
        };
        // Comments lead to tasks, and those of a board that is gone lead nowhere.
        selection.reach.deleted = false;
        let before = page.after.map(|cursor| cursor.id);
        let rows = async {
            comments::newest(
                &mut *self.pool.acquire().await?,
                &selection,
                before,
                page.offset,
                page.beyond().limit,
            )
            .await
        };
        let total =
            async { comments::count(&mut *self.pool.acquire().await?, &selection, COUNT).await };
        let (mut rows, total) = futures::try_join!(rows, total)?;

        let next_page_token = page.cut(&mut rows, |row| Cursor {
            at: row.occurred_at,
            id: row.id,
        });
        let items: Result<Vec<_>, Error> = rows.into_iter().filter_map(read).collect();
        Ok(ListTaskCommentsResponse {
            next_page_token,
            items: items?,
            total,
            limit: page.wire_limit(),
            offset: page.wire_offset(),
        })
    }
}

fn read(row: CommentRow) -> Option<Result<TaskCommentItem, Error>> {
    let names = Names {
        task_title: row.task_title,
        board_name: row.board_name,
        agent_name: row.agent_name,
        agent_role: row.agent_role,
    };
    match Event::decode(row.encoded.as_slice()) {
        Ok(event) => comment::item(&event, names).map(Ok),
        Err(error) => Some(Err(error.into())),
    }
}
