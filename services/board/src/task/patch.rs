//! What a request wants changed about a task. Absent, null and a value are three different things.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Priority, Status, revision::Revision};
use crate::custom_field::values::Named;

/// The fields that a request names, and nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Patch {
    pub(crate) title: Option<String>,
    pub(crate) description: Option<Option<String>>,
    pub(crate) status: Option<Status>,
    pub(crate) priority: Option<Priority>,
    pub(crate) due_at: Option<Option<DateTime<Utc>>>,
    pub(crate) assignee: Option<Option<Uuid>>,
    pub(crate) depends_on: Option<Revision>,
    pub(crate) tags: Option<Revision>,
    /// Custom fields; null clears one.
    pub(crate) values: Option<Named>,
    pub(crate) comment: Option<String>,
    pub(crate) expected_version: Option<i64>,
}

impl Patch {
    /// The agent to whom the request gives the task.
    pub(crate) fn named_assignee(&self) -> Option<Uuid> {
        self.assignee.flatten()
    }

    /// Names of the fields that only a person may change.
    fn content_fields(&self) -> impl Iterator<Item = &'static str> {
        [
            ("title", self.title.is_some()),
            ("description", self.description.is_some()),
            ("priority", self.priority.is_some()),
            ("due_at", self.due_at.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, named)| named.then_some(name))
    }

    /// Names of the fields that a lead may not change.
    pub(crate) fn beyond_lead(&self) -> Vec<&'static str> {
        self.content_fields().collect()
    }

    /// Names of the fields that a worker may not change.
    pub(crate) fn beyond_worker(&self) -> Vec<&'static str> {
        let planning = [
            ("assigned_agent_id", self.assignee.is_some()),
            ("depends_on_task_ids", self.depends_on.is_some()),
            ("tag_ids", self.tags.is_some()),
        ];
        let planning = planning
            .into_iter()
            .filter_map(|(name, named)| named.then_some(name));
        self.content_fields().chain(planning).collect()
    }
}
