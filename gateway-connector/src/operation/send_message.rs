//! Putting a message into a session.

use std::sync::Arc;

use serde_json::json;

use crate::{call::Failed, error::Error, gateway::Gateway, refusal::Matter};

/// A message and where it goes.
pub(crate) struct Message {
    pub session_key: String,
    /// Empty leaves the session's label alone.
    pub label: String,
    pub text: String,
    pub deliver: bool,
    pub idempotency_key: String,
}

/// Ensures the session, then hands the message over. The gateway accepts each key once, also when the response is lost and
/// the request is made again.
pub(crate) async fn send_message(gateway: &Arc<Gateway>, message: &Message) -> Result<(), Error> {
    ensure_session(gateway, message).await?;
    let params = json!({
        "sessionKey": message.session_key,
        "message": message.text,
        "idempotencyKey": message.idempotency_key,
        "deliver": message.deliver,
    });
    gateway.call("chat.send", &params).await?;
    Ok(())
}

async fn ensure_session(gateway: &Arc<Gateway>, message: &Message) -> Result<(), Error> {
    let method = "sessions.patch";
    let bare = json!({"key": message.session_key});
    if message.label.is_empty() {
        gateway.call(method, &bare).await?;
        return Ok(());
    }
    let labelled = json!({"key": message.session_key, "label": message.label});
    match gateway.attempt(method, &labelled).await? {
        Ok(_) => Ok(()),
        // Another session of the agent has it. A label is for people; the message matters more.
        Err(Failed::Refused(refusal)) if refusal.matter() == Matter::LabelTaken => {
            gateway.call(method, &bare).await?;
            Ok(())
        }
        Err(failed) => Err(gateway.explain(method, &failed)),
    }
}
