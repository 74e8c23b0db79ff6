//! Approvals: who asked, who decided, and whether a task may close.
//!
//! Owns requests to people, their decisions, and which cycle of which task they count for. Asks the board service who may
//! see a board and which tasks are on it; answers the board service whether a task may move. A request is born pending,
//! whoever asks, and is decided by as many people as the organization's policies want, or by a policy, or expires. It can be
//! reopened; its history stays. Tasks are known here by id, cycle and title alone.

mod approval;
mod consume;
mod counts;
mod decision;
mod dry_run;
mod error;
mod event;
mod expiry;
mod history;
mod leftovers;
mod payload;
mod policy;
mod rpc;
mod store;
mod telling;
mod wire;

use proto::approval::v1::{
    approval_policy_service_server::ApprovalPolicyServiceServer,
    approval_service_server::ApprovalServiceServer, gate_service_server::GateServiceServer,
};
use sqlx::migrate::Migrator;

use crate::{consume::Deletions, expiry::Sweeper, leftovers::Leftovers, rpc::Approvals};

/// Name of the component among roles and peers.
pub const ROLE: &str = "approval";
/// Schema that the component owns.
pub const SCHEMA: &str = "approval";
/// What the schema consists of, beside the outbox.
pub static MIGRATOR: Migrator = sqlx::migrate!();
/// What it listens to: whatever it keeps something of being deleted.
pub const SUBSCRIPTION: bus::Subscription = bus::Subscription {
    group: ROLE,
    topics: &[
        "task.deleted",
        "board.deleted",
        "organization.deleted",
        "user.deleted",
    ],
};

/// Approval settings: there are none.
#[derive(Clone, Debug, Default, clap::Args)]
#[group(skip)]
pub struct Config {}

/// Adds the component to a server.
pub async fn register(
    server: &mut chassis::Server,
    bus: &bus::Bus,
    _: Config,
) -> anyhow::Result<()> {
    let pool = server.database(SCHEMA).await?;
    bus.relay(server, SCHEMA, pool.clone());
    let deletions = Deletions {
        clock: server.clock(),
    };
    bus.consume(server, SUBSCRIPTION, pool.clone(), deletions)
        .await?;
    let sweeper = Sweeper {
        pool: pool.clone(),
        clock: server.clock(),
    };
    server.spawn_rounds("approval.expiry", expiry::POLL, sweeper);
    let leftovers = Leftovers {
        pool: pool.clone(),
        clock: server.clock(),
    };
    server.spawn_rounds("approval.leftovers", leftovers::PAUSE, leftovers);
    let approvals = Approvals {
        pool,
        clock: server.clock(),
        boards: server.peer("board"),
    };
    server.add_service(ROLE, ApprovalServiceServer::new(approvals.clone()));
    server.add_service(ROLE, ApprovalPolicyServiceServer::new(approvals.clone()));
    server.add_service(ROLE, GateServiceServer::new(approvals));
    Ok(())
}
