//! Organizations and people that are gone.

use proto::{
    board::v1::{AuthorKind, ListCommentsRequest},
    event::v1::{OrganizationDeleted, UserDeleted, event::Payload},
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    bulk,
    callers::{FOREIGN_ORGANIZATION, ORGANIZATION, OWNER, member, owner, stranger},
    deletion::count,
    fixture::Fixture,
    request::{group, task},
};

/// Rows of the organization of the fixture, in every table that says whose its rows are.
const ROWS_OF_ORGANIZATION: &str = "
    select coalesce(sum((xpath('/row/n/text()', query_to_xml(
               format('select count(*) as n from %I where organization_id = %L', table_name,
                      '00000000-0000-0000-0000-000000000010'),
               false, true, '')))[1]::text::bigint), 0)::bigint
      from information_schema.columns
     where table_schema = 'public' and column_name = 'organization_id'";

#[sqlx::test(migrations = false)]
async fn everything_of_an_organization_goes_with_it(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let rockets = fixture.group_of_board().await;
    fixture.furnish(fixture.board, rockets).await;
    bulk::boards(&fixture.pool, fixture.board, 0..50).await;
    bulk::tasks(&fixture.pool, fixture.board, "inbox", 0..2_500).await;
    fixture
        .create_group(&stranger(), group("Theirs"))
        .await
        .unwrap();
    fixture.told(6).await;

    fixture
        .elsewhere(Payload::OrganizationDeleted(OrganizationDeleted::default()))
        .await;
    fixture.until_none(ROWS_OF_ORGANIZATION).await;
    for table in [
        "task_comment",
        "task_tag",
        "custom_field_board",
        "task_dependency",
    ] {
        assert_eq!(count(&fixture.pool, table).await, 0, "{table}");
    }
    assert_eq!(count(&fixture.pool, "board_group").await, 1);
    // Everybody heard of the organization; nobody is told of its boards.
    assert_eq!(fixture.told(1).await[0].r#type, "organization.deleted");
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn the_id_of_a_person_who_is_gone_is_forgotten_and_the_name_stays(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let rockets = fixture.group_of_board().await;
    let mut boards = vec![fixture.board];
    for number in 0..25 {
        boards.push(fixture.board_called(&format!("Board {number}")).await);
    }
    for board in &boards {
        fixture
            .create(&owner(), task(*board, "Mine"))
            .await
            .unwrap();
    }
    let work = fixture.task("Work").await;
    let theirs = fixture
        .create(
            &member(&[fixture.board], true),
            task(fixture.board, "Theirs"),
        )
        .await
        .unwrap();
    fixture.comment(&owner(), &work, "mine").await.unwrap();
    fixture
        .comment(&fixture.worker(0), &work, "the worker's")
        .await
        .unwrap();
    fixture.pause(&owner(), fixture.board).await.unwrap();
    fixture.furnish(fixture.board, rockets).await;
    let before = fixture.read_board(fixture.board).await;

    for _ in 0..2 {
        let user_id = OWNER.to_string();
        fixture
            .elsewhere(Payload::UserDeleted(UserDeleted { user_id }))
            .await;
    }
    fixture
        .until_none(
            "select (select count(*) from task where created_by_user_id = '00000000-0000-0000-0000-000000000030')
                  + (select count(*) from task_comment where user_id = '00000000-0000-0000-0000-000000000030')
                  + (select count(*) from board where paused_by_id is not null)
                  + (select count(*) from board_memory where author_id is not null)
                  + (select count(*) from group_memory where author_id is not null)",
        )
        .await;
    let after = fixture.read_board(fixture.board).await;
    assert!(after.version > before.version, "copies are stale");
    let by = after.paused_by.unwrap();
    assert_eq!(
        (by.kind(), by.id.as_str(), by.name.as_str()),
        (AuthorKind::User, "", "Ada")
    );
    let thread = ListCommentsRequest {
        board_id: fixture.board.to_string(),
        task_id: work.id.clone(),
        ..ListCommentsRequest::default()
    };
    let mut comments = fixture.comments(&owner());
    let thread = comments
        .list_comments(thread)
        .await
        .unwrap()
        .into_inner()
        .items;
    let authors: Vec<_> = thread
        .iter()
        .map(|c| (c.author_kind(), c.user_id.clone(), c.author_name.as_str()))
        .collect();
    assert_eq!(
        authors,
        [
            (AuthorKind::User, None, "Ada"),
            (AuthorKind::Agent, None, "Alice Cooper")
        ]
    );
    assert_eq!(fixture.now(&work).await.created_by_user_id, None);
    assert_eq!(
        fixture.now(&theirs).await.created_by_user_id,
        theirs.created_by_user_id
    );
    let names: Vec<String> = sqlx::query_scalar(
        "select author_name from board_memory union all select author_name from group_memory",
    )
    .fetch_all(&fixture.pool)
    .await
    .unwrap();
    assert_eq!(names, ["Ada", "Ada"]);
}

#[sqlx::test(migrations = false)]
async fn other_organizations_are_not_touched(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    fixture.task("Work").await;
    bulk::groups(&fixture.pool, ORGANIZATION, 0..1).await;
    for statement in [
        "update task set organization_id = $1",
        "update board set organization_id = $1",
    ] {
        let query = sqlx::query(statement).bind(FOREIGN_ORGANIZATION);
        query.execute(&fixture.pool).await.unwrap();
    }
    let user_id = OWNER.to_string();
    fixture
        .elsewhere(Payload::UserDeleted(UserDeleted { user_id }))
        .await;
    fixture
        .elsewhere(Payload::OrganizationDeleted(OrganizationDeleted::default()))
        .await;
    // What the later event does is done, so the earlier was handled.
    fixture.until_none("select count(*) from board_group").await;
    let creator: Option<Uuid> = sqlx::query_scalar("select created_by_user_id from task")
        .fetch_one(&fixture.pool)
        .await
        .unwrap();
    assert_eq!(creator, Some(OWNER));
    fixture.told(3).await;
    fixture.stop().await;
}
