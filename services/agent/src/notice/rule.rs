//! Who is told what when something happens on a board.
//!
//! Nobody is told what they did themselves. An agent is told once about one happening: the first row that names it wins.
//!
//! | # | Kind | When | Who |
//! |---|---|---|---|
//! | N4 | changes requested | the lead sends a task back from review to somebody | the new assignee |
//! | N3 | ready for review | a task in review gets the lead as its new assignee | the lead |
//! | N2 | assigned | a task gets a new assignee, at birth or later | the new assignee |
//! | N5 | back in inbox | a task ends in inbox without an owner after it was elsewhere or had one | the lead |
//! | N5 | back in inbox | the system took the task away from somebody | who had it |
//! | N1 | created | a task is created | the lead |
//! | N8 | comment | somebody comments | the mentioned, and the assignee in any case |
//! | 5.7 | approval resolved | a person decided | the lead |

use uuid::Uuid;

use super::Kind;

/// What happened, as far as it decides who is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Happening {
    pub trigger: Trigger,
    /// The agent that did it, when one did.
    pub actor: Option<Uuid>,
    /// Where the task is afterwards.
    pub status: Status,
    /// Who has it afterwards.
    pub assignee: Option<Uuid>,
    /// Who had it before.
    pub previous_assignee: Option<Uuid>,
}

/// The kind of thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trigger {
    Created,
    /// Anything but the status changed.
    Changed {
        assignee: bool,
    },
    Moved {
        from: Status,
        by_system: bool,
    },
    Commented {
        mentioned: Vec<Uuid>,
    },
    ApprovalResolved,
}

/// Where a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Inbox,
    InProgress,
    Review,
    Done,
}

impl Happening {
    fn newly_assigned(&self) -> bool {
        self.assignee.is_some()
            && match self.trigger {
                Trigger::Created => true,
                Trigger::Changed { assignee } => assignee,
                Trigger::Moved { .. } => self.assignee != self.previous_assignee,
                Trigger::Commented { .. } | Trigger::ApprovalResolved => false,
            }
    }

    fn sent_back(&self, lead: Option<Uuid>) -> bool {
        matches!(
            self.trigger,
            Trigger::Moved {
                from: Status::Review,
                ..
            }
        ) && self.status == Status::Inbox
            && self.newly_assigned()
            && self.actor.is_some()
            && self.actor == lead
    }

    fn handed_in(&self, lead: Option<Uuid>) -> bool {
        self.status == Status::Review && self.newly_assigned() && self.assignee == lead
    }

    fn lost_its_owner(&self) -> bool {
        self.status == Status::Inbox
            && self.assignee.is_none()
            && match self.trigger {
                Trigger::Moved { .. } => true,
                Trigger::Changed { assignee } => assignee && self.previous_assignee.is_some(),
                Trigger::Created | Trigger::Commented { .. } | Trigger::ApprovalResolved => false,
            }
    }

    fn taken_away(&self) -> bool {
        matches!(
            self.trigger,
            Trigger::Moved {
                by_system: true,
                ..
            }
        ) && self.lost_its_owner()
    }

    /// Agents that the happening names; only they and the lead can be told.
    pub(crate) fn named(&self) -> Vec<Uuid> {
        let mentioned = self.mentioned().iter().copied();
        self.assignee
            .into_iter()
            .chain(self.previous_assignee)
            .chain(mentioned)
            .collect()
    }

    /// Agents that a comment mentions.
    pub(crate) fn mentioned(&self) -> &[Uuid] {
        match &self.trigger {
            Trigger::Commented { mentioned } => mentioned,
            _ => &[],
        }
    }

