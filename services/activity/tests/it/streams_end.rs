//! Streams end when their viewer may no longer see what they are bound to, and say so.

use chassis::{Caller, Code, Role};
use proto::{
    activity::v1::{
        WatchAgentsRequest, WatchBoardGroupMemoryRequest, WatchGroupMemoryRequest, WatchRequest,
        WatchTaskCommentsRequest, WatchTasksRequest, WatchTasksResponse,
    },
    board::v1::TaskStatus,
    event::v1::Event,
    org::v1::Role as WireRole,
};
use sqlx::PgPool;
use tonic::{Status, Streaming};
use uuid::Uuid;

use crate::{
    fixture::{Fixture, fault, start_of_time},
    story::{
        BOARD, FOREIGN, FOREIGN_BOARD, GATEWAY, ORGANIZATION, OTHER_BOARD, OTHER_GATEWAY, Teller,
        agent, owner, person,
    },
    streams::{Told, next, streams, told},
    tales::{GROUP, OTHER_GROUP},
};

/// Two boards, one of them in a group.
async fn settled(pool: PgPool) -> Fixture {
    let fixture = Fixture::start(pool).await;
    let teller = Teller::new(start_of_time());
    fixture
        .log(
            vec![
                teller.group(GROUP),
                teller.board(GATEWAY, Some(GROUP)),
                teller.on(ORGANIZATION, OTHER_BOARD).board(GATEWAY, None),
                teller.on(FOREIGN, FOREIGN_BOARD).board(GATEWAY, None),
            ],
            4,
        )
        .await;
    fixture
}

fn member() -> Caller {
    person(ORGANIZATION, Role::Member, &[BOARD])
}

async fn tasks(fixture: &Fixture, caller: &Caller) -> Streaming<WatchTasksResponse> {
    let request = WatchTasksRequest {
        board_id: BOARD.to_string(),
        ..WatchTasksRequest::default()
    };
    let opened = streams(fixture, caller).watch_tasks(request).await;
    opened.unwrap().into_inner()
}

/// Why a stream ends after an event that everybody who reads it hears of.
async fn end<M: Told>(fixture: &Fixture, mut stream: Streaming<M>, event: Event) -> (Code, String) {
    assert!(next(&mut stream).await.unwrap().is_standing());
    fixture.tell(vec![event]).await;
    let status: Status = loop {
        match next(&mut stream).await {
            Ok(message) => assert!(message.is_standing(), "{message:?}"),
            Err(status) => break status,
        }
    };
    let fault = chassis::fault::read(&status);
    (fault.code, fault.reason)
}

fn gone(reason: &str) -> (Code, String) {
    (Code::NotFound, reason.to_owned())
}

