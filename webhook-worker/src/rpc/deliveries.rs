//! Reading what was sent, and what became of it.

use std::collections::HashMap;

use chassis::{Cursor, decode};
use delivery::Delivery;
use proto::webhook::v1::{
    GetWebhookDeliveryRequest, ListWebhookDeliveriesRequest, ListWebhookDeliveriesResponse,
    WebhookDelivery,
};
use uuid::Uuid;

use super::Webhooks;
use crate::{
    error::{Error, Result},
    store::deliveries,
    wire,
};

impl Webhooks {
    pub(super) async fn deliveries(
        &self,
        organization_id: Uuid,
        request: ListWebhookDeliveriesRequest,
    ) -> Result<ListWebhookDeliveriesResponse> {
        let endpoint_id = wire::endpoint_id(&request.webhook_endpoint_id)?;
        let page = decode::page(request.limit, request.offset, request.page_token.as_deref())?;
        let state = wire::state_filter(request.state)?;
        self.find(organization_id, endpoint_id).await?;

        let mut conn = self.snapshot().await?;
        let total = deliveries::count(&mut conn, endpoint_id, state).await?;
        let mut found = deliveries::list(&mut conn, endpoint_id, state, &page.beyond()).await?;
        let next_page_token = page.cut(&mut found, |row| Cursor {
            at: row.created_at,
            id: row.id,
        });
        let ids: Vec<_> = found.iter().map(|row| row.id).collect();
        let mut kept: HashMap<Uuid, Delivery> = delivery::list_by_ids(&mut conn, &ids)
            .await?
            .into_iter()
            .map(|kept| (kept.id, kept))
            .collect();
        Ok(ListWebhookDeliveriesResponse {
            // One that was deleted in between is left out.
            items: found
                .into_iter()
                .filter_map(|row| Some(wire::delivery(kept.remove(&row.id)?, row)))
                .collect(),
            total,
            limit: page.wire_limit(),
            offset: page.wire_offset(),
            next_page_token,
        })
    }

    pub(super) async fn delivery(
        &self,
        organization_id: Uuid,
        request: GetWebhookDeliveryRequest,
    ) -> Result<WebhookDelivery> {
        let endpoint_id = wire::endpoint_id(&request.webhook_endpoint_id)?;
        let id = decode::id("delivery_id", &request.delivery_id)?;
        self.find(organization_id, endpoint_id).await?;

        let mut conn = self.snapshot().await?;
        let (row, body) = deliveries::find(&mut conn, endpoint_id, id)
            .await?
            .ok_or(Error::DeliveryNotFound(id))?;
        let kept = delivery::find(&mut conn, id)
            .await?
            .ok_or(Error::DeliveryNotFound(id))?;
        let attempts = delivery::attempts(&mut conn, id).await?;
        let body =
            serde_json::from_str(&body).map_err(|source| Error::Unreadable { id, source })?;
        Ok(wire::delivery_with(kept, row, attempts, &body))
    }
}
