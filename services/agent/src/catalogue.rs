//! Skills and souls, put into a process: their RPCs and what is done for them later.

use std::sync::Mutex;

use delivery::Policy;
use proto::agent::v1::{
    skill_service_server::SkillServiceServer,
    soul_directory_service_server::SoulDirectoryServiceServer,
    soul_service_server::SoulServiceServer,
};
use sqlx::PgPool;

use crate::{
    ROLE,
    config::Config,
    connector::Connector,
    lifecycle::Planner,
    rpc::{Shelf, Souls},
    skill::{
        check,
        git::{self, Git},
        sync,
    },
    soul::{directory::Directory, role::RoleSouls},
};

/// Adds the RPCs about skills and souls.
pub(crate) fn serve(
    server: &mut chassis::Server,
    pool: &PgPool,
    config: &Config,
    planner: Planner,
) -> anyhow::Result<()> {
    let shelf = Shelf {
        pool: pool.clone(),
        clock: server.clock(),
        hosts: config.skills.hosts(),
        git_timeout: config.skills.pack_timeout,
        base_url: config.base_url.clone(),
    };
    let souls = Souls {
        pool: pool.clone(),
        clock: server.clock(),
        connector: Connector::of(server),
        planner,
    };
    let directory = Directory::new(&config.souls.directory_url, server.clock())?;
    server.add_service(ROLE, SkillServiceServer::new(shelf));
    server.add_service(ROLE, SoulServiceServer::new(souls));
    server.add_service(ROLE, SoulDirectoryServiceServer::new(directory));
    Ok(())
}

/// Works the queues of skills.
pub(crate) fn work(server: &mut chassis::Server, pool: &PgPool, config: &Config) {
    let skills = &config.skills;
    let timeout = skills.pack_timeout;
    server.spawn("agent.skill_clones", move |stop| {
        git::keep_swept(timeout, stop)
    });
    let syncer = sync::Syncer {
        pool: pool.clone(),
        clock: server.clock(),
        git: Git::find(timeout, skills.pack_max_mib),
        hosts: skills.hosts(),
    };
    let checker = check::Checker {
        pool: pool.clone(),
        clock: server.clock(),
        connector: Connector::of(server),
    };
    let syncs: Policy = sync::policy(skills.pack_timeout);
    delivery::run(server, sync::QUEUE, pool.clone(), syncs, syncer);
    let checks = check::policy(&skills.check_schedule);
    delivery::run(server, check::QUEUE, pool.clone(), checks, checker);
}

/// What gives workers the souls of their roles, where that is wanted.
pub(crate) fn role_souls(
    server: &chassis::Server,
    pool: &PgPool,
    config: &Config,
) -> anyhow::Result<RoleSouls> {
    let directory = config
        .souls
        .role_souls
        .then(|| Directory::new(&config.souls.directory_url, server.clock()))
        .transpose()?;
    Ok(RoleSouls {
        pool: pool.clone(),
        clock: server.clock(),
        directory,
        attempt: config.lifecycle_timeout,
        rests_until: Mutex::default(),
    })
}