#[sqlx::test(migrations = false)]
async fn a_board_that_is_deleted_or_taken_away_ends_its_streams(pool: PgPool) {
    let fixture = settled(pool).await;
    let teller = Teller::new(start_of_time());
    let board = gone("BOARD_NOT_FOUND");

    let stream = tasks(&fixture, &member()).await;
    assert_eq!(
        end(&fixture, stream, teller.ann_sees(&[OTHER_BOARD])).await,
        board
    );
    // It lost another board: its rights are other ones, and it is asked to show them.
    let both = person(ORGANIZATION, Role::Member, &[BOARD, OTHER_BOARD]);
    let stream = tasks(&fixture, &both).await;
    assert_eq!(
        end(&fixture, stream, teller.ann_sees(&[BOARD])).await,
        (Code::Unavailable, "CALLER_CHANGED".into())
    );
    let stream = tasks(&fixture, &member()).await;
    assert_eq!(
        end(&fixture, stream, teller.ann_is_removed()).await,
        (Code::Forbidden, "ACCESS_ENDED".into())
    );
    // The main agent of a gateway reads the boards that are on it.
    let stream = tasks(&fixture, &agent(None)).await;
    let moved = teller.board_moved(OTHER_GATEWAY, Some(GROUP), 2);
    assert_eq!(end(&fixture, stream, moved).await, board);
    let refused = streams(&fixture, &agent(None))
        .watch_tasks(WatchTasksRequest {
            board_id: BOARD.to_string(),
            ..WatchTasksRequest::default()
        })
        .await;
    assert_eq!(fault(refused).reason, "BOARD_NOT_FOUND");

    let stream = tasks(&fixture, &owner()).await;
    assert_eq!(end(&fixture, stream, teller.board_deleted()).await, board);
    let refused = streams(&fixture, &owner())
        .watch_tasks(WatchTasksRequest {
            board_id: BOARD.to_string(),
            ..WatchTasksRequest::default()
        })
        .await;
    assert_eq!(fault(refused).reason, "BOARD_NOT_FOUND");
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn the_feed_of_a_board_tells_of_its_end_and_ends(pool: PgPool) {
    let fixture = settled(pool).await;
    let request = WatchRequest {
        board_id: Some(BOARD.to_string()),
        ..WatchRequest::default()
    };
    let mut viewing = fixture.watch(&member(), request).await.unwrap();
    viewing.ready().await;
    let teller = Teller::new(start_of_time());
    fixture.tell(vec![teller.board_deleted()]).await;
    assert_eq!(viewing.event().await.1.r#type, "board.deleted");
    let end = viewing.end().await;
    assert_eq!((end.code, end.reason), gone("BOARD_NOT_FOUND"));
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_group_ends_with_its_last_readable_board(pool: PgPool) {
    let fixture = settled(pool).await;
    let teller = Teller::new(start_of_time());
    let group = async |caller: &Caller, id: Uuid| {
        let request = WatchGroupMemoryRequest {
            group_id: id.to_string(),
            ..WatchGroupMemoryRequest::default()
        };
        let opened = streams(&fixture, caller).watch_group_memory(request).await;
        opened.map(tonic::Response::into_inner)
    };
    let not_found = gone("BOARD_GROUP_NOT_FOUND");
    // Neither a stranger's nor one without a board that the reader reads.
    for (caller, id) in [
        (person(FOREIGN, Role::Owner, &[]), GROUP),
        (person(ORGANIZATION, Role::Member, &[OTHER_BOARD]), GROUP),
        (owner(), OTHER_GROUP),
    ] {
        let refused = fault(group(&caller, id).await);
        assert_eq!((refused.code, refused.reason), not_found);
    }

    // Another board joins and is as good as the first.
    let stream = group(
        &person(ORGANIZATION, Role::Member, &[BOARD, OTHER_BOARD]),
        GROUP,
    )
    .await;
    let mut stream = stream.unwrap();
    let other = teller.on(ORGANIZATION, OTHER_BOARD);
    fixture
        .tell(vec![
            other.board_moved(GATEWAY, Some(GROUP), 2),
            teller.board_moved(GATEWAY, None, 2),
            teller.noted_in_group(GROUP, 1, true, &[OTHER_BOARD]),
        ])
        .await;
    assert_eq!(told(&mut stream).await.sequence(), 7);
    let moved = other.board_moved(GATEWAY, None, 3);
    assert_eq!(end_of(&fixture, stream, moved).await, not_found);

    // Without boards it is for admins, until it is deleted.
    assert_eq!(fault(group(&member(), GROUP).await).reason, not_found.1);
    let stream = group(&owner(), GROUP).await.unwrap();
    assert_eq!(
        end(&fixture, stream, teller.group_deleted(GROUP)).await,
        not_found
    );
    assert_eq!(fault(group(&owner(), GROUP).await).reason, not_found.1);
    fixture.stop().await;
}

async fn end_of<M: Told>(
    fixture: &Fixture,
    mut stream: Streaming<M>,
    event: Event,
) -> (Code, String) {
    fixture.tell(vec![event]).await;
    let status = loop {
        if let Err(status) = next(&mut stream).await {
            break status;
        }
    };
    let fault = chassis::fault::read(&status);
    (fault.code, fault.reason)
}

#[sqlx::test(migrations = false)]
async fn the_memory_of_the_boards_group_follows_the_board(pool: PgPool) {
    let fixture = settled(pool).await;
    let teller = Teller::new(start_of_time());
    let open = async |after_sequence| {
        let request = WatchBoardGroupMemoryRequest {
            board_id: BOARD.to_string(),
            after_sequence,
            ..WatchBoardGroupMemoryRequest::default()
        };
        let mut client = streams(&fixture, &member());
        let opened = client.watch_board_group_memory(request).await;
        opened.unwrap().into_inner()
    };
    let mut stream = open(None).await;
    next(&mut stream).await.unwrap();
    fixture
        .log(
            vec![
                teller.noted_in_group(GROUP, 1, false, &[BOARD]),
                teller.board_moved(GATEWAY, Some(OTHER_GROUP), 2),
                teller.noted_in_group(GROUP, 2, false, &[]),
                teller.noted_in_group(OTHER_GROUP, 3, false, &[]),
                teller.board_moved(GATEWAY, None, 3),
                teller.noted_in_group(GROUP, 4, false, &[]),
                teller.noted_in_group(OTHER_GROUP, 5, false, &[]),
                teller.board_moved(GATEWAY, Some(GROUP), 4),
                teller.noted_in_group(GROUP, 6, false, &[BOARD]),
            ],
            13,
        )
        .await;
    for expected in [5, 8, 13] {
        assert_eq!(told(&mut stream).await.sequence(), expected);
    }
    // Who was away in between misses none that was written while the board was there.
    let mut stream = open(Some(4)).await;
    let mut seen = Vec::new();
    while seen.last() != Some(&13) {
        seen.push(told(&mut stream).await.sequence());
    }
    assert!(seen.contains(&5), "{seen:?}");
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn agents_are_for_admins_as_long_as_they_are(pool: PgPool) {
    let fixture = settled(pool).await;
    let teller = Teller::new(start_of_time());
    let open = async |board: Option<Uuid>| {
        let request = WatchAgentsRequest {
            board_id: board.map(|id| id.to_string()),
            ..WatchAgentsRequest::default()
        };
        let admin = person(ORGANIZATION, Role::Admin, &[BOARD]);
        let opened = streams(&fixture, &admin).watch_agents(request).await;
        opened.map(tonic::Response::into_inner)
    };
    for board in [None, Some(BOARD)] {
        let stream = open(board).await.unwrap();
        assert_eq!(
            end(&fixture, stream, teller.ann_becomes(WireRole::Member)).await,
            (Code::Forbidden, "ADMIN_REQUIRED".into())
        );
    }
    assert_eq!(
        fault(open(Some(FOREIGN_BOARD)).await).reason,
        "BOARD_NOT_FOUND"
    );
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn comments_of_all_boards_end_with_the_organization(pool: PgPool) {
    let fixture = settled(pool).await;
    let teller = Teller::new(start_of_time());
    let mut client = streams(&fixture, &member());
    let opened = client
        .watch_task_comments(WatchTaskCommentsRequest::default())
        .await;
    let mut stream = opened.unwrap().into_inner();
    next(&mut stream).await.unwrap();
    let other = teller.on(ORGANIZATION, OTHER_BOARD);
    let foreign = teller.on(FOREIGN, FOREIGN_BOARD);
    fixture
        .log(
            vec![
                other.commented(2, Uuid::from_u128(1), "Not for the reader"),
                foreign.commented(3, Uuid::from_u128(2), "Even less"),
                foreign.organization_deleted(),
                teller.created(1, TaskStatus::Inbox),
                teller.commented(1, Uuid::from_u128(3), "For the reader"),
            ],
            9,
        )
        .await;
    assert_eq!(told(&mut stream).await.sequence(), 9);
    assert_eq!(
        end_of(&fixture, stream, teller.organization_deleted()).await,
        (Code::Forbidden, "ACCESS_ENDED".into())
    );
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn what_is_told_of_a_viewer_during_a_long_replay_is_heard(pool: PgPool) {
    let config = activity::Config {
        feed_buffer: 16,
        ..crate::fixture::config()
    };
    let fixture = Fixture::start_with(pool, config).await;
    let teller = Teller::new(start_of_time());
    fixture
        .log(
            vec![
                teller.board(GATEWAY, None),
                teller.created(1, TaskStatus::Inbox),
            ],
            2,
        )
        .await;
    fixture.multiply(2, 3_000).await;
    let request = WatchTasksRequest {
        board_id: BOARD.to_string(),
        after_sequence: Some(0),
        since: None,
    };
    let opened = streams(&fixture, &member()).watch_tasks(request).await;
    let mut stream = opened.unwrap().into_inner();
    assert_eq!(told(&mut stream).await.sequence(), 2);
    // It is taken away while the viewer reads the past, and more happens than the hub keeps.
    let mut events = vec![teller.ann_sees(&[])];
    events.extend((0..40).map(|_| teller.gateway()));
    let mut written = 3_002;
    let mut witness = loop {
        let witness = fixture.watch(&owner(), WatchRequest::default()).await;
        let mut witness = witness.unwrap();
        witness.ready().await;
        written += 1;
        fixture.log(vec![teller.gateway()], written).await;
        // Nobody keeps up with the hub before it is through with what is there already.
        if witness.next().await.is_ok_and(|told| told.event.is_some()) {
            break witness;
        }
    };
    for few in events.chunks(8) {
        written += i64::try_from(few.len()).unwrap();
        fixture.log(few.to_vec(), written).await;
        // The hub had it.
        while witness.event().await.0 < written {}
    }
    let mut last = 2;
    let status = loop {
        match next(&mut stream).await {
            Ok(message) => last = message.sequence(),
            Err(status) => break status,
        }
    };
    let fault = chassis::fault::read(&status);
    assert_eq!((fault.code, fault.reason), gone("BOARD_NOT_FOUND"));
    assert_eq!(last, 3_002);
    fixture.stop().await;
}
