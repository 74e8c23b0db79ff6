//! What an attempt came to.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// How much of a response is kept, bytes.
const BODY: usize = 1024;
/// How much of an error is kept, bytes.
const ERROR: usize = 1000;

/// What a sender reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub outcome: Outcome,
    /// Why it failed.
    pub error: Option<String>,
    /// What the target answered, if it did.
    pub response_status: Option<i32>,
    /// The beginning of the answer; at most its first KiB is kept.
    pub response_body: Option<String>,
}

/// What follows from an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The target has it.
    Done,
    /// Worth another attempt: after the schedule's pause, or this one when it is longer (at most a day).
    Retry { after: Option<Duration> },
    /// No attempt can succeed.
    Dead,
}

impl Attempt {
    /// A success.
    pub fn done() -> Self {
        Self::of(Outcome::Done, None)
    }

    /// A failure worth another attempt.
    pub fn retry(error: impl Into<String>) -> Self {
        Self::of(Outcome::Retry { after: None }, Some(error.into()))
    }

    /// A failure for good.
    pub fn dead(error: impl Into<String>) -> Self {
        Self::of(Outcome::Dead, Some(error.into()))
    }

    fn of(outcome: Outcome, error: Option<String>) -> Self {
        Self {
            outcome,
            error,
            response_status: None,
            response_body: None,
        }
    }

    /// The same, as much of it as is kept and in characters that PostgreSQL takes.
    pub(crate) fn bounded(self) -> Self {
        Self {
            error: self.error.map(|error| bounded(&error, ERROR)),
            response_body: self.response_body.map(|body| bounded(&body, BODY)),
            ..self
        }
    }
}

fn bounded(text: &str, bytes: usize) -> String {
    let end = text.floor_char_boundary(bytes);
    text[..end].replace('\0', "\u{fffd}")
}

/// An attempt that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// 1 for the first.
    pub number: i32,
    pub started_at: DateTime<Utc>,
    pub duration_ms: i64,
    pub outcome: RecordedOutcome,
    pub error: Option<String>,
    pub response_status: Option<i32>,
    pub response_body: Option<String>,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordedOutcome {
    Done,
    Retry,
    Dead,
    /// Whoever made it never reported: it may or may not have arrived.
    Lost,
}

impl RecordedOutcome {
    /// The word in the database.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Retry => "retry",
            Self::Dead => "dead",
            Self::Lost => "lost",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        [Self::Done, Self::Retry, Self::Dead, Self::Lost]
            .into_iter()
            .find(|outcome| outcome.word() == word)
    }
}

impl From<Outcome> for RecordedOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::Done,
            Outcome::Retry { .. } => Self::Retry,
            Outcome::Dead => Self::Dead,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_and_storable() {
        let body = format!("a\0{}", "ü".repeat(1000));
        let kept = Attempt {
            response_body: Some(body),
            ..Attempt::retry("x\0y")
        }
        .bounded();
        let body = kept.response_body.unwrap();
        assert!(body.starts_with("a\u{fffd}ü"));
        assert!(body.len() <= BODY + 2);
        assert_eq!(kept.error.as_deref(), Some("x\u{fffd}y"));
    }
}
