//! The table `outbox`.

use sqlx::{PgConnection, PgExecutor, Row};

use crate::transport::Message;

/// A row that waits for the relay.
pub(crate) struct Pending {
    pub(crate) id: i64,
    pub(crate) message: Message,
    /// How long it has waited, seconds.
    pub(crate) age: f64,
}

/// Appends rows in order and wakes the relay when the transaction commits.
pub(crate) async fn insert(conn: &mut PgConnection, messages: Vec<Message>) -> sqlx::Result<()> {
    let (ids, topics, payloads) = Message::columns(messages);
    sqlx::query(
        "with added as (
             insert into outbox (event_id, topic, payload)
             select event_id, topic, payload
             from unnest($1::uuid[], $2::text[], $3::bytea[]) with ordinality
                  as e (event_id, topic, payload, position)
             order by position)
         select pg_notify('outbox_' || current_schema(), '')",
    )
    .bind(ids)
    .bind(topics)
    .bind(payloads)
    .execute(conn)
    .await?;
    Ok(())
}

/// The oldest rows, in order.
pub(crate) async fn list(db: impl PgExecutor<'_>, limit: i64) -> sqlx::Result<Vec<Pending>> {
    let rows = sqlx::query(
        "select id, event_id, topic, payload, extract(epoch from clock_timestamp() - created_at)::float8 as age
         from outbox order by id limit $1",
    )
    .bind(limit)
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Pending {
                id: row.try_get("id")?,
                message: Message {
                    event_id: row.try_get("event_id")?,
                    topic: row.try_get("topic")?,
                    payload: row.try_get("payload")?,
                },
                age: row.try_get("age")?,
            })
        })
        .collect()
}

/// Forgets rows that the transport holds.
pub(crate) async fn delete(db: impl PgExecutor<'_>, ids: &[i64]) -> sqlx::Result<()> {
    sqlx::query("delete from outbox where id = any($1)")
        .bind(ids)
        .execute(db)
        .await?;
    Ok(())
}

pub(crate) async fn count(conn: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar("select count(*) from outbox")
        .fetch_one(conn)
        .await
}
