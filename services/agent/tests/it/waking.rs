//! Agents that are woken, and what becomes of those that call and of those that do not.

use chassis::{Clock, encode};
use chrono::{DateTime, TimeDelta};
use proto::agent::v1::{Agent, AgentSeen, AgentStatus, RecordPresenceRequest};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    fixture::{World, key, reason, until},
    life::renamed,
    stand_in::Mood,
};

/// Of the wake-ups in these tests.
const PATIENCE: TimeDelta = TimeDelta::minutes(5);

async fn still(pool: PgPool) -> World {
    let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    World::start_with(pool, Clock::fixed(at), &[]).await
}

/// Lets the other agents of the world call, so that only one is waited for.
async fn alone(world: &World, agent: &Agent) {
    let ids: Vec<String> =
        sqlx::query_scalar("select id::text from agent where id <> $1::uuid and wake_attempts > 0")
            .bind(&agent.id)
            .fetch_all(&world.pool)
            .await
            .unwrap();
    for id in ids {
        called(world, &id).await;
    }
}

/// Any authenticated call, as the edge reports it.
async fn called(world: &World, id: &str) {
    let seen = AgentSeen {
        agent_id: id.to_owned(),
        at: Some(encode::time(world.clock.now())),
    };
    let request = RecordPresenceRequest { seen: vec![seen] };
    world.directory().record_presence(request).await.unwrap();
}

async fn woken(pool: PgPool) -> (World, Agent, Uuid) {
    let world = still(pool).await;
    let (agent, board) = world.placed("Ada").await;
    alone(&world, &agent).await;
    let agent = world.agent(&agent.id).await;
    (world, agent, board)
}

/// Waits for something while the clock moves in steps that are short beside the patience.
async fn while_time_passes<T>(
    world: &World,
    what: &str,
    check: impl AsyncFn(Agent) -> Option<T>,
    agent: &Agent,
) -> T {
    until(what, || async {
        world.clock.advance(TimeDelta::seconds(1));
        check(world.agent(&agent.id).await).await
    })
    .await
}

async fn attempts(world: &World, agent: &Agent, attempts: i32) -> Agent {
    while_time_passes(
        world,
        &format!("wake-up {attempts}"),
        async |now| (now.wake_attempts == Some(attempts)).then_some(now),
        agent,
    )
    .await
}

#[sqlx::test(migrations = false)]
async fn a_woken_agent_is_waking_until_any_call_of_it(pool: PgPool) {
    let (world, agent, _) = woken(pool).await;
    assert_eq!(agent.status(), AgentStatus::Waking);
    assert_eq!(agent.wake_attempts, Some(1));
    let sent = agent.last_wake_sent_at.unwrap();
    let deadline = agent.checkin_deadline_at.unwrap();
    assert!(deadline.seconds - sent.seconds >= PATIENCE.num_seconds());
    assert!(world.heard("agent.wakeup.sent").len() <= 2);

    world.clock.advance(TimeDelta::minutes(1));
    called(&world, &agent.id).await;
    let now = world.agent(&agent.id).await;
    assert_eq!(
        (now.status(), now.wake_attempts, now.checkin_deadline_at),
        (AgentStatus::Online, Some(0), None)
    );
    world.until_heard("agent.checked_in", 2).await;

    world.clock.advance(PATIENCE * 2);
    until("nobody looks any more", || async {
        (world.wakes_of(&agent).await == 0).then_some(())
    })
    .await;
    assert!(world.connector.calls().is_empty(), "it was woken again");
    assert!(world.heard("agent.silent").is_empty());
}

#[sqlx::test(migrations = false)]
async fn one_that_never_calls_is_woken_three_times_and_is_silent(pool: PgPool) {
    let (world, agent, _) = woken(pool).await;
    attempts(&world, &agent, 2).await;
    assert_eq!(world.names_of(&key(&agent)), ["send"]);
    attempts(&world, &agent, 3).await;
    // Only the last one begins a new session, and none brings a new token.
    assert_eq!(world.names_of(&key(&agent)), ["send", "reset", "send"]);
    let silent = while_time_passes(
        &world,
        "silence",
        async |now| (now.status() == AgentStatus::Offline).then_some(now),
        &agent,
    )
    .await;
    assert_eq!(
        (silent.wake_attempts, silent.checkin_deadline_at),
        (Some(3), None)
    );
    let told = silent.last_error.unwrap();
    assert!(told.starts_with("agent_silent: "), "{told}");
    assert_eq!(world.until_heard("agent.silent", 1).await.len(), 1);
    let ids: Vec<Option<String>> = world
        .heard("agent.wakeup.sent")
        .into_iter()
        .map(|event| event.agent_id)
        .filter(|id| *id == Some(agent.id.clone()))
        .collect();
    assert_eq!(ids.len(), 3);
    assert_eq!(world.wakes_of(&agent).await, 0);
    assert!(world.heard("agent.token_changed").is_empty());

    world.clock.advance(TimeDelta::hours(3));
    world.until_quiet().await;
    assert_eq!(world.names_of(&key(&agent)).len(), 3);
    let back = world.beat(&agent).await;
    assert_eq!(
        (back.status(), back.last_error),
        (AgentStatus::Online, None)
    );
    assert_eq!(world.agent(&agent.id).await.wake_attempts, Some(0));
}

