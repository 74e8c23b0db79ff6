//! Random walks through the status machine, legal and illegal, beside a model that was written from the contract and not
//! from the table.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use uuid::Uuid;

use super::{
    Priority, Refusal, Status, Task,
    change::{self, Facts},
    creation::{self, Birthplace, Draft, Facts as Start},
    gate::{Approvals, Rules},
    patch::Patch,
    transition::Mover,
};
use crate::roster::{Member, Roster};

const LEAD: Uuid = Uuid::from_u128(1);
const WORKERS: [Uuid; 2] = [Uuid::from_u128(2), Uuid::from_u128(3)];
const PERSON: Uuid = Uuid::from_u128(9);
const OTHER_TASK: Uuid = Uuid::from_u128(77);

/// Who may go where. `inbox`, `progress`, `review`, `done`: a letter each, in the columns; the rows are where from.
/// `+` goes, `-` is refused, `=` is where the task is already, `n` goes if the request names an assignee.
const USER: [&str; 4] = ["=+++", "+=++", "++=+", "+++="];
const WORKER: [&str; 4] = ["=+++", "+=++", "++=+", "---="];
const LEAD_MOVES: [&str; 4] = ["-n--", "----", "+--+", "----"];

#[derive(Clone, Debug)]
struct Move {
    who: usize,
    to: usize,
    names: Option<Uuid>,
    open: bool,
    approved: bool,
    pending: bool,
    commented: bool,
    said: bool,
    rules: Rules,
}

fn moves() -> impl Strategy<Value = Move> {
    let rules = any::<[bool; 5]>().prop_map(|[a, b, c, d, e]| Rules {
        require_approval_for_done: a,
        require_review_before_done: b,
        comment_required_for_review: c,
        block_status_changes_with_pending_approval: d,
        // Rarely on, or workers would hardly move.
        only_lead_can_change_status: e && a && b,
    });
    let agents = prop_oneof![3 => Just(None), 1 => Just(Some(LEAD)), 2 => Just(Some(WORKERS[0])), 1 => Just(Some(WORKERS[1]))];
    let facts = (
        prop::bool::weighted(0.15),
        any::<bool>(),
        prop::bool::weighted(0.2),
        any::<bool>(),
        any::<bool>(),
    );
    (0..4_usize, 0..4_usize, agents, facts, rules).prop_map(|(who, to, names, facts, rules)| {
        let (open, approved, pending, commented, said) = facts;
        Move {
            who,
            to,
            names,
            open,
            approved,
            pending,
            commented,
            said,
            rules,
        }
    })
}

fn mover(who: usize) -> Mover {
    match who {
        0 => Mover::User(PERSON),
        1 => Mover::Lead(LEAD),
        worker => Mover::Worker(WORKERS[worker - 2]),
    }
}

/// What the contract makes of a move: the task's status, assignee, cycle and last worker, or the code of a refusal.
#[derive(Clone, Debug, PartialEq)]
struct Model {
    status: usize,
    assignee: Option<Uuid>,
    cycle: i32,
    last_worker: Option<Uuid>,
}

impl Model {
    fn of(task: &Task) -> Self {
        let status = Status::ALL
            .iter()
            .position(|status| *status == task.status)
            .unwrap();
        Self {
            status,
            assignee: task.assigned_agent_id,
            cycle: task.cycle,
            last_worker: task.last_worker_id,
        }
    }

    fn after(&self, step: &Move) -> Result<Self, &'static str> {
        let me = mover(step.who).agent_id();
        let is_worker = step.who >= 2;
        self.may(step, me, is_worker)?;
        let table = [USER, LEAD_MOVES, WORKER, WORKER][step.who];
        let goes = match table[self.status].as_bytes()[step.to] {
            b'+' => true,
            b'=' => false,
            b'n' if step.names.is_some() => true,
            _ if is_worker => return Err("TASK_REOPEN_FORBIDDEN"),
            _ if self.status == 2 => return Err("LEAD_TARGET_FORBIDDEN"),
            _ => return Err("LEAD_STATUS_REQUIRES_REVIEW"),
        };
        let names = step.names.filter(|_| !is_worker);
        if step.open && step.to != 3 && names.is_some() {
            return Err("TASK_BLOCKED_CANNOT_TRANSITION");
        }
        if step.who == 1 && names == Some(LEAD) && self.assignee != Some(LEAD) {
            return Err("CANNOT_ASSIGN_TO_LEAD");
        }
        if !goes {
            let mut same = self.clone();
            if is_worker && step.to == 1 && self.assignee.is_none() {
                same.assignee = me;
            } else if names.is_some() {
                same.assignee = names;
            }
            return Ok(same);
        }
        self.gates(step)?;
        Ok(Self {
            status: step.to,
            assignee: self.heir(step, me, names),
            cycle: self.cycle + i32::from(self.status == 3),
            last_worker: if is_worker && step.to == 2 {
                me
            } else {
                self.last_worker
            },
        })
    }

    fn may(&self, step: &Move, me: Option<Uuid>, is_worker: bool) -> Result<(), &'static str> {
        if step.who == 1 && step.said {
            return Err("LEAD_COMMENT_IN_PATCH");
        }
        if !is_worker {
            return Ok(());
        }
        if self.assignee.is_some() && self.assignee != me {
            return Err(if step.to == 1 {
                "TASK_ALREADY_CLAIMED"
            } else {
                "TASK_ASSIGNEE_MISMATCH"
            });
        }
        if step.names.is_some() {
            return Err("TASK_UPDATE_FIELD_FORBIDDEN");
        }
        if step.rules.only_lead_can_change_status {
            Err("ONLY_LEAD_CAN_CHANGE_STATUS")
        } else {
            Ok(())
        }
    }

    fn gates(&self, step: &Move) -> Result<(), &'static str> {
        let rules = &step.rules;
        if step.open && step.to != 0 {
            return Err("TASK_BLOCKED_CANNOT_TRANSITION");
        }
        if rules.block_status_changes_with_pending_approval && step.pending {
            return Err("TASK_PENDING_APPROVAL");
        }
        if step.to == 3 && rules.require_review_before_done && self.status != 2 {
            return Err("TASK_REVIEW_REQUIRED");
        }
        if step.to == 3 && rules.require_approval_for_done && !step.approved {
            return Err("TASK_APPROVAL_REQUIRED");
        }
        if step.to == 2 && rules.comment_required_for_review && !step.commented && !step.said {
            return Err("COMMENT_REQUIRED");
        }
        Ok(())
    }

    fn heir(&self, step: &Move, me: Option<Uuid>, names: Option<Uuid>) -> Option<Uuid> {
        match (step.who, step.to) {
            (_, 2) => Some(LEAD),
            (0, 0) => names,
            (1, 0) => self.last_worker,
            (_, 0) => None,
            (0 | 1, _) => names.or(self.assignee),
            _ => me,
        }
    }
}

