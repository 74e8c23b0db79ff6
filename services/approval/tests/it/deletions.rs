use chassis::caller::system_actor;
use futures::future::join_all;
use proto::{
    approval::v1::{ApprovalStatus, CreateApprovalPolicyRequest, CreateApprovalRequest},
    board::v1::{Board, Task},
    event::v1::{
        ActorKind, ApprovalUnlinked, BoardDeleted, Event, OrganizationDeleted, TaskDeleted,
        UserDeleted, event::Payload,
    },
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    boards::{BOARD, ORGANIZATION, OTHER_BOARD, task},
    fixture::{Fixture, agent, asking, counted, fault, owner, start_of_time, stranger, writer},
};

fn event(payload: Payload) -> Event {
    bus::event(system_actor(), ORGANIZATION, start_of_time(), payload).build()
}

fn task_deleted(n: u128) -> Event {
    let task = Task {
        id: task(n).to_string(),
        board_id: BOARD.to_string(),
        ..Task::default()
    };
    event(Payload::TaskDeleted(TaskDeleted {
        task: Some(task),
        board_name: "Board".into(),
    }))
}

fn board_deleted() -> Event {
    let board = Board {
        id: BOARD.to_string(),
        organization_id: ORGANIZATION.to_string(),
        ..Board::default()
    };
    event(Payload::BoardDeleted(BoardDeleted {
        board: Some(board),
        force: false,
    }))
}

fn organization_deleted() -> Event {
    event(Payload::OrganizationDeleted(OrganizationDeleted::default()))
}

fn user_deleted(id: u128) -> Event {
    event(Payload::UserDeleted(UserDeleted {
        user_id: Uuid::from_u128(id).to_string(),
    }))
}

