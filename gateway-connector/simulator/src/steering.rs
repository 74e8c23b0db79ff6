//! What tests do to a running gateway beyond what its users can.

use std::sync::atomic::Ordering;

use serde_json::Value;

use crate::{Running, hub::Broadcast};

/// What others do to it.
impl Running {
    /// Makes an agent have a skill.
    pub fn install_skill(&self, agent_id: &str, name: &str) {
        let mut state = self.hub.state();
        let skills = state.skills.entry(agent_id.to_owned()).or_default();
        skills.insert(name.to_owned());
    }

    /// Writes a key into an agent's heartbeat by hand.
    pub fn write_heartbeat(&self, agent_id: &str, name: &str, value: Value) {
        if let Some(entry) = self.hub.state().entry_mut(agent_id) {
            entry["heartbeat"][name] = value;
        }
    }

    /// Makes `agents.list` show an agent that the configuration does not name.
    pub fn add_ghost(&self, id: &str) {
        self.hub.state().ghosts.insert(id.to_owned());
    }

    /// Makes sessions of these keys.
    pub fn add_sessions(&self, keys: impl IntoIterator<Item = String>) {
        let mut state = self.hub.state();
        for key in keys {
            state.session(&key);
        }
    }

    /// Puts words into a session without telling anybody.
    pub fn remember(&self, session_key: &str, role: &'static str, text: &str) {
        self.hub.state().say(session_key, role, text);
    }

    /// Sends an event to every connection.
    pub fn tell(&self, name: &str, payload: Value) {
        let name = name.to_owned().into();
        self.hub.tell(Broadcast::Event(name, payload));
    }

    /// Takes every approval back and closes the connections that lived on one.
    pub fn revoke_devices(&self) {
        self.hub.state().approved.clear();
        self.hub
            .tell(Broadcast::Close(4001, "client invalidated: device removed"));
    }

    /// Refuses every upgrade to a WebSocket with this status and body, as a proxy would; `None` ends that.
    pub fn forbid_upgrades(&self, answer: Option<(u16, &str)>) {
        self.hub.faults().forbidden = answer.map(|(status, body)| (status, body.to_owned()));
    }

    /// Most connections that were open at once.
    pub fn most_connections(&self) -> usize {
        self.hub.peak.load(Ordering::SeqCst)
    }
}
