//! How a simulated gateway is set up.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use crate::Version;

/// What becomes of a device that the gateway has not seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairing {
    /// Approved at once, as a loopback gateway does.
    Silent,
    /// Refused until [`Running::approve_devices`](crate::Running::approve_devices).
    Required,
}

/// A simulated gateway's set-up. The default is a 2026.7.1 on a free loopback port with the token `simulator-token`.
#[derive(Clone, Debug)]
pub struct SimulatorConfig {
    pub addr: SocketAddr,
    pub version: Version,
    /// The shared token; `None` lets anybody in who brings a device.
    pub token: Option<String>,
    pub pairing: Pairing,
    /// Serves `wss://` with this certificate.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Whether a control-UI client may connect without a device (`gateway.controlUi.dangerouslyDisableDeviceAuth`, inert
    /// since 2026.8).
    pub control_ui_without_device: bool,
    /// Pace of `tick` events.
    pub tick_interval: Duration,
    /// How long a new agent stays unknown to `agents.update` and the workspace files; `None` takes the version's own.
    pub settle: Option<Duration>,
    /// How long after a write 2026.2.9 restarts when the client names no delay.
    pub restart_delay: Duration,
    /// How long it remembers the configuration from before a write, and bases the next change of an agent on that; as
    /// 2026.2.9 does for 200 ms when somebody reads it during the write.
    pub memory: Option<Duration>,
    /// How long a restart takes.
    pub restart_time: Duration,
    /// Window of the rate limit of configuration writes.
    pub rate_window: Duration,
    /// Frames beyond this many bytes close the socket with 1009; `None` takes the version's own.
    pub max_payload: Option<usize>,
    /// What `hello-ok` says of its version; `None` takes the version's own.
    pub announced: Option<String>,
    /// The one wire protocol that it speaks; `None` takes the version's own.
    pub protocol: Option<i64>,
    /// Scopes that a connection gets at most; `None` grants what is asked for.
    pub grants: Option<Vec<String>>,
}

impl Default for SimulatorConfig {
    fn default() -> Self {
        Self {
            addr: SocketAddr::from(([127, 0, 0, 1], 0)),
            version: Version::V2026_7_1,
            token: Some("simulator-token".to_owned()),
            pairing: Pairing::Silent,
            tls: None,
            control_ui_without_device: false,
            tick_interval: Duration::from_secs(30),
            settle: None,
            restart_delay: Duration::from_secs(2),
            memory: None,
            restart_time: Duration::from_millis(100),
            rate_window: Duration::from_secs(60),
            max_payload: None,
            announced: None,
            protocol: None,
            grants: None,
        }
    }
}

impl SimulatorConfig {
    pub(crate) fn settle(&self) -> Duration {
        self.settle.unwrap_or(self.version.settle())
    }

    pub(crate) fn protocol(&self) -> i64 {
        self.protocol.unwrap_or(self.version.protocol())
    }

    pub(crate) fn max_payload(&self) -> usize {
        self.max_payload.unwrap_or(self.version.max_payload())
    }
}
