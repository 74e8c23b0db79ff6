use chassis::{Code, encode};
use chrono::TimeDelta;
use futures::future::join_all;
use prost_types::FieldMask;
use proto::{
    approval::v1::{
        ApprovalPolicy, CreateApprovalPolicyRequest, DeleteApprovalPolicyRequest,
        GetApprovalPolicyRequest, ListApprovalPoliciesRequest, PolicyEffect, RequesterRole,
        UpdateApprovalPolicyRequest,
    },
    event::v1::{ApprovalPolicyUpdated, event::Payload},
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    boards::{BOARD, FOREIGN_BOARD, ORGANIZATION, OTHER_BOARD},
    fixture::{Fixture, admin, fault, member, owner, start_of_time, stranger, violation},
};

pub(crate) fn named(name: &str) -> CreateApprovalPolicyRequest {
    CreateApprovalPolicyRequest {
        name: name.into(),
        ..CreateApprovalPolicyRequest::default()
    }
}

fn full() -> CreateApprovalPolicyRequest {
    CreateApprovalPolicyRequest {
        name: "  Small things ".into(),
        enabled: Some(false),
        position: Some(7),
        action_type: Some(" task.* ".into()),
        board_id: Some(BOARD.to_string()),
        min_confidence: Some(10.0),
        max_confidence: Some(90.5),
        requester_roles: vec![
            RequesterRole::Worker.into(),
            RequesterRole::Lead.into(),
            RequesterRole::Worker.into(),
        ],
        effect: PolicyEffect::AutoApprove.into(),
        required_approvals: Some(2),
        forbid_self_approval: Some(true),
        expires_after_seconds: Some(3_600),
    }
}

async fn list(it: &Fixture) -> Vec<ApprovalPolicy> {
    let answer = it
        .policies(&member(false))
        .list_approval_policies(ListApprovalPoliciesRequest {})
        .await;
    answer.unwrap().into_inner().items
}

pub(crate) async fn update(
    it: &Fixture,
    request: UpdateApprovalPolicyRequest,
) -> Result<ApprovalPolicy, tonic::Status> {
    let answer = it
        .policies(&admin())
        .update_approval_policy(request)
        .await?;
    Ok(answer.into_inner().policy.unwrap())
}

fn mask(fields: &[&str]) -> Option<FieldMask> {
    Some(FieldMask {
        paths: fields.iter().map(|&field| field.to_owned()).collect(),
    })
}

