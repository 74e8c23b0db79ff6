//! What runs on the gateway behind the stand-in connector.

use std::{collections::BTreeMap, pin::Pin};

use futures::{Stream, StreamExt, channel::mpsc};
use proto::gateway::v1::{
    Check, GetHistoryRequest, GetHistoryResponse, ListSessionsRequest, ListSessionsResponse,
    ProbeResponse, RunningAgent, WatchResponse,
};
use serde_json::{Value, json};
use tonic::Status;

/// What the gateway tells by itself.
pub(crate) type Events = Pin<Box<dyn Stream<Item = Result<WatchResponse, Status>> + Send>>;

#[derive(Default)]
pub(crate) struct Runtime {
    pub(crate) agents: Vec<RunningAgent>,
    pub(crate) checks: Vec<Check>,
    pub(crate) skills: Vec<String>,
    /// Messages of each session, oldest first.
    sessions: BTreeMap<String, Vec<Value>>,
    files: BTreeMap<(String, String), String>,
    watchers: Vec<mpsc::UnboundedSender<Result<WatchResponse, Status>>>,
}

impl Runtime {
    pub(crate) fn probed(&self) -> ProbeResponse {
        ProbeResponse {
            version: "2026.7.1".into(),
            protocol: 4,
            latency_ms: 7,
        }
    }

    /// Opens a session with messages that are numbered from 1.
    pub(crate) fn open_session(&mut self, key: &str, messages: usize) {
        let texts = (1..=messages).map(|n| json!({"role": "user", "content": format!("m{n}")}));
        self.sessions.insert(key.to_owned(), texts.collect());
    }

    /// One more message in a session.
    pub(crate) fn append(&mut self, key: &str, text: &str) {
        let messages = self.sessions.entry(key.to_owned()).or_default();
        messages.push(json!({"role": "assistant", "content": text}));
    }

    pub(crate) fn put_file(&mut self, agent_key: &str, name: &str, content: &str) {
        let place = (agent_key.to_owned(), name.to_owned());
        self.files.insert(place, content.to_owned());
    }

    pub(crate) fn file(&self, agent_key: &str, name: &str) -> Option<String> {
        let place = (agent_key.to_owned(), name.to_owned());
        self.files.get(&place).cloned()
    }

    pub(crate) fn sessions(&self, asked: &ListSessionsRequest) -> ListSessionsResponse {
        let wanted = asked.session_key.as_ref();
        let found = self
            .sessions
            .keys()
            .filter(|&key| wanted.is_none_or(|wanted| key == wanted));
        let sessions = found.map(|key| json!({"key": key, "label": format!("label of {key}")}));
        ListSessionsResponse {
            sessions: sessions
                .map(|session| chassis::encode::to_value(&session))
                .take(200)
                .collect(),
            total: i32::try_from(self.sessions.len()).unwrap(),
        }
    }

    pub(crate) fn history(&self, asked: &GetHistoryRequest) -> GetHistoryResponse {
        let messages = self
            .sessions
            .get(&asked.session_key)
            .cloned()
            .unwrap_or_default();
        let limit = usize::try_from(asked.limit).unwrap();
        let newest = &messages[messages.len().saturating_sub(limit)..];
        GetHistoryResponse {
            messages: newest.iter().map(chassis::encode::to_value).collect(),
        }
    }

    pub(crate) fn watch(&mut self) -> Events {
        let (sender, receiver) = mpsc::unbounded();
        self.watchers.push(sender);
        receiver.boxed()
    }

    /// Tells everybody who watches.
    pub(crate) fn tell(&mut self, event: &Result<WatchResponse, Status>) {
        self.watchers
            .retain(|watcher| watcher.unbounded_send(event.clone()).is_ok());
    }

    /// How many watch.
    pub(crate) fn watchers(&mut self) -> usize {
        self.watchers.retain(|watcher| !watcher.is_closed());
        self.watchers.len()
    }

    /// Ends every watch as a connector does that goes.
    pub(crate) fn hang_up(&mut self) {
        self.watchers.clear();
    }
}
