//! Everything that a page shows of a group.

use std::collections::HashMap;

use chassis::{Caller, Code};
use proto::board::v1::{
    GetBoardGroupSnapshotRequest, GetBoardGroupSnapshotResponse, GetGroupSnapshotRequest,
    GetGroupSnapshotResponse, TaskPriority, TaskStatus,
};
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::{
    bulk,
    callers::{LEAD, OTHER_GATEWAY, agent, all_boards, member, owner, stranger, worker_id},
    fixture::{Fixture, refused, says, violation, wrong},
    request::{board, group, task},
};

impl Fixture {
    pub(crate) async fn siblings(
        &self,
        caller: &Caller,
        request: GetBoardGroupSnapshotRequest,
    ) -> Result<GetBoardGroupSnapshotResponse, Status> {
        let request = GetBoardGroupSnapshotRequest {
            board_id: self.board.to_string(),
            ..request
        };
        let mut snapshots = self.snapshots(caller);
        Ok(snapshots
            .get_board_group_snapshot(request)
            .await?
            .into_inner())
    }

    pub(crate) async fn whole_group(
        &self,
        caller: &Caller,
        group: Uuid,
        per_board_task_limit: Option<i32>,
    ) -> Result<GetGroupSnapshotResponse, Status> {
        let request = GetGroupSnapshotRequest {
            group_id: group.to_string(),
            include_done: Some(true),
            per_board_task_limit,
        };
        let mut snapshots = self.snapshots(caller);
        Ok(snapshots.get_group_snapshot(request).await?.into_inner())
    }
}

fn names(boards: &[proto::board::v1::GroupBoard]) -> Vec<&str> {
    let boards = boards.iter().map(|board| board.board.as_ref().unwrap());
    boards.map(|board| board.name.as_str()).collect()
}

fn all() -> GetBoardGroupSnapshotRequest {
    GetBoardGroupSnapshotRequest {
        include_self: Some(true),
        ..GetBoardGroupSnapshotRequest::default()
    }
}

#[sqlx::test(migrations = false)]
async fn the_foremost_tasks_come_first_and_all_are_counted(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let rockets = fixture.group_of_board().await;
    for (title, status, priority, minutes) in [
        ("in, low", "inbox", "low", 9),
        ("in, urgent", "inbox", "urgent", 1),
        ("in, high", "inbox", "high", 9),
        ("doing, medium, old", "in_progress", "medium", 1),
        ("doing, medium, new", "in_progress", "medium", 5),
        ("review, low", "review", "low", 1),
        ("done, urgent", "done", "urgent", 1),
    ] {
        sqlx::query(
            "insert into task (
                 id, organization_id, board_id, title, status, priority, status_changed_at, created_at, updated_at,
                 in_progress_at)
             select gen_random_uuid(), organization_id, id, $2, $3, $4, moved_at, created_at, moved_at,
                    case $3 when 'in_progress' then moved_at end
               from board, lateral (select created_at + $5 * interval '1 m' as moved_at) changed
              where id = $1",
        )
        .bind(fixture.board)
        .bind(title)
        .bind(status)
        .bind(priority)
        .bind(minutes)
        .execute(&fixture.pool)
        .await
        .unwrap();
    }
    let titles = async |with_done: bool, limit: Option<i32>| {
        let request = GetBoardGroupSnapshotRequest {
            include_done: Some(with_done),
            per_board_task_limit: limit,
            ..all()
        };
        let snapshot = fixture.siblings(&owner(), request).await.unwrap();
        assert_eq!(snapshot.group.unwrap().id, rockets.to_string());
        let [board] = snapshot.boards.try_into().unwrap();
        let counts = [("inbox", 3), ("in_progress", 2), ("review", 1), ("done", 1)];
        let counts: HashMap<String, i32> =
            counts.map(|(word, count)| (word.to_owned(), count)).into();
        assert_eq!(board.task_counts, counts);
        let titles: Vec<String> = board.tasks.into_iter().map(|task| task.title).collect();
        titles
    };
    let order = [
        "doing, medium, new",
        "doing, medium, old",
        "review, low",
        "in, urgent",
        "in, high",
        "in, low",
        "done, urgent",
    ];
    assert_eq!(titles(false, None).await, order[..5]);
    assert_eq!(titles(false, Some(100)).await, order[..6]);
    assert_eq!(titles(true, Some(100)).await, order);
    assert_eq!(titles(true, Some(0)).await, [""; 0]);
}

#[sqlx::test(migrations = false)]
async fn a_task_in_the_snapshot_has_names_and_tags(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let rockets = fixture.group_of_board().await;
    let apollo = fixture.board_called("apollo").await;
    fixture.join(apollo, Some(rockets)).await;
    fixture
        .agents
        .add(worker_id(2), "Cleo", Some(apollo), false);
    let mut urgent = task(apollo, "Fly");
    urgent.priority = TaskPriority::Urgent.into();
    urgent.assigned_agent_id = Some(worker_id(2).to_string());
    let made = fixture.create(&owner(), urgent).await.unwrap();
    let (release, later) = (Uuid::from_u128(0x81), Uuid::from_u128(0x80));
    for (id, name) in [(release, "release"), (later, "later")] {
        sqlx::query(
            "insert into tag (id, organization_id, name, slug, color, created_at, updated_at)
             select $1, organization_id, $2, $2, 'aabbcc', now(), now() from board where id = $3",
        )
        .bind(id)
        .bind(name)
        .bind(apollo)
        .execute(&fixture.pool)
        .await
        .unwrap();
    }
    sqlx::query("update task set tag_ids = array[$1, $2]")
        .bind(release)
        .bind(later)
        .execute(&fixture.pool)
        .await
        .unwrap();

    let snapshot = fixture
        .siblings(&owner(), GetBoardGroupSnapshotRequest::default())
        .await;
    let [board] = snapshot.unwrap().boards.try_into().unwrap();
    assert_eq!(board.board, Some(fixture.read_board(apollo).await));
    let task = &board.tasks[0];
    assert_eq!(
        (
            task.id.as_str(),
            task.board_id.as_str(),
            task.board_name.as_str(),
            task.title.as_str()
        ),
        (made.id.as_str(), made.board_id.as_str(), "apollo", "Fly")
    );
    assert_eq!(
        (
            task.status(),
            task.priority(),
            task.created_at,
            task.updated_at
        ),
        (
            TaskStatus::Inbox,
            TaskPriority::Urgent,
            made.created_at,
            made.updated_at
        )
    );
    assert_eq!(
        (task.assigned_agent_id.clone(), task.assignee.as_deref()),
        (made.assigned_agent_id, Some("Cleo"))
    );
    let tags: Vec<(&str, &str)> = task
        .tags
        .iter()
        .map(|tag| (tag.slug.as_str(), tag.color.as_str()))
        .collect();
    assert_eq!(tags, [("release", "aabbcc"), ("later", "aabbcc")]);
}

