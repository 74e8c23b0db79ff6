//! A receiver on a free port that answers as it is told, and remembers everything.

use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Uri},
    response::Response,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use crate::fixture::eventually;

/// How to answer one call. Without instruction the answer is 200 `ok`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    Status(u16),
    RetryAfter(u16, u32),
    /// To `/elsewhere` of the same receiver.
    Redirect,
    /// 200 and a body without end.
    Flood,
    /// Never.
    Hang,
}

/// What came.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

#[derive(Clone)]
pub(crate) struct Receiver {
    pub port: u16,
    state: Arc<Mutex<Memory>>,
}

#[derive(Default)]
struct Memory {
    script: VecDeque<Answer>,
    calls: Vec<Call>,
}

impl Receiver {
    /// Listens, and answers its first calls as told.
    pub(crate) async fn start(script: impl IntoIterator<Item = Answer>) -> Self {
        let memory = Memory {
            script: script.into_iter().collect(),
            calls: Vec::new(),
        };
        let state = Arc::new(Mutex::new(memory));
        let app = Router::new().fallback(take).with_state(Arc::clone(&state));
        let listener = tokio::net::TcpListener::bind(test_ports::free_addr())
            .await
            .unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { port, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.state.lock().unwrap().calls.clone()
    }

    /// The calls, once there are so many.
    pub(crate) async fn heard(&self, count: usize) -> Vec<Call> {
        eventually(&format!("{count} calls"), async || {
            let calls = self.calls();
            (calls.len() >= count).then_some(calls)
        })
        .await
    }
}

impl Call {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }

    /// Whether the signature holds, computed as a receiver would.
    pub(crate) fn is_signed_with(&self, secret: &str) -> bool {
        let key = STANDARD
            .decode(secret.strip_prefix("whsec_").unwrap())
            .unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        for part in [self.header("webhook-id"), self.header("webhook-timestamp")] {
            mac.update(part.as_bytes());
            mac.update(b".");
        }
        mac.update(&self.body);
        let expected = STANDARD.encode(mac.finalize().into_bytes());
        self.header("webhook-signature") == format!("v1,{expected}")
    }
}

async fn take(
    State(state): State<Arc<Mutex<Memory>>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let answer = {
        let mut memory = state.lock().unwrap();
        memory.calls.push(Call {
            path: uri.path().to_owned(),
            headers,
            body,
        });
        memory.script.pop_front()
    };
    let with = |status: u16| Response::builder().status(status);
    match answer {
        None => with(200).body(Body::from("ok")),
        Some(Answer::Status(status)) => with(status).body(Body::from("not now")),
        Some(Answer::RetryAfter(status, seconds)) => with(status)
            .header("retry-after", seconds)
            .body(Body::empty()),
        Some(Answer::Redirect) => with(307)
            .header("location", "/elsewhere")
            .body(Body::empty()),
        Some(Answer::Flood) => {
            let chunk = Ok::<_, Infallible>(Bytes::from_static(&[b'x'; 64 * 1024]));
            with(200).body(Body::from_stream(futures::stream::repeat(chunk)))
        }
        Some(Answer::Hang) => std::future::pending().await,
    }
    .unwrap()
}
