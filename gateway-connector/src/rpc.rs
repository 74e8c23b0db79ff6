//! The RPCs: decode, ask the gateway, answer.

use std::sync::Arc;

use chassis::{Fault, decode, encode};
use proto::gateway::v1::{
    EnsureAgentRequest, EnsureAgentResponse, ProbeRequest, ProbeResponse, RemoveAgentRequest,
    RemoveAgentResponse, SendMessageRequest, SendMessageResponse, WorkspaceFile, WriteFilesRequest,
    WriteFilesResponse, connector_service_server::ConnectorService,
};
use serde_json::{Map, Value};
use tonic::{Request, Response, Status};

use crate::{
    gateways::Gateways,
    operation::{self, Agent, File, Message},
    target::Target,
};

/// Files that one request may carry.
const MAX_FILES: usize = 50;
/// Characters of one file.
const MAX_CONTENT: usize = 400_000;
/// Characters of one message.
const MAX_MESSAGE: usize = 200_000;
/// Bytes of a heartbeat as JSON.
const MAX_HEARTBEAT: usize = 8_192;

/// Serves the contract.
pub(crate) struct Connector {
    gateways: Arc<Gateways>,
}

impl Connector {
    pub(crate) fn new(gateways: Arc<Gateways>) -> Self {
        Self { gateways }
    }
}

#[tonic::async_trait]
impl ConnectorService for Connector {
    async fn probe(
        &self,
        request: Request<ProbeRequest>,
    ) -> Result<Response<ProbeResponse>, Status> {
        let target = Target::decode(request.into_inner().target)?;
        let probed = operation::probe(&self.gateways.of(target)).await?;
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
        let request = request.into_inner();
        let target = Target::decode(request.target)?;
        let agent = Agent {
            key: agent_key(&request.agent_key)?,
            display_name: decode::text("display_name", &request.display_name, 1, 200)?,
            workspace: decode::text("workspace", &request.workspace, 1, 1000)?,
            heartbeat: request.heartbeat.as_ref().map(heartbeat).transpose()?,
        };
        let created = Box::pin(operation::ensure_agent(&self.gateways.of(target), &agent)).await?;
        Ok(Response::new(EnsureAgentResponse { created }))
    }

    async fn write_files(
        &self,
        request: Request<WriteFilesRequest>,
    ) -> Result<Response<WriteFilesResponse>, Status> {
        let request = request.into_inner();
        let target = Target::decode(request.target)?;
        let key = agent_key(&request.agent_key)?;
        let files = files(request.files)?;
        let outcome = Box::pin(operation::write_files(
            &self.gateways.of(target),
            &key,
            &files,
        ))
        .await?;
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
        let request = request.into_inner();
        let target = Target::decode(request.target)?;
        let message = Message {
            session_key: decode::text("session_key", &request.session_key, 1, 300)?,
            label: decode::text("label", &request.label, 0, 64)?,
            text: decode::text("message", &request.message, 1, MAX_MESSAGE)?,
            deliver: request.deliver,
            idempotency_key: decode::text("idempotency_key", &request.idempotency_key, 1, 200)?,
        };
        operation::send_message(&self.gateways.of(target), &message).await?;
        Ok(Response::new(SendMessageResponse {}))
    }

    async fn remove_agent(
        &self,
        request: Request<RemoveAgentRequest>,
    ) -> Result<Response<RemoveAgentResponse>, Status> {
        let request = request.into_inner();
        let target = Target::decode(request.target)?;
        let key = agent_key(&request.agent_key)?;
        let session_key = decode::text("session_key", &request.session_key, 0, 300)?;
        operation::remove_agent(&self.gateways.of(target), &key, &session_key).await?;
        Ok(Response::new(RemoveAgentResponse {}))
    }
}

/// A key that gateways take as an id unchanged. `main` belongs to the gateway's owner.
fn agent_key(text: &str) -> Result<String, Fault> {
    let lawful = text
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && (1..=64).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text != "main";
    if lawful {
        Ok(text.to_owned())
    } else {
        Err(Fault::invalid(
            "agent_key",
            "NOT_AN_AGENT_KEY",
            "must be 1 to 64 of a-z, 0-9 and -, and not `main`",
        ))
    }
}

fn heartbeat(wire: &prost_types::Struct) -> Result<Map<String, Value>, Fault> {
    match encode::from_struct(wire) {
        Value::Object(heartbeat)
            if Value::from(heartbeat.clone()).to_string().len() <= MAX_HEARTBEAT =>
        {
            Ok(heartbeat)
        }
        _ => Err(Fault::invalid(
            "heartbeat",
            "TOO_LARGE",
            "at most 8192 bytes as JSON",
        )),
    }
}

fn files(wire: Vec<WorkspaceFile>) -> Result<Vec<File>, Fault> {
    if wire.len() > MAX_FILES {
        return Err(Fault::invalid(
            "files",
            "TOO_MANY",
            format!("at most {MAX_FILES} files"),
        ));
    }
    let mut files: Vec<File> = Vec::with_capacity(wire.len());
    for (index, file) in wire.into_iter().enumerate() {
        let field = |name: &str| format!("files[{index}].{name}");
        let name = decode::text(&field("name"), &file.name, 1, 100)?;
        if name.contains(['/', '\\']) || name.starts_with('.') {
            return Err(Fault::invalid(
                field("name"),
                "NOT_A_FILE_NAME",
                "must be a plain file name",
            ));
        }
        if files.iter().any(|earlier| earlier.name == name) {
            return Err(Fault::invalid(
                field("name"),
                "REPEATED",
                "names a file twice",
            ));
        }
        // Content is kept to the byte: what surrounds it may matter to the agent.
        if file.content.contains('\0') || file.content.chars().count() > MAX_CONTENT {
            let message = format!("at most {MAX_CONTENT} characters without NUL");
            return Err(Fault::invalid(field("content"), "TOO_LONG", message));
        }
        files.push(File {
            name,
            content: file.content,
            keep_existing: file.keep_existing,
        });
    }
    Ok(files)
}
