//! Gateways that are deleted: refused while somebody stands on them, gone with their main agent otherwise.

use chassis::Role;
use futures::future::join_all;
use proto::{
    agent::v1::{
        AgentPhase, AgentStatus, DeleteGatewayRequest, Gateway, GetGatewayRequest,
        ListGatewaysRequest, ResolveGatewayRequest, UpdateGatewayRequest,
    },
    board::v1::Board,
};
use sqlx::PgPool;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::{
    fixture::{World, key, person, reason, until, wanted},
    stand_in::Mood,
};

impl World {
    async fn delete_gateway(&self, id: &str, force: bool) -> Result<(), Status> {
        let request = DeleteGatewayRequest {
            gateway_id: id.into(),
            force: force.then_some(true),
        };
        let answer = self.gateways(self.admin()).delete_gateway(request).await?;
        assert!(answer.into_inner().ok);
        Ok(())
    }

    async fn count(&self, table: &'static str) -> i64 {
        let count = match table {
            "gateway" => "select count(*) from gateway",
            "agent" => "select count(*) from agent",
            "job" => "select count(*) from job",
            _ => "select count(*) from delivery",
        };
        sqlx::query_scalar(count)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    async fn until_gone(&self) {
        until("the gateway is gone", || async {
            (self.count("gateway").await == 0).then_some(())
        })
        .await;
    }

    async fn is_known(&self, gateway: &Gateway) -> bool {
        let get = GetGatewayRequest {
            gateway_id: gateway.id.clone(),
        };
        let resolve = ResolveGatewayRequest {
            gateway_id: gateway.id.clone(),
            organization_id: self.organization.to_string(),
        };
        let shown = self.gateways(self.admin()).get_gateway(get).await.is_ok();
        let resolved = self.directory().resolve_gateway(resolve).await.is_ok();
        let list = self
            .gateways(self.admin())
            .list_gateways(ListGatewaysRequest::default())
            .await;
        let listed = list.unwrap().into_inner().items;
        assert_eq!(shown, resolved);
        assert_eq!(shown, listed.iter().any(|other| other.id == gateway.id));
        shown
    }

    /// A board that whoever asks for the boards of its gateway does not hear of, as one that is only just written.
    fn unlisted_board(&self, gateway: &Gateway) -> Uuid {
        let id = Uuid::now_v7();
        self.boards.put(Board {
            id: id.to_string(),
            organization_id: self.organization.to_string(),
            gateway_id: Some(gateway.id.clone()),
            slug: "unlisted".into(),
            max_agents: 5,
            ..Board::default()
        });
        id
    }
}

#[sqlx::test(migrations = false)]
async fn a_deleted_gateway_goes_with_its_main_agent(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.gateway("Lab").await;
    let main = world.main_agent(&gateway).await;
    world.until(&main.id, AgentStatus::Ready).await;
    let token = world.token(&main).await;
    world.authenticate(&token).await.unwrap();
    world.connector.be(Mood::Failing {
        times: 1_000,
        reason: "GATEWAY_UNREACHABLE",
    });
    world.delete_gateway(&gateway.id, false).await.unwrap();
    assert!(!world.is_known(&gateway).await);
    assert_eq!(
        world.authenticate(&token).await.unwrap_err().code(),
        Code::Unauthenticated
    );
    let again = world.delete_gateway(&gateway.id, false).await.unwrap_err();
    assert_eq!(reason(&again), "GATEWAY_NOT_FOUND");
    let rename = UpdateGatewayRequest {
        gateway_id: gateway.id.clone(),
        ..UpdateGatewayRequest::default()
    };
    let late = world
        .gateways(world.admin())
        .update_gateway(rename)
        .await
        .unwrap_err();
    assert_eq!(reason(&late), "GATEWAY_NOT_FOUND");
    assert!(world.heard("gateway.deleted").is_empty());

    // The process dies while the gateway is away.
    let world = world.restart(&[]).await;
    world.connector.forget();
    world.connector.be(Mood::Well);
    world.until_gone().await;
    assert_eq!(world.connector.removed(), [key(&main)]);
    for r#type in ["gateway.deleted", "agent.deleted", "agent.token_changed"] {
        assert_eq!(world.until_heard(r#type, 1).await.len(), 1, "{type}");
    }
    for table in ["agent", "job", "delivery"] {
        assert_eq!(world.count(table).await, 0, "{table}");
    }
}

#[sqlx::test(migrations = false)]
async fn one_that_never_lets_go_of_its_main_agent_goes_all_the_same(pool: PgPool) {
    let world = World::start(pool).await;
    world.connector.fail(1_000, "GATEWAY_UNAUTHORIZED");
    let gateway = world.gateway("Lab").await;
    let main = world.main_agent(&gateway).await;
    world.until(&main.id, AgentStatus::Failed).await;
    world.delete_gateway(&gateway.id, false).await.unwrap();
    world.until_gone().await;
    world.until_heard("gateway.deleted", 1).await;
}

#[sqlx::test(migrations = false)]
async fn while_boards_or_their_agents_stand_on_it_it_stays_as_it_is(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.gateway("Lab").await;
    let main = world.main_agent(&gateway).await;
    let board = world.board(&gateway, 1);
    let ada = world.worker(board, "Ada").await;
    for agent in [&main, &ada] {
        world.until(&agent.id, AgentStatus::Ready).await;
    }
    world.until_quiet().await;
    world.connector.forget();
    let facts = |status: &Status| {
        let fault = chassis::fault::read(status);
        assert_eq!(
            (fault.code.http(), fault.reason.as_str()),
            (409, "GATEWAY_IN_USE")
        );
        let ids = |name: &str| {
            let ids = fault.facts[name].as_array().unwrap().iter();
            ids.map(|id| id.as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        (ids("board_ids"), ids("agent_ids"))
    };
    for force in [false, true] {
        let refused = world.delete_gateway(&gateway.id, force).await.unwrap_err();
        assert_eq!(
            facts(&refused),
            (vec![board.to_string()], vec![ada.id.clone()])
        );
    }
    // The board is gone, and what its agents do about it is still to come.
    world.boards.remove(&board.to_string());
    let refused = world.delete_gateway(&gateway.id, false).await.unwrap_err();
    assert_eq!(facts(&refused), (vec![], vec![ada.id.clone()]));
    assert!(world.is_known(&gateway).await);
    assert!(world.connector.calls().is_empty());
    assert_eq!(world.agent(&main.id).await.phase(), AgentPhase::Ready);

    world.delete_board(board, false).await;
    until("nothing stands on it", || async {
        world.delete_gateway(&gateway.id, false).await.ok()
    })
    .await;
    world.until_gone().await;
}

#[sqlx::test(migrations = false)]
async fn by_force_nobody_is_asked_also_when_it_goes_already(pool: PgPool) {
    let world = World::start(pool).await;
    let first = world.gateway("Lab").await;
    world
        .until(&world.main_agent(&first).await.id, AgentStatus::Ready)
        .await;
    world.until_quiet().await;
    world.connector.forget();
    world.delete_gateway(&first.id, true).await.unwrap();
    assert_eq!(
        (world.count("gateway").await, world.count("delivery").await),
        (0, 0)
    );
    let told = &world.until_heard("gateway.deleted", 1).await[0];
    assert_eq!(told.actor.as_ref().unwrap().name, "Grace Hopper");
    assert!(world.connector.calls().is_empty());

    let second = world.gateway("Garage").await;
    world
        .until(&world.main_agent(&second).await.id, AgentStatus::Ready)
        .await;
    world.connector.be(Mood::HangingOn("remove"));
    world.delete_gateway(&second.id, false).await.unwrap();
    until("it is asked", || async {
        world.connector.names().contains(&"remove").then_some(())
    })
    .await;
    world.delete_gateway(&second.id, true).await.unwrap();
    assert_eq!(world.count("gateway").await, 0);
    world.until_heard("gateway.deleted", 2).await;
    world.connector.be(Mood::Well);
}

#[sqlx::test(migrations = false)]
async fn of_several_who_delete_it_one_does(pool: PgPool) {
    let world = World::start(pool).await;
    for round in 0..12 {
        let gateway = world.gateway(&format!("G{round}")).await;
        let deletes = (0..5).map(|n| world.delete_gateway(&gateway.id, n % 2 == round % 2));
        let outcomes = join_all(deletes).await;
        let done = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        // Whoever forces it may come after somebody who did not.
        assert!((1..=2).contains(&done), "{outcomes:?}");
        for refused in outcomes.into_iter().filter_map(Result::err) {
            assert_eq!(reason(&refused), "GATEWAY_NOT_FOUND");
        }
    }
    world.until_gone().await;
    world.until_quiet().await;
    let mut gone = world.until_heard("gateway.deleted", 12).await;
    gone.dedup_by_key(|event| event.id.clone());
    assert_eq!(gone.len(), 12);
}

#[sqlx::test(migrations = false)]
async fn either_an_agent_comes_to_live_there_or_it_goes(pool: PgPool) {
    let world = World::start(pool).await;
    let (mut stayed, mut went) = (0, 0);
    for round in 0..20 {
        let gateway = world.gateway(&format!("G{round}")).await;
        let board = world.unlisted_board(&gateway);
        let create = world.try_create(world.admin(), wanted(board, "Ada"));
        let (created, deleted) =
            futures::join!(create, world.delete_gateway(&gateway.id, round % 3 == 0));
        match (created, deleted) {
            (Ok(agent), Err(refused)) => {
                assert_eq!(reason(&refused), "GATEWAY_IN_USE");
                assert_eq!(world.agent(&agent.id).await.gateway_id, gateway.id);
                stayed += 1;
            }
            (Err(refused), Ok(())) => {
                assert_eq!(reason(&refused), "GATEWAY_NOT_FOUND");
                assert!(!world.is_known(&gateway).await);
                went += 1;
            }
            both => panic!("{both:?}"),
        }
    }
    assert_eq!(stayed + went, 20);
    until("those that went are gone", || async {
        (world.count("gateway").await == stayed).then_some(())
    })
    .await;
}

#[sqlx::test(migrations = false)]
async fn another_organizations_gateway_is_not_there_to_be_deleted(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.gateway("Lab").await;
    let stranger = person(Uuid::from_u128(2), Role::Owner);
    for (id, force, code) in [
        (gateway.id.as_str(), None, Code::NotFound),
        (gateway.id.as_str(), Some(true), Code::NotFound),
        (&Uuid::now_v7().to_string(), None, Code::NotFound),
        ("seven", None, Code::InvalidArgument),
    ] {
        let request = DeleteGatewayRequest {
            gateway_id: id.into(),
            force,
        };
        let refused = world
            .gateways(stranger.clone())
            .delete_gateway(request)
            .await;
        assert_eq!(refused.unwrap_err().code(), code, "{id}");
    }
    assert!(world.is_known(&gateway).await);
}
