//! The contract's messages and the domain's types, each as the other.

pub(crate) mod boards;
pub(crate) mod custom_fields;
pub(crate) mod groups;
pub(crate) mod memory;
pub(crate) mod snapshots;
pub(crate) mod tags;
pub(crate) mod tasks;

use chassis::{Fault, Mask, decode, encode};
use prost_types::{FieldMask, Struct, Value, value::Kind as ValueKind};
use proto::board::v1 as pb;
use serde_json::Value as Json;

use crate::{
    author,
    comment::{Author, Comment},
};

/// Most bytes of a JSON object in a request.
const MAX_JSON: usize = 50_000;

/// Which fields an update names. Clients that send no mask mean the fields that they fill.
struct Named(Option<Mask>);

impl Named {
    fn of(mask: Option<FieldMask>) -> Self {
        Self(mask.map(|mask| decode::mask(Some(mask))))
    }

    fn has(&self, field: &str, filled: bool) -> bool {
        self.0.as_ref().map_or(filled, |mask| mask.has(field))
    }
}

/// A value of an enum that a request must not leave open.
fn known<E, T>(field: &str, number: i32, read: fn(E) -> Option<T>) -> Result<T, Fault>
where
    E: TryFrom<i32>,
{
    if number == 0 {
        return Err(Fault::invalid(field, "REQUIRED", "must not be null"));
    }
    E::try_from(number)
        .ok()
        .and_then(read)
        .ok_or_else(|| Fault::invalid(field, "UNKNOWN_VALUE", "not a known value"))
}

/// A bounded JSON object without NUL.
fn object(field: &str, value: Option<&Struct>) -> Result<Option<Json>, Fault> {
    let Some(value) = value else { return Ok(None) };
    if value
        .fields
        .iter()
        .any(|(key, value)| key.contains('\0') || has_nul(value))
    {
        return Err(Fault::invalid(field, "NUL_BYTE", "contains a NUL byte"));
    }
    let json = encode::from_struct(value);
    if json.to_string().len() > MAX_JSON {
        return Err(Fault::invalid(
            field,
            "TOO_LONG",
            format!("at most {MAX_JSON} bytes of JSON"),
        ));
    }
    Ok(Some(json))
}

fn has_nul(value: &Value) -> bool {
    match &value.kind {
        Some(ValueKind::StringValue(text)) => text.contains('\0'),
        Some(ValueKind::ListValue(list)) => list.values.iter().any(has_nul),
        Some(ValueKind::StructValue(object)) => object
            .fields
            .iter()
            .any(|(key, value)| key.contains('\0') || has_nul(value)),
        Some(ValueKind::NullValue(_) | ValueKind::NumberValue(_) | ValueKind::BoolValue(_))
        | None => false,
    }
}

/// Somebody for readers; the id of a person who is gone is empty.
pub(crate) fn author(author: author::Author) -> pb::Author {
    let kind = match author.kind {
        author::Kind::User => pb::AuthorKind::User,
        author::Kind::Agent => pb::AuthorKind::Agent,
    };
    pb::Author {
        kind: kind.into(),
        id: encode::optional_id(author.id).unwrap_or_default(),
        name: author.name,
    }
}

/// A comment for its readers.
pub(crate) fn comment(comment: Comment) -> pb::Comment {
    let (kind, user_id, agent_id) = match comment.author {
        Author::User(id) => (pb::AuthorKind::User, id, None),
        Author::Agent(id) => (pb::AuthorKind::Agent, None, Some(id)),
    };
    pb::Comment {
        id: comment.id.to_string(),
        task_id: comment.task_id.to_string(),
        message: comment.message,
        agent_id: encode::optional_id(agent_id),
        user_id: encode::optional_id(user_id),
        author_kind: kind.into(),
        author_name: comment.author_name,
        created_at: Some(encode::time(comment.created_at)),
        mentioned_agent_ids: comment.mentions.iter().map(ToString::to_string).collect(),
    }
}
