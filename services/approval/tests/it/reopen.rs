use chassis::{Code, encode};
use chrono::TimeDelta;
use futures::future::join_all;
use proto::{
    approval::v1::{Approval, ApprovalChange, ApprovalStatus},
    event::v1::{ApprovalReopened, event::Payload},
};
use serde_json::json;
use sqlx::PgPool;
use tonic::{Request, metadata::MetadataValue};
use uuid::Uuid;

use crate::{
    boards::{BOARD, task},
    fixture::{
        Fixture, agent, asking, counted, fault, member, owner, resolving, start_of_time, violation,
        writer,
    },
};

const PENDING: ApprovalStatus = ApprovalStatus::Pending;
const APPROVED: ApprovalStatus = ApprovalStatus::Approved;
const REJECTED: ApprovalStatus = ApprovalStatus::Rejected;

#[sqlx::test(migrations = false)]
async fn a_reopened_approval_waits_again_and_keeps_its_history(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let asked = it
        .create(&agent(Some(BOARD), true), asking(&[1]))
        .await
        .unwrap();
    it.clock.advance(TimeDelta::seconds(1));
    it.resolve(&member(true), &asked.id, REJECTED, Some("not yet"))
        .await
        .unwrap();
    it.clock.advance(TimeDelta::seconds(1));
    let reopened = it
        .resolve(&owner(), &asked.id, PENDING, Some("a second look"))
        .await
        .unwrap();
    assert_eq!(
        reopened,
        Approval {
            version: 3,
            ..asked.clone()
        }
    );
    let gate = it.gate(task(1), 1).await;
    assert_eq!(gate.pending_approval_id.as_ref(), Some(&asked.id));
    let event = it.told(3).await.remove(2);
    assert_eq!(event.r#type, "approval.reopened");
    assert_eq!(event.actor.unwrap().name, "Ada");
    let told = ApprovalReopened {
        approval: Some(reopened),
        pending_approvals_count: 1,
        task_counts: counted(&[1], 1),
    };
    assert_eq!(event.payload, Some(Payload::ApprovalReopened(told)));

    // It counts for the cycle in which it was asked for.
    it.resolve(&owner(), &asked.id, APPROVED, None)
        .await
        .unwrap();
    assert!(it.gate(task(1), 1).await.approved);
    assert!(!it.gate(task(1), 2).await.approved);

    let ben = Uuid::from_u128(0xbe4).to_string();
    let ada = Uuid::from_u128(0xada).to_string();
    let robo = Uuid::from_u128(0xa9e).to_string();
    let history = it.history(&asked.id).await;
    let steps: Vec<_> = history
        .iter()
        .map(|step| {
            (
                step.change(),
                step.user_id.as_ref().or(step.agent_id.as_ref()),
                step.actor_name.as_str(),
                step.note.as_deref(),
                step.version,
            )
        })
        .collect();
    assert_eq!(
        steps,
        [
            (ApprovalChange::Created, Some(&robo), "Robo", None, 1),
            (
                ApprovalChange::Rejected,
                Some(&ben),
                "Ben",
                Some("not yet"),
                2
            ),
            (
                ApprovalChange::Reopened,
                Some(&ada),
                "Ada",
                Some("a second look"),
                3
            ),
            (ApprovalChange::Approved, Some(&ada), "Ada", None, 4),
        ]
    );
    assert_eq!(history[0].agent_id.as_ref(), Some(&robo));
    let rejected_at = start_of_time() + TimeDelta::seconds(1);
    assert_eq!(history[1].at, Some(encode::time(rejected_at)));
    it.told(1).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn what_another_approval_waits_for_is_not_reopened(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let old = it.create(&owner(), asking(&[3, 2, 1, 4])).await.unwrap();
    it.resolve(&owner(), &old.id, APPROVED, None).await.unwrap();
    let one = it.create(&owner(), asking(&[1, 3])).await.unwrap();
    let two = it.create(&owner(), asking(&[2])).await.unwrap();
    let before = it.get(&old.id).await;
    let fault = fault(it.resolve(&owner(), &old.id, PENDING, None).await);
    assert_eq!(
        (fault.code, fault.reason.as_str()),
        (Code::Conflict, "APPROVAL_PENDING")
    );
    assert_eq!(
        fault.facts["conflicts"],
        json!([
            {"task_id": task(1), "approval_id": one.id},
            {"task_id": task(2), "approval_id": two.id},
            {"task_id": task(3), "approval_id": one.id},
        ])
    );
    assert_eq!(it.get(&old.id).await, before);
    it.told(4).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn of_a_request_and_a_reopening_about_a_task_exactly_one_wins(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let mut old = Vec::new();
    for _ in 0..2 {
        let asked = it.create(&owner(), asking(&[1, 2])).await.unwrap();
        it.resolve(&owner(), &asked.id, REJECTED, None)
            .await
            .unwrap();
        old.push(asked.id);
    }
    it.told(4).await;
    for round in 0..30 {
        let (one, two) = (writer(1), writer(2));
        let (new, newer, first, second) = futures::join!(
            it.create(&one, asking(&[2, 1])),
            it.create(&two, asking(&[1])),
            it.resolve(&one, &old[0], PENDING, None),
            it.resolve(&two, &old[1], PENDING, None),
        );
        let (won, lost): (Vec<_>, Vec<_>) = [new, newer, first, second]
            .into_iter()
            .partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (1, 3), "round {round}");
        let winner = won.into_iter().next().unwrap().unwrap();
        for refusal in lost {
            let fault = fault(refusal);
            assert_eq!(fault.reason, "APPROVAL_PENDING", "round {round}");
            let conflicts = fault.facts["conflicts"].as_array().unwrap();
            assert!(!conflicts.is_empty());
            for conflict in conflicts {
                assert_eq!(conflict["approval_id"], json!(winner.id), "round {round}");
            }
        }
        it.resolve(&owner(), &winner.id, REJECTED, None)
            .await
            .unwrap();
        let told = it.told(2).await;
        assert_eq!(told[1].r#type, "approval.resolved", "round {round}");
    }
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_writer_who_saw_an_older_version_is_refused(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let asked = it.create(&owner(), asking(&[1])).await.unwrap();
    let expecting = |status, version| {
        let mut request = resolving(&asked.id, status);
        request.expected_version = Some(version);
        request
    };
    for (status, version) in [
        (APPROVED, 2),
        (APPROVED, 0),
        (PENDING, i64::MAX),
        (ApprovalStatus::Unspecified, 2),
    ] {
        let request = expecting(status, version);
        let fault = fault(it.approvals(&owner()).resolve_approval(request).await);
        assert_eq!(
            (fault.code, fault.reason.as_str()),
            (Code::Conflict, "VERSION_CONFLICT")
        );
        assert_eq!(fault.facts["current_version"], json!(1));
    }
    let by_header = |tag: &'static str| {
        let mut request = Request::new(resolving(&asked.id, REJECTED));
        let tag = MetadataValue::from_static(tag);
        request.metadata_mut().insert("if-match", tag);
        request
    };
    let mut client = it.approvals(&owner());
    let conflict = fault(client.resolve_approval(by_header("\"2\"")).await);
    assert_eq!(conflict.reason, "VERSION_CONFLICT");
    let wrong = violation(client.resolve_approval(by_header("2")).await);
    assert_eq!(wrong.0, "if-match");
    let mut apart = by_header("\"1\"");
    apart.get_mut().expected_version = Some(2);
    let apart = fault(client.resolve_approval(apart).await);
    assert_eq!(
        (apart.code, apart.reason.as_str()),
        (Code::Invalid, "VERSION_AMBIGUOUS")
    );
    assert_eq!(it.get(&asked.id).await, asked);

    let answer = client.resolve_approval(by_header("\"1\"")).await.unwrap();
    assert_eq!(answer.metadata().get("etag").unwrap(), "\"2\"");
    let again = expecting(PENDING, 2);
    let answer = client.resolve_approval(again).await.unwrap();
    assert_eq!(answer.into_inner().approval.unwrap().version, 3);
    let get = proto::approval::v1::GetApprovalRequest {
        board_id: BOARD.to_string(),
        approval_id: asked.id.clone(),
    };
    let answer = client.get_approval(get).await.unwrap();
    assert_eq!(answer.metadata().get("etag").unwrap(), "\"3\"");
    it.told(3).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn of_simultaneous_writers_with_one_version_exactly_one_wins(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let mut version = 1;
    let asked = it.create(&owner(), asking(&[1])).await.unwrap();
    it.told(1).await;
    let writers: Vec<_> = (1..=6).map(writer).collect();
    for round in 0..30 {
        let statuses = if round % 2 == 0 {
            [APPROVED, REJECTED]
        } else {
            [PENDING, PENDING]
        };
        let attempts = writers.iter().enumerate().map(|(n, who)| {
            let mut request = resolving(&asked.id, statuses[n % 2]);
            request.expected_version = Some(version);
            let mut client = it.approvals(who);
            async move { client.resolve_approval(request).await }
        });
        let (won, lost): (Vec<_>, Vec<_>) = join_all(attempts)
            .await
            .into_iter()
            .partition(Result::is_ok);
        assert_eq!(won.len(), 1, "round {round}");
        for refusal in lost {
            assert_eq!(fault(refusal).reason, "VERSION_CONFLICT", "round {round}");
        }
        version += 1;
        it.told(1).await;
    }
    assert_eq!(it.get(&asked.id).await.version, version);
    it.stop().await;
}
