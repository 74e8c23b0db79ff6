//! Boards join groups and leave them.

use chassis::Code;
use proto::{
    board::v1::{CreateBoardRequest, ListBoardsRequest, UpdateBoardRequest},
    event::v1::{BoardUpdated, Event, event::Payload},
};
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    bulk,
    callers::{owner, stranger},
    fixture::{Fixture, fault, refused, says},
    request::{board, board_patch, group},
};

fn updated(event: &Event) -> &BoardUpdated {
    match &event.payload {
        Some(Payload::BoardUpdated(payload)) => payload,
        other => panic!("{other:?}"),
    }
}

/// What changed, as `field: [old, new]`.
fn changes(event: &Event) -> Value {
    let value =
        |value: &Option<prost_types::Value>| chassis::encode::from_value(value.as_ref().unwrap());
    let changes = updated(event).changes.iter();
    changes
        .map(|change| {
            let both = json!([value(&change.old), value(&change.new)]);
            (change.field.clone(), both)
        })
        .collect()
}

#[sqlx::test(migrations = false)]
async fn who_is_in_a_group_is_told_of_a_board_that_joins_or_leaves(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let rockets = fixture.group_of_board().await;
    let boats = fixture
        .create_group(&owner(), group("Boats"))
        .await
        .unwrap();
    let boats: Uuid = boats.id.parse().unwrap();
    let apollo = fixture.board_called("Apollo").await;
    fixture.told(4).await;

    fixture.join(apollo, Some(rockets)).await;
    let told = fixture.told(1).await.remove(0);
    assert_eq!(
        changes(&told),
        json!({"board_group_id": [null, rockets.to_string()]})
    );
    let joined = updated(&told).joined_group.clone().unwrap();
    assert_eq!(joined.group.unwrap().name, "Rockets");
    let there: Vec<&str> = joined
        .boards
        .iter()
        .map(|board| board.name.as_str())
        .collect();
    assert_eq!((there, &updated(&told).left_group), (vec!["Launch"], &None));

    fixture.join(apollo, Some(boats)).await;
    let told = fixture.told(1).await.remove(0);
    let (left, joined) = (
        updated(&told).left_group.clone().unwrap(),
        updated(&told).joined_group.clone().unwrap(),
    );
    assert_eq!(left.group.unwrap().name, "Rockets");
    assert_eq!(left.boards[0].id, fixture.board.to_string());
    assert_eq!(
        (joined.group.unwrap().name.as_str(), joined.boards.len()),
        ("Boats", 0)
    );

    fixture.join(apollo, None).await;
    let told = fixture.told(1).await.remove(0);
    assert_eq!(
        changes(&told),
        json!({"board_group_id": [boats.to_string(), null]})
    );
    assert_eq!(updated(&told).joined_group, None);
    fixture.join(apollo, None).await;
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_change_is_told_with_what_was_and_what_is(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let request = UpdateBoardRequest {
        name: Some("Lift-off".into()),
        objective: Some("win".into()),
        success_metrics: chassis::encode::to_struct(&json!({"users": 10})),
        target_date: Some(chassis::encode::time(crate::fixture::start_of_time())),
        max_agents: Some(3),
        only_lead_can_change_status: Some(true),
        require_approval_for_done: Some(false),
        ..board_patch(
            fixture.board,
            &[
                "require_approval_for_done",
                "only_lead_can_change_status",
                "target_date",
                "success_metrics",
                "objective",
                "name",
                "max_agents",
            ],
        )
    };
    fixture.update_board(&owner(), request).await.unwrap();
    let told = fixture.told(1).await.remove(0);
    let fields = [
        "max_agents",
        "name",
        "objective",
        "only_lead_can_change_status",
        "success_metrics",
        "target_date",
    ];
    assert_eq!(updated(&told).changed_fields, fields);
    let by_name: Vec<&str> = updated(&told)
        .changes
        .iter()
        .map(|c| c.field.as_str())
        .collect();
    assert_eq!(by_name, fields);
    assert_eq!(
        changes(&told),
        json!({
            "max_agents": [1, 3],
            "name": ["Launch", "Lift-off"],
            "objective": [null, "win"],
            "only_lead_can_change_status": [false, true],
            "success_metrics": [null, {"users": 10}],
            "target_date": [null, "2027-01-15T08:00:00Z"],
        })
    );
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_board_joins_only_groups_of_its_organization(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let foreign = fixture
        .create_group(&stranger(), group("Theirs"))
        .await
        .unwrap();
    let own = fixture.create_group(&owner(), group("Ours")).await.unwrap();
    for id in [foreign.id, Uuid::from_u128(5).to_string()] {
        let create = CreateBoardRequest {
            board_group_id: Some(id.clone()),
            ..board("B")
        };
        let update = UpdateBoardRequest {
            board_group_id: Some(id),
            ..board_patch(fixture.board, &["board_group_id"])
        };
        for refusal in [
            fault(fixture.create_board(&owner(), create).await),
            fault(fixture.update_board(&owner(), update).await),
        ] {
            assert_eq!(
                (refusal.code, refusal.reason.as_str()),
                (Code::Invalid, "BOARD_GROUP_INVALID")
            );
            assert_eq!(refusal.fields[0].field, "board_group_id");
        }
    }
    let grouped = CreateBoardRequest {
        board_group_id: Some(own.id.clone()),
        ..board("Grouped")
    };
    let grouped = fixture.create_board(&owner(), grouped).await.unwrap();
    assert_eq!(grouped.board_group_id.as_ref(), Some(&own.id));
    let request = ListBoardsRequest {
        board_group_id: Some(own.id.clone()),
        ..ListBoardsRequest::default()
    };
    let found = fixture.boards(&owner()).list_boards(request).await.unwrap();
    assert_eq!(found.into_inner().items, std::slice::from_ref(&grouped));

    // With whom a board works together is for admins; so is taking it away.
    let writer = crate::callers::member(&[fixture.board, grouped.id.parse().unwrap()], true);
    let join = UpdateBoardRequest {
        board_group_id: Some(own.id),
        ..board_patch(fixture.board, &["board_group_id"])
    };
    let leave = board_patch(grouped.id.parse().unwrap(), &["board_group_id"]);
    for request in [join, leave] {
        let refusal = fault(fixture.update_board(&writer, request).await);
        assert_eq!(
            (refusal.code, refusal.reason.as_str()),
            (Code::Forbidden, "ADMIN_REQUIRED")
        );
        assert_eq!(refusal.facts["fields"], json!(["board_group_id"]));
    }
}

#[sqlx::test(migrations = false)]
async fn a_group_has_at_most_two_hundred_boards_however_many_join_at_once(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let rockets = fixture.group_of_board().await;
    bulk::boards(&fixture.pool, fixture.board, 0..197).await;
    let mut outside = Vec::new();
    for number in 0..6 {
        outside.push(fixture.board_called(&format!("Outside {number}")).await);
    }
    let joins = outside.iter().map(|board| {
        let request = UpdateBoardRequest {
            board_group_id: Some(rockets.to_string()),
            ..board_patch(*board, &["board_group_id"])
        };
        async { fixture.update_board(&owner(), request).await }
    });
    let (joined, full): (Vec<_>, Vec<_>) = futures::future::join_all(joins)
        .await
        .into_iter()
        .partition(Result::is_ok);
    assert_eq!((joined.len(), full.len()), (2, 4));
    for answer in full {
        assert_eq!(refused(answer), says(Code::Conflict, "BOARD_GROUP_FULL"));
    }
    let create = CreateBoardRequest {
        board_group_id: Some(rockets.to_string()),
        ..board("One more")
    };
    assert_eq!(
        refused(fixture.create_board(&owner(), create).await),
        says(Code::Conflict, "BOARD_GROUP_FULL")
    );
}
