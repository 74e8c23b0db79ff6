//! Which events somebody asks for.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// A type of event, or a family of types: `task.created`, `task.*`, `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    Exact(String),
    /// Begins so; the dot included. Empty admits everything.
    Prefix(String),
}

impl Pattern {
    /// Longest pattern that is read, in bytes. The longest type today has 32.
    const MAX: usize = 100;

    /// Reads a pattern; `None` when it is not one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let of_type = |text: &str| {
            !text.is_empty()
                && text.split('.').all(|word| {
                    !word.is_empty()
                        && word
                            .bytes()
                            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
                })
        };
        match text {
            _ if text.len() > Self::MAX => None,
            "*" => Some(Self::Prefix(String::new())),
            _ => match text.strip_suffix(".*") {
                Some(family) => of_type(family).then(|| Self::Prefix(format!("{family}."))),
                None => of_type(text).then(|| Self::Exact(text.to_owned())),
            },
        }
    }

    fn admits(&self, event_type: &str) -> bool {
        match self {
            Self::Exact(exact) => event_type == exact,
            Self::Prefix(prefix) => event_type.starts_with(prefix.as_str()),
        }
    }

    /// The one type that it admits, when it is only one.
    fn exact(&self) -> Option<String> {
        match self {
            Self::Exact(exact) => Some(exact.clone()),
            Self::Prefix(_) => None,
        }
    }

    /// The same as an operand of SQL `like`.
    fn like(&self) -> String {
        match self {
            Self::Exact(exact) => exact.replace('_', "\\_"),
            Self::Prefix(prefix) => format!("{}%", prefix.replace('_', "\\_")),
        }
    }
}

/// Everything that a reader may narrow the log by. What is absent admits all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) board_id: Option<Uuid>,
    pub(crate) task_id: Option<Uuid>,
    pub(crate) agent_id: Option<Uuid>,
    /// Who did it.
    pub(crate) actor_id: Option<Uuid>,
    pub(crate) types: Vec<Pattern>,
    /// Happened at or after.
    pub(crate) since: Option<DateTime<Utc>>,
    /// Happened before.
    pub(crate) until: Option<DateTime<Utc>>,
}

/// The types of a filter as operands of SQL, in the form that the planner makes most of. Each that is absent admits all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Types {
    /// Any of these.
    pub(crate) exact: Option<Vec<String>>,
    /// `like` this.
    pub(crate) like: Option<String>,
    /// `like` any of these.
    pub(crate) likes: Option<Vec<String>>,
}

/// What a filter looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About<'a> {
    pub(crate) board_id: Option<Uuid>,
    pub(crate) task_id: Option<Uuid>,
    pub(crate) agent_id: Option<Uuid>,
    pub(crate) actor_id: Option<Uuid>,
    pub(crate) event_type: &'a str,
    pub(crate) occurred_at: DateTime<Utc>,
}

impl Filter {
    /// Whether an event passes.
    pub(crate) fn admits(&self, event: About<'_>) -> bool {
        let same = |wanted: Option<Uuid>, is: Option<Uuid>| wanted.is_none() || wanted == is;
        same(self.board_id, event.board_id)
            && same(self.task_id, event.task_id)
            && same(self.agent_id, event.agent_id)
            && same(self.actor_id, event.actor_id)
            && self.since.is_none_or(|since| event.occurred_at >= since)
            && self.until.is_none_or(|until| event.occurred_at < until)
            && (self.types.is_empty() || self.types.iter().any(|p| p.admits(event.event_type)))
    }

    /// Its types as operands of SQL.
    pub(crate) fn operands(&self) -> Types {
        let mut operands = Types::default();
        match self.types.as_slice() {
            [] => {}
            [Pattern::Prefix(_)] => operands.like = Some(self.types[0].like()),
            types => {
                let exact: Option<Vec<_>> = types.iter().map(Pattern::exact).collect();
                match exact {
                    Some(exact) => operands.exact = Some(exact),
                    None => operands.likes = Some(types.iter().map(Pattern::like).collect()),
                }
            }
        }
        operands
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(pattern: &str, event_type: &str) -> bool {
        Pattern::parse(pattern).unwrap().admits(event_type)
    }

    #[test]
    fn a_family_admits_its_members_and_nobody_else() {
        assert!(admits("task.*", "task.created"));
        assert!(!admits("task.*", "tasks.created"));
        assert!(!admits("task.*", "task"));
        assert!(admits("*", "anything.at_all"));
        assert!(admits("task.status_changed", "task.status_changed"));
        assert!(!admits("task.status", "task.status_changed"));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in [
            "",
            ".",
            "task.",
            ".*",
            "task*",
            "*.created",
            "task.*.*",
            "Task.created",
            "task\0",
            "a b",
        ] {
            assert_eq!(Pattern::parse(text), None, "{text:?}");
        }
        assert_eq!(Pattern::parse(&"a".repeat(101)), None);
    }

    #[test]
    fn types_become_the_narrowest_operand() {
        let of = |texts: &[&str]| {
            Filter {
                types: texts
                    .iter()
                    .map(|text| Pattern::parse(text).unwrap())
                    .collect(),
                ..Filter::default()
            }
            .operands()
        };
        assert_eq!(of(&[]), Types::default());
        assert_eq!(
            of(&["task.created", "board.created"]).exact,
            Some(vec!["task.created".into(), "board.created".into()])
        );
        assert_eq!(of(&["task.*"]).like.as_deref(), Some("task.%"));
        assert_eq!(
            of(&["task.*", "board.created"]).likes,
            Some(vec!["task.%".into(), "board.created".into()])
        );
    }

    #[test]
    fn an_underscore_stands_for_itself_in_sql() {
        assert_eq!(
            Pattern::parse("task.status_changed").unwrap().like(),
            "task.status\\_changed"
        );
        assert_eq!(
            Pattern::parse("board_group.*").unwrap().like(),
            "board\\_group.%"
        );
    }
}
