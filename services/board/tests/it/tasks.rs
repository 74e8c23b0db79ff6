//! Making, reading, changing and deleting tasks.

use chassis::{Code, conditional};
use prost_types::Struct;
use proto::board::v1::{
    AssignTaskRequest, CreateTaskRequest, DeleteTaskRequest, GetTaskRequest, Task, TaskPriority,
    TaskStatus, UpdateTaskRequest,
};
use sqlx::PgPool;
use tonic::Request;
use uuid::Uuid;

use crate::{
    callers::{FOREIGN_ORGANIZATION, LEAD, OWNER, owner, worker_id},
    fixture::{Fixture, fault, refused, says, start_of_time, violation, wrong},
    request::{Naming, patch, task, to},
};

#[sqlx::test(migrations = false)]
async fn a_new_task_is_in_the_inbox(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let due_at = Some(chassis::encode::time(start_of_time()));
    let request = CreateTaskRequest {
        description: Some(" why ".into()),
        due_at,
        ..task(fixture.board, " Build ")
    };
    let made = fixture.create(&owner(), request).await.unwrap();
    let now = Some(chassis::encode::time(start_of_time()));
    let expected = Task {
        id: made.id.clone(),
        board_id: fixture.board.to_string(),
        title: "Build".into(),
        description: Some("why".into()),
        status: TaskStatus::Inbox.into(),
        priority: TaskPriority::Medium.into(),
        due_at,
        created_by_user_id: Some(OWNER.to_string()),
        created_at: now,
        updated_at: now,
        custom_field_values: Some(Struct::default()),
        version: 1,
        cycle: 1,
        ..Task::default()
    };
    assert_eq!(made, expected);
    assert_eq!(fixture.now(&made).await, expected);
}

#[sqlx::test(migrations = false)]
async fn a_task_is_born_in_the_inbox_or_with_an_assignee_at_work(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let born = |status: TaskStatus, assignee: Option<Uuid>| CreateTaskRequest {
        status: status.into(),
        assigned_agent_id: assignee.map(|id| id.to_string()),
        ..task(fixture.board, "T")
    };
    for (status, assignee) in [
        (TaskStatus::InProgress, None),
        (TaskStatus::Review, Some(worker_id(0))),
        (TaskStatus::Done, Some(worker_id(0))),
    ] {
        let refusal = fault(fixture.create(&owner(), born(status, assignee)).await);
        assert_eq!(
            (refusal.code, refusal.reason.as_str()),
            (Code::Invalid, "STATUS_NOT_CREATABLE")
        );
        assert_eq!(refusal.fields[0].field, "status");
    }
    let working = fixture
        .create(&owner(), born(TaskStatus::InProgress, Some(worker_id(0))))
        .await
        .unwrap();
    assert_eq!(working.in_progress_at, working.created_at);
    assert_eq!(working.assigned_agent_id, Some(worker_id(0).to_string()));
}

#[sqlx::test(migrations = false)]
async fn one_validator_judges_every_assignee(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let (elsewhere, main, foreign) = (
        Uuid::from_u128(0x901),
        Uuid::from_u128(0x902),
        Uuid::from_u128(0x903),
    );
    fixture
        .agents
        .add(elsewhere, "Else", Some(Uuid::from_u128(0x999)), false);
    fixture.agents.add(main, "Main", None, false);
    fixture.agents.add_to(
        FOREIGN_ORGANIZATION,
        foreign,
        "Foreign",
        Some(Uuid::from_u128(0x998)),
        false,
    );
    let work = fixture.task("Work").await;
    let cases = [
        (Uuid::from_u128(0x900), Code::NotFound, "AGENT_NOT_FOUND"),
        (foreign, Code::NotFound, "AGENT_NOT_FOUND"),
        (elsewhere, Code::Conflict, "AGENT_ON_OTHER_BOARD"),
        (main, Code::Conflict, "AGENT_ON_OTHER_BOARD"),
    ];
    for caller in [owner(), fixture.lead()] {
        for (agent, code, reason) in cases {
            let assign = AssignTaskRequest {
                task_id: work.id.clone(),
                agent_id: agent.to_string(),
            };
            let create = CreateTaskRequest {
                assigned_agent_id: Some(agent.to_string()),
                ..task(fixture.board, "T")
            };
            assert_eq!(
                refused(fixture.tasks(&caller).assign_task(assign).await),
                says(code, reason)
            );
            assert_eq!(
                refused(fixture.create(&caller, create).await),
                says(code, reason)
            );
            assert_eq!(
                refused(
                    fixture
                        .update(&caller, patch(&work).assignee(Some(agent)))
                        .await
                ),
                says(code, reason)
            );
        }
    }
    let to_lead = patch(&work).assignee(Some(LEAD));
    let by_lead = fixture.update(&fixture.lead(), to_lead.clone()).await;
    assert_eq!(
        refused(by_lead),
        says(Code::Forbidden, "CANNOT_ASSIGN_TO_LEAD")
    );
    assert_eq!(
        fixture
            .update(&owner(), to_lead)
            .await
            .unwrap()
            .assigned_agent_id,
        Some(LEAD.to_string())
    );
}

