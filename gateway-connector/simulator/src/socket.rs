//! One connection from its first byte to its close.

use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{broadcast, mpsc},
    time::{Instant, interval_at, timeout},
};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async_with_config,
    tungstenite::{
        self, Message,
        error::CapacityError,
        handshake::server::{ErrorResponse, Request as Upgrade, Response as Upgraded},
        http::StatusCode,
        protocol::{CloseFrame, WebSocketConfig},
    },
};

use crate::{
    Failure, Version,
    fault::{Cut, Effect, Fate},
    frame::{Request, event, millis, now_ms, parse, response},
    handshake::{self, Accepted},
    hub::{Broadcast, Hub},
    methods,
    state::Call,
};

/// The end of a connection: nothing more is sent on it.
struct Over;

type Step<T = ()> = Result<T, Over>;

struct Connection<S> {
    hub: Arc<Hub>,
    number: u64,
    socket: WebSocketStream<S>,
    seq: u64,
}

/// Serves a connection until either side ends it.
pub(crate) async fn serve<S>(hub: Arc<Hub>, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let origin = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&origin);
    let forbidden = hub.faults().forbidden.clone();
    #[expect(
        clippy::result_large_err,
        reason = "the WebSocket library fixes the type"
    )]
    let look = move |upgrade: &Upgrade, upgraded: Upgraded| -> Result<Upgraded, ErrorResponse> {
        let header = upgrade
            .headers()
            .get("origin")
            .and_then(|value| value.to_str().ok());
        *seen
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = header.map(str::to_owned);
        match forbidden {
            None => Ok(upgraded),
            Some((status, ref body)) => {
                let mut refusal = ErrorResponse::new(Some(body.clone()));
                *refusal.status_mut() =
                    StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
                Err(refusal)
            }
        }
    };
    let config = WebSocketConfig::default()
        .max_message_size(Some(hub.config.max_payload()))
        .max_frame_size(Some(hub.config.max_payload()));
    let Ok(socket) = accept_hdr_async_with_config(stream, look, Some(config)).await else {
        return;
    };
    let origin = origin
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .take();
    let number = hub.accepted.fetch_add(1, Ordering::SeqCst) + 1;
    let mut connection = Connection {
        hub,
        number,
        socket,
        seq: 0,
    };
    if let Ok(accepted) = connection.handshake(origin.as_deref()).await {
        // Whoever sees the connection may count on it to hear everything.
        let told = connection.hub.broadcast.subscribe();
        let open = connection.hub.open.fetch_add(1, Ordering::SeqCst) + 1;
        connection.hub.peak.fetch_max(open, Ordering::SeqCst);
        let _ = connection.converse(&accepted, told).await;
        connection.hub.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl<S> Connection<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    async fn handshake(&mut self, origin: Option<&str>) -> Step<Accepted> {
        let nonce = uuid::Uuid::new_v4().to_string();
        self.send(event(
            "connect.challenge",
            &json!({"nonce": nonce, "ts": now_ms()}),
            None,
        ))
        .await?;
        let patience = match self.hub.config.version {
            Version::V2026_2_9 => Duration::from_secs(10),
            Version::V2026_7_1 | Version::V2026_9_6 => Duration::from_secs(15),
        };
        let stop = self.hub.stop.clone();
        let first = tokio::select! {
            () = stop.cancelled() => return Err(Over),
            first = timeout(patience, self.socket.next()) => first,
        };
        let Ok(Some(Ok(Message::Text(text)))) = first else {
            return self.close(1000, "").await;
        };
        if text.len() > self.hub.config.version.max_handshake() {
            return self.close(1009, "").await;
        }
        let request = match parse(&text) {
            Ok(request) => request,
            Err(None) => return self.close(1000, "").await,
            Err(Some(_)) => return self.close(1008, "invalid request frame").await,
        };
        self.note(&request);
        let starting = {
            let mut faults = self.hub.faults();
            let starting = faults.starting > 0;
            faults.starting = faults.starting.saturating_sub(1);
            starting
        };
        if starting {
            let failure = Failure::unavailable("gateway starting; retry shortly")
                .retry_after(Duration::from_millis(500))
                .details(json!({"reason": "startup-sidecars"}));
            self.send(response(&request.id, &Err(failure))).await?;
            return self.close(1013, "gateway starting").await;
        }
        let judged = {
            let mut state = self.hub.state();
            handshake::judge(&self.hub.config, &mut state, &nonce, origin, &request)
        };
        match judged {
            Ok(mut accepted) => {
                let hello = accepted.hello.take();
                self.send(response(&request.id, &Ok(hello))).await?;
                self.event("health", &json!({"ok": true, "ts": now_ms()}))
                    .await?;
                Ok(accepted)
            }
            Err(refusal) => {
                let reason = refusal.failure.message.clone();
                self.send(response(&request.id, &Err(refusal.failure)))
                    .await?;
                self.close(refusal.close, &reason).await
            }
        }
    }

    async fn converse(
        &mut self,
        accepted: &Accepted,
        mut told: broadcast::Receiver<Broadcast>,
    ) -> Step {
        tracing::debug!(
            device.id = accepted.device_id,
            "simulated gateway accepted a connection"
        );
        let pace = self.hub.config.tick_interval;
        let mut ticks = interval_at(Instant::now() + pace, pace);
        let (late, mut lates) = mpsc::unbounded_channel::<String>();
        let stop = self.hub.stop.clone();
        loop {
            tokio::select! {
                () = stop.cancelled() => return self.close(1012, "service restart").await,
                _ = ticks.tick() => self.event("tick", &json!({"ts": now_ms()})).await?,
                Some(text) = lates.recv() => self.send(text).await?,
                broadcast = told.recv() => match broadcast {
                    Ok(Broadcast::Event(name, payload)) => self.event(&name, &payload).await?,
                    Ok(Broadcast::Close(code, reason)) => return self.close(code, reason).await,
                    Ok(Broadcast::Drop) | Err(broadcast::error::RecvError::Closed) => return Err(Over),
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                },
                message = self.socket.next() => match message {
                    Some(Ok(Message::Text(text))) => self.take(accepted, &text, &late).await?,
                    Some(Ok(Message::Binary(bytes))) => {
                        self.take(accepted, &String::from_utf8_lossy(&bytes), &late).await?;
                    }
                    Some(Ok(_)) => {}
                    Some(Err(tungstenite::Error::Capacity(CapacityError::MessageTooLong { .. }))) => {
                        return self.close(1009, "").await;
                    }
                    Some(Err(_)) | None => return Err(Over),
                },
            }
        }
    }

    /// Carries one request out, and whatever fault waits for it.
    async fn take(
        &mut self,
        accepted: &Accepted,
        text: &str,
        late: &mpsc::UnboundedSender<String>,
    ) -> Step {
        let request = match parse(text) {
            Ok(request) => request,
            Err(None) => return Ok(()),
            Err(Some(refusal)) => return self.send(refusal).await,
        };
        self.note(&request);
        let (fate, delay) = {
            let mut faults = self.hub.faults();
            (faults.fate(&request.method), faults.delay)
        };
        let before = matches!(fate, Fate::Undone).then(|| self.hub.state().config.clone());
        let answer = match fate {
            Fate::Cut(Cut {
                effect: Effect::Lost,
                code,
            }) => return self.cut(code).await,
            Fate::Failed(ref failure) => Err(failure.clone()),
            Fate::Said(ref payload) => Ok(payload.clone()),
            Fate::Answered | Fate::Hung | Fate::Undone | Fate::Cut(_) => {
                methods::call(&self.hub, &accepted.scopes, &request)
            }
        };
        if let Some(config) = before {
            self.hub.state().config = config;
        }
        match fate {
            Fate::Cut(Cut { code, .. }) => return self.cut(code).await,
            Fate::Hung => return Ok(()),
            Fate::Answered | Fate::Undone | Fate::Failed(_) | Fate::Said(_) => {}
        }
        let text = response(&request.id, &answer);
        let Some(delay) = delay else {
            return self.send(text).await;
        };
        tracing::debug!(
            delay_ms = millis(delay),
            "simulated gateway delays an answer"
        );
        let late = late.clone();
        self.hub.tasks.spawn(async move {
            tokio::time::sleep(delay).await;
            // The connection may be gone by now.
            let _ = late.send(text);
        });
        Ok(())
    }

    fn note(&self, request: &Request) {
        self.hub.state().calls.push(Call {
            connection: self.number,
            method: request.method.clone(),
            params: request.params.clone(),
        });
    }

    async fn event(&mut self, name: &str, payload: &Value) -> Step {
        if self.hub.faults().silent {
            return Ok(());
        }
        self.seq += 1;
        self.send(event(name, payload, Some(self.seq))).await
    }

    async fn send(&mut self, text: String) -> Step {
        self.socket
            .send(Message::text(text))
            .await
            .map_err(|_| Over)
    }

    async fn cut(&mut self, code: Option<u16>) -> Step {
        match code {
            Some(code) => self.close(code, "service restart").await,
            None => Err(Over),
        }
    }

    /// Closes and waits a moment for the other side to agree, so that what was sent before is not lost.
    async fn close<T>(&mut self, code: u16, reason: &str) -> Step<T> {
        // A control frame carries at most 123 bytes of reason.
        let reason: String = reason.chars().take(100).collect();
        let frame = CloseFrame {
            code: code.into(),
            reason: reason.into(),
        };
        if self.socket.close(Some(frame)).await.is_ok() {
            let drained = async { while let Some(Ok(_)) = self.socket.next().await {} };
            let _ = timeout(Duration::from_millis(200), drained).await;
        }
        Err(Over)
    }
}
