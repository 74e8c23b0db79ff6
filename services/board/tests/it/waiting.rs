//! Dependencies that are added and taken away, chains of any length, and what a reopened one leaves behind.

use std::time::{Duration, Instant};

use chassis::Code;
use futures::future::join;
use proto::{
    board::v1::{DeleteTaskRequest, Task, TaskStatus},
    event::v1::event::Payload,
};
use sqlx::PgPool;

use crate::{
    bulk,
    callers::{owner, worker_id},
    fixture::{Fixture, fault, refused, says},
    request::{Naming, patch, to},
    shelf::Labelling,
};
use TaskStatus::{Done, InProgress, Inbox};

fn ids(tasks: &[&Task]) -> Vec<String> {
    tasks.iter().map(|task| task.id.clone()).collect()
}

fn circle() -> (Code, String) {
    says(Code::Conflict, "DEPENDENCY_CYCLE")
}

#[sqlx::test(migrations = false)]
async fn dependencies_are_added_and_taken_away(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let (a, b, work) = (
        fixture.task("a").await,
        fixture.task_in(Done).await,
        fixture.task("Work").await,
    );
    for caller in [owner(), fixture.lead()] {
        let added = patch(&work).adds_dependencies(&[&a, &b]);
        let added = fixture.update(&caller, added).await.unwrap();
        assert_eq!(
            (&added.depends_on_task_ids, &added.blocked_by_task_ids),
            (&ids(&[&a, &b]), &ids(&[&a]))
        );
        let same = fixture
            .update(&caller, patch(&work).adds_dependencies(&[&b]))
            .await
            .unwrap();
        assert_eq!(same, added);
        let taken = patch(&work).removes_dependencies(&[&a, &work]);
        let taken = fixture.update(&caller, taken).await.unwrap();
        assert_eq!(
            (&taken.depends_on_task_ids, taken.is_blocked),
            (&ids(&[&b]), false)
        );
        fixture
            .update(&caller, patch(&work).removes_dependencies(&[&b]))
            .await
            .unwrap();
    }
    let refusal = fault(
        fixture
            .update(&fixture.worker(0), patch(&work).adds_dependencies(&[]))
            .await,
    );
    assert_eq!(
        refusal.facts["fields"],
        serde_json::json!(["depends_on_task_ids"])
    );
    let own = fixture
        .update(&owner(), patch(&work).adds_dependencies(&[&work]))
        .await;
    assert_eq!(refused(own), says(Code::Invalid, "TASK_SELF_DEPENDENCY"));
    let ghost = Task {
        id: uuid::Uuid::nil().to_string(),
        ..a.clone()
    };
    let missing = fault(
        fixture
            .update(&owner(), patch(&work).adds_dependencies(&[&ghost]))
            .await,
    );
    assert_eq!(
        missing.facts["missing_task_ids"],
        serde_json::json!([ghost.id])
    );
    fixture
        .update(&owner(), patch(&work).adds_dependencies(&[&a]))
        .await
        .unwrap();
    assert_eq!(
        refused(
            fixture
                .update(&owner(), patch(&a).adds_dependencies(&[&work]))
                .await
        ),
        circle()
    );
    let locked = fixture
        .update(&owner(), patch(&b).removes_dependencies(&[]))
        .await;
    assert_eq!(
        refused(locked),
        says(Code::Conflict, "DEPENDENCIES_LOCKED_WHEN_DONE")
    );
}

#[sqlx::test(migrations = false)]
async fn of_two_edges_that_cross_one_is_refused(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    for round in 0..30 {
        let (a, b) = (
            fixture.task(&format!("a{round}")).await,
            fixture.task("b").await,
        );
        let (ada, lead) = (owner(), fixture.lead());
        let (there, back) = join(
            fixture.update(&ada, patch(&a).adds_dependencies(&[&b])),
            fixture.update(&lead, patch(&b).depends_on(&[&a])),
        )
        .await;
        assert_ne!(there.is_ok(), back.is_ok());
        assert_eq!(refused(if there.is_err() { there } else { back }), circle());
        let edges: i64 = sqlx::query_scalar(
            "select count(*) from task_dependency where task_id::text = any ($1)",
        )
        .bind(ids(&[&a, &b]))
        .fetch_one(&fixture.pool)
        .await
        .unwrap();
        assert_eq!(edges, 1);
    }
}

