//! Endpoints and deliveries as messages of the contract, and requests as what they ask for.

use chassis::{Fault, decode, encode};
use delivery::{Delivery, Recorded};
use proto::webhook::v1 as pb;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{
    delivery_state::DeliveryState,
    endpoint::{self, Edit, Endpoint},
    event_types,
    store::deliveries::Listed,
};

/// Longest description, in characters.
const DESCRIPTION_MAX: usize = 1_000;
/// Types and families that one endpoint subscribes to.
const EVENT_TYPES_MAX: usize = 50;

/// An endpoint that does not exist yet.
pub(crate) struct Wanted {
    pub url: String,
    pub description: Option<String>,
    pub board_id: Option<Uuid>,
    pub event_types: Vec<String>,
    pub enabled: bool,
}

pub(crate) fn endpoint_id(text: &str) -> Result<Uuid, Fault> {
    decode::id("webhook_endpoint_id", text)
}

/// What a caller wants to be told.
pub(crate) fn wanted(
    asked: &pb::CreateWebhookEndpointRequest,
    allow_private: bool,
) -> Result<Wanted, Fault> {
    Ok(Wanted {
        url: endpoint::url(&asked.url, allow_private)?,
        description: description(asked.description.as_deref())?,
        board_id: decode::optional_id("board_id", asked.board_id.as_deref())?,
        event_types: event_types(&asked.event_types)?,
        enabled: asked.enabled.unwrap_or(true),
    })
}

/// What an update names. Without a mask it names what it carries.
pub(crate) fn edit(
    asked: pb::UpdateWebhookEndpointRequest,
    allow_private: bool,
) -> Result<Edit, Fault> {
    let mask = asked.update_mask.map(|mask| decode::mask(Some(mask)));
    let names = |field: &str, carried: bool| mask.as_ref().map_or(carried, |mask| mask.has(field));
    let mut edit = Edit::default();
    if names("url", asked.url.is_some()) {
        let text = decode::required("url", asked.url.as_deref())?;
        edit.url = Some(endpoint::url(text, allow_private)?);
    }
    if names("description", asked.description.is_some()) {
        edit.description = Some(description(asked.description.as_deref())?);
    }
    if names("event_types", !asked.event_types.is_empty()) {
        edit.event_types = Some(event_types(&asked.event_types)?);
    }
    if names("enabled", asked.enabled.is_some()) {
        edit.enabled = Some(decode::required("enabled", asked.enabled)?);
    }
    Ok(edit)
}

fn description(text: Option<&str>) -> Result<Option<String>, Fault> {
    decode::optional_text("description", text, DESCRIPTION_MAX)
}

/// 1 to 50 patterns, without repeats, in the order given.
fn event_types(texts: &[String]) -> Result<Vec<String>, Fault> {
    if texts.is_empty() {
        let message = "name at least one type, such as `task.*`";
        return Err(Fault::invalid("event_types", "REQUIRED", message));
    }
    if texts.len() > EVENT_TYPES_MAX {
        let message = format!("at most {EVENT_TYPES_MAX} types");
        return Err(Fault::invalid("event_types", "TOO_MANY", message));
    }
    let mut found: Vec<String> = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        let field = format!("event_types[{index}]");
        let pattern = decode::text(&field, text, 1, event_types::MAX)?;
        if !event_types::is_pattern(&pattern) {
            let message = "a type such as `task.created`, a family such as `task.*`, or `*`";
            return Err(Fault::invalid(field, "MALFORMED", message));
        }
        if !found.contains(&pattern) {
            found.push(pattern);
        }
    }
    Ok(found)
}

/// The state that a list is limited to.
pub(crate) fn state_filter(state: Option<i32>) -> Result<Option<DeliveryState>, Fault> {
    let Some(number) = state else {
        return Ok(None);
    };
    let unknown = |_| Fault::invalid("state", "UNKNOWN", "waiting, delivered, failed or dead");
    Ok(
        match pb::DeliveryState::try_from(number).map_err(unknown)? {
            pb::DeliveryState::Unspecified => None,
            pb::DeliveryState::Waiting => Some(DeliveryState::Waiting),
            pb::DeliveryState::Delivered => Some(DeliveryState::Delivered),
            pb::DeliveryState::Failed => Some(DeliveryState::Failed),
            pb::DeliveryState::Dead => Some(DeliveryState::Dead),
        },
    )
}

impl From<DeliveryState> for pb::DeliveryState {
    fn from(state: DeliveryState) -> Self {
        match state {
            DeliveryState::Waiting => Self::Waiting,
            DeliveryState::Delivered => Self::Delivered,
            DeliveryState::Failed => Self::Failed,
            DeliveryState::Dead => Self::Dead,
        }
    }
}

/// An endpoint without its secret.
pub(crate) fn endpoint(endpoint: Endpoint) -> pb::WebhookEndpoint {
    pb::WebhookEndpoint {
        id: endpoint.id.to_string(),
        organization_id: endpoint.organization_id.to_string(),
        url: endpoint.url,
        description: endpoint.description,
        board_id: encode::optional_id(endpoint.board_id),
        event_types: endpoint.event_types,
        enabled: endpoint.enabled,
        secret: None,
        created_at: Some(encode::time(endpoint.created_at)),
        updated_at: Some(encode::time(endpoint.updated_at)),
    }
}

/// A delivery as lists show it.
pub(crate) fn delivery(kept: Delivery, row: Listed) -> pb::WebhookDelivery {
    pb::WebhookDelivery {
        id: row.id.to_string(),
        webhook_endpoint_id: row.webhook_endpoint_id.to_string(),
        event_id: row.event_id.to_string(),
        event_type: row.event_type,
        state: pb::DeliveryState::from(row.state).into(),
        attempt_count: kept.attempts,
        created_at: Some(encode::time(row.created_at)),
        delivered_at: encode::optional_time(kept.sent_at),
        next_attempt_at: encode::optional_time(kept.next_attempt_at),
        last_error: kept.last_error,
        attempts: Vec::new(),
        payload: None,
    }
}

/// A delivery with everything.
pub(crate) fn delivery_with(
    kept: Delivery,
    row: Listed,
    attempts: Vec<Recorded>,
    body: &Json,
) -> pb::WebhookDelivery {
    pb::WebhookDelivery {
        attempts: attempts.into_iter().map(attempt).collect(),
        payload: encode::to_struct(body),
        ..delivery(kept, row)
    }
}

fn attempt(attempt: Recorded) -> pb::WebhookAttempt {
    pb::WebhookAttempt {
        number: attempt.number,
        started_at: Some(encode::time(attempt.started_at)),
        duration_ms: attempt.duration_ms,
        response_status: attempt.response_status,
        response_body: attempt.response_body,
        error: attempt.error,
    }
}
