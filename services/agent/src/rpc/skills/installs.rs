//! What gateways are asked to install and to remove.

use chassis::{Caller, Fault, decode};
use proto::{agent::v1::ReportSkillRequest, event::v1::Change};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Shelf;
use crate::{
    error::Error,
    gateway::Gateway,
    notice::Kind,
    post::{self, Direct},
    rpc::organization,
    skill::{
        Install, Skill,
        install::{self, State},
        outcome,
    },
    store::{self, installs::Asked},
    wire,
};

/// Characters of what an agent says went wrong.
const ERROR: usize = 2_000;

impl Shelf {
    /// Has the main agent of a gateway told to install a skill or to remove it; answers the state of that. What is under way
    /// already is not asked for twice, and nobody is told to remove what is not there.
    pub(super) async fn ask(
        &self,
        caller: &Caller,
        gateway_id: Uuid,
        skill_id: Uuid,
        kind: Kind,
    ) -> Result<Option<State>, Error> {
        let organization_id = organization(caller)?;
        let mut tx = self.pool.begin().await?;
        let gateway = self.gateway(&mut tx, organization_id, gateway_id).await?;
        // Gateways are held before their agents, as when one goes; agents before skills, as when an organization does.
        if !store::gateways::is_staying(&mut tx, gateway.id).await? {
            return Err(Error::GatewayNotFound);
        }
        let main = store::installs::find_main_agent(&mut tx, gateway.id).await?;
        let main = match main {
            Some(main) => store::agents::keep(&mut tx, main.id).await?,
            None => None,
        };
        let skill = store::skills::lock(&mut tx, organization_id, skill_id)
            .await?
            .ok_or(Error::SkillNotFound)?;
        let wanted = if kind == Kind::SkillInstall {
            State::Requested
        } else {
            State::Removing
        };
        let unsent = store::installs::list_unsent(&mut tx, skill.id).await?;
        let unsent = unsent.iter().find(|unsent| unsent.gateway_id == gateway.id);
        if unsent.is_some_and(|unsent| unsent.state == wanted) {
            return Ok(Some(wanted));
        }
        // Told later, it would undo what is asked for now.
        if let Some(unsent) = unsent {
            store::notices::take_back(&mut tx, &[unsent.notice_id]).await?;
        }
        // Deliveries are locked before installations, as whoever settles one does it.
        let known = store::installs::lock(&mut tx, gateway.id, skill.id).await?;
        let known = known.map(|asked| asked.install);
        if known.is_none() && wanted == State::Removing {
            return Ok(None);
        }
        let main = main.ok_or(Error::GatewayMainMissing)?;
        let direct = Direct {
            kind,
            message: install::message(kind, &skill, &gateway.workspace_root, &self.base_url),
            from_agent_id: None,
        };
        let notice_id = post::write_direct(&mut tx, &main, direct, self.clock.now()).await?;
        self.put(&mut tx, caller, &gateway, skill, wanted, notice_id, known)
            .await?;
        tx.commit().await?;
        Ok(Some(wanted))
    }

    /// Deletes a skill; main agents are not told of it any more where they have not been told yet.
    pub(super) async fn delete(&self, caller: &Caller, id: Uuid) -> Result<(), Error> {
        let organization_id = organization(caller)?;
        let mut tx = self.pool.begin().await?;
        store::skills::lock(&mut tx, organization_id, id)
            .await?
            .ok_or(Error::SkillNotFound)?;
        let unsent = store::installs::list_unsent(&mut tx, id).await?;
        let unsent: Vec<Uuid> = unsent.iter().map(|unsent| unsent.notice_id).collect();
        store::notices::take_back(&mut tx, &unsent).await?;
        let deleted = store::skills::delete(&mut tx, organization_id, id)
            .await?
            .ok_or(Error::SkillNotFound)?;
        self.tell(&mut tx, caller, &deleted, Change::Deleted)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "the row, field by field")]
    async fn put(
        &self,
        conn: &mut PgConnection,
        caller: &Caller,
        gateway: &Gateway,
        skill: Skill,
        state: State,
        notice_id: Uuid,
        known: Option<Install>,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        let install = Install {
            gateway_id: gateway.id,
            skill_id: skill.id,
            state,
            error: None,
            notice_id,
            check_id: None,
            installed_at: known.and_then(|known| known.installed_at),
            updated_at: now,
        };
        store::installs::put(conn, &install).await?;
        let asked = Asked { install, skill };
        let event =
            wire::skill::install_changed(caller.event_actor(), &asked, Some(state), None, now);
        Ok(bus::outbox::append(conn, event).await?)
    }

    /// What the main agent of a gateway says became of an installation.
    pub(super) async fn report(
        &self,
        caller: &Caller,
        request: &ReportSkillRequest,
    ) -> Result<(), Error> {
        let Caller::Agent(main) = caller else {
            let message = "only the main agent of a gateway reports";
            return Err(Fault::forbidden("CALLER_NOT_ADMITTED", message).into());
        };
        let skill_id = decode::id("skill_id", &request.skill_id)?;
        let installed = decode::required("installed", request.installed)?;
        let error = decode::optional_text("error", request.error.as_deref(), ERROR)?;
        let mut tx = self.pool.begin().await?;
        store::skills::find(&mut tx, main.organization_id, skill_id)
            .await?
            .ok_or(Error::SkillNotFound)?;
        let asked = store::installs::lock(&mut tx, main.gateway_id, skill_id).await?;
        let state = asked.as_ref().map(|asked| asked.install.state);
        let next = install::reported(state, installed, error.as_deref())
            .map_err(|install::NotAsked| Error::SkillNotFound)?;
        if let Some(asked) = asked {
            let (actor, now) = (caller.event_actor(), self.clock.now());
            outcome::apply(&mut tx, &asked, next, actor, now).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}
