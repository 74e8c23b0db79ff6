//! What each stream shows, and from when.

use chassis::{Caller, Peer, encode};
use proto::{
    activity::v1::{
        StreamActivity, TaskCommentItem, WatchAgentsRequest, WatchAgentsResponse,
        WatchApprovalsRequest, WatchApprovalsResponse, WatchBoardGroupMemoryRequest,
        WatchBoardGroupMemoryResponse, WatchBoardMemoryRequest, WatchBoardMemoryResponse,
        WatchGroupMemoryRequest, WatchGroupMemoryResponse, WatchTaskCommentsRequest,
        WatchTaskCommentsResponse, WatchTasksRequest, WatchTasksResponse,
        stream_service_client::StreamServiceClient,
    },
    agent::v1::AgentStatus,
    board::v1::TaskStatus,
    event::v1::event::Payload,
};
use sqlx::PgPool;
use tonic::{Status, Streaming};
use uuid::Uuid;

use crate::{
    fixture::{Fixture, PATIENCE, start_of_time, violation},
    story::{AGENT, BOARD, GATEWAY, ORGANIZATION, OTHER_BOARD, Teller, agent, owner, task_id},
    tales::{GROUP, OTHER_GROUP},
};

pub(crate) fn streams(fixture: &Fixture, caller: &Caller) -> StreamServiceClient<Peer> {
    StreamServiceClient::new(fixture.client(caller))
}

/// The next message, in time.
pub(crate) async fn next<M>(stream: &mut Streaming<M>) -> Result<M, Status> {
    let next = tokio::time::timeout(PATIENCE, stream.message()).await;
    Ok(next
        .expect("a message in time")?
        .expect("a stream ends with a status"))
}

/// The next message that tells something.
pub(crate) async fn told<M: Told>(stream: &mut Streaming<M>) -> M {
    loop {
        let message = next(stream).await.unwrap();
        if !message.is_standing() {
            return message;
        }
    }
}

/// A message of a stream.
pub(crate) trait Told: Clone + Default + PartialEq + std::fmt::Debug {
    fn sequence(&self) -> i64;
    /// The same message with nothing but its position.
    fn bare(&self) -> Self;
    /// What it is about.
    fn thing(&self) -> String;

    fn is_standing(&self) -> bool {
        *self == self.bare()
    }
}

macro_rules! told {
    ($($message:ident: $thing:ident),*) => {$(
        impl Told for $message {
            fn sequence(&self) -> i64 {
                self.sequence
            }

            fn bare(&self) -> Self {
                Self {
                    sequence: self.sequence,
                    ..Self::default()
                }
            }

            fn thing(&self) -> String {
                self.$thing.as_ref().map(|thing| thing.id.clone()).unwrap_or_default()
            }
        }
    )*};
}
told!(
    WatchTasksResponse: task,
    WatchApprovalsResponse: approval,
    WatchBoardMemoryResponse: memory,
    WatchGroupMemoryResponse: memory,
    WatchBoardGroupMemoryResponse: memory,
    WatchTaskCommentsResponse: comment,
    WatchAgentsResponse: agent
);

/// Everything that a replay from the beginning shows.
async fn shown<M: Told>(fixture: &Fixture, stream: Result<Streaming<M>, Status>) -> Vec<M> {
    let head = fixture.head().await;
    let mut stream = stream.unwrap();
    let mut shown = Vec::new();
    let mut at = -1;
    // A keep-alive says that the replay is over.
    while at < head {
        let message = next(&mut stream).await.unwrap();
        at = message.sequence();
        if !message.is_standing() {
            shown.push(message);
        }
    }
    shown
}

async fn quick(pool: PgPool) -> Fixture {
    let config = activity::Config {
        feed_keep_alive: std::time::Duration::from_millis(50),
        ..crate::fixture::config()
    };
    Fixture::start_with(pool, config).await
}

fn tasks(after_sequence: Option<i64>, since: Option<&str>) -> WatchTasksRequest {
    WatchTasksRequest {
        board_id: BOARD.to_string(),
        since: since.map(str::to_owned),
        after_sequence,
    }
}

