//! `SoulService`.

use std::time::Duration;

use chassis::{Caller, Clock, Cursor, decode};
use proto::agent::v1::{
    GetAgentSoulRequest, GetAgentSoulResponse, ListSoulRevisionsRequest, ListSoulRevisionsResponse,
    UpdateAgentSoulRequest, UpdateAgentSoulResponse, soul_service_server::SoulService,
};
use sqlx::{PgConnection, PgPool};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{Paging, gateways::person, organization};
use crate::{
    agent::Agent,
    connector::{Connector, Failure},
    error::Error,
    job::Wish,
    lifecycle::Planner,
    phase::Phase,
    soul::{
        self,
        history::{self, Origin},
    },
    store, wire,
};

/// How long a gateway may take to show a file.
const PATIENCE: Duration = Duration::from_secs(20);
/// Characters of where a soul comes from, and of why it is given.
const SOURCE: usize = 2_000;
const REASON: usize = 2_000;
/// How often the agent may change under the hands of who gives it a soul.
const ATTEMPTS: usize = 5;

/// What the RPCs about souls need.
#[derive(Clone)]
pub(crate) struct Souls {
    pub pool: PgPool,
    pub clock: Clock,
    pub connector: Connector,
    pub planner: Planner,
}

/// What somebody gives to an agent.
struct Gift {
    content: String,
    source_url: Option<String>,
    reason: Option<String>,
}

#[tonic::async_trait]
impl SoulService for Souls {
    async fn get_agent_soul(
        &self,
        request: Request<GetAgentSoulRequest>,
    ) -> Result<Response<GetAgentSoulResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let agent = self
            .subject(&caller, &request.agent_id, request.board_id.as_deref())
            .await?;
        if let Caller::Agent(reader) = &caller
            && !reader.is_board_lead
            && reader.id != agent.id
        {
            return Err(Error::OtherAgent.into());
        }
        let content = self.read(&agent).await?;
        Ok(Response::new(GetAgentSoulResponse { content }))
    }

    async fn update_agent_soul(
        &self,
        request: Request<UpdateAgentSoulRequest>,
    ) -> Result<Response<UpdateAgentSoulResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let agent = self
            .subject(&caller, &request.agent_id, request.board_id.as_deref())
            .await?;
        let gift = Gift {
            content: decode::text("content", &request.content, 1, soul::MAX)?,
            source_url: decode::optional_text("source_url", request.source_url.as_deref(), SOURCE)?,
            reason: decode::optional_text("reason", request.reason.as_deref(), REASON)?,
        };
        let (revision_id, written) = self.give(&caller, agent.id, &gift).await?;
        Ok(Response::new(UpdateAgentSoulResponse {
            ok: true,
            written,
            revision_id: revision_id.to_string(),
        }))
    }

    async fn list_soul_revisions(
        &self,
        request: Request<ListSoulRevisionsRequest>,
    ) -> Result<Response<ListSoulRevisionsResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let page = decode::page(request.limit, request.offset, request.page_token.as_deref())?;
        let agent = self
            .subject(&caller, &request.agent_id, request.board_id.as_deref())
            .await?;
        let mut conn = self.pool.acquire().await.map_err(Error::from)?;
        let mut rows = store::souls::list(&mut conn, agent.id, &page.beyond())
            .await
            .map_err(Error::from)?;
        let paging = Paging::of(&page, &mut rows.items, rows.total, |last| Cursor {
            at: last.created_at,
            id: last.id,
        });
        Ok(Response::new(ListSoulRevisionsResponse {
            items: rows.items.iter().map(wire::soul::revision).collect(),
            total: paging.total,
            limit: paging.limit,
            offset: paging.offset,
            next_page_token: paging.next_page_token,
        }))
    }
}

