//! The way to gateways: the connector, asked as a peer.

use std::time::Duration;

use chassis::{Code, Peer, Seal, Server, encode, fault};
use proto::gateway::v1::{
    EnsureAgentRequest, RemoveAgentRequest, SendMessageRequest, Target, WorkspaceFile,
    WriteFilesRequest, connector_service_client::ConnectorServiceClient,
};

use crate::{
    agent::Agent,
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

/// Why the connector did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {message}")]
pub(crate) struct Failure {
    /// As clients read codes: `gateway_unreachable`.
    pub reason: String,
    pub message: String,
    pub lasts: Lasts,
    pub retry_after: Option<Duration>,
}

/// How long a failure lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lasts {
    /// It may be gone by itself.
    AWhile,
    /// Until somebody changes the gateway or what we know of it.
    UntilChanged,
    /// This very request will never be taken.
    Forever,
}

/// How long each refusal of a gateway lasts. Pairing is somebody's click on the gateway, for which we wait.
const REFUSALS: [(&str, Lasts); 6] = [
    ("GATEWAY_PAIRING_REQUIRED", Lasts::AWhile),
    ("GATEWAY_UNAUTHORIZED", Lasts::UntilChanged),
    ("GATEWAY_SCOPE_MISSING", Lasts::UntilChanged),
    ("GATEWAY_INCOMPATIBLE", Lasts::UntilChanged),
    ("GATEWAY_TLS", Lasts::UntilChanged),
    ("GATEWAY_REFUSED", Lasts::Forever),
];

impl From<tonic::Status> for Failure {
    fn from(status: tonic::Status) -> Self {
        let fault = fault::read(&status);
        let refusal = REFUSALS.iter().find(|(reason, _)| *reason == fault.reason);
        let lasts = match (refusal, fault.code) {
            (Some((_, lasts)), _) => *lasts,
            (None, Code::Invalid) => Lasts::Forever,
            (None, _) => Lasts::AWhile,
        };
        Self {
            reason: fault.rest_code(),
            message: fault.message,
            lasts,
            retry_after: fault.retry_after,
        }
    }
}

impl Connector {
    pub(crate) fn of(server: &Server) -> Self {
        let client = ConnectorServiceClient::new(server.peer("gateway-connector"));
        Self {
            client,
            seal: server.seal(),
        }
    }

    /// Makes the agent exist with its name, workspace and pace.
    pub(crate) async fn ensure(&self, gateway: &Gateway, agent: &Agent) -> Result<(), Failure> {
        let request = EnsureAgentRequest {
            target: Some(self.target(gateway)?),
            agent_key: agent.key(),
            display_name: agent.name.clone(),
            workspace: agent.workspace(&gateway.workspace_root),
            heartbeat: encode::to_struct(&agent.heartbeat_config),
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

    /// Puts a message into the agent's session. Taken once per key.
    pub(crate) async fn tell(
        &self,
        gateway: &Gateway,
        agent: &Agent,
        letter: Letter,
    ) -> Result<(), Failure> {
        let request = SendMessageRequest {
            target: Some(self.target(gateway)?),
            session_key: agent.session_key(),
            label: agent.name.chars().take(LABEL).collect(),
            message: letter.message,
            deliver: letter.deliver,
            idempotency_key: letter.idempotency_key,
        };
        self.client.clone().send_message(request).await?;
        Ok(())
    }

    /// Makes the agent and its session cease to exist.
    pub(crate) async fn remove(&self, gateway: &Gateway, agent: &Agent) -> Result<(), Failure> {
        let request = RemoveAgentRequest {
            target: Some(self.target(gateway)?),
            agent_key: agent.key(),
            session_key: agent.session_key(),
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

#[cfg(test)]
mod tests {
    use chassis::Fault;

    use super::*;

    #[test]
    fn a_failure_lasts_as_long_as_its_cause() {
        let lasts = |code, reason: &str| {
            Failure::from(tonic::Status::from(Fault::new(code, reason, "x"))).lasts
        };
        assert_eq!(
            lasts(Code::Unavailable, "GATEWAY_UNREACHABLE"),
            Lasts::AWhile
        );
        assert_eq!(
            lasts(Code::Unauthenticated, "GATEWAY_UNAUTHORIZED"),
            Lasts::UntilChanged
        );
        assert_eq!(
            lasts(Code::Conflict, "GATEWAY_INCOMPATIBLE"),
            Lasts::UntilChanged
        );
        assert_eq!(
            lasts(Code::Conflict, "GATEWAY_PAIRING_REQUIRED"),
            Lasts::AWhile
        );
        assert_eq!(lasts(Code::Conflict, "GATEWAY_REFUSED"), Lasts::Forever);
        assert_eq!(lasts(Code::Invalid, "INVALID_REQUEST"), Lasts::Forever);
        assert_eq!(lasts(Code::Internal, "INTERNAL"), Lasts::AWhile);
        assert_eq!(
            Failure::from(tonic::Status::deadline_exceeded("late")).lasts,
            Lasts::AWhile
        );
    }
}
