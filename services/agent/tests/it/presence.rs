use chassis::{Clock, encode};
use chrono::{DateTime, TimeDelta, Utc};
use proto::{
    agent::v1::{
        Agent, AgentSeen, AgentStatus, CheckHealthRequest, CreateAgentRequest, HeartbeatRequest,
        RecordPresenceRequest,
    },
    event::v1::event::Payload,
};
use serde_json::json;
use sqlx::PgPool;

use crate::fixture::{World, calling, reason, until, wanted};

async fn still(pool: PgPool) -> World {
    let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    World::start_with(pool, Clock::fixed(at), &[]).await
}

async fn ready(world: &World) -> Agent {
    let gateway = world.gateway("Lab").await;
    let worker = world.worker(world.board(&gateway, 1), "Ada").await;
    world.until(&worker.id, AgentStatus::Ready).await
}

async fn beat(world: &World, agent: &Agent) -> Agent {
    let caller = calling(agent, world.organization);
    world
        .agents(caller)
        .heartbeat(HeartbeatRequest {})
        .await
        .unwrap()
        .into_inner()
        .agent
        .unwrap()
}

async fn record(world: &World, seen: &[(&str, DateTime<Utc>)]) -> Result<(), tonic::Status> {
    let seen = seen
        .iter()
        .map(|(id, at)| AgentSeen {
            agent_id: (*id).to_owned(),
            at: Some(encode::time(*at)),
        })
        .collect();
    world
        .directory()
        .record_presence(RecordPresenceRequest { seen })
        .await
        .map(|_| ())
}

#[sqlx::test(migrations = false)]
async fn an_agent_is_waking_then_online_then_offline_and_says_so_once(pool: PgPool) {
    let world = still(pool).await;
    let agent = ready(&world).await;
    world.clock.advance(TimeDelta::hours(5));
    assert_eq!(world.agent(&agent.id).await.status(), AgentStatus::Waking);

    let now = beat(&world, &agent).await;
    assert_eq!(
        (now.status(), now.last_seen_at),
        (AgentStatus::Online, Some(encode::time(world.clock.now())))
    );
    world.until_heard("agent.checked_in", 1).await;
    for _ in 0..3 {
        world.clock.advance(TimeDelta::minutes(10));
        beat(&world, &agent).await;
    }
    world.clock.advance(TimeDelta::minutes(31));
    assert_eq!(world.agent(&agent.id).await.status(), AgentStatus::Offline);
    assert_eq!(beat(&world, &agent).await.status(), AgentStatus::Online);
    let told = world.until_heard("agent.checked_in", 2).await;
    assert_eq!(told.len(), 2);
    assert_eq!(told[1].actor.as_ref().unwrap().id, Some(agent.id));
}

#[sqlx::test(migrations = false)]
async fn going_offline_is_told_once_and_so_is_coming_back(pool: PgPool) {
    let world = still(pool).await;
    let gateway = world.gateway("Lab").await;
    let board = world.board(&gateway, 2);
    let quick = world.worker(board, "Ada").await;
    let seldom = CreateAgentRequest {
        heartbeat_config: encode::to_struct(&json!({"every": "2h"})),
        ..wanted(board, "Bob")
    };
    let slow = world.try_create(world.admin(), seldom).await.unwrap();
    for agent in [&quick, &slow] {
        world.until(&agent.id, AgentStatus::Waking).await;
        beat(&world, agent).await;
    }

    // Each is offline after three of its beats.
    world.clock.advance(TimeDelta::minutes(31));
    let told = world.until_heard("agent.offline", 1).await;
    assert_eq!(told[0].agent_id.as_deref(), Some(quick.id.as_str()));
    let Some(Payload::AgentWentOffline(gone)) = &told[0].payload else {
        panic!("{told:?}")
    };
    assert_eq!(gone.agent.as_ref().unwrap().status(), AgentStatus::Offline);
    world.clock.advance(TimeDelta::minutes(330));
    let told = world.until_heard("agent.offline", 2).await;
    assert_eq!(told[1].agent_id.as_deref(), Some(slow.id.as_str()));

    // A call from before that was told is a return all the same.
    let checked_in = world.heard("agent.checked_in").len();
    record(
        &world,
        &[(&quick.id, world.clock.now() - TimeDelta::minutes(355))],
    )
    .await
    .unwrap();
    let told = world.until_heard("agent.checked_in", checked_in + 1).await;
    assert_eq!(
        told.last().unwrap().agent_id.as_deref(),
        Some(quick.id.as_str())
    );
    // And it is offline again, by the clock.
    let told = world.until_heard("agent.offline", 3).await;
    assert_eq!(told.len(), 3);
}

