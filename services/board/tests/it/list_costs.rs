//! A list costs as many statements for a thousand rows as for ten, whatever its rows show.

use std::future::Future;

use proto::board::v1::{
    ListBoardTagsRequest, ListCommentsRequest, ListCustomFieldsRequest, ListTagsRequest,
    ListTasksRequest, TaskStatus,
};
use sqlx::PgPool;

use crate::{bulk, callers::owner, fixture::Fixture};

async fn statements<T>(work: impl Future<Output = T>) -> u64 {
    let before = chassis::testing::statements();
    work.await;
    chassis::testing::statements() - before
}

#[sqlx::test(migrations = false)]
async fn lists_of_tasks_and_what_they_show_cost_the_same_at_any_size(pool: PgPool) {
    chassis::testing::statements();
    let fixture = Fixture::start(pool).await;
    let work = fixture.task("Work").await;
    let every = || ListTasksRequest {
        board_id: Some(fixture.board.to_string()),
        ..ListTasksRequest::default()
    };
    let comments = || ListCommentsRequest {
        board_id: fixture.board.to_string(),
        task_id: work.id.clone(),
        ..ListCommentsRequest::default()
    };
    let filtered = || ListTasksRequest {
        q: Some("inbox".into()),
        status: vec![TaskStatus::Inbox.into()],
        unassigned: Some(true),
        ..every()
    };
    let ada = owner();
    let costs = async || {
        let flat = ListTasksRequest::default();
        let tags = ListBoardTagsRequest {
            board_id: fixture.board.to_string(),
        };
        [
            statements(fixture.tasks(&ada).list_tasks(every())).await,
            statements(fixture.tasks(&ada).list_tasks(filtered())).await,
            statements(fixture.tasks(&ada).list_tasks(flat)).await,
            statements(fixture.comments(&ada).list_comments(comments())).await,
            statements(fixture.tags(&ada).list_tags(ListTagsRequest::default())).await,
            statements(fixture.tags(&ada).list_board_tags(tags)).await,
            statements(
                fixture
                    .fields(&ada)
                    .list_custom_fields(ListCustomFieldsRequest::default()),
            )
            .await,
        ]
    };
    let fill = async |numbers: std::ops::Range<i32>| {
        bulk::tags(&fixture.pool, fixture.board, numbers.clone()).await;
        bulk::fields(
            &fixture.pool,
            fixture.board,
            numbers.start..numbers.end.min(200),
        )
        .await;
        bulk::tasks(&fixture.pool, fixture.board, "inbox", numbers.clone()).await;
        bulk::label(&fixture.pool, fixture.board).await;
        sqlx::query(
            "insert into task_comment (id, task_id, cycle, user_id, author_name, message, created_at)
             select gen_random_uuid(), id, 1, id, 'Ada', 'said', created_at from task, generate_series($2, $3 - 1)
              where id::text = $1",
        )
        .bind(&work.id)
        .bind(numbers.start)
        .bind(numbers.end)
        .execute(&fixture.pool)
        .await
        .unwrap();
    };
    fill(0..10).await;
    let few = costs().await;
    assert!(few.iter().all(|cost| (1..=4).contains(cost)), "{few:?}");
    let page = fixture
        .tasks(&ada)
        .list_tasks(every())
        .await
        .unwrap()
        .into_inner();
    assert!(page.items.iter().all(|task| task.tags.len() == 10));
    assert!(
        page.items
            .iter()
            .all(|task| task.custom_field_values.as_ref().unwrap().fields.len() == 10)
    );
    fill(10..1_000).await;
    assert_eq!(costs().await, few);
}
