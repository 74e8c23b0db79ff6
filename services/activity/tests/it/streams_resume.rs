//! Each stream shows every change once, through a cut and between two writers.

use std::{collections::BTreeSet, time::Duration};

use proto::{
    activity::v1::{
        WatchAgentsRequest, WatchApprovalsRequest, WatchBoardGroupMemoryRequest,
        WatchBoardMemoryRequest, WatchGroupMemoryRequest, WatchTaskCommentsRequest,
        WatchTasksRequest,
    },
    board::v1::TaskStatus,
    event::v1::Event,
};
use sqlx::PgPool;
use tonic::{Status, Streaming};
use uuid::Uuid;

use crate::{
    fixture::{Fixture, start_of_time},
    story::{BOARD, GATEWAY, ORGANIZATION, OTHER_BOARD, Teller, owner},
    streams::{Told, next, streams},
    tales::{GROUP, OTHER_GROUP},
};

/// How many changes each of two writers makes.
const EACH: u128 = 20;

/// Two writers, among others, and a reader that is cut off twice.
async fn resumes<M: Told>(
    pool: PgPool,
    open: impl AsyncFn(&Fixture, Option<i64>) -> Result<Streaming<M>, Status>,
    make: impl Fn(u128) -> Event,
) {
    let fixture = Fixture::start(pool).await;
    let teller = Teller::new(start_of_time());
    let other = teller.on(ORGANIZATION, OTHER_BOARD);
    fixture
        .log(
            vec![
                teller.group(GROUP),
                teller.board(GATEWAY, Some(GROUP)),
                other.board(GATEWAY, None),
            ],
            3,
        )
        .await;
    let write = async |writer: u128| {
        for number in 0..EACH {
            fixture.tell(vec![make(writer * 100 + number)]).await;
            // What is no concern of the stream's.
            fixture
                .tell(vec![
                    teller.gateway(),
                    other.noted_in_group(OTHER_GROUP, number, true, &[OTHER_BOARD]),
                ])
                .await;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    // The reader is there before the writers: its first stream begins now.
    let mut stream = open(&fixture, None).await.unwrap();
    let first = next(&mut stream).await.unwrap();
    assert!(first.is_standing() && first.sequence() == 3);
    let read = async {
        let mut seen: Vec<(i64, String)> = Vec::new();
        for part in [5, 20, 2 * usize::try_from(EACH).unwrap()] {
            while seen.len() < part {
                let message = next(&mut stream).await.unwrap();
                if !message.is_standing() {
                    seen.push((message.sequence(), message.thing()));
                }
            }
            let last = seen.last().map(|(sequence, _)| *sequence);
            stream = open(&fixture, last).await.unwrap();
            let first = next(&mut stream).await.unwrap();
            assert!(first.is_standing());
            assert_eq!(Some(first.sequence()), last);
        }
        seen
    };
    let (seen, (), ()) = tokio::join!(read, write(1), write(2));
    assert!(seen.is_sorted_by(|a, b| a.0 < b.0), "{seen:?}");
    let things: BTreeSet<_> = seen.iter().map(|(_, thing)| thing).collect();
    assert_eq!(things.len(), 2 * usize::try_from(EACH).unwrap());
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn tasks(pool: PgPool) {
    let open = async |fixture: &Fixture, after_sequence| {
        let request = WatchTasksRequest {
            board_id: BOARD.to_string(),
            after_sequence,
            since: None,
        };
        let opened = streams(fixture, &owner()).watch_tasks(request).await?;
        Ok(opened.into_inner())
    };
    let teller = Teller::new(start_of_time());
    resumes(pool, open, |n| teller.created(n, TaskStatus::Inbox)).await;
}

#[sqlx::test(migrations = false)]
async fn approvals(pool: PgPool) {
    let open = async |fixture: &Fixture, after_sequence| {
        let request = WatchApprovalsRequest {
            board_id: BOARD.to_string(),
            after_sequence,
            since: None,
        };
        let opened = streams(fixture, &owner()).watch_approvals(request).await?;
        Ok(opened.into_inner())
    };
    let teller = Teller::new(start_of_time());
    resumes(pool, open, |n| teller.asked(n)).await;
}

#[sqlx::test(migrations = false)]
async fn board_memory(pool: PgPool) {
    let open = async |fixture: &Fixture, after_sequence| {
        let request = WatchBoardMemoryRequest {
            board_id: BOARD.to_string(),
            after_sequence,
            ..WatchBoardMemoryRequest::default()
        };
        let opened = streams(fixture, &owner())
            .watch_board_memory(request)
            .await?;
        Ok(opened.into_inner())
    };
    let teller = Teller::new(start_of_time());
    resumes(pool, open, |n| teller.noted(n, false)).await;
}

#[sqlx::test(migrations = false)]
async fn group_memory(pool: PgPool) {
    let open = async |fixture: &Fixture, after_sequence| {
        let request = WatchGroupMemoryRequest {
            group_id: GROUP.to_string(),
            after_sequence,
            ..WatchGroupMemoryRequest::default()
        };
        let opened = streams(fixture, &owner())
            .watch_group_memory(request)
            .await?;
        Ok(opened.into_inner())
    };
    let teller = Teller::new(start_of_time());
    resumes(pool, open, |n| {
        teller.noted_in_group(GROUP, n, false, &[BOARD])
    })
    .await;
}

#[sqlx::test(migrations = false)]
async fn memory_of_the_boards_group(pool: PgPool) {
    let open = async |fixture: &Fixture, after_sequence| {
        let request = WatchBoardGroupMemoryRequest {
            board_id: BOARD.to_string(),
            after_sequence,
            ..WatchBoardGroupMemoryRequest::default()
        };
        let mut client = streams(fixture, &owner());
        Ok(client.watch_board_group_memory(request).await?.into_inner())
    };
    let teller = Teller::new(start_of_time());
    resumes(pool, open, |n| {
        teller.noted_in_group(GROUP, n, true, &[BOARD])
    })
    .await;
}

#[sqlx::test(migrations = false)]
async fn task_comments(pool: PgPool) {
    let open = async |fixture: &Fixture, after_sequence| {
        let request = WatchTaskCommentsRequest {
            after_sequence,
            ..WatchTaskCommentsRequest::default()
        };
        let opened = streams(fixture, &owner())
            .watch_task_comments(request)
            .await?;
        Ok(opened.into_inner())
    };
    let teller = Teller::new(start_of_time());
    resumes(pool, open, |n| {
        teller.commented(1, Uuid::from_u128(n), "Well")
    })
    .await;
}

#[sqlx::test(migrations = false)]
async fn agents(pool: PgPool) {
    let open = async |fixture: &Fixture, after_sequence| {
        let request = WatchAgentsRequest {
            after_sequence,
            ..WatchAgentsRequest::default()
        };
        let opened = streams(fixture, &owner()).watch_agents(request).await?;
        Ok(opened.into_inner())
    };
    let teller = Teller::new(start_of_time());
    resumes(pool, open, |n| {
        teller.agent_created(Uuid::from_u128(0x9_0000 + n), n % 2 == 0)
    })
    .await;
}
