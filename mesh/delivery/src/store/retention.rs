//! The table `delivery_retention`.

use sqlx::PgConnection;
use uuid::Uuid;

/// An organization that does not keep what is settled for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Keeping {
    pub(crate) organization_id: Uuid,
    pub(crate) days: i32,
}

pub(crate) async fn set(
    conn: &mut PgConnection,
    organization_id: Uuid,
    days: Option<i32>,
) -> sqlx::Result<()> {
    let query = match days {
        Some(days) => sqlx::query(
            "insert into delivery_retention (organization_id, days) values ($1, $2)
             on conflict on constraint delivery_retention_pkey do update set days = excluded.days",
        )
        .bind(organization_id)
        .bind(days),
        None => sqlx::query("delete from delivery_retention where organization_id = $1")
            .bind(organization_id),
    };
    query.execute(conn).await?;
    Ok(())
}

/// Up to `limit` of them after one, by id.
pub(crate) async fn list(
    conn: &mut PgConnection,
    after: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<Keeping>> {
    sqlx::query_as(
        "select organization_id, days from delivery_retention
         where $1::uuid is null or organization_id > $1
         order by organization_id
         limit $2",
    )
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await
}
