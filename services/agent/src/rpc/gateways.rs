//! `GatewayService`.

mod commands;
mod deadline;
mod leave;
mod runtime;
mod save;
mod sessions;
mod status;
mod sync;
mod watch;

use std::{future::Future, time::Duration};

use chassis::{Caller, Cursor, decode};
use proto::agent::v1::{
    CreateGatewayRequest, CreateGatewayResponse, DeleteGatewayRequest, DeleteGatewayResponse,
    DiagnoseGatewayRequest, DiagnoseGatewayResponse, GetGatewayRequest, GetGatewayResponse,
    GetGatewayStatusRequest, GetGatewayStatusResponse, GetTemplateSyncRequest,
    GetTemplateSyncResponse, ListGatewayCommandsRequest, ListGatewayCommandsResponse,
    ListGatewaysRequest, ListGatewaysResponse, ListRuntimeAgentsRequest, ListRuntimeAgentsResponse,
    ProbeGatewayRequest, ProbeGatewayResponse, SyncTemplatesRequest, SyncTemplatesResponse,
    UpdateGatewayRequest, UpdateGatewayResponse, WatchGatewayRequest, WatchGatewayResponse,
    gateway_service_server::GatewayService,
};
use tonic::{Request, Response, Status, codegen::BoxStream};
use uuid::Uuid;

use super::{Desk, Paging, organization};
use crate::{
    agent::Agent, connector::Failure, error::Error, gateway::Gateway, job::Requester, store, wire,
};

