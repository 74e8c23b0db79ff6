//! What a page shows of a board or of a group at once.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    board::Board,
    group::Group,
    tag::Badge,
    task::{Priority, Status},
};

/// How many tasks there are in each status that occurs.
pub(crate) type Counts = HashMap<Status, i32>;

/// What a snapshot of a group says of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) id: Uuid,
    pub(crate) board_id: Uuid,
    pub(crate) title: String,
    pub(crate) status: Status,
    pub(crate) priority: Priority,
    pub(crate) due_at: Option<DateTime<Utc>>,
    pub(crate) assigned_agent_id: Option<Uuid>,
    pub(crate) in_progress_at: Option<DateTime<Utc>>,
    pub(crate) tag_ids: Vec<Uuid>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

/// The boards of a group that a reader may see, as they stood at one moment.
#[derive(Clone, Debug)]
pub(crate) struct GroupView {
    pub(crate) group: Group,
    pub(crate) boards: Vec<BoardView>,
    pub(crate) badges: HashMap<Uuid, Badge>,
}

/// A board in the view of its group.
#[derive(Clone, Debug)]
pub(crate) struct BoardView {
    pub(crate) board: Board,
    pub(crate) counts: Counts,
    /// The foremost of its tasks.
    pub(crate) tasks: Vec<Summary>,
}
