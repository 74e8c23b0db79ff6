//! Changing a task, in two pure steps: what the request alone allows to judge, which also says what must be asked
//! elsewhere; and, with the answers, the task as it will be.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    Refusal, Status, Task,
    gate::{self, Approvals, Gate, Rules},
    patch::Patch,
    transition::{self, Heir, Mover, Step},
};
use crate::{
    custom_field::{CustomField, values::Occasion},
    roster::Roster,
    tag::Badge,
};

/// A request that may be granted, and what it hangs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Intent {
    /// The row of the table that governs the move, when there is one.
    pub(crate) step: Option<&'static Step>,
    /// Who works on the board matters.
    pub(crate) needs_roster: bool,
    /// What approvals say matters.
    pub(crate) needs_approvals: bool,
    /// What was said on the task in this cycle matters.
    pub(crate) needs_comments: bool,
}

/// What the request hangs on, found out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) roster: &'a Roster,
    pub(crate) approvals: Approvals,
    /// Dependencies that the task will have and that are not done.
    pub(crate) open: &'a [Uuid],
    /// Whether the mover or the assignee commented in this cycle.
    pub(crate) commented: bool,
    /// The tags that the task will have, when the request is about them.
    pub(crate) tags: Option<&'a [Badge]>,
    /// The fields of the board, when the request fills some.
    pub(crate) fields: &'a [CustomField],
}

/// Judges who asks for what, by the task as it is.
#[cfg(test)]
pub(crate) fn authorize(
    mover: Mover,
    rules: &Rules,
    task: &Task,
    patch: &Patch,
) -> Result<Intent, Refusal> {
    admit(mover, rules, task, patch)?;
    plan(mover, rules, task, patch)
}

/// Judges whether the caller may ask for this at all, and of this version of the task.
pub(crate) fn admit(
    mover: Mover,
    rules: &Rules,
    task: &Task,
    patch: &Patch,
) -> Result<(), Refusal> {
    match mover {
        Mover::Worker(id) => authorize_worker(id, rules, task, patch)?,
        Mover::Lead(_) => authorize_lead(patch)?,
        Mover::User(_) | Mover::System => {}
    }
    if patch
        .expected_version
        .is_some_and(|expected| expected != task.version)
    {
        return Err(Refusal::VersionConflict {
            version: task.version,
        });
    }
    Ok(())
}

/// Finds the row of the table that governs what an admitted caller asks for, and what it hangs on.
pub(crate) fn plan(
    mover: Mover,
    rules: &Rules,
    task: &Task,
    patch: &Patch,
) -> Result<Intent, Refusal> {
    if patch.depends_on.is_some() && task.status == Status::Done {
        return Err(Refusal::DependenciesLocked);
    }
    let names = patch.named_assignee().is_some();
    let step = patch
        .status
        .map(|to| transition::find(mover, task, to, names))
        .transpose()?
        .flatten();
    let asks = |ask: fn(Gate, &Rules) -> bool| {
        step.is_some_and(|step| step.gates.iter().any(|gate| ask(*gate, rules)))
    };
    Ok(Intent {
        step,
        needs_roster: changes_hands(task, patch)
            || step.is_some_and(|step| step.heir.is_looked_up()),
        needs_approvals: asks(Gate::asks_approvals),
        needs_comments: asks(Gate::asks_comments) && patch.comment.is_none(),
    })
}

/// Whether the request gives the task to an agent that does not have it.
fn changes_hands(task: &Task, patch: &Patch) -> bool {
    patch
        .named_assignee()
        .is_some_and(|named| task.assigned_agent_id != Some(named))
}

fn authorize_worker(id: Uuid, rules: &Rules, task: &Task, patch: &Patch) -> Result<(), Refusal> {
    let foreign = task
        .assigned_agent_id
        .is_some_and(|assignee| assignee != id);
    match patch.status {
        Some(Status::InProgress) if foreign => return Err(Refusal::AlreadyClaimed),
        Some(_) if foreign => return Err(Refusal::AssigneeMismatch),
        _ => {}
    }
    let fields = patch.beyond_worker();
    if !fields.is_empty() {
        return Err(Refusal::WorkerField { fields });
    }
    if patch.status.is_some() {
        gate::admit_worker(rules)?;
    }
    // What nobody has it may fill when the same request claims it.
    let claims = task.assigned_agent_id.is_none() && patch.status == Some(Status::InProgress);
    if patch.values.is_some() && task.assigned_agent_id != Some(id) && !claims {
        return Err(Refusal::AssigneeMismatch);
    }
    Ok(())
}

