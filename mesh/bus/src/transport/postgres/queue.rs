//! SQL of the schema `bus`.

use std::time::Duration;

use sqlx::{PgConnection, PgExecutor, Row, postgres::PgRow};

use crate::{
    parking::Parked,
    topic::Topics,
    transport::{Incoming, Message},
};

/// Replaces what a group subscribes to.
pub(super) async fn subscribe(
    conn: &mut PgConnection,
    group: &str,
    topics: &Topics,
) -> sqlx::Result<()> {
    sqlx::query(
        "insert into bus.subscription (consumer_group, pattern, regex)
         select $1, pattern, regex from unnest($2::text[], $3::text[]) as s (pattern, regex)
         on conflict on constraint subscription_pkey do nothing",
    )
    .bind(group)
    .bind(topics.patterns())
    .bind(topics.regexes())
    .execute(&mut *conn)
    .await?;
    sqlx::query("delete from bus.subscription where consumer_group = $1 and pattern <> all($2)")
        .bind(group)
        .bind(topics.patterns())
        .execute(conn)
        .await?;
    Ok(())
}

/// Whether a group is registered for all of these topics.
pub(crate) async fn is_subscribed(
    db: impl PgExecutor<'_>,
    group: &str,
    topics: &Topics,
) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "select array_agg(pattern) @> $2 is true from bus.subscription where consumer_group = $1",
    )
    .bind(group)
    .bind(topics.patterns())
    .fetch_one(db)
    .await
}

/// Queues messages, in order, for every group that subscribes to them, and wakes those groups.
pub(super) async fn publish(db: impl PgExecutor<'_>, messages: Vec<Message>) -> sqlx::Result<()> {
    let (ids, topics, payloads) = Message::columns(messages);
    sqlx::query(
        "with queued as (
             insert into bus.queue (consumer_group, event_id, topic, payload)
             select s.consumer_group, e.event_id, e.topic, e.payload
             from unnest($1::uuid[], $2::text[], $3::bytea[]) with ordinality
                  as e (event_id, topic, payload, position)
             cross join lateral (
                 select distinct consumer_group from bus.subscription where '.' || e.topic ~ regex) s
             order by e.position
             returning consumer_group)
         select pg_notify('bus_' || consumer_group, '') from (select distinct consumer_group from queued) g",
    )
    .bind(ids)
    .bind(topics)
    .bind(payloads)
    .execute(db)
    .await?;
    Ok(())
}

/// What a group may deal with now: retries that are due, then the rest in order.
pub(super) async fn list_due(
    db: impl PgExecutor<'_>,
    group: &str,
    limit: i64,
) -> sqlx::Result<Vec<Incoming>> {
    let rows = sqlx::query(
        "(select id, event_id, topic, payload, attempts from bus.queue
          where consumer_group = $1 and due_at is not null and due_at <= now() order by due_at limit $2)
         union all
         (select id, event_id, topic, payload, attempts from bus.queue
          where consumer_group = $1 and due_at is null order by id limit $2)
         limit $2",
    )
    .bind(group)
    .bind(limit)
    .fetch_all(db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Incoming {
                tag: row.try_get("id")?,
                message: message(row)?,
                attempts: attempts(row)?,
            })
        })
        .collect()
}

/// How long until the next retry of a group is due.
pub(super) async fn next_retry(
    db: impl PgExecutor<'_>,
    group: &str,
) -> sqlx::Result<Option<Duration>> {
    let seconds: Option<f64> = sqlx::query_scalar(
        "select extract(epoch from min(due_at) - clock_timestamp())::float8 from bus.queue
         where consumer_group = $1 and due_at is not null",
    )
    .bind(group)
    .fetch_one(db)
    .await?;
    Ok(seconds.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default()))
}

