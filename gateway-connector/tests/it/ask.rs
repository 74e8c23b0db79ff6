//! What tests ask a connector for: every RPC in a line.

use chassis::Fault;
use futures::StreamExt;
use proto::gateway::v1::{
    Check, DiagnoseRequest, GetHistoryRequest, ListAgentsRequest, ListSessionsRequest,
    ListSkillsRequest, ReadFileRequest, RemoveFilesRequest, ResetSessionRequest, RunningAgent,
    WatchRequest, WatchResponse,
};
use serde_json::Value;
use tonic::{Status, Streaming};

use crate::support::{Bench, KEY, SESSION, answer};

impl Bench {
    pub(crate) async fn agents(&self) -> Result<Vec<RunningAgent>, Fault> {
        let request = ListAgentsRequest {
            target: Some(self.target.clone()),
        };
        answer(self.connector.clone().list_agents(request).await).map(|found| found.agents)
    }

    /// Keys of sessions, and how many there are.
    pub(crate) async fn sessions(
        &self,
        agent_key: Option<&str>,
        session_key: Option<&str>,
    ) -> Result<(Vec<String>, i32), Fault> {
        let request = ListSessionsRequest {
            target: Some(self.target.clone()),
            agent_key: agent_key.map(str::to_owned),
            session_key: session_key.map(str::to_owned),
        };
        let found = answer(self.connector.clone().list_sessions(request).await)?;
        let keys = found.sessions.iter().map(|session| {
            let session = chassis::encode::from_value(session);
            session["key"].as_str().unwrap().to_owned()
        });
        Ok((keys.collect(), found.total))
    }

    pub(crate) async fn history(&self, limit: i32) -> Result<Vec<Value>, Fault> {
        let request = GetHistoryRequest {
            target: Some(self.target.clone()),
            session_key: SESSION.into(),
            limit,
        };
        let found = answer(self.connector.clone().get_history(request).await)?;
        Ok(found
            .messages
            .iter()
            .map(chassis::encode::from_value)
            .collect())
    }

    pub(crate) async fn reset(&self) -> Result<(), Fault> {
        let request = ResetSessionRequest {
            target: Some(self.target.clone()),
            session_key: SESSION.into(),
        };
        answer(self.connector.clone().reset_session(request).await).map(drop)
    }

    pub(crate) async fn read(&self, name: &str) -> Result<Option<String>, Fault> {
        let request = ReadFileRequest {
            target: Some(self.target.clone()),
            agent_key: KEY.into(),
            name: name.into(),
        };
        answer(self.connector.clone().read_file(request).await).map(|found| found.content)
    }

    pub(crate) async fn remove_files(&self, names: &[&str]) -> Result<(), Fault> {
        let request = RemoveFilesRequest {
            target: Some(self.target.clone()),
            agent_key: KEY.into(),
            names: names.iter().map(|&name| name.to_owned()).collect(),
        };
        answer(self.connector.clone().remove_files(request).await).map(drop)
    }

    pub(crate) async fn skills(&self) -> Result<Vec<String>, Fault> {
        let request = ListSkillsRequest {
            target: Some(self.target.clone()),
            agent_key: KEY.into(),
        };
        answer(self.connector.clone().list_skills(request).await).map(|found| found.names)
    }

    pub(crate) async fn watch(&self) -> Result<Streaming<WatchResponse>, Fault> {
        let request = WatchRequest {
            target: Some(self.target.clone()),
        };
        answer(self.connector.clone().watch(request).await)
    }

    pub(crate) async fn diagnose(&self) -> Vec<Check> {
        let request = DiagnoseRequest {
            target: Some(self.target.clone()),
        };
        answer(self.connector.clone().diagnose(request).await)
            .unwrap()
            .checks
    }
}

/// The next piece of news.
pub(crate) async fn next(news: &mut Streaming<WatchResponse>) -> Result<(String, Value), Status> {
    let patience = std::time::Duration::from_secs(30);
    let told = tokio::time::timeout(patience, news.next())
        .await
        .expect("news comes in time")
        .expect("the stream goes on")?;
    let payload = told.payload.as_ref().map_or(Value::Null, |payload| {
        serde_json::to_value(chassis::encode::from_value(payload)).unwrap()
    });
    assert!(told.at.is_some());
    Ok((told.r#type, payload))
}

/// The next piece of news of this kind.
pub(crate) async fn next_of(
    news: &mut Streaming<WatchResponse>,
    kind: &str,
) -> Result<Value, Status> {
    loop {
        let (told, payload) = next(news).await?;
        if told == kind {
            return Ok(payload);
        }
    }
}
