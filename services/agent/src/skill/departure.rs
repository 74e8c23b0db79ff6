//! What goes with an organization or a gateway.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{check, sync};
use crate::store;

/// Forgets the packs and skills of an organization, and whatever is under way with them.
pub(crate) async fn forget_organization(
    conn: &mut PgConnection,
    organization_id: Uuid,
) -> sqlx::Result<()> {
    delivery::discard(conn, sync::QUEUE, &organization_id.to_string()).await?;
    store::packs::delete_of_organization(conn, organization_id).await?;
    store::skills::delete_of_organization(conn, organization_id).await
}

/// Forgets what gateways that go are to be asked.
pub(crate) async fn forget_gateways(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<()> {
    let checks = store::installs::list_checks(conn, ids, check::QUEUE).await?;
    delivery::discard_all(conn, &checks).await?;
    Ok(())
}
