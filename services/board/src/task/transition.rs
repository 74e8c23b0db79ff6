//! The status machine of a task: one table of who may move it from where to where, through which gates, and into whose
//! hands. What is not in the table does not happen.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    Refusal, Status, Task,
    gate::Gate::{self, Approved, Commented, NonePending, Reviewed, Unblocked},
};
use Heir::{
    BoardLead, BoardLeadElseNamed, LastWorker, Mine, Named, NamedElseKept, NamedOnly, Nobody,
};
use Kind::{Lead, System, User, Worker};
use Status::{Done, InProgress, Inbox, Review};

/// In which role somebody moves a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// A person who may write the board.
    User,
    /// The lead agent of the board.
    Lead,
    /// Any other agent of the board.
    Worker,
    /// Mission Control itself, when a dependency is reopened or added.
    System,
}

/// Who moves a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mover {
    User(Uuid),
    Lead(Uuid),
    Worker(Uuid),
    System,
}

impl Mover {
    pub(crate) const fn kind(self) -> Kind {
        match self {
            Self::User(_) => User,
            Self::Lead(_) => Lead,
            Self::Worker(_) => Worker,
            Self::System => System,
        }
    }

    /// The agent that moves, when one does.
    pub(crate) const fn agent_id(self) -> Option<Uuid> {
        match self {
            Self::Lead(id) | Self::Worker(id) => Some(id),
            Self::User(_) | Self::System => None,
        }
    }

    /// The person who moves, when one does.
    pub(crate) const fn user_id(self) -> Option<Uuid> {
        match self {
            Self::User(id) => Some(id),
            Self::Lead(_) | Self::Worker(_) | Self::System => None,
        }
    }
}

/// Into whose hands a move gives the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heir {
    /// Whom the request names, else nobody.
    Named,
    /// Whom the request names; a request that names nobody keeps the assignee.
    NamedElseKept,
    /// Whom the request names; without a name there is no such move.
    NamedOnly,
    /// The worker that moves it.
    Mine,
    Nobody,
    /// The lead of the board, if there is one.
    BoardLead,
    /// The lead of the board, else whom the request names.
    BoardLeadElseNamed,
    /// The worker that last moved it to review, while it still works on the board.
    LastWorker,
}

/// One row of the table.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) by: Kind,
    pub(crate) from: &'static [Status],
    pub(crate) to: Status,
    pub(crate) heir: Heir,
    /// In the order in which they are judged.
    pub(crate) gates: &'static [Gate],
}

const fn step(
    by: Kind,
    from: &'static [Status],
    to: Status,
    heir: Heir,
    gates: &'static [Gate],
) -> Step {
    Step {
        by,
        from,
        to,
        heir,
        gates,
    }
}

/// The table. Two rules for workers are judged before it, by [`super::change::admit`], because they hold for a
/// repeated status too: a worker moves only what is its own or nobody's, and nothing where only the lead may.
#[rustfmt::skip]
const TABLE: &[Step] = &[
    //   who     from                          to          into whose hands    if
    step(User,   &[InProgress, Review, Done],  Inbox,      Named,              &[NonePending]),
    step(User,   &[Inbox, Review, Done],       InProgress, NamedElseKept,      &[Unblocked, NonePending]),
    step(User,   &[Inbox, InProgress, Done],   Review,     BoardLeadElseNamed, &[Unblocked, NonePending, Commented]),
    step(User,   &[Inbox, InProgress, Review], Done,       NamedElseKept,      &[Unblocked, NonePending, Reviewed, Approved]),

    step(Worker, &[InProgress, Review],        Inbox,      Nobody,             &[NonePending]),
    step(Worker, &[Inbox, Review],             InProgress, Mine,               &[Unblocked, NonePending]),
    step(Worker, &[Inbox, InProgress],         Review,     BoardLead,          &[Unblocked, NonePending, Commented]),
    step(Worker, &[Inbox, InProgress, Review], Done,       Mine,               &[Unblocked, NonePending, Reviewed, Approved]),

    step(Lead,   &[Inbox],                     InProgress, NamedOnly,          &[Unblocked, NonePending]),
    step(Lead,   &[Review],                    Inbox,      LastWorker,         &[NonePending]),
    step(Lead,   &[Review],                    Done,       NamedElseKept,      &[Unblocked, NonePending, Reviewed, Approved]),

    step(System, &[InProgress, Review],        Inbox,      Nobody,             &[]),
];

/// A worker takes over work that goes on with nobody assigned: no transition, but a claim like any other.
const TAKE_OVER: Step = step(Worker, &[InProgress], InProgress, Mine, &[Unblocked]);

/// The row that governs a requested move; `None` when nothing moves. `names` says whether the request names an assignee.
pub(crate) fn find(
    mover: Mover,
    task: &Task,
    to: Status,
    names: bool,
) -> Result<Option<&'static Step>, Refusal> {
    let (by, from) = (mover.kind(), task.status);
    if by == Worker && from == InProgress && to == InProgress && task.assigned_agent_id.is_none() {
        return Ok(Some(&TAKE_OVER));
    }
    let row = TABLE.iter().find(|step| {
        step.by == by
            && step.from.contains(&from)
            && step.to == to
            && (names || step.heir != NamedOnly)
    });
    match (row, by) {
        (Some(step), _) => Ok(Some(step)),
        (None, User | System) => Ok(None),
        (None, Worker) if from == to => Ok(None),
        (None, Worker) => Err(Refusal::Reopen),
        (None, Lead) if from == Review => Err(Refusal::LeadTarget),
        (None, Lead) => Err(Refusal::LeadStatus),
    }
}

/// Moves a task. The one place that sets what follows from a move, for every mover; a task that is already there
/// changes hands at most.
pub(crate) fn enter(
    task: &mut Task,
    to: Status,
    heir: Option<Uuid>,
    mover: Mover,
    now: DateTime<Utc>,
) {
    let from = task.status;
    task.assigned_agent_id = heir;
    if from == to {
        return;
    }
    task.status = to;
    task.status_changed_at = now;
    task.in_progress_at = (to == InProgress).then_some(now);
    if from == Done {
        task.cycle += 1;
        task.started_at = None;
    }
    if to == InProgress {
        task.started_at.get_or_insert(now);
    }
    if let (Review, Mover::Worker(id)) = (to, mover) {
        task.last_worker_id = Some(id);
    }
}

/// The system's one move: work that has to wait goes back to the inbox and is nobody's. What is done stays done.
pub(crate) fn retreat(task: &mut Task, now: DateTime<Utc>) {
    if task.status == Inbox {
        task.assigned_agent_id = None;
    } else if let Ok(Some(step)) = find(Mover::System, task, Inbox, false) {
        enter(task, step.to, None, Mover::System, now);
    }
}
