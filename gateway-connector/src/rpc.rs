//! The RPCs: decode, ask the gateway, answer.

mod input;

use std::sync::Arc;

use chassis::{decode, encode};
use futures::StreamExt;
use proto::gateway::v1::{
    DiagnoseRequest, DiagnoseResponse, EnsureAgentRequest, EnsureAgentResponse, GetHistoryRequest,
    GetHistoryResponse, ListAgentsRequest, ListAgentsResponse, ListSessionsRequest,
    ListSessionsResponse, ListSkillsRequest, ListSkillsResponse, ProbeRequest, ProbeResponse,
    ReadFileRequest, ReadFileResponse, RemoveAgentRequest, RemoveAgentResponse, RemoveFilesRequest,
    RemoveFilesResponse, ResetSessionRequest, ResetSessionResponse, RunningAgent,
    SendMessageRequest, SendMessageResponse, WatchRequest, WatchResponse, WriteFilesRequest,
    WriteFilesResponse, connector_service_server::ConnectorService,
};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, codegen::BoxStream};

use self::input::{
    MAX_MESSAGE, agent_key, any_agent_key, file_name, file_names, files, heartbeat, session_key,
};
use crate::{
    diagnose::Flags,
    gateways::{Gateways, Place},
    operation::{self, Agent, Message, Wanted},
    replica,
    target::Target,
    wire,
};

/// Serves the contract.
pub(crate) struct Connector {
    gateways: Arc<Gateways>,
    /// Cancelled when the process begins to stop: streams end then, so that nobody waits for them.
    stop: CancellationToken,
}

impl Connector {
    pub(crate) fn new(gateways: Arc<Gateways>, stop: CancellationToken) -> Self {
        Self { gateways, stop }
    }

    async fn place<T>(
        &self,
        request: &Request<T>,
        target: &Option<proto::gateway::v1::Target>,
    ) -> Result<Place, Status> {
        let target = Target::decode(target.clone())?;
        let passed_on = replica::was_passed_on(request);
        Ok(self.gateways.place(target, passed_on).await?)
    }
}

/// The gateway of a request with the request's message; where another replica holds the gateway, its answer is ours.
macro_rules! here {
    ($self:ident, $request:ident, $method:ident) => {
        match $self.place(&$request, &$request.get_ref().target).await? {
            Place::Here(gateway) => (gateway, $request.into_inner()),
            Place::There(holder) => {
                let answer = holder.client().$method(holder.mark($request)).await;
                return holder.settle(answer);
            }
        }
    };
}

#[tonic::async_trait]
impl ConnectorService for Connector {
    async fn probe(
        &self,
        request: Request<ProbeRequest>,
    ) -> Result<Response<ProbeResponse>, Status> {
        let (gateway, _) = here!(self, request, probe);
        let probed = operation::probe(&gateway).await?;
        Ok(Response::new(ProbeResponse {
            version: probed.version,
            protocol: probed.protocol,
            latency_ms: probed.latency_ms,
        }))
    }

    async fn ensure_agent(
        &self,
        request: Request<EnsureAgentRequest>,
    ) -> Result<Response<EnsureAgentResponse>, Status> {
        let (gateway, request) = here!(self, request, ensure_agent);
        let agent = Agent {
            key: agent_key(&request.agent_key)?,
            display_name: decode::text("display_name", &request.display_name, 1, 200)?,
            workspace: decode::text("workspace", &request.workspace, 1, 1000)?,
            heartbeat: request.heartbeat.as_ref().map(heartbeat).transpose()?,
        };
        let created = Box::pin(operation::ensure_agent(&gateway, &agent)).await?;
        Ok(Response::new(EnsureAgentResponse { created }))
    }

    async fn write_files(
        &self,
        request: Request<WriteFilesRequest>,
    ) -> Result<Response<WriteFilesResponse>, Status> {
        let (gateway, request) = here!(self, request, write_files);
        let key = any_agent_key(&request.agent_key)?;
        let files = files(request.files)?;
        let outcome = Box::pin(operation::write_files(&gateway, &key, &files)).await?;
        Ok(Response::new(WriteFilesResponse {
            written: outcome.written,
            kept: outcome.kept,
            folded: outcome.folded,
        }))
    }

    async fn send_message(
        &self,
        request: Request<SendMessageRequest>,
    ) -> Result<Response<SendMessageResponse>, Status> {
        let (gateway, request) = here!(self, request, send_message);
        let message = Message {
            session_key: session_key(&request.session_key)?,
            label: decode::text("label", &request.label, 0, 64)?,
            text: decode::text("message", &request.message, 1, MAX_MESSAGE)?,
            deliver: request.deliver,
            idempotency_key: decode::text("idempotency_key", &request.idempotency_key, 1, 200)?,
        };
        operation::send_message(&gateway, &message).await?;
        Ok(Response::new(SendMessageResponse {}))
    }