#[sqlx::test(migrations = false)]
async fn a_policy_is_kept_as_it_was_given(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let policy = it.create_policy(full()).await.unwrap();
    let now = Some(encode::time(start_of_time()));
    assert_eq!(
        policy,
        ApprovalPolicy {
            id: policy.id.clone(),
            organization_id: ORGANIZATION.to_string(),
            name: "Small things".into(),
            enabled: false,
            position: 7,
            action_type: Some("task.*".into()),
            board_id: Some(BOARD.to_string()),
            min_confidence: Some(10.0),
            max_confidence: Some(90.5),
            requester_roles: vec![RequesterRole::Lead.into(), RequesterRole::Worker.into()],
            effect: PolicyEffect::AutoApprove.into(),
            required_approvals: 2,
            forbid_self_approval: true,
            expires_after_seconds: Some(3_600),
            created_at: now,
            updated_at: now,
        }
    );
    let event = it.told(1).await.remove(0);
    assert_eq!(
        (event.r#type.as_str(), event.board_id),
        ("approval_policy.created", None)
    );
    assert_eq!(event.actor.unwrap().name, "Ada");

    let plain = it.create_policy(named("plain")).await.unwrap();
    assert_eq!(
        plain,
        ApprovalPolicy {
            id: plain.id.clone(),
            organization_id: ORGANIZATION.to_string(),
            name: "plain".into(),
            enabled: true,
            position: 100,
            effect: PolicyEffect::RequireApprovals.into(),
            required_approvals: 1,
            created_at: now,
            updated_at: now,
            ..ApprovalPolicy::default()
        }
    );
    assert_eq!(list(&it).await, [policy.clone(), plain]);
    let get = GetApprovalPolicyRequest {
        policy_id: policy.id.clone(),
    };
    let answer = it.policies(&member(false)).get_approval_policy(get).await;
    assert_eq!(answer.unwrap().into_inner().policy, Some(policy));
    it.told(1).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn policies_are_listed_by_position_then_by_age(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    for (name, position) in [("c", 2), ("d", 2), ("a", 0), ("b", 1)] {
        let request = CreateApprovalPolicyRequest {
            position: Some(position),
            ..named(name)
        };
        it.create_policy(request).await.unwrap();
        it.clock.advance(TimeDelta::seconds(1));
    }
    let names: Vec<_> = list(&it)
        .await
        .into_iter()
        .map(|policy| policy.name)
        .collect();
    assert_eq!(names, ["a", "b", "c", "d"]);
    it.told(4).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn what_is_out_of_bounds_is_refused_with_its_field(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    type Change = fn(&mut CreateApprovalPolicyRequest);
    let cases: [(&str, &str, Change); 19] = [
        ("name", "BLANK", |p| p.name = " ".into()),
        ("name", "TOO_LONG", |p| p.name = "x".repeat(201)),
        ("name", "NUL_BYTE", |p| p.name = "a\0b".into()),
        ("position", "OUT_OF_RANGE", |p| p.position = Some(-1)),
        ("position", "OUT_OF_RANGE", |p| p.position = Some(10_001)),
        ("action_type", "BLANK", |p| p.action_type = Some(" ".into())),
        ("action_type", "TOO_LONG", |p| {
            p.action_type = Some("x".repeat(101))
        }),
        ("board_id", "NOT_A_UUID", |p| p.board_id = Some("x".into())),
        ("min_confidence", "OUT_OF_RANGE", |p| {
            p.min_confidence = Some(-0.1)
        }),
        ("max_confidence", "OUT_OF_RANGE", |p| {
            p.max_confidence = Some(f64::NAN)
        }),
        ("min_confidence", "OUT_OF_RANGE", |p| {
            (p.min_confidence, p.max_confidence) = (Some(50.1), Some(50.0));
        }),
        ("requester_roles[1]", "UNKNOWN", |p| {
            p.requester_roles = vec![1, 0]
        }),
        ("requester_roles[0]", "UNKNOWN", |p| {
            p.requester_roles = vec![9]
        }),
        ("requester_roles", "TOO_MANY", |p| {
            p.requester_roles = vec![1; 11]
        }),
        ("effect", "UNKNOWN", |p| p.effect = 9),
        ("required_approvals", "OUT_OF_RANGE", |p| {
            p.required_approvals = Some(0)
        }),
        ("required_approvals", "OUT_OF_RANGE", |p| {
            p.required_approvals = Some(11)
        }),
        ("expires_after_seconds", "OUT_OF_RANGE", |p| {
            p.expires_after_seconds = Some(59)
        }),
        ("expires_after_seconds", "OUT_OF_RANGE", |p| {
            p.expires_after_seconds = Some(31_536_001)
        }),
    ];
    for (field, reason, change) in cases {
        let mut request = named("p");
        change(&mut request);
        let found = violation(it.create_policy(request).await);
        assert_eq!(found, (field.to_owned(), reason.to_owned()));
    }
    for board_id in [FOREIGN_BOARD, Uuid::from_u128(1)] {
        let request = CreateApprovalPolicyRequest {
            board_id: Some(board_id.to_string()),
            ..named("p")
        };
        let fault = fault(it.create_policy(request).await);
        assert_eq!(
            (fault.code, fault.reason.as_str()),
            (Code::NotFound, "BOARD_NOT_FOUND")
        );
    }
    assert!(list(&it).await.is_empty());
    let equal = CreateApprovalPolicyRequest {
        min_confidence: Some(50.0),
        max_confidence: Some(50.0),
        ..named("p")
    };
    it.create_policy(equal).await.unwrap();
    it.told(1).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn an_update_changes_what_it_names_and_tells_it(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let policy = it.create_policy(full()).await.unwrap();
    it.told(1).await;
    it.clock.advance(TimeDelta::seconds(1));
    let request = UpdateApprovalPolicyRequest {
        policy_id: policy.id.clone(),
        update_mask: mask(&[
            "name",
            "action_type",
            "max_confidence",
            "requester_roles",
            "enabled",
            "board_id",
        ]),
        name: Some("Other".into()),
        enabled: Some(false),
        board_id: Some(OTHER_BOARD.to_string()),
        // Not named, so it does not count.
        position: Some(9),
        ..UpdateApprovalPolicyRequest::default()
    };
    let updated = update(&it, request.clone()).await.unwrap();
    let expected = ApprovalPolicy {
        name: "Other".into(),
        action_type: None,
        max_confidence: None,
        requester_roles: Vec::new(),
        board_id: Some(OTHER_BOARD.to_string()),
        updated_at: Some(encode::time(start_of_time() + TimeDelta::seconds(1))),
        ..policy.clone()
    };
    assert_eq!(updated, expected);
    let event = it.told(1).await.remove(0);
    assert_eq!(event.r#type, "approval_policy.updated");
    let changed = [
        "name",
        "action_type",
        "board_id",
        "max_confidence",
        "requester_roles",
    ];
    let told = ApprovalPolicyUpdated {
        policy: Some(updated.clone()),
        changed_fields: changed.map(str::to_owned).into(),
    };
    assert_eq!(event.payload, Some(Payload::ApprovalPolicyUpdated(told)));

    // What is so already changes nothing, without a mask and with an empty one.
    it.clock.advance(TimeDelta::seconds(1));
    let nothing = UpdateApprovalPolicyRequest {
        policy_id: policy.id.clone(),
        ..UpdateApprovalPolicyRequest::default()
    };
    let empty = UpdateApprovalPolicyRequest {
        update_mask: mask(&[]),
        name: Some("ignored".into()),
        ..nothing.clone()
    };
    for request in [request, nothing, empty] {
        assert_eq!(update(&it, request).await.unwrap(), updated);
    }
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn an_update_is_judged_as_a_whole(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let policy = it.create_policy(full()).await.unwrap();
    let change = UpdateApprovalPolicyRequest {
        policy_id: policy.id.clone(),
        ..UpdateApprovalPolicyRequest::default()
    };
    for field in [
        "name",
        "enabled",
        "position",
        "effect",
        "required_approvals",
        "forbid_self_approval",
    ] {
        let request = UpdateApprovalPolicyRequest {
            update_mask: mask(&[field]),
            ..change.clone()
        };
        let found = violation(update(&it, request).await);
        assert_eq!(found, (field.to_owned(), "REQUIRED".to_owned()));
    }
    let above = UpdateApprovalPolicyRequest {
        min_confidence: Some(95.0),
        ..change.clone()
    };
    assert_eq!(violation(update(&it, above).await).0, "min_confidence");
    let foreign = UpdateApprovalPolicyRequest {
        board_id: Some(FOREIGN_BOARD.to_string()),
        ..change.clone()
    };
    assert_eq!(fault(update(&it, foreign).await).reason, "BOARD_NOT_FOUND");
    assert_eq!(list(&it).await, std::slice::from_ref(&policy));

    // Of another organization, or gone, is the same.
    let of_stranger = it
        .policies(&stranger())
        .update_approval_policy(change.clone())
        .await;
    assert_eq!(fault(of_stranger).reason, "POLICY_NOT_FOUND");
    let delete = DeleteApprovalPolicyRequest {
        policy_id: policy.id.clone(),
    };
    let of_stranger = it
        .policies(&stranger())
        .delete_approval_policy(delete.clone())
        .await;
    assert_eq!(fault(of_stranger).reason, "POLICY_NOT_FOUND");
    let answer = it
        .policies(&owner())
        .delete_approval_policy(delete.clone())
        .await;
    assert!(answer.unwrap().into_inner().ok);
    let again = it.policies(&owner()).delete_approval_policy(delete).await;
    assert_eq!(fault(again).reason, "POLICY_NOT_FOUND");
    assert_eq!(fault(update(&it, change).await).reason, "POLICY_NOT_FOUND");
    let types = it.told_types(2).await;
    assert_eq!(
        types,
        ["approval_policy.created", "approval_policy.deleted"]
    );
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn an_organization_has_at_most_a_hundred(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    for n in 0..97 {
        it.create_policy(named(&n.to_string())).await.unwrap();
    }
    let answers = join_all((0..8).map(|_| it.create_policy(named("last")))).await;
    let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), refused.len()), (3, 5));
    for refusal in refused {
        let fault = fault(refusal);
        assert_eq!(
            (fault.code, fault.reason.as_str()),
            (Code::Conflict, "TOO_MANY_POLICIES")
        );
    }
    // Another organization is not concerned.
    it.policies(&stranger())
        .create_approval_policy(named("theirs"))
        .await
        .unwrap();
    it.told(101).await;
    it.stop().await;
}
