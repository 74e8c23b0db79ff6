//! A database, workers that can be killed, and a clock.

pub(crate) mod sender;

use std::time::Duration;

use chassis::Clock;
use chrono::{DateTime, Utc};
use delivery::{Delivery, New, Policy, Recorded, RecordedOutcome, State, Worker};
use serde_json::json;
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::sender::Script;

pub(crate) const QUEUE: &str = "test";
/// How long a worker may be silent before its attempts count as lost.
pub(crate) const LEASE: Duration = Duration::from_secs(10);
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn policy() -> Policy {
    Policy {
        schedule: vec![Duration::from_millis(50), Duration::from_millis(100)],
        concurrency: 8,
        per_target: 2,
        timeout: Duration::from_millis(500),
    }
}

/// The same with more time for an attempt than a lease lasts.
pub(crate) fn patient() -> Policy {
    Policy {
        timeout: Duration::from_secs(60),
        ..policy()
    }
}

pub(crate) struct World {
    pub(crate) pool: PgPool,
    pub(crate) clock: Clock,
    pub(crate) script: Script,
}

/// A worker that dies with its handle.
pub(crate) struct Running(JoinHandle<anyhow::Result<()>>);

impl Running {
    pub(crate) async fn kill(mut self) {
        self.0.abort();
        let _ = (&mut self.0).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl World {
    pub(crate) async fn new(options: PgConnectOptions, clock: Clock) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(10)
            .connect_with(options)
            .await
            .unwrap();
        delivery::migrator().run(&pool).await.unwrap();
        sqlx::query(
            "create table settled (
                 position bigint generated always as identity, delivery_id uuid not null, state text not null)",
        )
        .execute(&pool)
        .await
        .unwrap();
        Self {
            pool,
            clock,
            script: Script::default(),
        }
    }

    pub(crate) fn worker(&self, policy: Policy) -> Running {
        let worker = Worker::new(
            QUEUE,
            self.pool.clone(),
            self.clock.clone(),
            policy,
            self.script.clone(),
        );
        Running(tokio::spawn(worker.run(CancellationToken::new())))
    }

    /// A worker in a process of its own, as far as a thread can be one: with it stalls everything of it. Ends on the token.
    pub(crate) fn process(
        &self,
        policy: Policy,
        token: CancellationToken,
    ) -> std::thread::JoinHandle<()> {
        let options = self.pool.connect_options().as_ref().clone();
        let (clock, script) = (self.clock.clone(), self.script.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let pool = PgPoolOptions::new().connect_with(options).await.unwrap();
                let worker = Worker::new(QUEUE, pool.clone(), clock, policy, script);
                worker.run(token).await.unwrap();
                pool.close().await;
            });
        })
    }

    /// Something to deliver now.
    pub(crate) fn new_to(&self, target: &str) -> New {
        New {
            id: Uuid::now_v7(),
            queue: QUEUE,
            target: target.to_owned(),
            payload: json!({"text": "hello"}),
            due_at: self.clock.now(),
            deadline_at: None,
        }
    }

    pub(crate) async fn enqueue(&self, new: &[New]) {
        let mut tx = self.pool.begin().await.unwrap();
        delivery::enqueue(&mut tx, new).await.unwrap();
        tx.commit().await.unwrap();
    }

    pub(crate) async fn find(&self, id: Uuid) -> Delivery {
        let mut conn = self.pool.acquire().await.unwrap();
        delivery::find(&mut conn, id).await.unwrap().unwrap()
    }

    pub(crate) async fn attempts(&self, id: Uuid) -> Vec<Recorded> {
        let mut conn = self.pool.acquire().await.unwrap();
        delivery::attempts(&mut conn, id).await.unwrap()
    }

    pub(crate) async fn outcomes(&self, id: Uuid) -> Vec<(i32, RecordedOutcome)> {
        self.attempts(id)
            .await
            .into_iter()
            .map(|attempt| (attempt.number, attempt.outcome))
            .collect()
    }

    /// What the owner was told, in order.
    pub(crate) async fn settled(&self, id: Uuid) -> Vec<String> {
        sqlx::query_scalar("select state from settled where delivery_id = $1 order by position")
            .bind(id)
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }

    pub(crate) async fn reaches(&self, id: Uuid, state: State) -> Delivery {
        until(async || self.find(id).await.state == state).await;
        self.find(id).await
    }

    pub(crate) async fn finish(self) {
        self.pool.close().await;
    }
}

/// Waits for something to become true.
pub(crate) async fn until(mut condition: impl AsyncFnMut() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    waited.await.expect("it did not happen in time");
}

/// Some moment, for clocks that stand still.
pub(crate) fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}
