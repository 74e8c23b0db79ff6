//! Policies at work.

use proto::{
    approval::v1::{
        ApprovalChange, ApprovalStatus, CreateApprovalPolicyRequest, CreateApprovalRequest,
        DeleteApprovalPolicyRequest, PolicyEffect, RequesterRole, UpdateApprovalPolicyRequest,
    },
    event::v1::{ActorKind, event::Payload},
};
use serde_json::json;
use sqlx::PgPool;

use crate::{
    boards::{BOARD, OTHER_BOARD, task},
    fixture::{Fixture, agent, asking, counted, fault, owner},
    policies::{named, update},
};

#[sqlx::test(migrations = false)]
async fn a_policy_approves_in_the_moment_of_creation(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let request = CreateApprovalPolicyRequest {
        effect: PolicyEffect::AutoApprove.into(),
        required_approvals: Some(5),
        action_type: Some("task.*".into()),
        min_confidence: Some(80.0),
        requester_roles: vec![RequesterRole::Lead.into()],
        ..named("Trust the lead")
    };
    let policy = it.create_policy(request).await.unwrap();
    it.told(1).await;
    let lead = agent(Some(BOARD), true);
    let approved = it.create(&lead, asking(&[1])).await.unwrap();
    assert_eq!(
        (
            approved.status(),
            approved.version,
            approved.required_approvals
        ),
        (ApprovalStatus::Approved, 2, 1)
    );
    assert_eq!(approved.policy_id, Some(policy.id));
    assert_eq!(
        (
            approved.resolved_by_name.as_deref(),
            approved.resolved_by_user_id.as_deref()
        ),
        (Some("Policy Trust the lead"), None)
    );
    assert_eq!(approved.resolved_at, approved.created_at);
    assert_eq!(it.get(&approved.id).await, approved);
    assert!(it.gate(task(1), 1).await.approved);

    let told = it.told(2).await;
    let Some(Payload::ApprovalCreated(created)) = &told[0].payload else {
        panic!("the event of another change");
    };
    let pending = created.approval.as_ref().unwrap();
    assert_eq!(
        (pending.status(), pending.version),
        (ApprovalStatus::Pending, 1)
    );
    assert_eq!(created.pending_approvals_count, 1);
    assert_eq!(created.task_counts, counted(&[1], 1));
    assert_eq!(told[0].actor.as_ref().unwrap().kind(), ActorKind::Agent);
    let Some(Payload::ApprovalResolved(resolved)) = &told[1].payload else {
        panic!("the event of another change");
    };
    assert_eq!(resolved.approval.as_ref(), Some(&approved));
    assert_eq!(resolved.pending_approvals_count, 0);
    assert_eq!(resolved.task_counts, counted(&[1], 0));
    assert_eq!(told[1].actor.as_ref().unwrap().kind(), ActorKind::System);
    let history = it.history(&approved.id).await;
    let steps: Vec<_> = history
        .iter()
        .map(|entry| (entry.change(), entry.actor_name.as_str()))
        .collect();
    assert_eq!(
        steps,
        [
            (ApprovalChange::Created, "Robo"),
            (ApprovalChange::Approved, "Policy Trust the lead")
        ]
    );

    // Who or what it does not fit waits for people; so does what is reopened.
    let by_worker = it.create(&agent(Some(BOARD), false), asking(&[2])).await;
    let unsure = CreateApprovalRequest {
        confidence: Some(79.9),
        ..asking(&[3])
    };
    let unsure = it.create(&lead, unsure).await;
    let reopened = it
        .resolve(&owner(), &approved.id, ApprovalStatus::Pending, None)
        .await;
    for approval in [by_worker, unsure, reopened] {
        assert_eq!(approval.unwrap().status(), ApprovalStatus::Pending);
    }
    // A task that waits for a decision is not decided past it.
    let conflict = fault(it.create(&lead, asking(&[2])).await);
    assert_eq!(conflict.reason, "APPROVAL_PENDING");
    assert_eq!(conflict.facts["conflicts"].as_array().unwrap().len(), 1);
    assert_eq!(conflict.facts["conflicts"][0]["task_id"], json!(task(2)));
    it.told(3).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn the_first_enabled_policy_that_fits_applies_and_stays(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let policy = |name: &str, position, enabled, people| CreateApprovalPolicyRequest {
        position: Some(position),
        enabled: Some(enabled),
        required_approvals: Some(people),
        ..named(name)
    };
    it.create_policy(policy("off", 0, false, 9)).await.unwrap();
    let elsewhere = CreateApprovalPolicyRequest {
        board_id: Some(OTHER_BOARD.to_string()),
        ..policy("elsewhere", 1, true, 8)
    };
    it.create_policy(elsewhere).await.unwrap();
    it.create_policy(policy("last", 3, true, 7)).await.unwrap();
    let fits = it.create_policy(policy("fits", 2, true, 2)).await.unwrap();
    let asked = it.create(&owner(), asking(&[])).await.unwrap();
    assert_eq!(
        (asked.policy_id.as_ref(), asked.required_approvals),
        (Some(&fits.id), 2)
    );

    // Neither a change of the policy nor its end concerns approvals that exist.
    let request = UpdateApprovalPolicyRequest {
        policy_id: fits.id.clone(),
        required_approvals: Some(5),
        ..UpdateApprovalPolicyRequest::default()
    };
    update(&it, request).await.unwrap();
    let delete = DeleteApprovalPolicyRequest { policy_id: fits.id };
    it.policies(&owner())
        .delete_approval_policy(delete)
        .await
        .unwrap();
    assert_eq!(it.get(&asked.id).await, asked);
    let next = it.create(&owner(), asking(&[])).await.unwrap();
    assert_eq!(next.required_approvals, 7);
    it.told(8).await;
    it.stop().await;
}