/// Forgets what a group has dealt with.
pub(super) async fn delete(db: impl PgExecutor<'_>, ids: &[i64]) -> sqlx::Result<()> {
    sqlx::query("delete from bus.queue where id = any($1)")
        .bind(ids)
        .execute(db)
        .await?;
    Ok(())
}

/// Rows to be tried again: which, after how many seconds, why.
#[derive(Default)]
pub(super) struct Retries {
    ids: Vec<i64>,
    pauses: Vec<f64>,
    errors: Vec<String>,
}

impl Retries {
    pub(super) fn push(&mut self, id: i64, after: Duration, error: String) {
        self.ids.push(id);
        self.pauses.push(after.as_secs_f64());
        self.errors.push(error);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

pub(super) async fn retry(db: impl PgExecutor<'_>, retries: Retries) -> sqlx::Result<()> {
    sqlx::query(
        "update bus.queue q
         set attempts = attempts + 1, due_at = clock_timestamp() + make_interval(secs => r.pause), last_error = r.error
         from unnest($1::bigint[], $2::float8[], $3::text[]) as r (id, pause, error)
         where q.id = r.id",
    )
    .bind(retries.ids)
    .bind(retries.pauses)
    .bind(retries.errors)
    .execute(db)
    .await?;
    Ok(())
}

/// Moves rows to where they can be seen.
pub(super) async fn park(
    db: impl PgExecutor<'_>,
    ids: Vec<i64>,
    errors: Vec<String>,
) -> sqlx::Result<()> {
    sqlx::query(
        "with failed as (
             delete from bus.queue q using unnest($1::bigint[], $2::text[]) as f (id, error)
             where q.id = f.id
             returning q.consumer_group, q.event_id, q.topic, q.payload, q.attempts + 1 as attempts, f.error, q.id)
         insert into bus.parked (consumer_group, event_id, topic, payload, attempts, error)
         select consumer_group, event_id, topic, payload, attempts, error from failed order by id",
    )
    .bind(ids)
    .bind(errors)
    .execute(db)
    .await?;
    Ok(())
}

pub(super) async fn list_parked(
    db: impl PgExecutor<'_>,
    group: &str,
    limit: i64,
) -> sqlx::Result<Vec<Parked>> {
    let rows = sqlx::query(
        "select event_id, topic, payload, attempts, error from bus.parked
         where consumer_group = $1 order by id limit $2",
    )
    .bind(group)
    .bind(limit)
    .fetch_all(db)
    .await?;
    rows.iter()
        .map(|row| {
            let Message {
                event_id,
                topic,
                payload,
            } = message(row)?;
            Ok(Parked {
                event_id,
                topic,
                payload,
                attempts: attempts(row)?,
                error: row.try_get("error")?,
            })
        })
        .collect()
}

/// Queues what a group has parked once more, as if it were new.
pub(super) async fn replay(db: impl PgExecutor<'_>, group: &str) -> sqlx::Result<u64> {
    let moved: i64 = sqlx::query_scalar(
        "with unparked as (
             delete from bus.parked where consumer_group = $1 returning id, event_id, topic, payload),
         queued as (
             insert into bus.queue (consumer_group, event_id, topic, payload)
             select $1, event_id, topic, payload from unparked order by id
             returning id)
         select count(*) from queued, pg_notify('bus_' || $1, '')",
    )
    .bind(group)
    .fetch_one(db)
    .await?;
    Ok(moved.unsigned_abs())
}

pub(super) async fn check(db: impl PgExecutor<'_>) -> sqlx::Result<()> {
    sqlx::query("select from bus.subscription limit 1")
        .execute(db)
        .await?;
    Ok(())
}

fn message(row: &PgRow) -> sqlx::Result<Message> {
    Ok(Message {
        event_id: row.try_get("event_id")?,
        topic: row.try_get("topic")?,
        payload: row.try_get("payload")?,
    })
}

fn attempts(row: &PgRow) -> sqlx::Result<u32> {
    Ok(row.try_get::<i32, _>("attempts")?.unsigned_abs())
}
