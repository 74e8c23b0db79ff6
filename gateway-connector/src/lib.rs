//! Live sessions to OpenClaw gateways.
//!
//! The connector keeps one multiplexed WebSocket session per gateway, finds out what that gateway can do, and offers the
//! rest of the mesh five things to want of it ([`proto::gateway::v1::connector_service_server::ConnectorService`]). Each of
//! them can be repeated: when a connection ends in the middle, the connector reconnects, looks what became of the request
//! and goes on. It owns nothing durable but its own device key.

mod address;
mod agent_list;
mod backoff;
mod call;
mod config;
mod configuration;
mod dial;
mod error;
mod feed;
mod fold;
mod frame;
mod gateway;
mod gateways;
mod handshake;
mod hello;
mod identity;
mod operation;
mod refusal;
mod rpc;
mod session;
mod target;
mod tls;
mod version;

use std::sync::Arc;

use proto::gateway::v1::connector_service_server::ConnectorServiceServer;

pub use address::PrivateAddresses;
pub use config::Config;

use crate::{gateways::Gateways, rpc::Connector};

/// Name of this component on the command line and among peers.
pub const ROLE: &str = "gateway-connector";

/// Adds the connector to a process.
pub async fn register(server: &mut chassis::Server, config: Config) -> anyhow::Result<()> {
    let gateways = Arc::new(Gateways::new(&config, server.clock())?);
    let connector = Connector::new(Arc::clone(&gateways), server.shutdown());
    server.add_service(
        ROLE,
        // Workspace files of one agent may come in one request.
        ConnectorServiceServer::new(connector).max_decoding_message_size(16 * 1024 * 1024),
    );
    server.spawn("gateway-sessions", |stop| async move {
        stop.cancelled().await;
        gateways.close().await;
        Ok(())
    });
    Ok(())
}
