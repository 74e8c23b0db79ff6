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
mod diagnose;
mod dial;
mod error;
mod feed;
mod fold;
mod frame;
#[cfg(test)]
mod fuzz;
mod gateway;
mod gateways;
mod handshake;
mod hello;
mod identity;
mod lease;
mod operation;
#[cfg(test)]
mod recorded;
mod refusal;
mod replica;
mod rpc;
mod session;
mod store;
mod target;
mod tls;
mod version;
mod wire;

use std::sync::Arc;

use proto::gateway::v1::connector_service_server::ConnectorServiceServer;
use sqlx::migrate::Migrator;

pub use address::PrivateAddresses;
pub use config::Config;
pub use diagnose::{Check, Flags, Outcome, diagnose};

use crate::{
    gateways::Gateways, identity::Identity, lease::Leases, replica::Replicas, rpc::Connector,
};

/// Name of this component on the command line and among peers.
pub const ROLE: &str = "gateway-connector";
/// Schema that the component owns.
pub const SCHEMA: &str = "connector";
/// What the schema consists of.
pub static MIGRATOR: Migrator = sqlx::migrate!();

/// Adds the connector to a process.
pub async fn register(server: &mut chassis::Server, config: Config) -> anyhow::Result<()> {
    let pool = server.database(SCHEMA).await?;
    let identity = Identity::of_installation(&pool, &server.seal(), &config).await?;
    let address = config.connector_advertise_url.as_ref();
    let leases = Leases::begin(pool, address, config.alone, config.connector_lease).await?;
    let replicas = Replicas::new(server.dialer());
    let gateways = Arc::new(Gateways::new(
        &config,
        server.clock(),
        identity,
        leases,
        replicas,
    )?);
    let connector = Connector::new(Arc::clone(&gateways), server.shutdown());
    server.add_service(
        ROLE,
        // Workspace files of one agent may come in one request.
        ConnectorServiceServer::new(connector).max_decoding_message_size(16 * 1024 * 1024),
    );
    server.spawn("gateway-leases", {
        let gateways = Arc::clone(&gateways);
        |stop| async move { gateways.renew(stop).await }
    });
    server.spawn("gateway-sessions", |stop| async move {
        stop.cancelled().await;
        gateways.close().await;
        Ok(())
    });
    Ok(())
}
