use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;

fn rule() -> Rule {
    Rule {
        name: "rule".into(),
        enabled: true,
        position: 100,
        action_type: None,
        board_id: None,
        min_confidence: None,
        max_confidence: None,
        requester_roles: Vec::new(),
        effect: Effect::RequireApprovals,
        required_approvals: 3,
        forbid_self_approval: true,
        expires_after_seconds: Some(60),
    }
}

fn any_action() -> impl Strategy<Value = String> {
    select(vec![
        "",
        "task",
        "task.close",
        "task.closed",
        "deploy",
        "*",
        "ta*",
    ])
    .prop_map(str::to_owned)
}

fn any_pattern() -> impl Strategy<Value = String> {
    select(vec![
        "task",
        "task.close",
        "task*",
        "task.*",
        "*",
        "t*k",
        "deploy",
    ])
    .prop_map(str::to_owned)
}

fn any_board() -> impl Strategy<Value = Uuid> {
    (1..4_u128).prop_map(Uuid::from_u128)
}

fn any_confidence() -> impl Strategy<Value = f64> {
    (0..=10_u8).prop_map(|tenth| f64::from(tenth) * 10.0)
}

fn any_role() -> impl Strategy<Value = Requester> {
    select(Requester::ALL.to_vec())
}

prop_compose! {
    fn any_policy()(
        action_type in option::of(any_pattern()),
        board_id in option::of(any_board()),
        min_confidence in option::of(any_confidence()),
        max_confidence in option::of(any_confidence()),
        mut requester_roles in vec(any_role(), 0..3),
        enabled in any::<bool>(),
        position in 0..3_i32,
        age in 0..3_i64,
        id in any::<u128>(),
    ) -> Policy {
        requester_roles.sort_unstable();
        requester_roles.dedup();
        let at = DateTime::UNIX_EPOCH + TimeDelta::seconds(age);
        let rule = Rule {
            action_type, board_id, min_confidence, max_confidence, requester_roles, enabled, position, ..rule()
        };
        Policy { id: Uuid::from_u128(id), organization_id: Uuid::nil(), rule, created_at: at, updated_at: at }
    }
}

/// Says the same as [`Rule::fits`], one condition after the other and letter by letter.
fn fits_by_the_letter(rule: &Rule, case: &Case<'_>) -> bool {
    if let Some(pattern) = &rule.action_type {
        let (pattern, action): (Vec<char>, Vec<char>) = (
            pattern.chars().collect(),
            case.action_type.chars().collect(),
        );
        let open = pattern.last() == Some(&'*');
        let fixed = pattern.len() - usize::from(open);
        if action.len() < fixed || (!open && action.len() != fixed) {
            return false;
        }
        if (0..fixed).any(|at| pattern[at] != action[at]) {
            return false;
        }
    }
    if let Some(board) = rule.board_id
        && board != case.board_id
    {
        return false;
    }
    if rule.min_confidence.unwrap_or(0.0) > case.confidence {
        return false;
    }
    if rule.max_confidence.unwrap_or(100.0) < case.confidence {
        return false;
    }
    match (rule.requester_roles.as_slice(), case.requester) {
        ([], _) => true,
        (_, None) => false,
        (roles, Some(role)) => roles.contains(&role),
    }
}

proptest! {
    #[test]
    fn the_first_enabled_policy_that_fits_applies(
        policies in vec(any_policy(), 0..12),
        action_type in any_action(),
        board_id in any_board(),
        confidence in any_confidence(),
        requester in option::of(any_role()),
    ) {
        let case = Case { action_type: &action_type, board_id, confidence, requester };
        let mut sorted: Vec<&Policy> = policies.iter().collect();
        sorted.sort_by_key(|policy| (policy.rule.position, policy.created_at, policy.id));
        let mut expected = None;
        for policy in sorted {
            prop_assert_eq!(policy.rule.fits(&case), fits_by_the_letter(&policy.rule, &case));
            if expected.is_none() && policy.rule.enabled && fits_by_the_letter(&policy.rule, &case) {
                expected = Some(policy);
            }
        }
        prop_assert_eq!(applicable(&policies, &case), expected);
    }

    #[test]
    fn a_rule_without_conditions_fits_everything(
        action_type in any_action(),
        board_id in any_board(),
        confidence in any_confidence(),
        requester in option::of(any_role()),
    ) {
        let case = Case { action_type: &action_type, board_id, confidence, requester };
        prop_assert!(rule().fits(&case));
    }
}

#[test]
fn the_earlier_expiry_counts_and_without_a_policy_one_person_decides() {
    let now = DateTime::UNIX_EPOCH;
    let in_seconds = |seconds| now + TimeDelta::seconds(seconds);
    let free = Terms {
        required_approvals: 1,
        self_approval_forbidden: false,
        policy_id: None,
        expires_at: None,
    };
    assert_eq!(terms(None, None, now), free);
    let policy = Policy {
        id: Uuid::from_u128(7),
        organization_id: Uuid::nil(),
        rule: rule(),
        created_at: now,
        updated_at: now,
    };
    for (asked, expected) in [(None, 60), (Some(59), 59), (Some(61), 60)] {
        let found = terms(Some(&policy), asked.map(in_seconds), now);
        assert_eq!(
            found,
            Terms {
                required_approvals: 3,
                self_approval_forbidden: true,
                policy_id: Some(policy.id),
                expires_at: Some(in_seconds(expected)),
            }
        );
    }
}

#[test]
fn a_policy_that_approves_by_itself_needs_no_people() {
    let rule = Rule {
        effect: Effect::AutoApprove,
        ..rule()
    };
    assert_eq!(rule.people_needed(), 1);
}

#[test]
fn what_changed_is_named() {
    let other = Rule {
        name: "other".into(),
        max_confidence: Some(1.0),
        ..rule()
    };
    assert_eq!(rule().changed_fields(&other), ["name", "max_confidence"]);
    assert!(rule().changed_fields(&rule()).is_empty());
    for effect in Effect::ALL {
        assert_eq!(Effect::parse(effect.as_str()), Some(effect));
    }
}
