//! Agents that somebody deletes or unlinks.

use proto::{
    agent::v1::{Agent, AgentStatus, DeleteAgentRequest, RetryAgentRequest},
    event::v1::event::Payload,
};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::{
    fixture::{World, calling, key, person, reason, until},
    life::{SOON_GIVEN_UP, renamed},
    stand_in::Mood,
};

async fn token(world: &World, agent: &Agent) -> String {
    world.rotate(agent, false).await.unwrap();
    let token = world.token(agent).await;
    world.until(&agent.id, AgentStatus::Ready).await;
    world.until_quiet().await;
    world.connector.forget();
    token
}

#[sqlx::test(migrations = false)]
async fn a_deleted_agent_loses_its_token_at_once_and_its_row_with_the_gateway(pool: PgPool) {
    let world = World::start(pool).await;
    let (agent, _) = world.placed("Ada").await;
    let token = token(&world, &agent).await;
    world.connector.be(Mood::HangingOn("remove"));
    world.delete(world.admin(), &agent.id, false).await.unwrap();
    assert!(world.authenticate(&token).await.is_err());
    assert_eq!(world.agent(&agent.id).await.status(), AgentStatus::Deleting);
    let told = world.until_heard("agent.retiring", 1).await;
    assert!(matches!(told[0].payload, Some(Payload::AgentRetiring(_))));
    // Repeating it changes nothing.
    world.delete(world.admin(), &agent.id, false).await.unwrap();
    world.connector.be(Mood::Well);
    world.until_forgotten(&agent).await;
    assert_eq!(world.connector.removed().last(), Some(&key(&agent)));
    world.until_heard("agent.deleted", 1).await;
    world.delete(world.admin(), &agent.id, false).await.unwrap();
    assert_eq!(world.heard("agent.retiring").len(), 1);
    assert_eq!(world.heard("agent.deleted").len(), 1);
    assert_eq!(world.wakes().await, 1, "only the main agent is waited for");
}

#[sqlx::test(migrations = false)]
async fn what_the_gateway_does_not_let_go_fails_and_is_tried_again_or_forced(pool: PgPool) {
    let world = World::start_with(pool, chassis::Clock::system(), &SOON_GIVEN_UP).await;
    let (agent, board) = world.placed("Ada").await;
    let other = world.worker(board, "Bob").await;
    world.until(&other.id, AgentStatus::Ready).await;
    world.connector.fail(100_000, "GATEWAY_UNREACHABLE");
    for agent in [&agent, &other] {
        world.delete(world.admin(), &agent.id, false).await.unwrap();
    }
    let failed = world.until(&agent.id, AgentStatus::Failed).await;
    let told = failed.last_error.unwrap();
    assert!(told.starts_with("gateway_unreachable: "), "{told}");
    world.until(&other.id, AgentStatus::Failed).await;

    world.delete(world.admin(), &other.id, true).await.unwrap();
    assert_eq!(world.rows_of(&other).await, 0);
    world.connector.be(Mood::Well);
    let retry = RetryAgentRequest {
        agent_id: agent.id.clone(),
    };
    world
        .agents(world.admin())
        .retry_agent(retry)
        .await
        .unwrap();
    world.until_forgotten(&agent).await;
    assert!(world.connector.removed().contains(&key(&agent)));
    assert_eq!(world.heard("agent.retiring").len(), 2);
}

#[sqlx::test(migrations = false)]
async fn a_lead_deletes_workers_of_its_own_board_and_nobody_else(pool: PgPool) {
    let world = World::start(pool).await;
    let (ada, board) = world.placed("Ada").await;
    let lead = world.lead(board, "Lena").await;
    let gateway = world.gateway("Other").await;
    let stranger = world.worker(world.board(&gateway, 5), "Carl").await;
    let main = world.main_agent(&gateway).await;
    let caller = || calling(&lead, world.organization);

    for (id, why) in [
        (&lead.id, "LEAD_CANNOT_BE_DELETED"),
        (&stranger.id, "AGENT_NOT_FOUND"),
        (&main.id, "AGENT_NOT_FOUND"),
    ] {
        let refused = world.delete(caller(), id, false).await.unwrap_err();
        assert_eq!(reason(&refused), why);
    }
    let refused = world.delete(caller(), &ada.id, true).await.unwrap_err();
    assert_eq!(reason(&refused), "ORG_ADMIN_REQUIRED");
    let elsewhere = DeleteAgentRequest {
        agent_id: ada.id.clone(),
        board_id: Some(Uuid::now_v7().to_string()),
        force: None,
    };
    let refused = world.agents(caller()).delete_agent(elsewhere).await;
    assert_eq!(reason(&refused.unwrap_err()), "BOARD_NOT_FOUND");
    let nobody = Uuid::now_v7().to_string();
    world.delete(caller(), &nobody, false).await.unwrap();
    world.delete(caller(), &ada.id, false).await.unwrap();
    world.until_forgotten(&ada).await;
}

