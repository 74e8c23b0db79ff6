//! What a person may do with an approval, and what comes of it. The whole life cycle is the table in [`step`].

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::approval::{Approval, Decision, Status};

/// What a person wants an approval to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Decided(Decision),
    /// Open again.
    Pending,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It is so already.
    Nothing,
    /// Counts one approval of several.
    Vote,
    Decide(Decision),
    Reopen,
    /// Nobody decided in time, and it is too late now.
    Expire,
}

/// Why a person may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Somebody decided otherwise.
    Decided(Status),
    /// Nobody decided in time.
    Expired,
    /// The person asked for it.
    SelfApproval,
}

/// What is to be done when a person wants this now.
pub(crate) fn step(
    approval: &Approval,
    wanted: Wanted,
    user_id: Uuid,
    now: DateTime<Utc>,
) -> Result<Step, Refusal> {
    if approval.is_due(now) {
        return Ok(Step::Expire);
    }
    match (approval.status(), wanted) {
        (Status::Pending, Wanted::Pending) => Ok(Step::Nothing),
        (Status::Pending, Wanted::Decided(decision)) => pending(approval, decision, user_id),
        (Status::Approved, Wanted::Decided(Decision::Approved))
        | (Status::Rejected, Wanted::Decided(Decision::Rejected)) => Ok(Step::Nothing),
        (status @ (Status::Approved | Status::Rejected), Wanted::Decided(_)) => {
            Err(Refusal::Decided(status))
        }
        (Status::Expired, Wanted::Decided(_)) => Err(Refusal::Expired),
        (Status::Approved | Status::Rejected | Status::Expired, Wanted::Pending) => {
            Ok(Step::Reopen)
        }
    }
}

