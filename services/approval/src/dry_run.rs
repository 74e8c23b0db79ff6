//! What a policy would have done with approvals of the past.

use uuid::Uuid;

use crate::{
    approval::{Requester, Status},
    policy::{Case, Effect, Rule},
};

/// Approvals that are looked at.
pub(crate) const EXAMINED: i64 = 10_000;
/// Fitting approvals that are shown.
const SHOWN: usize = 50;

/// An approval of the past, as far as policies care.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Past {
    pub id: Uuid,
    pub action_type: String,
    pub board_id: Uuid,
    pub confidence: f64,
    pub requester: Option<Requester>,
    pub status: Status,
    /// The person who asked, when one did.
    pub asked_by: Option<Uuid>,
    /// The person who decided, when one did.
    pub decided_by: Option<Uuid>,
    /// The people who approved; nobody where an account is deleted.
    pub approved_by: Vec<Option<Uuid>>,
}

/// What it would have done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub examined: i32,
    pub matched: i32,
    pub auto_approved: i32,
    pub auto_approved_though_rejected: i32,
    pub needing_more_approvals: i32,
    pub self_approvals_forbidden: i32,
    /// The newest that it fits.
    pub sample: Vec<Uuid>,
}

impl Past {
    fn case(&self) -> Case<'_> {
        Case {
            action_type: &self.action_type,
            board_id: self.board_id,
            confidence: self.confidence,
            requester: self.requester,
        }
    }

    fn lacks_approvals(&self, rule: &Rule) -> bool {
        let approvals = i32::try_from(self.approved_by.len()).unwrap_or(i32::MAX);
        self.status == Status::Approved && approvals < rule.people_needed()
    }

    fn is_decided_by_who_asked(&self) -> bool {
        let decided = matches!(self.status, Status::Approved | Status::Rejected);
        decided
            && self.asked_by.is_some()
            && (self.decided_by == self.asked_by || self.approved_by.contains(&self.asked_by))
    }
}

/// Tries a rule on the past, newest first.
pub(crate) fn run(rule: &Rule, past: &[Past]) -> Outcome {
    let mut outcome = Outcome {
        examined: i32::try_from(past.len()).unwrap_or(i32::MAX),
        ..Outcome::default()
    };
    for approval in past.iter().filter(|approval| rule.fits(&approval.case())) {
        outcome.matched += 1;
        if outcome.sample.len() < SHOWN {
            outcome.sample.push(approval.id);
        }
        match rule.effect {
            Effect::AutoApprove => {
                outcome.auto_approved += 1;
                outcome.auto_approved_though_rejected +=
                    i32::from(approval.status == Status::Rejected);
            }
            Effect::RequireApprovals => {
                outcome.needing_more_approvals += i32::from(approval.lacks_approvals(rule));
                outcome.self_approvals_forbidden +=
                    i32::from(rule.forbid_self_approval && approval.is_decided_by_who_asked());
            }
        }
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: Option<Uuid> = Some(Uuid::from_u128(1));
    const BEN: Option<Uuid> = Some(Uuid::from_u128(2));

    fn rule(effect: Effect) -> Rule {
        Rule {
            name: "rule".into(),
            enabled: false,
            position: 1,
            action_type: Some("task.*".into()),
            board_id: None,
            min_confidence: None,
            max_confidence: None,
            requester_roles: Vec::new(),
            effect,
            required_approvals: 2,
            forbid_self_approval: true,
            expires_after_seconds: None,
        }
    }

    fn past(status: Status, decided_by: Option<Uuid>, approved_by: &[Option<Uuid>]) -> Past {
        Past {
            id: Uuid::from_u128(approved_by.len() as u128),
            action_type: "task.close".into(),
            board_id: Uuid::nil(),
            confidence: 50.0,
            requester: Some(Requester::User),
            status,
            asked_by: ADA,
            decided_by,
            approved_by: approved_by.to_vec(),
        }
    }

    fn all() -> Vec<Past> {
        vec![
            past(Status::Approved, ADA, &[ADA]),
            past(Status::Approved, BEN, &[ADA, BEN]),
            past(Status::Approved, BEN, &[BEN]),
            past(Status::Rejected, ADA, &[]),
            past(Status::Rejected, BEN, &[BEN]),
            past(Status::Pending, None, &[ADA]),
            past(Status::Expired, None, &[]),
            Past {
                action_type: "deploy".into(),
                ..past(Status::Approved, ADA, &[ADA])
            },
            // Decided by accounts that are gone: nobody can tell.
            Past {
                asked_by: None,
                ..past(Status::Approved, None, &[None, None])
            },
        ]
    }

    #[test]
    fn a_rule_for_people_counts_what_lacked_people() {
        let outcome = run(&rule(Effect::RequireApprovals), &all());
        let found = (
            outcome.examined,
            outcome.matched,
            outcome.needing_more_approvals,
            outcome.self_approvals_forbidden,
        );
        assert_eq!(found, (9, 8, 2, 3));
        assert_eq!((outcome.auto_approved, outcome.sample.len()), (0, 8));
    }

    #[test]
    fn a_rule_that_approves_counts_what_people_rejected() {
        let outcome = run(&rule(Effect::AutoApprove), &all());
        let found = (outcome.auto_approved, outcome.auto_approved_though_rejected);
        assert_eq!(found, (8, 2));
        let people = (
            outcome.needing_more_approvals,
            outcome.self_approvals_forbidden,
        );
        assert_eq!(people, (0, 0));
    }

    #[test]
    fn the_sample_is_bounded() {
        let many = vec![past(Status::Pending, None, &[]); 60];
        let outcome = run(&rule(Effect::AutoApprove), &many);
        assert_eq!((outcome.matched, outcome.sample.len()), (60, SHOWN));
    }
}
