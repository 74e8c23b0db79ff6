//! Every RPC, called by every kind of caller.

use chassis::{
    Caller, Code, Role,
    caller::{Agent, User},
};
use proto::activity::v1::{
    ExportActivityRequest, GetDashboardRequest, GetMetricsRequest, ListActivityRequest,
    ListTaskCommentsRequest, WatchAgentsRequest, WatchApprovalsRequest,
    WatchBoardGroupMemoryRequest, WatchBoardMemoryRequest, WatchGroupMemoryRequest, WatchRequest,
    WatchTaskCommentsRequest, WatchTasksRequest, activity_service_client::ActivityServiceClient,
    feed_service_client::FeedServiceClient, metrics_service_client::MetricsServiceClient,
};
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::{
    fixture::{Fixture, start_of_time},
    story::{
        BOARD, FOREIGN, FOREIGN_BOARD, GATEWAY, ORGANIZATION, OTHER_BOARD, OTHER_GATEWAY, Teller,
        agent, internal, owner, person,
    },
    streams::streams,
    tales::GROUP,
};

/// The callers of the table, in the order of its columns.
fn callers() -> [(&'static str, Caller); 12] {
    let lead = |board: Uuid, gateway_id: Uuid, organization_id: Uuid| {
        Caller::Agent(Agent {
            id: Uuid::from_u128(0x77),
            name: "Lead".into(),
            organization_id,
            gateway_id,
            board_id: Some(board),
            is_board_lead: true,
        })
    };
    let main = |gateway_id, organization_id| {
        Caller::Agent(Agent {
            id: Uuid::from_u128(0x78),
            name: "Main".into(),
            organization_id,
            gateway_id,
            board_id: None,
            is_board_lead: false,
        })
    };
    let Caller::User(member) = person(ORGANIZATION, Role::Member, &[]) else {
        unreachable!()
    };
    let reader = Caller::User(User {
        all_boards_read: true,
        ..member
    });
    [
        ("anonymous", Caller::Anonymous),
        ("owner", owner()),
        ("admin", person(ORGANIZATION, Role::Admin, &[])),
        ("reader of all boards", reader),
        (
            "member of the board",
            person(ORGANIZATION, Role::Member, &[BOARD]),
        ),
        (
            "member of no board",
            person(ORGANIZATION, Role::Member, &[]),
        ),
        ("owner elsewhere", person(FOREIGN, Role::Owner, &[BOARD])),
        ("worker of the board", agent(Some(BOARD))),
        (
            "lead of another board",
            lead(OTHER_BOARD, OTHER_GATEWAY, ORGANIZATION),
        ),
        ("main agent of its gateway", main(GATEWAY, ORGANIZATION)),
        ("main agent elsewhere", main(GATEWAY, FOREIGN)),
        ("component", internal()),
    ]
}

/// What a call comes to: `.` is done, else the code's first letters.
fn outcome<T>(answer: Result<T, Status>) -> &'static str {
    match answer {
        Ok(_) => ".",
        Err(status) => match chassis::fault::read(&status).code {
            Code::Unauthenticated => "401",
            Code::Forbidden => "403",
            Code::NotFound => "404",
            other => panic!("{other:?}: {status}"),
        },
    }
}

