//! What is read costs as many statements for a thousand rows as for ten.

use std::future::Future;

use proto::board::v1::{
    DeleteBoardGroupRequest, GetBoardGroupSnapshotRequest, ListBoardGroupsRequest,
    ListBoardsRequest,
};
use sqlx::PgPool;

use crate::{
    bulk,
    callers::{ORGANIZATION, member, owner},
    fixture::Fixture,
};

/// How many statements the RPCs of something issue.
async fn statements<T>(work: impl Future<Output = T>) -> u64 {
    let before = chassis::testing::statements();
    work.await;
    chassis::testing::statements() - before
}

#[sqlx::test(migrations = false)]
async fn lists_of_boards_and_groups_cost_the_same_at_any_size(pool: PgPool) {
    chassis::testing::statements();
    let fixture = Fixture::start(pool).await;
    let rockets = fixture.group_of_board().await;
    let reader = member(&[fixture.board], false);
    let costs = async || {
        let boards = async || {
            let request = ListBoardsRequest::default();
            fixture.boards(&owner()).list_boards(request).await.unwrap()
        };
        let groups = async |caller: &chassis::Caller| {
            let request = ListBoardGroupsRequest::default();
            fixture
                .groups(caller)
                .list_board_groups(request)
                .await
                .unwrap()
        };
        [
            statements(boards()).await,
            statements(groups(&owner())).await,
            statements(groups(&reader)).await,
        ]
    };
    bulk::groups(&fixture.pool, ORGANIZATION, 0..10).await;
    fixture.join(fixture.board, None).await;
    bulk::boards(&fixture.pool, fixture.board, 0..10).await;
    fixture.join(fixture.board, Some(rockets)).await;
    let few = costs().await;
    assert!(few.iter().all(|cost| (1..=4).contains(cost)), "{few:?}");
    bulk::groups(&fixture.pool, ORGANIZATION, 10..1_000).await;
    fixture.join(fixture.board, None).await;
    bulk::boards(&fixture.pool, fixture.board, 10..1_000).await;
    fixture.join(fixture.board, Some(rockets)).await;
    assert_eq!(costs().await, few);
}

#[sqlx::test(migrations = false)]
async fn snapshots_cost_the_same_at_any_size(pool: PgPool) {
    chassis::testing::statements();
    let fixture = Fixture::start(pool).await;
    let rockets = fixture.group_of_board().await;
    let costs = async || {
        let siblings = GetBoardGroupSnapshotRequest {
            include_self: Some(true),
            include_done: Some(true),
            per_board_task_limit: Some(100),
            ..GetBoardGroupSnapshotRequest::default()
        };
        [
            statements(fixture.snapshot(&owner(), None)).await,
            statements(fixture.siblings(&owner(), siblings)).await,
            statements(fixture.whole_group(&owner(), rockets, None)).await,
        ]
    };
    bulk::tasks(&fixture.pool, fixture.board, "inbox", 0..5).await;
    bulk::tasks(&fixture.pool, fixture.board, "done", 0..5).await;
    bulk::boards(&fixture.pool, fixture.board, 0..2).await;
    let few = costs().await;
    assert!(few.iter().all(|cost| (1..=12).contains(cost)), "{few:?}");
    bulk::tasks(&fixture.pool, fixture.board, "inbox", 5..1_000).await;
    bulk::tasks(&fixture.pool, fixture.board, "done", 5..1_000).await;
    bulk::boards(&fixture.pool, fixture.board, 2..190).await;
    assert_eq!(costs().await, few);
}

#[sqlx::test(migrations = false)]
async fn deleting_a_group_costs_the_same_at_any_size(pool: PgPool) {
    chassis::testing::statements();
    let fixture = Fixture::start(pool).await;
    let delete = async |group: uuid::Uuid| {
        let request = DeleteBoardGroupRequest {
            group_id: group.to_string(),
        };
        fixture
            .groups(&owner())
            .delete_board_group(request)
            .await
            .unwrap()
    };
    let few = fixture.group_of_board().await;
    let cost = statements(delete(few)).await;
    let many = fixture.group_of_board().await;
    bulk::boards(&fixture.pool, fixture.board, 0..190).await;
    assert_eq!(statements(delete(many)).await, cost);
}
