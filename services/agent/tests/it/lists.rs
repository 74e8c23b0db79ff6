use chassis::{Caller, Role};
use proto::agent::v1::{GetAgentRequest, ListAgentsRequest, ResolveAgentsRequest};
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::fixture::{World, calling, person, reason, refusal};

async fn names(
    world: &World,
    caller: Caller,
    request: ListAgentsRequest,
) -> Result<Vec<String>, Status> {
    let mut names: Vec<String> = world
        .agents(caller)
        .list_agents(request)
        .await?
        .into_inner()
        .items
        .into_iter()
        .map(|a| a.name)
        .collect();
    names.sort();
    Ok(names)
}

#[sqlx::test(migrations = false)]
async fn everybody_sees_the_agents_that_are_theirs_to_see(pool: PgPool) {
    let world = World::start(pool).await;
    let (lab, garage) = (world.gateway("Lab").await, world.gateway("Garage").await);
    let (one, two) = (world.board(&lab, 1), world.board(&garage, 1));
    let lead = world.lead(one, "Lena").await;
    world.worker(one, "Ada").await;
    let stranger = world.worker(two, "Zoe").await;
    let main = world.main_agent(&lab).await;
    let all = ListAgentsRequest::default;
    let on = |board: Uuid| ListAgentsRequest {
        board_id: Some(board.to_string()),
        ..all()
    };
    let at = |gateway: &str| ListAgentsRequest {
        gateway_id: Some(gateway.to_owned()),
        ..all()
    };
    let agent = |agent| calling(agent, world.organization);

    let everybody = [
        "Ada",
        "Garage Gateway Agent",
        "Lab Gateway Agent",
        "Lena",
        "Zoe",
    ];
    assert_eq!(
        names(&world, world.admin(), all()).await.unwrap(),
        everybody
    );
    assert_eq!(
        names(&world, world.admin(), on(one)).await.unwrap(),
        ["Ada", "Lena"]
    );
    assert_eq!(
        names(&world, world.admin(), at(&garage.id)).await.unwrap(),
        ["Garage Gateway Agent", "Zoe"]
    );
    assert_eq!(
        names(&world, agent(&lead), all()).await.unwrap(),
        ["Ada", "Lena"]
    );
    assert_eq!(
        names(&world, agent(&lead), at(&garage.id)).await.unwrap(),
        Vec::<String>::new()
    );
    assert_eq!(
        names(&world, agent(&main), all()).await.unwrap(),
        ["Ada", "Lab Gateway Agent", "Lena"]
    );
    assert_eq!(
        names(&world, agent(&main), on(one)).await.unwrap(),
        ["Ada", "Lena"]
    );

    for (caller, request, expected) in [
        (agent(&lead), on(two), "BOARD_NOT_FOUND"),
        (agent(&main), on(two), "BOARD_NOT_FOUND"),
        (agent(&main), at(&garage.id), "GATEWAY_NOT_FOUND"),
        (world.admin(), on(Uuid::now_v7()), "BOARD_NOT_FOUND"),
        (
            world.admin(),
            at(&Uuid::now_v7().to_string()),
            "GATEWAY_NOT_FOUND",
        ),
    ] {
        assert_eq!(
            reason(&names(&world, caller, request).await.unwrap_err()),
            expected
        );
    }
    let foreign = person(Uuid::from_u128(2), Role::Owner);
    assert_eq!(
        names(&world, foreign.clone(), all()).await.unwrap(),
        Vec::<String>::new()
    );
    let get = GetAgentRequest {
        agent_id: stranger.id.clone(),
    };
    assert_eq!(
        reason(&world.agents(foreign).get_agent(get).await.unwrap_err()),
        "AGENT_NOT_FOUND"
    );
}

#[sqlx::test(migrations = false)]
async fn peers_resolve_agents_by_board_or_by_id(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.gateway("Lab").await;
    let board = world.board(&gateway, 1);
    let (lead, worker) = (
        world.lead(board, "Lena").await,
        world.worker(board, "Ada").await,
    );
    let resolve = |board_id: Option<Uuid>, agent_ids: Vec<String>| {
        let request = ResolveAgentsRequest {
            board_id: board_id.map(|id| id.to_string()),
            agent_ids,
            ..ResolveAgentsRequest::default()
        };
        let mut directory = world.directory();
        async move {
            directory
                .resolve_agents(request)
                .await
                .map(|answer| answer.into_inner().agents)
        }
    };
    let found = resolve(Some(board), vec![]).await.unwrap();
    assert_eq!(
        found
            .iter()
            .map(|agent| agent.name.as_str())
            .collect::<Vec<_>>(),
        ["Lena", "Ada"]
    );
    assert!(found[0].is_board_lead && !found[1].is_board_lead);
    let found = resolve(None, vec![worker.id.clone(), Uuid::now_v7().to_string()])
        .await
        .unwrap();
    assert_eq!(
        found.iter().map(|agent| &agent.id).collect::<Vec<_>>(),
        [&worker.id]
    );
    assert!(resolve(None, vec![]).await.unwrap().is_empty());
    assert!(resolve(Some(board), vec![lead.id]).await.is_err());
    assert!(resolve(None, vec!["x".into()]).await.is_err());
    assert!(resolve(None, vec![worker.id; 201]).await.is_err());

    let other = world.board(&gateway, 1);
    world.worker(other, "Bob").await;
    let boards = |ids: Vec<String>| {
        let request = ResolveAgentsRequest {
            board_ids: ids,
            ..ResolveAgentsRequest::default()
        };
        let mut directory = world.directory();
        async move {
            let answer = directory.resolve_agents(request).await?;
            Ok::<_, Status>(answer.into_inner().agents)
        }
    };
    let both = vec![board.to_string(), other.to_string()];
    let names: Vec<_> = boards(both)
        .await
        .unwrap()
        .into_iter()
        .map(|agent| agent.name)
        .collect();
    assert_eq!(names, ["Lena", "Ada", "Bob"]);
    let too_many = boards(vec![Uuid::now_v7().to_string(); 201]).await;
    assert_eq!(refusal(&too_many.unwrap_err()).2, "board_ids");
    let mixed = ResolveAgentsRequest {
        board_id: Some(board.to_string()),
        board_ids: vec![other.to_string()],
        ..ResolveAgentsRequest::default()
    };
    let mixed = world.directory().resolve_agents(mixed).await;
    assert_eq!(refusal(&mixed.unwrap_err()).2, "board_ids");
}
