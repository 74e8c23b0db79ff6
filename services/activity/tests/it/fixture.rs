//! The service on a database of its own, and an outbox that feeds it.

use std::time::Duration;

use activity::Config;
use bus::Bus;
use chassis::{Caller, Clock, Fault, Peer, Running, Server};
use chrono::{DateTime, Utc};
use proto::{
    activity::v1::{
        ActivityEvent, GetDashboardRequest, GetDashboardResponse, ListActivityRequest,
        ListActivityResponse, WatchRequest, WatchResponse,
        activity_service_client::ActivityServiceClient, feed_service_client::FeedServiceClient,
        metrics_service_client::MetricsServiceClient,
    },
    event::v1::Event,
};
use sqlx::{PgPool, postgres::PgPoolOptions};
use tonic::{Status, Streaming};

/// Longer than anything takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Fixture {
    pub(crate) pool: PgPool,
    pub(crate) clock: Clock,
    pub(crate) running: Running,
}

/// A Sunday, half past ten.
pub(crate) fn start_of_time() -> DateTime<Utc> {
    "2026-11-22T10:30:00Z".parse().unwrap()
}

pub(crate) fn config() -> Config {
    Config {
        feed_buffer: 4096,
        feed_keep_alive: Duration::from_secs(15),
        feed_max_age: Duration::from_secs(900),
        event_retention_every: Duration::from_secs(3600),
    }
}

impl Fixture {
    pub(crate) async fn start(pool: PgPool) -> Self {
        Self::start_with(pool, config()).await
    }

    /// A service that takes old content out of the log soon.
    pub(crate) async fn tidy(pool: PgPool) -> Self {
        let config = Config {
            event_retention_every: Duration::from_millis(20),
            ..config()
        };
        Self::start_with(pool, config).await
    }

    pub(crate) async fn start_with(pool: PgPool, config: Config) -> Self {
        // The pool of the test macro is too narrow for many viewers.
        let pool = PgPoolOptions::new()
            .max_connections(16)
            .connect_with(pool.connect_options().as_ref().clone())
            .await
            .unwrap();
        bus::migrator().run(&pool).await.unwrap();
        bus::install(&pool).await.unwrap();
        activity::MIGRATOR.run(&pool).await.unwrap();
        Self::run(pool, config).await
    }

    /// The same on tables that are there already.
    pub(crate) async fn start_on(pool: PgPool) -> Self {
        bus::migrator().run(&pool).await.unwrap();
        bus::install(&pool).await.unwrap();
        Self::run(pool, config()).await
    }

    async fn run(pool: PgPool, config: Config) -> Self {
        let clock = Clock::fixed(start_of_time());
        let mut server = Server::for_tests(pool.clone(), clock.clone());
        let bus = Bus::for_tests(pool.clone());
        activity::register(&mut server, &bus, config).await.unwrap();
        bus.relay(&mut server, "test", pool.clone());
        Self {
            pool,
            clock,
            running: server.start(),
        }
    }

    pub(crate) async fn stop(self) {
        self.running.stop().await.unwrap();
        // A viewer that nobody reads any more may stand in the middle of a query until the test drops it.
        let _ = tokio::time::timeout(Duration::from_secs(5), self.pool.close()).await;
    }

    /// Another process of the same service on the same database.
    pub(crate) async fn replica(&self) -> Self {
        let (pool, clock) = (self.pool.clone(), self.clock.clone());
        let mut server = Server::for_tests(pool.clone(), clock.clone());
        let bus = Bus::for_tests(pool.clone());
        activity::register(&mut server, &bus, config())
            .await
            .unwrap();
        Self {
            pool,
            clock,
            running: server.start(),
        }
    }

