use std::time::Duration;

use proto::{
    agent::v1::{AgentStatus, RetryAgentRequest},
    gateway::v1::WorkspaceFile,
};
use sqlx::PgPool;

use crate::{
    fixture::{SHORT_DEADLINE, World, key, reason, until},
    stand_in::{Call, Mood},
};

#[sqlx::test(migrations = false)]
async fn an_agent_is_put_in_place_with_files_that_open_the_door(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.gateway("Lab").await;
    let board = world.board(&gateway, 1);
    let main = world.main_agent(&gateway).await;
    world.until(&main.id, AgentStatus::Ready).await;
    world.connector.forget();

    let lead = world.lead(board, "Lena").await;
    assert_eq!(lead.status(), AgentStatus::Pending);
    assert_eq!(
        lead.openclaw_session_id,
        Some(format!("agent:lead-{board}:main"))
    );
    let lead = world.until(&lead.id, AgentStatus::Ready).await;
    assert_eq!(world.connector.names(), ["ensure", "write", "send"]);

    let calls = world.connector.calls();
    let [Call::Ensure(ensure), Call::Write(write), Call::Send(send)] = calls.as_slice() else {
        panic!("{calls:?}")
    };
    assert_eq!(
        (ensure.agent_key.as_str(), ensure.display_name.as_str()),
        (key(&lead).as_str(), "Lena")
    );
    assert_eq!(
        ensure.workspace,
        format!("~/.openclaw/workspace-lead-{board}")
    );
    let names: Vec<&str> = write.files.iter().map(|file| file.name.as_str()).collect();
    let expected = [
        "AGENTS.md",
        "BOOTSTRAP.md",
        "HEARTBEAT.md",
        "IDENTITY.md",
        "MEMORY.md",
        "SOUL.md",
        "TOOLS.md",
        "USER.md",
    ];
    assert_eq!(names, expected);
    assert!(
        write
            .files
            .iter()
            .all(|WorkspaceFile { keep_existing, .. }| !keep_existing)
    );
    let user = &write.files[7].content;
    assert!(user.contains("Grace Hopper"), "{user}");
    assert_eq!(send.session_key, lead.openclaw_session_id.clone().unwrap());
    assert!(
        send.deliver && send.message.contains("BOOTSTRAP.md"),
        "{}",
        send.message
    );

    let token = world.connector.token(&key(&lead)).unwrap();
    assert!(token.starts_with(&format!("mca_{}_", lead.id.replace('-', ""))));
    let known = world.authenticate(&token).await.unwrap().agent.unwrap();
    assert_eq!(
        (known.id, known.is_board_lead, known.board_id),
        (lead.id.clone(), true, Some(board.to_string()))
    );
    let tools = world.connector.file(&key(&lead), "TOOLS.md").unwrap();
    assert!(
        tools.contains("BASE_URL=http://127.0.0.1:8000\n"),
        "{tools}"
    );
    world.until_heard("agent.provisioned", 2).await;
}

#[sqlx::test(migrations = false)]
async fn a_gateway_that_is_away_for_a_while_only_delays(pool: PgPool) {
    let world = World::start(pool).await;
    world.connector.fail(4, "GATEWAY_UNREACHABLE");
    let gateway = world.gateway("Lab").await;
    let main = world.main_agent(&gateway).await;
    let ready = world.until(&main.id, AgentStatus::Ready).await;
    assert_eq!(ready.last_error, None);
    assert_eq!(
        world.connector.names(),
        [
            "ensure", "ensure", "ensure", "ensure", "ensure", "write", "send"
        ]
    );
}

#[sqlx::test(migrations = false)]
async fn while_it_is_retried_the_reason_can_be_read(pool: PgPool) {
    let world = World::start_with(
        pool,
        chassis::Clock::system(),
        &["--lifecycle-retry-schedule", "30m"],
    )
    .await;
    world.connector.fail(1, "GATEWAY_UNREACHABLE");
    let gateway = world.gateway("Lab").await;
    let main = world.main_agent(&gateway).await;
    let told = until("the error is shown", || async {
        world.agent(&main.id).await.last_error
    })
    .await;
    assert_eq!(told, "gateway_unreachable: the gateway said no");
    assert_eq!(
        world.agent(&main.id).await.status(),
        AgentStatus::Provisioning
    );
    let retry = RetryAgentRequest {
        agent_id: main.id.clone(),
    };
    let error = world
        .agents(world.admin())
        .retry_agent(retry)
        .await
        .unwrap_err();
    assert_eq!(reason(&error), "AGENT_BUSY");
}

