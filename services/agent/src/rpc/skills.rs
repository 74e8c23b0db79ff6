//! `SkillService`.

mod input;
mod installs;
mod packs;

use chassis::{Caller, Clock, decode};
use proto::{
    agent::v1::{
        CreateSkillPackRequest, CreateSkillPackResponse, CreateSkillRequest, CreateSkillResponse,
        DeleteSkillPackRequest, DeleteSkillPackResponse, DeleteSkillRequest, DeleteSkillResponse,
        GetSkillPackRequest, GetSkillPackResponse, InstallSkillRequest, InstallSkillResponse,
        ListSkillPacksRequest, ListSkillPacksResponse, ListSkillsRequest, ListSkillsResponse,
        ReportSkillRequest, ReportSkillResponse, SyncSkillPackRequest, SyncSkillPackResponse,
        UninstallSkillRequest, UninstallSkillResponse, UpdateSkillPackRequest,
        UpdateSkillPackResponse, skill_service_server::SkillService,
    },
    event::v1::Change,
};
use serde_json::json;
use sqlx::{PgConnection, PgPool};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::organization;
use crate::{
    departure,
    error::Error,
    gateway::Gateway,
    notice::Kind,
    skill::{Skill, address, address::Hosts, install::State, seed},
    store::{
        self,
        skills::{Filter, Saved},
    },
    wire,
};

/// What the RPCs about skills need.
#[derive(Clone)]
pub(crate) struct Shelf {
    pub pool: PgPool,
    pub clock: Clock,
    pub hosts: Hosts,
    /// How long git may take.
    pub git_timeout: std::time::Duration,
    /// Where agents reach Mission Control.
    pub base_url: String,
}

#[tonic::async_trait]
impl SkillService for Shelf {
    async fn list_skills(
        &self,
        request: Request<ListSkillsRequest>,
    ) -> Result<Response<ListSkillsResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let filter = self.filter(organization(&caller)?, &request).await?;
        let mut conn = self.pool.acquire().await.map_err(Error::from)?;
        let rows = store::skills::list(&mut conn, &filter)
            .await
            .map_err(Error::from)?;
        let mut response = Response::new(ListSkillsResponse {
            items: rows.items.iter().map(wire::skill::card).collect(),
            total: rows.total,
        });
        if request.limit.is_some() {
            let metadata = response.metadata_mut();
            metadata.insert("x-total-count", rows.total.into());
            metadata.insert("x-limit", filter.limit.into());
            metadata.insert("x-offset", filter.offset.into());
        }
        Ok(response)
    }

    async fn create_skill(
        &self,
        request: Request<CreateSkillRequest>,
    ) -> Result<Response<CreateSkillResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let skill = self.put_skill(&caller, &request).await?;
        Ok(Response::new(CreateSkillResponse {
            skill: Some(wire::skill::skill(&skill)),
        }))
    }

    async fn delete_skill(
        &self,
        request: Request<DeleteSkillRequest>,
    ) -> Result<Response<DeleteSkillResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let id = decode::id("skill_id", &request.skill_id)?;
        self.delete(&caller, id).await?;
        Ok(Response::new(DeleteSkillResponse { ok: true }))
    }

    async fn install_skill(
        &self,
        request: Request<InstallSkillRequest>,
    ) -> Result<Response<InstallSkillResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let skill_id = decode::id("skill_id", &request.skill_id)?;
        let gateway_id = decode::id("gateway_id", &request.gateway_id)?;
        let state = self
            .ask(&caller, gateway_id, skill_id, Kind::SkillInstall)
            .await?;
        Ok(Response::new(InstallSkillResponse {
            ok: true,
            skill_id: request.skill_id,
            gateway_id: request.gateway_id,
            installed: state.is_some_and(State::is_installed),
            install_state: wire::skill::install_state(state),
        }))
    }

    async fn uninstall_skill(
        &self,
        request: Request<UninstallSkillRequest>,
    ) -> Result<Response<UninstallSkillResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let skill_id = decode::id("skill_id", &request.skill_id)?;
        let gateway_id = decode::id("gateway_id", &request.gateway_id)?;
        let state = self
            .ask(&caller, gateway_id, skill_id, Kind::SkillUninstall)
            .await?;
        Ok(Response::new(UninstallSkillResponse {
            ok: true,
            skill_id: request.skill_id,
            gateway_id: request.gateway_id,
            installed: state.is_some_and(State::is_installed),
            install_state: wire::skill::install_state(state),
        }))
    }

    async fn report_skill(
        &self,
        request: Request<ReportSkillRequest>,
    ) -> Result<Response<ReportSkillResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        self.report(&caller, &request).await?;
        Ok(Response::new(ReportSkillResponse { ok: true }))
    }

    async fn list_skill_packs(
        &self,
        request: Request<ListSkillPacksRequest>,
    ) -> Result<Response<ListSkillPacksResponse>, Status> {
        let caller = Caller::of(&request)?;
        let mut conn = self.pool.acquire().await.map_err(Error::from)?;
        let packs = store::packs::list(&mut conn, organization(&caller)?)
            .await
            .map_err(Error::from)?;
        Ok(Response::new(ListSkillPacksResponse {
            items: packs.iter().map(wire::skill::pack).collect(),
        }))
    }

    async fn create_skill_pack(
        &self,
        request: Request<CreateSkillPackRequest>,
    ) -> Result<Response<CreateSkillPackResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let pack = self.put_pack(&caller, &request).await?;
        Ok(Response::new(CreateSkillPackResponse {
            pack: Some(wire::skill::pack(&pack)),
        }))
    }

    async fn get_skill_pack(
        &self,
        request: Request<GetSkillPackRequest>,
    ) -> Result<Response<GetSkillPackResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let id = decode::id("pack_id", &request.pack_id)?;
        let pack = self.pack(organization(&caller)?, id).await?;
        Ok(Response::new(GetSkillPackResponse {
            pack: Some(wire::skill::pack(&pack)),
        }))
    }

    async fn update_skill_pack(
        &self,
        request: Request<UpdateSkillPackRequest>,
    ) -> Result<Response<UpdateSkillPackResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let pack = self.replace_pack(&caller, &request).await?;
        Ok(Response::new(UpdateSkillPackResponse {
            pack: Some(wire::skill::pack(&pack)),
        }))
    }

    async fn delete_skill_pack(
        &self,
        request: Request<DeleteSkillPackRequest>,
    ) -> Result<Response<DeleteSkillPackResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let id = decode::id("pack_id", &request.pack_id)?;
        self.delete_pack(&caller, id).await?;
        Ok(Response::new(DeleteSkillPackResponse { ok: true }))
    }

    async fn sync_skill_pack(
        &self,
        request: Request<SyncSkillPackRequest>,
    ) -> Result<Response<SyncSkillPackResponse>, Status> {
        let (caller, patience) = (Caller::of(&request)?, packs::patience(&request));
        let request = request.into_inner();
        let wait = input::wait_seconds(request.wait_seconds)?.min(patience);
        let id = decode::id("pack_id", &request.pack_id)?;
        let pack = self.sync(organization(&caller)?, id, wait).await?;
        Ok(Response::new(wire::skill::synced(&pack)))
    }
}