    async fn remove_agent(
        &self,
        request: Request<RemoveAgentRequest>,
    ) -> Result<Response<RemoveAgentResponse>, Status> {
        let (gateway, request) = here!(self, request, remove_agent);
        let key = agent_key(&request.agent_key)?;
        let session_key = decode::text("session_key", &request.session_key, 0, 300)?;
        operation::remove_agent(&gateway, &key, &session_key).await?;
        Ok(Response::new(RemoveAgentResponse {}))
    }

    async fn diagnose(
        &self,
        request: Request<DiagnoseRequest>,
    ) -> Result<Response<DiagnoseResponse>, Status> {
        let target = input::target(request.into_inner().target)?;
        let token = decode::optional_text("target.token", target.token.as_deref(), 4096)?;
        let url = decode::text("target.url", &target.url, 0, 2000)?;
        let flags = Flags {
            allow_insecure_tls: target.allow_insecure_tls,
            disable_device_pairing: target.disable_device_pairing,
        };
        let checks = self.gateways.diagnose(&url, token.as_deref(), flags).await;
        Ok(Response::new(DiagnoseResponse {
            checks: checks.into_iter().map(wire::check).collect(),
        }))
    }

    async fn list_agents(
        &self,
        request: Request<ListAgentsRequest>,
    ) -> Result<Response<ListAgentsResponse>, Status> {
        let (gateway, _) = here!(self, request, list_agents);
        let found = operation::list_agents(&gateway).await?;
        let agents = found.into_iter().map(|agent| RunningAgent {
            agent_key: agent.key,
            name: agent.name,
            workspace: agent.workspace,
            is_configured: agent.is_configured,
        });
        Ok(Response::new(ListAgentsResponse {
            agents: agents.collect(),
        }))
    }

    async fn list_sessions(
        &self,
        request: Request<ListSessionsRequest>,
    ) -> Result<Response<ListSessionsResponse>, Status> {
        let (gateway, request) = here!(self, request, list_sessions);
        let wanted = Wanted {
            agent_key: request
                .agent_key
                .as_deref()
                .map(any_agent_key)
                .transpose()?,
            session_key: request
                .session_key
                .as_deref()
                .map(session_key)
                .transpose()?,
        };
        let (sessions, total) = operation::list_sessions(&gateway, &wanted).await?;
        Ok(Response::new(ListSessionsResponse {
            sessions: sessions.iter().map(encode::to_value).collect(),
            total: i32::try_from(total).unwrap_or(i32::MAX),
        }))
    }

    async fn get_history(
        &self,
        request: Request<GetHistoryRequest>,
    ) -> Result<Response<GetHistoryResponse>, Status> {
        let (gateway, request) = here!(self, request, get_history);
        let key = session_key(&request.session_key)?;
        let limit = decode::number("limit", request.limit, 1, 1_000)?;
        let messages = operation::history(&gateway, &key, limit).await?;
        Ok(Response::new(GetHistoryResponse {
            messages: messages.iter().map(encode::to_value).collect(),
        }))
    }

    async fn reset_session(
        &self,
        request: Request<ResetSessionRequest>,
    ) -> Result<Response<ResetSessionResponse>, Status> {
        let (gateway, request) = here!(self, request, reset_session);
        let key = session_key(&request.session_key)?;
        operation::reset_session(&gateway, &key).await?;
        Ok(Response::new(ResetSessionResponse {}))
    }

    async fn read_file(
        &self,
        request: Request<ReadFileRequest>,
    ) -> Result<Response<ReadFileResponse>, Status> {
        let (gateway, request) = here!(self, request, read_file);
        let key = any_agent_key(&request.agent_key)?;
        let name = file_name("name", &request.name)?;
        let content = operation::read_file(&gateway, &key, &name).await?;
        Ok(Response::new(ReadFileResponse { content }))
    }

    async fn remove_files(
        &self,
        request: Request<RemoveFilesRequest>,
    ) -> Result<Response<RemoveFilesResponse>, Status> {
        let (gateway, request) = here!(self, request, remove_files);
        let key = any_agent_key(&request.agent_key)?;
        let names = file_names(&request.names)?;
        operation::remove_files(&gateway, &key, &names).await?;
        Ok(Response::new(RemoveFilesResponse {}))
    }

    async fn list_skills(
        &self,
        request: Request<ListSkillsRequest>,
    ) -> Result<Response<ListSkillsResponse>, Status> {
        let (gateway, request) = here!(self, request, list_skills);
        let key = any_agent_key(&request.agent_key)?;
        let names = operation::list_skills(&gateway, &key).await?;
        Ok(Response::new(ListSkillsResponse { names }))
    }

    async fn watch(
        &self,
        request: Request<WatchRequest>,
    ) -> Result<Response<BoxStream<WatchResponse>>, Status> {
        let gateway = match self.place(&request, &request.get_ref().target).await? {
            Place::Here(gateway) => gateway,
            Place::There(holder) => {
                let answer = holder.client().watch(holder.mark(request)).await;
                return Ok(holder.settle(answer)?.map(|news| Box::pin(news) as _));
            }
        };
        let news = gateway.watch(self.stop.clone()).await?;
        let news = news.map(|told| told.map(|told| wire::told(&told)).map_err(Status::from));
        Ok(Response::new(Box::pin(news)))
    }
}
