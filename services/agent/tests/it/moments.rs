//! What several people do at the same moment, and what is done while another waits.

use chassis::Clock;
use chrono::{DateTime, TimeDelta};
use futures::future::{join, join_all};
use prost_types::Timestamp;
use proto::agent::v1::{
    AgentStatus, DeleteGatewayRequest, InstallSkillRequest, RetryAgentRequest, UpdateAgentRequest,
};
use serde_json::json;
use sqlx::PgPool;

use crate::{
    fixture::{World, key, reason, until},
    life::change,
};

fn paced(agent: &proto::agent::v1::Agent, every: &str) -> UpdateAgentRequest {
    UpdateAgentRequest {
        heartbeat_config: chassis::encode::to_struct(&json!({"every": every})),
        ..change(agent, &["heartbeat_config"])
    }
}

async fn retry(world: &World, agent: &proto::agent::v1::Agent) {
    let request = RetryAgentRequest {
        agent_id: agent.id.clone(),
    };
    let mut agents = world.agents(world.admin());
    agents.retry_agent(request).await.unwrap();
}

#[sqlx::test(migrations = false)]
async fn what_was_done_long_ago_is_not_done_again_with_a_pace(pool: PgPool) {
    let world = World::start(pool).await;
    let (agent, _) = world.placed("Ada").await;
    world.rotate(&agent, false).await.unwrap();
    world.until(&agent.id, AgentStatus::Ready).await;
    let token = world.token(&agent).await;
    world.authenticate(&token).await.unwrap();

    world.connector.fail(1, "GATEWAY_UNAUTHORIZED");
    world.update(paced(&agent, "7m")).await.unwrap();
    world.until(&agent.id, AgentStatus::Failed).await;
    retry(&world, &agent).await;
    world.until(&agent.id, AgentStatus::Ready).await;
    assert_eq!(world.token(&agent).await, token, "it was rotated again");
}

#[sqlx::test(migrations = false)]
async fn what_was_to_follow_a_pace_that_was_given_up_is_done_when_it_is_tried_again(pool: PgPool) {
    let world = World::start(pool).await;
    let (agent, _) = world.placed("Ada").await;
    world.until_quiet().await;
    world.connector.forget();
    world.connector.fail(1_000, "GATEWAY_BUSY");
    world.update(paced(&agent, "7m")).await.unwrap();
    let forced = UpdateAgentRequest {
        force: Some(true),
        ..change(&agent, &[])
    };
    world.update(forced).await.unwrap();
    world.connector.fail(1, "GATEWAY_UNAUTHORIZED");
    world.until(&agent.id, AgentStatus::Failed).await;
    retry(&world, &agent).await;
    world.until(&agent.id, AgentStatus::Ready).await;
    assert_eq!(world.names_of(&key(&agent)).last(), Some(&"send"));
}

#[sqlx::test(migrations = false)]
async fn of_several_who_unlink_an_agent_one_tells_of_it(pool: PgPool) {
    let world = World::start(pool).await;
    let (_, board) = world.placed("Ada").await;
    for round in 0..8 {
        let agent = world.worker(board, &format!("Bob {round}")).await;
        let answers = join_all((0..6).map(|_| world.unlink(&agent))).await;
        let done = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(done, 1, "round {round}: {answers:?}");
        for status in answers.into_iter().filter_map(Result::err) {
            assert_eq!(reason(&status), "AGENT_NOT_FOUND", "{status:?}");
        }
        world.until_forgotten(&agent).await;
        world.until_heard("agent.deleted", round + 1).await;
        world.until_quiet().await;
        assert_eq!(world.heard("agent.unlinked").len(), round + 1);
        let ended = world.heard("agent.token_changed");
        assert_eq!(ended.len(), round + 1);
    }
}

#[sqlx::test(migrations = false)]
async fn a_gateway_goes_while_skills_are_asked_of_it(pool: PgPool) {
    let world = World::start(pool).await;
    let mut skills = Vec::new();
    for number in 0..6 {
        let url = format!("https://github.com/o/r/tree/main/skills/{number}");
        skills.push(world.skill(&url).await);
    }
    for round in 0..25 {
        let gateway = world.gateway(&format!("Lab {round}")).await;
        let installs = skills.iter().map(|skill| {
            let request = InstallSkillRequest {
                skill_id: skill.id.clone(),
                gateway_id: gateway.id.clone(),
            };
            let mut client = world.skills(world.admin());
            async move { client.install_skill(request).await }
        });
        let delete = DeleteGatewayRequest {
            gateway_id: gateway.id.clone(),
            force: None,
        };
        let mut gateways = world.gateways(world.admin());
        let (installed, deleted) = join(join_all(installs), gateways.delete_gateway(delete)).await;
        deleted.unwrap();
        for status in installed.into_iter().filter_map(Result::err) {
            let reason = reason(&status);
            let known = ["GATEWAY_NOT_FOUND", "GATEWAY_MAIN_MISSING"];
            assert!(
                known.contains(&reason.as_str()),
                "round {round}: {status:?}"
            );
        }
    }
}

