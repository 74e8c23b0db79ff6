//! Agents that were on a gateway before they were ours: taken in, changed and let go without harm.

use chassis::Role;
use proto::{
    agent::v1::{Agent, AgentStatus, Gateway, ImportAgentRequest},
    gateway::v1::RunningAgent,
};
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::{
    fixture::{World, key, person, reason, refusal},
    life::renamed,
    stand_in::{Call, Mood},
};

fn running(key: &str, name: Option<&str>) -> RunningAgent {
    RunningAgent {
        agent_key: key.into(),
        name: name.map(str::to_owned),
        workspace: Some(format!("/home/claw/{key}")),
        is_configured: true,
    }
}

async fn lab(world: &World) -> (Gateway, Uuid) {
    let gateway = world.gateway("Lab").await;
    let main = world.main_agent(&gateway).await;
    world.until(&main.id, AgentStatus::Ready).await;
    world.connector.runs(|runtime| {
        runtime.agents = vec![
            running("old-hand", Some("Old Hand")),
            running("nameless", None),
            running(&key(&main), Some("Main")),
        ];
    });
    world.connector.forget();
    let board = world.board(&gateway, 5);
    (gateway, board)
}

fn wanted(gateway: &Gateway, board: Uuid, id: &str) -> ImportAgentRequest {
    ImportAgentRequest {
        gateway_id: gateway.id.clone(),
        runtime_agent_id: id.into(),
        board_id: board.to_string(),
        name: None,
    }
}

async fn import(world: &World, request: ImportAgentRequest) -> Result<Agent, Status> {
    let answer = world.agents(world.admin()).import_agent(request).await?;
    Ok(answer.into_inner().agent.unwrap())
}

#[sqlx::test(migrations = false)]
async fn one_section_is_all_that_it_gets(pool: PgPool) {
    let world = World::start(pool).await;
    let (gateway, board) = lab(&world).await;
    let agent = import(&world, wanted(&gateway, board, "Old-Hand"))
        .await
        .unwrap();
    assert!(agent.is_imported && !agent.is_board_lead);
    assert_eq!(agent.name, "Old Hand");
    assert_eq!(
        agent.openclaw_session_id.as_deref(),
        Some("agent:old-hand:main")
    );
    world.until(&agent.id, AgentStatus::Ready).await;
    assert_eq!(world.connector.names(), ["agents", "write", "send"]);
    let calls = world.connector.calls();
    let Call::Write(write) = &calls[1] else {
        panic!("{calls:?}")
    };
    let names: Vec<&str> = write.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["MISSION_CONTROL.md"]);
    let section = &write.files[0].content;
    let token = section
        .lines()
        .find_map(|line| line.strip_prefix("AUTH_TOKEN="))
        .unwrap();
    let known = world.authenticate(token).await.unwrap().agent.unwrap();
    assert_eq!(known.board_id, Some(board.to_string()));
    assert!(
        section.contains(&format!("BOARD_ID={board}\n")),
        "{section}"
    );

    // A change writes the section again, and touches nothing else.
    world.connector.forget();
    world.update(renamed(&agent, "Older Hand")).await.unwrap();
    world.until(&agent.id, AgentStatus::Ready).await;
    assert_eq!(world.connector.names(), ["write"]);
}

#[sqlx::test(migrations = false)]
async fn let_go_it_loses_the_section_and_nothing_else(pool: PgPool) {
    let world = World::start(pool).await;
    let (gateway, board) = lab(&world).await;
    for delete in [false, true] {
        let agent = import(&world, wanted(&gateway, board, "old-hand"))
            .await
            .unwrap();
        world.until(&agent.id, AgentStatus::Ready).await;
        world.connector.forget();
        if delete {
            world.delete(world.admin(), &agent.id, false).await.unwrap();
        } else {
            world.unlink(&agent).await.unwrap();
        }
        world.until_forgotten(&agent).await;
        assert_eq!(world.connector.names(), ["remove_files"]);
        let calls = world.connector.calls();
        let Call::RemoveFiles(taken) = &calls[0] else {
            panic!("{calls:?}")
        };
        assert_eq!(
            (taken.agent_key.as_str(), taken.names.as_slice()),
            ("old-hand", ["MISSION_CONTROL.md".to_owned()].as_slice())
        );
    }
    assert_eq!(world.until_heard("agent.unlinked", 2).await.len(), 2);
    assert!(world.heard("agent.retiring").is_empty());
}

