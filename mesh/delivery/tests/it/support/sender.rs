//! A sender that does as it is told and remembers what it did.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};

use anyhow::bail;
use async_trait::async_trait;
use delivery::{Attempt, Delivery, Sender};
use sqlx::PgConnection;
use tokio::sync::Semaphore;
use uuid::Uuid;

/// What to do at one attempt.
#[derive(Clone)]
pub(crate) enum Step {
    Answer(Attempt),
    Panic,
    /// Reports success when a permit comes.
    Wait(Arc<Semaphore>),
    /// Reports success when the other end is dropped; nothing else goes on in its thread until then.
    Stall(Arc<Mutex<mpsc::Receiver<()>>>),
}

/// One call of the sender.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) id: Uuid,
    pub(crate) target: String,
    pub(crate) fence: i64,
    pub(crate) at: Instant,
}

#[derive(Clone, Default)]
pub(crate) struct Script(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    steps: HashMap<Uuid, VecDeque<Step>>,
    calls: Vec<Call>,
    takes: Duration,
    in_flight: HashMap<String, usize>,
    most_in_flight: HashMap<String, usize>,
    refusals: usize,
}

impl Script {
    /// What to do at the first attempts of a delivery; those after succeed.
    pub(crate) fn plan(&self, id: Uuid, steps: impl IntoIterator<Item = Step>) {
        self.0
            .lock()
            .unwrap()
            .steps
            .insert(id, steps.into_iter().collect());
    }

    /// How long an attempt takes.
    pub(crate) fn takes(&self, time: Duration) {
        self.0.lock().unwrap().takes = time;
    }

    /// Makes the owner's part of settling fail so often.
    pub(crate) fn refuse_to_settle(&self, times: usize) {
        self.0.lock().unwrap().refusals = times;
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.0.lock().unwrap().calls.clone()
    }

    pub(crate) fn most_in_flight(&self, target: &str) -> usize {
        self.0
            .lock()
            .unwrap()
            .most_in_flight
            .get(target)
            .copied()
            .unwrap_or(0)
    }

    fn begin(&self, delivery: &Delivery) -> (Option<Step>, Duration) {
        let mut state = self.0.lock().unwrap();
        let call = Call {
            id: delivery.id,
            target: delivery.target.clone(),
            fence: delivery.fence,
            at: Instant::now(),
        };
        state.calls.push(call);
        let now = state.in_flight.entry(delivery.target.clone()).or_default();
        *now += 1;
        let now = *now;
        let most = state
            .most_in_flight
            .entry(delivery.target.clone())
            .or_default();
        *most = now.max(*most);
        let step = state
            .steps
            .get_mut(&delivery.id)
            .and_then(VecDeque::pop_front);
        (step, state.takes)
    }

    fn end(&self, delivery: &Delivery) {
        *self
            .0
            .lock()
            .unwrap()
            .in_flight
            .get_mut(&delivery.target)
            .unwrap() -= 1;
    }
}

#[async_trait]
impl Sender for Script {
    async fn send(&self, delivery: &Delivery) -> Attempt {
        let (step, takes) = self.begin(delivery);
        tokio::time::sleep(takes).await;
        let attempt = match step {
            None => Attempt::done(),
            Some(Step::Answer(attempt)) => attempt,
            Some(Step::Panic) => panic!("a sender that panics"),
            Some(Step::Wait(gate)) => {
                gate.acquire().await.unwrap().forget();
                Attempt::done()
            }
            Some(Step::Stall(gate)) => {
                let _dropped = gate.lock().unwrap().recv();
                Attempt::done()
            }
        };
        self.end(delivery);
        attempt
    }

    async fn settled(&self, tx: &mut PgConnection, delivery: &Delivery) -> anyhow::Result<()> {
        sqlx::query("insert into settled (delivery_id, state) values ($1, $2)")
            .bind(delivery.id)
            .bind(delivery.state.word())
            .execute(tx)
            .await?;
        let mut state = self.0.lock().unwrap();
        if state.refusals > 0 {
            state.refusals -= 1;
            bail!("the owner cannot settle");
        }
        Ok(())
    }
}
