//! Who is this, and what may they see.
//!
//! Owns people, organizations, memberships and the rights of members on boards. Turns a person's credential into the
//! person, the organization that they act in and their rights there; everybody else judges by that answer and never asks
//! again. Knows no agent: their tokens belong to the agent service.

mod config;
mod credential;
mod error;
mod event;
mod identity;
mod member;
mod organization;
mod rpc;
mod store;
mod user;
mod wire;

use anyhow::Context;
use proto::org::v1::{
    identity_service_server::IdentityServiceServer,
    organization_service_server::OrganizationServiceServer, user_service_server::UserServiceServer,
};
use sqlx::migrate::Migrator;

pub use config::{AuthMode, Config};

use crate::{credential::LocalToken, rpc::Org};

/// Name of the component among roles and peers.
pub const ROLE: &str = "org";
/// Schema that the component owns.
pub const SCHEMA: &str = "org";
/// What the schema consists of, beside the outbox.
pub static MIGRATOR: Migrator = sqlx::migrate!();

/// Adds the component to a server.
pub async fn register(
    server: &mut chassis::Server,
    bus: &bus::Bus,
    config: Config,
) -> anyhow::Result<()> {
    let AuthMode::Local = config.auth_mode;
    let secret = config
        .local_auth_token
        .context("LOCAL_AUTH_TOKEN must be set")?;
    let token = LocalToken::parse(&secret)?;
    let pool = server.database(SCHEMA).await?;
    bus.relay(server, SCHEMA, pool.clone());
    let org = Org {
        pool,
        clock: server.clock(),
        token,
    };
    server.add_service(ROLE, UserServiceServer::new(org.clone()));
    server.add_service(ROLE, OrganizationServiceServer::new(org.clone()));
    server.add_service(ROLE, IdentityServiceServer::new(org));
    Ok(())
}
