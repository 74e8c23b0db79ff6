//! The rules of a board as its tasks meet them.

use chassis::Code;
use proto::board::v1::{CreateBoardRequest, Task, TaskStatus, UpdateBoardRequest};
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    callers::{owner, worker_id},
    fixture::{Fixture, fault, refused, says},
    request::{Naming, board_patch, patch, to},
};
use TaskStatus::{Done, InProgress, Inbox, Review};

impl Fixture {
    async fn rule(&self, rule: &str) {
        let mut update = board_patch(self.board, &[rule]);
        let field = match rule {
            "require_approval_for_done" => &mut update.require_approval_for_done,
            "require_review_before_done" => &mut update.require_review_before_done,
            "comment_required_for_review" => &mut update.comment_required_for_review,
            "block_status_changes_with_pending_approval" => {
                &mut update.block_status_changes_with_pending_approval
            }
            "only_lead_can_change_status" => &mut update.only_lead_can_change_status,
            other => panic!("{other} is no rule"),
        };
        *field = Some(true);
        self.update_board(&owner(), update).await.unwrap();
    }

    async fn reviewed(&self) -> Task {
        let work = self.task("Work").await;
        self.update(&self.worker(0), to(&work, InProgress))
            .await
            .unwrap();
        self.update(&self.worker(0), to(&work, Review))
            .await
            .unwrap()
    }
}

#[sqlx::test(migrations = false)]
async fn a_task_closes_only_with_an_approval_of_its_cycle(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    fixture.rule("require_approval_for_done").await;
    let work = fixture.reviewed().await;
    let refusal = says(Code::Conflict, "TASK_APPROVAL_REQUIRED");
    for caller in [owner(), fixture.lead()] {
        assert_eq!(
            refused(fixture.update(&caller, to(&work, Done)).await),
            refusal
        );
    }
    fixture.gate.approve(&work.id, 1);
    let done = fixture
        .update(&fixture.lead(), to(&work, Done))
        .await
        .unwrap();
    assert_eq!((done.status(), done.cycle), (Done, 1));
    let reopened = fixture.update(&owner(), to(&work, Review)).await.unwrap();
    assert_eq!(reopened.cycle, 2);
    assert_eq!(
        refused(fixture.update(&owner(), to(&work, Done)).await),
        refusal
    );
    fixture.gate.approve(&work.id, 2);
    fixture.update(&owner(), to(&work, Done)).await.unwrap();
}

#[sqlx::test(migrations = false)]
async fn an_approval_service_that_is_away_is_no_refusal(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    fixture.rule("require_approval_for_done").await;
    let work = fixture.task("Work").await;
    fixture.gate.go_away();
    let answer = fixture.update(&owner(), to(&work, Done)).await;
    assert_eq!(refused(answer), says(Code::Unavailable, "PEER_UNAVAILABLE"));
    // Whoever does not close a task does not need it.
    fixture
        .update(&owner(), to(&work, InProgress).title("T"))
        .await
        .unwrap();
}

#[sqlx::test(migrations = false)]
async fn a_task_closes_only_out_of_review(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    fixture.rule("require_review_before_done").await;
    let work = fixture.task("Work").await;
    fixture
        .update(&fixture.worker(0), to(&work, InProgress))
        .await
        .unwrap();
    for caller in [owner(), fixture.worker(0)] {
        let answer = fixture.update(&caller, to(&work, Done)).await;
        assert_eq!(
            refused(answer),
            says(Code::Conflict, "TASK_REVIEW_REQUIRED")
        );
    }
    fixture
        .update(&fixture.worker(0), to(&work, Review))
        .await
        .unwrap();
    fixture
        .update(&fixture.lead(), to(&work, Done))
        .await
        .unwrap();
}