#[sqlx::test(migrations = false)]
async fn a_refusal_for_good_ends_in_failed_and_can_be_tried_again(pool: PgPool) {
    for refusal in ["GATEWAY_UNAUTHORIZED", "GATEWAY_INCOMPATIBLE"] {
        let world = World::start(pool.clone()).await;
        world.connector.fail(1, refusal);
        let gateway = world.gateway(refusal).await;
        let main = world.main_agent(&gateway).await;
        let failed = world.until(&main.id, AgentStatus::Failed).await;
        let told = format!("{}: the gateway said no", refusal.to_lowercase());
        assert_eq!(failed.last_error.as_deref(), Some(told.as_str()));
        assert_eq!(world.connector.names(), ["ensure"]);
        let events = world.until_heard("agent.provision_failed", 1).await;
        assert_eq!(events[0].agent_id.as_deref(), Some(main.id.as_str()));

        let retry = RetryAgentRequest {
            agent_id: main.id.clone(),
        };
        let retried = world
            .agents(world.admin())
            .retry_agent(retry.clone())
            .await
            .unwrap()
            .into_inner();
        assert_eq!(retried.agent.unwrap().status(), AgentStatus::Pending);
        let ready = world.until(&main.id, AgentStatus::Ready).await;
        assert_eq!(ready.last_error, None);
        world.authenticate(&world.token(&main).await).await.unwrap();
        let error = world
            .agents(world.admin())
            .retry_agent(retry)
            .await
            .unwrap_err();
        assert_eq!(reason(&error), "AGENT_NOT_FAILED");
        world.running.stop().await.unwrap();
    }
}

#[sqlx::test(migrations = false)]
async fn what_takes_longer_than_its_deadline_fails(pool: PgPool) {
    let world = World::start_with(pool, chassis::Clock::system(), &SHORT_DEADLINE).await;
    world.connector.fail(1_000, "GATEWAY_BUSY");
    let gateway = world.gateway("Lab").await;
    let main = world.main_agent(&gateway).await;
    let failed = world.until(&main.id, AgentStatus::Failed).await;
    let told = failed.last_error.unwrap();
    assert!(
        told.starts_with("gateway_busy: ") && told.contains("deadline"),
        "{told}"
    );
}

/// Kills the process while the connector hangs in the given call; the next process finishes the job.
async fn killed_during(pool: PgPool, call: &'static str) {
    let world = World::start(pool).await;
    world.connector.be(Mood::HangingOn(call));
    let gateway = world.gateway("Lab").await;
    let main = world.main_agent(&gateway).await;
    until("the job is in the middle", || async {
        world.connector.names().contains(&call).then_some(())
    })
    .await;
    let written_before = world.connector.token(&key(&main));

    let world = world.restart(&[]).await;
    world.connector.be(Mood::Well);
    world.until(&main.id, AgentStatus::Ready).await;

    let names = world.connector.names();
    let count = |wanted: &str| names.iter().filter(|name| **name == wanted).count();
    for step in ["ensure", "write", "send"] {
        let expected = if step == call { 2..=3 } else { 1..=1 };
        assert!(expected.contains(&count(step)), "{call}: {names:?}");
    }
    assert_eq!(world.connector.taken().len(), 1);
    let token = world.connector.token(&key(&main)).unwrap();
    assert!(
        written_before.is_none_or(|before| before == token),
        "the token was minted twice"
    );
    world.authenticate(&token).await.unwrap();
    world.until_heard("agent.provisioned", 1).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(world.heard("agent.provisioned").len(), 1);
    let jobs: (i64, i64) = sqlx::query_as("select count(*), count(finished_at) from job")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(jobs, (1, 1));
}

#[sqlx::test(migrations = false)]
async fn a_job_survives_a_kill_before_the_agent_exists(pool: PgPool) {
    killed_during(pool, "ensure").await;
}

#[sqlx::test(migrations = false)]
async fn a_job_survives_a_kill_while_files_are_written(pool: PgPool) {
    killed_during(pool, "write").await;
}

#[sqlx::test(migrations = false)]
async fn a_job_survives_a_kill_while_the_session_is_woken(pool: PgPool) {
    killed_during(pool, "send").await;
}

#[sqlx::test(migrations = false)]
async fn an_agent_whose_board_is_gone_fails(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.gateway("Lab").await;
    let board = world.board(&gateway, 1);
    world.connector.fail(3, "GATEWAY_BUSY");
    let worker = world.worker(board, "Ada").await;
    sqlx::query("update agent set board_id = gen_random_uuid() where id = $1::uuid")
        .bind(&worker.id)
        .execute(&world.pool)
        .await
        .unwrap();
    let failed = world.until(&worker.id, AgentStatus::Failed).await;
    assert_eq!(
        failed.last_error.as_deref(),
        Some("board_not_found: the board of the agent is gone")
    );
}

#[sqlx::test(migrations = false)]
async fn many_agents_are_put_in_place_side_by_side(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.gateway("Lab").await;
    let board = world.board(&gateway, 1);
    let names: Vec<String> = (0..12).map(|n| format!("Worker {n}")).collect();
    let created =
        futures::future::join_all(names.iter().map(|name| world.worker(board, name))).await;
    for agent in &created {
        world.until(&agent.id, AgentStatus::Ready).await;
    }
    let mut tokens = Vec::new();
    for agent in &created {
        tokens.push(world.connector.token(&key(agent)).unwrap());
    }
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), 12);
}
