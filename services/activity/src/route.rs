//! Where a user interface shows an event.

use std::collections::HashMap;

use chrono::{DateTime, SecondsFormat, Utc};
use uuid::Uuid;

/// The facts that decide the place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) event_id: Uuid,
    pub(crate) event_type: &'a str,
    pub(crate) occurred_at: DateTime<Utc>,
    pub(crate) board_id: Option<Uuid>,
    pub(crate) task_id: Option<Uuid>,
    /// Of a `task.comment`.
    pub(crate) comment_id: Option<&'a str>,
}

/// Name and parameters of the page; the first condition that holds decides.
pub(crate) fn of(place: Place<'_>) -> (&'static str, HashMap<String, String>) {
    let Some(board) = place.board_id.map(|id| id.to_string()) else {
        let created_at = place
            .occurred_at
            .to_rfc3339_opts(SecondsFormat::AutoSi, true);
        let mut params = named([
            ("eventId", place.event_id.to_string()),
            ("eventType", place.event_type.to_owned()),
            ("createdAt", created_at),
        ]);
        params.extend(
            place
                .task_id
                .map(|task| ("taskId".to_owned(), task.to_string())),
        );
        return ("activity", params);
    };
    let task = place.task_id.map(|id| id.to_string());
    match (task, place.comment_id) {
        (Some(task), Some(comment)) if place.event_type == "task.comment" => (
            "board",
            named([
                ("boardId", board),
                ("taskId", task),
                ("commentId", comment.to_owned()),
            ]),
        ),
        _ if place.event_type.starts_with("approval.") => {
            ("board.approvals", named([("boardId", board)]))
        }
        _ if place.event_type.starts_with("board.") => (
            "board",
            named([("boardId", board), ("panel", "chat".to_owned())]),
        ),
        (Some(task), _) => ("board", named([("boardId", board), ("taskId", task)])),
        (None, _) => ("board", named([("boardId", board)])),
    }
}

fn named<const N: usize>(params: [(&str, String); N]) -> HashMap<String, String> {
    params
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOARD: Uuid = Uuid::from_u128(1);
    const TASK: Uuid = Uuid::from_u128(2);

    fn at(event_type: &str, board: bool, task: bool) -> (&'static str, Vec<(String, String)>) {
        let (name, params) = of(Place {
            event_id: Uuid::from_u128(9),
            event_type,
            occurred_at: DateTime::from_timestamp_micros(1_700_000_000_000_001).unwrap(),
            board_id: board.then_some(BOARD),
            task_id: task.then_some(TASK),
            comment_id: (event_type == "task.comment").then_some("c"),
        });
        let mut params: Vec<_> = params.into_iter().collect();
        params.sort();
        (name, params)
    }

    #[test]
    fn each_kind_of_event_has_its_page() {
        let (board, task) = (BOARD.to_string(), TASK.to_string());
        let named = |params: &[(&str, &str)]| {
            params
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            at("task.comment", true, true),
            (
                "board",
                named(&[("boardId", &board), ("commentId", "c"), ("taskId", &task)])
            )
        );
        assert_eq!(
            at("approval.created", true, true),
            ("board.approvals", named(&[("boardId", &board)]))
        );
        assert_eq!(
            at("board.updated", true, true),
            ("board", named(&[("boardId", &board), ("panel", "chat")]))
        );
        assert_eq!(
            at("task.created", true, true),
            ("board", named(&[("boardId", &board), ("taskId", &task)]))
        );
        assert_eq!(
            at("agent.created", true, false),
            ("board", named(&[("boardId", &board)]))
        );
        assert_eq!(
            at("gateway.created", false, false),
            (
                "activity",
                named(&[
                    ("createdAt", "2023-11-14T22:13:20.000001Z"),
                    ("eventId", "00000000-0000-0000-0000-000000000009"),
                    ("eventType", "gateway.created"),
                ])
            )
        );
    }
}
