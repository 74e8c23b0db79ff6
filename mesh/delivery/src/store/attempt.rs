//! The table `delivery_attempt`.

use sqlx::PgConnection;
use uuid::Uuid;

use super::row;
use crate::attempt::Recorded;

pub(crate) async fn insert(
    conn: &mut PgConnection,
    delivery_id: Uuid,
    attempt: &Recorded,
) -> sqlx::Result<()> {
    sqlx::query(
        "insert into delivery_attempt (delivery_id, number, started_at, duration_ms, outcome, error, response_status,
             response_body)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(delivery_id)
    .bind(attempt.number)
    .bind(attempt.started_at)
    .bind(attempt.duration_ms)
    .bind(attempt.outcome.word())
    .bind(&attempt.error)
    .bind(attempt.response_status)
    .bind(&attempt.response_body)
    .execute(conn)
    .await?;
    Ok(())
}

pub(crate) async fn list(
    conn: &mut PgConnection,
    delivery_id: Uuid,
) -> sqlx::Result<Vec<Recorded>> {
    let rows = sqlx::query(
        "select number, started_at, duration_ms, outcome, error, response_status, response_body
         from delivery_attempt where delivery_id = $1 order by number",
    )
    .bind(delivery_id)
    .fetch_all(conn)
    .await?;
    rows.iter().map(row::recorded).collect()
}
