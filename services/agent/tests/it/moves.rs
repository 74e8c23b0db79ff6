//! Workers that move to another board, on the same gateway and on another one.

use proto::{
    agent::v1::{Agent, AgentStatus},
    event::v1::event::Payload,
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    fixture::{World, key, reason, until},
    life::{SOON_GIVEN_UP, moved},
    stand_in::Mood,
};

fn left(world: &World, agent: &Agent) -> Vec<String> {
    let told = world.heard("agent.updated");
    told.iter()
        .filter(|event| event.agent_id.as_deref() == Some(agent.id.as_str()))
        .filter_map(|event| match &event.payload {
            Some(Payload::AgentUpdated(updated)) => updated.from_board_id.clone(),
            _ => None,
        })
        .collect()
}

/// Another gateway with a board.
async fn elsewhere(world: &World) -> Uuid {
    let gateway = world.gateway("Elsewhere").await;
    let main = world.main_agent(&gateway).await;
    world.until(&main.id, AgentStatus::Ready).await;
    world.board(&gateway, 5)
}

#[sqlx::test(migrations = false)]
async fn on_its_gateway_it_gets_the_files_of_the_new_board(pool: PgPool) {
    let world = World::start(pool).await;
    let (agent, board) = world.placed("Ada").await;
    let mut other = world.boards.get(&board.to_string()).unwrap();
    other.id = Uuid::now_v7().to_string();
    let to: Uuid = other.id.parse().unwrap();
    world.boards.put(other);
    let token = {
        world.rotate(&agent, false).await.unwrap();
        world.until(&agent.id, AgentStatus::Ready).await;
        world.token(&agent).await
    };
    world.until_quiet().await;
    world.connector.forget();

    let after = world.update(moved(&agent, to)).await.unwrap();
    assert_eq!(after.board_id, Some(to.to_string()));
    world.until_heard("agent.wakeup.sent", 3).await;
    world.until(&agent.id, AgentStatus::Ready).await;
    assert_eq!(world.connector.names(), ["ensure", "write", "send"]);
    let tools = world.connector.file(&key(&agent), "TOOLS.md").unwrap();
    assert!(tools.contains(&format!("BOARD_ID={to}")), "{tools}");
    assert_eq!(world.connector.token(&key(&agent)).unwrap(), token);
    world.authenticate(&token).await.unwrap();
    until("the board that it left hears of it", || async {
        (left(&world, &agent) == [board.to_string()]).then_some(())
    })
    .await;
    assert_eq!(world.planned("teardown").await, 0);
}

#[sqlx::test(migrations = false)]
async fn on_another_gateway_it_begins_anew_and_leaves_nothing_behind(pool: PgPool) {
    let world = World::start(pool).await;
    let (agent, board) = world.placed("Ada").await;
    world.rotate(&agent, false).await.unwrap();
    let old = world.token(&agent).await;
    world.until(&agent.id, AgentStatus::Ready).await;
    let to = elsewhere(&world).await;
    world.until_quiet().await;
    world.connector.forget();

    let after = world.update(moved(&agent, to)).await.unwrap();
    assert_ne!(after.gateway_id, agent.gateway_id);
    assert!(
        world.authenticate(&old).await.is_err(),
        "what stays on the old gateway must not act for it"
    );
    world.until(&agent.id, AgentStatus::Ready).await;
    until("nothing is left", || async {
        (world.planned("teardown").await == 0).then_some(())
    })
    .await;
    assert_eq!(world.connector.removed(), [key(&agent)]);
    let names = world.names_of(&key(&agent));
    for name in ["ensure", "write", "send", "remove"] {
        assert_eq!(names.iter().filter(|n| **n == name).count(), 1, "{names:?}");
    }
    let new = world.connector.token(&key(&agent)).unwrap();
    let known = world.authenticate(&new).await.unwrap().agent.unwrap();
    assert_eq!(known.board_id, Some(to.to_string()));
    assert_eq!(left(&world, &agent), [board.to_string()]);
}

