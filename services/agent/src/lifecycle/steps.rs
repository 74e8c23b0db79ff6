//! The steps of a job. Each does its work and records that it is done; each can be repeated.

use anyhow::{Context, anyhow};
use chassis::{Clock, Code, Peer, Seal, fault};
use proto::board::v1::{
    ResolveBoardRequest, board_directory_service_client::BoardDirectoryServiceClient,
};
use secrecy::{ExposeSecret, SecretString};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::Stop;
use crate::{
    agent::Agent,
    connector::{Connector, Letter},
    gateway::Gateway,
    job::{Job, Step},
    store,
    token::Token,
    wire::{self, event},
    workspace::{Facts, Source},
};

/// What the steps need.
pub(crate) struct Steps {
    pub pool: PgPool,
    pub clock: Clock,
    pub seal: Seal,
    pub connector: Connector,
    pub boards: BoardDirectoryServiceClient<Peer>,
    pub base_url: String,
}

/// Where the seal of a token that is still to be written belongs.
fn seal_context(agent_id: Uuid) -> String {
    format!("agent_token/{agent_id}")
}

impl Steps {
    /// Mints the agent's next token, unless one is still to be written, and starts the phase.
    pub(crate) async fn token(&self, job: &Job, agent: &Agent) -> Result<(), Stop> {
        let token = Token::new(agent.id, rand::random());
        let sealed = self.seal.close(
            token.reveal().expose_secret().as_bytes(),
            &seal_context(agent.id),
        );
        let hash = tokio::task::spawn_blocking(move || token.hash())
            .await
            .context("hashing")
            .and_then(|hash| Ok(hash?));
        let hash = hash.map_err(Stop::Internal)?;
        let now = self.clock.now();
        let mut tx = self.pool.begin().await?;
        if !store::jobs::advance(&mut tx, job.id, Step::Token, Step::Ensure).await? {
            return Ok(());
        }
        let ended = store::tokens::prepare(&mut tx, agent.id, &hash, &sealed).await?;
        if ended == Some(true) {
            bus::outbox::append(&mut tx, event::agent_token_changed(agent, now)).await?;
        }
        self.start(&mut tx, job, agent).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Starts the phase of the job, unless it has started.
    async fn start(&self, tx: &mut PgConnection, job: &Job, agent: &Agent) -> Result<(), Stop> {
        let (Some(change), now) = (job.kind.starts(), self.clock.now()) else {
            return Ok(());
        };
        let error = agent.last_error.as_deref();
        let started = store::agents::change_phase(tx, agent.id, change, error, now).await?;
        if let Some(agent) = started {
            let actor = chassis::caller::system_actor();
            let told = event::agent_updated(actor, &agent, &["status"], now);
            bus::outbox::append(tx, told).await?;
        }
        Ok(())
    }

    /// Makes the agent exist on its gateway.
    pub(crate) async fn ensure(&self, job: &Job, agent: &Agent) -> Result<(), Stop> {
        if job.kind.begins() == Step::Ensure {
            let mut tx = self.pool.begin().await?;
            self.start(&mut tx, job, agent).await?;
            tx.commit().await?;
        }
        self.connector
            .ensure(&self.gateway(agent).await?, agent)
            .await?;
        self.done(job, Step::Ensure, job.kind.after_ensuring())
            .await
    }

    /// Makes the agent cease to exist on its gateway.
    pub(crate) async fn remove(&self, job: &Job, agent: &Agent) -> Result<(), Stop> {
        self.connector
            .remove(&self.gateway(agent).await?, agent)
            .await?;
        self.done(job, Step::Remove, Step::Done).await
    }

    /// Whether the agent is to be left alone because its board is paused.
    pub(crate) async fn is_held(&self, agent: &Agent) -> Result<bool, Stop> {
        let Some(board_id) = agent.board_id else {
            return Ok(false);
        };
        let mut conn = self.pool.acquire().await?;
        Ok(!store::pauses::list(&mut conn, &[board_id])
            .await?
            .is_empty())
    }

    /// Renders and writes the files of the workspace.
    pub(crate) async fn files(&self, job: &Job, agent: &Agent) -> Result<(), Stop> {
        let gateway = self.gateway(agent).await?;
        let (board, token) = (self.board(agent).await?, self.unwritten(agent).await?);
        let source = self.source(job, agent, &gateway, board.as_ref(), token.expose_secret());
        let files = source
            .files()
            .context("rendering the files of a workspace")
            .map_err(Stop::Internal)?;
        self.connector.write(&gateway, agent, files).await?;
        let mut tx = self.pool.begin().await?;
        if store::jobs::advance(&mut tx, job.id, Step::Files, Step::Wake).await? {
            store::tokens::written(&mut tx, agent.id).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Starts the agent's session. The key makes a repeated message the same message.
    pub(crate) async fn wake(&self, job: &Job, agent: &Agent) -> Result<(), Stop> {
        let gateway = self.gateway(agent).await?;
        let source = self.source(job, agent, &gateway, None, "");
        let message = source
            .wake()
            .context("rendering a wake message")
            .map_err(Stop::Internal)?;
        let letter = Letter {
            message,
            deliver: true,
            idempotency_key: job.id.to_string(),
        };
        self.connector.tell(&gateway, agent, letter).await?;
        self.done(job, Step::Wake, Step::Done).await
    }

    async fn done(&self, job: &Job, step: Step, next: Step) -> Result<(), Stop> {
        let mut conn = self.pool.acquire().await?;
        store::jobs::advance(&mut conn, job.id, step, next).await?;
        Ok(())
    }

    fn source<'a>(
        &'a self,
        job: &'a Job,
        agent: &'a Agent,
        gateway: &'a Gateway,
        board: Option<&'a Facts>,
        auth_token: &'a str,
    ) -> Source<'a> {
        Source {
            agent,
            gateway_name: &gateway.name,
            workspace_root: &gateway.workspace_root,
            base_url: &self.base_url,
            auth_token,
            board,
            user_name: job.requested_by.as_deref(),
            kind: job.kind,
        }
    }

    async fn gateway(&self, agent: &Agent) -> Result<Gateway, Stop> {
        let mut conn = self.pool.acquire().await?;
        let gateway = store::gateways::find(&mut conn, agent.gateway_id).await?;
        gateway
            .context("an agent's gateway exists")
            .map_err(Stop::Internal)
    }

    async fn board(&self, agent: &Agent) -> Result<Option<Facts>, Stop> {
        let Some(board_id) = agent.board_id else {
            return Ok(None);
        };
        let request = ResolveBoardRequest {
            board_id: board_id.to_string(),
        };
        let answer = self
            .boards
            .clone()
            .resolve_board(request)
            .await
            .map_err(|status| {
                let fault = fault::read(&status);
                match fault.code {
                    Code::NotFound => Stop::BoardGone,
                    _ => Stop::Peer(format!("{}: {}", fault.rest_code(), fault.message)),
                }
            })?;
        let board = answer
            .into_inner()
            .board
            .context("a resolved board")
            .map_err(Stop::Internal)?;
        wire::board::facts(&board).map(Some).map_err(Stop::Internal)
    }

    async fn unwritten(&self, agent: &Agent) -> Result<SecretString, Stop> {
        let mut conn = self.pool.acquire().await?;
        let sealed = store::tokens::unwritten(&mut conn, agent.id).await?;
        let sealed = sealed
            .context("the step before left a token to write")
            .map_err(Stop::Internal)?;
        let opened = self.seal.open(&sealed, &seal_context(agent.id));
        let bytes = opened
            .map_err(|broken| Stop::Internal(anyhow!(broken).context("the token to write")))?;
        let text = String::from_utf8(bytes)
            .context("the token to write")
            .map_err(Stop::Internal)?;
        Ok(text.into())
    }
}
