//! Agents that go because somebody deletes their gateway.

use chrono::{DateTime, Utc};
use proto::event::v1::Actor;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Departure, delete, delete_empty_gateways, requester};
use crate::{gateway::Gateway, store::departures, store::gateways};

impl Departure {
    /// A gateway that is held against everybody, on which nobody lives but its main agent and those that go. It goes with
    /// the last of them; by force all of them go at once.
    pub(crate) async fn of_gateway(
        &self,
        conn: &mut PgConnection,
        gateway: &Gateway,
        actor: &Actor,
        force: bool,
        now: DateTime<Utc>,
    ) -> sqlx::Result<()> {
        gateways::leave(conn, gateway.id, now).await?;
        let agents = ids(conn, gateway.id).await?;
        if force {
            delete(conn, &agents, actor.clone(), now).await?;
        } else {
            let by = requester(actor);
            self.begin(conn, &agents, actor, Some(&by), now).await?;
        }
        delete_empty_gateways(conn, &[gateway.id], actor, now).await
    }
}

/// Whoever settles a job holds its delivery before it holds the gateway. So does whoever forgets the agents of a gateway
/// by force: this comes before the gateway is held.
pub(crate) async fn forget_deliveries(
    conn: &mut PgConnection,
    gateway_id: Uuid,
) -> sqlx::Result<()> {
    let agents = ids(conn, gateway_id).await?;
    let known = departures::list_deliveries(conn, &agents).await?;
    delivery::discard_all(conn, &known).await?;
    Ok(())
}

async fn ids(conn: &mut PgConnection, gateway_id: Uuid) -> sqlx::Result<Vec<Uuid>> {
    let agents = gateways::list_agents(conn, gateway_id).await?;
    Ok(agents.iter().map(|agent| agent.id).collect())
}
