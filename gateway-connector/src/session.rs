//! One live connection: a task owns the socket, callers hand it requests and wait for the response with their id.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    time::{Instant, sleep_until, timeout},
};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};
use tokio_util::sync::CancellationToken;

use crate::{
    call::Failed,
    dial::Socket,
    feed::Feed,
    frame::{self, Incoming},
    hello::Hello,
    refusal::Refusal,
};

type Outcome = Result<Value, Refusal>;

/// How long the socket may refuse to take a frame before the connection counts as dead.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);

/// What we close with when the gateway has fallen silent.
const SILENT: u16 = 4000;

/// Why a session ends that we close.
const CLOSED: &str = "closed by us";

/// What gateways close with when they restart, are starting or have changed their policy: they are back soon.
const BACK_SOON: [u16; 3] = [1012, 1013, 4001];

enum Order {
    Ask {
        id: String,
        text: String,
        reply: oneshot::Sender<Outcome>,
    },
    /// Nobody waits for this id any more.
    Forget(String),
}

/// A handle on a live connection. Clones are cheap; the connection ends when [`Session::close`] is called, when the gateway
/// ends it or when it falls silent.
pub(crate) struct Session {
    pub hello: Hello,
    opened_at: Instant,
    orders: mpsc::UnboundedSender<Order>,
    room: Semaphore,
    next_id: AtomicU64,
    comes_back: Arc<AtomicBool>,
    /// Whether it answered a request.
    served: AtomicBool,
    stop: CancellationToken,
    ended: CancellationToken,
}

impl Session {
    /// Takes over a connection past its handshake.
    pub(crate) fn start(
        socket: Socket,
        hello: Hello,
        max_in_flight: usize,
        gateway_id: &str,
        feed: Arc<Feed>,
    ) -> Arc<Self> {
        let (orders, receiver) = mpsc::unbounded_channel();
        let session = Arc::new(Self {
            opened_at: Instant::now(),
            orders,
            room: Semaphore::new(max_in_flight),
            next_id: AtomicU64::new(1),
            comes_back: Arc::default(),
            served: AtomicBool::new(false),
            stop: CancellationToken::new(),
            ended: CancellationToken::new(),
            hello,
        });
        let owner = Owner {
            socket,
            orders: receiver,
            waiting: HashMap::new(),
            patience: session.hello.tick.saturating_mul(2),
            stop: session.stop.clone(),
            comes_back: Arc::clone(&session.comes_back),
            announced: false,
            feed,
            gateway_id: gateway_id.to_owned(),
        };
        owner
            .feed
            .connected(&session.hello.version, session.hello.protocol);
        tokio::spawn({
            let ended = session.ended.clone();
            async move {
                let _ended = ended.drop_guard();
                owner.run().await;
            }
        });
        session
    }

    /// Sends a request and waits for its response. `patience` covers the wait for a free place as well.
    pub(crate) async fn ask(
        &self,
        method: &str,
        params: &Value,
        patience: Duration,
    ) -> Result<Value, Failed> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed).to_string();
        let text = frame::request(&id, method, params);
        if text.len() > self.hello.max_payload {
            return Err(Failed::TooLarge);
        }
        let deadline = Instant::now() + patience;
        let Ok(place) = tokio::time::timeout_at(deadline, self.room.acquire()).await else {
            return Err(Failed::Crowded);
        };
        // Closing is not something this semaphore does; an error would mean as much as a lost connection.
        let _place = place.map_err(|_| Failed::Lost)?;
        if Instant::now() >= deadline {
            return Err(Failed::Crowded);
        }
        let (reply, answer) = oneshot::channel();
        self.orders
            .send(Order::Ask {
                id: id.clone(),
                text,
                reply,
            })
            .map_err(|_| Failed::Lost)?;
        let forget = Forget {
            orders: &self.orders,
            id: Some(id),
        };
        match tokio::time::timeout_at(deadline, answer).await {
            Ok(Ok(outcome)) => {
                forget.not();
                self.served.store(true, Ordering::Relaxed);
                outcome.map_err(Failed::Refused)
            }
            Ok(Err(_)) => Err(Failed::Lost),
            Err(_) => Err(Failed::TimedOut),
        }
    }

    /// Whether requests can no longer be sent.
    pub(crate) fn is_over(&self) -> bool {
        self.ended.is_cancelled()
    }

    /// Waits until the connection has ended.
    pub(crate) async fn over(&self) {
        self.ended.cancelled().await;
    }

    /// Whether it was of use: it answered a request, whatever it said.
    pub(crate) fn has_served(&self) -> bool {
        self.served.load(Ordering::Relaxed)
    }

    /// How long it has been open.
    pub(crate) fn age(&self) -> Duration {
        self.opened_at.elapsed()
    }

    /// Whether the gateway said, or let it be seen, that it will be back in a moment.
    pub(crate) fn comes_back(&self) -> bool {
        self.comes_back.load(Ordering::SeqCst)
    }

    /// Ends the connection politely.
    pub(crate) fn close(&self) {
        self.stop.cancel();
    }
}