#[tonic::async_trait]
impl GatewayService for Desk {
    async fn list_gateways(
        &self,
        request: Request<ListGatewaysRequest>,
    ) -> Result<Response<ListGatewaysResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let page = decode::page(request.limit, request.offset, request.page_token.as_deref())?;
        let mut conn = self.pool.acquire().await.map_err(Error::from)?;
        let mut rows = store::gateways::list(&mut conn, organization(&caller)?, &page.beyond())
            .await
            .map_err(Error::from)?;
        let paging = Paging::of(&page, &mut rows.items, rows.total, |last| Cursor {
            at: last.created_at,
            id: last.id,
        });
        Ok(Response::new(ListGatewaysResponse {
            items: rows.items.iter().map(wire::gateway).collect(),
            total: paging.total,
            limit: paging.limit,
            offset: paging.offset,
            next_page_token: paging.next_page_token,
        }))
    }

    async fn create_gateway(
        &self,
        request: Request<CreateGatewayRequest>,
    ) -> Result<Response<CreateGatewayResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let gateway = self.new_gateway(organization(&caller)?, &request)?;
        let main = Agent::main_of(&gateway, gateway.created_at);
        self.insert(&caller, &gateway, &main).await?;
        Ok(Response::new(CreateGatewayResponse {
            gateway: Some(wire::gateway(&gateway)),
        }))
    }

    async fn get_gateway(
        &self,
        request: Request<GetGatewayRequest>,
    ) -> Result<Response<GetGatewayResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let gateway = self.own_gateway(&caller, &request.gateway_id).await?;
        Ok(Response::new(GetGatewayResponse {
            gateway: Some(wire::gateway(&gateway)),
        }))
    }

    async fn update_gateway(
        &self,
        request: Request<UpdateGatewayRequest>,
    ) -> Result<Response<UpdateGatewayResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let id = decode::id("gateway_id", &request.gateway_id)?;
        let gateway = self.change_gateway(&caller, id, request).await?;
        Ok(Response::new(UpdateGatewayResponse {
            gateway: Some(wire::gateway(&gateway)),
        }))
    }

    async fn delete_gateway(
        &self,
        request: Request<DeleteGatewayRequest>,
    ) -> Result<Response<DeleteGatewayResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let id = decode::id("gateway_id", &request.gateway_id)?;
        self.leave(&caller, id, request.force.unwrap_or(false))
            .await?;
        Ok(Response::new(DeleteGatewayResponse { ok: true }))
    }

    async fn get_gateway_status(
        &self,
        request: Request<GetGatewayStatusRequest>,
    ) -> Result<Response<GetGatewayStatusResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let status = self.status(&caller, &request).await?;
        Ok(Response::new(GetGatewayStatusResponse {
            status: Some(status),
        }))
    }

    async fn probe_gateway(
        &self,
        request: Request<ProbeGatewayRequest>,
    ) -> Result<Response<ProbeGatewayResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let status = self.probe(organization(&caller)?, &request).await?;
        Ok(Response::new(ProbeGatewayResponse {
            status: Some(status),
        }))
    }

    async fn list_gateway_commands(
        &self,
        _: Request<ListGatewayCommandsRequest>,
    ) -> Result<Response<ListGatewayCommandsResponse>, Status> {
        Ok(Response::new(commands::all()))
    }

    async fn diagnose_gateway(
        &self,
        request: Request<DiagnoseGatewayRequest>,
    ) -> Result<Response<DiagnoseGatewayResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let gateway = self.own_gateway(&caller, &request.gateway_id).await?;
        let checks = within(self.connector.diagnose(&gateway)).await;
        Ok(Response::new(DiagnoseGatewayResponse {
            diagnosis: Some(wire::gateway::diagnosis(
                &gateway,
                &checks.map_err(Error::from)?,
            )),
        }))
    }

    async fn sync_templates(
        &self,
        request: Request<SyncTemplatesRequest>,
    ) -> Result<Response<SyncTemplatesResponse>, Status> {
        let caller = Caller::of(&request)?;
        let patience = deadline::of(request.metadata());
        let sync = self
            .sync_templates(&caller, &request.into_inner(), patience)
            .await?;
        Ok(Response::new(SyncTemplatesResponse { sync: Some(sync) }))
    }

    async fn get_template_sync(
        &self,
        request: Request<GetTemplateSyncRequest>,
    ) -> Result<Response<GetTemplateSyncResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let sync = self.template_sync(&caller, &request).await?;
        Ok(Response::new(GetTemplateSyncResponse { sync: Some(sync) }))
    }

    async fn list_runtime_agents(
        &self,
        request: Request<ListRuntimeAgentsRequest>,
    ) -> Result<Response<ListRuntimeAgentsResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let gateway = self.own_gateway(&caller, &request.gateway_id).await?;
        let items = self.runtime_agents(&gateway).await?;
        Ok(Response::new(ListRuntimeAgentsResponse { items }))
    }

    async fn watch_gateway(
        &self,
        request: Request<WatchGatewayRequest>,
    ) -> Result<Response<BoxStream<WatchGatewayResponse>>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let gateway = self.own_gateway(&caller, &request.gateway_id).await?;
        Ok(Response::new(self.watch(gateway).await?))
    }
}

/// How long a request may wait for a gateway: less than whoever asks waits for us.
const PATIENCE: Duration = Duration::from_secs(25);

/// What a gateway answers, unless it takes too long.
pub(super) async fn within<T>(
    asked: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::time::timeout(PATIENCE, asked)
        .await
        .unwrap_or_else(|_| Err(Failure::too_late()))
}

impl Desk {
    /// A gateway of the caller's organization.
    pub(super) async fn own_gateway(&self, caller: &Caller, id: &str) -> Result<Gateway, Error> {
        let id = decode::id("gateway_id", id)?;
        let mut conn = self.pool.acquire().await?;
        owned(
            store::gateways::find(&mut conn, id).await?,
            organization(caller)?,
        )
    }
}

fn owned(gateway: Option<Gateway>, organization_id: Uuid) -> Result<Gateway, Error> {
    gateway
        .filter(|gateway| {
            gateway.organization_id == organization_id && gateway.leaving_at.is_none()
        })
        .ok_or(Error::GatewayNotFound)
}

/// The person for whom something is done.
pub(super) fn person(caller: &Caller) -> Option<Requester> {
    match caller {
        Caller::User(user) => Some(Requester {
            user_id: Some(user.id),
            name: user.name.clone(),
        }),
        Caller::Agent(_) | Caller::Internal { .. } | Caller::Anonymous => None,
    }
}