#[sqlx::test(migrations = false)]
async fn each_rpc_admits_whom_the_contract_admits(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let teller = Teller::new(start_of_time());
    fixture
        .log(
            vec![
                teller.group(GROUP),
                teller.board(GATEWAY, Some(GROUP)),
                teller
                    .on(ORGANIZATION, OTHER_BOARD)
                    .board(OTHER_GATEWAY, None),
                teller.on(FOREIGN, FOREIGN_BOARD).board(GATEWAY, None),
            ],
            4,
        )
        .await;
    let board = || BOARD.to_string();
    let some_board = || Some(BOARD.to_string());
    for (who, caller) in callers() {
        let peer = || fixture.client(&caller);
        let (mut activity, mut feed, mut metrics) = (
            ActivityServiceClient::new(peer()),
            FeedServiceClient::new(peer()),
            MetricsServiceClient::new(peer()),
        );
        let mut streams = streams(&fixture, &caller);
        let found = [
            outcome(activity.list_activity(ListActivityRequest::default()).await),
            outcome(
                activity
                    .list_activity(ListActivityRequest {
                        board_id: some_board(),
                        ..Default::default()
                    })
                    .await,
            ),
            outcome(
                activity
                    .list_task_comments(ListTaskCommentsRequest::default())
                    .await,
            ),
            outcome(
                activity
                    .list_task_comments(ListTaskCommentsRequest {
                        board_id: some_board(),
                        ..Default::default()
                    })
                    .await,
            ),
            outcome(
                activity
                    .export_activity(ExportActivityRequest::default())
                    .await,
            ),
            outcome(feed.watch(WatchRequest::default()).await),
            outcome(
                feed.watch(WatchRequest {
                    board_id: some_board(),
                    ..Default::default()
                })
                .await,
            ),
            outcome(metrics.get_metrics(GetMetricsRequest {}).await),
            outcome(metrics.get_dashboard(GetDashboardRequest::default()).await),
            outcome(
                metrics
                    .get_dashboard(GetDashboardRequest {
                        board_id: some_board(),
                        ..Default::default()
                    })
                    .await,
            ),
            outcome(
                streams
                    .watch_tasks(WatchTasksRequest {
                        board_id: board(),
                        ..Default::default()
                    })
                    .await,
            ),
            outcome(
                streams
                    .watch_approvals(WatchApprovalsRequest {
                        board_id: board(),
                        ..Default::default()
                    })
                    .await,
            ),
            outcome(
                streams
                    .watch_board_memory(WatchBoardMemoryRequest {
                        board_id: board(),
                        ..Default::default()
                    })
                    .await,
            ),
            outcome(
                streams
                    .watch_board_group_memory(WatchBoardGroupMemoryRequest {
                        board_id: board(),
                        ..Default::default()
                    })
                    .await,
            ),
            outcome(
                streams
                    .watch_group_memory(WatchGroupMemoryRequest {
                        group_id: GROUP.to_string(),
                        ..Default::default()
                    })
                    .await,
            ),
            outcome(
                streams
                    .watch_task_comments(WatchTaskCommentsRequest::default())
                    .await,
            ),
            outcome(streams.watch_agents(WatchAgentsRequest::default()).await),
            outcome(
                streams
                    .watch_agents(WatchAgentsRequest {
                        board_id: some_board(),
                        ..Default::default()
                    })
                    .await,
            ),
        ]
        .join(" ");
        // list, of board; comments, of board; export; feed, of board; metrics; dashboard, of board; tasks, approvals, memory,
        // memory of the board's group; memory of the group; comments; agents, of board
        let expected = match who {
            "anonymous" => {
                "401 401 401 401 401 401 401 401 401 401 401 401 401 401 401 401 401 401"
            }
            "owner" | "admin" => ". . . . . . . . . . . . . . . . . .",
            "reader of all boards" | "member of the board" => {
                ". . . . . . . . . . . . . . . . 403 403"
            }
            "member of no board" => ". 404 . 404 . . 404 . . 404 404 404 404 404 404 . 403 403",
            "owner elsewhere" => ". 404 . 404 . . 404 . . 404 404 404 404 404 404 . . 404",
            "worker of the board" | "main agent of its gateway" => {
                ". . 403 403 403 . . 403 403 403 . . . . 403 403 403 403"
            }
            "lead of another board" | "main agent elsewhere" => {
                ". 404 403 403 403 . 404 403 403 403 404 404 404 404 403 403 403 403"
            }
            "component" => "403 403 403 403 403 . . 403 403 403 403 403 403 403 403 403 403 403",
            other => panic!("{other} has no row"),
        };
        assert_eq!(found, expected, "{who}");
    }
    fixture.stop().await;
}