fn authorize_lead(patch: &Patch) -> Result<(), Refusal> {
    if patch.comment.is_some() {
        return Err(Refusal::LeadComment);
    }
    let fields = patch.beyond_lead();
    if fields.is_empty() {
        Ok(())
    } else {
        Err(Refusal::LeadField { fields })
    }
}

/// The task as it will be, or why not. The gates are judged in the order of the table's row.
pub(crate) fn decide(
    mover: Mover,
    rules: &Rules,
    before: &Task,
    patch: &Patch,
    intent: &Intent,
    facts: &Facts<'_>,
    now: DateTime<Utc>,
) -> Result<Task, Refusal> {
    let mut task = before.clone();
    edit(&mut task, patch, facts);
    let closing = intent.step.map_or(before.status, |step| step.to) == Status::Done;
    if !closing && !facts.open.is_empty() && patch.named_assignee().is_some() {
        return Err(Refusal::Blocked {
            by: facts.open.to_vec(),
        });
    }
    if let Some(named) = patch
        .named_assignee()
        .filter(|_| changes_hands(before, patch))
    {
        facts.roster.judge_assignee(named, mover)?;
    }
    if let Some(step) = intent.step {
        let facts_of_gates = gate::Facts {
            from: before.status,
            open: facts.open,
            approvals: facts.approvals,
            commented: facts.commented || patch.comment.is_some(),
        };
        step.gates
            .iter()
            .try_for_each(|gate| gate.check(rules, &facts_of_gates))?;
        let heir = step.heir.resolve(&task, patch, mover, facts.roster);
        transition::enter(&mut task, step.to, heir, mover, now);
    } else if let Some(assignee) = patch.assignee {
        task.assigned_agent_id = assignee;
    }
    task.wait_for(facts.open, now);
    if let Some(named) = &patch.values {
        task.values = task.values.filled(facts.fields, named, Occasion::Change)?;
    }
    if task != *before {
        task.touch(now);
    }
    Ok(task)
}

fn edit(task: &mut Task, patch: &Patch, facts: &Facts<'_>) {
    if let Some(title) = &patch.title {
        task.title.clone_from(title);
    }
    if let Some(description) = &patch.description {
        task.description.clone_from(description);
    }
    if let Some(priority) = patch.priority {
        task.priority = priority;
    }
    if let Some(due_at) = patch.due_at {
        task.due_at = due_at;
    }
    if let Some(depends_on) = &patch.depends_on {
        task.depends_on = depends_on.of(task.depends_on.iter().copied());
    }
    if let Some(tags) = facts.tags {
        task.tags = tags.to_vec();
    }
}

impl Heir {
    /// Whether finding the heir takes the roster of the board.
    const fn is_looked_up(self) -> bool {
        match self {
            Self::BoardLead | Self::BoardLeadElseNamed | Self::LastWorker => true,
            Self::Named | Self::NamedElseKept | Self::NamedOnly | Self::Mine | Self::Nobody => {
                false
            }
        }
    }

    fn resolve(self, task: &Task, patch: &Patch, mover: Mover, roster: &Roster) -> Option<Uuid> {
        match self {
            Self::Named | Self::NamedOnly => patch.named_assignee(),
            Self::NamedElseKept => patch.assignee.unwrap_or(task.assigned_agent_id),
            Self::Mine => mover.agent_id(),
            Self::Nobody => None,
            Self::BoardLead => roster.lead(),
            Self::BoardLeadElseNamed => roster.lead().or(patch.named_assignee()),
            Self::LastWorker => task.last_worker_id.filter(|id| roster.has_worker(*id)),
        }
    }
}

impl Task {
    /// Notes the dependencies that are not done. The one rule for every mover: a task that waits is in the inbox and
    /// nobody's; a task that is done waits for nothing.
    pub(crate) fn wait_for(&mut self, open: &[Uuid], now: DateTime<Utc>) {
        if self.status == Status::Done {
            self.blocked_by.clear();
            return;
        }
        self.stale_by.clear();
        self.blocked_by = open.to_vec();
        if !open.is_empty() {
            transition::retreat(self, now);
        }
    }
}

/// Whether the task was moved by the rule about waiting rather than by the request.
pub(crate) fn was_reset(before: &Task, after: &Task, intent: &Intent) -> bool {
    before.status != after.status && intent.step.is_none_or(|step| step.to != after.status)
}