/// Tables that this service owns.
async fn tables(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar(
        "select table_name::text from information_schema.tables
         where table_schema = 'public' and table_type = 'BASE TABLE'
           and table_name not in ('outbox', 'inbox', '_bus_migration', '_sqlx_migrations')
         order by table_name",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

/// How many rows each table has.
async fn rows(pool: &PgPool) -> Vec<(String, i64)> {
    let mut found = Vec::new();
    for table in tables(pool).await {
        let sql = format!("select count(*) from {table}");
        let count: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .fetch_one(pool)
            .await
            .unwrap();
        found.push((table, count));
    }
    found
}

/// Waits until what was told has been dealt with.
async fn settled(it: &Fixture, event: &Event) {
    let id: Uuid = event.id.parse().unwrap();
    for _ in 0..2_000 {
        let seen: bool = sqlx::query_scalar(
            "select exists (select 1 from inbox where event_id = $1 and consumer_group = 'approval')",
        )
        .bind(id)
        .fetch_one(&it.pool)
        .await
        .unwrap();
        if seen {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("nobody dealt with {}", event.r#type);
}

/// At least one row in every table that an organization fills.
async fn fill(it: &mut Fixture) {
    let policy = CreateApprovalPolicyRequest {
        name: "two people".into(),
        required_approvals: Some(2),
        board_id: Some(BOARD.to_string()),
        ..CreateApprovalPolicyRequest::default()
    };
    it.create_policy(policy).await.unwrap();
    let asked = it.create(&writer(1), asking(&[1, 2])).await.unwrap();
    for n in [1, 2] {
        let approved = ApprovalStatus::Approved;
        it.resolve(&writer(n), &asked.id, approved, Some("yes"))
            .await
            .unwrap();
    }
    it.create(&writer(2), asking(&[3])).await.unwrap();
    it.told(5).await;
}

#[sqlx::test(migrations = false)]
async fn a_deleted_task_leaves_every_approval(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let decided = it.create(&owner(), asking(&[1])).await.unwrap();
    let approved = ApprovalStatus::Approved;
    it.resolve(&owner(), &decided.id, approved, None)
        .await
        .unwrap();
    let shared = it.create(&owner(), asking(&[2, 3])).await.unwrap();
    it.resolve(&owner(), &shared.id, approved, None)
        .await
        .unwrap();
    let pending = it
        .create(&agent(Some(BOARD), true), asking(&[2]))
        .await
        .unwrap();
    it.told(5).await;

    // Twice: what is gone already is no trouble.
    for _ in 0..2 {
        it.tell(task_deleted(2)).await;
        it.tell(task_deleted(1)).await;
    }
    let mut told = it.told(7).await;
    told.retain(|event| event.r#type != "task.deleted");
    let unlinked: Vec<ApprovalUnlinked> = told
        .iter()
        .map(|event| {
            assert_eq!(event.r#type, "approval.unlinked");
            assert_eq!(event.actor.as_ref().unwrap().kind(), ActorKind::System);
            match &event.payload {
                Some(Payload::ApprovalUnlinked(told)) => told.clone(),
                _ => panic!("the event of another change"),
            }
        })
        .collect();
    let task_ids: Vec<_> = told.iter().map(|event| event.task_id.clone()).collect();
    let deleted = |n| Some(task(n).to_string());
    assert_eq!(task_ids, [deleted(2), deleted(2), deleted(1)]);
    // The pending one had no other task: it is withdrawn, and says so first.
    let withdrawn = unlinked[0].approval.as_ref().unwrap();
    assert_eq!(withdrawn.id, pending.id);
    assert!(withdrawn.task_ids.is_empty() && unlinked[0].withdrawn);
    assert_eq!(unlinked[0].pending_approvals_count, 0);
    let rest = unlinked[1].approval.as_ref().unwrap();
    assert_eq!((&rest.id, &rest.task_id), (&shared.id, &deleted(3)));
    assert!(!unlinked[1].withdrawn);
    assert_eq!(unlinked[1].task_counts, counted(&[3], 0));
    assert_eq!(*rest, it.get(&shared.id).await);
    assert_eq!(rest.version, 3);
    let kept = unlinked[2].approval.as_ref().unwrap();
    assert_eq!((&kept.id, kept.task_ids.len()), (&decided.id, 0));
    assert_eq!(*kept, it.get(&decided.id).await);
    assert_eq!(it.counts().await, (2, 1));

    // A request that was under way when the task was deleted comes too late.
    let late = fault(it.create(&owner(), asking(&[4, 2, 1])).await);
    assert_eq!(late.reason, "TASK_NOT_FOUND");
    let gone = serde_json::json!([task(2), task(1)]);
    assert_eq!(late.facts["missing_task_ids"], gone);
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_deleted_task_beside_requests_leaves_no_pending_approval(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let who = owner();
    for n in 1..=20 {
        let deleted = task_deleted(n);
        let attempts = (0..3).map(|_| it.create(&who, asking(&[n])));
        let (answers, ()) = futures::join!(join_all(attempts), it.tell(deleted.clone()));
        settled(&it, &deleted).await;
        let made = answers.into_iter().filter(Result::is_ok).count();
        // Each that was made was withdrawn, and told.
        it.told(1 + 2 * made).await;
        assert_eq!(it.counts().await, (0, 0), "round {n}");
    }
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_deleted_board_leaves_nothing(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    fill(&mut it).await;
    let before = rows(&it.pool).await;
    assert!(
        before
            .iter()
            .all(|(table, count)| *count > 0 || table == "tombstone"),
        "a table that this test does not fill: {before:?}"
    );
    let elsewhere = CreateApprovalRequest {
        board_id: OTHER_BOARD.to_string(),
        ..asking(&[100])
    };
    it.create(&owner(), elsewhere).await.unwrap();
    let general = CreateApprovalPolicyRequest {
        name: "general".into(),
        ..CreateApprovalPolicyRequest::default()
    };
    it.create_policy(general).await.unwrap();
    it.told(2).await;

    for _ in 0..2 {
        let deleted = board_deleted();
        it.tell(deleted.clone()).await;
        settled(&it, &deleted).await;
    }
    let types = it.told_types(3).await;
    let policies = types
        .iter()
        .filter(|name| *name == "approval_policy.deleted");
    assert_eq!((types.len(), policies.count()), (3, 1), "{types:?}");
    // What is left is of the other board, or of no board.
    let expected = [
        ("approval", 1),
        ("approval_history", 1),
        ("approval_policy", 1),
        ("approval_task", 1),
        ("approval_vote", 0),
        ("tombstone", 1),
    ];
    let expected = expected.map(|(table, count)| (table.to_owned(), count));
    assert_eq!(rows(&it.pool).await, expected);
    let late = fault(it.create(&owner(), asking(&[])).await);
    assert_eq!(late.reason, "BOARD_NOT_FOUND");
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_deleted_organization_leaves_nothing(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    fill(&mut it).await;
    let theirs = CreateApprovalPolicyRequest {
        name: "theirs".into(),
        ..CreateApprovalPolicyRequest::default()
    };
    it.policies(&stranger())
        .create_approval_policy(theirs)
        .await
        .unwrap();
    it.told(1).await;
    for _ in 0..2 {
        let deleted = organization_deleted();
        it.tell(deleted.clone()).await;
        settled(&it, &deleted).await;
    }
    for (table, count) in rows(&it.pool).await {
        let expected = i64::from(table == "tombstone" || table == "approval_policy");
        assert_eq!(count, expected, "{table}");
    }
    let late = fault(it.create(&owner(), asking(&[])).await);
    assert_eq!(late.reason, "BOARD_NOT_FOUND");
    it.told(2).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_deleted_account_is_named_and_no_longer_known(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    fill(&mut it).await;
    let columns: Vec<(String, String)> = sqlx::query_as(
        "select table_name::text, column_name::text from information_schema.columns
         where table_schema = 'public' and column_name like '%user\\_id'
         order by table_name, column_name",
    )
    .fetch_all(&it.pool)
    .await
    .unwrap();
    assert!(columns.len() >= 4, "{columns:?}");
    let mut known = Vec::new();
    for person in [1_u128, 2] {
        let mut held = Vec::new();
        for (table, column) in &columns {
            let sql = format!("select count(*) from {table} where {column} = $1");
            let count: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
                .bind(Uuid::from_u128(person))
                .fetch_one(&it.pool)
                .await
                .unwrap();
            held.push(count);
        }
        known.push(held);
    }
    // Between them they are in every column, so that none is forgotten here.
    for (at, column) in columns.iter().enumerate() {
        assert!(known.iter().any(|held| held[at] > 0), "{column:?}");
    }

    for person in [1, 2, 2] {
        let deleted = user_deleted(person);
        it.tell(deleted.clone()).await;
        settled(&it, &deleted).await;
    }
    for (table, column) in &columns {
        let sql = format!("select count(*) from {table} where {column} = any($1)");
        let count: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .bind([1, 2].map(Uuid::from_u128))
            .fetch_one(&it.pool)
            .await
            .unwrap();
        assert_eq!(count, 0, "{table}.{column}");
    }
    let id: Uuid = sqlx::query_scalar("select id from approval where status = 'approved'")
        .fetch_one(&it.pool)
        .await
        .unwrap();
    let approval = it.get(&id.to_string()).await;
    assert_eq!(
        (approval.created_by_user_id, approval.resolved_by_user_id),
        (None, None)
    );
    assert_eq!(approval.resolved_by_name.as_deref(), Some("Writer 2"));
    let voters: Vec<_> = approval
        .approvals
        .iter()
        .map(|vote| (vote.user_id.as_deref(), vote.user_name.as_str()))
        .collect();
    assert_eq!(voters, [(None, "Writer 1"), (None, "Writer 2")]);
    let history = it.history(&approval.id).await;
    assert!(history.iter().all(|entry| entry.user_id.is_none()));
    assert_eq!(history[0].actor_name, "Writer 1");
    // Each deletion that concerned it counted once.
    assert_eq!(approval.version, 5);
    it.told(3).await;
    it.stop().await;
}
