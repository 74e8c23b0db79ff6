//! Figures.

use chassis::{Caller, Clock, decode, fault::Fault};
use chrono::{DateTime, TimeDelta, Utc};
use proto::activity::v1::{
    GetDashboardRequest, GetDashboardResponse, GetMetricsRequest, GetMetricsResponse,
    metrics_service_server::MetricsService,
};
use sqlx::{PgPool, Postgres, pool::PoolConnection};
use tonic::{Request, Response, Status};

use super::{Gone, may_see, optional_id};
use crate::{
    error::Error,
    figures::{Scope, Series, Windows},
    range::Range,
    store::{
        boards,
        figures::{self, Seen},
        series,
    },
    viewer::Viewer,
    wire::figures::{self as wire, Dashboard},
};

/// An agent seen within this time is active.
const ACTIVE: TimeDelta = TimeDelta::minutes(10);
/// How far back `GetMetrics` counts events.
const DAY: TimeDelta = TimeDelta::hours(24);
/// Most approvals that a dashboard names.
const WAITING: i64 = 10;

/// Draws figures.
pub(crate) struct Metrics {
    pub(crate) pool: PgPool,
    pub(crate) clock: Clock,
}

#[tonic::async_trait]
impl MetricsService for Metrics {
    async fn get_metrics(
        &self,
        request: Request<GetMetricsRequest>,
    ) -> Result<Response<GetMetricsResponse>, Status> {
        let viewer = Viewer(Caller::of(&request)?);
        Ok(Response::new(self.metrics(&viewer).await?))
    }

    async fn get_dashboard(
        &self,
        request: Request<GetDashboardRequest>,
    ) -> Result<Response<GetDashboardResponse>, Status> {
        let viewer = Viewer(Caller::of(&request)?);
        Ok(Response::new(
            self.dashboard(&viewer, request.get_ref()).await?,
        ))
    }
}

impl Metrics {
    async fn metrics(&self, viewer: &Viewer) -> Result<GetMetricsResponse, Error> {
        let now = self.clock.now();
        let scope = scope(viewer)?;
        let seen = Seen {
            after: now - ACTIVE,
            mains: true,
        };
        let (present, outcomes) = futures::try_join!(
            async { figures::present(&mut *self.conn().await?, &scope, seen).await },
            async {
                let boardless = viewer.0.is_admin();
                figures::outcomes(&mut *self.conn().await?, &scope, boardless, now - DAY, now).await
            },
        )?;
        Ok(wire::metrics(&present, outcomes, now))
    }

    async fn dashboard(
        &self,
        viewer: &Viewer,
        request: &GetDashboardRequest,
    ) -> Result<GetDashboardResponse, Error> {
        let now = self.clock.now();
        let range = range(request.range_key.as_deref())?;
        let board = optional_id("board_id", request.board_id.as_ref())?;
        let group = optional_id("group_id", request.group_id.as_ref())?;
        may_see(&self.pool, viewer, board, Gone::Hidden).await?;

        let mut scope = scope(viewer)?;
        if let Some(group) = group {
            // A group that does not exist, or is not of this organization, has no boards.
            let boards =
                boards::of_group(&mut *self.conn().await?, scope.organization_id, group).await?;
            scope = scope.within(&boards);
        }
        if let Some(board) = board {
            scope = scope.within(&[board]);
        }
        Ok(wire::dashboard(
            range,
            now,
            &Box::pin(self.draw(&scope, range, now)).await?,
        ))
    }

    async fn draw(
        &self,
        scope: &Scope,
        range: Range,
        now: DateTime<Utc>,
    ) -> Result<Dashboard, Error> {
        let (primary, comparison) = range.windows(now);
        let windows = Windows {
            primary,
            comparison,
        };
        let seen = Seen {
            after: windows.primary.since,
            mains: false,
        };
        let (since, until) = (windows.primary.since, windows.primary.until);
        let (present, median_hours, waiting, completions, outcomes, flows) = futures::try_join!(
            async { figures::present(&mut *self.conn().await?, scope, seen).await },
            async {
                figures::median_cycle_hours(&mut *self.conn().await?, scope, since, until).await
            },
            async { figures::waiting(&mut *self.conn().await?, scope, WAITING).await },
            async { series::completions(&mut *self.conn().await?, scope, &windows).await },
            async { series::outcomes(&mut *self.conn().await?, scope, &windows).await },
            async { series::flows(&mut *self.conn().await?, scope, &windows).await },
        )?;
        Ok(Dashboard {
            present,
            median_hours,
            waiting,
            completions: Series::of(&windows, completions),
            outcomes: Series::of(&windows, outcomes),
            levels: Series::of_flows(&windows, &flows),
            windows,
        })
    }

    async fn conn(&self) -> sqlx::Result<PoolConnection<Postgres>> {
        self.pool.acquire().await
    }
}

/// What the viewer's figures are drawn over.
fn scope(viewer: &Viewer) -> Result<Scope, Error> {
    let organization_id = viewer.0.organization_id().ok_or_else(|| {
        Fault::forbidden("CALLER_NOT_ADMITTED", "figures belong to an organization")
    })?;
    Ok(Scope {
        organization_id,
        boards: viewer.boards(),
    })
}

fn range(key: Option<&str>) -> Result<Range, Fault> {
    let key = decode::optional_text("range_key", key, 10)?;
    let Some(key) = key else {
        return Ok(Range::Hours24);
    };
    Range::parse(&key).ok_or_else(|| {
        Fault::invalid(
            "range_key",
            "UNKNOWN_VALUE",
            "one of 24h, 3d, 7d, 14d, 1m, 3m, 6m, 1y",
        )
    })
}