#[sqlx::test(migrations = false)]
async fn assigning_keeps_the_status_and_repeating_it_changes_nothing(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let work = fixture.task("Work").await;
    let request = AssignTaskRequest {
        task_id: work.id.clone(),
        agent_id: worker_id(0).to_string(),
    };
    let assigned = fixture
        .tasks(&owner())
        .assign_task(request.clone())
        .await
        .unwrap()
        .into_inner()
        .task
        .unwrap();
    let expected = Task {
        assigned_agent_id: Some(worker_id(0).to_string()),
        version: 2,
        ..work.clone()
    };
    assert_eq!(assigned, expected);
    let asked = fixture.agents.asked();
    let again = fixture
        .tasks(&owner())
        .assign_task(request)
        .await
        .unwrap()
        .into_inner()
        .task
        .unwrap();
    assert_eq!((again, fixture.agents.asked()), (expected, asked));
    let blank = AssignTaskRequest {
        task_id: work.id,
        agent_id: String::new(),
    };
    assert_eq!(
        violation(fixture.tasks(&owner()).assign_task(blank).await),
        wrong("agent_id", "NOT_A_UUID")
    );
}

#[sqlx::test(migrations = false)]
async fn absent_null_and_a_value_are_three_things(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let request = CreateTaskRequest {
        description: Some("why".into()),
        due_at: Some(chassis::encode::time(start_of_time())),
        ..task(fixture.board, "Work")
    };
    let work = fixture.create(&owner(), request).await.unwrap();
    let absent = UpdateTaskRequest {
        description: Some("ignored".into()),
        ..patch(&work).title("Other")
    };
    let changed = fixture.update(&owner(), absent).await.unwrap();
    assert_eq!(
        (changed.title.as_str(), changed.description.as_deref()),
        ("Other", Some("why"))
    );
    let null = patch(&work)
        .named("description")
        .named("due_at")
        .named("assigned_agent_id");
    let changed = fixture.update(&owner(), null).await.unwrap();
    assert_eq!(
        (changed.description, changed.due_at, changed.version),
        (None, None, 3)
    );
    for field in ["title", "status", "priority"] {
        let answer = fixture.update(&owner(), patch(&work).named(field)).await;
        assert_eq!(violation(answer), wrong(field, "REQUIRED"));
    }
}