#[sqlx::test(migrations = false)]
async fn a_chain_of_five_thousand_is_a_chain(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let head = fixture.task_in(Done).await;
    let last = bulk::chain(&fixture.pool, head.id.parse().unwrap(), 5_000).await;
    let last = fixture
        .now(&Task {
            id: last.to_string(),
            ..head.clone()
        })
        .await;
    let began = Instant::now();
    let fresh = fixture.task("Fresh").await;
    let longer = fixture
        .update(&owner(), patch(&last).adds_dependencies(&[&fresh]))
        .await
        .unwrap();
    assert_eq!(longer.depends_on_task_ids.len(), 2);
    assert_eq!(
        refused(
            fixture
                .update(&owner(), patch(&fresh).depends_on(&[&last]))
                .await
        ),
        circle()
    );
    let middle: String = sqlx::query_scalar("select id::text from task where title = 'Link 2500'")
        .fetch_one(&fixture.pool)
        .await
        .unwrap();
    let middle = Task {
        id: middle,
        ..head.clone()
    };
    assert_eq!(
        refused(
            fixture
                .update(&owner(), patch(&middle).adds_dependencies(&[&last]))
                .await
        ),
        circle()
    );
    // Reopening the head looks along the whole chain for work, and finds what there is.
    let worked = sqlx::query(
        "update task set status = 'in_progress', in_progress_at = now(), started_at = now() where title = 'Link 4999'",
    );
    worked.execute(&fixture.pool).await.unwrap();
    fixture.update(&owner(), to(&head, Inbox)).await.unwrap();
    let stopped: i64 = sqlx::query_scalar("select count(*) from task where status = 'in_progress'")
        .fetch_one(&fixture.pool)
        .await
        .unwrap();
    assert_eq!(stopped, 0);
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
}

