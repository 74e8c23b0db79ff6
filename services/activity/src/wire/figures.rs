//! Figures as messages.

use chassis::encode;
use chrono::{DateTime, Utc};
use proto::activity::v1::{
    AgentCounts, DashboardKpis, GetDashboardResponse, GetMetricsResponse, PendingApproval,
    PendingApprovals, RangeSeries, SeriesPoint, SeriesSet, TaskCounts, WipPoint, WipRangeSeries,
    WipSeriesSet,
};

use crate::{
    figures::{ByStatus, Completions, Outcomes, Present, Series, Waiting, Windows},
    range::{Range, Window},
};

/// Everything that a dashboard shows.
pub(crate) struct Dashboard {
    pub(crate) windows: Windows,
    pub(crate) present: Present,
    pub(crate) median_hours: Option<f64>,
    pub(crate) waiting: Vec<Waiting>,
    pub(crate) completions: Series<Completions>,
    pub(crate) outcomes: Series<Outcomes>,
    pub(crate) levels: Series<ByStatus>,
}

pub(crate) fn metrics(
    present: &Present,
    outcomes: Outcomes,
    now: DateTime<Utc>,
) -> GetMetricsResponse {
    GetMetricsResponse {
        tasks: Some(TaskCounts {
            inbox: count(present.tasks.inbox),
            in_progress: count(present.tasks.in_progress),
            review: count(present.tasks.review),
            done: count(present.tasks.done),
        }),
        agents: Some(AgentCounts {
            total: count(present.agents),
            active: count(present.agents_seen),
        }),
        boards: count(present.boards),
        pending_approvals: count(present.pending_approvals),
        events_24h: count(outcomes.events),
        failures_24h: count(outcomes.failures),
        generated_at: Some(encode::time(now)),
    }
}

pub(crate) fn dashboard(
    range: Range,
    now: DateTime<Utc>,
    drawn: &Dashboard,
) -> GetDashboardResponse {
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    let throughput = |value: &Completions| value.count as f64;
    let windows = &drawn.windows;
    GetDashboardResponse {
        range: range.key().to_owned(),
        generated_at: Some(encode::time(now)),
        kpis: Some(kpis(drawn)),
        throughput: Some(series(range, windows, &drawn.completions, throughput)),
        cycle_time: Some(series(range, windows, &drawn.completions, |value| {
            value.mean_hours
        })),
        error_rate: Some(series(range, windows, &drawn.outcomes, |value| {
            value.error_rate()
        })),
        wip: Some(WipSeriesSet {
            primary: Some(levels(range, &windows.primary, &drawn.levels.primary)),
            comparison: Some(levels(range, &windows.comparison, &drawn.levels.comparison)),
        }),
        pending_approvals: Some(PendingApprovals {
            total: drawn.present.pending_approvals,
            items: drawn.waiting.iter().map(waiting).collect(),
        }),
    }
}

fn kpis(drawn: &Dashboard) -> DashboardKpis {
    let tasks = drawn.present.tasks;
    let outcomes = drawn
        .outcomes
        .primary
        .iter()
        .fold(Outcomes::default(), |sum, value| Outcomes {
            events: sum.events + value.events,
            failures: sum.failures + value.failures,
        });
    DashboardKpis {
        active_agents: count(drawn.present.agents_seen),
        tasks_in_progress: count(tasks.in_progress),
        inbox_tasks: count(tasks.inbox),
        in_progress_tasks: count(tasks.in_progress),
        review_tasks: count(tasks.review),
        done_tasks: count(tasks.done),
        error_rate_pct: outcomes.error_rate(),
        median_cycle_time_hours: drawn.median_hours,
        median_cycle_time_hours_7d: drawn.median_hours,
    }
}

fn series<T>(
    range: Range,
    windows: &Windows,
    values: &Series<T>,
    value: impl Fn(&T) -> f64,
) -> SeriesSet {
    let points = |window: &Window, values: &[T]| RangeSeries {
        range: range.key().to_owned(),
        bucket: range.bucket().word().to_owned(),
        points: window
            .buckets
            .iter()
            .zip(values)
            .map(|(begin, at)| SeriesPoint {
                period: Some(encode::time(*begin)),
                value: value(at),
            })
            .collect(),
    };
    SeriesSet {
        primary: Some(points(&windows.primary, &values.primary)),
        comparison: Some(points(&windows.comparison, &values.comparison)),
    }
}

fn levels(range: Range, window: &Window, values: &[ByStatus]) -> WipRangeSeries {
    WipRangeSeries {
        range: range.key().to_owned(),
        bucket: range.bucket().word().to_owned(),
        points: window
            .buckets
            .iter()
            .zip(values)
            .map(|(begin, at)| WipPoint {
                period: Some(encode::time(*begin)),
                inbox: count(at.inbox),
                in_progress: count(at.in_progress),
                review: count(at.review),
                done: count(at.done),
            })
            .collect(),
    }
}

fn waiting(approval: &Waiting) -> PendingApproval {
    PendingApproval {
        approval_id: approval.approval_id.to_string(),
        board_id: approval.board_id.to_string(),
        board_name: approval.board_name.clone(),
        action_type: approval.action_type.clone(),
        confidence: approval.confidence,
        created_at: Some(encode::time(approval.created_at)),
        task_title: approval.task_title.clone(),
    }
}

fn count(count: i64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
