use chrono::TimeDelta;
use proto::approval::v1::{
    ApprovalStatus, CreateApprovalPolicyRequest, CreateApprovalRequest,
    DryRunApprovalPolicyRequest, DryRunApprovalPolicyResponse, PolicyEffect, RequesterRole,
};
use sqlx::PgPool;

use crate::{
    boards::{BOARD, FOREIGN_BOARD, OTHER_BOARD},
    fixture::{Fixture, admin, agent, asking, fault, owner, stranger, violation, writer},
};

fn policy() -> CreateApprovalPolicyRequest {
    CreateApprovalPolicyRequest {
        name: "what if".into(),
        action_type: Some("task.*".into()),
        ..CreateApprovalPolicyRequest::default()
    }
}

fn trial(policy: CreateApprovalPolicyRequest, days: Option<i32>) -> DryRunApprovalPolicyRequest {
    DryRunApprovalPolicyRequest {
        policy: Some(policy),
        days,
    }
}

async fn run(it: &Fixture, request: DryRunApprovalPolicyRequest) -> DryRunApprovalPolicyResponse {
    it.policies(&admin())
        .dry_run_approval_policy(request)
        .await
        .unwrap()
        .into_inner()
}

#[sqlx::test(migrations = false)]
async fn a_dry_run_says_what_a_policy_would_have_done(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let approved = ApprovalStatus::Approved;
    let old = it.create(&owner(), asking(&[])).await.unwrap();
    it.resolve(&owner(), &old.id, approved, None).await.unwrap();
    it.clock.advance(TimeDelta::days(20));
    // Decided by who asked, by somebody else, rejected, asked by an agent, of another kind, on another board.
    let own = it.create(&writer(1), asking(&[])).await.unwrap();
    it.resolve(&writer(1), &own.id, approved, None)
        .await
        .unwrap();
    let other = it.create(&writer(1), asking(&[])).await.unwrap();
    it.resolve(&writer(2), &other.id, approved, None)
        .await
        .unwrap();
    let rejected = it.create(&writer(1), asking(&[])).await.unwrap();
    let no = ApprovalStatus::Rejected;
    it.resolve(&writer(2), &rejected.id, no, None)
        .await
        .unwrap();
    let by_agent = it
        .create(&agent(Some(BOARD), false), asking(&[]))
        .await
        .unwrap();
    let another = CreateApprovalRequest {
        action_type: "deploy".into(),
        ..asking(&[])
    };
    it.create(&owner(), another).await.unwrap();
    let elsewhere = CreateApprovalRequest {
        board_id: OTHER_BOARD.to_string(),
        ..asking(&[])
    };
    let elsewhere = it.create(&owner(), elsewhere).await.unwrap();
    it.told(11).await;
    let before: i64 = sqlx::query_scalar("select sum(version)::bigint from approval")
        .fetch_one(&it.pool)
        .await
        .unwrap();

    let people = CreateApprovalPolicyRequest {
        required_approvals: Some(2),
        forbid_self_approval: Some(true),
        enabled: Some(false),
        ..policy()
    };
    let found = run(&it, trial(people.clone(), None)).await;
    assert_eq!(
        DryRunApprovalPolicyResponse {
            sample: Vec::new(),
            ..found.clone()
        },
        DryRunApprovalPolicyResponse {
            examined: 7,
            matched: 6,
            needing_more_approvals: 3,
            self_approvals_forbidden: 2,
            ..DryRunApprovalPolicyResponse::default()
        }
    );
    let ids: Vec<_> = found.sample.iter().map(|approval| &approval.id).collect();
    let newest_first = [
        &elsewhere.id,
        &by_agent.id,
        &rejected.id,
        &other.id,
        &own.id,
        &old.id,
    ];
    assert_eq!(ids, newest_first);
    assert_eq!(found.sample[5], it.get(&old.id).await);

    // Only so far back, and only what it fits.
    let found = run(&it, trial(people, Some(19))).await;
    assert_eq!((found.examined, found.matched), (6, 5));
    let automatic = CreateApprovalPolicyRequest {
        effect: PolicyEffect::AutoApprove.into(),
        board_id: Some(BOARD.to_string()),
        requester_roles: vec![RequesterRole::User.into()],
        ..policy()
    };
    let found = run(&it, trial(automatic, Some(19))).await;
    assert_eq!(
        (
            found.matched,
            found.auto_approved,
            found.auto_approved_though_rejected
        ),
        (3, 3, 1)
    );
    assert_eq!(
        (found.needing_more_approvals, found.self_approvals_forbidden),
        (0, 0)
    );

    // Another organization has no past, and nothing was changed by looking.
    let theirs = it
        .policies(&stranger())
        .dry_run_approval_policy(trial(policy(), None))
        .await;
    assert_eq!(theirs.unwrap().into_inner().examined, 0);
    let after: i64 = sqlx::query_scalar("select sum(version)::bigint from approval")
        .fetch_one(&it.pool)
        .await
        .unwrap();
    let policies: i64 = sqlx::query_scalar("select count(*) from approval_policy")
        .fetch_one(&it.pool)
        .await
        .unwrap();
    assert_eq!((after, policies), (before, 0));
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_dry_run_is_judged_as_a_policy_would_be(pool: PgPool) {
    let it = Fixture::start(pool).await;
    let nameless = CreateApprovalPolicyRequest {
        name: String::new(),
        ..policy()
    };
    for (request, field) in [
        (DryRunApprovalPolicyRequest::default(), "policy"),
        (trial(nameless, None), "policy.name"),
        (trial(policy(), Some(0)), "days"),
        (trial(policy(), Some(366)), "days"),
    ] {
        let answer = it.policies(&owner()).dry_run_approval_policy(request).await;
        assert_eq!(violation(answer).0, field);
    }
    let foreign = CreateApprovalPolicyRequest {
        board_id: Some(FOREIGN_BOARD.to_string()),
        ..policy()
    };
    let answer = it
        .policies(&owner())
        .dry_run_approval_policy(trial(foreign, None))
        .await;
    assert_eq!(fault(answer).reason, "BOARD_NOT_FOUND");
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_dry_run_looks_at_a_bounded_past_in_a_fixed_number_of_statements(pool: PgPool) {
    chassis::testing::statements();
    let mut it = Fixture::start(pool).await;
    it.create(&owner(), asking(&[])).await.unwrap();
    let all = CreateApprovalPolicyRequest {
        action_type: None,
        ..policy()
    };
    let before = chassis::testing::statements();
    assert_eq!(run(&it, trial(all.clone(), None)).await.examined, 1);
    let few = chassis::testing::statements() - before;

    crate::many::approvals(&it.pool, 10_050).await;
    let before = chassis::testing::statements();
    let found = run(&it, trial(all, None)).await;
    let many = chassis::testing::statements() - before;
    assert_eq!(
        (found.examined, found.matched, found.sample.len()),
        (10_000, 10_000, 50)
    );
    assert!(few > 0 && many == few, "{few} and {many}");
    it.told(1).await;
    it.stop().await;
}