#[sqlx::test(migrations = false)]
async fn what_the_old_gateway_does_not_let_go_is_told(pool: PgPool) {
    let world = World::start_with(pool, chassis::Clock::system(), &SOON_GIVEN_UP).await;
    let (agent, _) = world.placed("Ada").await;
    let to = elsewhere(&world).await;
    world.until_quiet().await;
    world.connector.be(Mood::HangingOn("remove"));
    world.update(moved(&agent, to)).await.unwrap();
    let told = world.until_heard("agent.provision_failed", 1).await;
    let Some(Payload::AgentProvisionFailed(failed)) = &told[0].payload else {
        panic!("{told:?}")
    };
    assert!(
        failed.reason.starts_with("runtime_left_behind: ") && failed.reason.contains(&key(&agent)),
        "{}",
        failed.reason
    );
    world.until(&agent.id, AgentStatus::Ready).await;
}

#[sqlx::test(migrations = false)]
async fn there_and_back_it_is_where_it_ends(pool: PgPool) {
    let world = World::start(pool).await;
    let (agent, home) = world.placed("Ada").await;
    let away = elsewhere(&world).await;
    world.until_quiet().await;
    for round in 0..6 {
        world.connector.forget();
        let moves = [moved(&agent, away), moved(&agent, home)];
        let (first, second) = (moves[round % 2].clone(), moves[(round + 1) % 2].clone());
        for request in [first, second] {
            match world.update(request).await {
                Ok(_) => {}
                Err(status) => assert_eq!(reason(&status), "AGENT_BUSY"),
            }
        }
        let now = world.until(&agent.id, AgentStatus::Ready).await;
        until("everything is cleared up", || async {
            let quiet = world.planned("teardown").await + world.planned("lifecycle").await;
            (quiet == 0).then_some(())
        })
        .await;
        // Of all that was done where it is now, its files came last.
        let calls = world.connector.calls();
        let here = calls.iter().filter_map(|call| match call {
            crate::stand_in::Call::Write(write) => {
                let target = write.target.as_ref()?;
                (target.gateway_id == now.gateway_id && write.agent_key == key(&agent))
                    .then_some("write")
            }
            crate::stand_in::Call::Remove(remove) => {
                let target = remove.target.as_ref()?;
                (target.gateway_id == now.gateway_id && remove.agent_key == key(&agent))
                    .then_some("remove")
            }
            _ => None,
        });
        let last = here.collect::<Vec<_>>().pop();
        assert_ne!(last, Some("remove"), "round {round}");
        let token = world.connector.token(&key(&agent));
        if let Some(token) = token {
            world.authenticate(&token).await.unwrap();
        }
    }
}

#[sqlx::test(migrations = false)]
async fn it_moves_away_from_a_gateway_that_hangs(pool: PgPool) {
    let world = World::start(pool).await;
    let (agent, _) = world.placed("Ada").await;
    let to = elsewhere(&world).await;
    world.until_quiet().await;
    world.connector.be(Mood::HangingOn("write"));
    world
        .update(crate::life::renamed(&agent, "Ada L"))
        .await
        .unwrap();
    until("a job is under way", || async {
        world.connector.names().contains(&"write").then_some(())
    })
    .await;
    world.update(moved(&agent, to)).await.unwrap();
    world.connector.be(Mood::Well);
    world.until(&agent.id, AgentStatus::Ready).await;
    until("nothing is left", || async {
        (world.planned("teardown").await == 0).then_some(())
    })
    .await;
    let jobs = world.jobs(&agent).await;
    let last = jobs[1].last_error.as_deref().unwrap();
    assert!(last.starts_with("superseded"), "{last}");
}

#[sqlx::test(migrations = false)]
async fn one_that_waits_for_a_paused_board_goes_on_where_it_moves_to(pool: PgPool) {
    let world = World::start(pool).await;
    let (_, board) = world.placed("Ada").await;
    let mut other = world.boards.get(&board.to_string()).unwrap();
    other.id = Uuid::now_v7().to_string();
    let to: Uuid = other.id.parse().unwrap();
    world.boards.put(other);
    world.pause_board(board).await;
    let bob = world.worker(board, "Bob").await;
    until("it waits for its board", || async {
        let error = world.agent(&bob.id).await.last_error.unwrap_or_default();
        error.starts_with("board_paused: ").then_some(())
    })
    .await;

    world.update(moved(&bob, to)).await.unwrap();
    world.until(&bob.id, AgentStatus::Ready).await;
    assert_eq!(world.names_of(&key(&bob)).last(), Some(&"send"));
    world.until_quiet().await;
    let tools = world.connector.file(&key(&bob), "TOOLS.md").unwrap();
    assert!(tools.contains(&format!("BOARD_ID={to}")), "{tools}");
}
