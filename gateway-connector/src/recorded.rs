//! Frames that real gateways sent, read by the code that reads them in earnest. Long parts are cut out; what is left is as
//! it came.

use serde_json::Value;

use crate::{
    frame::{self, Incoming},
    hello::Hello,
    refusal::{Matter, Refusal},
};

const RELEASES: [(&str, i32, &str); 4] = [
    ("dev", 3, include_str!("../tests/frames/2026.2.9.jsonl")),
    (
        "2026.5.7",
        3,
        include_str!("../tests/frames/2026.5.7.jsonl"),
    ),
    (
        "2026.7.1",
        4,
        include_str!("../tests/frames/2026.7.1.jsonl"),
    ),
    (
        "2026.9.6",
        4,
        include_str!("../tests/frames/2026.9.6.jsonl"),
    ),
];

fn recorded(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["frame"].take())
        .collect()
}

fn refusals(text: &str) -> Vec<Refusal> {
    recorded(text)
        .into_iter()
        .filter_map(|frame| match frame::read(&frame.to_string()) {
            Some(Incoming::Response { outcome, .. }) => outcome.err(),
            Some(_) | None => None,
        })
        .collect()
}

#[test]
fn every_frame_is_read() {
    for (release, _, text) in RELEASES {
        let frames = recorded(text);
        assert!(frames.len() > 50);
        for frame in frames {
            let read = frame::read(&frame.to_string());
            match (&frame["type"], read) {
                (kind, Some(Incoming::Event { name, payload })) if kind == "event" => {
                    assert_eq!(frame["event"], name);
                    assert_eq!(frame.get("payload").unwrap_or(&Value::Null), &payload);
                }
                (kind, Some(Incoming::Response { id, outcome })) if kind == "res" => {
                    assert_eq!(
                        (&frame["id"], &frame["ok"]),
                        (&id.into(), &outcome.is_ok().into())
                    );
                    if let Err(refusal) = outcome {
                        assert_eq!(frame["error"]["code"], refusal.code);
                        assert!(!refusal.message.is_empty());
                    }
                }
                // A bad id is echoed as it came: nobody waits for it.
                (_, None) => assert!(!frame["id"].is_string(), "{release}: {frame}"),
                (_, Some(other)) => panic!("{release}: {other:?}"),
            }
        }
    }
}

#[test]
fn every_greeting_is_understood() {
    for (release, protocol, text) in RELEASES {
        let mut greetings = 0;
        for frame in recorded(text) {
            if frame["payload"]["type"] == "hello-ok" {
                let hello = Hello::try_from(frame["payload"].clone()).unwrap();
                assert_eq!(
                    (hello.version.as_str(), hello.protocol),
                    (release, protocol)
                );
                assert!(hello.announces("chat.send") && !hello.announces("nothing"));
                assert_eq!(
                    hello.announces("cron.scratch.set"),
                    release > "2026.8" && release != "dev"
                );
                assert!(hello.scopes.is_some() && hello.max_payload >= 524_288);
                greetings += 1;
            }
        }
        // Those of newer gateways name hundreds of methods and were too long to be recorded.
        assert!(greetings > 0 || protocol == 4, "{release}");
    }
}

#[test]
fn every_refusal_of_a_connection_is_told_apart() {
    for (release, _, text) in RELEASES {
        let refusals = refusals(text);
        // Newer gateways say what it is about, older ones have only words.
        for refusal in &refusals {
            let code = refusal.detail_code.as_deref().unwrap_or_default();
            let ours = [
                "AUTH_",
                "DEVICE_",
                "CONTROL_UI_",
                "PAIRING_REQUIRED",
                "PROTOCOL_",
            ];
            if ours.iter().any(|start| code.starts_with(start)) || refusal.code == "NOT_PAIRED" {
                assert_ne!(refusal.matter(), Matter::Other, "{release}: {refusal:?}");
            }
        }
        let seen: Vec<_> = refusals.iter().map(Refusal::matter).collect();
        for wanted in [
            Matter::Unauthorized,
            Matter::Protocol,
            Matter::DeviceRequired,
            Matter::Pairing,
        ] {
            assert!(seen.contains(&wanted), "{release} does not say {wanted:?}");
        }
    }
}

#[test]
fn every_pairing_names_its_request() {
    for (release, _, text) in RELEASES {
        for refusal in refusals(text) {
            let about = refusal.message.starts_with("pairing required");
            assert_eq!(
                about,
                refusal.matter() == Matter::Pairing,
                "{release}: {refusal:?}"
            );
            assert_eq!(
                about,
                refusal.request_id.is_some(),
                "{release}: {refusal:?}"
            );
        }
    }
}

#[test]
fn words_that_decide_are_still_said() {
    for (release, _, text) in RELEASES {
        let seen: Vec<_> = refusals(text).iter().map(Refusal::matter).collect();
        for wanted in [
            Matter::AgentExists,
            Matter::UnsupportedFile,
            Matter::StaleConfiguration,
            Matter::UnknownMethod,
            Matter::Scope,
            Matter::MainSession,
        ] {
            assert!(seen.contains(&wanted), "{release} does not say {wanted:?}");
        }
        // Of the newest one no such refusal was recorded.
        assert!(seen.contains(&Matter::NoSuchAgent) || release == "2026.9.6");
    }
}
