//! What a gateway holds: its configuration, workspaces, sessions and everything it was told.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    time::Instant,
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{Version, frame::now_ms};

/// An agent as the configuration has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Agent {
    pub id: String,
    pub name: Option<String>,
    pub workspace: Option<String>,
    pub heartbeat: Option<Value>,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub key: String,
    pub id: String,
    pub label: Option<String>,
}

/// A message that the gateway accepted, in the order of acceptance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub session_key: String,
    pub text: String,
    pub idempotency_key: String,
    pub deliver: bool,
}

/// A request that reached the gateway, whatever became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Number of the connection, from 1.
    pub connection: u64,
    pub method: String,
    pub params: Value,
}

#[derive(Debug)]
pub(crate) struct State {
    pub version: Version,
    /// The configuration; the agents in it are the agents.
    pub config: Value,
    /// What it was before the last write, and until when that is remembered.
    pub remembered: Option<(Value, Instant)>,
    pub workspaces: BTreeMap<String, BTreeMap<String, String>>,
    /// When an agent becomes known to everything but the configuration.
    pub settled_at: HashMap<String, Instant>,
    pub sessions: BTreeMap<String, Session>,
    /// What was said in each session: role and text.
    pub histories: BTreeMap<String, Vec<(&'static str, String, u64)>>,
    pub messages: Vec<Message>,
    pub runs: HashSet<String>,
    /// Beat text of each agent and its revision, 2026.9.6 only.
    pub scratches: BTreeMap<String, (String, u64)>,
    pub calls: Vec<Call>,
    pub writes: VecDeque<Instant>,
    /// Agents that are listed though the configuration does not name them.
    pub ghosts: BTreeSet<String>,
    /// Skills by agent.
    pub skills: BTreeMap<String, BTreeSet<String>>,
    pub approved: BTreeSet<String>,
    pub pending: BTreeMap<String, String>,
}

impl State {
    pub(crate) fn new(version: Version) -> Self {
        let mut config = json!({
            "gateway": {"mode": "local", "auth": {"mode": "token", "token": "__OPENCLAW_REDACTED__"}},
            "agents": {"defaults": {"workspace": "/gateway/main"}},
        });
        if version.has_entries() {
            config["agents"]["entries"] = json!({"main": {}});
        } else {
            config["meta"] = json!({"lastTouchedVersion": "2026.2.9"});
            config["agents"]["list"] = json!([{"id": "main"}]);
        }
        Self {
            version,
            config,
            remembered: None,
            workspaces: BTreeMap::from([("main".to_owned(), BTreeMap::new())]),
            settled_at: HashMap::new(),
            sessions: BTreeMap::new(),
            histories: BTreeMap::new(),
            messages: Vec::new(),
            runs: HashSet::new(),
            scratches: BTreeMap::new(),
            calls: Vec::new(),
            writes: VecDeque::new(),
            ghosts: BTreeSet::new(),
            skills: BTreeMap::new(),
            approved: BTreeSet::new(),
            pending: BTreeMap::new(),
        }
    }

    /// What `config.patch` must give back.
    pub(crate) fn hash(&self) -> String {
        let digest = hex::encode(Sha256::digest(self.config.to_string()));
        if self.version.has_entries() {
            format!("hmac-sha256:v1:{digest}")
        } else {
            digest
        }
    }

    pub(crate) fn agents(&self) -> Vec<Agent> {
        let agents = &self.config["agents"];
        let view = |id: &str, entry: &Value| Agent {
            id: id.to_owned(),
            name: entry["name"].as_str().map(str::to_owned),
            workspace: entry["workspace"].as_str().map(str::to_owned),
            heartbeat: entry.get("heartbeat").cloned(),
        };
        if let Some(entries) = agents["entries"].as_object() {
            return entries.iter().map(|(id, entry)| view(id, entry)).collect();
        }
        let list = agents["list"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        list.iter()
            .map(|entry| view(entry["id"].as_str().unwrap_or_default(), entry))
            .collect()
    }

    pub(crate) fn agent(&self, id: &str) -> Option<Agent> {
        self.agents()
            .into_iter()
            .find(|agent| agent.id.eq_ignore_ascii_case(id))
    }

    /// The agent, unless it is so new that only the configuration knows it.
    pub(crate) fn settled(&self, id: &str) -> Option<Agent> {
        let fresh = self
            .settled_at
            .get(id)
            .is_some_and(|at| Instant::now() < *at);
        if fresh { None } else { self.agent(id) }
    }

    /// The agent's entry in the configuration.
    pub(crate) fn entry_mut(&mut self, id: &str) -> Option<&mut Value> {
        let agents = &mut self.config["agents"];
        if agents["entries"].is_object() {
            return agents["entries"].get_mut(id);
        }
        agents["list"]
            .as_array_mut()?
            .iter_mut()
            .find(|entry| entry["id"] == id)
    }

    pub(crate) fn insert_agent(&mut self, id: &str, mut entry: Value) {
        let agents = &mut self.config["agents"];
        if self.version.has_entries() {
            agents["entries"][id] = entry;
        } else if let Some(list) = agents["list"].as_array_mut() {
            entry["id"] = id.into();
            list.push(entry);
        }
    }

    pub(crate) fn remove_agent(&mut self, id: &str) {
        let agents = &mut self.config["agents"];
        if let Some(entries) = agents.get_mut("entries").and_then(Value::as_object_mut) {
            entries.remove(id);
        } else if let Some(list) = agents["list"].as_array_mut() {
            list.retain(|entry| entry["id"] != id);
        }
        self.workspaces.remove(id);
        self.scratches.remove(id);
        self.settled_at.remove(id);
        if self.version.has_entries() {
            let prefix = format!("agent:{id}:");
            self.sessions.retain(|key, _| !key.starts_with(&prefix));
        }
    }

    /// The session, made when it is not there.
    pub(crate) fn session(&mut self, key: &str) -> &mut Session {
        self.sessions
            .entry(key.to_owned())
            .or_insert_with(|| Session {
                key: key.to_owned(),
                id: uuid::Uuid::new_v4().to_string(),
                label: None,
            })
    }

    pub(crate) fn say(&mut self, key: &str, role: &'static str, text: &str) {
        self.histories
            .entry(key.to_owned())
            .or_default()
            .push((role, text.to_owned(), now_ms()));
    }
}

/// The agent that a session key belongs to; keys without a prefix belong to `main`.
pub(crate) fn agent_of(session_key: &str) -> &str {
    session_key
        .strip_prefix("agent:")
        .and_then(|rest| rest.split(':').next())
        .unwrap_or("main")
}

/// The key as the gateway stores it.
pub(crate) fn canonical(session_key: &str) -> String {
    if session_key.starts_with("agent:") {
        session_key.to_owned()
    } else {
        format!("agent:main:{session_key}")
    }
}