#[sqlx::test(migrations = false)]
async fn tasks_come_as_they_are_and_comments_alone(pool: PgPool) {
    let fixture = quick(pool).await;
    let teller = Teller::new(start_of_time());
    let created = teller.created(1, TaskStatus::Inbox);
    let comment = Uuid::from_u128(0xc0);
    let events = vec![
        teller.board(GATEWAY, None),
        created.clone(),
        teller.updated(1, 2),
        teller.moved(1, (TaskStatus::Inbox, TaskStatus::Done), (3, 1), None),
        teller.by_agent().commented(1, comment, "Done"),
        teller.untold(1),
        teller
            .on(ORGANIZATION, OTHER_BOARD)
            .created(2, TaskStatus::Inbox),
        teller.deleted(1, 4),
    ];
    fixture.log(events, 8).await;
    let opened = streams(&fixture, &owner())
        .watch_tasks(tasks(Some(0), None))
        .await;
    let shown = shown(&fixture, opened.map(tonic::Response::into_inner)).await;
    let types: Vec<_> = shown
        .iter()
        .map(|message| (message.sequence, message.r#type.as_deref().unwrap()))
        .collect();
    assert_eq!(
        types,
        [
            (2, "task.created"),
            (3, "task.updated"),
            (4, "task.status_changed"),
            (5, "task.comment"),
            (8, "task.deleted"),
        ]
    );
    let Some(Payload::TaskCreated(payload)) = created.payload else {
        unreachable!()
    };
    assert_eq!(
        shown[0],
        WatchTasksResponse {
            sequence: 2,
            r#type: Some("task.created".into()),
            activity: Some(StreamActivity {
                id: created.id,
                event_type: "task.created".into(),
                message: Some("Ann created \u{201c}Task 1\u{201d}.".into()),
                agent_id: None,
                task_id: Some(task_id(1).to_string()),
                created_at: Some(encode::time(start_of_time())),
            }),
            task: payload.task,
            comment: None,
        }
    );
    assert_eq!(shown[1].task.as_ref().unwrap().title, "Task 1.2");
    assert_eq!(shown[2].task.as_ref().unwrap().status(), TaskStatus::Done);
    assert_eq!(shown[3].task, None);
    assert_eq!(shown[3].comment.as_ref().unwrap().id, comment.to_string());
    assert_eq!(shown[4].task.as_ref().unwrap().version, 4);
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn approvals_come_once_per_change_with_their_counts(pool: PgPool) {
    let fixture = quick(pool).await;
    let teller = Teller::new(start_of_time());
    let mut events = vec![
        teller.board(GATEWAY, None),
        teller.asked(1),
        teller.decided(1),
    ];
    for what in ["voted", "reopened", "expired", "unlinked"] {
        events.push(teller.approval_is(what, 1, 3));
    }
    events.push(teller.on(ORGANIZATION, OTHER_BOARD).asked(2));
    fixture.log(events, 8).await;
    let request = WatchApprovalsRequest {
        board_id: BOARD.to_string(),
        after_sequence: Some(0),
        since: None,
    };
    let opened = streams(&fixture, &agent(Some(BOARD)))
        .watch_approvals(request)
        .await;
    let shown = shown(&fixture, opened.map(tonic::Response::into_inner)).await;
    let sequences: Vec<_> = shown.iter().map(|message| message.sequence).collect();
    assert_eq!(sequences, [2, 3, 4, 5, 6, 7]);
    assert_eq!(shown[0].pending_approvals_count, Some(0));
    let voted = &shown[2];
    assert_eq!(voted.approval.as_ref().unwrap().version, 3);
    assert_eq!(voted.pending_approvals_count, Some(1));
    assert_eq!(voted.task_counts[0].task_id, task_id(1).to_string());
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn memory_is_of_its_board_or_group_and_chat_or_not(pool: PgPool) {
    let fixture = quick(pool).await;
    let teller = Teller::new(start_of_time());
    let other = teller.on(ORGANIZATION, OTHER_BOARD);
    fixture
        .log(
            vec![
                teller.board(GATEWAY, Some(GROUP)),
                other.board(GATEWAY, Some(OTHER_GROUP)),
                teller.noted(1, false),
                teller.noted(2, true),
                other.noted(3, true),
                teller.noted_in_group(GROUP, 1, false, &[BOARD]),
                teller.noted_in_group(GROUP, 2, true, &[BOARD]),
                teller.noted_in_group(OTHER_GROUP, 3, true, &[OTHER_BOARD]),
            ],
            8,
        )
        .await;
    for (is_chat, notes, group_notes) in [
        (None, vec![3, 4], vec![6, 7]),
        (Some(true), vec![4], vec![7]),
        (Some(false), vec![3], vec![6]),
    ] {
        let mut client = streams(&fixture, &owner());
        let request = WatchBoardMemoryRequest {
            board_id: BOARD.to_string(),
            is_chat,
            after_sequence: Some(0),
            since: None,
        };
        let opened = client
            .watch_board_memory(request)
            .await
            .map(tonic::Response::into_inner);
        let found = shown(&fixture, opened).await;
        assert_eq!(found.iter().map(Told::sequence).collect::<Vec<_>>(), notes);
        let request = WatchGroupMemoryRequest {
            group_id: GROUP.to_string(),
            is_chat,
            after_sequence: Some(0),
            since: None,
        };
        let opened = client
            .watch_group_memory(request)
            .await
            .map(tonic::Response::into_inner);
        let found = shown(&fixture, opened).await;
        assert_eq!(
            found.iter().map(Told::sequence).collect::<Vec<_>>(),
            group_notes
        );
        let request = WatchBoardGroupMemoryRequest {
            board_id: BOARD.to_string(),
            is_chat,
            after_sequence: Some(0),
            since: None,
        };
        let opened = client.watch_board_group_memory(request).await;
        let found = shown(&fixture, opened.map(tonic::Response::into_inner)).await;
        assert_eq!(
            found.iter().map(Told::sequence).collect::<Vec<_>>(),
            group_notes
        );
    }
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_comment_comes_with_its_names_and_the_role_of_its_agent(pool: PgPool) {
    let fixture = quick(pool).await;
    let teller = Teller::new(start_of_time());
    fixture
        .log(
            vec![
                teller.board(GATEWAY, None),
                teller.agent_known(AGENT, "Bot", " Reviewer "),
                teller.created(1, TaskStatus::Inbox),
                teller.agent_comment(1, Uuid::from_u128(0xc1), "From an agent"),
                teller.commented(1, Uuid::from_u128(0xc2), "From Ann"),
            ],
            5,
        )
        .await;
    let request = WatchTaskCommentsRequest {
        board_id: Some(BOARD.to_string()),
        after_sequence: Some(0),
        since: None,
    };
    let opened = streams(&fixture, &owner())
        .watch_task_comments(request)
        .await;
    let shown = shown(&fixture, opened.map(tonic::Response::into_inner)).await;
    assert_eq!(
        shown[0].comment,
        Some(TaskCommentItem {
            id: Uuid::from_u128(0xc1).to_string(),
            created_at: Some(encode::time(start_of_time())),
            message: Some("From an agent".into()),
            agent_id: Some(AGENT.to_string()),
            agent_name: Some("Bot".into()),
            agent_role: Some("Reviewer".into()),
            task_id: task_id(1).to_string(),
            task_title: "Task 1".into(),
            board_id: BOARD.to_string(),
            board_name: "Board".into(),
            user_id: None,
            author_name: "Bot".into(),
        })
    );
    let second = shown[1].comment.as_ref().unwrap();
    assert_eq!(
        (second.agent_name.as_ref(), second.agent_role.as_ref()),
        (None, None)
    );
    assert_eq!(shown.len(), 2);
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn agents_come_with_every_change_and_a_last_time(pool: PgPool) {
    let fixture = quick(pool).await;
    let teller = Teller::new(start_of_time());
    let main = Uuid::from_u128(0x0402);
    fixture
        .log(
            vec![
                teller.board(GATEWAY, None),
                teller.agent_created(AGENT, true),
                teller.agent_created(main, false),
                teller.checked_in(AGENT, true),
                teller.agent_failed(AGENT),
                teller.agent_deleted(main, false),
                teller.agent_deleted(AGENT, true),
            ],
            7,
        )
        .await;
    for (board, expected) in [
        (
            None,
            vec![
                (2, false),
                (3, false),
                (4, false),
                (5, false),
                (6, true),
                (7, true),
            ],
        ),
        (
            Some(BOARD),
            vec![(2, false), (4, false), (5, false), (7, true)],
        ),
    ] {
        let request = WatchAgentsRequest {
            board_id: board.map(|id| id.to_string()),
            after_sequence: Some(0),
            since: None,
        };
        let opened = streams(&fixture, &owner()).watch_agents(request).await;
        let shown = shown(&fixture, opened.map(tonic::Response::into_inner)).await;
        let found: Vec<_> = shown
            .iter()
            .map(|message| (message.sequence, message.deleted))
            .collect();
        assert_eq!(found, expected);
    }
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn agents_that_fall_silent_move_away_or_are_unlinked_are_told_of(pool: PgPool) {
    let fixture = quick(pool).await;
    let teller = Teller::new(start_of_time());
    let other = Uuid::from_u128(0x0402);
    fixture
        .log(
            vec![
                teller.board(GATEWAY, None),
                teller.agent_went_offline(AGENT),
                teller.agent_moved(AGENT, OTHER_BOARD),
                teller.agent_unlinked(other),
            ],
            4,
        )
        .await;
    for (board, moved_is_gone) in [(None, false), (Some(BOARD), true)] {
        let request = WatchAgentsRequest {
            board_id: board.map(|id| id.to_string()),
            after_sequence: Some(0),
            since: None,
        };
        let opened = streams(&fixture, &owner()).watch_agents(request).await;
        let shown = shown(&fixture, opened.map(tonic::Response::into_inner)).await;
        let found: Vec<_> = shown
            .iter()
            .map(|message| (message.sequence, message.deleted))
            .collect();
        assert_eq!(found, [(2, false), (3, moved_is_gone), (4, true)]);
        let first = shown[0].agent.as_ref().unwrap();
        assert_eq!(first.status(), AgentStatus::Offline);
    }
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_stream_begins_at_a_moment_at_a_position_or_now(pool: PgPool) {
    let fixture = quick(pool).await;
    let teller = Teller::new(start_of_time());
    fixture
        .log(
            vec![
                teller.ago(9).board(GATEWAY, None),
                teller.ago(3).created(1, TaskStatus::Inbox),
                // Written down late.
                teller.ago(1).created(2, TaskStatus::Inbox),
                teller.ago(2).created(3, TaskStatus::Inbox),
                teller.created(4, TaskStatus::Inbox),
            ],
            5,
        )
        .await;
    let from = async |after: Option<i64>, since: Option<&str>| {
        let opened = streams(&fixture, &owner())
            .watch_tasks(tasks(after, since))
            .await;
        let found = shown(&fixture, opened.map(tonic::Response::into_inner)).await;
        found.iter().map(Told::sequence).collect::<Vec<_>>()
    };
    // It is half past ten.
    assert_eq!(from(None, Some("2026-11-22T07:30:00Z")).await, [2, 3, 4, 5]);
    assert_eq!(
        from(None, Some("2026-11-22T07:30:00.000001Z")).await,
        [3, 4, 5]
    );
    assert_eq!(from(None, Some("2026-11-22T10:00:00+01:00")).await, [3, 5]);
    assert_eq!(from(None, Some("2026-11-22 10:30:00")).await, [5]);
    assert_eq!(from(None, Some("2026-11-22T10:30:01")).await, [0_i64; 0]);
    for unreadable in ["", "  ", "yesterday", "2026-11-22T00:00:00 01:00"] {
        assert_eq!(
            from(None, Some(unreadable)).await,
            [0_i64; 0],
            "{unreadable:?}"
        );
    }
    assert_eq!(from(None, None).await, [0_i64; 0]);
    assert_eq!(from(Some(4), Some("2026-11-22T00:00:00Z")).await, [5]);

    // A moment ahead of the clock is now, and nothing is held back afterwards.
    let ahead = tasks(None, Some("2027-01-01"));
    let mut stream = streams(&fixture, &owner())
        .watch_tasks(ahead)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(next(&mut stream).await.unwrap().sequence, 5);
    fixture.tell(vec![teller.ago(1).updated(1, 2)]).await;
    assert_eq!(told(&mut stream).await.sequence, 6);

    let negative = streams(&fixture, &owner())
        .watch_tasks(tasks(Some(-1), None))
        .await;
    assert_eq!(violation(negative).0, "after_sequence");
    fixture.stop().await;
}
