//! What befalls the tags and the custom fields of an organization.

use chassis::Caller;
use chrono::{DateTime, Utc};
use proto::event::v1::{self as event, Event, event::Payload};
use uuid::Uuid;

use super::owned;
use crate::{custom_field::CustomField, tag::Tag, wire};

pub(crate) fn tag_created(caller: &Caller, tag: &Tag) -> Event {
    let payload = Payload::TagCreated(event::TagCreated {
        tag: Some(wire::tags::tag(tag.clone())),
    });
    build(caller, tag.organization_id, tag.created_at, payload)
}

pub(crate) fn tag_updated(caller: &Caller, tag: &Tag, fields: &[&'static str]) -> Event {
    let payload = Payload::TagUpdated(event::TagUpdated {
        tag: Some(wire::tags::tag(tag.clone())),
        changed_fields: owned(fields),
    });
    build(caller, tag.organization_id, tag.updated_at, payload)
}

pub(crate) fn tag_deleted(caller: &Caller, tag: &Tag, at: DateTime<Utc>) -> Event {
    let payload = Payload::TagDeleted(event::TagDeleted {
        tag: Some(wire::tags::tag(tag.clone())),
    });
    build(caller, tag.organization_id, at, payload)
}

pub(crate) fn field_created(caller: &Caller, field: &CustomField) -> Event {
    let payload = Payload::CustomFieldCreated(event::CustomFieldCreated {
        custom_field: Some(wire::custom_fields::field(field.clone())),
    });
    build(caller, field.organization_id, field.created_at, payload)
}

pub(crate) fn field_updated(
    caller: &Caller,
    field: &CustomField,
    fields: &[&'static str],
) -> Event {
    let payload = Payload::CustomFieldUpdated(event::CustomFieldUpdated {
        custom_field: Some(wire::custom_fields::field(field.clone())),
        changed_fields: owned(fields),
    });
    build(caller, field.organization_id, field.updated_at, payload)
}

pub(crate) fn field_deleted(caller: &Caller, field: &CustomField, at: DateTime<Utc>) -> Event {
    let payload = Payload::CustomFieldDeleted(event::CustomFieldDeleted {
        custom_field: Some(wire::custom_fields::field(field.clone())),
    });
    build(caller, field.organization_id, at, payload)
}

fn build(caller: &Caller, organization_id: Uuid, at: DateTime<Utc>, payload: Payload) -> Event {
    bus::event(caller.event_actor(), organization_id, at, payload).build()
}