#[sqlx::test(migrations = false)]
async fn a_change_of_nothing_is_no_change(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let work = fixture.task("Work").await;
    fixture.told(1).await;
    for request in [
        patch(&work),
        patch(&work).title("Work"),
        to(&work, TaskStatus::Inbox),
        patch(&work).comment("  "),
    ] {
        assert_eq!(fixture.update(&owner(), request).await.unwrap(), work);
    }
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_change_may_insist_on_a_version(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let work = fixture.task("Work").await;
    let at = |version, title: &str| UpdateTaskRequest {
        expected_version: Some(version),
        ..patch(&work).title(title)
    };
    assert_eq!(
        fixture
            .update(&owner(), at(1, "Mine"))
            .await
            .unwrap()
            .version,
        2
    );
    let refusal = fault(fixture.update(&owner(), at(1, "Late")).await);
    assert_eq!(
        (refusal.code, refusal.reason.as_str()),
        (Code::Conflict, "VERSION_CONFLICT")
    );
    assert_eq!(refusal.facts["current_version"], 2);
    let race = (0..8).map(|n| {
        let request = at(2, &format!("Race {n}"));
        async { fixture.update(&owner(), request).await.is_ok() }
    });
    let won = futures::future::join_all(race)
        .await
        .into_iter()
        .filter(|won| *won)
        .count();
    assert_eq!(won, 1);
}

#[sqlx::test(migrations = false)]
async fn parallel_edits_without_a_version_all_arrive(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let work = fixture.task("Work").await;
    let edits = (0..8).map(|n| {
        let request = patch(&work).title(&format!("Title {n}"));
        async { fixture.update(&owner(), request).await.unwrap().version }
    });
    let mut versions = futures::future::join_all(edits).await;
    versions.sort_unstable();
    assert_eq!(versions, (2..10).collect::<Vec<_>>());
}

#[sqlx::test(migrations = false)]
async fn a_task_is_found_by_its_id_alone_or_on_its_board(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let work = fixture.task("Work").await;
    let get = async |board_id: Option<String>| {
        let request = GetTaskRequest {
            board_id,
            task_id: work.id.clone(),
        };
        fixture
            .tasks(&owner())
            .get_task(request)
            .await
            .map(|answer| answer.into_inner().task)
    };
    assert_eq!(get(None).await.unwrap(), Some(work.clone()));
    assert_eq!(
        get(Some(work.board_id.clone())).await.unwrap(),
        Some(work.clone())
    );
    assert_eq!(
        refused(get(Some(Uuid::nil().to_string())).await),
        says(Code::NotFound, "BOARD_NOT_FOUND")
    );
    let other = fixture
        .create_board(&owner(), crate::request::board("Other"))
        .await
        .unwrap();
    assert_eq!(
        refused(get(Some(other.id)).await),
        says(Code::NotFound, "TASK_NOT_FOUND")
    );
}

#[sqlx::test(migrations = false)]
async fn a_task_that_did_not_change_is_not_sent_again(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let work = fixture.task("Work").await;
    let get = async |tag: &str| {
        let mut request = Request::new(GetTaskRequest {
            board_id: None,
            task_id: work.id.clone(),
        });
        request
            .metadata_mut()
            .insert(conditional::IF_NONE_MATCH, tag.parse().unwrap());
        let answer = fixture.tasks(&owner()).get_task(request).await.unwrap();
        let tag = answer
            .metadata()
            .get(conditional::ETAG)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        (
            tag,
            answer.metadata().contains_key(conditional::NOT_MODIFIED),
        )
    };
    let (tag, _) = get("\"none\"").await;
    assert_eq!(get(&tag).await, (tag.clone(), true));
    fixture
        .update(&owner(), patch(&work).title("Other"))
        .await
        .unwrap();
    assert!(!get(&tag).await.1);
}

#[sqlx::test(migrations = false)]
async fn a_deleted_task_is_gone_once(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let work = fixture.task("Work").await;
    let request = DeleteTaskRequest {
        board_id: None,
        task_id: work.id.clone(),
    };
    assert!(
        fixture
            .tasks(&owner())
            .delete_task(request.clone())
            .await
            .unwrap()
            .into_inner()
            .ok
    );
    let gone = says(Code::NotFound, "TASK_NOT_FOUND");
    assert_eq!(
        refused(fixture.tasks(&owner()).delete_task(request).await),
        gone
    );
    assert_eq!(
        refused(fixture.update(&owner(), patch(&work).title("T")).await),
        gone
    );
    assert_eq!(
        refused(fixture.comment(&owner(), &work, "hello?").await),
        gone
    );
    let (rows, deleted): (i64, i64) =
        sqlx::query_as("select count(*), count(deleted_at) from task")
            .fetch_one(&fixture.pool)
            .await
            .unwrap();
    assert_eq!((rows, deleted), (1, 1));
}