impl Shelf {
    async fn filter(
        &self,
        organization_id: Uuid,
        request: &ListSkillsRequest,
    ) -> Result<Filter, Error> {
        let gateway_id = decode::id("gateway_id", &request.gateway_id)?;
        let pack_id = decode::optional_id("pack_id", request.pack_id.as_deref())?;
        let (limit, offset) = input::window(request.limit, request.offset)?;
        let (search, category, risk) = (
            input::search(request.search.as_deref())?,
            input::label("category", request.category.as_deref())?,
            input::label("risk", request.risk.as_deref())?,
        );
        let mut conn = self.pool.acquire().await?;
        self.gateway(&mut conn, organization_id, gateway_id).await?;
        let repository = match pack_id {
            Some(id) => {
                let pack = store::packs::find(&mut conn, organization_id, id).await?;
                Some(pack.ok_or(Error::SkillPackNotFound)?.repository)
            }
            None => None,
        };
        Ok(Filter {
            organization_id,
            gateway_id,
            search,
            category,
            risk,
            repository,
            limit,
            offset,
        })
    }

    /// A gateway of the organization that stays.
    async fn gateway(
        &self,
        conn: &mut PgConnection,
        organization_id: Uuid,
        id: Uuid,
    ) -> Result<Gateway, Error> {
        store::gateways::find(conn, id)
            .await?
            .filter(|gateway| gateway.organization_id == organization_id)
            .filter(|gateway| gateway.leaving_at.is_none())
            .ok_or(Error::GatewayNotFound)
    }

    async fn put_skill(
        &self,
        caller: &Caller,
        request: &CreateSkillRequest,
    ) -> Result<Skill, Error> {
        let (organization_id, now) = (organization(caller)?, self.clock.now());
        let source_url = input::skill_url(&request.source_url)?;
        let name = input::name(request.name.as_deref())?;
        let skill = Skill {
            id: Uuid::now_v7(),
            organization_id,
            name: name.clone().unwrap_or_else(|| address::name(&source_url)),
            description: input::description(request.description.as_deref())?,
            category: None,
            risk: None,
            source: None,
            repository: address::repository(&source_url),
            source_url,
            metadata: json!({}),
            vanished_at: None,
            created_at: now,
            updated_at: now,
        };
        let mut tx = self.pool.begin().await?;
        if departure::is_any_gone(&mut tx, &[organization_id]).await? {
            return Err(Error::OrganizationGone);
        }
        let (skill, saved) = store::skills::upsert(&mut tx, &skill, name.as_deref()).await?;
        match saved {
            Saved::Created => self.tell(&mut tx, caller, &skill, Change::Created).await?,
            Saved::Changed => self.tell(&mut tx, caller, &skill, Change::Updated).await?,
            Saved::Same => {}
        }
        tx.commit().await?;
        Ok(skill)
    }

    async fn tell(
        &self,
        conn: &mut PgConnection,
        caller: &Caller,
        skill: &Skill,
        change: Change,
    ) -> Result<(), Error> {
        let event =
            wire::skill::skill_changed(caller.event_actor(), skill, change, self.clock.now());
        Ok(bus::outbox::append(conn, event).await?)
    }
}

/// The branch of a request that names none.
fn default_branch() -> String {
    seed::BRANCH.to_owned()
}
