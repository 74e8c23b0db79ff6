//! Owns gateways and their credentials, agents and their life cycle, the files that agents find in their workspaces, their
//! tokens and presence, and what they are told.
//!
//! No change reaches a gateway inside of a request, save for a message that somebody writes into a session; what is only
//! looked at is asked at once. A request changes rows and leaves work: a life-cycle job
//! ([`job`]) or a notice ([`notice`]), each with its delivery, in the transaction of the change. The work asks the connector
//! for what it wants, as often as it takes, and says what became of it.
//!
//! What others tell decides who is told what ([`notice`]), when it waits ([`pause`]), and which agents go ([`departure`]).

mod absence;
mod agent;
mod authenticate;
mod catalogue;
mod config;
mod connector;
mod consumer;
mod coordination;
mod departure;
mod error;
mod gateway;
mod job;
mod lead;
mod lifecycle;
mod notice;
mod onboarding;
mod pause;
mod phase;
mod post;
mod quote;
mod retention;
mod rpc;
mod skill;
mod soul;
mod store;
mod sync;
mod teardown;
mod token;
mod waking;
mod wire;
mod workspace;

use delivery::Policy;
use proto::{
    agent::v1::{
        agent_directory_service_server::AgentDirectoryServiceServer,
        agent_service_server::AgentServiceServer,
        coordination_service_server::CoordinationServiceServer,
        gateway_service_server::GatewayServiceServer,
        gateway_session_service_server::GatewaySessionServiceServer,
        notice_service_server::NoticeServiceServer,
    },
    board::v1::board_directory_service_client::BoardDirectoryServiceClient,
    onboarding::v1::onboarding_service_server::OnboardingServiceServer,
    org::v1::identity_service_client::IdentityServiceClient,
};
use sqlx::{PgPool, migrate::Migrator};

pub use config::{AUTO, Config, Schedule};
use connector::Connector;
use consumer::Consumer;
use departure::Departure;
use lifecycle::{Planner, Steps, Worker};
use soul::role::RoleSouls;
use waking::Waker;

/// Name of this component among the roles of the mesh.
pub const ROLE: &str = "agent";
/// Schema that it owns.
pub const SCHEMA: &str = "agent";
/// Its tables. Those of the bus and of deliveries stand beside them.
pub static MIGRATOR: Migrator = sqlx::migrate!();
/// What it listens to: whatever agents are told of, or go with, and how long things are kept.
pub const SUBSCRIPTION: bus::Subscription = bus::Subscription {
    group: ROLE,
    topics: &[
        "task.*",
        "approval.resolved",
        "approval.expired",
        "board.*",
        "board_group.memory_created",
        "organization.created",
        "organization.deleted",
        "organization.settings_changed",
    ],
};

/// Jobs and notices at once: in this process, and at one gateway over all processes.
const CONCURRENCY: usize = 32;
const PER_GATEWAY: usize = 4;

/// Adds gateways, agents and notices to a process.
pub async fn register(
    server: &mut chassis::Server,
    bus: &bus::Bus,
    config: Config,
) -> anyhow::Result<()> {
    let pool = server.database(SCHEMA).await?;
    bus.relay(server, ROLE, pool.clone());
    let consumer = Consumer {
        clock: server.clock(),
        desk: post::Desk {
            base_url: config.base_url.clone(),
        },
        departure: Departure {
            planner: planner(&config),
        },
        hosts: config.skills.hosts(),
    };
    bus.consume(server, SUBSCRIPTION, pool.clone(), consumer)
        .await?;
    serve(server, &pool, &config);
    catalogue::serve(server, &pool, &config, planner(&config))?;
    catalogue::work(server, &pool, &config);
    let souls = catalogue::role_souls(server, &pool, &config)?;
    work(server, &pool, config, souls);
    Ok(())
}

