//! Who is this, and what may they see.
//!
//! Owns people and their API tokens, organizations and their settings, memberships, the rights of members on boards, and
//! invites. Turns a person's credential into the person, the organization that they act in and their rights there;
//! everybody else judges by that answer and never asks again. Knows no agent: their tokens belong to the agent service.

mod access;
mod address;
mod api_token;
mod authenticate;
mod config;
mod consumer;
mod credential;
mod error;
mod event;
mod hasher;
mod identity;
mod invite;
mod member;
mod organization;
mod rpc;
mod settings;
mod store;
mod token;
mod usage;
mod user;
mod wire;

use anyhow::Context;
use proto::{
    board::v1::board_directory_service_client::BoardDirectoryServiceClient,
    org::v1::{
        api_token_service_server::ApiTokenServiceServer,
        identity_service_server::IdentityServiceServer, invite_service_server::InviteServiceServer,
        organization_service_server::OrganizationServiceServer,
        user_service_server::UserServiceServer,
    },
};
use sqlx::migrate::Migrator;

pub use config::{AuthMode, Config};
pub use consumer::SUBSCRIPTION;

use crate::{
    authenticate::Doorkeeper, consumer::Listener, credential::LocalToken, hasher::Hasher, rpc::Org,
    usage::Usage,
};

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
    bus.consume(server, SUBSCRIPTION, pool.clone(), Listener)
        .await?;
    let (clock, hasher, usage) = (server.clock(), Hasher::new(), Usage::default());
    server.spawn("org-token-usage", {
        let (usage, pool) = (usage.clone(), pool.clone());
        |stop| usage.run(pool, stop)
    });
    let org = Org {
        doorkeeper: Doorkeeper::new(pool.clone(), clock.clone(), hasher.clone(), usage),
        boards: BoardDirectoryServiceClient::new(server.peer("board")),
        auth_mode: config.auth_mode,
        pool,
        clock,
        token,
        hasher,
    };
    server.add_service(ROLE, UserServiceServer::new(org.clone()));
    server.add_service(ROLE, OrganizationServiceServer::new(org.clone()));
    server.add_service(ROLE, InviteServiceServer::new(org.clone()));
    server.add_service(ROLE, ApiTokenServiceServer::new(org.clone()));
    server.add_service(ROLE, IdentityServiceServer::new(org));
    Ok(())
}
