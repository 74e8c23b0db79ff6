//! Server streams as server-sent events.
//!
//! A message with a `sequence` has it as its `id`, so that `Last-Event-ID` resumes. Its name is the one that the contract gives
//! to all messages of the stream, else the `type` of the `event` that it carries. The first message says where the stream
//! stands and is `ready`; a later one that says no more is a comment, as silence is. A stream whose messages have no
//! `sequence` stands nowhere: it is `ready` at once, has no ids and cannot be resumed. A stream whose reader lost access
//! ends with `gone`; any other end means: connect again.

use std::sync::Arc;

use axum::{body::Body, response::Response};
use bytes::Bytes;
use chassis::{Code, Fault};
use futures::Stream;
use http::{HeaderMap, HeaderValue, header};
use prost_reflect::{Kind, MessageDescriptor};
use tonic::Streaming;

use crate::{
    call,
    edge::{Admitted, Edge},
    problem::Result,
    route::Route,
    streams::{self, End, Open, Place},
    transcode::{Broken, Field, Reader},
};

/// How long a browser waits before it connects again, milliseconds.
const RETRY: &[u8] = b"retry: 1000\n";
/// The first frame of a stream that has no place to begin at.
const READY: &[u8] = b"retry: 1000\nevent: ready\ndata: {}\n\n";

