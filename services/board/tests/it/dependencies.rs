//! Tasks that wait for tasks.

use chassis::Code;
use futures::future::join_all;
use proto::board::v1::{AssignTaskRequest, CreateTaskRequest, DeleteTaskRequest, Task, TaskStatus};
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    callers::{owner, worker_id},
    fixture::{Fixture, fault, refused, says},
    request::{Naming, board, patch, task, to},
};
use TaskStatus::{Done, InProgress, Inbox, Review};

fn blocked() -> (Code, String) {
    says(Code::Conflict, "TASK_BLOCKED_CANNOT_TRANSITION")
}

fn ids(tasks: &[&Task]) -> Vec<String> {
    tasks.iter().map(|task| task.id.clone()).collect()
}

#[sqlx::test(migrations = false)]
async fn edges_keep_their_order_and_lose_repeats(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let (a, b, c) = (
        fixture.task("a").await,
        fixture.task_in(Done).await,
        fixture.task("c").await,
    );
    let request = CreateTaskRequest {
        depends_on_task_ids: ids(&[&c, &b, &a, &c]),
        ..task(fixture.board, "Work")
    };
    let work = fixture.create(&owner(), request).await.unwrap();
    assert_eq!(
        (&work.depends_on_task_ids, work.is_blocked),
        (&ids(&[&c, &b, &a]), true)
    );
    assert_eq!(work.blocked_by_task_ids, ids(&[&c, &a]));
    let replaced = fixture
        .update(&owner(), patch(&work).depends_on(&[&a, &b]))
        .await
        .unwrap();
    assert_eq!(
        (&replaced.depends_on_task_ids, &replaced.blocked_by_task_ids),
        (&ids(&[&a, &b]), &ids(&[&a]))
    );
    let edges: Vec<Uuid> = sqlx::query_scalar(
        "select depends_on_task_id from task_dependency where task_id::text = $1 order by position",
    )
    .bind(&work.id)
    .fetch_all(&fixture.pool)
    .await
    .unwrap();
    assert_eq!(
        edges.iter().map(Uuid::to_string).collect::<Vec<_>>(),
        ids(&[&a, &b])
    );
    let cleared = fixture
        .update(&owner(), patch(&work).depends_on(&[]))
        .await
        .unwrap();
    assert_eq!(
        (cleared.depends_on_task_ids.len(), cleared.is_blocked),
        (0, false)
    );
}

#[sqlx::test(migrations = false)]
async fn bad_edges_are_refused(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let elsewhere: Uuid = fixture
        .create_board(&owner(), board("Other"))
        .await
        .unwrap()
        .id
        .parse()
        .unwrap();
    let foreign = fixture
        .create(&owner(), task(elsewhere, "foreign"))
        .await
        .unwrap();
    let (a, b, c) = (
        fixture.task("a").await,
        fixture.task("b").await,
        fixture.task("c").await,
    );
    let own = fixture
        .update(&owner(), patch(&a).depends_on(&[&b, &a]))
        .await;
    assert_eq!(refused(own), says(Code::Invalid, "TASK_SELF_DEPENDENCY"));
    let ghost = Task {
        id: Uuid::nil().to_string(),
        ..a.clone()
    };
    let refusal = fault(
        fixture
            .update(&owner(), patch(&a).depends_on(&[&ghost, &b, &foreign]))
            .await,
    );
    assert_eq!(
        (refusal.code, refusal.reason.as_str()),
        (Code::NotFound, "DEPENDENCY_TASKS_NOT_FOUND")
    );
    assert_eq!(
        refusal.facts["missing_task_ids"],
        json!([ghost.id, foreign.id])
    );
    fixture
        .update(&owner(), patch(&a).depends_on(&[&b]))
        .await
        .unwrap();
    fixture
        .update(&owner(), patch(&b).depends_on(&[&c]))
        .await
        .unwrap();
    let circle = fixture.update(&owner(), patch(&c).depends_on(&[&a])).await;
    assert_eq!(refused(circle), says(Code::Conflict, "DEPENDENCY_CYCLE"));
    let done = fixture.task_in(Done).await;
    for edges in [vec![], vec![&c]] {
        let answer = fixture
            .update(&owner(), patch(&done).depends_on(&edges))
            .await;
        assert_eq!(
            refused(answer),
            says(Code::Conflict, "DEPENDENCIES_LOCKED_WHEN_DONE")
        );
    }
}

