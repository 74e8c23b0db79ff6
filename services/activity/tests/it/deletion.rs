//! What goes with a task, an approval, a board, an agent and an organization, and what stays.

use chassis::{Caller, Code, Role};
use proto::{
    activity::v1::{
        GetDashboardRequest, GetMetricsRequest, ListActivityRequest,
        metrics_service_client::MetricsServiceClient,
    },
    board::v1::TaskStatus::{Done, InProgress, Inbox},
};
use sqlx::PgPool;

use crate::{
    fixture::{Fixture, fault, start_of_time},
    story::{AGENT, BOARD, FOREIGN, GATEWAY, ORGANIZATION, OTHER_BOARD, Teller, owner, person},
    tales::GROUP,
};

async fn present(fixture: &Fixture) -> (i32, i32, i32, i32) {
    let mut client = MetricsServiceClient::new(fixture.client(&owner()));
    let drawn = client
        .get_metrics(GetMetricsRequest {})
        .await
        .unwrap()
        .into_inner();
    let tasks = drawn.tasks.unwrap();
    (
        drawn.boards,
        tasks.inbox + tasks.in_progress + tasks.review + tasks.done,
        drawn.agents.unwrap().total,
        drawn.pending_approvals,
    )
}

/// How many rows each projection has.
async fn rows(fixture: &Fixture) -> Vec<i64> {
    let mut found = Vec::new();
    for count in [
        "select count(*) from task_state",
        "select count(*) from task_stay",
        "select count(*) from task_cycle",
        "select count(*) from approval_state",
        "select count(*) from agent_state",
        "select count(*) from group_state",
        "select count(*) from board_state",
    ] {
        found.push(
            sqlx::query_scalar(count)
                .fetch_one(&fixture.pool)
                .await
                .unwrap(),
        );
    }
    found
}

async fn told(pool: PgPool) -> Fixture {
    let fixture = Fixture::tidy(pool).await;
    let teller = Teller::new(start_of_time());
    fixture
        .log(
            vec![
                teller.group(GROUP),
                teller.board(GATEWAY, Some(GROUP)),
                teller.on(ORGANIZATION, OTHER_BOARD).board(GATEWAY, None),
                teller.agent_created(AGENT, true),
                teller.ago(2).created(1, InProgress),
                teller.ago(1).moved(1, (InProgress, Done), (2, 1), None),
                teller.created(2, Inbox),
                teller.asked(1),
                teller.untold(2),
            ],
            9,
        )
        .await;
    assert_eq!(present(&fixture).await, (2, 2, 1, 1));
    fixture
}