#[sqlx::test(migrations = false)]
async fn what_cannot_be_imported_is_refused(pool: PgPool) {
    let world = World::start(pool).await;
    let (gateway, board) = lab(&world).await;
    let main = world.main_agent(&gateway).await;
    let elsewhere = world.gateway("Elsewhere").await;
    let away = world.board(&elsewhere, 5);
    let refused = |request| async { refusal(&import(&world, request).await.unwrap_err()) };
    let is = |code: u16, reason: &str, field: &str| (code, reason.to_owned(), field.to_owned());

    assert_eq!(
        refused(wanted(&gateway, board, "nobody")).await,
        is(404, "RUNTIME_AGENT_NOT_FOUND", "")
    );
    assert_eq!(
        refused(wanted(&gateway, away, "old-hand")).await,
        is(422, "OTHER_GATEWAY", "board_id")
    );
    assert_eq!(
        refused(wanted(&gateway, board, &key(&main))).await,
        is(409, "AGENT_IMPORTED_ALREADY", "")
    );
    assert_eq!(
        refused(wanted(&gateway, board, &"x".repeat(65))).await,
        is(422, "INVALID_REQUEST", "runtime_agent_id")
    );
    let named = ImportAgentRequest {
        name: Some(main.name.clone()),
        ..wanted(&gateway, board, "old-hand")
    };
    assert_eq!(refused(named).await, is(409, "AGENT_NAME_TAKEN", ""));
    let stranger = person(Uuid::from_u128(2), Role::Owner);
    let foreign = world
        .agents(stranger)
        .import_agent(wanted(&gateway, board, "old-hand"))
        .await;
    assert_eq!(reason(&foreign.unwrap_err()), "GATEWAY_NOT_FOUND");
    world.connector.be(Mood::Failing {
        times: 1,
        reason: "GATEWAY_UNREACHABLE",
    });
    assert_eq!(
        refused(wanted(&gateway, board, "old-hand")).await,
        is(503, "GATEWAY_UNREACHABLE", "")
    );
    let agents: i64 =
        sqlx::query_scalar("select count(*) from agent where runtime_key is not null")
            .fetch_one(&world.pool)
            .await
            .unwrap();
    assert_eq!(agents, 0);
}

#[sqlx::test(migrations = false)]
async fn of_many_who_import_it_at_once_one_does(pool: PgPool) {
    let world = World::start(pool).await;
    let (gateway, board) = lab(&world).await;
    for round in 0..6 {
        world.connector.runs(|runtime| {
            runtime.agents = vec![running(&format!("hand-{round}"), None)];
        });
        let tries = (0..5).map(|n| {
            let request = ImportAgentRequest {
                name: Some(format!("Hand {round} {n}")),
                ..wanted(&gateway, board, &format!("hand-{round}"))
            };
            import(&world, request)
        });
        let answers = futures::future::join_all(tries).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1);
        for status in lost.into_iter().map(Result::unwrap_err) {
            assert_eq!(reason(&status), "AGENT_IMPORTED_ALREADY");
        }
    }
}

#[sqlx::test(migrations = false)]
async fn it_stays_on_its_gateway(pool: PgPool) {
    let world = World::start(pool).await;
    let (gateway, board) = lab(&world).await;
    let agent = import(&world, wanted(&gateway, board, "nameless"))
        .await
        .unwrap();
    assert_eq!(agent.name, "nameless");
    let elsewhere = world.gateway("Elsewhere").await;
    let away = world.board(&elsewhere, 5);
    let refused = world
        .update(crate::life::moved(&agent, away))
        .await
        .unwrap_err();
    assert_eq!(reason(&refused), "IMPORTED_CANNOT_MOVE");
    let beside = world.board(&gateway, 5);
    let after = world
        .update(crate::life::moved(&agent, beside))
        .await
        .unwrap();
    assert_eq!(after.board_id, Some(beside.to_string()));
}

#[sqlx::test(migrations = false)]
async fn imported_again_it_keeps_its_section(pool: PgPool) {
    let world = World::start(pool).await;
    let (gateway, board) = lab(&world).await;
    let first = import(&world, wanted(&gateway, board, "old-hand"))
        .await
        .unwrap();
    world.until(&first.id, AgentStatus::Ready).await;
    world.connector.be(Mood::HangingOn("remove_files"));
    world.unlink(&first).await.unwrap();
    crate::fixture::until("the gateway is asked to take it away", || async {
        let names = world.connector.names();
        names.contains(&"remove_files").then_some(())
    })
    .await;
    let second = import(&world, wanted(&gateway, board, "old-hand"))
        .await
        .unwrap();
    world.connector.forget();
    world.connector.be(Mood::Well);
    world.until(&second.id, AgentStatus::Ready).await;
    world.until_forgotten(&first).await;
    let names = world.connector.names();
    assert!(!names.contains(&"remove_files"), "{names:?}");
}