#[sqlx::test(migrations = false)]
async fn of_two_edges_that_close_a_circle_one_is_refused(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    for round in 0..20 {
        let ring = [
            fixture.task(&format!("a{round}")).await,
            fixture.task("b").await,
            fixture.task("c").await,
        ];
        let edges = (0..3).map(|n| {
            let request = patch(&ring[n]).depends_on(&[&ring[(n + 1) % 3]]);
            async { fixture.update(&owner(), request).await }
        });
        let answers = join_all(edges).await;
        let (made, refusals): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!((made.len(), refusals.len()), (2, 1));
        assert_eq!(
            refused(refusals.into_iter().next().unwrap()),
            says(Code::Conflict, "DEPENDENCY_CYCLE")
        );
    }
}

#[sqlx::test(migrations = false)]
async fn a_task_that_waits_stays_in_the_inbox_for_everybody(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let open = fixture.task("Open").await;
    let request = CreateTaskRequest {
        depends_on_task_ids: ids(&[&open]),
        ..task(fixture.board, "Work")
    };
    let work = fixture.create(&owner(), request.clone()).await.unwrap();
    for caller in [owner(), fixture.worker(0)] {
        for status in [InProgress, Review, Done] {
            let refusal = fault(fixture.update(&caller, to(&work, status)).await);
            assert_eq!((refusal.code, refusal.reason.clone()), blocked());
            assert_eq!(refusal.facts["blocked_by_task_ids"], json!([open.id]));
        }
    }
    let by_lead = to(&work, InProgress).assignee(Some(worker_id(0)));
    assert_eq!(
        refused(fixture.update(&fixture.lead(), by_lead).await),
        blocked()
    );
    assert_eq!(
        refused(
            fixture
                .update(&owner(), patch(&work).assignee(Some(worker_id(0))))
                .await
        ),
        blocked()
    );
    let assign = AssignTaskRequest {
        task_id: work.id.clone(),
        agent_id: worker_id(0).to_string(),
    };
    assert_eq!(
        refused(fixture.tasks(&owner()).assign_task(assign).await),
        blocked()
    );
    for born in [
        CreateTaskRequest {
            assigned_agent_id: Some(worker_id(0).to_string()),
            ..request.clone()
        },
        CreateTaskRequest {
            assigned_agent_id: Some(worker_id(0).to_string()),
            status: InProgress.into(),
            ..request.clone()
        },
    ] {
        assert_eq!(refused(fixture.create(&owner(), born).await), blocked());
    }
    assert_eq!(fixture.now(&work).await, work);
    // What does not move it passes, for whom it is allowed.
    fixture
        .update(
            &owner(),
            to(&work, Inbox).assignee(None).title("Still waiting"),
        )
        .await
        .unwrap();
    fixture
        .update(&fixture.worker(0), to(&work, Inbox).comment("when?"))
        .await
        .unwrap();
    fixture
        .update(&fixture.lead(), patch(&work).depends_on(&[&open]))
        .await
        .unwrap();
}

#[sqlx::test(migrations = false)]
async fn an_open_dependency_stops_work_whoever_adds_it(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let open = fixture.task("Open").await;
    for caller in [owner(), fixture.lead()] {
        for status in [InProgress, Review] {
            let work = fixture.task("Work").await;
            fixture
                .update(&fixture.worker(0), to(&work, InProgress))
                .await
                .unwrap();
            fixture.update(&owner(), to(&work, status)).await.unwrap();
            let waiting = fixture
                .update(&caller, patch(&work).depends_on(&[&open]))
                .await
                .unwrap();
            assert_eq!(
                (waiting.status(), waiting.assigned_agent_id.as_ref()),
                (Inbox, None)
            );
            assert_eq!(
                (waiting.in_progress_at, waiting.blocked_by_task_ids.clone()),
                (None, ids(&[&open]))
            );
            assert_eq!(fixture.now(&work).await, waiting);
        }
    }
    let assigned = fixture.task("Assigned").await;
    fixture
        .update(&owner(), patch(&assigned).assignee(Some(worker_id(0))))
        .await
        .unwrap();
    let waiting = fixture
        .update(&owner(), patch(&assigned).depends_on(&[&open]))
        .await
        .unwrap();
    assert_eq!(waiting.assigned_agent_id, None);
}

