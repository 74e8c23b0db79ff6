//! Boards, their tasks, and the conversation on a task.
//!
//! Owns the schema `board`. The rules are pure and stand apart from the wire and the database: who may move a task where
//! is one table (`task/transition.rs`), what a board minds are gates (`task/gate.rs`), a change is judged and made in
//! `task/change.rs`, and what it does to the tasks that wait for it in `task/cascade.rs`.
//!
//! # Invariants
//!
//! - Whoever writes anything on a board holds the board's row first. Writers of one board take turns, so what was judged
//!   inside a transaction is true when it commits: claims, edges, gates, what blocks what.
//! - Whoever puts a board into a group, or takes a group away, holds the group before any board.
//! - A task that waits for another is in the inbox and nobody's (`task_blocked_check`).
//! - The board's `version` moves with everything on it; readers' copies are compared with it.
//! - A task's row carries what its readers need. `task_dependency` says the same about edges, for the graph.
//! - Who wrote an entry in the memory of a board or a group is known by the credential; whom it mentions is resolved when it
//!   is written. Telling them is another service's part.
//! - A change and the events that tell of it are one transaction. Peers are asked before it begins.

mod author;
mod board;
mod comment;
mod consume;
mod custom_field;
mod error;
mod events;
mod group;
mod memory;
mod mention;
mod peers;
mod roster;
mod rpc;
mod snapshot;
mod store;
mod tag;
mod task;
mod visible;
mod wire;

use proto::board::v1::{
    board_directory_service_server::BoardDirectoryServiceServer,
    board_group_service_server::BoardGroupServiceServer, board_service_server::BoardServiceServer,
    comment_service_server::CommentServiceServer,
    custom_field_service_server::CustomFieldServiceServer,
    memory_service_server::MemoryServiceServer, snapshot_service_server::SnapshotServiceServer,
    tag_service_server::TagServiceServer, task_service_server::TaskServiceServer,
};
use sqlx::migrate::Migrator;

use crate::{peers::Peers, rpc::Desk};

/// Name of this component in configuration.
pub const ROLE: &str = "board";

/// The schema that it owns.
pub const SCHEMA: &str = "board";

/// What it listens to.
pub const SUBSCRIPTION: bus::Subscription = bus::Subscription {
    group: ROLE,
    topics: &[
        "agent.deleted",
        "agent.retiring",
        "agent.unlinked",
        "agent.updated",
        "gateway.deleted",
        "organization.deleted",
        "organization.settings_changed",
        "user.deleted",
    ],
};

/// Brings the schema up to date.
pub static MIGRATOR: Migrator = sqlx::migrate!();

/// Settings of this component. It has none of its own yet.
#[derive(Clone, Debug, Default, clap::Args)]
#[group(skip)]
pub struct Config {}

/// Adds this component to a process.
///
/// # Errors
/// Fails when the database cannot be reached.
pub async fn register(
    server: &mut chassis::Server,
    bus: &bus::Bus,
    _config: Config,
) -> anyhow::Result<()> {
    let pool = server.database(SCHEMA).await?;
    bus.relay(server, ROLE, pool.clone());
    let consumer = consume::Consumer {
        pool: pool.clone(),
        clock: server.clock(),
    };
    bus.consume(server, SUBSCRIPTION, pool.clone(), consumer)
        .await?;
    memory::retention::spawn(server, pool.clone());
    let desk = Desk {
        pool,
        clock: server.clock(),
        peers: Peers::of(server),
    };
    server.add_service(
        ROLE,
        BoardServiceServer::new(rpc::boards::Boards(desk.clone())),
    );
    server.add_service(
        ROLE,
        BoardGroupServiceServer::new(rpc::groups::Groups(desk.clone())),
    );
    server.add_service(
        ROLE,
        SnapshotServiceServer::new(rpc::snapshots::Snapshots(desk.clone())),
    );
    server.add_service(
        ROLE,
        TaskServiceServer::new(rpc::tasks::Tasks(desk.clone())),
    );
    server.add_service(ROLE, TagServiceServer::new(rpc::tags::Tags(desk.clone())));
    server.add_service(
        ROLE,
        CustomFieldServiceServer::new(rpc::custom_fields::CustomFields(desk.clone())),
    );
    server.add_service(
        ROLE,
        MemoryServiceServer::new(rpc::memory::Memories(desk.clone())),
    );
    server.add_service(
        ROLE,
        CommentServiceServer::new(rpc::comments::Comments(desk.clone())),
    );
    server.add_service(
        ROLE,
        BoardDirectoryServiceServer::new(rpc::directory::Directory(desk)),
    );
    Ok(())
}
