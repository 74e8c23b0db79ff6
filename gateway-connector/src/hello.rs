//! What a gateway says about itself when it accepts a connection.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::{error::Error, refusal::printable};

/// Between what paces a gateway's own is believed: a connection that is dead is noticed in the end.
const TICKS: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(120));

/// A gateway that accepted us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hello {
    /// 3 or 4.
    pub protocol: i32,
    pub version: String,
    pub methods: Vec<String>,
    /// What it grants, when it says so.
    pub scopes: Option<Vec<String>>,
    /// Longest frame that it takes, bytes.
    pub max_payload: usize,
    /// Pace of its ticks; twice that in silence means that it is gone.
    pub tick: Duration,
}

impl Hello {
    /// Whether it announces a method. Not every callable method is announced.
    pub(crate) fn announces(&self, method: &str) -> bool {
        self.methods.iter().any(|known| known == method)
    }
}

#[derive(Deserialize)]
struct Payload {
    protocol: i32,
    server: Server,
    #[serde(default)]
    features: Features,
    #[serde(default)]
    auth: Auth,
    #[serde(default)]
    policy: Policy,
}

#[derive(Default, Deserialize)]
struct Auth {
    scopes: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Server {
    version: String,
}

#[derive(Default, Deserialize)]
struct Features {
    #[serde(default)]
    methods: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Policy {
    max_payload: usize,
    tick_interval_ms: u64,
}

/// The least that any gateway grants.
impl Default for Policy {
    fn default() -> Self {
        Self {
            max_payload: 524_288,
            tick_interval_ms: 30_000,
        }
    }
}

impl TryFrom<Value> for Hello {
    type Error = Error;

    fn try_from(payload: Value) -> Result<Self, Error> {
        let payload: Payload = serde_json::from_value(payload)
            .map_err(|_| Error::Incompatible("its greeting cannot be read".into()))?;
        Ok(Self {
            protocol: payload.protocol,
            version: printable(&payload.server.version, None),
            methods: payload.features.methods,
            scopes: payload.auth.scopes,
            max_payload: payload.policy.max_payload,
            tick: Duration::from_millis(payload.policy.tick_interval_ms).clamp(TICKS.0, TICKS.1),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pace_beyond_belief_is_not_waited_for() {
        for (told, believed) in [(30_000, 30_000), (0, 10), (u64::MAX, 120_000)] {
            let payload = json!({"protocol": 4, "server": {"version": "2026.9.6"}, "policy": {"tickIntervalMs": told}});
            let hello = Hello::try_from(payload).unwrap();
            assert_eq!(hello.tick, Duration::from_millis(believed));
        }
    }
}
