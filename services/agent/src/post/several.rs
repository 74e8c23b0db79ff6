//! The same errand to many agents, each in its own words.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Direct, due};
use crate::{
    agent::Agent,
    notice::New,
    store::{
        self,
        locks::{self, Matter},
    },
};

/// Writes a message to each of these agents, in the transaction of whatever causes it; answers the agents that stay, each
/// with its notice. Like [`super::write_direct`], with one statement per table.
pub(crate) async fn write_several(
    conn: &mut PgConnection,
    agent_ids: &[Uuid],
    words: impl Fn(&Agent) -> Direct,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<(Agent, Uuid)>> {
    // Their phases and the pauses stand still until the transaction ends.
    let agents = store::leads::keep(conn, agent_ids).await?;
    let board_ids: Vec<Uuid> = agents.iter().filter_map(|agent| agent.board_id).collect();
    locks::keep(conn, Matter::Pause, &board_ids).await?;
    let paused = store::pauses::list(conn, &board_ids).await?;
    let notices: Vec<New> = agents
        .iter()
        .map(|agent| {
            let (id, direct) = (Uuid::now_v7(), words(agent));
            let waits = agent.board_id.is_some_and(|id| paused.contains(&id));
            New {
                id,
                event_id: id,
                organization_id: agent.organization_id,
                board_id: agent.board_id,
                task_id: None,
                agent_id: agent.id,
                from_agent_id: direct.from_agent_id,
                kind: direct.kind,
                message: direct.message,
                held: waits || agent.provisioned_at.is_none(),
                created_at: now,
            }
        })
        .collect();
    store::notices::insert(conn, &notices).await?;
    let deliveries: Vec<_> = notices
        .iter()
        .zip(&agents)
        .filter(|(notice, _)| !notice.held)
        .map(|(notice, agent)| due(notice.id, agent.id, agent.gateway_id, now))
        .collect();
    delivery::enqueue(conn, &deliveries).await?;
    let ids = notices.into_iter().map(|notice| notice.id);
    Ok(agents.into_iter().zip(ids).collect())
}
