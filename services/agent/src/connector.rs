//! The way to gateways: the connector, asked as a peer.

mod failure;
mod look;

use chassis::{Code, Peer, Seal, Server, encode};
use proto::gateway::v1::{
    EnsureAgentRequest, RemoveAgentRequest, RemoveFilesRequest, ResetSessionRequest,
    SendMessageRequest, Target, WorkspaceFile, WriteFilesRequest,
    connector_service_client::ConnectorServiceClient,
};

pub(crate) use failure::{Failure, Lasts};
pub(crate) use look::Sessions;

use crate::{
    agent::{Agent, heartbeat},
    gateway::{self, Gateway},
    workspace::File,
};

/// Characters of a session's label.
const LABEL: usize = 64;

/// Asks the connector.
#[derive(Clone)]
pub(crate) struct Connector {
    client: ConnectorServiceClient<Peer>,
    seal: Seal,
}

impl Connector {
    pub(crate) fn of(server: &Server) -> Self {
        let client = ConnectorServiceClient::new(server.peer("gateway-connector"));
        Self {
            client,
            seal: server.seal(),
        }
    }

    /// Makes the agent exist with its name, workspace and pace, and without what was taken out of that.
    pub(crate) async fn ensure(&self, gateway: &Gateway, agent: &Agent) -> Result<(), Failure> {
        let request = EnsureAgentRequest {
            target: Some(self.target(gateway)?),
            agent_key: agent.key(),
            display_name: agent.name.clone(),
            workspace: agent.workspace(&gateway.workspace_root),
            heartbeat: encode::to_struct(&heartbeat::told(
                &agent.heartbeat_config,
                &agent.heartbeat_removed,
            )),
        };
        self.client.clone().ensure_agent(request).await?;
        Ok(())
    }

    /// Writes files into the agent's workspace.
    pub(crate) async fn write(
        &self,
        gateway: &Gateway,
        agent: &Agent,
        files: Vec<File>,
    ) -> Result<(), Failure> {
        let files = files.into_iter().map(|file| WorkspaceFile {
            name: file.name.to_owned(),
            content: file.content,
            keep_existing: file.keep_existing,
        });
        let request = WriteFilesRequest {
            target: Some(self.target(gateway)?),
            agent_key: agent.key(),
            files: files.collect(),
        };
        self.client.clone().write_files(request).await?;
        Ok(())
    }

    /// Takes out of the agent's files what was folded into them under these names.
    pub(crate) async fn remove_files(
        &self,
        gateway: &Gateway,
        agent: &Agent,
        names: &[&str],
    ) -> Result<(), Failure> {
        let request = RemoveFilesRequest {
            target: Some(self.target(gateway)?),
            agent_key: agent.key(),
            names: names.iter().map(|&name| name.to_owned()).collect(),
        };
        self.client.clone().remove_files(request).await?;
        Ok(())
    }

    /// Has the agent's session begin anew.
    pub(crate) async fn reset_session(
        &self,
        gateway: &Gateway,
        agent: &Agent,
    ) -> Result<(), Failure> {
        let request = ResetSessionRequest {
            target: Some(self.target(gateway)?),
            session_key: agent.session_key(),
        };
        self.client.clone().reset_session(request).await?;
        Ok(())
    }

    /// Puts a message into the agent's session. Taken once per key.
    pub(crate) async fn tell(
        &self,
        gateway: &Gateway,
        agent: &Agent,
        letter: Letter,
    ) -> Result<(), Failure> {
        self.say(gateway, &agent.session_key(), &agent.name, letter)
            .await
    }

    /// Puts a message into a session. Taken once per key.
    pub(crate) async fn say(
        &self,
        gateway: &Gateway,
        session_key: &str,
        label: &str,
        letter: Letter,
    ) -> Result<(), Failure> {
        let request = SendMessageRequest {
            target: Some(self.target(gateway)?),
            session_key: session_key.to_owned(),
            label: label.chars().take(LABEL).collect(),
            message: letter.message,
            deliver: letter.deliver,
            idempotency_key: letter.idempotency_key,
        };
        self.client.clone().send_message(request).await?;
        Ok(())
    }

    /// Makes the agent and its session cease to exist.
    pub(crate) async fn remove(&self, gateway: &Gateway, agent: &Agent) -> Result<(), Failure> {
        self.remove_runtime(gateway, &agent.key(), &agent.session_key())
            .await
    }

    /// The same for an agent that we know by its keys alone.
    pub(crate) async fn remove_runtime(
        &self,
        gateway: &Gateway,
        agent_key: &str,
        session_key: &str,
    ) -> Result<(), Failure> {
        let request = RemoveAgentRequest {
            target: Some(self.target(gateway)?),
            agent_key: agent_key.to_owned(),
            session_key: session_key.to_owned(),
        };
        self.client.clone().remove_agent(request).await?;
        Ok(())
    }

    fn target(&self, gateway: &Gateway) -> Result<Target, Failure> {
        let token = gateway
            .token_sealed
            .as_ref()
            .map(|sealed| self.open(gateway, sealed))
            .transpose()?;
        Ok(Target {
            gateway_id: gateway.id.to_string(),
            url: gateway.url.clone(),
            token,
            allow_insecure_tls: gateway.allow_insecure_tls,
            disable_device_pairing: gateway.disable_device_pairing,
        })
    }

    fn open(&self, gateway: &Gateway, sealed: &[u8]) -> Result<String, Failure> {
        let opened = self
            .seal
            .open(sealed, &gateway::seal_context(gateway.id))
            .ok();
        opened
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(|| Failure {
                reason: "gateway_token_unreadable".to_owned(),
                message:
                    "the stored token does not open with this installation's key: set it again"
                        .to_owned(),
                code: Code::Conflict,
                lasts: Lasts::UntilChanged,
                retry_after: None,
            })
    }
}

/// A message to an agent's session.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub message: String,
    /// Whether the answer goes out over the session's channel.
    pub deliver: bool,
    pub idempotency_key: String,
}
