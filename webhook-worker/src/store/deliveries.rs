//! The table `webhook_delivery`: what is told to whom. Attempts are kept by [`delivery`] under the same ids.

use chassis::Page;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use crate::delivery_state::DeliveryState;

/// What endpoints are told of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told<'a> {
    pub event_id: Uuid,
    pub event_type: &'a str,
    pub body: String,
    pub at: DateTime<Utc>,
}

/// One event for one endpoint, without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub id: Uuid,
    pub webhook_endpoint_id: Uuid,
    pub event_id: Uuid,
    pub event_type: String,
    pub state: DeliveryState,
    pub created_at: DateTime<Utc>,
}

/// What an attempt needs.
#[derive(sqlx::FromRow)]
pub(crate) struct Letter {
    pub webhook_endpoint_id: Uuid,
    pub url: String,
    pub enabled: bool,
    /// Sealed.
    pub secret: Vec<u8>,
    pub body: String,
}

impl sqlx::FromRow<'_, PgRow> for Listed {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            webhook_endpoint_id: row.try_get("webhook_endpoint_id")?,
            event_id: row.try_get("event_id")?,
            event_type: row.try_get("event_type")?,
            state: DeliveryState::of(row.try_get("state")?),
            created_at: row.try_get("created_at")?,
        })
    }
}

/// Stores what is told to each of these endpoints under the id beside it.
pub(crate) async fn insert(
    conn: &mut PgConnection,
    ids: &[Uuid],
    endpoints: &[Uuid],
    told: &Told<'_>,
) -> sqlx::Result<()> {
    sqlx::query(
        "insert into webhook_delivery (id, webhook_endpoint_id, event_id, event_type, body, state, created_at)
         select id, webhook_endpoint_id, $3, $4, $5, 'waiting', $6
         from unnest($1::uuid[], $2::uuid[]) as new (id, webhook_endpoint_id)",
    )
    .bind(ids)
    .bind(endpoints)
    .bind(told.event_id)
    .bind(told.event_type)
    .bind(&told.body)
    .bind(told.at)
    .execute(conn)
    .await?;
    Ok(())
}

pub(crate) async fn find_letter(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Letter>> {
    sqlx::query_as(
        "select d.webhook_endpoint_id, e.url, e.enabled, e.secret, d.body
         from webhook_delivery d join webhook_endpoint e on e.id = d.webhook_endpoint_id
         where d.id = $1",
    )
    .bind(id)
    .fetch_optional(conn)
    .await
}

pub(crate) async fn update_state(
    conn: &mut PgConnection,
    id: Uuid,
    state: DeliveryState,
) -> sqlx::Result<()> {
    sqlx::query("update webhook_delivery set state = $2 where id = $1")
        .bind(id)
        .bind(state.word())
        .execute(conn)
        .await?;
    Ok(())
}

/// One delivery with its body.
pub(crate) async fn find(
    conn: &mut PgConnection,
    webhook_endpoint_id: Uuid,
    id: Uuid,
) -> sqlx::Result<Option<(Listed, String)>> {
    let row = sqlx::query(
        "select id, webhook_endpoint_id, event_id, event_type, state, created_at, body
         from webhook_delivery where id = $1 and webhook_endpoint_id = $2",
    )
    .bind(id)
    .bind(webhook_endpoint_id)
    .fetch_optional(conn)
    .await?;
    row.map(|row| Ok((sqlx::FromRow::from_row(&row)?, row.try_get("body")?)))
        .transpose()
}

/// Deliveries of an endpoint, newest first.
pub(crate) async fn list(
    conn: &mut PgConnection,
    webhook_endpoint_id: Uuid,
    state: Option<DeliveryState>,
    page: &Page,
) -> sqlx::Result<Vec<Listed>> {
    sqlx::query_as(
        "select id, webhook_endpoint_id, event_id, event_type, state, created_at
         from webhook_delivery
         where webhook_endpoint_id = $1
           and ($2::text is null or state = $2)
           and ($3::timestamptz is null or (created_at, id) < ($3, $4))
         order by created_at desc, id desc
         limit $5 offset $6",
    )
    .bind(webhook_endpoint_id)
    .bind(state.map(DeliveryState::word))
    .bind(page.after.map(|cursor| cursor.at))
    .bind(page.after.map(|cursor| cursor.id))
    .bind(page.limit)
    .bind(page.offset)
    .fetch_all(conn)
    .await
}

pub(crate) async fn count(
    conn: &mut PgConnection,
    webhook_endpoint_id: Uuid,
    state: Option<DeliveryState>,
) -> sqlx::Result<i64> {
    sqlx::query_scalar(
        "select count(*) from webhook_delivery
         where webhook_endpoint_id = $1 and ($2::text is null or state = $2)",
    )
    .bind(webhook_endpoint_id)
    .bind(state.map(DeliveryState::word))
    .fetch_one(conn)
    .await
}
