//! Subscribing, and everything else about endpoints and their deliveries.

use chassis::{Caller, Cursor, decode};
use proto::webhook::v1::{
    CreateWebhookEndpointRequest, CreateWebhookEndpointResponse, DeleteWebhookEndpointRequest,
    DeleteWebhookEndpointResponse, GetWebhookDeliveryRequest, GetWebhookDeliveryResponse,
    GetWebhookEndpointRequest, GetWebhookEndpointResponse, ListWebhookDeliveriesRequest,
    ListWebhookDeliveriesResponse, ListWebhookEndpointsRequest, ListWebhookEndpointsResponse,
    UpdateWebhookEndpointRequest, UpdateWebhookEndpointResponse,
    webhook_endpoint_service_server::WebhookEndpointService,
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{Webhooks, organization};
use crate::{
    QUEUE,
    endpoint::{Edit, Endpoint},
    error::Error,
    secret::{self, Secret},
    store::endpoints::{self, Doomed},
    wire,
};

#[tonic::async_trait]
impl WebhookEndpointService for Webhooks {
    async fn list_webhook_endpoints(
        &self,
        request: Request<ListWebhookEndpointsRequest>,
    ) -> Result<Response<ListWebhookEndpointsResponse>, Status> {
        let organization_id = organization(&Caller::of(&request)?)?;
        let request = request.into_inner();
        let board_id = decode::optional_id("board_id", request.board_id.as_deref())?;
        let page = decode::page(request.limit, request.offset, request.page_token.as_deref())?;

        let mut conn = self.conn().await?;
        let total = endpoints::count(&mut conn, organization_id, board_id)
            .await
            .map_err(Error::from)?;
        let mut found = endpoints::list(&mut conn, organization_id, board_id, &page.beyond())
            .await
            .map_err(Error::from)?;
        let next_page_token = page.cut(&mut found, |endpoint| Cursor {
            at: endpoint.created_at,
            id: endpoint.id,
        });
        Ok(Response::new(ListWebhookEndpointsResponse {
            items: found.into_iter().map(wire::endpoint).collect(),
            total,
            limit: page.wire_limit(),
            offset: page.wire_offset(),
            next_page_token,
        }))
    }

    async fn create_webhook_endpoint(
        &self,
        request: Request<CreateWebhookEndpointRequest>,
    ) -> Result<Response<CreateWebhookEndpointResponse>, Status> {
        let caller = Caller::of(&request)?;
        let organization_id = organization(&caller)?;
        let wanted = wire::wanted(&request.into_inner(), self.allow_private)?;
        if let Some(board_id) = wanted.board_id {
            self.see_board(&caller, board_id).await?;
        }

        let (id, now, secret) = (Uuid::now_v7(), self.clock.now(), Secret::generate());
        let endpoint = Endpoint {
            id,
            organization_id,
            board_id: wanted.board_id,
            url: wanted.url,
            description: wanted.description,
            event_types: wanted.event_types,
            enabled: wanted.enabled,
            created_at: now,
            updated_at: now,
        };
        let sealed = self.seal.close(secret.as_bytes(), &secret::context(id));
        self.save(&endpoint, &sealed).await?;
        let mut shown = wire::endpoint(endpoint);
        shown.secret = Some(secret.reveal());
        Ok(Response::new(CreateWebhookEndpointResponse {
            webhook_endpoint: Some(shown),
        }))
    }

    async fn get_webhook_endpoint(
        &self,
        request: Request<GetWebhookEndpointRequest>,
    ) -> Result<Response<GetWebhookEndpointResponse>, Status> {
        let organization_id = organization(&Caller::of(&request)?)?;
        let id = wire::endpoint_id(&request.into_inner().webhook_endpoint_id)?;
        let endpoint = self.find(organization_id, id).await?;
        Ok(Response::new(GetWebhookEndpointResponse {
            webhook_endpoint: Some(wire::endpoint(endpoint)),
        }))
    }

    async fn update_webhook_endpoint(
        &self,
        request: Request<UpdateWebhookEndpointRequest>,
    ) -> Result<Response<UpdateWebhookEndpointResponse>, Status> {
        let organization_id = organization(&Caller::of(&request)?)?;
        let request = request.into_inner();
        let id = wire::endpoint_id(&request.webhook_endpoint_id)?;
        let edit = wire::edit(request, self.allow_private)?;
        let endpoint = self.change(organization_id, id, edit).await?;
        Ok(Response::new(UpdateWebhookEndpointResponse {
            webhook_endpoint: Some(wire::endpoint(endpoint)),
        }))
    }

    async fn delete_webhook_endpoint(
        &self,
        request: Request<DeleteWebhookEndpointRequest>,
    ) -> Result<Response<DeleteWebhookEndpointResponse>, Status> {
        let organization_id = organization(&Caller::of(&request)?)?;
        let id = wire::endpoint_id(&request.into_inner().webhook_endpoint_id)?;
        self.remove(organization_id, id).await?;
        Ok(Response::new(DeleteWebhookEndpointResponse { ok: true }))
    }

    async fn list_webhook_deliveries(
        &self,
        request: Request<ListWebhookDeliveriesRequest>,
    ) -> Result<Response<ListWebhookDeliveriesResponse>, Status> {
        let organization_id = organization(&Caller::of(&request)?)?;
        let answer = self.deliveries(organization_id, request.into_inner()).await;
        Ok(Response::new(answer?))
    }

    async fn get_webhook_delivery(
        &self,
        request: Request<GetWebhookDeliveryRequest>,
    ) -> Result<Response<GetWebhookDeliveryResponse>, Status> {
        let organization_id = organization(&Caller::of(&request)?)?;
        let delivery = self.delivery(organization_id, request.into_inner()).await?;
        Ok(Response::new(GetWebhookDeliveryResponse {
            webhook_delivery: Some(delivery),
        }))
    }
}

impl Webhooks {
    async fn save(&self, endpoint: &Endpoint, sealed: &[u8]) -> Result<(), Error> {
        let mut tx = self.pool.begin().await?;
        endpoints::insert(&mut tx, endpoint, sealed).await?;
        Ok(tx.commit().await?)
    }

    /// An update that names nothing changes nothing. One that gives reason to hope makes due what waits.
    async fn change(&self, organization_id: Uuid, id: Uuid, edit: Edit) -> Result<Endpoint, Error> {
        if edit == Edit::default() {
            return self.find(organization_id, id).await;
        }
        let mut tx = self.pool.begin().await?;
        let before = endpoints::find_for_update(&mut tx, organization_id, id)
            .await?
            .ok_or(Error::EndpointNotFound(id))?;
        let now = self.clock.now();
        let after = before.edited(edit, now);
        endpoints::update(&mut tx, &after).await?;
        if after.is_back(&before) {
            delivery::release(&mut tx, QUEUE, &id.to_string(), now).await?;
        }
        tx.commit().await?;
        Ok(after)
    }

    async fn remove(&self, organization_id: Uuid, id: Uuid) -> Result<(), Error> {
        let mut tx = self.pool.begin().await?;
        if endpoints::delete(&mut tx, organization_id, Doomed::One(id)).await? == 0 {
            return Err(Error::EndpointNotFound(id));
        }
        Ok(tx.commit().await?)
    }
}
