//! Figures: what is counted, and how counts become series.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::range::Window;

/// What figures are drawn over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) organization_id: Uuid,
    /// `None` stands for every board of the organization.
    pub(crate) boards: Option<Vec<Uuid>>,
}

impl Scope {
    /// Only those boards of the scope that are among these.
    pub(crate) fn within(self, boards: &[Uuid]) -> Self {
        let boards = match self.boards {
            None => boards.to_vec(),
            Some(readable) => readable
                .into_iter()
                .filter(|board| boards.contains(board))
                .collect(),
        };
        Self {
            boards: Some(boards),
            ..self
        }
    }
}

/// Counts of the present moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Present {
    pub(crate) tasks: ByStatus,
    pub(crate) agents: i64,
    pub(crate) agents_seen: i64,
    pub(crate) boards: i64,
    pub(crate) pending_approvals: i64,
}

/// A count for each status of a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ByStatus {
    pub(crate) inbox: i64,
    pub(crate) in_progress: i64,
    pub(crate) review: i64,
    pub(crate) done: i64,
}

impl ByStatus {
    fn add(&mut self, status: &str, change: i64) {
        match status {
            "inbox" => self.inbox += change,
            "in_progress" => self.in_progress += change,
            "review" => self.review += change,
            _ => self.done += change,
        }
    }
}

/// Events of a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcomes {
    pub(crate) events: i64,
    pub(crate) failures: i64,
}

impl Outcomes {
    /// Share of failures, percent; 0 when nothing happened.
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    pub(crate) fn error_rate(self) -> f64 {
        if self.events == 0 {
            0.0
        } else {
            100.0 * self.failures as f64 / self.events as f64
        }
    }
}

/// Cycles that were completed in a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Completions {
    pub(crate) count: i64,
    /// Mean time from first work to done, hours; 0 when none is known.
    pub(crate) mean_hours: f64,
}

/// An approval that waits, with the name of its board.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub(crate) struct Waiting {
    pub(crate) approval_id: Uuid,
    pub(crate) board_id: Uuid,
    pub(crate) board_name: String,
    pub(crate) action_type: String,
    pub(crate) confidence: f64,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) task_title: Option<String>,
}

/// The window that ends now and the one before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Windows {
    pub(crate) primary: Window,
    pub(crate) comparison: Window,
}

/// One value per bucket, in both windows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Series<T> {
    pub(crate) primary: Vec<T>,
    pub(crate) comparison: Vec<T>,
}

/// Where a count belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    /// Whether it is of the primary window.
    pub(crate) primary: bool,
    /// From 1.
    pub(crate) bucket: i32,
}

impl<T: Clone + Default> Series<T> {
    fn empty(windows: &Windows) -> Self {
        Self {
            primary: vec![T::default(); windows.primary.buckets.len()],
            comparison: vec![T::default(); windows.comparison.buckets.len()],
        }
    }

    fn at(&mut self, cell: Cell) -> Option<&mut T> {
        let values = if cell.primary {
            &mut self.primary
        } else {
            &mut self.comparison
        };
        values.get_mut(usize::try_from(cell.bucket).ok()?.checked_sub(1)?)
    }

    /// The values that were counted, the default elsewhere.
    pub(crate) fn of(windows: &Windows, cells: Vec<(Cell, T)>) -> Self {
        let mut series = Self::empty(windows);
        for (cell, value) in cells {
            if let Some(at) = series.at(cell) {
                *at = value;
            }
        }
        series
    }
}

/// A change of how many tasks are in a status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flow {
    pub(crate) cell: Cell,
    pub(crate) status: String,
    pub(crate) change: i64,
}

impl Series<ByStatus> {
    /// How many tasks were in each status when each bucket ended (when the window ended, for the last). What was there before
    /// the first bucket is part of the first bucket's changes.
    pub(crate) fn of_flows(windows: &Windows, flows: &[Flow]) -> Self {
        let mut series = Self::empty(windows);
        for flow in flows {
            if let Some(at) = series.at(flow.cell) {
                at.add(&flow.status, flow.change);
            }
        }
        for values in [&mut series.primary, &mut series.comparison] {
            let mut level = ByStatus::default();
            for value in values {
                level.inbox += value.inbox;
                level.in_progress += value.in_progress;
                level.review += value.review;
                level.done += value.done;
                *value = level;
            }
        }
        series
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::range::Range;

    fn windows() -> Windows {
        let (primary, comparison) = Range::Days3.windows("2026-11-22T12:00:00Z".parse().unwrap());
        Windows {
            primary,
            comparison,
        }
    }

    #[test]
    fn levels_follow_from_changes() {
        let flow = |bucket, status: &str, change| Flow {
            cell: Cell {
                primary: true,
                bucket,
            },
            status: status.into(),
            change,
        };
        let flows = [
            flow(1, "inbox", 3),
            flow(2, "inbox", -1),
            flow(2, "in_progress", 1),
            flow(4, "in_progress", -1),
        ];
        let series = Series::of_flows(&windows(), &flows);
        let levels: Vec<_> = series
            .primary
            .iter()
            .map(|v| (v.inbox, v.in_progress))
            .collect();
        assert_eq!(levels, [(3, 0), (2, 1), (2, 1), (2, 0)]);
        assert_eq!(series.comparison, vec![ByStatus::default(); 4]);
    }

    #[test]
    fn a_scope_never_grows() {
        let [a, b, c] = [1, 2, 3].map(Uuid::from_u128);
        let all = Scope {
            organization_id: a,
            boards: None,
        };
        let some = Scope {
            organization_id: a,
            boards: Some(vec![a, b]),
        };
        assert_eq!(all.within(&[c]).boards, Some(vec![c]));
        assert_eq!(some.clone().within(&[b, c]).boards, Some(vec![b]));
        assert_eq!(some.within(&[]).boards, Some(vec![]));
    }

    #[test]
    fn nothing_happened_is_no_failure() {
        assert!(Outcomes::default().error_rate().abs() < f64::EPSILON);
        assert!(
            (Outcomes {
                events: 8,
                failures: 2
            }
            .error_rate()
                - 25.0)
                .abs()
                < f64::EPSILON
        );
    }
}
