//! Changing boards.

use chassis::Code;
use proto::board::v1::{BoardType, CreateBoardRequest, UpdateBoardRequest};
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    callers::{BARE_GATEWAY, GATEWAY, LEAD, OTHER_GATEWAY, member, owner, stranger, worker_id},
    fixture::{Fixture, fault, refused, says, violation, wrong},
    request::{board, board_patch},
};

#[sqlx::test(migrations = false)]
async fn only_named_fields_change_and_only_real_changes_count(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let update = UpdateBoardRequest {
        name: Some(" Lift-off ".into()),
        description: Some("not named".into()),
        max_agents: Some(7),
        ..board_patch(fixture.board, &["name", "max_agents"])
    };
    let changed = fixture
        .update_board(&owner(), update.clone())
        .await
        .unwrap();
    assert_eq!(
        (changed.name.as_str(), changed.max_agents, changed.version),
        ("Lift-off", 7, 2)
    );
    assert_eq!(changed.description, "where work is done");
    let again = fixture.update_board(&owner(), update).await.unwrap();
    assert_eq!(again, changed);
    let empty = fixture
        .update_board(&owner(), board_patch(fixture.board, &[]))
        .await
        .unwrap();
    assert_eq!(empty, changed);
    assert_eq!(fixture.told(1).await[0].r#type, "board.updated");
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn without_a_mask_the_filled_fields_are_meant(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let update = UpdateBoardRequest {
        update_mask: None,
        name: Some("N".into()),
        ..board_patch(fixture.board, &[])
    };
    assert_eq!(
        fixture.update_board(&owner(), update).await.unwrap().name,
        "N"
    );
}

#[sqlx::test(migrations = false)]
async fn null_is_refused_where_something_must_be(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let fields = [
        "name",
        "slug",
        "description",
        "gateway_id",
        "board_type",
        "goal_confirmed",
        "require_approval_for_done",
        "require_review_before_done",
        "comment_required_for_review",
        "block_status_changes_with_pending_approval",
        "only_lead_can_change_status",
        "max_agents",
    ];
    for field in fields {
        let answer = fixture
            .update_board(&owner(), board_patch(fixture.board, &[field]))
            .await;
        assert_eq!(violation(answer), wrong(field, "REQUIRED"));
    }
    let clear = [
        "objective",
        "success_metrics",
        "target_date",
        "goal_source",
        "board_group_id",
    ];
    fixture
        .update_board(&owner(), board_patch(fixture.board, &clear))
        .await
        .unwrap();
}

#[sqlx::test(migrations = false)]
async fn rules_need_an_admin_and_content_the_right_to_write(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let rule = UpdateBoardRequest {
        only_lead_can_change_status: Some(true),
        max_agents: Some(3),
        ..board_patch(
            fixture.board,
            &["only_lead_can_change_status", "max_agents"],
        )
    };
    let refusal = fault(fixture.update_board(&fixture.writer(), rule.clone()).await);
    assert_eq!(
        (refusal.code, refusal.reason.as_str()),
        (Code::Forbidden, "ADMIN_REQUIRED")
    );
    assert_eq!(
        refusal.facts["fields"],
        json!(["max_agents", "only_lead_can_change_status"])
    );
    fixture.update_board(&owner(), rule.clone()).await.unwrap();
    // Naming a rule without changing it is nobody's business.
    fixture.update_board(&fixture.writer(), rule).await.unwrap();

    let name = UpdateBoardRequest {
        name: Some("N".into()),
        ..board_patch(fixture.board, &["name"])
    };
    fixture
        .update_board(&fixture.writer(), name.clone())
        .await
        .unwrap();
    let reader = member(&[fixture.board], false);
    assert_eq!(
        refused(fixture.update_board(&reader, name.clone()).await),
        says(Code::Forbidden, "BOARD_WRITE_REQUIRED")
    );
    for nobody in [member(&[], true), stranger()] {
        let answer = fixture.update_board(&nobody, name.clone()).await;
        assert_eq!(refused(answer), says(Code::NotFound, "BOARD_NOT_FOUND"));
    }
}

#[sqlx::test(migrations = false)]
async fn a_slug_stays_unique(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    fixture
        .create_board(&owner(), board("Other"))
        .await
        .unwrap();
    let slug = |slug: &str| UpdateBoardRequest {
        slug: Some(slug.into()),
        ..board_patch(fixture.board, &["slug"])
    };
    assert_eq!(
        refused(fixture.update_board(&owner(), slug("Other")).await),
        says(Code::AlreadyExists, "BOARD_SLUG_TAKEN")
    );
    assert_eq!(
        fixture
            .update_board(&owner(), slug("A -- b"))
            .await
            .unwrap()
            .slug,
        "a-b"
    );
    assert_eq!(
        violation(fixture.update_board(&owner(), slug("!?")).await),
        wrong("slug", "MALFORMED")
    );
}

#[sqlx::test(migrations = false)]
async fn the_goal_rule_holds_on_every_path(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let confirm = UpdateBoardRequest {
        goal_confirmed: Some(true),
        ..board_patch(fixture.board, &["goal_confirmed"])
    };
    let answer = fixture.update_board(&owner(), confirm.clone()).await;
    assert_eq!(refused(answer), says(Code::Invalid, "GOAL_FIELDS_REQUIRED"));
    let general = UpdateBoardRequest {
        board_type: BoardType::General.into(),
        ..board_patch(fixture.board, &["board_type"])
    };
    fixture.update_board(&owner(), general).await.unwrap();
    fixture.update_board(&owner(), confirm).await.unwrap();
    let goal = UpdateBoardRequest {
        board_type: BoardType::Goal.into(),
        ..board_patch(fixture.board, &["board_type"])
    };
    assert_eq!(
        refused(fixture.update_board(&owner(), goal.clone()).await),
        says(Code::Invalid, "GOAL_FIELDS_REQUIRED")
    );
    let whole = UpdateBoardRequest {
        objective: Some("win".into()),
        success_metrics: chassis::encode::to_struct(&json!({"users": 10})),
        update_mask: Some(crate::request::mask(&[
            "board_type",
            "objective",
            "success_metrics",
        ])),
        ..goal
    };
    fixture.update_board(&owner(), whole).await.unwrap();
    let answer = fixture
        .update_board(&owner(), board_patch(fixture.board, &["objective"]))
        .await;
    assert_eq!(refused(answer), says(Code::Invalid, "GOAL_FIELDS_REQUIRED"));
}

#[sqlx::test(migrations = false)]
async fn a_board_changes_its_gateway_only_without_agents(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let on = |board: Uuid, gateway: Uuid| UpdateBoardRequest {
        gateway_id: Some(gateway.to_string()),
        ..board_patch(board, &["gateway_id"])
    };
    let staffed = fixture
        .update_board(&owner(), on(fixture.board, OTHER_GATEWAY))
        .await;
    assert_eq!(refused(staffed), says(Code::Conflict, "BOARD_HAS_AGENTS"));
    fixture
        .update_board(&owner(), on(fixture.board, GATEWAY))
        .await
        .unwrap();
    let empty = CreateBoardRequest {
        slug: Some("empty".into()),
        ..board("Empty")
    };
    let empty: Uuid = fixture
        .create_board(&owner(), empty)
        .await
        .unwrap()
        .id
        .parse()
        .unwrap();
    for (gateway, reason) in [
        (BARE_GATEWAY, "GATEWAY_MAIN_AGENT_REQUIRED"),
        (Uuid::nil(), "GATEWAY_INVALID"),
    ] {
        assert_eq!(
            refused(fixture.update_board(&owner(), on(empty, gateway)).await),
            says(Code::Invalid, reason)
        );
    }
    let moved = fixture
        .update_board(&owner(), on(empty, OTHER_GATEWAY))
        .await
        .unwrap();
    assert_eq!(moved.gateway_id, Some(OTHER_GATEWAY.to_string()));

    // Nobody stays behind when all are there already.
    for agent in [LEAD, worker_id(0), worker_id(1)] {
        fixture.agents.move_to(agent, OTHER_GATEWAY);
    }
    let moved = fixture
        .update_board(&owner(), on(fixture.board, OTHER_GATEWAY))
        .await
        .unwrap();
    assert_eq!(moved.gateway_id, Some(OTHER_GATEWAY.to_string()));
}

#[sqlx::test(migrations = false)]
async fn what_does_not_change_is_not_judged(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    // The gateway lost its main agent since.
    sqlx::query("update board set gateway_id = $1")
        .bind(BARE_GATEWAY)
        .execute(&fixture.pool)
        .await
        .unwrap();
    let name = UpdateBoardRequest {
        name: Some("N".into()),
        gateway_id: Some(BARE_GATEWAY.to_string()),
        ..board_patch(fixture.board, &["name", "gateway_id"])
    };
    assert_eq!(
        fixture.update_board(&owner(), name).await.unwrap().name,
        "N"
    );
}

#[sqlx::test(migrations = false)]
async fn a_change_may_insist_on_what_was_seen(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let rename = async |name: &str, tag: &str| {
        let mut request = tonic::Request::new(UpdateBoardRequest {
            name: Some(name.into()),
            ..board_patch(fixture.board, &["name"])
        });
        request
            .metadata_mut()
            .insert(chassis::conditional::IF_MATCH, tag.parse().unwrap());
        fixture.boards(&owner()).update_board(request).await
    };
    let one = rename("One", "\"1\"").await.unwrap();
    assert_eq!(one.metadata().get("etag").unwrap(), "\"2\"");
    let refusal = fault(rename("Two", "\"1\"").await);
    assert_eq!(
        (refusal.code, refusal.reason.as_str()),
        (Code::Conflict, "VERSION_CONFLICT")
    );
    assert_eq!(refusal.facts["current_version"], 2);
    rename("Two", "*").await.unwrap();
    assert_eq!(
        violation(rename("Three", "x").await),
        wrong("if-match", "IF_MATCH_INVALID")
    );
    let race = (0..8).map(|_| async {
        rename(&uuid::Uuid::now_v7().to_string(), "\"3\"")
            .await
            .is_ok()
    });
    let won = futures::future::join_all(race).await;
    assert_eq!(won.into_iter().filter(|won| *won).count(), 1);
}