fn serve(server: &mut chassis::Server, pool: &PgPool, config: &Config) {
    let desk = rpc::Desk {
        pool: pool.clone(),
        clock: server.clock(),
        seal: server.seal(),
        boards: BoardDirectoryServiceClient::new(server.peer("board")),
        doorkeeper: authenticate::Doorkeeper::new(pool.clone(), server.clock()),
        planner: planner(config),
        waker: waker(config),
        connector: Connector::of(server),
        base_url: config.base_url.clone(),
    };
    server.add_service(ROLE, CoordinationServiceServer::new(desk.clone()));
    server.add_service(ROLE, OnboardingServiceServer::new(desk.clone()));
    server.add_service(ROLE, GatewayServiceServer::new(desk.clone()));
    server.add_service(ROLE, GatewaySessionServiceServer::new(desk.clone()));
    server.add_service(ROLE, AgentServiceServer::new(desk.clone()));
    server.add_service(ROLE, NoticeServiceServer::new(desk.clone()));
    server.add_service(ROLE, AgentDirectoryServiceServer::new(desk));
}

fn work(server: &mut chassis::Server, pool: &PgPool, config: Config, souls: RoleSouls) {
    let sweeper = onboarding::expiry::Sweeper {
        pool: pool.clone(),
        clock: server.clock(),
    };
    server.spawn_rounds("agent.onboarding", onboarding::expiry::POLL, sweeper);
    let sweeper = absence::Sweeper {
        pool: pool.clone(),
        clock: server.clock(),
    };
    server.spawn_rounds("agent.absence", absence::POLL, sweeper);
    let sweeper = sync::Sweeper {
        pool: pool.clone(),
        clock: server.clock(),
    };
    server.spawn_rounds("agent.template_sync", sync::PAUSE, sweeper);
    delivery::retention::run(
        server,
        "agent.retention",
        pool.clone(),
        retention::Forgetter,
    );
    let (connector, planner) = (Connector::of(server), planner(&config));
    let waker = waker(&config);
    let steps = Steps {
        pool: pool.clone(),
        clock: server.clock(),
        seal: server.seal(),
        connector: connector.clone(),
        boards: BoardDirectoryServiceClient::new(server.peer("board")),
        people: IdentityServiceClient::new(server.peer("org")),
        waker: waker.clone(),
        souls,
        base_url: config.base_url.clone(),
    };
    let wakes = waking::Carrier {
        pool: pool.clone(),
        clock: server.clock(),
        connector: connector.clone(),
        waker,
        base_url: config.base_url,
    };
    let cleaner = teardown::Cleaner {
        pool: pool.clone(),
        clock: server.clock(),
        connector: connector.clone(),
    };
    let worker = Worker {
        pool: pool.clone(),
        clock: server.clock(),
        planner,
        steps,
    };
    let jobs = policy(config.lifecycle_retry_schedule, config.lifecycle_timeout);
    delivery::run(server, lifecycle::QUEUE, pool.clone(), jobs.clone(), worker);
    delivery::run(server, waking::QUEUE, pool.clone(), jobs.clone(), wakes);
    delivery::run(server, teardown::QUEUE, pool.clone(), jobs, cleaner);
    let carrier = post::Carrier {
        pool: pool.clone(),
        clock: server.clock(),
        connector,
        patience: config.notice_timeout / 3,
        ask_after: skill::check::first(&config.skills.check_schedule),
    };
    let notices = policy(config.notice_retry_schedule, config.notice_timeout);
    delivery::run(server, post::QUEUE, pool.clone(), notices, carrier);
}

fn waker(config: &Config) -> Waker {
    Waker {
        patience: config.checkin_deadline,
        effort: config.lifecycle_deadline,
    }
}

fn planner(config: &Config) -> Planner {
    Planner {
        deadline: config.lifecycle_deadline,
        attempt: config.lifecycle_timeout,
    }
}

fn policy(schedule: Schedule, timeout: std::time::Duration) -> Policy {
    Policy {
        schedule: schedule.0,
        concurrency: CONCURRENCY,
        per_target: PER_GATEWAY,
        timeout,
    }
}
