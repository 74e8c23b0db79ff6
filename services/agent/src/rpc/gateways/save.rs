//! Making and changing gateways.

use chassis::{Caller, decode};
use proto::agent::v1::{CreateGatewayRequest, UpdateGatewayRequest};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Desk, owned, person};
use crate::{
    agent::Agent,
    departure,
    error::Error,
    gateway::{self, Gateway},
    job::Wish,
    lifecycle,
    phase::Change,
    post,
    rpc::{input, organization},
    store::{
        self,
        jobs::Follower,
        locks::{self, Matter},
    },
    wire::event,
};

/// How often jobs may begin under the hands of who changes a gateway.
const ATTEMPTS: usize = 5;

impl Desk {
    pub(super) fn new_gateway(
        &self,
        organization_id: Uuid,
        request: &CreateGatewayRequest,
    ) -> Result<Gateway, Error> {
        let (id, now) = (Uuid::now_v7(), self.clock.now());
        let token = input::gateway_token(request.token.as_deref())?;
        Ok(Gateway {
            id,
            organization_id,
            name: input::gateway_name(&request.name)?,
            url: input::gateway_url(&request.url)?,
            token_sealed: token.map(|token| self.sealed(id, &token)),
            workspace_root: input::workspace_root(&request.workspace_root)?,
            allow_insecure_tls: request.allow_insecure_tls.unwrap_or(false),
            disable_device_pairing: request.disable_device_pairing.unwrap_or(false),
            leaving_at: None,
            created_at: now,
            updated_at: now,
        })
    }

    pub(super) fn sealed(&self, gateway_id: Uuid, token: &str) -> Vec<u8> {
        self.seal
            .close(token.as_bytes(), &gateway::seal_context(gateway_id))
    }

    pub(super) async fn insert(
        &self,
        caller: &Caller,
        gateway: &Gateway,
        main: &Agent,
    ) -> Result<(), Error> {
        let now = gateway.created_at;
        let mut tx = self.pool.begin().await?;
        if departure::is_any_gone(&mut tx, &[gateway.organization_id]).await? {
            return Err(Error::OrganizationGone);
        }
        store::gateways::insert(&mut tx, gateway).await?;
        store::agents::insert(&mut tx, main).await?;
        let (mains, by) = (std::slice::from_ref(main), person(caller));
        self.planner
            .plan(&mut tx, mains, Wish::default(), by.as_ref(), now)
            .await?;
        let events = vec![
            event::gateway_created(caller.event_actor(), gateway, now),
            event::agent_created(caller.event_actor(), main, now),
        ];
        bus::outbox::append_all(&mut tx, events).await?;
        tx.commit().await?;
        Ok(())
    }

    pub(super) async fn change_gateway(
        &self,
        caller: &Caller,
        id: Uuid,
        request: UpdateGatewayRequest,
    ) -> Result<Gateway, Error> {
        for _ in 0..ATTEMPTS {
            let mut tx = self.pool.begin().await?;
            let changed = self.try_save(&mut tx, caller, id, &request).await?;
            if let Some(gateway) = changed {
                tx.commit().await?;
                return Ok(gateway);
            }
        }
        Err(Error::AgentBusy)
    }

    /// The same, unless a job of an agent begins meanwhile that may have read what the gateway was before.
    async fn try_save(
        &self,
        tx: &mut PgConnection,
        caller: &Caller,
        id: Uuid,
        request: &UpdateGatewayRequest,
    ) -> Result<Option<Gateway>, Error> {
        // Whoever deletes it by force holds deliveries before the gateway: here it is the other way round.
        locks::keep(tx, Matter::Being, &[id]).await?;
        let before = owned(
            store::gateways::find_for_update(tx, id).await?,
            organization(caller)?,
        )?;
        let (mut after, changed) = self.changed(&before, request.clone())?;
        if changed.is_empty() {
            return Ok(Some(before));
        }
        after.updated_at = self.clock.now();
        store::gateways::update(tx, &after).await?;
        let told = event::gateway_updated(
            caller.event_actor(),
            &after,
            owned_names(&changed),
            after.updated_at,
        );
        bus::outbox::append(tx, told).await?;
        let is_followed = self.follow(tx, caller, &after, &changed).await?;
        Ok(is_followed.then_some(after))
    }

