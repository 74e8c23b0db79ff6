//! Figures, on a clock that stands still and a story that is known.

use chassis::{Caller, Code, Role};
use chrono::{DateTime, TimeDelta, Utc};
use proto::{
    activity::v1::{
        AgentCounts, DashboardKpis, GetDashboardRequest, GetDashboardResponse, GetMetricsRequest,
        GetMetricsResponse, PendingApproval, RangeSeries, TaskCounts, WipPoint, WipRangeSeries,
        metrics_service_client::MetricsServiceClient,
    },
    board::v1::TaskStatus::{Done, InProgress, Inbox, Review},
    event::v1::Event,
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    fixture::{Fixture, fault, start_of_time, violation},
    story::{
        AGENT, BOARD, FOREIGN, FOREIGN_BOARD, GATEWAY, ORGANIZATION, OTHER_BOARD, Teller, agent,
        owner, person, task_id,
    },
};

const GROUP: Uuid = Uuid::from_u128(0x0600);
const IDLE: Uuid = Uuid::from_u128(0x0401);
const MAIN: Uuid = Uuid::from_u128(0x0402);

/// Four tasks on one board: three cycles of 4, 2 and 5 hours completed within 24 hours, one of 10 hours the day before.
fn story() -> Vec<Event> {
    let now = Teller::new(start_of_time());
    let ago = |hours| now.ago(hours);
    let since = |hours| Some(start_of_time() - TimeDelta::hours(hours));
    vec![
        ago(100).board(GATEWAY, Some(GROUP)),
        ago(100).on(ORGANIZATION, OTHER_BOARD).board(GATEWAY, None),
        ago(100).on(FOREIGN, FOREIGN_BOARD).board(GATEWAY, None),
        ago(40).created(4, InProgress),
        ago(30).moved(4, (InProgress, Done), (2, 1), since(40)),
        ago(30).created(1, Inbox),
        ago(20).moved(1, (Inbox, InProgress), (2, 1), since(20)),
        ago(18).moved(1, (InProgress, Review), (3, 1), since(20)),
        ago(16).moved(1, (Review, Done), (4, 1), since(20)),
        ago(16).untold(1),
        // Of no task.
        ago(16).agent_failed(IDLE),
        ago(10).created(2, InProgress),
        // The first moment of work is known from the creation.
        ago(8).moved(2, (InProgress, Done), (2, 1), None),
        ago(6).moved(4, (Done, InProgress), (3, 2), since(6)),
        ago(5).created(3, Inbox),
        ago(3).asked(1),
        ago(3).created(5, Inbox),
        ago(2).asked(2),
        ago(2).deleted(5, 2),
        ago(2).decided(1),
        ago(2).agent_created(AGENT, true),
        ago(2).agent_created(MAIN, false),
        ago(2).checked_in(AGENT, true),
        ago(2).checked_in(MAIN, false),
        ago(1).moved(4, (InProgress, Done), (4, 2), since(6)),
        ago(1).on(ORGANIZATION, OTHER_BOARD).created(6, Review),
        ago(1).on(FOREIGN, FOREIGN_BOARD).created(7, Inbox),
    ]
}

async fn told(pool: PgPool) -> Fixture {
    let fixture = Fixture::start(pool).await;
    let story = story();
    let rows = i64::try_from(story.len()).unwrap();
    fixture.log(story, rows).await;
    fixture
}

async fn metrics(fixture: &Fixture, caller: &Caller) -> GetMetricsResponse {
    let mut client = MetricsServiceClient::new(fixture.client(caller));
    client
        .get_metrics(GetMetricsRequest {})
        .await
        .unwrap()
        .into_inner()
}

fn on_board() -> GetDashboardRequest {
    GetDashboardRequest {
        board_id: Some(BOARD.to_string()),
        ..GetDashboardRequest::default()
    }
}

/// The points that are not zero, by their place.
fn points(series: Option<RangeSeries>) -> Vec<(usize, f64)> {
    let points = series.unwrap().points.into_iter().enumerate();
    points
        .filter(|(_, point)| point.value != 0.0)
        .map(|(place, point)| (place, point.value))
        .collect()
}

