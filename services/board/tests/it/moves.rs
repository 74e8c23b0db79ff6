//! Moving tasks: people, workers, the lead.

use chassis::Code;
use chrono::TimeDelta;
use proto::board::v1::{Task, TaskStatus, UpdateTaskRequest};
use serde_json::json;
use sqlx::PgPool;

use crate::{
    callers::{LEAD, owner, worker_id},
    fixture::{Fixture, fault, refused, says},
    request::{Naming, patch, to},
};
use TaskStatus::{Done, InProgress, Inbox, Review};

fn assignee(task: &Task) -> Option<&str> {
    task.assigned_agent_id.as_deref()
}

#[sqlx::test(migrations = false)]
async fn a_person_moves_a_task_anywhere(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let work = fixture.task("Work").await;
    for status in [
        InProgress, Review, Inbox, Review, InProgress, Done, Review, Done, Inbox, Done, InProgress,
        Inbox,
    ] {
        let moved = fixture.update(&owner(), to(&work, status)).await.unwrap();
        assert_eq!(
            (moved.status(), moved.in_progress_at.is_some()),
            (status, status == InProgress)
        );
    }
    assert_eq!(fixture.now(&work).await.cycle, 4);
}

#[sqlx::test(migrations = false)]
async fn work_begins_once_and_review_belongs_to_the_lead(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let work = fixture.task("Work").await;
    fixture.clock.advance(TimeDelta::seconds(5));
    let claimed = fixture
        .update(&fixture.worker(0), to(&work, InProgress))
        .await
        .unwrap();
    assert_eq!(assignee(&claimed), Some(worker_id(0).to_string().as_str()));
    assert_eq!(claimed.in_progress_at, claimed.updated_at);
    fixture.clock.advance(TimeDelta::seconds(5));
    // The same status again restarts nothing, for anybody.
    for caller in [fixture.worker(0), owner()] {
        assert_eq!(
            fixture
                .update(&caller, to(&work, InProgress))
                .await
                .unwrap(),
            claimed
        );
    }
    let reviewed = fixture
        .update(&fixture.worker(0), to(&work, Review))
        .await
        .unwrap();
    assert_eq!(
        (assignee(&reviewed), reviewed.in_progress_at),
        (Some(LEAD.to_string().as_str()), None)
    );
    // A comment alone changes nothing about it; a repeated status does not take it from the lead.
    let commented = fixture
        .update(&fixture.worker(0), patch(&work).comment("please look"))
        .await
        .unwrap();
    assert_eq!(commented, reviewed);
    assert_eq!(
        fixture.update(&owner(), to(&work, Review)).await.unwrap(),
        reviewed
    );
    // The worker cannot move it any longer.
    let back = fixture.update(&fixture.worker(0), to(&work, Inbox)).await;
    assert_eq!(
        refused(back),
        says(Code::Forbidden, "TASK_ASSIGNEE_MISMATCH")
    );
}

#[sqlx::test(migrations = false)]
async fn the_lead_sends_work_back_to_the_worker_that_did_it(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let work = fixture.task("Work").await;
    fixture
        .update(&fixture.worker(1), to(&work, InProgress))
        .await
        .unwrap();
    fixture
        .update(&fixture.worker(1), to(&work, Review))
        .await
        .unwrap();
    let overridden = to(&work, Inbox).assignee(Some(worker_id(0)));
    let back = fixture.update(&fixture.lead(), overridden).await.unwrap();
    assert_eq!(
        (back.status(), assignee(&back)),
        (Inbox, Some(worker_id(1).to_string().as_str()))
    );

    fixture
        .update(&fixture.worker(1), to(&work, InProgress))
        .await
        .unwrap();
    fixture
        .update(&fixture.worker(1), to(&work, Review))
        .await
        .unwrap();
    fixture.agents.remove(worker_id(1));
    let back = fixture
        .update(&fixture.lead(), to(&work, Inbox))
        .await
        .unwrap();
    assert_eq!((back.status(), assignee(&back)), (Inbox, None));
}

