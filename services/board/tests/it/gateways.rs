//! The boards of a gateway, and what becomes of them when it goes.

use chassis::Code;
use futures::future::join_all;
use proto::{
    agent::v1::Gateway,
    board::v1::{
        Board, CreateBoardRequest, GetBoardRequest, ListGatewayBoardsRequest, UpdateBoardRequest,
    },
    event::v1::{GatewayDeleted, event::Payload},
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    callers::{FOREIGN_ORGANIZATION, GATEWAY, ORGANIZATION, OTHER_GATEWAY, internal, owner},
    fixture::Fixture,
    request::{self, board_patch},
};

/// Boards that still live on the gateway of the fixture.
const ON_GATEWAY: &str =
    "select count(*) from board where gateway_id = '00000000-0000-0000-0000-000000000020'";

impl Fixture {
    async fn on(&self, organization_id: Uuid, gateway_id: Uuid) -> (Vec<String>, i64) {
        let request = ListGatewayBoardsRequest {
            organization_id: organization_id.to_string(),
            gateway_id: gateway_id.to_string(),
        };
        let answer = self
            .directory(&internal())
            .list_gateway_boards(request)
            .await;
        let answer = answer.unwrap().into_inner();
        let names = answer.boards.into_iter().map(|board| board.name);
        (names.collect(), answer.total)
    }

    async fn board_as_it_is(&self) -> Board {
        let request = GetBoardRequest {
            board_id: self.board.to_string(),
        };
        let answer = self.boards(&owner()).get_board(request).await.unwrap();
        answer.into_inner().board.unwrap()
    }

    async fn gateway_goes(&self, id: Uuid) {
        let gateway = Gateway {
            id: id.to_string(),
            ..Gateway::default()
        };
        self.elsewhere(Payload::GatewayDeleted(GatewayDeleted {
            gateway: Some(gateway),
        }))
        .await;
    }
}

fn on(name: &str, gateway: Uuid) -> CreateBoardRequest {
    CreateBoardRequest {
        gateway_id: gateway.to_string(),
        ..request::board(name)
    }
}

#[sqlx::test(migrations = false)]
async fn the_boards_of_a_gateway_are_listed_newest_first_for_its_organization(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    for (name, gateway) in [("B", GATEWAY), ("C", OTHER_GATEWAY), ("A", GATEWAY)] {
        fixture.clock.advance(chrono::TimeDelta::seconds(1));
        fixture
            .create_board(&owner(), on(name, gateway))
            .await
            .unwrap();
    }
    fixture.told(3).await;
    let names = |names: &[&str]| {
        names
            .iter()
            .map(|&name| name.to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        fixture.on(ORGANIZATION, GATEWAY).await,
        (names(&["A", "B", "Launch"]), 3)
    );
    assert_eq!(
        fixture.on(ORGANIZATION, OTHER_GATEWAY).await,
        (names(&["C"]), 1)
    );
    assert_eq!(
        fixture.on(FOREIGN_ORGANIZATION, GATEWAY).await,
        (Vec::new(), 0)
    );
    assert_eq!(
        fixture.on(ORGANIZATION, Uuid::from_u128(9)).await,
        (Vec::new(), 0)
    );
    let refused = fixture
        .directory(&owner())
        .list_gateway_boards(ListGatewayBoardsRequest::default())
        .await
        .unwrap_err();
    assert_eq!(chassis::fault::read(&refused).code, Code::Forbidden);
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_board_outlives_its_gateway_and_is_given_another(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    fixture
        .create_board(&owner(), on("Elsewhere", OTHER_GATEWAY))
        .await
        .unwrap();
    fixture.told(1).await;
    let before = fixture.board_as_it_is().await;
    fixture.gateway_goes(GATEWAY).await;
    fixture.until_none(ON_GATEWAY).await;
    let events = fixture.told(2).await;
    assert_eq!(events[0].r#type, "gateway.deleted");
    let Some(Payload::BoardUpdated(updated)) = &events[1].payload else {
        panic!("{events:?}");
    };
    assert_eq!(updated.changed_fields, ["gateway_id"]);
    let after = fixture.board_as_it_is().await;
    let expected = Board {
        gateway_id: None,
        version: before.version + 1,
        updated_at: after.updated_at,
        ..before
    };
    assert_eq!(after, expected);
    assert_eq!(updated.board.as_ref(), Some(&after));

    // It is changed as before, and lives on nothing until somebody says where.
    let rename = UpdateBoardRequest {
        name: Some("Orbit".into()),
        ..board_patch(fixture.board, &["name"])
    };
    let renamed = fixture.update_board(&owner(), rename).await.unwrap();
    assert_eq!((renamed.name.as_str(), renamed.gateway_id), ("Orbit", None));
    let nowhere = board_patch(fixture.board, &["gateway_id"]);
    let refused = fixture.update_board(&owner(), nowhere).await.unwrap_err();
    assert_eq!(chassis::fault::read(&refused).fields[0].field, "gateway_id");
    for id in [
        crate::callers::LEAD,
        crate::callers::worker_id(0),
        crate::callers::worker_id(1),
    ] {
        fixture.agents.remove(id);
    }
    let moves = UpdateBoardRequest {
        gateway_id: Some(OTHER_GATEWAY.to_string()),
        ..board_patch(fixture.board, &["gateway_id"])
    };
    let moved = fixture.update_board(&owner(), moves).await.unwrap();
    assert_eq!(moved.gateway_id, Some(OTHER_GATEWAY.to_string()));
    fixture.told(2).await;
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn no_board_comes_to_live_on_a_gateway_that_goes_at_the_same_moment(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    // The agent service answers all along as if the gateway were there.
    let creates = (0..20).map(|n| {
        let request = on(&format!("Board {n}"), GATEWAY);
        let (fixture, caller) = (&fixture, owner());
        async move {
            let created = fixture.create_board(&caller, request).await;
            created
                .map(drop)
                .map_err(|status| chassis::fault::read(&status).reason)
        }
    });
    let (created, ()) = futures::join!(join_all(creates), fixture.gateway_goes(GATEWAY));
    for refused in created.into_iter().filter_map(Result::err) {
        assert_eq!(refused, "GATEWAY_INVALID");
    }
    fixture.until_none(ON_GATEWAY).await;
    let late = fixture.create_board(&owner(), on("Late", GATEWAY)).await;
    assert_eq!(
        chassis::fault::read(&late.unwrap_err()).reason,
        "GATEWAY_INVALID"
    );
    fixture.until_none(ON_GATEWAY).await;
}