fn roster() -> Roster {
    let member = |id, is_lead| Member {
        id,
        organization_id: Uuid::nil(),
        board_id: Some(Uuid::nil()),
        name: String::new(),
        is_lead,
    };
    Roster {
        members: vec![
            member(LEAD, true),
            member(WORKERS[0], false),
            member(WORKERS[1], false),
        ],
        stranger: None,
    }
}

pub(super) fn new_task(id: u128, depends_on: Vec<Uuid>, open: &[Uuid], now: DateTime<Utc>) -> Task {
    let draft = Draft {
        title: "t".into(),
        description: None,
        status: Status::Inbox,
        priority: Priority::Medium,
        due_at: None,
        assignee: None,
        depends_on,
        tags: Vec::new(),
        values: BTreeMap::new(),
    };
    let facts = Start {
        open,
        roster: &Roster::default(),
        tags: &[],
        fields: &[],
    };
    let at = Birthplace {
        id: Uuid::from_u128(id),
        organization_id: Uuid::nil(),
        board_id: Uuid::nil(),
    };
    creation::create(Mover::User(PERSON), at, draft, &facts, now).unwrap()
}

fn perform(task: &Task, step: &Move, now: DateTime<Utc>) -> Result<Task, Refusal> {
    let patch = Patch {
        status: Some(Status::ALL[step.to]),
        assignee: step.names.map(Some),
        comment: step.said.then(|| "said".to_owned()),
        ..Patch::default()
    };
    let by = mover(step.who);
    let intent = change::authorize(by, &step.rules, task, &patch)?;
    let open: &[Uuid] = if step.open { &[OTHER_TASK] } else { &[] };
    let approvals = Approvals {
        approved: step.approved,
        pending: step.pending.then_some(Uuid::nil()),
    };
    let facts = Facts {
        roster: &roster(),
        approvals,
        open,
        commented: step.commented,
        tags: None,
        fields: &[],
    };
    change::decide(by, &step.rules, task, &patch, &intent, &facts, now)
}

/// What always holds of a task.
pub(super) fn assert_sound(task: &Task) {
    assert_eq!(
        task.in_progress_at.is_some(),
        task.status == Status::InProgress
    );
    assert!(task.status != Status::InProgress || task.started_at.is_some());
    assert!(
        task.blocked_by.is_empty()
            || (task.status == Status::Inbox && task.assigned_agent_id.is_none())
    );
    assert!(task.stale_by.is_empty() || task.status == Status::Done);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_task_walks_as_the_contract_says(steps in prop::collection::vec(moves(), 1..40)) {
        let mut now = DateTime::UNIX_EPOCH;
        let mut task = new_task(5, Vec::new(), &[], now);
        for step in steps {
            now += TimeDelta::seconds(1);
            // What waits is in the inbox: a task elsewhere has nothing open, unless it is done and does not mind.
            let can_wait = matches!(task.status, Status::Done) || task.status == Status::Inbox && task.assigned_agent_id.is_none();
            let step = Move { open: step.open && can_wait, ..step };
            let expected = Model::of(&task).after(&step);
            match perform(&task, &step, now) {
                Err(refusal) => prop_assert_eq!(Err(refusal.reason()), expected, "{:?} from {:?}", step, task),
                Ok(after) => {
                    prop_assert_eq!(Ok(Model::of(&after)), expected, "{:?} from {:?}", step, task);
                    assert_sound(&after);
                    if after.status == task.status {
                        prop_assert_eq!(after.in_progress_at, task.in_progress_at);
                        prop_assert_eq!(after.status_changed_at, task.status_changed_at);
                    } else {
                        prop_assert_eq!(after.in_progress_at, (after.status == Status::InProgress).then_some(now));
                    }
                    prop_assert_eq!(after.version, task.version + i64::from(after != task));
                    task = after;
                }
            }
        }
    }
}