fn level(series: &WipRangeSeries, place: usize) -> (i32, i32, i32, i32) {
    let WipPoint {
        inbox,
        in_progress,
        review,
        done,
        ..
    } = series.points[place];
    (inbox, in_progress, review, done)
}

fn periods(series: Option<RangeSeries>) -> Vec<DateTime<Utc>> {
    let at = |at: prost_types::Timestamp| DateTime::from_timestamp(at.seconds, 0).unwrap();
    series
        .unwrap()
        .points
        .into_iter()
        .map(|point| at(point.period.unwrap()))
        .collect()
}

#[sqlx::test(migrations = false)]
async fn a_dashboard_tells_the_story_of_a_day(pool: PgPool) {
    let fixture = told(pool).await;
    let drawn = fixture.dashboard(&owner(), on_board()).await.unwrap();
    assert_eq!(drawn.range, "24h");
    assert_eq!(
        drawn.generated_at,
        Some(chassis::encode::time(start_of_time()))
    );
    assert_eq!(
        drawn.kpis.unwrap(),
        DashboardKpis {
            // The main agent of a gateway is on no board.
            active_agents: 1,
            tasks_in_progress: 0,
            inbox_tasks: 1,
            in_progress_tasks: 0,
            review_tasks: 0,
            done_tasks: 3,
            // One of the 11 events of the board's tasks since yesterday.
            error_rate_pct: 100.0 / 11.0,
            median_cycle_time_hours: Some(4.0),
            median_cycle_time_hours_7d: Some(4.0),
        }
    );

    let (throughput, cycle_time) = (drawn.throughput.unwrap(), drawn.cycle_time.unwrap());
    assert_eq!(throughput.primary.as_ref().unwrap().bucket, "hour");
    assert_eq!(throughput.primary.as_ref().unwrap().points.len(), 25);
    assert_eq!(points(throughput.primary), [(8, 1.0), (16, 1.0), (23, 1.0)]);
    assert_eq!(points(throughput.comparison), [(18, 1.0)]);
    assert_eq!(points(cycle_time.primary), [(8, 4.0), (16, 2.0), (23, 5.0)]);
    assert_eq!(points(cycle_time.comparison), [(18, 10.0)]);
    assert_eq!(points(drawn.error_rate.unwrap().primary), [(8, 50.0)]);

    let wip = drawn.wip.unwrap();
    let (primary, comparison) = (wip.primary.unwrap(), wip.comparison.unwrap());
    let at = [0, 4, 8, 14, 18, 22, 24].map(|place| level(&primary, place));
    let expected = [
        (1, 0, 0, 1), // yesterday, 11:00: 1 waits, 4 is done
        (0, 1, 0, 1), // 15:00: 1 is worked on
        (0, 0, 0, 2), // 19:00: 1 is done
        (0, 1, 0, 2), // 01:00: 2 is worked on
        (0, 1, 0, 2), // 05:00: 2 is done, 4 is worked on again
        (1, 1, 0, 2), // 09:00: 3 waits, 5 came and went
        (1, 0, 0, 3), // now: 4 is done again
    ];
    assert_eq!(at, expected);
    let at = [0, 8, 17, 18, 24].map(|place| level(&comparison, place));
    assert_eq!(
        at,
        [
            (0, 0, 0, 0),
            (0, 1, 0, 0),
            (0, 1, 0, 0),
            (1, 0, 0, 1),
            (1, 0, 0, 1)
        ]
    );

    let pending = drawn.pending_approvals.unwrap();
    assert_eq!(pending.total, 1);
    assert_eq!(
        pending.items,
        [PendingApproval {
            approval_id: Uuid::from_u128(0x2_0002).to_string(),
            board_id: BOARD.to_string(),
            board_name: "Board 200".into(),
            action_type: "task.close".into(),
            confidence: 80.0,
            created_at: Some(chassis::encode::time(start_of_time() - TimeDelta::hours(2))),
            task_title: Some("Task 1".into()),
        }]
    );
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn longer_ranges_sum_up_days_weeks_and_months(pool: PgPool) {
    let fixture = told(pool).await;
    let draw = async |key: &str| {
        let request = GetDashboardRequest {
            range_key: Some(key.into()),
            ..on_board()
        };
        fixture.dashboard(&owner(), request).await.unwrap()
    };
    for (key, bucket, count) in [
        ("24h", "hour", 25),
        ("3d", "day", 4),
        ("7d", "day", 8),
        ("14d", "day", 15),
        ("1m", "day", 31),
        ("3m", "week", 13),
        ("6m", "week", 26),
        ("1y", "month", 13),
    ] {
        let drawn = draw(key).await;
        let series = drawn.throughput.clone().unwrap().primary.unwrap();
        assert_eq!(
            (
                series.range.as_str(),
                series.bucket.as_str(),
                series.points.len()
            ),
            (key, bucket, count)
        );
        assert_eq!(drawn.wip.unwrap().primary.unwrap().points.len(), count);
    }
    let three = draw("3d").await;
    // Friday to Sunday: one cycle on Saturday morning, one in its evening, two on Sunday.
    assert_eq!(
        points(three.throughput.clone().unwrap().primary),
        [(2, 2.0), (3, 2.0)]
    );
    assert_eq!(
        points(three.cycle_time.unwrap().primary),
        [(2, 7.0), (3, 3.5)]
    );
    assert_eq!(three.kpis.unwrap().median_cycle_time_hours, Some(4.5));
    assert_eq!(points(three.throughput.unwrap().comparison), []);

    let first = |series: Option<RangeSeries>| periods(series)[0].to_rfc3339();
    assert_eq!(
        first(draw("3m").await.throughput.unwrap().primary),
        "2026-08-24T00:00:00+00:00"
    );
    let year = draw("1y").await.throughput.unwrap();
    assert_eq!(first(year.primary.clone()), "2025-11-01T00:00:00+00:00");
    assert_eq!(points(year.primary), [(12, 4.0)]);
    assert_eq!(first(year.comparison), "2024-11-01T00:00:00+00:00");
    fixture.stop().await;
}

/// What a dashboard counts, in short: inbox, review and done tasks, events that failed, approvals.
fn gist(drawn: &GetDashboardResponse) -> (i32, i32, i32, bool, i64) {
    let kpis = drawn.kpis.unwrap();
    let pending = drawn.pending_approvals.as_ref().unwrap().total;
    (
        kpis.inbox_tasks,
        kpis.review_tasks,
        kpis.done_tasks,
        kpis.error_rate_pct > 0.0,
        pending,
    )
}

#[sqlx::test(migrations = false)]
async fn a_dashboard_is_drawn_over_what_its_reader_sees(pool: PgPool) {
    let fixture = told(pool).await;
    let draw = async |caller: Caller, board: Option<Uuid>, group: Option<Uuid>| {
        let request = GetDashboardRequest {
            board_id: board.map(|id| id.to_string()),
            group_id: group.map(|id| id.to_string()),
            ..GetDashboardRequest::default()
        };
        gist(&fixture.dashboard(&caller, request).await.unwrap())
    };
    let board = (1, 0, 3, true, 1);
    let nothing = (0, 0, 0, false, 0);
    assert_eq!(draw(owner(), None, None).await, (1, 1, 3, true, 1));
    assert_eq!(
        draw(person(ORGANIZATION, Role::Member, &[BOARD]), None, None).await,
        board
    );
    assert_eq!(
        draw(person(ORGANIZATION, Role::Member, &[]), None, None).await,
        nothing
    );
    assert_eq!(
        draw(person(FOREIGN, Role::Owner, &[]), None, None).await,
        (1, 0, 0, false, 0)
    );
    assert_eq!(draw(owner(), None, Some(GROUP)).await, board);
    assert_eq!(draw(owner(), Some(BOARD), Some(GROUP)).await, board);
    assert_eq!(draw(owner(), Some(OTHER_BOARD), Some(GROUP)).await, nothing);
    assert_eq!(
        draw(owner(), None, Some(Uuid::from_u128(0xdead))).await,
        nothing
    );
    assert_eq!(
        draw(person(FOREIGN, Role::Owner, &[]), None, Some(GROUP)).await,
        nothing
    );
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn bad_requests_for_a_dashboard_are_refused(pool: PgPool) {
    let fixture = told(pool).await;
    let none = GetDashboardRequest::default;
    for key in ["2d", "24H", "\0", "24h; drop table event"] {
        let request = GetDashboardRequest {
            range_key: Some(key.into()),
            ..none()
        };
        assert_eq!(
            violation(fixture.dashboard(&owner(), request).await).0,
            "range_key"
        );
    }
    let request = GetDashboardRequest {
        group_id: Some("all".into()),
        ..none()
    };
    assert_eq!(
        violation(fixture.dashboard(&owner(), request).await).0,
        "group_id"
    );
    for (caller, board) in [
        (owner(), FOREIGN_BOARD),
        (person(ORGANIZATION, Role::Member, &[OTHER_BOARD]), BOARD),
        (
            person(ORGANIZATION, Role::Member, &[]),
            Uuid::from_u128(0xdead),
        ),
    ] {
        let request = GetDashboardRequest {
            board_id: Some(board.to_string()),
            ..none()
        };
        let refused = fault(fixture.dashboard(&caller, request).await);
        assert_eq!(
            (refused.code, refused.reason.as_str()),
            (Code::NotFound, "BOARD_NOT_FOUND")
        );
    }
    let refused = fault(fixture.dashboard(&agent(Some(BOARD)), none()).await);
    assert_eq!(refused.code, Code::Forbidden);
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn metrics_count_the_present(pool: PgPool) {
    let fixture = told(pool).await;
    let all = GetMetricsResponse {
        tasks: Some(TaskCounts {
            inbox: 1,
            in_progress: 0,
            review: 1,
            done: 3,
        }),
        agents: Some(AgentCounts {
            total: 3,
            active: 0,
        }),
        boards: 2,
        pending_approvals: 1,
        // Those without a board included.
        events_24h: 20,
        failures_24h: 2,
        generated_at: Some(chassis::encode::time(start_of_time())),
    };
    assert_eq!(metrics(&fixture, &owner()).await, all);
    let member = person(ORGANIZATION, Role::Member, &[OTHER_BOARD]);
    let of_member = GetMetricsResponse {
        tasks: Some(TaskCounts {
            review: 1,
            ..TaskCounts::default()
        }),
        agents: Some(AgentCounts::default()),
        boards: 1,
        pending_approvals: 0,
        events_24h: 1,
        failures_24h: 0,
        ..all
    };
    assert_eq!(metrics(&fixture, &member).await, of_member);

    // Who does something is seen, and after ten minutes no longer.
    let remark = Teller::new(start_of_time())
        .by_agent()
        .commented(1, Uuid::from_u128(1), "ok");
    let rows = i64::try_from(story().len()).unwrap();
    fixture.log(vec![remark], rows + 1).await;
    let active = async || metrics(&fixture, &owner()).await.agents.unwrap().active;
    assert_eq!(active().await, 1);
    fixture.clock.advance(TimeDelta::minutes(10));
    assert_eq!(active().await, 0);
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn an_event_that_comes_after_its_successor_changes_no_figure(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let teller = Teller::new(start_of_time());
    let moved = teller.at(start_of_time() - TimeDelta::hours(1)).moved(
        1,
        (Inbox, InProgress),
        (2, 1),
        None,
    );
    let deleted = teller.ago(1).deleted(2, 3);
    fixture
        .log(
            vec![
                teller.ago(2).created(1, Inbox),
                moved,
                teller.ago(2).updated(1, 1),
                deleted,
            ],
            4,
        )
        .await;
    fixture.log(vec![teller.ago(2).created(2, Inbox)], 5).await;
    let tasks = metrics(&fixture, &owner()).await.tasks.unwrap();
    assert_eq!(
        tasks,
        TaskCounts {
            in_progress: 1,
            ..TaskCounts::default()
        }
    );
    let open: Vec<(Uuid, String)> =
        sqlx::query_as("select task_id, status from task_stay where left_at is null")
            .fetch_all(&fixture.pool)
            .await
            .unwrap();
    assert_eq!(open, [(task_id(1), "in_progress".to_owned())]);
    fixture.stop().await;
}
