//! The table `webhook_endpoint`, and how many of its rows an organization may have.

use chassis::Page;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::endpoint::Endpoint;

macro_rules! columns {
    () => {
        "id, organization_id, board_id, url, description, event_types, enabled, created_at, updated_at"
    };
}

/// What an event is about, as far as endpoints choose by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    pub organization_id: Uuid,
    pub board_id: Option<Uuid>,
    /// Every pattern that admits its type.
    pub patterns: Vec<String>,
}

/// Stores an endpoint with its sealed secret. Fails on `webhook_quota_limit` when the organization has too many; whoever
/// creates one at the same time waits.
pub(crate) async fn insert(
    conn: &mut PgConnection,
    endpoint: &Endpoint,
    secret: &[u8],
) -> sqlx::Result<()> {
    sqlx::query(
        "insert into webhook_quota (organization_id, endpoints) values ($1, 1)
         on conflict (organization_id) do update set endpoints = webhook_quota.endpoints + 1",
    )
    .bind(endpoint.organization_id)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "insert into webhook_endpoint (id, organization_id, board_id, url, description, event_types, enabled, secret,
             created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(endpoint.id)
    .bind(endpoint.organization_id)
    .bind(endpoint.board_id)
    .bind(&endpoint.url)
    .bind(&endpoint.description)
    .bind(&endpoint.event_types)
    .bind(endpoint.enabled)
    .bind(secret)
    .bind(endpoint.created_at)
    .bind(endpoint.updated_at)
    .execute(conn)
    .await?;
    Ok(())
}

pub(crate) async fn find(
    conn: &mut PgConnection,
    organization_id: Uuid,
    id: Uuid,
) -> sqlx::Result<Option<Endpoint>> {
    sqlx::query_as(concat!(
        "select ",
        columns!(),
        " from webhook_endpoint where id = $1 and organization_id = $2"
    ))
    .bind(id)
    .bind(organization_id)
    .fetch_optional(conn)
    .await
}

/// The same, and nobody else updates or deletes it until the transaction ends.
pub(crate) async fn find_for_update(
    conn: &mut PgConnection,
    organization_id: Uuid,
    id: Uuid,
) -> sqlx::Result<Option<Endpoint>> {
    sqlx::query_as(concat!(
        "select ",
        columns!(),
        " from webhook_endpoint where id = $1 and organization_id = $2 for no key update"
    ))
    .bind(id)
    .bind(organization_id)
    .fetch_optional(conn)
    .await
}

/// Endpoints of an organization, newest first.
pub(crate) async fn list(
    conn: &mut PgConnection,
    organization_id: Uuid,
    board_id: Option<Uuid>,
    page: &Page,
) -> sqlx::Result<Vec<Endpoint>> {
    sqlx::query_as(concat!(
        "select ",
        columns!(),
        " from webhook_endpoint
         where organization_id = $1
           and ($2::uuid is null or board_id = $2)
           and ($3::timestamptz is null or (created_at, id) < ($3, $4))
         order by created_at desc, id desc
         limit $5 offset $6"
    ))
    .bind(organization_id)
    .bind(board_id)
    .bind(page.after.map(|cursor| cursor.at))
    .bind(page.after.map(|cursor| cursor.id))
    .bind(page.limit)
    .bind(page.offset)
    .fetch_all(conn)
    .await
}

pub(crate) async fn count(
    conn: &mut PgConnection,
    organization_id: Uuid,
    board_id: Option<Uuid>,
) -> sqlx::Result<i64> {
    sqlx::query_scalar(
        "select count(*) from webhook_endpoint
         where organization_id = $1 and ($2::uuid is null or board_id = $2)",
    )
    .bind(organization_id)
    .bind(board_id)
    .fetch_one(conn)
    .await
}

/// The enabled endpoints that an event is for. They cannot be deleted until the transaction ends, nor are they locked
/// otherwise.
pub(crate) async fn list_subscribed(
    conn: &mut PgConnection,
    subject: &Subject,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "select id from webhook_endpoint
         where organization_id = $1 and enabled and (board_id is null or board_id = $2) and event_types && $3
         order by id
         for key share",
    )
    .bind(subject.organization_id)
    .bind(subject.board_id)
    .bind(&subject.patterns)
    .fetch_all(conn)
    .await
}

/// Stores what may change of an endpoint.
pub(crate) async fn update(conn: &mut PgConnection, endpoint: &Endpoint) -> sqlx::Result<()> {
    sqlx::query(
        "update webhook_endpoint
         set url = $2, description = $3, event_types = $4, enabled = $5, updated_at = $6
         where id = $1",
    )
    .bind(endpoint.id)
    .bind(&endpoint.url)
    .bind(&endpoint.description)
    .bind(&endpoint.event_types)
    .bind(endpoint.enabled)
    .bind(endpoint.updated_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Which endpoints of an organization are to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doomed {
    One(Uuid),
    OfBoard(Uuid),
    All,
}

/// Deletes endpoints with their deliveries; how many. What is being consumed for them is waited for.
pub(crate) async fn delete(
    conn: &mut PgConnection,
    organization_id: Uuid,
    doomed: Doomed,
) -> sqlx::Result<usize> {
    let (id, board_id) = match doomed {
        Doomed::One(id) => (Some(id), None),
        Doomed::OfBoard(board_id) => (None, Some(board_id)),
        Doomed::All => (None, None),
    };
    let found: Vec<Uuid> = sqlx::query_scalar(
        "select id from webhook_endpoint
         where organization_id = $1 and ($2::uuid is null or id = $2) and ($3::uuid is null or board_id = $3)
         order by id
         for update",
    )
    .bind(organization_id)
    .bind(id)
    .bind(board_id)
    .fetch_all(&mut *conn)
    .await?;
    if found.is_empty() {
        return Ok(0);
    }
    sqlx::query(
        "delete from delivery using webhook_delivery
         where webhook_delivery.webhook_endpoint_id = any ($1) and webhook_delivery.id = delivery.id",
    )
    .bind(&found)
    .execute(&mut *conn)
    .await?;
    sqlx::query("delete from webhook_endpoint where id = any ($1)")
        .bind(&found)
        .execute(&mut *conn)
        .await?;
    sqlx::query(
        "update webhook_quota set endpoints = endpoints - cardinality($2::uuid[]) where organization_id = $1",
    )
    .bind(organization_id)
    .bind(&found)
    .execute(conn)
    .await?;
    Ok(found.len())
}

/// Forgets how many endpoints an organization that is gone had.
pub(crate) async fn delete_quota(
    conn: &mut PgConnection,
    organization_id: Uuid,
) -> sqlx::Result<()> {
    sqlx::query("delete from webhook_quota where organization_id = $1")
        .bind(organization_id)
        .execute(conn)
        .await?;
    Ok(())
}
