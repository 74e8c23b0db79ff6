//! What is only looked at on a gateway: nothing of this changes anything there.

use prost_types::Value;
use proto::gateway::v1::{
    Check, DiagnoseRequest, GetHistoryRequest, ListAgentsRequest, ListSessionsRequest,
    ListSkillsRequest, ProbeRequest, ProbeResponse, ReadFileRequest, RunningAgent, WatchRequest,
    WatchResponse,
};
use tonic::Streaming;

use super::{Connector, Failure};
use crate::{agent::Agent, gateway::Gateway};

/// Sessions of a gateway, as it describes them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sessions {
    /// At most 200.
    pub shown: Vec<Value>,
    /// Of all there are.
    pub total: i32,
}

impl Connector {
    /// Connects if need be and answers what the gateway is.
    pub(crate) async fn probe(&self, gateway: &Gateway) -> Result<ProbeResponse, Failure> {
        let request = ProbeRequest {
            target: Some(self.target(gateway)?),
        };
        Ok(self.client.clone().probe(request).await?.into_inner())
    }

    /// Examines the way to the gateway step by step.
    pub(crate) async fn diagnose(&self, gateway: &Gateway) -> Result<Vec<Check>, Failure> {
        let request = DiagnoseRequest {
            target: Some(self.target(gateway)?),
        };
        let answer = self.client.clone().diagnose(request).await?;
        Ok(answer.into_inner().checks)
    }

    /// Lists the agents that run on the gateway, at most 1,000.
    pub(crate) async fn list_agents(
        &self,
        gateway: &Gateway,
    ) -> Result<Vec<RunningAgent>, Failure> {
        let request = ListAgentsRequest {
            target: Some(self.target(gateway)?),
        };
        let answer = self.client.clone().list_agents(request).await?;
        Ok(answer.into_inner().agents)
    }

    /// Lists sessions, or finds the one of this key.
    pub(crate) async fn list_sessions(
        &self,
        gateway: &Gateway,
        session_key: Option<&str>,
    ) -> Result<Sessions, Failure> {
        let request = ListSessionsRequest {
            target: Some(self.target(gateway)?),
            agent_key: None,
            session_key: session_key.map(str::to_owned),
        };
        let answer = self.client.clone().list_sessions(request).await?;
        let answer = answer.into_inner();
        Ok(Sessions {
            shown: answer.sessions,
            total: answer.total,
        })
    }

    /// Reads the newest messages of a session, oldest first. `limit` is 1 to 1,000.
    pub(crate) async fn history(
        &self,
        gateway: &Gateway,
        session_key: &str,
        limit: i32,
    ) -> Result<Vec<Value>, Failure> {
        let request = GetHistoryRequest {
            target: Some(self.target(gateway)?),
            session_key: session_key.to_owned(),
            limit,
        };
        let answer = self.client.clone().get_history(request).await?;
        Ok(answer.into_inner().messages)
    }

    /// Reads a file of the agent's workspace; `None` when it has no such file.
    pub(crate) async fn read_file(
        &self,
        gateway: &Gateway,
        agent: &Agent,
        name: &str,
    ) -> Result<Option<String>, Failure> {
        let request = ReadFileRequest {
            target: Some(self.target(gateway)?),
            agent_key: agent.key(),
            name: name.to_owned(),
        };
        let answer = self.client.clone().read_file(request).await?;
        Ok(answer.into_inner().content)
    }

    /// Names of the skills that the agent has, at most 1,000.
    pub(crate) async fn list_skills(
        &self,
        gateway: &Gateway,
        agent: &Agent,
    ) -> Result<Vec<String>, Failure> {
        let request = ListSkillsRequest {
            target: Some(self.target(gateway)?),
            agent_key: agent.key(),
        };
        let answer = self.client.clone().list_skills(request).await?;
        Ok(answer.into_inner().names)
    }

    /// Follows what the gateway tells by itself, for as long as somebody reads.
    pub(crate) async fn watch(
        &self,
        gateway: &Gateway,
    ) -> Result<Streaming<WatchResponse>, Failure> {
        let request = WatchRequest {
            target: Some(self.target(gateway)?),
        };
        Ok(self.client.clone().watch(request).await?.into_inner())
    }
}
