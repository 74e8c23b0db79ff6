//! The gates of a board: what must hold before a task may move. Pure functions over facts.

use uuid::Uuid;

use super::{Refusal, Status};

/// A condition on a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Gate {
    /// Every dependency is done.
    Unblocked,
    /// No approval for the task is pending, where the board minds.
    NonePending,
    /// The task comes out of review, where the board minds.
    Reviewed,
    /// An approval of this cycle is approved, where the board minds.
    Approved,
    /// The mover or the assignee commented in this cycle, where the board minds.
    Commented,
}

/// The rules that a board sets for its tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) require_approval_for_done: bool,
    pub(crate) require_review_before_done: bool,
    pub(crate) comment_required_for_review: bool,
    pub(crate) block_status_changes_with_pending_approval: bool,
    pub(crate) only_lead_can_change_status: bool,
}

/// What approvals say about one cycle of a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Approvals {
    pub(crate) approved: bool,
    pub(crate) pending: Option<Uuid>,
}

/// What the gates look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) from: Status,
    /// Dependencies that are not done.
    pub(crate) open: &'a [Uuid],
    pub(crate) approvals: Approvals,
    /// Whether the mover or the assignee comments now or did in this cycle.
    pub(crate) commented: bool,
}

/// The gate before all others, for workers: whether the board lets them name a status at all.
pub(crate) const fn admit_worker(rules: &Rules) -> Result<(), Refusal> {
    if rules.only_lead_can_change_status {
        Err(Refusal::OnlyLead)
    } else {
        Ok(())
    }
}

impl Gate {
    /// Whether the gate can only be judged by what approvals say.
    pub(crate) const fn asks_approvals(self, rules: &Rules) -> bool {
        match self {
            Self::NonePending => rules.block_status_changes_with_pending_approval,
            Self::Approved => rules.require_approval_for_done,
            Self::Unblocked | Self::Reviewed | Self::Commented => false,
        }
    }

    /// Whether the gate can only be judged by the comments on the task.
    pub(crate) const fn asks_comments(self, rules: &Rules) -> bool {
        matches!(self, Self::Commented) && rules.comment_required_for_review
    }

    /// Lets a move pass or says why not.
    pub(crate) fn check(self, rules: &Rules, facts: &Facts<'_>) -> Result<(), Refusal> {
        match self {
            Self::Unblocked if !facts.open.is_empty() => Err(Refusal::Blocked {
                by: facts.open.to_vec(),
            }),
            Self::NonePending if rules.block_status_changes_with_pending_approval => {
                facts.approvals.pending.map_or(Ok(()), |approval_id| {
                    Err(Refusal::PendingApproval { approval_id })
                })
            }
            Self::Reviewed if rules.require_review_before_done && facts.from != Status::Review => {
                Err(Refusal::ReviewRequired)
            }
            Self::Approved if rules.require_approval_for_done && !facts.approvals.approved => {
                Err(Refusal::ApprovalRequired)
            }
            Self::Commented if rules.comment_required_for_review && !facts.commented => {
                Err(Refusal::CommentRequired)
            }
            Self::Unblocked
            | Self::NonePending
            | Self::Reviewed
            | Self::Approved
            | Self::Commented => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN_BOARD: Rules = Rules {
        require_approval_for_done: false,
        require_review_before_done: false,
        comment_required_for_review: false,
        block_status_changes_with_pending_approval: false,
        only_lead_can_change_status: false,
    };

    fn facts(open: &[Uuid]) -> Facts<'_> {
        let approvals = Approvals {
            approved: false,
            pending: Some(Uuid::from_u128(9)),
        };
        Facts {
            from: Status::InProgress,
            open,
            approvals,
            commented: false,
        }
    }

    #[test]
    fn a_board_without_rules_minds_only_dependencies() {
        for gate in [
            Gate::NonePending,
            Gate::Reviewed,
            Gate::Approved,
            Gate::Commented,
        ] {
            assert_eq!(gate.check(&OPEN_BOARD, &facts(&[])), Ok(()));
            assert!(!gate.asks_approvals(&OPEN_BOARD));
        }
        let open = [Uuid::from_u128(1)];
        assert_eq!(
            Gate::Unblocked.check(&OPEN_BOARD, &facts(&open)),
            Err(Refusal::Blocked { by: open.to_vec() })
        );
    }

    #[test]
    fn each_rule_closes_its_own_gate() {
        let cases = [
            (
                Rules {
                    block_status_changes_with_pending_approval: true,
                    ..OPEN_BOARD
                },
                Gate::NonePending,
                Refusal::PendingApproval {
                    approval_id: Uuid::from_u128(9),
                },
            ),
            (
                Rules {
                    require_review_before_done: true,
                    ..OPEN_BOARD
                },
                Gate::Reviewed,
                Refusal::ReviewRequired,
            ),
            (
                Rules {
                    require_approval_for_done: true,
                    ..OPEN_BOARD
                },
                Gate::Approved,
                Refusal::ApprovalRequired,
            ),
            (
                Rules {
                    comment_required_for_review: true,
                    ..OPEN_BOARD
                },
                Gate::Commented,
                Refusal::CommentRequired,
            ),
        ];
        for (rules, gate, refusal) in cases {
            assert_eq!(gate.check(&rules, &facts(&[])), Err(refusal));
        }
        let led = Rules {
            only_lead_can_change_status: true,
            ..OPEN_BOARD
        };
        assert_eq!(admit_worker(&led), Err(Refusal::OnlyLead));
        assert_eq!(admit_worker(&OPEN_BOARD), Ok(()));
    }

    #[test]
    fn a_task_out_of_review_passes_the_review_gate() {
        let rules = Rules {
            require_review_before_done: true,
            ..OPEN_BOARD
        };
        assert_eq!(
            Gate::Reviewed.check(
                &rules,
                &Facts {
                    from: Status::Review,
                    ..facts(&[])
                }
            ),
            Ok(())
        );
    }
}
