//! Custom fields on the wire.

use chassis::{Fault, decode, encode};
use chrono::{DateTime, Utc};
use prost_types::Value;
use proto::board::v1 as pb;
use serde_json::Value as Json;
use uuid::Uuid;

use super::{Named, has_nul};
use crate::{
    custom_field::{CustomField, Kind, MAX_BOARDS, Refusal, Visibility, rule::MAX_VALUE},
    error::Error,
};

/// Most characters of a key.
const MAX_KEY: usize = 100;
/// Most characters of a label.
const MAX_LABEL: usize = 200;
/// Most characters of an expression.
const MAX_REGEX: usize = 1_000;
/// Most characters of a description.
const MAX_DESCRIPTION: usize = 2_000;

/// A definition for its readers.
pub(crate) fn field(field: CustomField) -> pb::CustomField {
    pb::CustomField {
        id: field.id.to_string(),
        organization_id: field.organization_id.to_string(),
        field_key: field.key,
        label: field.label,
        field_type: to_kind(field.kind).into(),
        ui_visibility: to_visibility(field.visibility).into(),
        validation_regex: field.regex,
        description: field.description,
        required: field.required,
        default_value: field.default.as_ref().map(encode::to_value),
        board_ids: field.board_ids.iter().map(Uuid::to_string).collect(),
        created_at: Some(encode::time(field.created_at)),
        updated_at: Some(encode::time(field.updated_at)),
        archived: field.archived,
    }
}

const fn to_kind(kind: Kind) -> pb::CustomFieldType {
    match kind {
        Kind::Text => pb::CustomFieldType::Text,
        Kind::TextLong => pb::CustomFieldType::TextLong,
        Kind::Integer => pb::CustomFieldType::Integer,
        Kind::Decimal => pb::CustomFieldType::Decimal,
        Kind::Boolean => pb::CustomFieldType::Boolean,
        Kind::Date => pb::CustomFieldType::Date,
        Kind::DateTime => pb::CustomFieldType::DateTime,
        Kind::Url => pb::CustomFieldType::Url,
        Kind::Json => pb::CustomFieldType::Json,
    }
}

const fn to_visibility(visibility: Visibility) -> pb::CustomFieldVisibility {
    match visibility {
        Visibility::Always => pb::CustomFieldVisibility::Always,
        Visibility::IfSet => pb::CustomFieldVisibility::IfSet,
        Visibility::Hidden => pb::CustomFieldVisibility::Hidden,
    }
}

/// A definition that somebody wants.
pub(crate) fn draft(
    id: Uuid,
    organization_id: Uuid,
    request: &pb::CreateCustomFieldRequest,
    now: DateTime<Utc>,
) -> Result<CustomField, Fault> {
    let key = decode::text("field_key", &request.field_key, 1, MAX_KEY)?.to_lowercase();
    let label = match request.label.as_deref() {
        Some(text) => decode::text("label", text, 1, MAX_LABEL)?,
        None => key.clone(),
    };
    let kind = request.field_type.as_deref().map_or(Ok(Kind::Text), kind)?;
    let visibility = match request.ui_visibility.as_deref() {
        Some(text) => visibility(text)?,
        None => Visibility::Always,
    };
    Ok(CustomField {
        id,
        organization_id,
        key,
        label,
        kind,
        visibility,
        regex: regex(request.validation_regex.as_deref())?,
        description: description(request.description.as_deref())?,
        required: request.required.unwrap_or(false),
        default: default(request.default_value.as_ref())?,
        board_ids: boards(&request.board_ids)?,
        archived: false,
        created_at: now,
        updated_at: now,
    })
}

/// The definition as a request makes it.
pub(crate) fn edit(
    request: &pb::UpdateCustomFieldRequest,
    before: &CustomField,
) -> Result<CustomField, Error> {
    let named = Named::of(request.update_mask.clone());
    let mut after = before.clone();
    let mut changes = 0;
    let mut names = |field: &str, filled: bool| {
        let has = named.has(field, filled);
        changes += usize::from(has);
        has
    };
    if names("field_key", request.field_key.is_some()) {
        return Err(Refusal::Immutable.into());
    }
    if names("label", request.label.is_some()) {
        let text = decode::required("label", request.label.as_deref())?;
        after.label = decode::text("label", text, 1, MAX_LABEL)?;
    }
    if names("field_type", request.field_type.is_some()) {
        after.kind = kind(decode::required(
            "field_type",
            request.field_type.as_deref(),
        )?)?;
    }
    if names("ui_visibility", request.ui_visibility.is_some()) {
        let text = decode::required("ui_visibility", request.ui_visibility.as_deref())?;
        after.visibility = visibility(text)?;
    }
    if names("validation_regex", request.validation_regex.is_some()) {
        after.regex = regex(request.validation_regex.as_deref())?;
    }
    if names("description", request.description.is_some()) {
        after.description = description(request.description.as_deref())?;
    }
    if names("required", request.required.is_some()) {
        after.required = decode::required("required", request.required)?;
    }
    if names("default_value", request.default_value.is_some()) {
        after.default = default(request.default_value.as_ref())?;
    }
    if names("board_ids", !request.board_ids.is_empty()) {
        after.board_ids = boards(&request.board_ids)?;
    }
    if names("archived", request.archived.is_some()) {
        after.archived = decode::required("archived", request.archived)?;
    }
    if changes == 0 {
        return Err(Refusal::NothingToChange.into());
    }
    Ok(after)
}

fn kind(text: &str) -> Result<Kind, Fault> {
    Kind::read(text).ok_or_else(|| unknown_word("field_type"))
}

fn visibility(text: &str) -> Result<Visibility, Fault> {
    Visibility::read(text).ok_or_else(|| unknown_word("ui_visibility"))
}

fn unknown_word(field: &str) -> Fault {
    Fault::invalid(field, "UNKNOWN_WORD", "not a word of the list")
}

fn regex(text: Option<&str>) -> Result<Option<String>, Fault> {
    decode::optional_text("validation_regex", text, MAX_REGEX)
}

fn description(text: Option<&str>) -> Result<Option<String>, Fault> {
    decode::optional_text("description", text, MAX_DESCRIPTION)
}

/// A bounded JSON value without NUL; null stands for none.
fn default(value: Option<&Value>) -> Result<Option<Json>, Fault> {
    const FIELD: &str = "default_value";
    let Some(value) = value else { return Ok(None) };
    if has_nul(value) {
        return Err(Fault::invalid(FIELD, "NUL_BYTE", "contains a NUL byte"));
    }
    let json = encode::from_value(value);
    if json.to_string().len() > MAX_VALUE {
        let message = format!("at most {MAX_VALUE} bytes of JSON");
        return Err(Fault::invalid(FIELD, "TOO_LONG", message));
    }
    Ok(Some(json).filter(|json| !json.is_null()))
}

fn boards(ids: &[String]) -> Result<Vec<Uuid>, Fault> {
    let ids = decode::ids("board_ids", ids, MAX_BOARDS)?;
    if ids.is_empty() {
        return Err(Fault::invalid(
            "board_ids",
            "REQUIRED",
            "at least one board",
        ));
    }
    Ok(ids)
}
