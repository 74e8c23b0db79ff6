//! Stand-ins for what agent answers about gateways: their events, a soul that is one text, and a list without a frame.

use std::{
    pin::Pin,
    sync::{Arc, atomic::Ordering},
};

use chassis::{Fault, encode};
use futures::{Stream, StreamExt, stream};
use proto::agent::v1::{
    GetAgentSoulRequest, GetAgentSoulResponse, ListSkillsRequest, ListSkillsResponse, SkillCard,
    SyncTemplatesRequest, SyncTemplatesResponse, TemplateSync, WatchGatewayRequest,
    WatchGatewayResponse, gateway_service_server::GatewayService,
    skill_service_server::SkillService, soul_service_server::SoulService,
};
use serde_json::json;
use tonic::{Request, Response, Status};

use super::Behind;

pub(crate) struct Gateways(pub(crate) Arc<Behind>);

type Items<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl GatewayService for Gateways {
    async fn watch_gateway(
        &self,
        request: Request<WatchGatewayRequest>,
    ) -> Result<Response<Items<WatchGatewayResponse>>, Status> {
        if self.0.hidden.load(Ordering::SeqCst) {
            return Err(Fault::not_found("GATEWAY_NOT_FOUND", "no such gateway").into());
        }
        let gateway_id = request.into_inner().gateway_id;
        let told = |kind: &str, payload| WatchGatewayResponse {
            gateway_id: gateway_id.clone(),
            r#type: kind.into(),
            at: Some(encode::time(super::now())),
            payload,
        };
        let items = [
            told("connected", None),
            told("chat", Some(encode::to_value(&json!({"seq": 1})))),
        ];
        let items = stream::iter(items.map(Ok)).chain(stream::pending());
        Ok(Response::new(Box::pin(items)))
    }

    /// Says as its id how long it was given.
    async fn sync_templates(
        &self,
        request: Request<SyncTemplatesRequest>,
    ) -> Result<Response<SyncTemplatesResponse>, Status> {
        let given = request.metadata().get("grpc-timeout");
        let id = given.and_then(|text| text.to_str().ok()).unwrap_or("none");
        let sync = TemplateSync {
            id: Some(id.to_owned()),
            ..TemplateSync::default()
        };
        Ok(Response::new(SyncTemplatesResponse { sync: Some(sync) }))
    }
}

#[tonic::async_trait]
impl SoulService for Gateways {
    async fn get_agent_soul(
        &self,
        request: Request<GetAgentSoulRequest>,
    ) -> Result<Response<GetAgentSoulResponse>, Status> {
        let content = match request.into_inner().agent_id.as_str() {
            "nobody" => String::new(),
            _ => "# SOUL.md\n\nI am \"Ada\".\n".into(),
        };
        Ok(Response::new(GetAgentSoulResponse { content }))
    }
}

#[tonic::async_trait]
impl SkillService for Gateways {
    async fn list_skills(
        &self,
        request: Request<ListSkillsRequest>,
    ) -> Result<Response<ListSkillsResponse>, Status> {
        let request = request.into_inner();
        let mut answer = Response::new(ListSkillsResponse {
            items: vec![SkillCard {
                name: "Cut".into(),
                ..SkillCard::default()
            }],
            total: 7,
        });
        if let Some(limit) = request.limit {
            let said = [
                ("x-total-count", 7),
                ("x-limit", limit),
                ("x-offset", request.offset.unwrap_or(0)),
                ("x-secret", 1),
            ];
            for (name, value) in said {
                answer.metadata_mut().insert(name, value.into());
            }
        }
        Ok(answer)
    }
}