    /// Who is told what, given the board's lead.
    pub(crate) fn told(&self, lead: Option<Uuid>) -> Vec<(Uuid, Kind)> {
        let one = |who: Option<Uuid>| who.into_iter().collect::<Vec<_>>();
        let commented = matches!(self.trigger, Trigger::Commented { .. });
        let rows = [
            (
                Kind::TaskChangesRequested,
                self.sent_back(lead),
                one(self.assignee),
            ),
            (Kind::TaskReadyForReview, self.handed_in(lead), one(lead)),
            (
                Kind::TaskAssigned,
                self.newly_assigned(),
                one(self.assignee),
            ),
            (Kind::TaskBackInInbox, self.lost_its_owner(), one(lead)),
            (
                Kind::TaskBackInInbox,
                self.taken_away(),
                one(self.previous_assignee),
            ),
            (
                Kind::TaskCreated,
                self.trigger == Trigger::Created,
                one(lead),
            ),
            (
                Kind::TaskComment,
                commented,
                [self.mentioned().to_vec(), one(self.assignee)].concat(),
            ),
            (
                Kind::ApprovalResolved,
                self.trigger == Trigger::ApprovalResolved,
                one(lead),
            ),
        ];
        let mut told: Vec<(Uuid, Kind)> = Vec::new();
        for (kind, applies, recipients) in rows {
            for recipient in recipients {
                let known = told.iter().any(|(agent, _)| *agent == recipient);
                if applies && !known && self.actor != Some(recipient) {
                    told.push((recipient, kind));
                }
            }
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAD: Uuid = Uuid::from_u128(1);
    const ADA: Uuid = Uuid::from_u128(2);
    const BOB: Uuid = Uuid::from_u128(3);

    fn happening(trigger: Trigger, status: Status) -> Happening {
        Happening {
            trigger,
            actor: None,
            status,
            assignee: None,
            previous_assignee: None,
        }
    }

    fn moved(from: Status, to: Status) -> Happening {
        happening(
            Trigger::Moved {
                from,
                by_system: false,
            },
            to,
        )
    }

    #[test]
    fn n1_the_lead_hears_of_a_new_task_unless_it_made_it() {
        let created = happening(Trigger::Created, Status::Inbox);
        assert_eq!(created.told(Some(LEAD)), [(LEAD, Kind::TaskCreated)]);
        assert_eq!(created.told(None), []);
        assert_eq!(
            Happening {
                actor: Some(LEAD),
                ..created
            }
            .told(Some(LEAD)),
            []
        );
    }

    #[test]
    fn n2_the_new_assignee_hears_of_it_unless_it_took_it() {
        let born = Happening {
            assignee: Some(ADA),
            ..happening(Trigger::Created, Status::InProgress)
        };
        assert_eq!(
            born.told(Some(LEAD)),
            [(ADA, Kind::TaskAssigned), (LEAD, Kind::TaskCreated)]
        );
        let given = Happening {
            assignee: Some(ADA),
            ..happening(Trigger::Changed { assignee: true }, Status::Inbox)
        };
        assert_eq!(given.told(Some(LEAD)), [(ADA, Kind::TaskAssigned)]);
        let claimed = Happening {
            assignee: Some(ADA),
            actor: Some(ADA),
            ..moved(Status::Inbox, Status::InProgress)
        };
        assert_eq!(claimed.told(Some(LEAD)), []);
        let renamed = Happening {
            assignee: Some(ADA),
            ..happening(Trigger::Changed { assignee: false }, Status::Inbox)
        };
        assert_eq!(renamed.told(Some(LEAD)), []);
        let to_lead = Happening {
            assignee: Some(LEAD),
            ..happening(Trigger::Created, Status::InProgress)
        };
        assert_eq!(to_lead.told(Some(LEAD)), [(LEAD, Kind::TaskAssigned)]);
    }

    #[test]
    fn n3_the_lead_hears_that_a_task_waits_for_its_judgement() {
        let handed_in = Happening {
            actor: Some(ADA),
            assignee: Some(LEAD),
            previous_assignee: Some(ADA),
            ..moved(Status::InProgress, Status::Review)
        };
        assert_eq!(
            handed_in.told(Some(LEAD)),
            [(LEAD, Kind::TaskReadyForReview)]
        );
        let already = Happening {
            previous_assignee: Some(LEAD),
            ..handed_in
        };
        assert_eq!(already.told(Some(LEAD)), []);
    }

    #[test]
    fn n4_whoever_gets_a_task_back_from_the_lead_hears_why() {
        let back = Happening {
            actor: Some(LEAD),
            assignee: Some(ADA),
            previous_assignee: Some(LEAD),
            ..moved(Status::Review, Status::Inbox)
        };
        assert_eq!(back.told(Some(LEAD)), [(ADA, Kind::TaskChangesRequested)]);
        let by_a_person = Happening {
            actor: None,
            ..back
        };
        assert_eq!(by_a_person.told(Some(LEAD)), [(ADA, Kind::TaskAssigned)]);
    }

    #[test]
    fn n5_the_lead_hears_of_a_task_that_lost_its_owner() {
        let given_up = Happening {
            actor: Some(ADA),
            previous_assignee: Some(ADA),
            ..moved(Status::InProgress, Status::Inbox)
        };
        assert_eq!(given_up.told(Some(LEAD)), [(LEAD, Kind::TaskBackInInbox)]);
        let unassigned = Happening {
            previous_assignee: Some(ADA),
            ..happening(Trigger::Changed { assignee: true }, Status::Inbox)
        };
        assert_eq!(unassigned.told(Some(LEAD)), [(LEAD, Kind::TaskBackInInbox)]);
        let reopened = Happening {
            trigger: Trigger::Moved {
                from: Status::InProgress,
                by_system: true,
            },
            previous_assignee: Some(ADA),
            ..moved(Status::InProgress, Status::Inbox)
        };
        assert_eq!(
            reopened.told(Some(LEAD)),
            [(LEAD, Kind::TaskBackInInbox), (ADA, Kind::TaskBackInInbox)]
        );
    }

    #[test]
    fn n8_the_mentioned_and_the_assignee_hear_a_comment_its_author_does_not() {
        let comment = Happening {
            actor: Some(BOB),
            assignee: Some(ADA),
            ..happening(
                Trigger::Commented {
                    mentioned: vec![LEAD, BOB, LEAD],
                },
                Status::InProgress,
            )
        };
        assert_eq!(
            comment.told(Some(LEAD)),
            [(LEAD, Kind::TaskComment), (ADA, Kind::TaskComment)]
        );
    }

    #[test]
    fn the_lead_hears_of_a_decision() {
        let decided = happening(Trigger::ApprovalResolved, Status::Inbox);
        assert_eq!(decided.told(Some(LEAD)), [(LEAD, Kind::ApprovalResolved)]);
        assert_eq!(decided.told(None), []);
    }

    #[test]
    fn moves_that_concern_nobody_else_tell_nobody() {
        let done = Happening {
            assignee: Some(LEAD),
            previous_assignee: Some(LEAD),
            ..moved(Status::Review, Status::Done)
        };
        assert_eq!(done.told(Some(LEAD)), []);
    }
}