fn pending(approval: &Approval, decision: Decision, user_id: Uuid) -> Result<Step, Refusal> {
    if approval.terms.self_approval_forbidden && approval.user_id() == Some(user_id) {
        return Err(Refusal::SelfApproval);
    }
    if decision == Decision::Rejected {
        return Ok(Step::Decide(decision));
    }
    if approval
        .votes
        .iter()
        .any(|vote| vote.user_id == Some(user_id))
    {
        return Ok(Step::Nothing);
    }
    let votes = i32::try_from(approval.votes.len()).unwrap_or(i32::MAX);
    if votes.saturating_add(1) < approval.terms.required_approvals {
        Ok(Step::Vote)
    } else {
        Ok(Step::Decide(decision))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::TimeDelta;

    use super::*;
    use crate::approval::{Creator, Request, Requester, Resolution, State, Terms, Vote};

    const ADA: Uuid = Uuid::from_u128(1);
    const BEN: Uuid = Uuid::from_u128(2);
    const APPROVE: Wanted = Wanted::Decided(Decision::Approved);
    const REJECT: Wanted = Wanted::Decided(Decision::Rejected);

    fn now() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(1)
    }

    /// Asked for by Ada.
    fn pending(required_approvals: i32, self_approval_forbidden: bool) -> Approval {
        Approval {
            id: Uuid::nil(),
            organization_id: Uuid::nil(),
            board_id: Uuid::nil(),
            request: Request {
                action_type: "a".into(),
                payload: None,
                confidence: 1.0,
                rubric_scores: BTreeMap::new(),
            },
            links: Vec::new(),
            creator: Some(Creator::User(ADA)),
            requester: Some(Requester::User),
            created_at: DateTime::UNIX_EPOCH,
            terms: Terms {
                required_approvals,
                self_approval_forbidden,
                policy_id: None,
                expires_at: None,
            },
            round: 1,
            opened_at: DateTime::UNIX_EPOCH,
            votes: Vec::new(),
            state: State::Pending,
            version: 1,
        }
    }

    fn decided(decision: Decision) -> Approval {
        let resolution = Resolution {
            decision,
            user_id: Some(BEN),
            user_name: "Ben".into(),
            note: None,
            at: now(),
        };
        Approval {
            state: State::Decided(resolution),
            ..pending(1, false)
        }
    }

    fn vote(user_id: Option<Uuid>) -> Vote {
        Vote {
            user_id,
            user_name: "somebody".into(),
            note: None,
            at: now(),
        }
    }

    #[test]
    fn the_table_of_the_life_cycle() {
        let expired = Approval {
            state: State::Expired { at: now() },
            ..pending(1, false)
        };
        let (approved, rejected) = (decided(Decision::Approved), decided(Decision::Rejected));
        let open = pending(1, false);
        let refused = |status| Err(Refusal::Decided(status));
        for (approval, wanted, expected) in [
            (&open, Wanted::Pending, Ok(Step::Nothing)),
            (&open, APPROVE, Ok(Step::Decide(Decision::Approved))),
            (&open, REJECT, Ok(Step::Decide(Decision::Rejected))),
            (&approved, APPROVE, Ok(Step::Nothing)),
            (&approved, REJECT, refused(Status::Approved)),
            (&approved, Wanted::Pending, Ok(Step::Reopen)),
            (&rejected, APPROVE, refused(Status::Rejected)),
            (&rejected, REJECT, Ok(Step::Nothing)),
            (&rejected, Wanted::Pending, Ok(Step::Reopen)),
            (&expired, APPROVE, Err(Refusal::Expired)),
            (&expired, REJECT, Err(Refusal::Expired)),
            (&expired, Wanted::Pending, Ok(Step::Reopen)),
        ] {
            assert_eq!(
                step(approval, wanted, BEN, now()),
                expected,
                "{:?} {wanted:?}",
                approval.status()
            );
        }
    }

    #[test]
    fn several_people_approve_and_each_counts_once() {
        let mut approval = pending(2, false);
        assert_eq!(step(&approval, APPROVE, ADA, now()), Ok(Step::Vote));
        approval.votes.push(vote(Some(ADA)));
        assert_eq!(step(&approval, APPROVE, ADA, now()), Ok(Step::Nothing));
        let last = Ok(Step::Decide(Decision::Approved));
        assert_eq!(step(&approval, APPROVE, BEN, now()), last);
        // One who approved may still reject, and the vote of a deleted account still counts.
        let rejection = Ok(Step::Decide(Decision::Rejected));
        assert_eq!(step(&approval, REJECT, ADA, now()), rejection);
        approval.votes = vec![vote(None)];
        assert_eq!(step(&approval, APPROVE, ADA, now()), last);
    }

    #[test]
    fn who_asked_may_not_decide_where_that_is_forbidden() {
        let approval = pending(1, true);
        for wanted in [APPROVE, REJECT] {
            let refused = Err(Refusal::SelfApproval);
            assert_eq!(step(&approval, wanted, ADA, now()), refused);
            assert!(step(&approval, wanted, BEN, now()).is_ok());
        }
        let by_agent = Approval {
            creator: Some(Creator::Agent(ADA)),
            ..approval
        };
        assert!(step(&by_agent, APPROVE, ADA, now()).is_ok());
    }

    #[test]
    fn from_the_very_moment_of_expiry_it_is_too_late() {
        let mut approval = pending(1, false);
        approval.terms.expires_at = Some(now());
        let before = now() - TimeDelta::microseconds(1);
        assert_ne!(step(&approval, APPROVE, BEN, before), Ok(Step::Expire));
        for wanted in [APPROVE, REJECT, Wanted::Pending] {
            assert_eq!(step(&approval, wanted, BEN, now()), Ok(Step::Expire));
        }
        let decided = Approval {
            terms: approval.terms,
            ..decided(Decision::Approved)
        };
        assert_eq!(step(&decided, APPROVE, BEN, now()), Ok(Step::Nothing));
        assert_eq!(
            decided.expiry_if_reopened(now()),
            Some(now() + TimeDelta::days(1))
        );
    }
}
