//! Which statuses an operation can answer.

use prost_reflect::{FieldDescriptor, Kind};
use proto::access::Actor;

use super::comments::Comments;
use crate::{route::Route, transcode::Body};

/// The statuses of failures, each a problem.
pub(super) fn failures(route: &Route, comments: &Comments) -> Vec<u16> {
    let message = route.input.message();
    let said = said(route, comments);
    let has_body = *route.input.body() != Body::Ignored;
    let has_input = message.fields().len() > 0;
    let names_things = message.fields().any(|field| names_a_thing(&field));
    let is_public = route.rpc.allow == [Actor::Public];
    let writes = route.method != http::Method::GET;
    let possible = [
        // Two credentials, or a body that broke off.
        (400, !is_public || has_body),
        (401, !is_public),
        (403, !is_public),
        // People and organizations can be gone by the time they are looked for.
        (404, names_things || route.rpc.role == "org"),
        (408, has_body),
        (409, writes),
        (413, has_body),
        (415, has_body),
        (422, has_input || has_body),
        (429, true),
        (500, true),
        (503, true),
        (504, true),
    ];
    possible
        .into_iter()
        .filter(|(status, can)| *can || said.contains(&status.to_string()))
        .map(|(status, _)| status)
        .collect()
}

/// Everything that the contract says of the method and of what it takes.
fn said(route: &Route, comments: &Comments) -> String {
    let mut text = comments.method(&route.rpc.descriptor).to_owned();
    for field in route.input.message().fields() {
        text.push_str(comments.field(&field));
    }
    text
}

/// Whether a field names something that may not be there.
fn names_a_thing(field: &FieldDescriptor) -> bool {
    let name = field.name();
    match field.kind() {
        Kind::String => name.ends_with("_id") || name.ends_with("_ids"),
        Kind::Message(inner) if inner.full_name().starts_with("mission.") => {
            inner.fields().any(|field| names_a_thing(&field))
        }
        _ => false,
    }
}