#[sqlx::test(migrations = false)]
async fn a_pending_approval_holds_a_task_where_it_is(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let work = fixture.reviewed().await;
    let approval = Uuid::from_u128(0xa);
    fixture.gate.pend(&work.id, 1, approval);
    let free = fixture
        .update(&owner(), to(&work, InProgress))
        .await
        .unwrap();
    fixture.update(&owner(), to(&free, Review)).await.unwrap();
    fixture
        .rule("block_status_changes_with_pending_approval")
        .await;
    for (caller, status) in [
        (owner(), Inbox),
        (fixture.lead(), Inbox),
        (fixture.lead(), Done),
        (owner(), InProgress),
    ] {
        let refusal = fault(fixture.update(&caller, to(&work, status)).await);
        assert_eq!(
            (refusal.code, refusal.reason.as_str()),
            (Code::Conflict, "TASK_PENDING_APPROVAL")
        );
        assert_eq!(refusal.facts["approval_id"], json!(approval));
    }
    // What is no change of status passes, and so does what the system does.
    fixture
        .update(&owner(), to(&work, Review).title("T"))
        .await
        .unwrap();
    let open = fixture.task("Open").await;
    let waiting = fixture
        .update(&fixture.lead(), patch(&work).depends_on(&[&open]))
        .await
        .unwrap();
    assert_eq!(waiting.status(), Inbox);
}

#[sqlx::test(migrations = false)]
async fn a_review_wants_a_comment_of_the_mover_or_the_assignee(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    fixture.rule("comment_required_for_review").await;
    let work = fixture.task("Work").await;
    fixture
        .comment(&fixture.worker(1), &work, "not mine")
        .await
        .unwrap();
    fixture
        .update(&fixture.worker(0), to(&work, InProgress))
        .await
        .unwrap();
    let refusal = fault(fixture.update(&fixture.worker(0), to(&work, Review)).await);
    assert_eq!(
        (refusal.code, refusal.reason.as_str()),
        (Code::Invalid, "COMMENT_REQUIRED")
    );
    assert_eq!(refusal.fields[0].field, "comment");
    let blank = fixture
        .update(&owner(), to(&work, Review).comment("  "))
        .await;
    assert_eq!(refused(blank), says(Code::Invalid, "COMMENT_REQUIRED"));

    // The assignee's comment counts, whoever moves the task.
    fixture
        .comment(&fixture.worker(0), &work, "it is done")
        .await
        .unwrap();
    fixture.update(&owner(), to(&work, Review)).await.unwrap();
    fixture.update(&owner(), to(&work, Done)).await.unwrap();
    // In the next cycle nobody has said anything yet.
    let again = fixture.update(&owner(), to(&work, Review)).await;
    assert_eq!(refused(again), says(Code::Invalid, "COMMENT_REQUIRED"));
    fixture
        .update(&owner(), to(&work, Review).comment("once more"))
        .await
        .unwrap();
}

#[sqlx::test(migrations = false)]
async fn where_only_the_lead_moves_workers_do_not(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    fixture.rule("only_lead_can_change_status").await;
    let work = fixture.task("Work").await;
    for status in [Inbox, InProgress, Done] {
        let answer = fixture.update(&fixture.worker(0), to(&work, status)).await;
        assert_eq!(
            refused(answer),
            says(Code::Forbidden, "ONLY_LEAD_CAN_CHANGE_STATUS")
        );
    }
    fixture
        .update(&fixture.worker(0), patch(&work).comment("I would"))
        .await
        .unwrap();
    fixture
        .update(
            &fixture.lead(),
            to(&work, InProgress).assignee(Some(worker_id(0))),
        )
        .await
        .unwrap();
    fixture.update(&owner(), to(&work, Review)).await.unwrap();
    fixture
        .update(&fixture.lead(), to(&work, Done))
        .await
        .unwrap();
}

#[sqlx::test(migrations = false)]
async fn every_board_asks_for_approval_unless_told_otherwise(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let request = CreateBoardRequest {
        require_approval_for_done: None,
        ..crate::request::board("Strict")
    };
    let strict: Uuid = fixture
        .create_board(&owner(), request)
        .await
        .unwrap()
        .id
        .parse()
        .unwrap();
    let work = fixture
        .create(&owner(), crate::request::task(strict, "Work"))
        .await
        .unwrap();
    let refusal = says(Code::Conflict, "TASK_APPROVAL_REQUIRED");
    assert_eq!(
        refused(fixture.update(&owner(), to(&work, Done)).await),
        refusal
    );
    let off = UpdateBoardRequest {
        require_approval_for_done: Some(false),
        ..board_patch(strict, &["require_approval_for_done"])
    };
    fixture.update_board(&owner(), off).await.unwrap();
    fixture.update(&owner(), to(&work, Done)).await.unwrap();
}