#[sqlx::test(migrations = false)]
async fn a_board_takes_its_figures_along_and_leaves_its_history_to_admins(pool: PgPool) {
    let fixture = told(pool).await;
    let teller = Teller::new(start_of_time());
    fixture
        .log(
            vec![
                teller.board_deleted(),
                // They come late and bring nothing back.
                teller.updated(2, 5),
                teller.moved(2, (Inbox, Done), (6, 1), None),
                teller.asked(2),
                teller.board_moved(GATEWAY, Some(GROUP), 20),
                teller.agent_deleted(AGENT, true),
            ],
            15,
        )
        .await;
    assert_eq!(present(&fixture).await, (1, 0, 0, 0));
    // Tombstones of the board and of the agent are all that is left.
    assert_eq!(rows(&fixture).await, [0, 0, 0, 0, 1, 1, 2]);

    let all = fixture
        .dashboard(&owner(), GetDashboardRequest::default())
        .await
        .unwrap();
    assert!(all.kpis.unwrap().error_rate_pct.abs() < f64::EPSILON);
    let request = GetDashboardRequest {
        board_id: Some(BOARD.to_string()),
        ..GetDashboardRequest::default()
    };
    assert_eq!(
        fault(fixture.dashboard(&owner(), request).await).reason,
        "BOARD_NOT_FOUND"
    );
    let request = GetDashboardRequest {
        group_id: Some(GROUP.to_string()),
        ..GetDashboardRequest::default()
    };
    let drawn = fixture.dashboard(&owner(), request).await.unwrap();
    assert_eq!(drawn.kpis.unwrap().done_tasks, 0);

    let of_board = || ListActivityRequest {
        board_id: Some(BOARD.to_string()),
        ..ListActivityRequest::default()
    };
    let admin = person(ORGANIZATION, Role::Admin, &[]);
    assert_eq!(fixture.list(&admin, of_board()).await.unwrap().total, 13);
    assert_eq!(
        fixture
            .list(&admin, ListActivityRequest::default())
            .await
            .unwrap()
            .total,
        15
    );
    let Caller::User(mut reader) = person(ORGANIZATION, Role::Member, &[BOARD]) else {
        unreachable!()
    };
    reader.all_boards_read = true;
    let reader = Caller::User(reader);
    let refused = fault(fixture.list(&reader, of_board()).await);
    assert_eq!(
        (refused.code, refused.reason.as_str()),
        (Code::NotFound, "BOARD_NOT_FOUND")
    );
    let left: Vec<_> = fixture
        .all(&reader)
        .await
        .into_iter()
        .map(|item| item.event_type)
        .collect();
    assert_eq!(left, ["board.created"]);
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_task_is_counted_no_more_and_what_it_was_counted_in_stays(pool: PgPool) {
    let fixture = told(pool).await;
    let teller = Teller::new(start_of_time());
    fixture
        .log(vec![teller.deleted(1, 3), teller.deleted(2, 2)], 11)
        .await;
    assert_eq!(present(&fixture).await, (2, 0, 1, 1));
    let drawn = fixture
        .dashboard(&owner(), GetDashboardRequest::default())
        .await
        .unwrap();
    let done: f64 = drawn
        .throughput
        .unwrap()
        .primary
        .unwrap()
        .points
        .iter()
        .map(|point| point.value)
        .sum();
    assert!((done - 1.0).abs() < f64::EPSILON);
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn an_approval_waits_until_it_is_decided_expires_or_is_withdrawn(pool: PgPool) {
    let fixture = told(pool).await;
    let teller = Teller::new(start_of_time());
    let mut log = 9;
    let mut version = 1;
    for (what, waits) in [
        ("voted", 1),
        ("expired", 0),
        ("reopened", 1),
        ("unlinked", 1),
        ("withdrawn", 0),
    ] {
        version += 1;
        log += 1;
        fixture
            .log(vec![teller.approval_is(what, 1, version)], log)
            .await;
        assert_eq!(present(&fixture).await.3, waits, "{what}");
    }
    // Its creation comes once more, too late.
    fixture.log(vec![teller.asked(1)], log + 1).await;
    assert_eq!(present(&fixture).await.3, 0);
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn an_organization_leaves_nothing_behind_but_a_log_that_says_nothing(pool: PgPool) {
    let fixture = told(pool).await;
    let teller = Teller::new(start_of_time());
    let foreign = teller.on(FOREIGN, crate::story::FOREIGN_BOARD);
    fixture
        .log(
            vec![
                foreign.board(GATEWAY, None),
                teller.organization_deleted(),
                // Its agents are taken from their gateway later.
                teller.agent_deleted(AGENT, true),
                teller.created(9, Inbox),
            ],
            13,
        )
        .await;
    assert_eq!(rows(&fixture).await, [0, 0, 0, 0, 0, 0, 1]);
    // Whoever follows the feed hears of it before its words go: what is new stays for minutes.
    fixture.redacted(2).await;
    assert_eq!(fixture.all(&owner()).await.len(), 10);
    fixture.clock.advance(chrono::TimeDelta::minutes(6));
    fixture.redacted(12).await;
    assert_eq!(fixture.all(&owner()).await, []);
    assert_eq!(
        fixture.all(&person(FOREIGN, Role::Owner, &[])).await.len(),
        1
    );
    let verified = activity::verify(&fixture.pool).await.unwrap();
    assert_eq!((verified.rows, verified.redacted), (13, 12));
    fixture.stop().await;
}
