use chassis::{Caller, Code, encode};
use chrono::TimeDelta;
use futures::future::join_all;
use prost_types::FieldMask;
use proto::{
    approval::v1::{Approval, ApprovalStatus, ApprovalVote, ResolveApprovalRequest},
    event::v1::{ApprovalResolved, event::Payload},
};
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    boards::{BOARD, OTHER_BOARD, task},
    fixture::{
        Fixture, agent, asking, counted, fault, member, owner, resolving, start_of_time, violation,
    },
};

const APPROVED: ApprovalStatus = ApprovalStatus::Approved;
const REJECTED: ApprovalStatus = ApprovalStatus::Rejected;

#[sqlx::test(migrations = false)]
async fn a_person_decides_and_the_decision_says_who_when_and_why(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let asked = it
        .create(&agent(Some(BOARD), true), asking(&[1, 2]))
        .await
        .unwrap();
    it.clock.advance(TimeDelta::minutes(5));
    let decided = it
        .resolve(&member(true), &asked.id, APPROVED, Some("  well done "))
        .await
        .unwrap();
    assert_eq!(
        decided,
        Approval {
            status: APPROVED.into(),
            resolved_at: Some(encode::time(start_of_time() + TimeDelta::minutes(5))),
            resolved_by_user_id: Some(Uuid::from_u128(0xbe4).to_string()),
            resolved_by_name: Some("Ben".into()),
            note: Some("well done".into()),
            version: 2,
            approvals: vec![ApprovalVote {
                user_id: Some(Uuid::from_u128(0xbe4).to_string()),
                user_name: "Ben".into(),
                note: Some("well done".into()),
                at: Some(encode::time(start_of_time() + TimeDelta::minutes(5))),
            }],
            ..asked.clone()
        }
    );
    let event = it.told(2).await.remove(1);
    assert_eq!(event.r#type, "approval.resolved");
    assert_eq!(
        (event.task_id, event.agent_id),
        (asked.task_id, asked.agent_id)
    );
    assert_eq!(event.actor.unwrap().name, "Ben");
    assert_eq!(event.occurred_at, decided.resolved_at);
    let told = ApprovalResolved {
        approval: Some(decided),
        pending_approvals_count: 0,
        task_counts: counted(&[1, 2], 0),
    };
    assert_eq!(event.payload, Some(Payload::ApprovalResolved(told)));
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn the_same_decision_again_changes_nothing_and_another_is_refused(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let asked = it.create(&owner(), asking(&[1])).await.unwrap();
    let first = it
        .resolve(&owner(), &asked.id, REJECTED, Some("no"))
        .await
        .unwrap();
    it.clock.advance(TimeDelta::hours(1));
    let again = it
        .resolve(&member(true), &asked.id, REJECTED, Some("never"))
        .await
        .unwrap();
    assert_eq!(again, first);
    let fault = fault(it.resolve(&owner(), &asked.id, APPROVED, None).await);
    assert_eq!(
        (fault.code, fault.reason.as_str()),
        (Code::Conflict, "APPROVAL_RESOLVED")
    );
    assert_eq!(fault.facts["status"], json!("rejected"));
    assert!(!it.gate(task(1), 1).await.approved);
    it.told(2).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn of_simultaneous_decisions_the_first_stands(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    for round in 0..30 {
        let asked = it.create(&owner(), asking(&[1])).await.unwrap();
        let deciders = [owner(), member(true)];
        let attempts = (0..6).map(|n| {
            let decision = if (n + round) % 2 == 0 {
                APPROVED
            } else {
                REJECTED
            };
            it.resolve(&deciders[n % 2], &asked.id, decision, None)
        });
        let (agreed, refused): (Vec<_>, Vec<_>) = join_all(attempts)
            .await
            .into_iter()
            .partition(Result::is_ok);
        assert_eq!((agreed.len(), refused.len()), (3, 3), "round {round}");
        let agreed: Vec<_> = agreed.into_iter().map(Result::unwrap).collect();
        assert!(
            agreed.iter().all(|decided| decided == &agreed[0]),
            "round {round}"
        );
        for refusal in refused {
            assert_eq!(fault(refusal).reason, "APPROVAL_RESOLVED");
        }
        let types: Vec<_> = it
            .told(2)
            .await
            .into_iter()
            .map(|event| event.r#type)
            .collect();
        assert_eq!(
            types,
            ["approval.created", "approval.resolved"],
            "round {round}"
        );
    }
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn agents_never_decide(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let asked = it.create(&owner(), asking(&[1])).await.unwrap();
    for who in [
        agent(Some(BOARD), true),
        agent(Some(BOARD), false),
        agent(None, false),
    ] {
        let fault = fault(it.resolve(&who, &asked.id, APPROVED, None).await);
        assert_eq!(fault.code, Code::Forbidden);
    }
    let internal = Caller::Internal {
        service: "board".into(),
    };
    assert_eq!(
        fault(it.resolve(&internal, &asked.id, APPROVED, None).await).code,
        Code::Forbidden
    );
    it.told(1).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_decision_is_approved_or_rejected(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let asked = it.create(&owner(), asking(&[])).await.unwrap();
    let request = |mask: Option<&[&str]>, status: i32, note: Option<&str>| ResolveApprovalRequest {
        update_mask: mask.map(|paths| FieldMask {
            paths: paths.iter().map(|&path| path.to_owned()).collect(),
        }),
        status,
        note: note.map(str::to_owned),
        ..resolving(&asked.id, ApprovalStatus::Unspecified)
    };
    let long = "x".repeat(2_001);
    for (request, field, reason) in [
        (request(Some(&["status"]), 0, None), "status", "REQUIRED"),
        (
            request(Some(&["note"]), 0, Some("hm")),
            "status",
            "STATUS_REQUIRED",
        ),
        (request(None, 0, Some("")), "status", "STATUS_REQUIRED"),
        (
            request(Some(&["status"]), 4, None),
            "status",
            "NOT_A_DECISION",
        ),
        (request(Some(&["status"]), 99, None), "status", "UNKNOWN"),
        (
            request(Some(&["status", "note"]), 2, Some(&long)),
            "note",
            "TOO_LONG",
        ),
        (
            request(Some(&["status", "note"]), 2, Some("a\0")),
            "note",
            "NUL_BYTE",
        ),
    ] {
        let found = violation(it.approvals(&owner()).resolve_approval(request).await);
        assert_eq!(found, (field.to_owned(), reason.to_owned()));
    }
    // What names nothing changes nothing, nor does a null note, nor what is so already.
    for nothing in [
        request(Some(&[]), 0, None),
        request(None, 0, None),
        request(Some(&["note"]), 0, None),
        request(Some(&["status"]), 1, None),
    ] {
        let answer = it.approvals(&owner()).resolve_approval(nothing).await;
        assert_eq!(answer.unwrap().into_inner().approval, Some(asked.clone()));
    }
    let answer = it
        .approvals(&owner())
        .resolve_approval(request(Some(&["status"]), 2, None))
        .await;
    assert_eq!(
        answer.unwrap().into_inner().approval.unwrap().status(),
        APPROVED
    );
    it.told(2).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn an_approval_is_decided_on_its_own_board(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let asked = it.create(&owner(), asking(&[1])).await.unwrap();
    let request = |board: String, id: String| ResolveApprovalRequest {
        board_id: board,
        ..resolving(&id, APPROVED)
    };
    let unknown = Uuid::from_u128(1).to_string();
    for request in [
        request(OTHER_BOARD.to_string(), asked.id.clone()),
        request(BOARD.to_string(), unknown),
    ] {
        let fault = fault(it.approvals(&owner()).resolve_approval(request).await);
        assert_eq!(
            (fault.code, fault.reason.as_str()),
            (Code::NotFound, "APPROVAL_NOT_FOUND")
        );
    }
    let malformed = request(BOARD.to_string(), "x".into());
    let answer = it.approvals(&owner()).resolve_approval(malformed).await;
    assert_eq!(
        violation(answer),
        ("approval_id".into(), "NOT_A_UUID".into())
    );
    assert!(it.gate(task(1), 1).await.pending_approval_id.is_some());
    it.told(1).await;
    it.stop().await;
}
