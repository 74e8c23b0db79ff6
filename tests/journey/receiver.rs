//! A webhook receiver that fails a few times and checks every signature by itself.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) url: String,
    state: Arc<Mutex<Inbox>>,
}

#[derive(Default)]
struct Inbox {
    secret: Option<Vec<u8>>,
    failures_left: usize,
    refused: usize,
    accepted: HashMap<String, Value>,
    order: Vec<String>,
    forged: Vec<String>,
}

impl Receiver {
    /// Listens on a free port and refuses the first calls.
    pub(crate) async fn start(failures: usize) -> Self {
        let state = Arc::new(Mutex::new(Inbox {
            failures_left: failures,
            ..Inbox::default()
        }));
        let app = Router::new()
            .route("/hook", post(take))
            .with_state(Arc::clone(&state));
        let listener = tokio::net::TcpListener::bind(test_ports::free_addr())
            .await
            .unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, state }
    }

    /// The secret that signatures are checked with.
    pub(crate) fn trust(&self, secret: &str) {
        let key = STANDARD
            .decode(
                secret
                    .strip_prefix("whsec_")
                    .expect("a Standard Webhooks secret"),
            )
            .unwrap();
        self.state.lock().unwrap().secret = Some(key);
    }

    /// Types of the deliveries that were accepted, in the order of their arrival.
    pub(crate) fn types(&self) -> Vec<String> {
        self.state.lock().unwrap().order.clone()
    }

    /// Asserts that nothing arrived with a signature that does not hold, and that something was refused on purpose.
    pub(crate) fn assert_honest(&self) {
        let inbox = self.state.lock().unwrap();
        assert!(
            inbox.forged.is_empty(),
            "signatures do not hold: {:?}",
            inbox.forged
        );
        assert!(inbox.refused > 0, "the receiver never failed");
    }
}

async fn take(
    State(state): State<Arc<Mutex<Inbox>>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let mut inbox = state.lock().unwrap();
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    };
    let (id, at) = (header("webhook-id"), header("webhook-timestamp"));
    let key = inbox.secret.clone().unwrap_or_default();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{id}.{at}.").as_bytes());
    mac.update(&body);
    let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    if !header("webhook-signature")
        .split(' ')
        .any(|signature| signature == expected)
    {
        inbox.forged.push(id);
        return StatusCode::UNAUTHORIZED;
    }
    if inbox.failures_left > 0 {
        inbox.failures_left -= 1;
        inbox.refused += 1;
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    let event: Value = serde_json::from_slice(&body).unwrap();
    if inbox.accepted.insert(id, event.clone()).is_none() {
        let kind = event["type"].as_str().unwrap_or_default().to_owned();
        inbox.order.push(kind);
    }
    StatusCode::OK
}