async fn hold(step: &mut PgConnection, agent: &Agent, sql: &'static str) {
    let held = sqlx::query(sql).bind(&agent.id).execute(step).await;
    assert!(held.unwrap().rows_affected() > 0, "{sql}");
}

#[sqlx::test(migrations = false)]
async fn an_agent_is_forgotten_while_a_step_of_its_job_ends(pool: PgPool) {
    let world = World::start(pool).await;
    let (agent, _) = world.placed("Ada").await;
    world.until_quiet().await;
    let mut step = world.pool.begin().await.unwrap();
    // As a step of a job does it: first the job, then the token, then the agent.
    hold(
        &mut step,
        &agent,
        "select from job where agent_id = $1::uuid for update",
    )
    .await;
    let forgotten = async { world.delete(world.admin(), &agent.id, true).await };
    let stepped = async {
        world.until_somebody_waits().await;
        hold(
            &mut step,
            &agent,
            "select from agent_token where agent_id = $1::uuid for update",
        )
        .await;
        hold(
            &mut step,
            &agent,
            "select from agent where id = $1::uuid for update",
        )
        .await;
        step.commit().await.unwrap();
    };
    let (forgotten, ()) = futures::join!(forgotten, stepped);
    forgotten.unwrap();
    assert_eq!(world.rows_of(&agent).await, 0);
}

#[sqlx::test(migrations = false)]
async fn what_collides_with_something_else_is_done_when_that_is_through(pool: PgPool) {
    let world = World::start(pool).await;
    let (agent, _) = world.placed("Ada").await;
    world.until_quiet().await;
    let token = "select from agent_token where agent_id = $1::uuid for update";
    let (mut gate, mut other) = (
        world.pool.begin().await.unwrap(),
        world.pool.begin().await.unwrap(),
    );
    // The database gives up a transaction that finds after this time that it waits in a circle: not this one.
    sqlx::query("set local deadlock_timeout = '1min'")
        .execute(&mut *other)
        .await
        .unwrap();
    let row = "select from agent where id = $1::uuid for update";
    hold(&mut other, &agent, row).await;
    hold(&mut gate, &agent, token).await;
    let forgotten = async { world.delete(world.admin(), &agent.id, true).await };
    let crossing = async {
        // The deletion holds the job by now, and comes to the agent when it has the token.
        world.until_waiting(1).await;
        let job = "select from job where agent_id = $1::uuid for update";
        let circle = async {
            world.until_waiting(2).await;
            gate.rollback().await.unwrap();
        };
        futures::join!(hold(&mut other, &agent, job), circle);
        other.commit().await.unwrap();
    };
    let (forgotten, ()) = futures::join!(forgotten, crossing);
    forgotten.unwrap();
    assert_eq!(world.rows_of(&agent).await, 0);
}

