//! Brings notices to agents: events become notices, a queue sends them, and each says what became of it.
//!
//! A notice is a row in the transaction that takes in the event, and so is its delivery on the queue [`QUEUE`]. A notice to
//! an agent that was never put in place has no delivery yet; it gets one in the transaction that makes the agent ready.
//! The same holds while its board is paused: see [`crate::pause`].

mod letter;
mod several;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use proto::event::v1::Event;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    agent::Agent,
    notice::{
        Kind, New,
        audience::Candidate,
        text::{self, Reader},
    },
    pause,
    store::{self, agents::Audience},
    wire::news::{self, News, Rule},
};

pub(crate) use letter::Carrier;
pub(crate) use several::write_several;

/// Queue of notices; its targets are gateways.
pub(crate) const QUEUE: &str = "notice";
/// Where notices about paused boards wait. Nobody works it.
pub(crate) const PUT_ASIDE: &str = "notice_put_aside";

/// Writes notices when something happens.
pub(crate) struct Desk {
    /// Where agents reach Mission Control.
    pub base_url: String,
}

impl Desk {
    /// Writes the notices that an event causes.
    pub(crate) async fn write(
        &self,
        conn: &mut PgConnection,
        event: &Event,
        now: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        let news = news::read(event)?;
        let Some(first) = news.first() else {
            return Ok(());
        };
        let board_ids: Vec<Uuid> = news.iter().flat_map(News::board_ids).copied().collect();
        let named: Vec<Uuid> = news.iter().flat_map(News::named).collect();
        let audience = Audience {
            organization_id: first.organization_id,
            board_ids: &board_ids,
            everybody: news.iter().any(News::is_for_everybody),
            named: &named,
        };
        let agents = store::agents::list_audience(conn, audience).await?;
        if agents.is_empty() {
            return Ok(());
        }
        let paused = store::pauses::list(conn, &board_ids).await?;
        let notices: Vec<New> = news
            .iter()
            .flat_map(|news| self.compose(news, &agents, &paused, now))
            .collect();
        let inserted: HashSet<Uuid> = store::notices::insert(conn, &notices)
            .await?
            .into_iter()
            .collect();
        let gateways: HashMap<Uuid, Uuid> = agents
            .iter()
            .map(|agent| (agent.id, agent.gateway_id))
            .collect();
        let due: Vec<_> = notices
            .iter()
            .filter(|notice| !notice.held && inserted.contains(&notice.id))
            .filter_map(|notice| {
                let gateway_id = gateways.get(&notice.agent_id)?;
                Some(due(notice.id, notice.agent_id, *gateway_id, now))
            })
            .collect();
        delivery::enqueue(conn, &due).await?;
        Ok(())
    }

    /// The notices that one piece of news causes, given the agents that can have to be told.
    fn compose<'a>(
        &'a self,
        news: &'a News,
        agents: &'a [Agent],
        paused: &'a [Uuid],
        now: DateTime<Utc>,
    ) -> impl Iterator<Item = New> + 'a {
        recipients(news, agents)
            .into_iter()
            .filter_map(move |(agent, kind)| {
                let board_id = agent.board_id?;
                let reader = Reader {
                    board_id,
                    mentioned: news.mentioned().contains(&agent.id),
                    base_url: &self.base_url,
                };
                let waits = kind.waits_for_board() && paused.contains(&board_id);
                Some(New {
                    id: Uuid::now_v7(),
                    event_id: news.event_id,
                    organization_id: news.organization_id,
                    board_id: Some(board_id),
                    task_id: news.task_id,
                    agent_id: agent.id,
                    from_agent_id: None,
                    kind,
                    message: text::compose(kind, reader, &news.subject),
                    held: waits || agent.provisioned_at.is_none(),
                    created_at: now,
                })
            })
    }
}

/// What one agent is told because somebody said so.
#[derive(Clone, Debug)]
pub(crate) struct Direct {
    pub kind: Kind,
    pub message: String,
    pub from_agent_id: Option<Uuid>,
}

/// Writes a message to one agent, in the transaction of whatever causes it. It waits while the agent is not in place or its
/// board is paused. Answers the notice.
pub(crate) async fn write_direct(
    conn: &mut PgConnection,
    agent: &Agent,
    direct: Direct,
    now: DateTime<Utc>,
) -> sqlx::Result<Uuid> {
    write_about(conn, agent, agent.board_id, direct, now).await
}

/// The same about a board that need not be the agent's own.
pub(crate) async fn write_about(
    conn: &mut PgConnection,
    agent: &Agent,
    board_id: Option<Uuid>,
    direct: Direct,
    now: DateTime<Utc>,
) -> sqlx::Result<Uuid> {
    // Its phase and the pause stand still until the transaction ends.
    let agent = store::agents::keep(conn, agent.id)
        .await?
        .ok_or(sqlx::Error::RowNotFound)?;
    let paused = match board_id {
        Some(board_id) => pause::is_on(conn, board_id).await?,
        None => false,
    };
    let id = Uuid::now_v7();
    let held = paused || agent.provisioned_at.is_none();
    let new = New {
        id,
        event_id: id,
        organization_id: agent.organization_id,
        board_id,
        task_id: None,
        agent_id: agent.id,
        from_agent_id: direct.from_agent_id,
        kind: direct.kind,
        message: direct.message,
        held,
        created_at: now,
    };
    store::notices::insert(conn, &[new]).await?;
    if !held {
        delivery::enqueue(conn, &[due(id, agent.id, agent.gateway_id, now)]).await?;
    }
    Ok(id)
}

/// Who is told what.
fn recipients<'a>(news: &News, agents: &'a [Agent]) -> Vec<(&'a Agent, Kind)> {
    match &news.rule {
        Rule::Happening {
            board_id,
            happening,
        } => {
            let of_board = |agent: &&Agent| agent.board_id == Some(*board_id);
            let lead = agents
                .iter()
                .filter(of_board)
                .find(|agent| agent.is_board_lead);
            let told = happening.told(lead.map(|lead| lead.id));
            told.into_iter()
                .filter_map(|(id, kind)| {
                    let agent = agents
                        .iter()
                        .filter(of_board)
                        .find(|agent| agent.id == id)?;
                    Some((agent, kind))
                })
                .collect()
        }
        Rule::Audience(audience) => agents
            .iter()
            .filter(|agent| {
                audience.includes(&Candidate {
                    id: agent.id,
                    board_id: agent.board_id,
                    is_lead: agent.is_board_lead,
                })
            })
            .map(|agent| (agent, audience.kind))
            .collect(),
    }
}

/// Sends what waited for the agent, in the transaction that makes it ready.
pub(crate) async fn release(
    conn: &mut PgConnection,
    agent: &Agent,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    if let Some(board_id) = agent.board_id {
        pause::keep(conn, board_id).await?;
    }
    let released = store::notices::release_of_agent(conn, agent.id).await?;
    let due: Vec<_> = released
        .into_iter()
        .map(|id| due(id, agent.id, agent.gateway_id, now))
        .collect();
    delivery::enqueue(conn, &due).await
}

pub(crate) fn due(id: Uuid, agent_id: Uuid, gateway_id: Uuid, now: DateTime<Utc>) -> delivery::New {
    delivery::New {
        id,
        queue: QUEUE,
        target: gateway_id.to_string(),
        payload: serde_json::json!({"agent_id": agent_id}),
        due_at: now,
        deadline_at: None,
    }
}