#[sqlx::test(migrations = false)]
async fn the_lead_starts_inbox_tasks_by_assigning_and_ends_reviews(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let lead = fixture.lead();
    let work = fixture.task("Work").await;
    let early = says(Code::Forbidden, "LEAD_STATUS_REQUIRES_REVIEW");
    for status in [Inbox, InProgress, Review, Done] {
        assert_eq!(
            refused(fixture.update(&lead, to(&work, status)).await),
            early
        );
    }
    let started = fixture
        .update(&lead, to(&work, InProgress).assignee(Some(worker_id(0))))
        .await
        .unwrap();
    assert_eq!(
        (started.status(), started.in_progress_at),
        (InProgress, started.updated_at)
    );
    for status in [Inbox, InProgress, Review, Done] {
        assert_eq!(
            refused(
                fixture
                    .update(&lead, to(&work, status).assignee(Some(worker_id(0))))
                    .await
            ),
            early
        );
    }
    fixture
        .update(&fixture.worker(0), to(&work, Review))
        .await
        .unwrap();
    for status in [InProgress, Review] {
        let answer = fixture.update(&lead, to(&work, status)).await;
        assert_eq!(
            refused(answer),
            says(Code::Forbidden, "LEAD_TARGET_FORBIDDEN")
        );
    }
    let done = fixture.update(&lead, to(&work, Done)).await.unwrap();
    assert_eq!(
        (done.status(), assignee(&done)),
        (Done, Some(LEAD.to_string().as_str()))
    );
    for status in [Inbox, InProgress, Review, Done] {
        assert_eq!(
            refused(fixture.update(&lead, to(&work, status)).await),
            early
        );
    }
}

#[sqlx::test(migrations = false)]
async fn the_lead_plans_and_does_not_write(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let work = fixture.task("Work").await;
    let comment = fixture
        .update(&fixture.lead(), patch(&work).comment("hm"))
        .await;
    assert_eq!(
        refused(comment),
        says(Code::Forbidden, "LEAD_COMMENT_IN_PATCH")
    );
    let fields = patch(&work).title("T").named("priority").named("due_at");
    let fields = UpdateTaskRequest {
        priority: 1,
        ..fields
    };
    let refusal = fault(fixture.update(&fixture.lead(), fields).await);
    assert_eq!(
        (refusal.code, refusal.reason.as_str()),
        (Code::Forbidden, "LEAD_FIELD_FORBIDDEN")
    );
    assert_eq!(
        refusal.facts["fields"],
        json!(["title", "priority", "due_at"])
    );
    let assigned = fixture
        .update(&fixture.lead(), patch(&work).assignee(Some(worker_id(0))))
        .await
        .unwrap();
    assert_eq!(assignee(&assigned), Some(worker_id(0).to_string().as_str()));
    let cleared = fixture
        .update(&fixture.lead(), patch(&work).assignee(None))
        .await
        .unwrap();
    assert_eq!(assignee(&cleared), None);
}

#[sqlx::test(migrations = false)]
async fn a_worker_moves_its_own_and_says_little_else(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let work = fixture.task_in(InProgress).await;
    fixture
        .update(&owner(), patch(&work).assignee(Some(worker_id(1))))
        .await
        .unwrap();
    for status in [Inbox, Review, Done] {
        let answer = fixture.update(&fixture.worker(0), to(&work, status)).await;
        assert_eq!(
            refused(answer),
            says(Code::Forbidden, "TASK_ASSIGNEE_MISMATCH")
        );
    }
    let fields = patch(&work)
        .title("T")
        .assignee(Some(worker_id(0)))
        .depends_on(&[])
        .comment("c");
    let refusal = fault(fixture.update(&fixture.worker(1), fields).await);
    assert_eq!(
        (refusal.code, refusal.reason.as_str()),
        (Code::Forbidden, "TASK_UPDATE_FIELD_FORBIDDEN")
    );
    assert_eq!(
        refusal.facts["fields"],
        json!(["title", "assigned_agent_id", "depends_on_task_ids"])
    );

    let given_up = fixture
        .update(&fixture.worker(1), to(&work, Inbox))
        .await
        .unwrap();
    assert_eq!(assignee(&given_up), None);
    let done = fixture
        .update(&fixture.worker(1), to(&work, Done))
        .await
        .unwrap();
    assert_eq!(assignee(&done), Some(worker_id(1).to_string().as_str()));
    for status in [Inbox, InProgress, Review] {
        let answer = fixture.update(&fixture.worker(1), to(&work, status)).await;
        assert_eq!(
            refused(answer),
            says(Code::Forbidden, "TASK_REOPEN_FORBIDDEN")
        );
    }
    assert_eq!(
        fixture
            .update(&fixture.worker(1), to(&work, Done))
            .await
            .unwrap(),
        done
    );
}

#[sqlx::test(migrations = false)]
async fn without_a_lead_a_review_is_nobodys(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    fixture.agents.remove(LEAD);
    let work = fixture.task("Work").await;
    fixture
        .update(&fixture.worker(0), to(&work, InProgress))
        .await
        .unwrap();
    let reviewed = fixture
        .update(&fixture.worker(0), to(&work, Review))
        .await
        .unwrap();
    assert_eq!(assignee(&reviewed), None);
    let named = fixture.task("Named").await;
    let reviewed = fixture
        .update(&owner(), to(&named, Review).assignee(Some(worker_id(1))))
        .await
        .unwrap();
    assert_eq!(assignee(&reviewed), Some(worker_id(1).to_string().as_str()));
}
