//! The first words on a connection.

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    dial::Socket,
    error::Error,
    frame::{self, Incoming},
    hello::Hello,
    identity::{Identity, Signed},
    refusal::Refusal,
};

/// Oldest and newest wire protocol: releases up to May 2026 speak 3, later ones exactly 4.
const PROTOCOLS: (i32, i32) = (3, 4);
const ROLE: &str = "operator";
const SCOPES: &[&str] = &[
    "operator.read",
    "operator.write",
    "operator.admin",
    "operator.approvals",
    "operator.pairing",
];
const REQUEST_ID: &str = "connect";

/// As what we present ourselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guise {
    /// A back-end with a device that signs the challenge.
    Device,
    /// A back-end with nothing but the token.
    Bare,
    /// A browser: what older gateways accept without a device when their owner allowed it.
    ControlUi,
}

impl Guise {
    fn client(self) -> (&'static str, &'static str) {
        match self {
            Self::Device | Self::Bare => ("gateway-client", "backend"),
            Self::ControlUi => ("openclaw-control-ui", "ui"),
        }
    }
}

/// Why a handshake came to nothing.
pub(crate) enum Failed {
    Refused(Refusal),
    Broken(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Broken(error)
    }
}

/// Waits for the challenge, answers it and reads the greeting.
pub(crate) async fn greet(
    socket: &mut Socket,
    identity: &Identity,
    guise: Guise,
    token: Option<&str>,
) -> Result<Hello, Failed> {
    let (nonce, ts) = challenge(socket).await?;
    let params = params(identity, guise, token, &nonce, ts);
    let text = frame::request(REQUEST_ID, "connect", &params);
    socket.send(Message::text(text)).await.map_err(|_| gone())?;
    loop {
        match next(socket).await? {
            Incoming::Response { id, outcome } if id == REQUEST_ID => {
                let hello = Hello::try_from(outcome.map_err(Failed::Refused)?)?;
                if (PROTOCOLS.0..=PROTOCOLS.1).contains(&hello.protocol) {
                    return Ok(hello);
                }
                let message = format!("it chose protocol {}", hello.protocol);
                return Err(Error::Incompatible(message).into());
            }
            Incoming::Response { .. } | Incoming::Event { .. } => {}
        }
    }
}

fn params(identity: &Identity, guise: Guise, token: Option<&str>, nonce: &str, ts: i64) -> Value {
    let (id, mode) = guise.client();
    let mut params = json!({
        "minProtocol": PROTOCOLS.0,
        "maxProtocol": PROTOCOLS.1,
        "client": {"id": id, "version": "1.0.0", "platform": std::env::consts::OS, "mode": mode},
        "role": ROLE,
        "scopes": SCOPES,
    });
    if let Some(token) = token {
        params["auth"] = json!({"token": token});
    }
    if guise == Guise::Device {
        params["device"] = identity.claim(&Signed {
            client_id: id,
            client_mode: mode,
            role: ROLE,
            scopes: SCOPES,
            token,
            nonce,
            signed_at_ms: ts,
        });
    }
    params
}

async fn challenge(socket: &mut Socket) -> Result<(String, i64), Error> {
    loop {
        if let Incoming::Event { name, payload } = next(socket).await?
            && name == "connect.challenge"
        {
            let unreadable = || Error::Incompatible("its challenge cannot be read".into());
            let nonce = payload["nonce"].as_str().ok_or_else(unreadable)?;
            return Ok((
                nonce.to_owned(),
                payload["ts"].as_i64().ok_or_else(unreadable)?,
            ));
        }
    }
}

/// The next frame that is one.
pub(crate) async fn next(socket: &mut Socket) -> Result<Incoming, Error> {
    loop {
        let text = match socket.next().await {
            Some(Ok(Message::Text(text))) => text.to_string(),
            Some(Ok(Message::Binary(bytes))) => String::from_utf8_lossy(&bytes).into_owned(),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(gone()),
        };
        if let Some(incoming) = frame::read(&text) {
            return Ok(incoming);
        }
    }
}

fn gone() -> Error {
    Error::Unreachable("the connection ended during the handshake".into())
}