/// Tells the owner when a caller stops waiting, whether it ran out of time or was dropped.
struct Forget<'a> {
    orders: &'a mpsc::UnboundedSender<Order>,
    id: Option<String>,
}

impl Forget<'_> {
    fn not(mut self) {
        self.id = None;
    }
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            // An owner that is gone has forgotten everything.
            let _ = self.orders.send(Order::Forget(id));
        }
    }
}

/// The task that owns the socket.
struct Owner {
    socket: Socket,
    orders: mpsc::UnboundedReceiver<Order>,
    waiting: HashMap<String, oneshot::Sender<Outcome>>,
    patience: Duration,
    stop: CancellationToken,
    comes_back: Arc<AtomicBool>,
    /// The gateway has said whether it comes back.
    announced: bool,
    feed: Arc<Feed>,
    gateway_id: String,
}

impl Owner {
    async fn run(mut self) {
        let stop = self.stop.clone();
        let mut heard = Instant::now();
        let why = loop {
            tokio::select! {
                () = stop.cancelled() => break CLOSED,
                () = sleep_until(heard + self.patience) => {
                    break self.close(CloseCode::from(SILENT), "fell silent").await;
                }
                order = self.orders.recv() => match order {
                    Some(order) => if let Err(why) = self.carry_out(order).await { break why },
                    None => break self.close(CloseCode::Normal, "nobody holds it").await,
                },
                message = self.socket.next() => {
                    heard = Instant::now();
                    if let Err(why) = self.take(message).await { break why }
                }
            }
        };
        if why == CLOSED {
            self.close(CloseCode::Normal, why).await;
        }
        self.feed.disconnected("SESSION_ENDED", why);
        tracing::info!(gateway.id = %self.gateway_id, why, unanswered = self.waiting.len(), "gateway session ended");
    }

    async fn carry_out(&mut self, order: Order) -> Result<(), &'static str> {
        match order {
            // Whoever asked has been told that it failed.
            Order::Ask { reply, .. } if reply.is_closed() => Ok(()),
            Order::Ask { id, text, reply } => {
                self.waiting.insert(id, reply);
                self.send(Message::text(text)).await
            }
            Order::Forget(id) => {
                self.waiting.remove(&id);
                Ok(())
            }
        }
    }

    async fn take<E>(&mut self, message: Option<Result<Message, E>>) -> Result<(), &'static str> {
        match message {
            Some(Ok(Message::Text(text))) => self.read(&text),
            Some(Ok(Message::Binary(bytes))) => self.read(&String::from_utf8_lossy(&bytes)),
            // The library has queued the pong; it leaves with the next flush.
            Some(Ok(Message::Ping(_))) => self.flush().await?,
            Some(Ok(Message::Pong(_) | Message::Frame(_))) => {}
            Some(Ok(Message::Close(frame))) => {
                let code = frame.map(|frame| u16::from(frame.code));
                if !self.announced && code.is_some_and(|code| BACK_SOON.contains(&code)) {
                    self.comes_back.store(true, Ordering::SeqCst);
                }
                return Err("closed by the gateway");
            }
            Some(Err(_)) => return Err("broken"),
            None => return Err("gone"),
        }
        Ok(())
    }

    fn read(&mut self, text: &str) {
        match frame::read(text) {
            Some(Incoming::Response { id, outcome }) => {
                if let Some(reply) = self.waiting.remove(&id) {
                    // Whoever asked may have stopped waiting in this instant.
                    let _ = reply.send(outcome);
                }
            }
            Some(Incoming::Event { name, payload }) => {
                if name == "shutdown" {
                    // One that stops for good names no time.
                    let restarts = payload["restartExpectedMs"].is_number();
                    tracing::info!(gateway.id = %self.gateway_id, restarts, "gateway announces that it stops");
                    self.comes_back.store(restarts, Ordering::SeqCst);
                    self.announced = true;
                }
                self.feed.event(&name, payload, text.len());
            }
            None => {}
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), &'static str> {
        let sending = timeout(WRITE_TIMEOUT, self.socket.send(message));
        let sent = tokio::select! {
            biased;
            // Whoever closes it does not wait for a gateway that takes nothing: by then it may be another replica's.
            () = self.stop.cancelled() => return Err(CLOSED),
            sent = sending => sent,
        };
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err("broken"),
            Err(_) => Err("takes no data"),
        }
    }

    async fn flush(&mut self) -> Result<(), &'static str> {
        let flushing = timeout(WRITE_TIMEOUT, self.socket.flush());
        let flushed = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Err(CLOSED),
            flushed = flushing => flushed,
        };
        match flushed {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err("takes no data"),
        }
    }

    async fn close(&mut self, code: CloseCode, why: &'static str) -> &'static str {
        let frame = CloseFrame {
            code,
            reason: why.into(),
        };
        // Until the gateway has hung up as well: the next session is not to meet this one there. One that is gone cannot take
        // a farewell either.
        let farewell = async {
            if self.socket.close(Some(frame)).await.is_ok() {
                while let Some(Ok(_)) = self.socket.next().await {}
            }
        };
        let _ = timeout(Duration::from_secs(1), farewell).await;
        why
    }
}

