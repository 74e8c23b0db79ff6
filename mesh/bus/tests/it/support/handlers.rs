//! Handlers that leave an effect, and fail or wait on demand.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use anyhow::bail;
use async_trait::async_trait;
use proto::event::v1::Event;
use sqlx::PgConnection;
use tokio::sync::Semaphore;

/// Leaves a row in `effect` per event.
#[derive(Clone)]
pub(crate) struct Recorder {
    group: &'static str,
    /// How often an event still fails; `usize::MAX` is for ever.
    failures: Arc<Mutex<HashMap<String, usize>>>,
    panics: bool,
    /// The event before which it waits, and what it waits for.
    gate: Option<(String, Arc<Semaphore>)>,
    /// Gets a permit whenever the gate is reached.
    pub(crate) reached: Arc<Semaphore>,
}

impl Recorder {
    pub(crate) fn new(group: &'static str) -> Self {
        Self {
            group,
            failures: Arc::default(),
            panics: false,
            gate: None,
            reached: Arc::new(Semaphore::new(0)),
        }
    }

    pub(crate) fn failing(self, event: &Event, times: usize) -> Self {
        self.failures
            .lock()
            .unwrap()
            .insert(event.id.clone(), times);
        self
    }

    pub(crate) fn panicking(self) -> Self {
        Self {
            panics: true,
            ..self
        }
    }

    /// Waits for ever when it meets this event.
    pub(crate) fn stuck_at(self, event: &Event) -> Self {
        Self {
            gate: Some((event.id.clone(), Arc::new(Semaphore::new(0)))),
            ..self
        }
    }

    pub(crate) fn mend(&self) {
        self.failures.lock().unwrap().clear();
    }

    fn fails(&self, id: &str) -> bool {
        match self.failures.lock().unwrap().get_mut(id) {
            None | Some(0) => false,
            Some(&mut usize::MAX) => true,
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }
}

#[async_trait]
impl bus::Handler for Recorder {
    async fn handle(&self, tx: &mut PgConnection, event: &Event) -> anyhow::Result<()> {
        sqlx::query("insert into effect (consumer_group, event_id) values ($1, $2)")
            .bind(self.group)
            .bind(&event.id)
            .execute(tx)
            .await?;
        if let Some((id, gate)) = &self.gate
            && *id == event.id
        {
            self.reached.add_permits(1);
            let _ = gate.acquire().await?;
        }
        if self.fails(&event.id) {
            assert!(!self.panics, "a handler that panics");
            bail!("a handler that fails");
        }
        Ok(())
    }
}