#[sqlx::test(migrations = false)]
async fn a_change_that_does_not_wake_leaves_the_waiting_alone(pool: PgPool) {
    let (world, agent, _) = woken(pool).await;
    let before = world.agent(&agent.id).await;
    world.update(renamed(&agent, "Ada L")).await.unwrap();
    let after = world.until(&agent.id, AgentStatus::Ready).await;
    assert_eq!(after.status(), AgentStatus::Waking);
    assert_eq!(
        (
            after.wake_attempts,
            after.last_wake_sent_at,
            after.checkin_deadline_at
        ),
        (
            before.wake_attempts,
            before.last_wake_sent_at,
            before.checkin_deadline_at
        )
    );
    attempts(&world, &agent, 2).await;
}

#[sqlx::test(migrations = false)]
async fn somebody_can_wake_it_again(pool: PgPool) {
    let (world, agent, _) = woken(pool).await;
    world.beat(&agent).await;
    world.clock.advance(TimeDelta::hours(1));
    world.wake(&agent).await.unwrap();
    let now = attempts(&world, &agent, 1).await;
    assert_eq!(now.status(), AgentStatus::Waking);
    // Asked for twice at once, it is one wake-up after the other or one for both; the count begins anew each time.
    let (first, second) = futures::future::join(world.wake(&agent), world.wake(&agent)).await;
    first.unwrap();
    second.unwrap();
    until("all is sent", || async {
        world.clock.advance(TimeDelta::milliseconds(100));
        let now = world.agent(&agent.id).await;
        let due: i64 = sqlx::query_scalar("select count(*) from wake where is_first")
            .fetch_one(&world.pool)
            .await
            .unwrap();
        (due == 0 && now.wake_attempts == Some(1)).then_some(())
    })
    .await;
    assert_eq!(world.wakes_of(&agent).await, 1);
    world.beat(&agent).await;
    assert_eq!(world.agent(&agent.id).await.status(), AgentStatus::Online);
}

#[sqlx::test(migrations = false)]
async fn what_is_not_in_place_or_paused_is_not_woken(pool: PgPool) {
    let (world, agent, board) = woken(pool).await;
    world.connector.be(Mood::HangingOn("write"));
    world.update(renamed(&agent, "Ada L")).await.unwrap();
    let refused = world.wake(&agent).await.unwrap_err();
    assert_eq!(reason(&refused), "AGENT_NOT_READY");
    world.connector.be(Mood::Well);
    world.until(&agent.id, AgentStatus::Ready).await;
    world.pause_board(board).await;
    let refused = world.wake(&agent).await.unwrap_err();
    assert_eq!(reason(&refused), "BOARD_PAUSED");
    // Whoever is refused has changed nothing: it is waited for still.
    assert_eq!(world.wakes_of(&agent).await, 1);
}

#[sqlx::test(migrations = false)]
async fn while_its_board_is_paused_nobody_wakes_it(pool: PgPool) {
    let (world, agent, board) = woken(pool).await;
    world.pause_board(board).await;
    let held = while_time_passes(
        &world,
        "it waits for its board",
        async |now| (now.status() != AgentStatus::Waking).then_some(now),
        &agent,
    )
    .await;
    assert_eq!(
        (held.wake_attempts, held.checkin_deadline_at),
        (Some(0), None)
    );
    let told = held.last_error.unwrap();
    assert!(told.starts_with("board_paused: "), "{told}");
    world.clock.advance(TimeDelta::hours(2));
    world.until_quiet().await;
    assert!(world.connector.calls().is_empty());

    world.resume_board(board).await;
    let now = attempts(&world, &agent, 1).await;
    assert_eq!(now.status(), AgentStatus::Waking);
    assert_eq!(world.names_of(&key(&agent)), ["send"]);
}