#[sqlx::test(migrations = false)]
async fn closing_frees_and_reopening_stops_what_depends(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let (a, b, c, d) = (
        fixture.task("a").await,
        fixture.task("b").await,
        fixture.task("c").await,
        fixture.task("d").await,
    );
    fixture
        .update(&owner(), patch(&b).depends_on(&[&a]))
        .await
        .unwrap();
    fixture
        .update(&owner(), patch(&c).depends_on(&[&b]))
        .await
        .unwrap();
    fixture
        .update(&owner(), patch(&d).depends_on(&[&a]))
        .await
        .unwrap();
    fixture.update(&owner(), to(&a, Done)).await.unwrap();
    assert_eq!(fixture.now(&b).await.blocked_by_task_ids, ids(&[]));
    fixture.update(&owner(), to(&b, Done)).await.unwrap();
    fixture
        .update(&fixture.worker(0), to(&c, InProgress))
        .await
        .unwrap();
    fixture
        .update(&owner(), patch(&d).assignee(Some(worker_id(1))))
        .await
        .unwrap();

    fixture.update(&owner(), to(&a, InProgress)).await.unwrap();
    let (b_now, c_now, d_now) = (
        fixture.now(&b).await,
        fixture.now(&c).await,
        fixture.now(&d).await,
    );
    assert_eq!((b_now.status(), b_now.is_blocked), (Done, false));
    assert_eq!(
        (
            c_now.status(),
            c_now.assigned_agent_id.as_ref(),
            c_now.is_blocked
        ),
        (Inbox, None, false)
    );
    assert_eq!(
        (d_now.status(), d_now.assigned_agent_id.as_ref()),
        (Inbox, None)
    );
    assert_eq!(d_now.blocked_by_task_ids, ids(&[&a]));
    // What was done may be undone only into the inbox while it would wait.
    assert_eq!(
        refused(fixture.update(&owner(), to(&b, InProgress)).await),
        blocked()
    );
    let b_now = fixture.update(&owner(), to(&b, Inbox)).await.unwrap();
    assert_eq!(b_now.blocked_by_task_ids, ids(&[&a]));
    assert_eq!(fixture.now(&c).await.blocked_by_task_ids, ids(&[&b]));
}

#[sqlx::test(migrations = false)]
async fn deleting_a_dependency_frees_what_waits(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let (a, b) = (fixture.task("a").await, fixture.task("b").await);
    let work = fixture.task("Work").await;
    fixture
        .update(&owner(), patch(&work).depends_on(&[&a, &b]))
        .await
        .unwrap();
    for (gone, left) in [(&a, ids(&[&b])), (&b, ids(&[]))] {
        let request = DeleteTaskRequest {
            board_id: None,
            task_id: gone.id.clone(),
        };
        fixture
            .tasks(&fixture.lead())
            .delete_task(request)
            .await
            .unwrap();
        let now = fixture.now(&work).await;
        assert_eq!(
            (now.depends_on_task_ids, now.blocked_by_task_ids),
            (left.clone(), left)
        );
    }
    fixture
        .update(&fixture.worker(0), to(&work, InProgress))
        .await
        .unwrap();
}

#[sqlx::test(migrations = false)]
async fn a_task_that_closes_while_another_begins_to_wait_leaves_no_ghost(pool: PgPool) {
    let (fixture, ada) = (Fixture::start(pool).await, owner());
    for _ in 0..10 {
        let (a, b) = (fixture.task("a").await, fixture.task("b").await);
        let close = fixture.update(&ada, to(&a, Done));
        let wait = fixture.update(&ada, patch(&b).depends_on(&[&a]));
        let (closed, waiting) = futures::future::join(close, wait).await;
        closed.unwrap();
        waiting.unwrap();
        assert_eq!(fixture.now(&b).await.blocked_by_task_ids, ids(&[]));
    }
}
