//! Answers that are not JSON, as they come: an export is written while it is read.

use std::sync::Arc;

use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures::Stream;
use http::{HeaderValue, header};
use prost::Message;
use proto::google::api::HttpBody;
use tonic::{Status, Streaming};

use crate::{
    call,
    edge::{Admitted, Edge},
    problem::Result,
    route::{Route, Rpc},
    streams::{self, End, Open, Place},
};

/// Opens the answer. What goes wrong before its first part is a problem; what goes wrong afterwards cuts it short.
pub(super) async fn open(
    edge: Arc<Edge>,
    route: &Arc<Route>,
    message: Bytes,
    admitted: Admitted,
) -> Result<Response> {
    let place = edge.streams.enter(&admitted.caller)?;
    let peer = edge.peer(&route.rpc, &admitted.caller);
    let mut source = call::server_streaming(peer, &route.rpc, message.clone()).await?;
    let first = tokio::time::timeout(call::DEADLINE, part(&mut source)).await;
    let first = first.unwrap_or_else(|_| Err(call::too_late()))?;
    let (kind, data) = match first {
        Some(first) => (first.content_type, first.data),
        None => Default::default(),
    };
    let open = Open {
        admitted,
        rpc: Arc::clone(&route.rpc),
        request: Some(message),
    };
    let file = file_name(&route.rpc, &kind);
    let mut response = Response::new(Body::from_stream(parts(edge, data, source, open, place)));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::try_from(kind).unwrap_or(HeaderValue::from_static("application/octet-stream")),
    );
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{file}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn part(source: &mut Streaming<Bytes>) -> std::result::Result<Option<HttpBody>, Status> {
    let Some(wire) = source.message().await? else {
        return Ok(None);
    };
    HttpBody::decode(wire)
        .map(Some)
        .map_err(|error| Status::internal(error.to_string()))
}

fn parts(
    edge: Arc<Edge>,
    first: Bytes,
    mut source: Streaming<Bytes>,
    open: Open,
    place: Place,
) -> impl Stream<Item = std::result::Result<Bytes, Status>> {
    async_stream::try_stream! {
        let _place = place;
        if !first.is_empty() {
            yield first;
        }
        let end = streams::end(&edge, &open);
        tokio::pin!(end);
        loop {
            let next = tokio::select! {
                biased;
                end = &mut end => Err(ended(end)),
                next = part(&mut source) => next,
            };
            let next = next.inspect_err(|error| {
                tracing::warn!(rpc = open.rpc.label(), %error, "an answer was cut short");
            })?;
            match next {
                Some(next) if next.data.is_empty() => {}
                Some(next) => yield next.data,
                None => return,
            }
        }
    }
}

fn ended(end: End) -> Status {
    match end {
        End::Stopping => Status::unavailable("the server is stopping"),
        End::Changed => Status::aborted("the caller's rights changed"),
        End::Gone(fault) => fault.into(),
    }
}

/// `activity.csv` for `ExportActivity` in CSV.
fn file_name(rpc: &Rpc, kind: &str) -> String {
    let method = rpc.descriptor.name();
    let thing = method.strip_prefix("Export").unwrap_or(method);
    let essence = kind.split(';').next().unwrap_or_default().trim();
    let extension = match essence {
        "application/x-ndjson" => "jsonl",
        "text/csv" => "csv",
        "application/json" => "json",
        _ => "bin",
    };
    format!("{}.{extension}", thing.to_ascii_lowercase())
}
