//! Frames: requests in, responses and events out.

use std::time::Duration;

use serde_json::{Map, Value, json};

/// A request, already checked for shape.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub id: String,
    pub method: String,
    pub params: Value,
}

/// Why a request was refused, as the gateway words it.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub code: &'static str,
    pub message: String,
    pub details: Option<Box<Value>>,
    pub retryable: bool,
    pub retry_after: Option<Duration>,
}

impl Failure {
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new("INVALID_REQUEST", message)
    }

    /// Says that a repeat may succeed.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self {
            retryable: true,
            ..Self::new("UNAVAILABLE", message)
        }
    }

    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            details: None,
            retryable: false,
            retry_after: None,
        }
    }

    #[must_use]
    pub fn details(mut self, details: Value) -> Self {
        self.details = Some(Box::new(details));
        self
    }

    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retryable = true;
        self.retry_after = Some(wait);
        self
    }

    fn to_json(&self) -> Value {
        let mut error = Map::new();
        error.insert("code".into(), self.code.into());
        error.insert("message".into(), self.message.clone().into());
        if let Some(details) = &self.details {
            error.insert("details".into(), (**details).clone());
        }
        if self.retryable {
            error.insert("retryable".into(), true.into());
        }
        if let Some(wait) = self.retry_after {
            error.insert("retryAfterMs".into(), millis(wait).into());
        }
        Value::Object(error)
    }
}

pub(crate) type Answer = Result<Value, Failure>;

pub(crate) fn response(id: &str, answer: &Answer) -> String {
    match answer {
        Ok(payload) => json!({"type": "res", "id": id, "ok": true, "payload": payload}),
        Err(failure) => json!({"type": "res", "id": id, "ok": false, "error": failure.to_json()}),
    }
    .to_string()
}

pub(crate) fn event(name: &str, payload: &Value, seq: Option<u64>) -> String {
    let mut frame = json!({"type": "event", "event": name, "payload": payload});
    if let Some(seq) = seq {
        frame["seq"] = seq.into();
    }
    frame.to_string()
}

/// Reads a request; the error is the response to send, `None` when the text is not JSON and nothing is answered.
pub(crate) fn parse(text: &str) -> Result<Request, Option<String>> {
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        return Err(None);
    };
    let problem = problem_of(&value);
    let id = value["id"].as_str().unwrap_or("invalid").to_owned();
    if let Some(problem) = problem {
        let failure = Failure::invalid(format!("invalid request frame: {problem}"));
        return Err(Some(response(&id, &Err(failure))));
    }
    Ok(Request {
        id,
        method: value["method"].as_str().unwrap_or_default().to_owned(),
        params: value.get("params").cloned().unwrap_or_else(|| json!({})),
    })
}

fn problem_of(value: &Value) -> Option<String> {
    let Some(frame) = value.as_object() else {
        return Some("must be object".into());
    };
    for name in ["id", "method"] {
        match frame.get(name) {
            None => return Some(format!("must have required property '{name}'")),
            Some(Value::String(text)) if text.is_empty() => {
                return Some(format!("at /{name}: must NOT have fewer than 1 characters"));
            }
            Some(Value::String(_)) => {}
            Some(_) => return Some(format!("at /{name}: must be string")),
        }
    }
    if frame.get("type") != Some(&Value::from("req")) {
        return Some("at /type: must be equal to constant".into());
    }
    frame
        .keys()
        .find(|key| !["type", "id", "method", "params", "traceparent"].contains(&key.as_str()))
        .map(|key| format!("at root: unexpected property '{key}'"))
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds since 1970, as every time on the wire.
#[expect(
    clippy::disallowed_methods,
    reason = "a gateway has a clock of its own"
)]
pub(crate) fn now_ms() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map(millis)
        .unwrap_or_default()
}
