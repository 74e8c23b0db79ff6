//! Frames: what goes out, and what comes in.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::refusal::Refusal;

/// The longest pause that a gateway may ask for; they lock nobody out for longer than half of it.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// A frame from the gateway.
#[derive(Debug, PartialEq)]
pub(crate) enum Incoming {
    Response {
        id: String,
        outcome: Result<Value, Refusal>,
    },
    Event {
        name: String,
        payload: Value,
    },
}

/// A request as the gateway reads it.
pub(crate) fn request(id: &str, method: &str, params: &Value) -> String {
    json!({"type": "req", "id": id, "method": method, "params": params}).to_string()
}

/// Reads a frame; `None` for what is no frame that we know, which is ignored.
pub(crate) fn read(text: &str) -> Option<Incoming> {
    let frame: Frame = serde_json::from_str(text).ok()?;
    match frame.kind.as_str() {
        "res" => Some(Incoming::Response {
            // A bad id is echoed as it came, be it a number.
            id: frame.id?.as_str()?.to_owned(),
            outcome: if frame.ok == Some(true) {
                Ok(frame.payload.unwrap_or(Value::Null))
            } else {
                Err(refusal(&frame.error.unwrap_or_default()))
            },
        }),
        "event" => Some(Incoming::Event {
            name: frame.event?,
            payload: frame.payload.unwrap_or(Value::Null),
        }),
        _ => None,
    }
}

#[derive(Deserialize)]
struct Frame {
    #[serde(rename = "type")]
    kind: String,
    id: Option<Value>,
    ok: Option<bool>,
    event: Option<String>,
    payload: Option<Value>,
    error: Option<Value>,
}

/// Reads what of an error is there: one with a part of another kind is an answer all the same.
fn refusal(error: &Value) -> Refusal {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let details = &error["details"];
    let pause = error["retryAfterMs"].as_f64();
    let pause = pause.map(|ms| (ms / 1_000.0).min(LONGEST_PAUSE.as_secs_f64()));
    Refusal {
        detail_code: text(&details["code"]),
        request_id: text(&details["requestId"]),
        missing_scope: text(&details["missingScope"]),
        code: text(&error["code"]).unwrap_or_default(),
        message: text(&error["message"]).unwrap_or_default(),
        retryable: error["retryable"] == true,
        retry_after: pause.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_closed() {
        assert_eq!(
            request("7", "agents.list", &json!({})),
            r#"{"type":"req","id":"7","method":"agents.list","params":{}}"#
        );
    }

    /// Frames in the shape in which real gateways send them.
    #[test]
    fn responses_and_events_of_every_release_are_read() {
        let challenge =
            r#"{"type":"event","event":"connect.challenge","payload":{"nonce":"n","ts":5}}"#;
        assert_eq!(
            read(challenge),
            Some(Incoming::Event {
                name: "connect.challenge".into(),
                payload: json!({"nonce": "n", "ts": 5})
            })
        );
        let tick = r#"{"type":"event","event":"tick","payload":{"ts":5},"seq":60,"stateVersion":{"presence":1,"health":1}}"#;
        assert!(matches!(read(tick), Some(Incoming::Event { name, .. }) if name == "tick"));
        let started =
            r#"{"type":"res","id":"3","ok":true,"payload":{"runId":"k1","status":"started"}}"#;
        assert_eq!(
            read(started),
            Some(Incoming::Response {
                id: "3".into(),
                outcome: Ok(json!({"runId": "k1", "status": "started"}))
            })
        );
        let bare = r#"{"type":"res","id":"4","ok":false,"error":{"code":"INVALID_REQUEST","message":"unknown agent id"}}"#;
        let refusal = Refusal {
            code: "INVALID_REQUEST".into(),
            message: "unknown agent id".into(),
            ..Refusal::default()
        };
        assert_eq!(
            read(bare),
            Some(Incoming::Response {
                id: "4".into(),
                outcome: Err(refusal)
            })
        );
        let limited = r#"{"type":"res","id":"5","ok":false,"error":{"code":"UNAVAILABLE","message":"rate limit exceeded for config.patch; retry after 45s","retryable":true,"retryAfterMs":44854,"details":{"method":"config.patch","limit":"30 per 60s"}}}"#;
        let refusal = Refusal {
            code: "UNAVAILABLE".into(),
            message: "rate limit exceeded for config.patch; retry after 45s".into(),
            retryable: true,
            retry_after: Some(Duration::from_millis(44_854)),
            ..Refusal::default()
        };
        assert_eq!(
            read(limited),
            Some(Incoming::Response {
                id: "5".into(),
                outcome: Err(refusal)
            })
        );
        let unpaired = r#"{"type":"res","id":"6","ok":false,"error":{"code":"NOT_PAIRED","message":"pairing required: device is not approved yet","details":{"code":"PAIRING_REQUIRED","reason":"not-paired","requestId":"r","requestedScopes":["operator.read"]}}}"#;
        let Some(Incoming::Response {
            outcome: Err(refusal),
            ..
        }) = read(unpaired)
        else {
            panic!("not a refusal")
        };
        assert_eq!(
            (
                refusal.detail_code.as_deref(),
                refusal.request_id.as_deref()
            ),
            (Some("PAIRING_REQUIRED"), Some("r"))
        );
    }

    #[test]
    fn an_error_with_parts_of_another_kind_is_an_answer() {
        let read_error = |error: &str| {
            let text = format!(r#"{{"type":"res","id":"1","ok":false,"error":{error}}}"#);
            match read(&text) {
                Some(Incoming::Response {
                    outcome: Err(refusal),
                    ..
                }) => refusal,
                other => panic!("{other:?}"),
            }
        };
        let odd = read_error(
            r#"{"code":"UNAVAILABLE","message":"busy","retryable":null,"retryAfterMs":1.5,"details":"x"}"#,
        );
        assert_eq!(
            (odd.code.as_str(), odd.message.as_str(), odd.retryable),
            ("UNAVAILABLE", "busy", false)
        );
        assert_eq!(odd.retry_after, Some(Duration::from_micros(1_500)));
        for (pause, read) in [
            ("1e300", Some(LONGEST_PAUSE)),
            ("86400000", Some(LONGEST_PAUSE)),
            ("60000", Some(Duration::from_secs(60))),
            ("-5", None),
            ("\"soon\"", None),
        ] {
            let refusal = read_error(&format!(r#"{{"retryAfterMs":{pause}}}"#));
            assert_eq!(refusal.retry_after, read, "{pause}");
        }
        for error in ["null", "\"no\"", "[]", "5"] {
            assert_eq!(read_error(error), Refusal::default());
        }
    }

    #[test]
    fn frames_that_are_not_ours_are_ignored() {
        for text in [
            "",
            "x",
            "[]",
            "{}",
            r#"{"type":"req"}"#,
            r#"{"type":"res"}"#,
            r#"{"type":"res","id":5}"#,
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