    /// Writes events in one transaction, as a service does.
    pub(crate) async fn tell(&self, events: Vec<Event>) {
        let mut tx = self.pool.begin().await.unwrap();
        bus::outbox::append_all(&mut tx, events).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Waits until the log has this many rows.
    pub(crate) async fn logged(&self, rows: i64) {
        let arrival = async {
            while self.head().await < rows {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, arrival)
            .await
            .expect("the events arrive in time");
        assert_eq!(self.head().await, rows);
    }

    /// Writes events and waits until they are in the log, which holds `rows` afterwards.
    pub(crate) async fn log(&self, events: Vec<Event>, rows: i64) {
        self.tell(events).await;
        self.logged(rows).await;
    }

    /// Puts copies of a row at the end of the log, without chaining them: for tests that need many.
    pub(crate) async fn multiply(&self, sequence: i64, copies: i64) {
        let mut tx = self.pool.begin().await.unwrap();
        sqlx::query(
            "insert into event (sequence, id, organization_id, board_id, task_id, agent_id, type, actor_kind,
                 actor_id, actor_name, occurred_at, message, payload, encoded, hash, format, salt, digest)
             select chain_head.sequence + copy, gen_random_uuid(), organization_id, board_id, task_id, agent_id,
                 type, actor_kind, actor_id, actor_name, occurred_at, message, payload, encoded, event.hash, format,
                 salt, digest
             from event, chain_head, generate_series(1, $2) as copy where event.sequence = $1",
        )
        .bind(sequence)
        .bind(copies)
        .execute(&mut *tx)
        .await
        .unwrap();
        sqlx::query("update chain_head set sequence = sequence + $1")
            .bind(copies)
            .execute(&mut *tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    /// Waits until this many rows of the log say nothing any more.
    pub(crate) async fn redacted(&self, rows: i64) {
        let redacted = async {
            loop {
                let found: i64 =
                    sqlx::query_scalar("select count(*) from event where redacted_at is not null")
                        .fetch_one(&self.pool)
                        .await
                        .unwrap();
                if found >= rows {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let found = tokio::time::timeout(PATIENCE, redacted).await;
        assert_eq!(found.expect("they are redacted in time"), rows);
    }

    pub(crate) async fn head(&self) -> i64 {
        sqlx::query_scalar("select sequence from chain_head")
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    pub(crate) fn client(&self, caller: &Caller) -> Peer {
        self.running.client(caller.clone())
    }

    pub(crate) async fn list(
        &self,
        caller: &Caller,
        request: ListActivityRequest,
    ) -> Result<ListActivityResponse, Status> {
        let mut client = ActivityServiceClient::new(self.client(caller));
        Ok(client.list_activity(request).await?.into_inner())
    }

    /// Everything that a caller's list shows on its first page.
    pub(crate) async fn all(&self, caller: &Caller) -> Vec<ActivityEvent> {
        self.list(caller, ListActivityRequest::default())
            .await
            .unwrap()
            .items
    }

    pub(crate) async fn watch(
        &self,
        caller: &Caller,
        request: WatchRequest,
    ) -> Result<Viewing, Status> {
        let mut client = FeedServiceClient::new(self.client(caller));
        let stream = client.watch(request).await?.into_inner();
        Ok(Viewing {
            stream,
            position: -1,
        })
    }

    pub(crate) async fn dashboard(
        &self,
        caller: &Caller,
        request: GetDashboardRequest,
    ) -> Result<GetDashboardResponse, Status> {
        let mut client = MetricsServiceClient::new(self.client(caller));
        Ok(client.get_dashboard(request).await?.into_inner())
    }
}

/// An open stream.
pub(crate) struct Viewing {
    stream: Streaming<WatchResponse>,
    /// Of the last message.
    pub(crate) position: i64,
}

impl Viewing {
    /// The next message.
    pub(crate) async fn next(&mut self) -> Result<WatchResponse, Status> {
        let next = tokio::time::timeout(PATIENCE, self.stream.message()).await;
        let message = next
            .expect("a message in time")?
            .expect("a stream ends with a status");
        assert!(
            message.sequence >= self.position,
            "{message:?} after {}",
            self.position
        );
        self.position = message.sequence;
        Ok(message)
    }

    /// The first message: where the stream stands.
    pub(crate) async fn ready(&mut self) -> i64 {
        let first = self.next().await.unwrap();
        assert_eq!(first.event, None);
        first.sequence
    }

    /// The next event, past messages that only say where the stream stands.
    pub(crate) async fn event(&mut self) -> (i64, Event) {
        loop {
            let message = self.next().await.unwrap();
            if let Some(event) = message.event {
                return (message.sequence, event);
            }
        }
    }

    /// Positions and types of the next events.
    pub(crate) async fn types(&mut self, count: usize) -> Vec<(i64, String)> {
        let mut found = Vec::new();
        for _ in 0..count {
            let (sequence, event) = self.event().await;
            found.push((sequence, event.r#type));
        }
        found
    }

    /// Why the stream ends, past everything before.
    pub(crate) async fn end(&mut self) -> Fault {
        loop {
            if let Err(status) = self.next().await {
                return chassis::fault::read(&status);
            }
        }
    }
}

/// The failure of a call that has to fail.
pub(crate) fn fault<T>(answer: Result<T, Status>) -> Fault {
    chassis::fault::read(&answer.err().expect("the call fails"))
}

/// The one wrong field of a call that has to fail, and why it is wrong.
pub(crate) fn violation<T>(answer: Result<T, Status>) -> (String, String) {
    let fault = fault(answer);
    assert_eq!(
        (fault.code, fault.fields.len()),
        (chassis::Code::Invalid, 1),
        "{fault:?}"
    );
    (
        fault.fields[0].field.clone(),
        fault.fields[0].reason.clone(),
    )
}