/// Opens the stream; the headers are sent as soon as the service has admitted the caller.
pub(super) async fn open(
    edge: Arc<Edge>,
    route: &Arc<Route>,
    message: Bytes,
    admitted: Admitted,
) -> Result<Response> {
    let place = edge.streams.enter(&admitted.caller)?;
    let peer = edge.peer(&route.rpc, &admitted.caller);
    let source = call::server_streaming(peer, &route.rpc, message.clone()).await?;
    let open = Open {
        admitted,
        rpc: Arc::clone(&route.rpc),
        request: Some(message),
    };
    let frames = frames(edge, Arc::clone(route), source, open, place);
    let mut response = Response::new(Body::from_stream(frames));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream; charset=utf-8"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// Where a reader stopped.
pub(super) fn last_event_id(headers: &HeaderMap) -> Result<Option<i64>> {
    let Some(value) = headers.get("last-event-id") else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default().trim();
    match text.parse() {
        Ok(id) if id >= 0 => Ok(Some(id)),
        _ if text.is_empty() => Ok(None),
        _ => Err(Fault::invalid(
            "last-event-id",
            "BAD_SEQUENCE",
            "must be the id of an event of this stream",
        )
        .into()),
    }
}

fn frames(
    edge: Arc<Edge>,
    route: Arc<Route>,
    mut source: Streaming<Bytes>,
    open: Open,
    place: Place,
) -> impl Stream<Item = std::result::Result<Bytes, std::convert::Infallible>> {
    let shape = Shape::of(&route.rpc.output());
    let keep_alive = edge.config.sse_keep_alive;
    async_stream::stream! {
        let _place = place;
        let end = streams::end(&edge, &open);
        tokio::pin!(end);
        let mut first = shape.sequence.is_some();
        if !first {
            yield Ok(Bytes::from_static(READY));
        }
        loop {
            let message = tokio::select! {
                biased;
                end = &mut end => {
                    if let End::Gone(fault) = end {
                        yield Ok(gone(&fault));
                    }
                    return;
                }
                message = source.message() => message,
                () = tokio::time::sleep(keep_alive) => {
                    yield Ok(Bytes::from_static(b": keep-alive\n\n"));
                    continue;
                }
            };
            match message {
                Ok(Some(wire)) => match frame(&edge, &route, shape, &wire, first) {
                    Ok(frame) => yield Ok(frame),
                    Err(error) => {
                        tracing::error!(rpc = route.rpc.label(), %error, "a message of a stream cannot be read");
                        return;
                    }
                },
                Ok(None) => return,
                Err(status) => {
                    let fault = chassis::fault::read(&status);
                    tracing::debug!(rpc = route.rpc.label(), error = %status, "a stream ended");
                    if let Some(fault) = lost(&edge, &open, fault).await {
                        yield Ok(gone(&fault));
                    }
                    return;
                }
            }
            first = false;
        }
    }
}

fn frame(
    edge: &Edge,
    route: &Route,
    shape: Shape,
    wire: &[u8],
    first: bool,
) -> std::result::Result<Bytes, Broken> {
    let Head {
        sequence,
        bare,
        event,
    } = shape.read(wire)?;
    let mut out = Vec::with_capacity(wire.len() * 2 + 128);
    if let Some(sequence) = sequence {
        out.extend_from_slice(format!("id: {sequence}\n").as_bytes());
    }
    match (bare, &route.rpc.sse_event, &event) {
        (true, ..) if first => {
            out.extend_from_slice(RETRY);
            out.extend_from_slice(b"event: ready\n");
        }
        // The source is alive and nothing happened: the reader learns how far it is, and is not woken.
        (true, ..) => {
            out.extend_from_slice(b": keep-alive\n\n");
            return Ok(out.into());
        }
        (false, Some(name), _) => named(name, &mut out),
        (false, None, Some(name)) => named(name, &mut out),
        (false, None, None) => {}
    }
    out.extend_from_slice(b"data: ");
    edge.plans.write(route.answer, wire, &mut out)?;
    out.extend_from_slice(b"\n\n");
    Ok(out.into())
}

fn named(name: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"event: ");
    out.extend(name.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')));
    out.push(b'\n');
}

/// What a reader lost, if that is why its stream ended.
async fn lost(edge: &Edge, open: &Open, fault: Fault) -> Option<Fault> {
    match fault.code {
        Code::Forbidden | Code::NotFound | Code::Unauthenticated => Some(fault),
        _ if fault.reason == "CALLER_CHANGED" => match streams::changed(edge, open).await {
            End::Gone(fault) => Some(fault),
            End::Changed | End::Stopping => None,
        },
        _ => None,
    }
}

fn gone(fault: &Fault) -> Bytes {
    let data = serde_json::json!({"code": fault.rest_code(), "detail": fault.message});
    format!("event: gone\ndata: {data}\n\n").into()
}

/// Where a message keeps what a frame's head says.
#[derive(Clone, Copy, Debug, Default)]
struct Shape {
    sequence: Option<u32>,
    /// Field of the event, and of the type in it.
    event: Option<(u32, u32)>,
}

impl Shape {
    fn of(message: &MessageDescriptor) -> Self {
        let event = message
            .get_field_by_name("event")
            .and_then(|event| match event.kind() {
                Kind::Message(kind) => {
                    Some((event.number(), kind.get_field_by_name("type")?.number()))
                }
                _ => None,
            });
        let sequence = message
            .get_field_by_name("sequence")
            .filter(|field| field.kind() == Kind::Int64);
        Self {
            sequence: sequence.map(|field| field.number()),
            event,
        }
    }

    fn read(self, wire: &[u8]) -> std::result::Result<Head, Broken> {
        let mut head = Head {
            sequence: self.sequence.map(|_| 0),
            bare: true,
            event: None,
        };
        let mut reader = Reader::new(wire);
        while let Some((number, field)) = reader.next_field()? {
            match field {
                Field::Varint(value) if Some(number) == self.sequence => {
                    head.sequence = Some(value as i64);
                    continue;
                }
                Field::Len(bytes) => {
                    if let Some((_, kind)) = self.event.filter(|(place, _)| *place == number) {
                        head.event = Some(text(bytes, kind)?);
                    }
                }
                _ => {}
            }
            head.bare = false;
        }
        Ok(head)
    }
}

/// What a frame's head says.
struct Head {
    sequence: Option<i64>,
    /// Whether the message holds nothing but its place in the stream.
    bare: bool,
    /// Type of the event that the message carries.
    event: Option<String>,
}

fn text(wire: &[u8], wanted: u32) -> std::result::Result<String, Broken> {
    let mut found = String::from("message");
    let mut reader = Reader::new(wire);
    while let Some((number, field)) = reader.next_field()? {
        if let Field::Len(bytes) = field
            && number == wanted
        {
            found = String::from_utf8_lossy(bytes).into_owned();
        }
    }
    Ok(found)
}
