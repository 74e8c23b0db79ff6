//! What is told: typed, whole, in order, and nothing when nothing happened.

use chrono::TimeDelta;
use proto::{
    board::v1::{DeleteTaskRequest, Task, TaskStatus, UpdateBoardRequest},
    event::v1::{Actor, ActorKind, Event, TaskStatusChanged, TaskUpdated, event::Payload},
};
use sqlx::PgPool;

use crate::{
    callers::{LEAD, ORGANIZATION, OWNER, owner, worker_id},
    fixture::{Fixture, start_of_time},
    request::{Naming, board_patch, patch, to},
};
use TaskStatus::{Done, InProgress, Inbox, Review};

fn ada() -> Option<Actor> {
    Some(Actor {
        kind: ActorKind::User.into(),
        id: Some(OWNER.to_string()),
        name: "Ada".into(),
    })
}

fn alice() -> Option<Actor> {
    let id = Some(worker_id(0).to_string());
    Some(Actor {
        kind: ActorKind::Agent.into(),
        id,
        name: "Alice Cooper".into(),
    })
}

fn system() -> Option<Actor> {
    Some(Actor {
        kind: ActorKind::System.into(),
        id: None,
        name: "Mission Control".into(),
    })
}

fn types(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.r#type.as_str()).collect()
}

fn moved(event: &Event) -> &TaskStatusChanged {
    match &event.payload {
        Some(Payload::TaskStatusChanged(payload)) => payload,
        other => panic!("{other:?}"),
    }
}

fn updated(event: &Event) -> &TaskUpdated {
    match &event.payload {
        Some(Payload::TaskUpdated(payload)) => payload,
        other => panic!("{other:?}"),
    }
}

