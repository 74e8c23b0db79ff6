//! What a gateway tells by itself, on its way to whoever watches.

use std::sync::{Arc, Mutex, MutexGuard};

use chassis::Clock;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::sync::broadcast;

use crate::error::Error;

/// Pieces of news that wait for a reader before it counts as too slow.
const ROOM: usize = 256;
/// Bytes of a payload as JSON; a larger one is left out.
const MAX_PAYLOAD: usize = 64 * 1024;
/// Bytes of a name; what has a longer one is no event that a gateway knows.
const MAX_NAME: usize = 100;
/// News that says nothing: the pulse of the connection, and the first words on it.
const UNTOLD: [&str; 2] = ["tick", "connect.challenge"];

/// A piece of news.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// `connected`, `disconnected`, or the gateway's own word.
    pub kind: Arc<str>,
    pub at: DateTime<Utc>,
    pub payload: Option<Arc<Value>>,
}

/// What reaches a watcher.
#[derive(Clone, Debug)]
pub(crate) enum News {
    Told(Told),
    /// Nothing more will come.
    Over(Error),
}

/// The news of one gateway, over all its sessions.
pub(crate) struct Feed {
    clock: Clock,
    sender: broadcast::Sender<News>,
    /// Whether there is a connection, as told last.
    standing: Mutex<Told>,
}

impl Feed {
    pub(crate) fn new(clock: Clock) -> Self {
        let standing = Told {
            kind: "disconnected".into(),
            at: clock.now(),
            payload: None,
        };
        Self {
            clock,
            sender: broadcast::channel(ROOM).0,
            standing: Mutex::new(standing),
        }
    }

    /// How things stand, and everything from then on.
    pub(crate) fn subscribe(&self) -> (Told, broadcast::Receiver<News>) {
        let standing = self.standing();
        (standing.clone(), self.sender.subscribe())
    }

    pub(crate) fn connected(&self, version: &str, protocol: i32) {
        self.stand(
            "connected",
            json!({"version": version, "protocol": protocol}),
        );
    }

    pub(crate) fn disconnected(&self, reason: &str, message: &str) {
        self.stand(
            "disconnected",
            json!({"reason": reason, "message": message}),
        );
    }

    /// Passes an event on. `size` is the length of the frame that it came in.
    pub(crate) fn event(&self, name: &str, payload: Value, size: usize) {
        let is_told = !UNTOLD.contains(&name) && name.len() <= MAX_NAME;
        if !is_told || self.sender.receiver_count() == 0 {
            return;
        }
        // A frame that is small enough needs no second look.
        let fits = size <= MAX_PAYLOAD || payload.to_string().len() <= MAX_PAYLOAD;
        self.send(News::Told(Told {
            kind: name.into(),
            at: self.clock.now(),
            payload: fits.then(|| Arc::new(payload)),
        }));
    }

    /// Tells every watcher that nothing more will come.
    pub(crate) fn over(&self, error: Error) {
        self.send(News::Over(error));
    }

    fn stand(&self, kind: &str, payload: Value) {
        let told = Told {
            kind: kind.into(),
            at: self.clock.now(),
            payload: Some(Arc::new(payload)),
        };
        let mut standing = self.standing();
        *standing = told.clone();
        self.send(News::Told(told));
    }

    fn send(&self, news: News) {
        // Nobody watches: nobody to tell.
        let _ = self.sender.send(news);
    }

    fn standing(&self) -> MutexGuard<'_, Told> {
        self.standing
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(receiver: &mut broadcast::Receiver<News>) -> Told {
        match receiver.try_recv().unwrap() {
            News::Told(told) => told,
            News::Over(error) => panic!("{error}"),
        }
    }

    #[test]
    fn a_newcomer_learns_how_things_stand() {
        let feed = Feed::new(Clock::system());
        assert_eq!(&*feed.subscribe().0.kind, "disconnected");
        feed.connected("2026.7.1", 4);
        let (standing, mut news) = feed.subscribe();
        assert_eq!(&*standing.kind, "connected");
        assert_eq!(
            standing.payload.as_deref(),
            Some(&json!({"version": "2026.7.1", "protocol": 4}))
        );
        assert!(news.try_recv().is_err(), "what stands is not told twice");
    }

    #[test]
    fn pulses_are_kept_back_and_large_payloads_left_out() {
        let feed = Feed::new(Clock::system());
        let (_, mut news) = feed.subscribe();
        feed.event("tick", json!({"ts": 1}), 30);
        feed.event(&"x".repeat(MAX_NAME + 1), json!({}), 200);
        feed.event("chat", json!({"state": "final"}), 60);
        let large = json!({"text": "x".repeat(MAX_PAYLOAD)});
        feed.event("agent", large.clone(), large.to_string().len() + 40);
        // The frame is larger than the limit, what it carries is not.
        let just = json!("x".repeat(MAX_PAYLOAD - 2));
        feed.event("agent", just.clone(), MAX_PAYLOAD + 40);
        let chat = next(&mut news);
        assert_eq!((&*chat.kind, chat.payload.is_some()), ("chat", true));
        assert!(next(&mut news).payload.is_none());
        assert_eq!(next(&mut news).payload.as_deref(), Some(&just));
    }
}
