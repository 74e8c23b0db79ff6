//! Snapshots on the wire.

use std::collections::HashMap;

use chassis::encode;
use proto::{approval::v1::TaskApprovalCounts, board::v1 as pb};
use uuid::Uuid;

use super::tasks::{to_priority, to_status};
use crate::{
    roster::Roster,
    snapshot::{BoardView, Counts, GroupView, Summary},
    tag::Badge,
};

/// A task as a board shows it.
pub(crate) fn card(
    task: pb::Task,
    assignee: Option<String>,
    approvals: Option<&TaskApprovalCounts>,
) -> pb::TaskCard {
    pb::TaskCard {
        id: task.id,
        board_id: task.board_id,
        title: task.title,
        description: task.description,
        status: task.status,
        priority: task.priority,
        due_at: task.due_at,
        assigned_agent_id: task.assigned_agent_id,
        created_by_user_id: task.created_by_user_id,
        in_progress_at: task.in_progress_at,
        created_at: task.created_at,
        updated_at: task.updated_at,
        depends_on_task_ids: task.depends_on_task_ids,
        blocked_by_task_ids: task.blocked_by_task_ids,
        is_blocked: task.is_blocked,
        tag_ids: task.tag_ids,
        tags: task.tags,
        custom_field_values: task.custom_field_values,
        version: task.version,
        cycle: task.cycle,
        created_by_agent_id: task.created_by_agent_id,
        stale_by_task_ids: task.stale_by_task_ids,
        assignee,
        approvals_count: approvals.map_or(0, |counts| counts.approvals_count),
        approvals_pending_count: approvals.map_or(0, |counts| counts.approvals_pending_count),
    }
}

/// How many tasks there are, by the word for their status.
pub(crate) fn counts(counts: Counts) -> HashMap<String, i32> {
    counts
        .into_iter()
        .map(|(status, count)| (status.as_str().to_owned(), count))
        .collect()
}

/// The boards of a group, with the names of those who work there.
pub(crate) fn boards(view: GroupView, roster: &Roster) -> Vec<pb::GroupBoard> {
    let badges = view.badges;
    view.boards
        .into_iter()
        .map(|view| board(view, &badges, roster))
        .collect()
}

fn board(view: BoardView, badges: &HashMap<Uuid, Badge>, roster: &Roster) -> pb::GroupBoard {
    let name = &view.board.content.name;
    pb::GroupBoard {
        board: Some(super::boards::board(&view.board)),
        task_counts: counts(view.counts),
        tasks: view
            .tasks
            .into_iter()
            .map(|task| summary(task, name, badges, roster))
            .collect(),
    }
}

fn summary(
    task: Summary,
    board_name: &str,
    badges: &HashMap<Uuid, Badge>,
    roster: &Roster,
) -> pb::GroupTask {
    let assignee = task
        .assigned_agent_id
        .and_then(|id| roster.find(id))
        .filter(|member| member.board_id == Some(task.board_id));
    pb::GroupTask {
        id: task.id.to_string(),
        board_id: task.board_id.to_string(),
        board_name: board_name.to_owned(),
        title: task.title,
        status: to_status(task.status).into(),
        priority: to_priority(task.priority).into(),
        assigned_agent_id: encode::optional_id(task.assigned_agent_id),
        assignee: assignee.map(|member| member.name.clone()),
        due_at: encode::optional_time(task.due_at),
        in_progress_at: encode::optional_time(task.in_progress_at),
        tags: task
            .tag_ids
            .iter()
            .filter_map(|id| badges.get(id))
            .map(|badge| super::tags::badge(badge.clone()))
            .collect(),
        created_at: Some(encode::time(task.created_at)),
        updated_at: Some(encode::time(task.updated_at)),
    }
}
