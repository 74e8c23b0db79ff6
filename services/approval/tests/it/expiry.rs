use chassis::{Code, encode};
use chrono::TimeDelta;
use futures::future::join_all;
use proto::{
    approval::v1::{
        ApprovalChange, ApprovalStatus, CreateApprovalPolicyRequest, CreateApprovalRequest,
    },
    event::v1::{ActorKind, event::Payload},
};
use serde_json::json;
use sqlx::PgPool;

use crate::{
    boards::task,
    fixture::{Fixture, asking, counted, fault, owner, start_of_time, violation, writer},
};

/// A request that expires after so many seconds.
fn until(tasks: &[u128], seconds: i64) -> CreateApprovalRequest {
    CreateApprovalRequest {
        expires_at: Some(encode::time(start_of_time() + TimeDelta::seconds(seconds))),
        ..asking(tasks)
    }
}

#[sqlx::test(migrations = false)]
async fn what_nobody_decides_in_time_expires(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let asked = it.create(&owner(), until(&[1, 2], 60)).await.unwrap();
    let later = it.create(&owner(), until(&[3], 61)).await.unwrap();
    assert_eq!(asked.expires_at, until(&[], 60).expires_at);
    it.told(2).await;
    it.clock.advance(TimeDelta::seconds(60));

    let event = it.told(1).await.remove(0);
    assert_eq!(event.r#type, "approval.expired");
    assert_eq!(event.actor.as_ref().unwrap().kind(), ActorKind::System);
    assert_eq!(event.task_id, asked.task_id);
    let Some(Payload::ApprovalExpired(told)) = event.payload else {
        panic!("the event of another change");
    };
    let expired = it.get(&asked.id).await;
    assert_eq!(told.approval.as_ref(), Some(&expired));
    assert_eq!(told.pending_approvals_count, 1);
    assert_eq!(told.task_counts, counted(&[1, 2], 0));
    assert_eq!(
        (expired.status(), expired.version, expired.resolved_at),
        (ApprovalStatus::Expired, 2, asked.expires_at)
    );
    assert_eq!((expired.resolved_by_name, expired.note), (None, None));
    assert_eq!(it.get(&later.id).await, later);
    let history = it.history(&asked.id).await;
    let steps: Vec<_> = history
        .iter()
        .map(|entry| (entry.change(), entry.actor_name.as_str(), entry.version))
        .collect();
    assert_eq!(
        steps,
        [
            (ApprovalChange::Created, "Ada", 1),
            (ApprovalChange::Expired, "Mission Control", 2)
        ]
    );
    // Its tasks are free for the next request.
    it.create(&owner(), asking(&[1, 2])).await.unwrap();
    it.told(1).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn an_approval_expires_in_the_future_within_a_year(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let year = 365 * 24 * 60 * 60;
    for seconds in [-1, 0, year + 1] {
        let found = violation(it.create(&owner(), until(&[], seconds)).await);
        assert_eq!(found, ("expires_at".into(), "OUT_OF_RANGE".into()));
    }
    let far = CreateApprovalRequest {
        expires_at: Some(prost_types::Timestamp {
            seconds: i64::MAX,
            nanos: 0,
        }),
        ..asking(&[])
    };
    assert_eq!(violation(it.create(&owner(), far).await).0, "expires_at");
    it.create(&owner(), until(&[], year)).await.unwrap();
    it.told(1).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_decision_that_comes_too_late_is_refused_before_anybody_looked(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    for round in 0..10 {
        let seconds = (it.clock.now() - start_of_time()).num_seconds() + 30;
        let asked = it.create(&owner(), until(&[1], seconds)).await.unwrap();
        it.clock.advance(TimeDelta::seconds(30));
        // The gate is open from that moment as well.
        assert_eq!(it.gate(task(1), 1).await.pending_approval_id, None);
        for status in [ApprovalStatus::Approved, ApprovalStatus::Rejected] {
            let fault = fault(it.resolve(&owner(), &asked.id, status, None).await);
            assert_eq!(
                (fault.code, fault.reason.as_str()),
                (Code::Conflict, "APPROVAL_EXPIRED"),
                "round {round}"
            );
            assert_eq!(fault.facts["status"], json!("expired"));
        }
        let types = it.told_types(2).await;
        assert_eq!(types, ["approval.created", "approval.expired"]);
    }
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn what_is_overdue_is_in_nobodys_way(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    for round in 0..10 {
        let seconds = (it.clock.now() - start_of_time()).num_seconds() + 30;
        let asked = it.create(&owner(), until(&[1], seconds)).await.unwrap();
        it.clock.advance(TimeDelta::seconds(30));
        let next = it.create(&owner(), asking(&[2, 1])).await.unwrap();
        let types = it.told_types(3).await;
        let expected = ["approval.created", "approval.expired", "approval.created"];
        assert_eq!(types, expected, "round {round}");
        assert_eq!(it.get(&asked.id).await.status(), ApprovalStatus::Expired);
        let rejected = ApprovalStatus::Rejected;
        it.resolve(&owner(), &next.id, rejected, None)
            .await
            .unwrap();
        it.told(1).await;
    }
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn an_expired_approval_is_reopened_for_as_long_as_it_had(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let asked = it.create(&owner(), until(&[1], 60)).await.unwrap();
    // Overdue or expired, depending on who is quicker: both can be reopened.
    it.clock.advance(TimeDelta::seconds(100));
    let reopened = it
        .resolve(&owner(), &asked.id, ApprovalStatus::Pending, None)
        .await
        .unwrap();
    assert_eq!(
        (reopened.status(), reopened.resolved_at, reopened.version),
        (ApprovalStatus::Pending, None, 3)
    );
    let expires_at = start_of_time() + TimeDelta::seconds(160);
    assert_eq!(reopened.expires_at, Some(encode::time(expires_at)));
    let types = it.told_types(3).await;
    let expected = ["approval.created", "approval.expired", "approval.reopened"];
    assert_eq!(types, expected);
    it.clock.advance(TimeDelta::seconds(60));
    assert_eq!(it.told_types(1).await, ["approval.expired"]);
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_policy_may_set_an_earlier_moment(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let policy = CreateApprovalPolicyRequest {
        name: "a minute".into(),
        expires_after_seconds: Some(60),
        ..CreateApprovalPolicyRequest::default()
    };
    it.create_policy(policy).await.unwrap();
    for (asked, expected) in [(None, 60), (Some(59), 59), (Some(61), 60)] {
        let request = asked.map_or(asking(&[]), |seconds| until(&[], seconds));
        let approval = it.create(&owner(), request).await.unwrap();
        assert_eq!(approval.expires_at, until(&[], expected).expires_at);
    }
    it.told(4).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn each_approval_expires_once_whoever_looks(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let replicas = [it.replica().await, it.replica().await];
    let asked = join_all((1..=130_u32).map(|n| {
        let tasks = if n <= 50 { vec![n.into()] } else { Vec::new() };
        let request = until(&tasks, 30);
        let it = &it;
        async move { it.create(&owner(), request).await.unwrap().id }
    }))
    .await;
    it.told(asked.len()).await;
    it.clock.advance(TimeDelta::seconds(30));

    let told = it.told(asked.len()).await;
    let mut expired = Vec::new();
    let mut left = Vec::new();
    for event in told {
        let Some(Payload::ApprovalExpired(told)) = event.payload else {
            panic!("the event of another change");
        };
        expired.push(told.approval.unwrap().id);
        left.push(told.pending_approvals_count);
    }
    expired.sort_unstable();
    let mut expected = asked.clone();
    expected.sort_unstable();
    assert_eq!(expired, expected);
    // Each says how many were left after it.
    let countdown: Vec<i32> = (0..130).rev().collect();
    assert_eq!(left, countdown);
    for replica in replicas {
        replica.stop().await.unwrap();
    }
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_decision_at_the_moment_of_expiry_stands_or_is_refused(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let replica = it.replica().await;
    let deciders = [owner(), writer(1), writer(2)];
    for round in 0..6 {
        let seconds = (it.clock.now() - start_of_time()).num_seconds() + 30;
        let requests = (0..16).map(|n| it.create(&deciders[n % 3], until(&[], seconds)));
        let asked = join_all(requests).await.into_iter();
        let asked: Vec<_> = asked.map(|answer| answer.unwrap().id).collect();
        it.told(asked.len()).await;
        let decisions = asked[..15].iter().enumerate().map(|(n, id)| {
            let (it, who) = (&it, &deciders[n % 3]);
            async move {
                let answer = it.resolve(who, id, ApprovalStatus::Approved, None).await;
                // Somewhere in the middle the time is over: after this decision, before the last of all.
                if n == 7 {
                    it.clock.advance(TimeDelta::seconds(30));
                }
                answer
            }
        });
        let mut answers = join_all(decisions).await;
        assert!(answers[7].is_ok(), "round {round}");
        let last = asked.last().unwrap();
        answers.push(
            it.resolve(&owner(), last, ApprovalStatus::Approved, None)
                .await,
        );
        assert!(answers[15].is_err(), "round {round}");
        let told = it.told(asked.len()).await;
        for (id, answer) in asked.iter().zip(answers) {
            let types: Vec<&str> = told
                .iter()
                .filter(|event| match &event.payload {
                    Some(Payload::ApprovalResolved(told)) => {
                        &told.approval.as_ref().unwrap().id == id
                    }
                    Some(Payload::ApprovalExpired(told)) => {
                        &told.approval.as_ref().unwrap().id == id
                    }
                    _ => false,
                })
                .map(|event| event.r#type.as_str())
                .collect();
            let expected = match answer {
                Ok(_) => "approval.resolved",
                Err(refusal) => {
                    let fault = chassis::fault::read(&refusal);
                    assert_eq!(fault.reason, "APPROVAL_EXPIRED", "round {round}");
                    "approval.expired"
                }
            };
            assert_eq!(types, [expected], "round {round}");
        }
    }
    replica.stop().await.unwrap();
    it.stop().await;
}
