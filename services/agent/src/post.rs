//! Brings notices to agents: a consumer writes them, a queue sends them, and each says what became of it.
//!
//! A notice is a row in the transaction that takes in the event, and so is its delivery on the queue [`QUEUE`]. A notice to
//! an agent that was never put in place has no delivery yet; it gets one in the transaction that makes the agent ready.

mod letter;

use async_trait::async_trait;
use bus::Handler;
use chassis::Clock;
use chrono::{DateTime, Utc};
use proto::event::v1::Event;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    agent::Agent,
    notice::{New, text},
    store,
    wire::news::{self, News},
};

pub(crate) use letter::Carrier;

/// Queue of notices; its targets are gateways.
pub(crate) const QUEUE: &str = "notice";

/// Writes notices when something happens.
pub(crate) struct Desk {
    pub clock: Clock,
}

#[async_trait]
impl Handler for Desk {
    async fn handle(&self, tx: &mut PgConnection, event: &Event) -> anyhow::Result<()> {
        let Some(news) = news::read(event)? else {
            return Ok(());
        };
        let named = news.happening.named();
        let agents =
            store::agents::list_recipients(tx, news.organization_id, news.board_id, &named).await?;
        let now = self.clock.now();
        let notices = write(&news, &agents, now);
        let inserted = store::notices::insert(tx, &notices).await?;
        let due: Vec<_> = notices
            .iter()
            .filter(|notice| !notice.held && inserted.contains(&notice.id))
            .filter_map(|notice| {
                agents
                    .iter()
                    .find(|agent| agent.id == notice.agent_id)
                    .map(|agent| (notice.id, agent))
            })
            .map(|(id, agent)| due(id, agent, now))
            .collect();
        delivery::enqueue(tx, &due).await?;
        Ok(())
    }
}

/// The notices that a happening causes, given the board's lead and the agents that it names.
fn write(news: &News, agents: &[Agent], now: DateTime<Utc>) -> Vec<New> {
    let lead = agents
        .iter()
        .find(|agent| agent.is_board_lead)
        .map(|agent| agent.id);
    let told = news.happening.told(lead);
    let known = |id: Uuid| agents.iter().find(|agent| agent.id == id);
    told.into_iter()
        .filter_map(|(recipient, kind)| known(recipient).map(|agent| (agent, kind)))
        .map(|(agent, kind)| {
            let mentioned = news.happening.mentioned().contains(&agent.id);
            New {
                id: Uuid::now_v7(),
                event_id: news.event_id,
                organization_id: news.organization_id,
                board_id: news.board_id,
                task_id: news.task_id,
                agent_id: agent.id,
                kind,
                message: text::compose(kind, news.board_id, &news.subject, mentioned),
                held: agent.provisioned_at.is_none(),
                created_at: now,
            }
        })
        .collect()
}

/// Sends what waited for the agent, in the transaction that makes it ready.
pub(crate) async fn release(
    conn: &mut PgConnection,
    agent: &Agent,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let released = store::notices::release(conn, agent.id).await?;
    let due: Vec<_> = released.into_iter().map(|id| due(id, agent, now)).collect();
    delivery::enqueue(conn, &due).await
}

fn due(id: Uuid, agent: &Agent, now: DateTime<Utc>) -> delivery::New {
    delivery::New {
        id,
        queue: QUEUE,
        target: agent.gateway_id.to_string(),
        payload: serde_json::json!({"agent_id": agent.id}),
        due_at: now,
        deadline_at: None,
    }
}