#[sqlx::test(migrations = false)]
async fn an_agent_is_changed_when_nobody_else_can(pool: PgPool) {
    let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let world = World::start_with(pool, Clock::fixed(at), &[]).await;
    let (agent, _) = world.placed("Ada").await;
    let mut held = world.pool.begin().await.unwrap();
    sqlx::query("select from agent where id = $1::uuid for update")
        .bind(&agent.id)
        .execute(&mut *held)
        .await
        .unwrap();
    let changed = async { world.update(crate::life::renamed(&agent, "Ada L")).await };
    let released = async {
        world.until_somebody_waits().await;
        world.clock.advance(TimeDelta::seconds(10));
        held.commit().await.unwrap();
    };
    let (changed, ()) = join(changed, released).await;
    let changed: Timestamp = changed.unwrap().updated_at.unwrap();
    assert!(changed.seconds >= at.timestamp() + 10, "{changed:?}");
}

#[sqlx::test(migrations = false)]
async fn one_that_calls_while_its_wake_up_is_refused_is_not_blamed(pool: PgPool) {
    let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let world = World::start_with(pool, Clock::fixed(at), &[]).await;
    let (agent, _) = world.placed("Ada").await;
    world.until_quiet().await;
    // The clock stands still, so this call comes at the moment at which the message sets out.
    world.beat(&agent).await;
    world.connector.fail(1, "GATEWAY_UNAUTHORIZED");
    world.wake(&agent).await.unwrap();
    until("it is given up", || async {
        (world.wakes_of(&agent).await == 0).then_some(())
    })
    .await;
    let now = world.agent(&agent.id).await;
    assert_eq!((now.status(), now.last_error), (AgentStatus::Online, None));
    assert!(world.heard("agent.silent").is_empty());
}

#[sqlx::test(migrations = false)]
async fn nobody_moves_away_from_a_board_while_it_is_deleted(pool: PgPool) {
    let world = World::start(pool).await;
    let (agent, board) = world.placed("Ada").await;
    let mut other = world.boards.get(&board.to_string()).unwrap();
    other.id = uuid::Uuid::now_v7().to_string();
    let to = other.id.parse().unwrap();
    world.boards.put(other);
    // As whoever takes in that the board was deleted, between its look at the agents and their departure.
    let mut held = world.pool.begin().await.unwrap();
    for step in [
        "select pg_advisory_xact_lock(hashtextextended('agent.being/' || $1::text, 0))",
        "insert into gone (id, gone_at) values ($1, now())",
    ] {
        sqlx::query(step)
            .bind(board)
            .execute(&mut *held)
            .await
            .unwrap();
    }
    let moves = async {
        let moved = world.update(crate::life::moved(&agent, to)).await;
        reason(&moved.unwrap_err())
    };
    let ends = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        held.commit().await.unwrap();
    };
    let (refused, ()) = join(moves, ends).await;
    assert_eq!(refused, "BOARD_NOT_FOUND");
}

#[sqlx::test(migrations = false)]
async fn what_one_gateway_has_is_found_without_looking_at_all_others(pool: PgPool) {
    let world = World::start(pool).await;
    let mut conn = world.pool.acquire().await.unwrap();
    sqlx::query("set enable_seqscan = off")
        .execute(&mut *conn)
        .await
        .unwrap();
    for (asked, index) in [
        (
            "explain select * from agent where gateway_id = '018f0000-0000-7000-8000-000000000000'",
            "agent_gateway_id_idx",
        ),
        (
            "explain select * from skill_install where check_id = '018f0000-0000-7000-8000-000000000000'",
            "skill_install_check_id_idx",
        ),
    ] {
        let plan: Vec<String> = sqlx::query_scalar(asked)
            .fetch_all(&mut *conn)
            .await
            .unwrap();
        assert!(plan.concat().contains(index), "{plan:?}");
    }
}