#[cfg(test)]
mod tests {
    use chassis::Clock;
    use serde_json::json;
    use tokio_tungstenite::{WebSocketStream, tungstenite::protocol::Role};

    use super::*;

    async fn session(ours: tokio::io::DuplexStream) -> Arc<Session> {
        let socket =
            WebSocketStream::from_raw_socket(Box::new(ours) as _, Role::Client, None).await;
        let hello = json!({"protocol": 4, "server": {"version": "2026.9.6"}});
        let hello = Hello::try_from(hello).unwrap();
        let feed = Arc::new(Feed::new(Clock::system()));
        Session::start(socket, hello, 4, "g", feed)
    }

    #[tokio::test]
    async fn a_gateway_that_takes_nothing_keeps_no_session_open() {
        let (ours, _theirs) = tokio::io::duplex(64);
        let session = session(ours).await;
        let patience = Duration::from_secs(60);
        let asking = tokio::spawn({
            let session = Arc::clone(&session);
            async move {
                let params = json!({"text": "x".repeat(1_000)});
                session.ask("chat.send", &params, patience).await
            }
        });
        tokio::time::sleep(Duration::from_millis(200)).await;
        session.close();
        let ended = timeout(WRITE_TIMEOUT / 2, session.over()).await;
        assert!(ended.is_ok(), "it waits for the gateway to take data");
        assert_eq!(asking.await.unwrap(), Err(Failed::Lost));
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_is_not_sent() {
        let (ours, theirs) = tokio::io::duplex(64);
        let session = session(ours).await;
        let ask = |text: String, patience| {
            let session = Arc::clone(&session);
            tokio::spawn(async move {
                let params = json!({"text": text});
                session.ask("chat.send", &params, patience).await
            })
        };
        let first = ask("x".repeat(1_000), Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(100)).await;
        let late = ask("late".into(), Duration::from_millis(100));
        assert_eq!(late.await.unwrap(), Err(Failed::TimedOut));
        let last = ask("last".into(), Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(100)).await;
        let mut theirs = WebSocketStream::from_raw_socket(theirs, Role::Server, None).await;
        let mut heard = Vec::new();
        while heard.len() < 2 {
            let Some(Ok(Message::Text(text))) = theirs.next().await else {
                panic!("it is gone")
            };
            heard.push(text.to_string());
        }
        assert!(
            heard[0].contains("xxx") && heard[1].contains("last"),
            "{heard:?}"
        );
        session.close();
        assert_eq!(first.await.unwrap(), Err(Failed::Lost));
        assert_eq!(last.await.unwrap(), Err(Failed::Lost));
    }
}
