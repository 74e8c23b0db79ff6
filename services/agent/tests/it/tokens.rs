use std::time::Instant;

use chassis::fault;
use proto::agent::v1::{Agent, AgentStatus, RotateAgentTokenRequest};
use sqlx::PgPool;

use crate::{
    fixture::{World, key, reason, until},
    stand_in::Mood,
};

async fn placed(world: &World) -> (Agent, String) {
    let gateway = world.gateway("Lab").await;
    let main = world.main_agent(&gateway).await;
    let main = world.until(&main.id, AgentStatus::Ready).await;
    let token = world.token(&main).await;
    (main, token)
}

/// Has a new token written into the agent's files.
async fn rotate(world: &World, agent: &Agent) {
    let request = RotateAgentTokenRequest {
        agent_id: agent.id.clone(),
        revoke: None,
    };
    world
        .agents(world.admin())
        .rotate_agent_token(request)
        .await
        .unwrap();
}

async fn next_token(world: &World, agent: &Agent, old: &str) -> String {
    until("a new token is written", || async {
        world
            .connector
            .token(&key(agent))
            .filter(|token| token != old)
    })
    .await
}

#[sqlx::test(migrations = false)]
async fn a_token_is_compared_once_and_then_remembered(pool: PgPool) {
    let world = World::start(pool).await;
    let (main, token) = placed(&world).await;
    let known = world.authenticate(&token).await.unwrap().agent.unwrap();
    assert_eq!(known.id, main.id);
    assert_eq!(known.organization_id, world.organization.to_string());
    let begun = Instant::now();
    for _ in 0..20 {
        world.authenticate(&token).await.unwrap();
    }
    // Twenty comparisons would take more than a second; twenty reads of one row do not.
    assert!(begun.elapsed().as_millis() < 1_000, "{:?}", begun.elapsed());
}

#[sqlx::test(migrations = false)]
async fn what_is_not_a_valid_token_is_refused(pool: PgPool) {
    let world = World::start(pool).await;
    let (main, token) = placed(&world).await;
    let other = "A".repeat(43);
    let wrong = format!("{}_{other}", &token[..36]);
    let foreign = format!("mca_{}_{}", uuid::Uuid::now_v7().simple(), &token[37..]);
    let bad = [
        wrong,
        foreign,
        String::new(),
        token[..79].to_owned(),
        format!("{token}x"),
        token.to_uppercase(),
        main.id.clone(),
        format!("mca_{}", "\0".repeat(76)),
        "x".repeat(100_000),
    ];
    for bad in bad {
        let error = world.authenticate(&bad).await.unwrap_err();
        assert_eq!(
            error.code(),
            tonic::Code::Unauthenticated,
            "{}",
            &bad[..bad.len().min(90)]
        );
        assert_eq!(reason(&error), "AGENT_TOKEN_INVALID");
    }
    world.authenticate(&token).await.unwrap();
}

#[sqlx::test(migrations = false)]
async fn the_old_token_works_until_the_new_one_is_used(pool: PgPool) {
    let world = World::start(pool).await;
    let (main, old) = placed(&world).await;
    world.authenticate(&old).await.unwrap();
    rotate(&world, &main).await;
    let new = next_token(&world, &main, &old).await;
    world.until(&main.id, AgentStatus::Ready).await;
    world.authenticate(&old).await.unwrap();
    assert!(world.heard("agent.token_changed").is_empty());

    world.authenticate(&new).await.unwrap();
    let error = world.authenticate(&old).await.unwrap_err();
    assert_eq!(fault::read(&error).reason, "AGENT_TOKEN_INVALID");
    let told = world.until_heard("agent.token_changed", 1).await;
    assert_eq!(told[0].agent_id.as_deref(), Some(main.id.as_str()));
}

#[sqlx::test(migrations = false)]
async fn an_update_that_never_succeeds_locks_nobody_out(pool: PgPool) {
    let world = World::start(pool).await;
    let (main, old) = placed(&world).await;
    world.connector.fail(1, "GATEWAY_UNAUTHORIZED");
    rotate(&world, &main).await;
    world.until(&main.id, AgentStatus::Failed).await;
    world.authenticate(&old).await.unwrap();

    world.connector.be(Mood::HangingOn("write"));
    let retry = proto::agent::v1::RetryAgentRequest {
        agent_id: main.id.clone(),
    };
    world
        .agents(world.admin())
        .retry_agent(retry)
        .await
        .unwrap();
    let half_written = next_token(&world, &main, &old).await;
    world.authenticate(&old).await.unwrap();
    world.authenticate(&half_written).await.unwrap();
    world.connector.be(Mood::Well);
    world.until(&main.id, AgentStatus::Ready).await;
    assert_eq!(world.connector.token(&key(&main)).unwrap(), half_written);
    world.authenticate(&half_written).await.unwrap();
}

#[sqlx::test(migrations = false)]
async fn of_three_tokens_the_first_ends(pool: PgPool) {
    let world = World::start(pool).await;
    let (main, first) = placed(&world).await;
    world.authenticate(&first).await.unwrap();
    rotate(&world, &main).await;
    let second = next_token(&world, &main, &first).await;
    world.until(&main.id, AgentStatus::Ready).await;
    rotate(&world, &main).await;
    let third = next_token(&world, &main, &second).await;
    world.until(&main.id, AgentStatus::Ready).await;
    assert!(world.authenticate(&first).await.is_err());
    world.authenticate(&second).await.unwrap();
    world.authenticate(&third).await.unwrap();
    assert!(world.authenticate(&second).await.is_err());
}

#[sqlx::test(migrations = false)]
async fn nothing_that_is_stored_or_told_holds_a_token(pool: PgPool) {
    let world = World::start(pool).await;
    let (_, token) = placed(&world).await;
    let secret = &token[37..];
    let rows: Vec<String> = sqlx::query_scalar(
        "select agent_token::text from agent_token union all select delivery::text from delivery
         union all select job::text from job union all select agent::text from agent",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    assert!(rows.iter().all(|row| !row.contains(secret)));
    let told = format!("{:?}", world.until_heard("agent.provisioned", 1).await);
    assert!(!told.contains(secret));
    let (sealed, is_written): (Option<Vec<u8>>, bool) =
        sqlx::query_as("select newest_sealed, is_written from agent_token")
            .fetch_one(&world.pool)
            .await
            .unwrap();
    assert!(is_written);
    let sealed = String::from_utf8_lossy(&sealed.unwrap()).into_owned();
    assert!(!sealed.contains(secret));
}
