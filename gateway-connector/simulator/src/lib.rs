//! A gateway that speaks the OpenClaw protocol, for demos and tests.
//!
//! It behaves like the real gateways 2026.2.9, 2026.7.1 and 2026.9.6 as far as a back-end client can tell: handshake with
//! challenge and device signature, closed parameters, agents kept as a list or as a map, the workspace files that each
//! version takes, optimistic locking and rate limits of the configuration, restarts after a write. Agents run no model:
//! a message is recorded and whoever watches may answer it.
//!
//! ```text
//! use simulator::{Simulator, SimulatorConfig, Version};
//!
//! let gateway = Simulator::start(SimulatorConfig { version: Version::V2026_9_6, ..Default::default() }).await?;
//! println!("{}", gateway.url());
//! gateway.stop().await;
//! ```

mod config;
mod device;
mod fault;
mod frame;
mod handshake;
mod hub;
mod methods;
mod params;
mod running;
mod scope;
mod socket;
mod state;
mod steering;
mod version;

pub use config::{Pairing, SimulatorConfig};
pub use fault::{Cut, Effect};
pub use frame::Failure;
pub use running::Running;
pub use state::{Agent, Call, Message, Session};
pub use version::Version;

/// A simulated gateway.
pub struct Simulator;

impl Simulator {
    /// Binds the address and answers from then on.
    pub async fn start(config: SimulatorConfig) -> std::io::Result<Running> {
        running::start(config).await
    }
}
