//! Whatever a gateway sends: nothing that reads it panics, and nothing that is told of it breaks a line or repeats a secret.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    agent_list::{AgentList, Gone},
    configuration::Wishes,
    feed::Feed,
    frame::{self, Incoming},
    hello::Hello,
};

const SECRET: &str = "s3cret-of-ours";

/// Names that readers look for, among others.
const NAMES: [&str; 30] = [
    "type",
    "id",
    "ok",
    "event",
    "payload",
    "error",
    "code",
    "message",
    "details",
    "retryable",
    "retryAfterMs",
    "requestId",
    "missingScope",
    "protocol",
    "server",
    "version",
    "features",
    "methods",
    "auth",
    "scopes",
    "policy",
    "maxPayload",
    "tickIntervalMs",
    "config",
    "agents",
    "list",
    "entries",
    "heartbeat",
    "hash",
    "name",
];
/// Texts that mean something.
const TEXTS: [&str; 12] = [
    "res",
    "event",
    "NOT_PAIRED",
    "UNAVAILABLE",
    "PAIRING_REQUIRED",
    "MISSING_SCOPE",
    "missing scope:\n\u{0}x",
    "agent \"x\" not found",
    "agent \"",
    "unauthorized: s3cret-of-ours",
    "a",
    "2026.9.6",
];

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(&TEXTS[..]).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(&NAMES[..]), inner), 0..6).prop_map(
                |entries| {
                    Value::Object(
                        entries
                            .into_iter()
                            .map(|(name, value)| (name.to_owned(), value))
                            .collect(),
                    )
                }
            ),
        ]
    })
}

fn judge(text: &str) {
    match frame::read(text) {
        Some(Incoming::Response {
            outcome: Err(refusal),
            ..
        }) => {
            let error = refusal.to_error("x", Some(SECRET));
            let told = error.to_string();
            assert!(
                !told.contains(char::is_control) && !told.contains(SECRET),
                "{told:?}"
            );
            assert!(told.chars().count() < 400);
            let status = tonic::Status::from(error);
            assert!(!format!("{status:?}").contains(SECRET));
        }
        Some(Incoming::Response {
            outcome: Ok(payload),
            ..
        }) => take(payload),
        Some(Incoming::Event { name, payload }) => {
            Feed::new(chassis::Clock::system()).event(&name, payload, text.len());
        }
        None => {}
    }
}

fn take(payload: Value) {
    if let Ok(hello) = Hello::try_from(payload.clone()) {
        assert!(!hello.version.contains(char::is_control));
    }
    if let Ok(agents) = AgentList::read(payload) {
        let hours = json!({"start": "09:00", "end": null});
        let heartbeat =
            json!({"every": "10m", "target": "last", "model": null, "activeHours": hours});
        let heartbeat = heartbeat.as_object().cloned().unwrap_or_default();
        agents.beats("a", &heartbeat);
        let wishes = Wishes::from([("a".to_owned(), heartbeat)]);
        for gone in [Gone::Null, Gone::LeftOut] {
            agents.patch(&wishes, gone);
        }
        agents.all();
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_ignored(text in any::<String>(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        judge(&text);
        judge(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_json_is_read_or_ignored(frame in value(), payload in value(), config in value(), error in value()) {
        judge(&frame.to_string());
        take(payload.clone());
        take(json!({"config": config, "hash": payload}));
        take(json!({"config": {"agents": {"list": [config, {"id": "a", "heartbeat": payload}]}}}));
        take(json!({"config": {"agents": {"entries": {"a": error}}}}));
        judge(&json!({"type": "res", "id": "1", "ok": true, "payload": payload}).to_string());
        judge(&json!({"type": "event", "event": "chat", "payload": payload}).to_string());
        judge(&json!({"type": "res", "id": "1", "ok": false, "error": error}).to_string());
        judge(&json!({"type": "res", "id": "1", "error": {"code": "NOT_PAIRED", "message": error, "details": payload}}).to_string());
    }

    #[test]
    fn a_frame_that_is_cut_off_is_ignored(payload in value(), at in any::<prop::sample::Index>()) {
        let text = json!({"type": "res", "id": "1", "ok": true, "payload": payload}).to_string();
        let cut = at.index(text.len());
        let cut = (0..=cut).rev().find(|cut| text.is_char_boundary(*cut)).unwrap_or_default();
        prop_assert_eq!(frame::read(&text[..cut]), None);
    }
}
