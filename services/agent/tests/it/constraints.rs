use chassis::Caller;
use futures::future::join_all;
use proto::agent::v1::{Agent, CreateAgentRequest};
use sqlx::PgPool;
use tonic::Status;

use crate::fixture::{World, calling, reason, refusal, wanted};

/// How many won; every loser lost for this reason.
fn winners(results: Vec<Result<Agent, Status>>, lost_for: &str) -> usize {
    let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    for error in lost {
        assert_eq!(reason(&error.unwrap_err()), lost_for);
    }
    won.len()
}

#[sqlx::test(migrations = false)]
async fn a_board_has_one_lead_however_many_want_to_be(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.gateway("Lab").await;
    for round in 0..10 {
        let board = world.board(&gateway, 1);
        let attempts = (0..4).map(|n| {
            let request = CreateAgentRequest {
                is_board_lead: Some(true),
                ..wanted(board, &format!("L{round}-{n}"))
            };
            world.try_create(world.admin(), request)
        });
        assert_eq!(winners(join_all(attempts).await, "BOARD_LEAD_EXISTS"), 1);
    }
    let jobs: i64 = sqlx::query_scalar("select count(*) from job")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(jobs, 11);
}

#[sqlx::test(migrations = false)]
async fn a_name_is_taken_once_on_a_gateway_ignoring_case(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.gateway("Lab").await;
    let (one, two) = (world.board(&gateway, 1), world.board(&gateway, 1));
    for round in 0..10 {
        let names = [
            format!("ada {round}"),
            format!("Ada {round}"),
            format!("ADA {round}"),
            format!(" ada {round} "),
        ];
        let boards = [one, two, one, two];
        let attempts = names
            .iter()
            .zip(boards)
            .map(|(name, board)| world.try_create(world.admin(), wanted(board, name)));
        assert_eq!(winners(join_all(attempts).await, "AGENT_NAME_TAKEN"), 1);
    }
    let elsewhere = world.gateway("Garage").await;
    world.worker(world.board(&elsewhere, 1), "ada 1").await;
    let wildcard = world.try_create(world.admin(), wanted(one, "a%")).await;
    assert!(wildcard.is_ok());
}

#[sqlx::test(migrations = false)]
async fn a_lead_gets_no_more_workers_than_its_board_allows(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.gateway("Lab").await;
    for round in 0..6 {
        let board = world.board(&gateway, 2);
        let lead = world.lead(board, &format!("Lead {round}")).await;
        let caller = calling(&lead, world.organization);
        let attempts = (0..5).map(|n| {
            let request = CreateAgentRequest {
                board_id: None,
                ..wanted(board, &format!("W{round}-{n}"))
            };
            world.try_create(caller.clone(), request)
        });
        assert_eq!(winners(join_all(attempts).await, "AGENT_LIMIT_REACHED"), 2);
        world
            .try_create(world.admin(), wanted(board, &format!("Extra {round}")))
            .await
            .unwrap();
    }
    let (board, caller) = {
        let board = world.board(&gateway, 0);
        let lead = world.lead(board, "Lonely").await;
        (board, calling(&lead, world.organization))
    };
    let error = world
        .try_create(caller, wanted(board, "Nobody"))
        .await
        .unwrap_err();
    let fault = chassis::fault::read(&error);
    assert_eq!(
        (fault.code.http(), fault.facts["max_agents"].clone()),
        (409, 0.into())
    );
}

#[sqlx::test(migrations = false)]
async fn a_lead_staffs_its_own_board_and_makes_no_leads(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.gateway("Lab").await;
    let (own, other) = (world.board(&gateway, 5), world.board(&gateway, 5));
    let lead = world.lead(own, "Lena").await;
    let caller = calling(&lead, world.organization);
    let error = world
        .try_create(caller.clone(), wanted(other, "Ada"))
        .await
        .unwrap_err();
    assert_eq!(refusal(&error), (403, "OTHER_BOARD".into(), String::new()));
    let request = CreateAgentRequest {
        is_board_lead: Some(true),
        ..wanted(own, "Ada")
    };
    let error = world.try_create(caller.clone(), request).await.unwrap_err();
    assert_eq!(
        refusal(&error),
        (403, "ORG_ADMIN_REQUIRED".into(), String::new())
    );
    let worker = world.try_create(caller, wanted(own, "Ada")).await.unwrap();
    assert_eq!(
        (worker.is_board_lead, worker.board_id.clone()),
        (false, Some(own.to_string()))
    );
    assert_eq!(worker.last_error, None);
    let told = world.until_heard("agent.created", 3).await;
    assert_eq!(told[2].actor.as_ref().unwrap().id, Some(lead.id));

    let error = world
        .try_create(calling(&worker, world.organization), wanted(own, "Bob"))
        .await
        .unwrap_err();
    assert_eq!(error.code(), tonic::Code::PermissionDenied);
}

#[sqlx::test(migrations = false)]
async fn boards_that_will_not_do_are_refused(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.gateway("Lab").await;
    let board = world.board(&gateway, 1);
    let unknown = uuid::Uuid::now_v7();
    let cases: [(Caller, CreateAgentRequest, (u16, &str, &str)); 4] = [
        (
            world.admin(),
            CreateAgentRequest {
                name: "Ada".into(),
                ..Default::default()
            },
            (422, "BOARD_REQUIRED", "board_id"),
        ),
        (
            world.admin(),
            wanted(unknown, "Ada"),
            (404, "BOARD_NOT_FOUND", ""),
        ),
        (
            crate::fixture::person(uuid::Uuid::from_u128(2), chassis::Role::Owner),
            wanted(board, "Ada"),
            (404, "BOARD_NOT_FOUND", ""),
        ),
        (
            world.admin(),
            CreateAgentRequest {
                board_id: Some("x".into()),
                ..wanted(board, "Ada")
            },
            (422, "INVALID_REQUEST", "board_id"),
        ),
    ];
    for (caller, request, (code, reason, field)) in cases {
        let error = world.try_create(caller, request).await.unwrap_err();
        assert_eq!(refusal(&error), (code, reason.into(), field.into()));
    }
}