#[sqlx::test(migrations = false)]
async fn siblings_that_the_reader_may_not_read_are_left_out(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let rockets = fixture.group_of_board().await;
    let apollo = fixture.board_called("apollo").await;
    let far = proto::board::v1::CreateBoardRequest {
        gateway_id: OTHER_GATEWAY.to_string(),
        board_group_id: Some(rockets.to_string()),
        ..board("Zond")
    };
    fixture.join(apollo, Some(rockets)).await;
    let zond = fixture.create_board(&owner(), far).await.unwrap();
    fixture.board_called("Outside").await;
    let zond: Uuid = zond.id.parse().unwrap();
    let main = agent(worker_id(9), "Main", None, false);
    for (caller, boards) in [
        (owner(), vec!["apollo", "Launch", "Zond"]),
        (all_boards(false), vec!["apollo", "Launch", "Zond"]),
        (member(&[fixture.board], true), vec!["Launch"]),
        (
            member(&[fixture.board, zond], false),
            vec!["Launch", "Zond"],
        ),
        // Agents of a board read how the others in its group stand.
        (fixture.lead(), vec!["apollo", "Launch", "Zond"]),
        (fixture.worker(0), vec!["apollo", "Launch", "Zond"]),
        (main, vec!["apollo", "Launch"]),
    ] {
        let snapshot = fixture.siblings(&caller, all()).await.unwrap();
        assert_eq!(names(&snapshot.boards), boards, "{caller:?}");
        let snapshot = fixture
            .siblings(&caller, GetBoardGroupSnapshotRequest::default())
            .await
            .unwrap();
        let others: Vec<&str> = boards
            .into_iter()
            .filter(|name| *name != "Launch")
            .collect();
        assert_eq!(names(&snapshot.boards), others, "{caller:?}");
    }
    for (caller, boards) in [
        (owner(), vec!["apollo", "Launch", "Zond"]),
        (member(&[apollo, zond], false), vec!["apollo", "Zond"]),
    ] {
        let snapshot = fixture.whole_group(&caller, rockets, None).await.unwrap();
        assert_eq!(names(&snapshot.boards), boards);
        assert_eq!(snapshot.group.unwrap().name, "Rockets");
    }
    let (no_board, no_group) = (
        says(Code::NotFound, "BOARD_NOT_FOUND"),
        says(Code::NotFound, "BOARD_GROUP_NOT_FOUND"),
    );
    for caller in [stranger(), member(&[], true)] {
        assert_eq!(refused(fixture.siblings(&caller, all()).await), no_board);
        let answer = fixture.whole_group(&caller, rockets, Some(-1)).await;
        assert_eq!(refused(answer), no_group);
    }
    let elsewhere = agent(LEAD, "Olga", Some(apollo), true);
    assert_eq!(refused(fixture.siblings(&elsewhere, all()).await), no_board);
    let by_agent = fixture.whole_group(&fixture.lead(), rockets, None).await;
    assert_eq!(
        refused(by_agent),
        says(Code::Forbidden, "CALLER_NOT_ADMITTED")
    );
}

#[sqlx::test(migrations = false)]
async fn a_board_without_a_group_has_no_siblings(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let nothing = GetBoardGroupSnapshotResponse::default();
    assert_eq!(fixture.siblings(&owner(), all()).await.unwrap(), nothing);
    let empty = fixture
        .create_group(&owner(), group("Empty"))
        .await
        .unwrap();
    let empty: Uuid = empty.id.parse().unwrap();
    let snapshot = fixture.whole_group(&owner(), empty, None).await.unwrap();
    assert_eq!((snapshot.group.is_some(), snapshot.boards.len()), (true, 0));
}

#[sqlx::test(migrations = false)]
async fn both_ways_of_asking_bound_the_tasks_of_a_board(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let rockets = fixture.group_of_board().await;
    bulk::tasks(&fixture.pool, fixture.board, "inbox", 0..150).await;
    for limit in [-1, 101] {
        let request = GetBoardGroupSnapshotRequest {
            per_board_task_limit: Some(limit),
            ..all()
        };
        let expected = wrong("per_board_task_limit", "OUT_OF_RANGE");
        assert_eq!(
            violation(fixture.siblings(&owner(), request).await),
            expected
        );
        let answer = fixture.whole_group(&owner(), rockets, Some(limit)).await;
        assert_eq!(violation(answer), expected);
    }
    for (limit, tasks) in [(None, 5), (Some(100), 100)] {
        let answer = fixture.whole_group(&owner(), rockets, limit).await.unwrap();
        assert_eq!(answer.boards[0].tasks.len(), tasks);
    }
}