#[sqlx::test(migrations = false)]
async fn a_move_tells_from_where_to_where_by_whom_and_how_long_it_took(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let work = fixture.task("Work").await;
    let created = fixture.told(1).await.remove(0);
    assert_eq!(
        (created.r#type.as_str(), &created.actor),
        ("task.created", &ada())
    );
    assert_eq!(
        (created.organization_id, created.board_id),
        (ORGANIZATION.to_string(), Some(work.board_id.clone()))
    );
    assert_eq!(
        (created.task_id, created.agent_id),
        (Some(work.id.clone()), None)
    );
    assert_eq!(
        created.occurred_at,
        Some(chassis::encode::time(start_of_time()))
    );

    fixture.clock.advance(TimeDelta::milliseconds(1500));
    let claimed = fixture
        .update(&fixture.worker(0), to(&work, InProgress))
        .await
        .unwrap();
    let told = fixture.told(1).await.remove(0);
    assert_eq!(
        (&told.actor, told.agent_id.clone()),
        (&alice(), Some(worker_id(0).to_string()))
    );
    let expected = TaskStatusChanged {
        task: Some(claimed.clone()),
        board_name: "Launch".into(),
        from: Inbox.into(),
        to: InProgress.into(),
        previous_assignee_id: None,
        seconds_in_from: 1.5,
        cause: None,
        started_at: claimed.in_progress_at,
        comment: None,
    };
    assert_eq!(moved(&told), &expected);

    fixture.clock.advance(TimeDelta::seconds(60));
    let reviewed = fixture
        .update(&fixture.worker(0), to(&work, Review).comment("look"))
        .await
        .unwrap();
    let told = fixture.told(2).await;
    assert_eq!(types(&told), ["task.comment", "task.status_changed"]);
    let expected = TaskStatusChanged {
        task: Some(reviewed),
        from: InProgress.into(),
        to: Review.into(),
        previous_assignee_id: Some(worker_id(0).to_string()),
        seconds_in_from: 60.0,
        comment: Some("look".into()),
        ..expected
    };
    assert_eq!(moved(&told[1]), &expected);
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn an_edit_tells_what_changed_and_who_had_the_task(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let work = fixture.task("Work").await;
    fixture
        .update(&owner(), patch(&work).assignee(Some(worker_id(0))))
        .await
        .unwrap();
    let both = fixture
        .update(&owner(), patch(&work).assignee(Some(LEAD)).title("Other"))
        .await
        .unwrap();
    let told = fixture.told(3).await;
    assert_eq!(
        types(&told),
        ["task.created", "task.updated", "task.updated"]
    );
    assert_eq!(updated(&told[1]).previous_assignee_id, None);
    let expected = TaskUpdated {
        task: Some(both),
        board_name: "Launch".into(),
        changed_fields: vec!["title".into(), "assigned_agent_id".into()],
        previous_assignee_id: Some(worker_id(0).to_string()),
    };
    assert_eq!(updated(&told[2]), &expected);

    // With a move, the edit is told beside it; who has the task is the move's to tell.
    fixture
        .update(
            &owner(),
            to(&work, InProgress)
                .assignee(Some(worker_id(1)))
                .title("Third"),
        )
        .await
        .unwrap();
    let told = fixture.told(2).await;
    assert_eq!(types(&told), ["task.updated", "task.status_changed"]);
    assert_eq!(updated(&told[0]).changed_fields, ["title"]);
    assert_eq!(moved(&told[1]).previous_assignee_id, Some(LEAD.to_string()));
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn what_the_system_moves_it_tells_with_the_cause(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let (a, work) = (fixture.task("a").await, fixture.task("Work").await);
    fixture
        .update(&fixture.worker(0), to(&work, InProgress))
        .await
        .unwrap();
    fixture.told(3).await;

    let waiting = fixture
        .update(&owner(), patch(&work).depends_on(&[&a]))
        .await
        .unwrap();
    let told = fixture.told(2).await;
    assert_eq!(updated(&told[0]).changed_fields, ["depends_on_task_ids"]);
    assert_eq!((&told[0].actor, &told[1].actor), (&ada(), &system()));
    let reset = moved(&told[1]);
    assert_eq!(
        (reset.cause.as_deref(), reset.task.as_ref()),
        (Some("dependency_added"), Some(&waiting))
    );
    assert_eq!((reset.from(), reset.to()), (InProgress, Inbox));
    assert_eq!(reset.previous_assignee_id, Some(worker_id(0).to_string()));

    fixture.update(&owner(), to(&a, Done)).await.unwrap();
    let told = fixture.told(2).await;
    assert_eq!(types(&told), ["task.status_changed", "task.updated"]);
    assert_eq!(
        (&told[1].actor, updated(&told[1]).changed_fields.as_slice()),
        (&system(), &["blocked_by_task_ids".to_owned()][..])
    );

    fixture
        .update(&fixture.worker(0), to(&work, InProgress))
        .await
        .unwrap();
    fixture.update(&owner(), to(&a, Inbox)).await.unwrap();
    let told = fixture.told(3).await;
    assert_eq!(types(&told), ["task.status_changed"; 3]);
    let stopped = moved(&told[2]);
    assert_eq!(
        (stopped.cause.as_deref(), &told[2].actor),
        (Some("dependency_reopened"), &system())
    );
    assert_eq!(stopped.task, Some(fixture.now(&work).await));
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_deletion_is_told_and_so_is_who_is_freed(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let (a, work) = (fixture.task("a").await, fixture.task("Work").await);
    fixture
        .update(&owner(), patch(&work).depends_on(&[&a]))
        .await
        .unwrap();
    fixture.told(3).await;
    let request = DeleteTaskRequest {
        board_id: None,
        task_id: a.id.clone(),
    };
    fixture.tasks(&owner()).delete_task(request).await.unwrap();
    let told = fixture.told(2).await;
    let Some(Payload::TaskDeleted(deleted)) = &told[0].payload else {
        panic!("{told:?}")
    };
    assert_eq!(deleted.task, Some(Task { ..a }));
    assert_eq!(
        updated(&told[1]).changed_fields,
        ["depends_on_task_ids", "blocked_by_task_ids"]
    );
    assert_eq!(updated(&told[1]).task, Some(fixture.now(&work).await));
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn comments_and_boards_are_told_whole(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let work = fixture.task("Work").await;
    let said = fixture.comment(&owner(), &work, "@alice hi").await.unwrap();
    let name = UpdateBoardRequest {
        name: Some("N".into()),
        ..board_patch(fixture.board, &["name"])
    };
    let board = fixture.update_board(&owner(), name).await.unwrap();
    let told = fixture.told(3).await;
    let Some(Payload::TaskCommented(commented)) = &told[1].payload else {
        panic!("{told:?}")
    };
    assert_eq!(
        (commented.comment.as_ref(), commented.task.as_ref()),
        (Some(&said), Some(&work))
    );
    let Some(Payload::BoardUpdated(changed)) = &told[2].payload else {
        panic!("{told:?}")
    };
    assert_eq!(
        (changed.board.as_ref(), changed.changed_fields.as_slice()),
        (Some(&board), &["name".to_owned()][..])
    );
    fixture.stop().await;
}
