//! What all connections of a gateway share.

use std::{
    borrow::Cow,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::sync::broadcast;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    SimulatorConfig,
    fault::Faults,
    state::{Message, State},
};

/// What is sent to every connection.
#[derive(Clone, Debug)]
pub(crate) enum Broadcast {
    Event(Cow<'static, str>, Value),
    Close(u16, &'static str),
    Drop,
}

pub(crate) struct Hub {
    pub config: SimulatorConfig,
    state: Mutex<State>,
    faults: Mutex<Faults>,
    pub broadcast: broadcast::Sender<Broadcast>,
    pub messages: broadcast::Sender<Message>,
    pub open: AtomicUsize,
    /// Most connections that were open at once.
    pub peak: AtomicUsize,
    pub accepted: AtomicU64,
    pub down: AtomicBool,
    restart_due: AtomicBool,
    pub stop: CancellationToken,
    pub tasks: TaskTracker,
}

impl Hub {
    pub(crate) fn new(config: SimulatorConfig) -> Self {
        Self {
            state: Mutex::new(State::new(config.version)),
            faults: Mutex::new(Faults::default()),
            broadcast: broadcast::channel(1024).0,
            messages: broadcast::channel(1024).0,
            open: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            accepted: AtomicU64::new(0),
            down: AtomicBool::new(false),
            restart_due: AtomicBool::new(false),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            config,
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn tell(&self, broadcast: Broadcast) {
        // Nobody connected: nobody to tell.
        let _ = self.broadcast.send(broadcast);
    }

    /// Restarts after a delay; writes inside the delay share one restart.
    pub(crate) fn restart_after(self: &std::sync::Arc<Self>, delay: Duration) {
        if self.restart_due.swap(true, Ordering::SeqCst) {
            return;
        }
        let hub = std::sync::Arc::clone(self);
        self.tasks.spawn(async move {
            tokio::time::sleep(delay).await;
            hub.restart_due.store(false, Ordering::SeqCst);
            hub.restart().await;
        });
    }

    /// Closes every connection with 1012 and takes none for a while.
    pub(crate) async fn restart(&self) {
        self.down.store(true, Ordering::SeqCst);
        self.tell(Broadcast::Event(
            "shutdown".into(),
            json!({"reason": "gateway restarting", "restartExpectedMs": 1500}),
        ));
        self.tell(Broadcast::Close(1012, "service restart"));
        tokio::time::sleep(self.config.restart_time).await;
        self.down.store(false, Ordering::SeqCst);
    }
}