impl Souls {
    /// The agent that is asked about, if the caller may know of it: administrators of any of the organization, an agent of
    /// those of its own board. The main agent of a gateway is on no board.
    async fn subject(
        &self,
        caller: &Caller,
        agent_id: &str,
        board_id: Option<&str>,
    ) -> Result<Agent, Error> {
        let organization_id = organization(caller)?;
        let board_id = decode::optional_id("board_id", board_id)?;
        let id = decode::id("agent_id", agent_id)?;
        let own_board = match caller {
            Caller::Agent(agent) => Some(agent.board_id.ok_or(Error::BoardNotFound)?),
            Caller::User(_) | Caller::Internal { .. } | Caller::Anonymous => None,
        };
        if own_board.is_some() && board_id.is_some() && board_id != own_board {
            return Err(Error::BoardNotFound);
        }
        let mut conn = self.pool.acquire().await?;
        store::agents::find(&mut conn, id)
            .await?
            .filter(|agent| agent.organization_id == organization_id)
            .filter(|agent| board_id.is_none() || agent.board_id == board_id)
            .filter(|agent| own_board.is_none() || agent.board_id == own_board)
            .ok_or(Error::AgentNotFound)
    }

    async fn read(&self, agent: &Agent) -> Result<String, Error> {
        let mut conn = self.pool.acquire().await?;
        let gateway = store::gateways::find(&mut conn, agent.gateway_id)
            .await?
            .ok_or(Error::GatewayNotFound)?;
        drop(conn);
        let read = self.connector.read_file(&gateway, agent, soul::FILE);
        tokio::time::timeout(PATIENCE, read)
            .await
            .unwrap_or_else(|_| Err(Failure::too_late()))?
            .ok_or(Error::SoulNotFound)
    }

    /// Gives an agent a soul; answers its revision, and whether the gateway has it already.
    async fn give(&self, caller: &Caller, id: Uuid, gift: &Gift) -> Result<(Uuid, bool), Error> {
        for _ in 0..ATTEMPTS {
            let mut tx = self.pool.begin().await?;
            if let Some(given) = self.try_give(&mut tx, caller, id, gift).await? {
                tx.commit().await?;
                return Ok(given);
            }
        }
        Err(Error::AgentBusy)
    }

    /// The same, unless the agent changes meanwhile.
    async fn try_give(
        &self,
        conn: &mut PgConnection,
        caller: &Caller,
        id: Uuid,
        gift: &Gift,
    ) -> Result<Option<(Uuid, bool)>, Error> {
        let has_it = |agent: &Agent| agent.soul_template.as_deref() == Some(gift.content.as_str());
        let before = store::agents::find(conn, id).await?;
        let before = before.ok_or(Error::AgentNotFound)?;
        // Jobs are changed before agents, as whoever settles a job does it.
        let followed = if has_it(&before) {
            false
        } else {
            let ids = self.planner.follow_up(conn, &[id], Wish::default()).await?;
            !ids.is_empty()
        };
        let agent = store::agents::lock(conn, id).await?;
        let agent = agent.ok_or(Error::AgentLeaving)?;
        if has_it(&agent) {
            let newest = store::souls::find_newest(conn, id).await?;
            let newest = newest.filter(|newest| newest.content == gift.content);
            let revision_id = match newest {
                Some(newest) => newest.id,
                // It has had it from before there was a history.
                None => self.add(conn, caller, &agent, gift).await?,
            };
            return Ok(Some((revision_id, agent.phase == Phase::Ready)));
        }
        if has_it(&before) {
            return Ok(None);
        }
        let now = self.clock.now();
        let agent = store::souls::give(conn, id, &gift.content, now).await?;
        let (wish, by) = (Wish::default(), person(caller));
        let renewed = self
            .planner
            .renew(conn, &agent, followed, wish, by.as_ref(), now)
            .await?;
        let Some(agent) = renewed else {
            return Ok(None);
        };
        let revision_id = self.add(conn, caller, &agent, gift).await?;
        Ok(Some((revision_id, false)))
    }

    /// Writes the soul into the history, and tells of it.
    async fn add(
        &self,
        conn: &mut PgConnection,
        caller: &Caller,
        agent: &Agent,
        gift: &Gift,
    ) -> Result<Uuid, Error> {
        let (actor, now) = (caller.event_actor(), self.clock.now());
        let origin = Origin {
            source_url: gift.source_url.as_deref(),
            reason: gift.reason.as_deref(),
        };
        let added = history::add(conn, agent, &actor, origin, now).await?;
        let revision = added.ok_or(Error::SoulNotFound)?;
        let event = wire::soul::updated(actor, agent, &revision, now);
        bus::outbox::append(conn, event).await?;
        Ok(revision.id)
    }
}
