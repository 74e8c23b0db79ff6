//! A list of a thousand rows costs as many statements as one of ten.

use chassis::testing::statements;
use proto::{
    activity::v1::{
        GetDashboardRequest, ListActivityRequest, ListTaskCommentsRequest,
        activity_service_client::ActivityServiceClient,
    },
    board::v1::TaskStatus,
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    fixture::{Fixture, start_of_time},
    story::{BOARD, GATEWAY, Teller, owner},
};

/// Statements of a list, of the comments and of a dashboard.
async fn cost(fixture: &Fixture) -> [u64; 3] {
    let before = statements();
    let board_id = Some(BOARD.to_string());
    let request = ListActivityRequest {
        board_id: board_id.clone(),
        ..ListActivityRequest::default()
    };
    let listed = fixture.list(&owner(), request).await.unwrap();
    assert!(!listed.items.is_empty());
    let list = statements() - before;

    let mut client = ActivityServiceClient::new(fixture.client(&owner()));
    let request = ListTaskCommentsRequest {
        board_id: board_id.clone(),
        ..ListTaskCommentsRequest::default()
    };
    let found = client
        .list_task_comments(request)
        .await
        .unwrap()
        .into_inner();
    assert!(!found.items.is_empty());
    let comments = statements() - before - list;

    let request = GetDashboardRequest {
        board_id,
        ..GetDashboardRequest::default()
    };
    fixture.dashboard(&owner(), request).await.unwrap();
    [list, comments, statements() - before - list - comments]
}

#[sqlx::test(migrations = false)]
async fn no_list_issues_more_statements_for_more_rows(pool: PgPool) {
    statements();
    let fixture = Fixture::start(pool).await;
    let teller = Teller::new(start_of_time());
    fixture
        .log(
            vec![
                teller.board(GATEWAY, None),
                teller.created(1, TaskStatus::Inbox),
                teller.by_agent().commented(1, Uuid::from_u128(1), "Well"),
            ],
            3,
        )
        .await;
    fixture
        .log((0..10).map(|number| teller.asked(number)).collect(), 13)
        .await;
    fixture.multiply(3, 9).await;
    let few = cost(&fixture).await;
    fixture.multiply(3, 1_000).await;
    let many = cost(&fixture).await;
    assert_eq!(few, many);
    // A look at the board, the rows and their number; a dashboard draws six figures.
    assert_eq!(few, [3, 3, 7]);
    fixture.stop().await;
}