#[sqlx::test(migrations = false)]
async fn what_was_done_on_a_reopened_task_is_stale_until_that_is_done_again(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let (a, b) = (fixture.task_in(Done).await, fixture.task_in(Done).await);
    let work = fixture.task("Work").await;
    fixture
        .update(&owner(), patch(&work).depends_on(&[&a, &b]))
        .await
        .unwrap();
    let done = fixture.update(&owner(), to(&work, Done)).await.unwrap();
    fixture.told(7).await;

    let stale = async |reopened: &[&Task]| {
        let now = fixture.now(&work).await;
        assert_eq!(
            (now.status(), &now.stale_by_task_ids),
            (Done, &ids(reopened))
        );
        assert!(!now.is_blocked && now.blocked_by_task_ids.is_empty());
        now
    };
    fixture.update(&owner(), to(&b, Inbox)).await.unwrap();
    stale(&[&b]).await;
    fixture.update(&owner(), to(&a, InProgress)).await.unwrap();
    let now = stale(&[&a, &b]).await;
    assert_eq!((now.version, now.cycle), (done.version + 2, 1));
    fixture.update(&owner(), to(&b, Done)).await.unwrap();
    stale(&[&a]).await;
    let told = fixture.told(6).await;
    let Some(Payload::TaskUpdated(updated)) = &told[1].payload else {
        panic!("{told:?}")
    };
    assert_eq!(updated.changed_fields, ["stale_by_task_ids"]);
    assert_eq!(updated.task.as_ref().unwrap().id, work.id);

    // Taken up again it waits like any other.
    let reopened = fixture.update(&owner(), to(&work, Inbox)).await.unwrap();
    assert_eq!(
        (&reopened.stale_by_task_ids, &reopened.blocked_by_task_ids),
        (&ids(&[]), &ids(&[&a]))
    );
    fixture.update(&owner(), to(&a, Done)).await.unwrap();
    fixture.update(&owner(), to(&work, Done)).await.unwrap();
    fixture.update(&owner(), to(&a, Inbox)).await.unwrap();
    let gone = DeleteTaskRequest {
        board_id: None,
        task_id: a.id.clone(),
    };
    fixture.tasks(&owner()).delete_task(gone).await.unwrap();
    let now = fixture.now(&work).await;
    assert_eq!(
        (now.stale_by_task_ids, now.depends_on_task_ids),
        (ids(&[]), ids(&[&b]))
    );
    fixture.told(8).await;
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn the_tasks_of_an_agent_that_is_gone_are_nobodys(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let alice = Some(worker_id(0));
    let (inbox, working, done) = (
        fixture.task("Inbox").await,
        fixture.task("Work").await,
        fixture.task("Done").await,
    );
    let bobs = fixture.task("Bob's").await;
    fixture
        .update(&owner(), patch(&inbox).assignee(alice))
        .await
        .unwrap();
    fixture
        .update(&fixture.worker(0), to(&working, InProgress))
        .await
        .unwrap();
    fixture
        .update(&fixture.worker(0), to(&done, Done))
        .await
        .unwrap();
    let bobs = fixture
        .update(&fixture.worker(1), to(&bobs, InProgress))
        .await
        .unwrap();
    fixture.told(8).await;

    let agent = proto::agent::v1::Agent {
        id: worker_id(0).to_string(),
        ..proto::agent::v1::Agent::default()
    };
    let gone = || {
        Payload::AgentDeleted(proto::event::v1::AgentDeleted {
            agent: Some(agent.clone()),
        })
    };
    fixture.elsewhere(gone()).await;
    let told = fixture.told(4).await;
    let kinds: Vec<&str> = told.iter().map(|event| event.r#type.as_str()).collect();
    assert_eq!(
        kinds,
        [
            "agent.deleted",
            "task.updated",
            "task.status_changed",
            "task.updated"
        ]
    );
    let Some(Payload::TaskStatusChanged(moved)) = &told[2].payload else {
        panic!("{told:?}")
    };
    assert_eq!(
        (moved.cause.as_deref(), moved.previous_assignee_id.clone()),
        (Some("assignee_deleted"), alice.map(|id| id.to_string()))
    );
    for (task, status) in [(&inbox, Inbox), (&working, Inbox), (&done, Done)] {
        let now = fixture.now(task).await;
        assert_eq!(
            (now.status(), now.assigned_agent_id, now.in_progress_at),
            (status, None, None)
        );
    }
    assert_eq!(fixture.now(&bobs).await, bobs);
    fixture.elsewhere(gone()).await;
    assert_eq!(fixture.told(1).await[0].r#type, "agent.deleted");
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn the_tasks_of_an_agent_that_goes_or_moves_away_are_free(pool: PgPool) {
    use proto::event::v1::{AgentRetiring, AgentUnlinked, AgentUpdated};
    let mut fixture = Fixture::start(pool).await;
    let agent = proto::agent::v1::Agent {
        id: worker_id(0).to_string(),
        ..proto::agent::v1::Agent::default()
    };
    let moved = |from: Option<String>| {
        Payload::AgentUpdated(AgentUpdated {
            agent: Some(agent.clone()),
            changed_fields: vec!["board_id".to_owned()],
            from_board_id: from,
        })
    };
    let leaving = [
        (
            Payload::AgentRetiring(AgentRetiring {
                agent: Some(agent.clone()),
            }),
            "assignee_deleted",
        ),
        (
            Payload::AgentUnlinked(AgentUnlinked {
                agent: Some(agent.clone()),
            }),
            "assignee_deleted",
        ),
        (moved(Some(fixture.board.to_string())), "assignee_moved"),
    ];
    for (leaving, cause) in leaving {
        let task = fixture.task("Work").await;
        let task = fixture
            .update(&owner(), patch(&task).assignee(Some(worker_id(0))))
            .await
            .unwrap();
        let task = fixture
            .update(&fixture.worker(0), to(&task, InProgress))
            .await
            .unwrap();
        // A change that is no move, and a move from elsewhere, free nothing here.
        fixture.elsewhere(moved(None)).await;
        let elsewhere = uuid::Uuid::from_u128(5).to_string();
        fixture.elsewhere(moved(Some(elsewhere))).await;
        fixture.elsewhere(leaving).await;
        let told = fixture.told(7).await;
        let kinds: Vec<&str> = told.iter().map(|event| event.r#type.as_str()).collect();
        assert_eq!(kinds[3..5], ["agent.updated"; 2]);
        assert!(kinds[5].starts_with("agent."), "{kinds:?}");
        let Some(Payload::TaskStatusChanged(change)) = &told[6].payload else {
            panic!("{kinds:?}")
        };
        assert_eq!(change.cause.as_deref(), Some(cause));
        let freed = fixture.now(&task).await;
        assert_eq!(freed.assigned_agent_id, None);
        assert_eq!((freed.status(), freed.in_progress_at), (Inbox, None));
    }
    fixture.stop().await;
}
