//! New tokens for agents, and what was done about them.

use proto::agent::v1::{AgentJobState, AgentStatus};
use sqlx::PgPool;

use crate::{
    fixture::{World, key, reason, until},
    life::renamed,
    stand_in::Mood,
};

#[sqlx::test(migrations = false)]
async fn a_revoked_token_ends_at_once_and_another_one_is_written(pool: PgPool) {
    let world = World::start(pool).await;
    let (agent, _) = world.placed("Ada").await;
    world.rotate(&agent, false).await.unwrap();
    let old = world.token(&agent).await;
    world.until(&agent.id, AgentStatus::Ready).await;
    world.authenticate(&old).await.unwrap();
    world.until_quiet().await;
    world.connector.forget();
    let revoked = world.rotate(&agent, true).await.unwrap();
    assert_eq!(revoked.status(), AgentStatus::Pending);
    assert!(world.authenticate(&old).await.is_err());
    let new = world.token(&agent).await;
    world.authenticate(&new).await.unwrap();
    world.until(&agent.id, AgentStatus::Ready).await;
    assert_eq!(world.connector.names(), ["ensure", "write"]);
    world.until_heard("agent.token_changed", 2).await;
}

#[sqlx::test(migrations = false)]
async fn a_job_under_way_keeps_a_token_from_being_rotated_but_not_from_being_revoked(pool: PgPool) {
    let world = World::start(pool).await;
    let (agent, _) = world.placed("Ada").await;
    world.connector.be(Mood::HangingOn("write"));
    world.update(renamed(&agent, "Ada L")).await.unwrap();
    let old = world.token(&agent).await;
    world.authenticate(&old).await.unwrap();
    let busy = world.rotate(&agent, false).await.unwrap_err();
    assert_eq!(reason(&busy), "AGENT_BUSY");

    world.rotate(&agent, true).await.unwrap();
    assert!(world.authenticate(&old).await.is_err());
    world.connector.be(Mood::Well);
    until("the new token is written last", || async {
        let quiet = world.planned("lifecycle").await == 0;
        let token = world.connector.token(&key(&agent))?;
        (quiet && world.authenticate(&token).await.is_ok()).then_some(())
    })
    .await;
    world.delete(world.admin(), &agent.id, true).await.unwrap();
    let gone = world.rotate(&agent, false).await.unwrap_err();
    assert_eq!(reason(&gone), "AGENT_NOT_FOUND");
}

#[sqlx::test(migrations = false)]
async fn what_was_given_up_is_tried_again_as_it_was_meant(pool: PgPool) {
    let world = World::start(pool).await;
    let (agent, _) = world.placed("Ada").await;
    world.rotate(&agent, false).await.unwrap();
    let old = world.token(&agent).await;
    world.until(&agent.id, AgentStatus::Ready).await;
    world.connector.fail(1, "GATEWAY_UNAUTHORIZED");
    world.rotate(&agent, false).await.unwrap();
    world.until(&agent.id, AgentStatus::Failed).await;
    world.authenticate(&old).await.unwrap();
    let retry = proto::agent::v1::RetryAgentRequest {
        agent_id: agent.id.clone(),
    };
    world
        .agents(world.admin())
        .retry_agent(retry)
        .await
        .unwrap();
    world.until(&agent.id, AgentStatus::Ready).await;
    let new = world.connector.token(&key(&agent)).unwrap();
    assert_ne!(new, old);
    world.authenticate(&old).await.unwrap();
    world.authenticate(&new).await.unwrap();
    assert!(world.authenticate(&old).await.is_err());
}

#[sqlx::test(migrations = false)]
async fn rotating_while_it_calls_locks_nobody_out(pool: PgPool) {
    let world = World::start(pool).await;
    let (agent, _) = world.placed("Ada").await;
    world.rotate(&agent, false).await.unwrap();
    let mut token = world.token(&agent).await;
    for round in 0..8 {
        world.until(&agent.id, AgentStatus::Ready).await;
        let calls = (0..6).map(|_| world.authenticate(&token));
        let (rotated, calls) = futures::future::join(
            world.rotate(&agent, false),
            futures::future::join_all(calls),
        )
        .await;
        rotated.unwrap();
        for call in calls {
            call.unwrap();
        }
        let new = until("the next token is written", || async {
            world
                .connector
                .token(&key(&agent))
                .filter(|new| *new != token)
        })
        .await;
        let (with_old, with_new) =
            futures::future::join(world.authenticate(&token), world.authenticate(&new)).await;
        with_new.unwrap();
        if let Err(status) = with_old {
            assert_eq!(reason(&status), "AGENT_TOKEN_INVALID", "round {round}");
        }
        assert!(world.authenticate(&token).await.is_err());
        token = new;
    }
}

#[sqlx::test(migrations = false)]
async fn what_was_done_can_be_read(pool: PgPool) {
    let world = World::start(pool).await;
    let (agent, _) = world.placed("Ada").await;
    world.connector.fail(1, "GATEWAY_UNAUTHORIZED");
    world.update(renamed(&agent, "Ada L")).await.unwrap();
    world.until(&agent.id, AgentStatus::Failed).await;
    world.connector.be(Mood::HangingOn("ensure"));
    world.update(renamed(&agent, "Ada Lovelace")).await.unwrap();
    let jobs = until("an attempt is under way", || async {
        // In this order: what is read of the job is as young as the question.
        let asked = world.names_of(&key(&agent)).len() > 1;
        let jobs = world.jobs(&agent).await;
        (asked && jobs[0].state() == AgentJobState::Running).then_some(jobs)
    })
    .await;
    assert_eq!(jobs.len(), 3);
    let told = |n: usize| {
        (
            jobs[n].kind.as_str(),
            jobs[n].step.as_str(),
            jobs[n].state(),
        )
    };
    assert_eq!(told(0), ("update", "ensure", AgentJobState::Running));
    assert_eq!(told(1), ("update", "ensure", AgentJobState::Dead));
    assert_eq!(told(2), ("provision", "done", AgentJobState::Done));
    assert!(jobs[0].deadline_at.is_some() && jobs[0].finished_at.is_none());
    let why = jobs[1].last_error.as_deref().unwrap();
    assert!(why.starts_with("gateway_unauthorized"), "{why}");
    assert_eq!(jobs[1].requested_by.as_deref(), Some("Grace Hopper"));
    assert!(jobs[2].attempts >= 1 && jobs[2].last_error.is_none());
}
