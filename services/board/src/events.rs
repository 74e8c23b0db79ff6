//! What this service tells: typed events, each with the thing as it is after the change.

mod boards;
pub(crate) mod catalogue;
pub(crate) mod groups;
pub(crate) mod memory;

use bus::Draft;
use chrono::{DateTime, TimeDelta, Utc};
use proto::event::v1::{self as event, Actor, Event, event::Payload};
use uuid::Uuid;

use crate::{
    board::Board,
    comment::Comment,
    task::{Task, cascade},
    wire,
};

/// Why the system moves a task when something that it depends on is done no longer.
pub(crate) const DEPENDENCY_REOPENED: &str = "dependency_reopened";
/// Why the system moves a task when it gets a dependency that is not done.
pub(crate) const DEPENDENCY_ADDED: &str = "dependency_added";

/// Why the system moves a task when the agent that worked on it is gone.
pub(crate) const ASSIGNEE_DELETED: &str = "assignee_deleted";
/// Why the system moves a task when the agent that worked on it went to another board.
pub(crate) const ASSIGNEE_MOVED: &str = "assignee_moved";

/// Who does something on which board, when.
#[derive(Clone, Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) actor: Actor,
    pub(crate) agent_id: Option<Uuid>,
    pub(crate) board: &'a Board,
    pub(crate) now: DateTime<Utc>,
}

impl Scene<'_> {
    fn draft(&self, payload: Payload) -> Draft {
        let draft = bus::event(
            self.actor.clone(),
            self.board.organization_id,
            self.now,
            payload,
        )
        .board(self.board.id);
        match self.agent_id {
            Some(id) => draft.agent(id),
            None => draft,
        }
    }

    fn on_task(&self, task: &Task, payload: Payload) -> Event {
        self.draft(payload).task(task.id).build()
    }

    fn board_name(&self) -> String {
        self.board.content.name.clone()
    }

    /// The same scene, done by Mission Control itself.
    fn by_system(&self) -> Self {
        Self {
            actor: chassis::caller::system_actor(),
            agent_id: None,
            ..self.clone()
        }
    }

    pub(crate) fn task_created(&self, task: &Task) -> Event {
        let payload = event::TaskCreated {
            task: told(task),
            board_name: self.board_name(),
        };
        self.on_task(task, Payload::TaskCreated(payload))
    }

    pub(crate) fn task_deleted(&self, task: &Task) -> Event {
        let payload = event::TaskDeleted {
            task: told(task),
            board_name: self.board_name(),
        };
        self.on_task(task, Payload::TaskDeleted(payload))
    }

    pub(crate) fn commented(&self, comment: &Comment, task: &Task) -> Event {
        let comment = Some(wire::comment(comment.clone()));
        let payload = event::TaskCommented {
            comment,
            task: told(task),
            board_name: self.board_name(),
        };
        self.on_task(task, Payload::TaskCommented(payload))
    }

    /// What somebody's change of a task tells: the edited fields, then the move. What follows from a move, such as a
    /// new assignee, is told with it. A move that nobody asked for is the system's, with its cause.
    pub(crate) fn changed(
        &self,
        before: &Task,
        after: &Task,
        cause: Option<&str>,
        said: Option<&str>,
    ) -> Vec<Event> {
        let moved = before.status != after.status;
        let mut fields = before.changed_fields(after);
        if moved {
            fields.retain(|field| {
                !matches!(
                    *field,
                    "status" | "assigned_agent_id" | "blocked_by_task_ids" | "stale_by_task_ids"
                )
            });
        }
        let mut events = Vec::new();
        if !fields.is_empty() {
            events.push(self.updated(before, after, &fields));
        }
        if moved {
            events.push(match cause {
                Some(_) => self.by_system().moved(before, after, cause, None),
                None => self.moved(before, after, None, said),
            });
        }
        events
    }

    /// What befell tasks because of another, as the system's doing.
    pub(crate) fn cascaded(&self, changes: &[cascade::Change], cause: Option<&str>) -> Vec<Event> {
        let scene = self.by_system();
        let events =
            |change: &cascade::Change| scene.changed(&change.before, &change.after, cause, None);
        changes.iter().flat_map(events).collect()
    }

    fn updated(&self, before: &Task, after: &Task, fields: &[&'static str]) -> Event {
        let reassigned = fields.contains(&"assigned_agent_id");
        let payload = event::TaskUpdated {
            task: told(after),
            board_name: self.board_name(),
            changed_fields: owned(fields),
            previous_assignee_id: before
                .assigned_agent_id
                .filter(|_| reassigned)
                .map(|id| id.to_string()),
        };
        self.on_task(after, Payload::TaskUpdated(payload))
    }

    fn moved(&self, before: &Task, after: &Task, cause: Option<&str>, said: Option<&str>) -> Event {
        let payload = event::TaskStatusChanged {
            task: told(after),
            board_name: self.board_name(),
            from: wire::tasks::to_status(before.status).into(),
            to: wire::tasks::to_status(after.status).into(),
            previous_assignee_id: before.assigned_agent_id.map(|id| id.to_string()),
            seconds_in_from: seconds(before.time_in_status(self.now)),
            cause: cause.map(str::to_owned),
            started_at: after.started_at.map(chassis::encode::time),
            comment: said.map(str::to_owned),
        };
        self.on_task(after, Payload::TaskStatusChanged(payload))
    }
}

fn told(task: &Task) -> Option<proto::board::v1::Task> {
    Some(wire::tasks::task(task.clone()))
}

fn owned(fields: &[&'static str]) -> Vec<String> {
    fields.iter().map(|field| (*field).to_owned()).collect()
}

/// A duration in seconds; a clock that was set back makes none negative.
fn seconds(duration: TimeDelta) -> f64 {
    duration.max(TimeDelta::zero()).as_seconds_f64()
}