#[sqlx::test(migrations = false)]
async fn replicas_that_look_at_the_same_moment_tell_of_an_absence_once(pool: PgPool) {
    let world = still(pool).await;
    let agent = ready(&world).await;
    world.until(&agent.id, AgentStatus::Waking).await;
    beat(&world, &agent).await;
    let _replica = world.replica(&[]).await;

    // Both see that it is silent, and both wait until they may say so.
    let mut held = world.pool.begin().await.unwrap();
    sqlx::query("select from agent where id = $1::uuid for update")
        .bind(&agent.id)
        .execute(&mut *held)
        .await
        .unwrap();
    world.clock.advance(TimeDelta::minutes(31));
    until("both wait", || async {
        let waiting: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity
             where datname = current_database() and wait_event_type = 'Lock' and query like '%set offline_since%'",
        )
        .fetch_one(&world.pool)
        .await
        .unwrap();
        (waiting == 2).then_some(())
    })
    .await;
    held.commit().await.unwrap();
    world.until_heard("agent.offline", 1).await;
    world.until_quiet().await;
    assert_eq!(world.heard("agent.offline").len(), 1);
}

#[sqlx::test(migrations = false)]
async fn presence_moves_only_forward_and_never_beyond_now(pool: PgPool) {
    let world = still(pool).await;
    let agent = ready(&world).await;
    world.clock.advance(TimeDelta::hours(1));
    let now = world.clock.now();
    let seen = || async { world.agent(&agent.id).await.last_seen_at };

    record(
        &world,
        &[
            (&agent.id, now - TimeDelta::minutes(5)),
            (&agent.id, now - TimeDelta::minutes(9)),
        ],
    )
    .await
    .unwrap();
    assert_eq!(
        seen().await,
        Some(encode::time(now - TimeDelta::minutes(5)))
    );
    record(&world, &[(&agent.id, now - TimeDelta::minutes(20))])
        .await
        .unwrap();
    assert_eq!(
        seen().await,
        Some(encode::time(now - TimeDelta::minutes(5)))
    );
    record(&world, &[(&agent.id, now + TimeDelta::days(9))])
        .await
        .unwrap();
    assert_eq!(seen().await, Some(encode::time(now)));

    let stranger = uuid::Uuid::now_v7().to_string();
    record(&world, &[(&stranger, now)]).await.unwrap();
    record(&world, &[]).await.unwrap();
}

#[sqlx::test(migrations = false)]
async fn presence_of_a_thousand_is_one_statement_and_more_is_refused(pool: PgPool) {
    let world = still(pool).await;
    let agent = ready(&world).await;
    let now = world.clock.now();
    let many = vec![(agent.id.as_str(), now); 1_001];
    record(&world, &many[..1_000]).await.unwrap();
    let error = record(&world, &many).await.unwrap_err();
    assert_eq!(reason(&error), "INVALID_REQUEST");
    assert!(record(&world, &[("nope", now)]).await.is_err());
    let nowhen = RecordPresenceRequest {
        seen: vec![AgentSeen {
            agent_id: agent.id.clone(),
            at: None,
        }],
    };
    assert!(world.directory().record_presence(nowhen).await.is_err());
}

#[sqlx::test(migrations = false)]
async fn an_agent_can_ask_who_it_is(pool: PgPool) {
    let world = still(pool).await;
    let agent = ready(&world).await;
    let caller = calling(&agent, world.organization);
    let health = world
        .agents(caller)
        .check_health(CheckHealthRequest {})
        .await
        .unwrap()
        .into_inner();
    assert!(health.ok && !health.is_board_lead);
    assert_eq!(
        (health.agent_id.as_str(), health.board_id.clone()),
        (agent.id.as_str(), agent.board_id.clone())
    );
    assert_eq!(health.status(), AgentStatus::Waking);
    let people = world
        .agents(world.admin())
        .check_health(CheckHealthRequest {})
        .await
        .unwrap_err();
    assert_eq!(people.code(), tonic::Code::PermissionDenied);
}
