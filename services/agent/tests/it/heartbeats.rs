//! Agents that say, or of whom somebody says, that they are alive.

use proto::agent::v1::{Agent, AgentStatus, HeartbeatAgentRequest, RegisterHeartbeatRequest};
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::fixture::{World, calling, person, reason, refusal};

fn named(name: &str, board: Option<Uuid>) -> RegisterHeartbeatRequest {
    RegisterHeartbeatRequest {
        name: name.into(),
        board_id: board.map(|id| id.to_string()),
        status: None,
    }
}

async fn register(
    world: &World,
    caller: chassis::Caller,
    request: RegisterHeartbeatRequest,
) -> Result<Agent, Status> {
    let answer = world.agents(caller).register_heartbeat(request).await?;
    Ok(answer.into_inner().agent.unwrap())
}

#[sqlx::test(migrations = false)]
async fn an_agent_speaks_for_itself_and_an_administrator_for_it(pool: PgPool) {
    let world = World::start(pool).await;
    let (agent, board) = world.placed("Ada").await;
    let other = world.worker(board, "Bob").await;
    let beat = |caller, id: &str, status: Option<&str>| {
        let request = HeartbeatAgentRequest {
            agent_id: id.into(),
            status: status.map(str::to_owned),
        };
        let mut client = world.agents(caller);
        async move { client.heartbeat_agent(request).await }
    };
    let itself = || calling(&agent, world.organization);
    for caller in [itself(), world.admin()] {
        let seen = beat(caller, &agent.id, Some("online")).await.unwrap();
        let seen = seen.into_inner().agent.unwrap();
        assert_eq!(seen.status(), AgentStatus::Online);
    }
    let refused = beat(itself(), &other.id, None).await.unwrap_err();
    assert_eq!(reason(&refused), "OTHER_AGENT");
    for word in ["deleting", "updating", "Online", "a\0b", ""] {
        let refused = beat(world.admin(), &agent.id, Some(word)).await;
        assert_eq!(
            refusal(&refused.unwrap_err()),
            (422, "INVALID_REQUEST".to_owned(), "status".to_owned())
        );
    }
    let stranger = person(Uuid::from_u128(2), chassis::Role::Owner);
    let refused = beat(stranger, &agent.id, None).await.unwrap_err();
    assert_eq!(reason(&refused), "AGENT_NOT_FOUND");
}

#[sqlx::test(migrations = false)]
async fn by_name_an_agent_is_found_or_made_within_the_organization(pool: PgPool) {
    let world = World::start(pool).await;
    let (agent, board) = world.placed("Ada").await;
    let gateway = world.gateway("Other").await;
    let other = world.board(&gateway, 5);
    let found = register(&world, world.admin(), named("ada", None)).await;
    assert_eq!(found.unwrap().id, agent.id);
    let itself = calling(&agent, world.organization);
    let found = register(&world, itself, named("whoever", Some(other))).await;
    assert_eq!(found.unwrap().id, agent.id);

    let refused = register(&world, world.admin(), named("Bob", None)).await;
    assert_eq!(
        refusal(&refused.unwrap_err()),
        (422, "BOARD_REQUIRED".to_owned(), "board_id".to_owned())
    );
    let made = register(&world, world.admin(), named("Ada", Some(other)))
        .await
        .unwrap();
    assert_eq!(
        (made.status(), made.last_seen_at),
        (AgentStatus::Pending, None)
    );
    let refused = register(&world, world.admin(), named("Ada", None)).await;
    assert_eq!(reason(&refused.unwrap_err()), "AGENT_NAME_AMBIGUOUS");
    let found = register(&world, world.admin(), named("Ada", Some(board))).await;
    assert_eq!(found.unwrap().id, agent.id);

    let stranger = person(Uuid::from_u128(2), chassis::Role::Owner);
    let refused = register(&world, stranger, named("Ada", None)).await;
    assert_eq!(reason(&refused.unwrap_err()), "BOARD_REQUIRED");
}

#[sqlx::test(migrations = false)]
async fn of_many_who_name_a_new_one_at_once_one_makes_it(pool: PgPool) {
    let world = World::start(pool).await;
    let (_, board) = world.placed("Ada").await;
    for round in 0..5 {
        let name = format!("New {round}");
        let tries = (0..5).map(|_| register(&world, world.admin(), named(&name, Some(board))));
        let mut ids: Vec<String> = futures::future::join_all(tries)
            .await
            .into_iter()
            .map(|answer| answer.unwrap().id)
            .collect();
        ids.dedup();
        assert_eq!(ids.len(), 1);
    }
}