#[sqlx::test(migrations = false)]
async fn one_that_called_while_its_board_was_paused_is_not_woken_for_it(pool: PgPool) {
    let (world, agent, board) = woken(pool).await;
    world.pause_board(board).await;
    while_time_passes(
        &world,
        "it waits for its board",
        async |now| (now.status() != AgentStatus::Waking).then_some(now),
        &agent,
    )
    .await;
    world.beat(&agent).await;
    world.resume_board(board).await;
    until("nobody looks any more", || async {
        (world.wakes_of(&agent).await == 0).then_some(())
    })
    .await;
    assert!(world.names_of(&key(&agent)).is_empty());
}

#[sqlx::test(migrations = false)]
async fn a_gateway_that_is_away_only_delays_a_wake_up(pool: PgPool) {
    let (world, agent, _) = woken(pool).await;
    world.connector.fail(3, "GATEWAY_UNREACHABLE");
    let told = while_time_passes(
        &world,
        "the reason is shown",
        async |now| now.last_error,
        &agent,
    )
    .await;
    assert!(told.starts_with("gateway_unreachable: "), "{told}");
    let now = attempts(&world, &agent, 2).await;
    assert_eq!((now.status(), now.last_error), (AgentStatus::Waking, None));
    assert_eq!(world.connector.taken().len(), 1, "one message, taken once");
}

#[sqlx::test(migrations = false)]
async fn a_gateway_that_refuses_ends_the_waiting(pool: PgPool) {
    let (world, agent, _) = woken(pool).await;
    world.connector.fail(1, "GATEWAY_UNAUTHORIZED");
    let ended = while_time_passes(
        &world,
        "nobody waits any more",
        async |now| (now.status() == AgentStatus::Offline).then_some(now),
        &agent,
    )
    .await;
    let told = ended.last_error.unwrap();
    assert!(told.starts_with("gateway_unauthorized: "), "{told}");
    assert_eq!(ended.checkin_deadline_at, None);
    world.until_heard("agent.silent", 1).await;
    world.wake(&agent).await.unwrap();
    attempts(&world, &agent, 1).await;
}

#[sqlx::test(migrations = false)]
async fn a_deadline_survives_the_process(pool: PgPool) {
    let (world, agent, _) = woken(pool).await;
    let world = world.restart(&[]).await;
    attempts(&world, &agent, 2).await;
    // It dies with the message on its way; whoever comes after it says the same.
    world.connector.be(Mood::HangingOn("send"));
    until("the message is on its way", || async {
        world.clock.advance(TimeDelta::seconds(5));
        (world.names_of(&key(&agent)).len() > 2).then_some(())
    })
    .await;
    let world = world.restart(&[]).await;
    world.connector.be(Mood::Well);
    attempts(&world, &agent, 3).await;
    assert_eq!(world.connector.taken().len(), 2);
}

#[sqlx::test(migrations = false)]
async fn a_call_against_the_deadline_is_never_lost(pool: PgPool) {
    let (world, agent, _) = woken(pool).await;
    for round in 0..12_u32 {
        world.beat(&agent).await;
        // A call at the very moment of a wake-up would answer it.
        world.clock.advance(TimeDelta::seconds(1));
        world.wake(&agent).await.unwrap();
        attempts(&world, &agent, 1).await;
        // It calls around the moment at which its deadline passes.
        world.clock.advance(PATIENCE + TimeDelta::seconds(2));
        tokio::time::sleep(std::time::Duration::from_millis(u64::from(round) * 7)).await;
        world.beat(&agent).await;
        until("what was due is done", || async {
            let due: i64 = sqlx::query_scalar(
                "select count(*) from delivery
                 where queue = 'checkin' and (state = 'sending' or state = 'waiting' and next_attempt_at <= $1)",
            )
            .bind(world.clock.now())
            .fetch_one(&world.pool)
            .await
            .unwrap();
            (due == 0).then_some(())
        })
        .await;
        let now = world.agent(&agent.id).await;
        match now.status() {
            // The next wake-up was quicker than the call, or the call came first and no other followed.
            AgentStatus::Waking => assert_eq!(world.wakes_of(&agent).await, 1),
            AgentStatus::Online => assert_eq!(
                (now.wake_attempts, now.checkin_deadline_at),
                (Some(0), None)
            ),
            status => panic!("round {round}: {status:?}"),
        }
    }
}