#[sqlx::test(migrations = false)]
async fn nobody_waits_for_who_settles_what_was_planned_late(pool: PgPool) {
    let world = World::start(pool).await;
    let (agent, _) = world.placed("Ada").await;
    world.until_quiet().await;
    sqlx::query("delete from wake where agent_id = $1::uuid")
        .bind(&agent.id)
        .execute(&world.pool)
        .await
        .unwrap();
    let mut gate = world.pool.begin().await.unwrap();
    let token = "select from agent_token where agent_id = $1::uuid for update";
    hold(&mut gate, &agent, token).await;
    let forgotten = async { world.delete(world.admin(), &agent.id, true).await };
    let settling = async {
        // The deletion has seen all that was planned, and holds the agent when it has the token.
        world.until_waiting(1).await;
        let late = Uuid::now_v7();
        let mut settling = world.pool.begin().await.unwrap();
        let sql = "insert into wake (id, agent_id, is_first, created_at) values ($1, $2::uuid, true, now())";
        sqlx::query(sql)
            .bind(late)
            .bind(&agent.id)
            .execute(&world.pool)
            .await
            .unwrap();
        let new = delivery::New {
            id: late,
            queue: "checkin",
            target: agent.gateway_id.clone(),
            payload: serde_json::json!({"agent_id": agent.id}),
            due_at: world.clock.now() + chrono::TimeDelta::hours(1),
            deadline_at: None,
        };
        let mut conn = world.pool.acquire().await.unwrap();
        delivery::enqueue(&mut conn, &[new]).await.unwrap();
        let held = sqlx::query("select from delivery where id = $1 for update")
            .bind(late)
            .execute(&mut *settling)
            .await;
        assert_eq!(held.unwrap().rows_affected(), 1);
        gate.rollback().await.unwrap();
        settling
    };
    let (forgotten, settling) = futures::join!(forgotten, settling);
    forgotten.unwrap();
    assert_eq!(world.rows_of(&agent).await, 0);
    settling.rollback().await.unwrap();
}

#[sqlx::test(migrations = false)]
async fn of_another_organization_there_is_nobody_to_delete(pool: PgPool) {
    let world = World::start(pool).await;
    let (agent, _) = world.placed("Ada").await;
    let stranger = || person(Uuid::from_u128(2), chassis::Role::Owner);
    for force in [false, true] {
        world.delete(stranger(), &agent.id, force).await.unwrap();
    }
    assert_eq!(world.rows_of(&agent).await, 1);
    assert!(world.heard("agent.retiring").is_empty());
    let malformed = world
        .delete(world.admin(), "nope", false)
        .await
        .unwrap_err();
    assert_eq!(reason(&malformed), "INVALID_REQUEST");
}

#[sqlx::test(migrations = false)]
async fn an_unlinked_agent_goes_on_on_its_gateway(pool: PgPool) {
    let world = World::start(pool).await;
    let (agent, _) = world.placed("Ada").await;
    let token = token(&world, &agent).await;
    world.unlink(&agent).await.unwrap();
    assert_eq!(world.rows_of(&agent).await, 0);
    assert!(world.authenticate(&token).await.is_err());
    world.until_heard("agent.unlinked", 1).await;
    world.until_quiet().await;
    assert!(world.connector.calls().is_empty(), "it is left as it is");
    assert!(world.heard("agent.retiring").is_empty());
    let gone = world.unlink(&agent).await.unwrap_err();
    assert_eq!(reason(&gone), "AGENT_NOT_FOUND");
}

#[sqlx::test(migrations = false)]
async fn a_main_agent_can_be_deleted_by_an_administrator(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.gateway("Lab").await;
    let main = world.main_agent(&gateway).await;
    world.until(&main.id, AgentStatus::Ready).await;
    world.delete(world.admin(), &main.id, false).await.unwrap();
    world.until_forgotten(&main).await;
    assert_eq!(world.connector.removed(), [key(&main)]);
}

#[sqlx::test(migrations = false)]
async fn whatever_was_under_way_nothing_of_a_deleted_agent_stays(pool: PgPool) {
    let world = World::start(pool).await;
    let (_, board) = world.placed("Ada").await;
    for round in 0..16_u64 {
        let agent = world.worker(board, &format!("Round {round}")).await;
        tokio::time::sleep(std::time::Duration::from_millis(round * 12)).await;
        let (deleted, changed) = futures::future::join(
            world.delete(world.admin(), &agent.id, false),
            world.update(renamed(&agent, &format!("Renamed {round}"))),
        )
        .await;
        deleted.unwrap();
        if let Err(status) = changed {
            assert!(
                ["AGENT_LEAVING", "AGENT_NOT_FOUND", "AGENT_BUSY"].contains(&&*reason(&status)),
                "{status}"
            );
        }
        world.until_forgotten(&agent).await;
        until("nothing is under way", || async {
            (world.planned("lifecycle").await == 0).then_some(())
        })
        .await;
        assert_eq!(world.names_of(&key(&agent)).pop(), Some("remove"));
    }
}