    /// The gateway with the fields that the request names, and the names of those that differ.
    fn changed(
        &self,
        before: &Gateway,
        request: UpdateGatewayRequest,
    ) -> Result<(Gateway, Vec<&'static str>), Error> {
        let mask = decode::mask(request.update_mask);
        let mut after = before.clone();
        let mut changed = Vec::new();
        if mask.has("name") {
            after.name = input::gateway_name(&decode::required("name", request.name)?)?;
            changed.extend((after.name != before.name).then_some("name"));
        }
        if mask.has("url") {
            after.url = input::gateway_url(&decode::required("url", request.url)?)?;
            changed.extend((after.url != before.url).then_some("url"));
        }
        if mask.has("workspace_root") {
            let root = decode::required("workspace_root", request.workspace_root)?;
            after.workspace_root = input::workspace_root(&root)?;
            changed.extend(
                (after.workspace_root != before.workspace_root).then_some("workspace_root"),
            );
        }
        if mask.has("token") {
            let token = input::gateway_token(request.token.as_deref())?;
            if self.is_other_token(before, token.as_deref()) {
                changed.push("token");
                after.token_sealed = token.map(|token| self.sealed(before.id, &token));
            }
        }
        if mask.has("allow_insecure_tls") {
            after.allow_insecure_tls =
                decode::required("allow_insecure_tls", request.allow_insecure_tls)?;
            changed.extend(
                (after.allow_insecure_tls != before.allow_insecure_tls)
                    .then_some("allow_insecure_tls"),
            );
        }
        if mask.has("disable_device_pairing") {
            let disable =
                decode::required("disable_device_pairing", request.disable_device_pairing)?;
            after.disable_device_pairing = disable;
            changed.extend(
                (disable != before.disable_device_pairing).then_some("disable_device_pairing"),
            );
        }
        Ok((after, changed))
    }

    /// Whether a token is another one than the gateway's, or one is where none was.
    fn is_other_token(&self, gateway: &Gateway, token: Option<&str>) -> bool {
        match (&gateway.token_sealed, token) {
            (Some(sealed), Some(token)) => {
                let known = self.seal.open(sealed, &gateway::seal_context(gateway.id));
                !known.is_ok_and(|known| known == token.as_bytes())
            }
            (None, None) => false,
            (Some(_), None) | (None, Some(_)) => true,
        }
    }

    /// What a change means for what lives on the gateway. A new name is its main agent's too, and new paths stand in
    /// everybody's files. With a new address or credential, what waits for the gateway, and whom it
    /// turned away for good, has reason to try at once.
    ///
    /// Jobs are changed before agents, as whoever settles a job does it. Answers whether it could: not when a job began in
    /// between.
    async fn follow(
        &self,
        tx: &mut PgConnection,
        caller: &Caller,
        gateway: &Gateway,
        changed: &[&str],
    ) -> Result<bool, Error> {
        let (now, actor) = (gateway.updated_at, caller.event_actor());
        let (renamed, moved) = (
            changed.contains(&"name"),
            changed.contains(&"workspace_root"),
        );
        if renamed || moved {
            store::jobs::repeat_on_gateway(tx, gateway.id, !moved).await?;
            let agents = store::agents::lock_on_gateway(tx, gateway.id, !moved).await?;
            if store::jobs::is_any_unfollowed(tx, &agents, Follower::Whole).await? {
                return Ok(false);
            }
        }
        let mut told = Vec::new();
        if renamed {
            let name = gateway::main_agent_name(&gateway.name);
            let main = store::agents::rename_main(tx, gateway.id, &name, now).await?;
            told.extend(
                main.map(|main| event::agent_updated(actor.clone(), &main, &["name"], now)),
            );
        }
        let reached_anew = changed
            .iter()
            .any(|field| !matches!(*field, "name" | "workspace_root"));
        for (change, applies, main_only) in [
            (Change::Refresh, renamed || moved, !moved),
            (Change::Retry, reached_anew, false),
        ] {
            if !applies {
                continue;
            }
            let again =
                store::agents::change_phases_on_gateway(tx, gateway.id, change, main_only, now)
                    .await?;
            let by = person(caller);
            if change == Change::Retry {
                self.planner.retry(tx, &again, by.as_ref(), now).await?;
            } else {
                let wish = Wish::default();
                self.planner
                    .plan(tx, &again, wish, by.as_ref(), now)
                    .await?;
            }
            told.extend(
                again
                    .iter()
                    .map(|agent| event::agent_updated(actor.clone(), agent, &["status"], now)),
            );
        }
        if reached_anew {
            let change = Change::RetryRemoval;
            let leaving =
                store::agents::change_phases_on_gateway(tx, gateway.id, change, false, now).await?;
            self.planner
                .plan_removal(tx, &leaving, &[], person(caller).as_ref(), now)
                .await?;
            told.extend(
                leaving
                    .iter()
                    .map(|agent| event::agent_updated(actor.clone(), agent, &["status"], now)),
            );
        }
        bus::outbox::append_all(tx, told).await?;
        if reached_anew {
            for queue in [lifecycle::QUEUE, post::QUEUE] {
                delivery::release(tx, queue, &gateway.id.to_string(), now).await?;
            }
        }
        Ok(true)
    }
}

fn owned_names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}
