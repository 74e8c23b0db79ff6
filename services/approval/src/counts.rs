//! How many approvals a board and its tasks have.

use std::collections::HashMap;

use uuid::Uuid;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Pending approvals of the board.
    pub pending: i64,
    pub tasks: HashMap<Uuid, TaskCounts>,
}

/// Approvals of one task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TaskCounts {
    pub all: i64,
    pub pending: i64,
}

impl Counts {
    /// The counts as they were when so many approvals of the board were still pending that no longer are. Those of
    /// tasks are the same: a task has at most one pending approval.
    pub(crate) fn before(&self, still_pending: usize) -> Self {
        Self {
            pending: self.pending + i64::try_from(still_pending).unwrap_or(i64::MAX),
            tasks: self.tasks.clone(),
        }
    }
}
