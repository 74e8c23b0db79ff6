//! The steps of a job. Each does its work and records that it is done; each can be repeated.

use anyhow::Context;
use chassis::{Clock, Code, Peer, Seal, encode, fault};
use proto::{
    board::v1::{ResolveBoardRequest, board_directory_service_client::BoardDirectoryServiceClient},
    org::v1::{ResolveProfileRequest, identity_service_client::IdentityServiceClient},
};
use secrecy::ExposeSecret;
use sqlx::{PgConnection, PgPool};

use super::Stop;
use crate::{
    agent::Agent,
    connector::{Connector, Letter},
    gateway::Gateway,
    job::{Job, Step},
    soul::role::RoleSouls,
    store,
    token::keep::{self, Minted},
    waking::Waker,
    wire::{self, event},
    workspace::{self, Facts, Person, Source},
};

/// What the steps need.
pub(crate) struct Steps {
    pub pool: PgPool,
    pub clock: Clock,
    pub seal: Seal,
    pub connector: Connector,
    pub boards: BoardDirectoryServiceClient<Peer>,
    pub people: IdentityServiceClient<Peer>,
    pub waker: Waker,
    pub souls: RoleSouls,
    pub base_url: String,
}

impl Steps {
    /// Mints a token, if one is wanted and none waits to be written, or if none is known; and starts the phase.
    pub(crate) async fn token(&self, job: &Job, agent: &Agent) -> Result<(), Stop> {
        let mut conn = self.pool.acquire().await?;
        let newest = store::tokens::find_newest(&mut conn, agent.id).await?;
        drop(conn);
        let (sealed, is_written) = newest
            .map(|newest| (newest.newest_sealed, newest.is_written))
            .unwrap_or_default();
        let is_known = sealed
            .as_ref()
            .is_some_and(|sealed| keep::open(&self.seal, agent.id, sealed).is_ok());
        let keeps = is_known && !(job.wish.rotate && is_written);
        let minted = if keeps {
            None
        } else {
            let minted = keep::mint(&self.seal, agent.id).await;
            Some(minted.map_err(Stop::Internal)?)
        };
        let mut tx = self.pool.begin().await?;
        if !store::jobs::advance(&mut tx, job.id, Step::Token, job.after(Step::Token)).await? {
            return Ok(());
        }
        if let Some(Minted { hash, sealed: new }) = minted {
            let before = sealed.as_deref();
            let ended = store::tokens::prepare(&mut tx, agent.id, before, &hash, &new).await?;
            if ended == Some(true) {
                let told = event::agent_token_changed(agent, self.clock.now());
                bus::outbox::append(&mut tx, told).await?;
            }
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
        // One that was there before keeps its name, its workspace and its pace.
        if !agent.is_imported() {
            let gateway = self.gateway(agent).await?;
            self.connector.ensure(&gateway, agent).await?;
        }
        self.done(job, Step::Ensure).await
    }

    /// Makes the agent cease to exist on its gateway; of one that was there before, what we put into its files.
    pub(crate) async fn remove(&self, job: &Job, agent: &Agent) -> Result<(), Stop> {
        let gateway = self.gateway(agent).await?;
        if agent.is_imported() {
            // Somebody may have imported it again, and the section is that one's then.
            if !self.has_successor(agent).await? {
                let names = [workspace::IMPORT];
                self.connector.remove_files(&gateway, agent, &names).await?;
            }
        } else {
            self.connector.remove(&gateway, agent).await?;
        }
        self.done(job, Step::Remove).await
    }

    /// Whether another agent is the one on the gateway that this one was.
    async fn has_successor(&self, agent: &Agent) -> Result<bool, Stop> {
        let mut conn = self.pool.acquire().await?;
        let (gateway_id, key) = (agent.gateway_id, agent.key());
        Ok(store::agents::exists_with_key(&mut conn, gateway_id, &key).await?)
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
        let agent = &self.souls.given(agent).await;
        let gateway = self.gateway(agent).await?;
        let (board, sealed) = (self.board(agent).await?, self.sealed(agent).await?);
        let token = keep::open(&self.seal, agent.id, &sealed).map_err(Stop::Internal)?;
        let person = self.person(job, agent).await;
        let source = Source {
            auth_token: token.expose_secret(),
            board: board.as_ref(),
            user: Some(&person),
            force_bootstrap: job.wish.force_bootstrap,
            overwrite: job.wish.overwrite,
            ..self.source(job, agent, &gateway)
        };
        let files = source
            .files()
            .context("rendering the files of a workspace")
            .map_err(Stop::Internal)?;
        self.connector.write(&gateway, agent, files).await?;
        let mut tx = self.pool.begin().await?;
        if store::jobs::advance(&mut tx, job.id, Step::Files, job.after(Step::Files)).await? {
            store::tokens::written(&mut tx, agent.id, &sealed).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Begins the agent's session anew.
    pub(crate) async fn reset(&self, job: &Job, agent: &Agent) -> Result<(), Stop> {
        self.connector
            .reset_session(&self.gateway(agent).await?, agent)
            .await?;
        self.done(job, Step::Reset).await
    }

    /// Starts the agent's session and waits for its call. The key makes a repeated message the same message.
    pub(crate) async fn wake(&self, job: &Job, agent: &Agent) -> Result<(), Stop> {
        let (gateway, sent_at) = (self.gateway(agent).await?, self.clock.now());
        let source = self.source(job, agent, &gateway);
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
        let mut tx = self.pool.begin().await?;
        self.waker.forget(&mut tx, &[agent.id]).await?;
        if store::jobs::advance(&mut tx, job.id, Step::Wake, job.after(Step::Wake)).await? {
            let now = self.clock.now();
            self.waker
                .accepted(&mut tx, agent, true, sent_at, now)
                .await
                .map_err(Stop::Internal)?;
            tx.commit().await?;
        }
        Ok(())
    }

    async fn done(&self, job: &Job, step: Step) -> Result<(), Stop> {
        let mut conn = self.pool.acquire().await?;
        store::jobs::advance(&mut conn, job.id, step, job.after(step)).await?;
        Ok(())
    }

    fn source<'a>(&'a self, job: &Job, agent: &'a Agent, gateway: &'a Gateway) -> Source<'a> {
        Source {
            kind: job.kind,
            ..Source::bare(agent, gateway, &self.base_url)
        }
    }

    /// The person whom the agent serves: the one for whom the job runs, else the organization's oldest owner. When nobody
    /// can be asked, what the job itself knows of them has to do.
    async fn person(&self, job: &Job, agent: &Agent) -> Person {
        let by = job.requested_by.as_ref();
        let request = ResolveProfileRequest {
            organization_id: agent.organization_id.to_string(),
            user_id: encode::optional_id(by.and_then(|by| by.user_id)),
        };
        match self.people.clone().resolve_profile(request).await {
            Ok(answer) => wire::person::of(answer.into_inner()),
            Err(status) => {
                let fault = fault::read(&status);
                tracing::info!(job.id = %job.id, error = fault.rest_code(), "nothing is known of the person for whom an agent is put in place");
                Person {
                    name: by.map(|by| by.name.clone()),
                    ..Person::default()
                }
            }
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

    /// The token that the files are to hold, sealed.
    async fn sealed(&self, agent: &Agent) -> Result<Vec<u8>, Stop> {
        let mut conn = self.pool.acquire().await?;
        store::tokens::find_newest(&mut conn, agent.id)
            .await?
            .and_then(|newest| newest.newest_sealed)
            .context("the step before left a token to write")
            .map_err(Stop::Internal)
    }
}
