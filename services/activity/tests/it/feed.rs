//! The feed: from now, from a position, through a cut.

use std::time::{Duration, Instant};

use proto::{activity::v1::WatchRequest, board::v1::TaskStatus};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    fixture::{Fixture, start_of_time, violation},
    story::{BOARD, GATEWAY, ORGANIZATION, OTHER_BOARD, Teller, internal, owner, task_id},
};

fn from(after: i64) -> WatchRequest {
    WatchRequest {
        after_sequence: Some(after),
        ..WatchRequest::default()
    }
}

fn named(pairs: &[(i64, &str)]) -> Vec<(i64, String)> {
    pairs
        .iter()
        .map(|(sequence, kind)| (*sequence, (*kind).to_owned()))
        .collect()
}

#[sqlx::test(migrations = false)]
async fn a_stream_begins_now_or_where_it_is_told_to(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
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

    let mut now = fixture
        .watch(&owner(), WatchRequest::default())
        .await
        .unwrap();
    let mut start = fixture.watch(&owner(), from(0)).await.unwrap();
    let mut middle = fixture.watch(&owner(), from(1)).await.unwrap();
    let mut beyond = fixture.watch(&owner(), from(1_000)).await.unwrap();
    assert_eq!(now.ready().await, 2);
    assert_eq!(start.ready().await, 0);
    assert_eq!(middle.ready().await, 1);
    assert_eq!(beyond.ready().await, 2);

    let third = teller.updated(1, 2);
    fixture.tell(vec![third.clone()]).await;
    assert_eq!(now.event().await, (3, third.clone()));
    assert_eq!(beyond.event().await, (3, third));
    let all = named(&[
        (1, "board.created"),
        (2, "task.created"),
        (3, "task.updated"),
    ]);
    assert_eq!(start.types(3).await, all);
    assert_eq!(middle.types(2).await, all[1..]);
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn nothing_is_missed_or_repeated_through_cuts_while_writers_run(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let teller = Teller::new(start_of_time());
    let writers = (0..4_u128).map(|writer| {
        let fixture = &fixture;
        async move {
            for number in 0..75 {
                fixture
                    .tell(vec![
                        teller.created(writer * 100 + number, TaskStatus::Inbox),
                    ])
                    .await;
                tokio::time::sleep(Duration::from_millis(u64::try_from(number % 4).unwrap())).await;
            }
        }
    });
    // Each viewer cuts its stream at another pace and resumes where it was.
    let viewers = [1_usize, 3, 10, 41, 1_000].map(|pace| {
        let fixture = &fixture;
        async move {
            let (mut seen, mut last) = (Vec::new(), 0);
            while seen.len() < 300 {
                let mut viewing = fixture.watch(&owner(), from(last)).await.unwrap();
                assert_eq!(viewing.ready().await, last);
                for _ in 0..pace.min(300 - seen.len()) {
                    let (sequence, event) = viewing.event().await;
                    seen.push((sequence, event.id));
                    last = sequence;
                }
            }
            seen
        }
    });
    let (_, seen) = tokio::join!(
        futures::future::join_all(writers),
        futures::future::join_all(viewers)
    );

    let stored: Vec<(i64, Uuid)> =
        sqlx::query_as("select sequence, id from event order by sequence")
            .fetch_all(&fixture.pool)
            .await
            .unwrap();
    let stored: Vec<_> = stored
        .into_iter()
        .map(|(sequence, id)| (sequence, id.to_string()))
        .collect();
    assert_eq!(stored.len(), 300);
    for viewer in seen {
        assert_eq!(viewer, stored);
    }
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn any_replica_shows_what_any_other_took(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let replica = fixture.replica().await;
    let teller = Teller::new(start_of_time());
    let mut here = fixture.watch(&owner(), from(0)).await.unwrap();
    let mut there = replica.watch(&owner(), from(0)).await.unwrap();
    for number in 1..=20 {
        let event = teller.created(number, TaskStatus::Inbox);
        fixture.tell(vec![event.clone()]).await;
        assert_eq!(here.event().await.1, event);
        assert_eq!(there.event().await.1, event);
    }
    assert_eq!(here.position, there.position);
    replica.running.stop().await.unwrap();
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_replay_longer_than_a_page_and_the_buffer_arrives_whole(pool: PgPool) {
    let config = activity::Config {
        feed_buffer: 16,
        ..crate::fixture::config()
    };
    let fixture = Fixture::start_with(pool, config).await;
    let teller = Teller::new(start_of_time());
    fixture
        .log(vec![teller.created(1, TaskStatus::Inbox)], 1)
        .await;
    fixture.multiply(1, 1_099).await;
    let mut viewing = fixture.watch(&owner(), from(0)).await.unwrap();
    viewing.ready().await;
    for expected in 1..=600 {
        assert_eq!(viewing.event().await.0, expected);
    }
    // More than the buffer holds happens while the viewer still reads the past.
    fixture
        .log(
            (2_000..2_100)
                .map(|number| teller.created(number, TaskStatus::Inbox))
                .collect(),
            1_200,
        )
        .await;
    for expected in 601..=1_200 {
        assert_eq!(viewing.event().await.0, expected);
    }
    drop(viewing);
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_stream_shows_what_its_filter_admits(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let teller = Teller::new(start_of_time());
    let other = teller.on(ORGANIZATION, OTHER_BOARD);
    let story = |first: u128| {
        vec![
            teller.created(first, TaskStatus::Inbox),
            other.created(first + 1, TaskStatus::Inbox),
            teller.moved(
                first,
                (TaskStatus::Inbox, TaskStatus::InProgress),
                (2, 1),
                None,
            ),
            teller.gateway(),
        ]
    };
    fixture
        .log(
            vec![teller.board(GATEWAY, None), other.board(GATEWAY, None)],
            2,
        )
        .await;
    fixture.log(story(1), 6).await;

    let board = WatchRequest {
        board_id: Some(OTHER_BOARD.to_string()),
        ..from(2)
    };
    let task = WatchRequest {
        task_id: Some(task_id(11).to_string()),
        ..from(2)
    };
    let kind = WatchRequest {
        event_type: vec!["task.status_changed".into(), "gateway.*".into()],
        ..from(2)
    };
    let mut board = fixture.watch(&owner(), board).await.unwrap();
    let mut task = fixture.watch(&owner(), task).await.unwrap();
    let mut kind = fixture.watch(&internal(), kind).await.unwrap();
    for viewing in [&mut board, &mut task, &mut kind] {
        assert_eq!(viewing.ready().await, 2);
    }
    // Past and present alike: positions 3 to 6 are replayed, 7 to 10 live.
    assert_eq!(board.types(1).await, named(&[(4, "task.created")]));
    fixture.log(story(11), 10).await;
    assert_eq!(board.types(1).await, named(&[(8, "task.created")]));
    assert_eq!(
        task.types(2).await,
        named(&[(7, "task.created"), (9, "task.status_changed")])
    );
    let expected = [
        (5, "task.status_changed"),
        (6, "gateway.created"),
        (9, "task.status_changed"),
        (10, "gateway.created"),
    ];
    assert_eq!(kind.types(4).await, named(&expected));

    let request = WatchRequest {
        board_id: Some("x".into()),
        ..from(0)
    };
    assert_eq!(
        violation(fixture.watch(&owner(), request).await).0,
        "board_id"
    );
    assert_eq!(
        violation(fixture.watch(&owner(), from(-1)).await).0,
        "after_sequence"
    );
    let request = WatchRequest {
        event_type: vec!["*.created".into()],
        ..from(0)
    };
    assert_eq!(
        violation(fixture.watch(&owner(), request).await).0,
        "event_type[0]"
    );
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_quiet_stream_says_where_it_stands(pool: PgPool) {
    let config = activity::Config {
        feed_keep_alive: Duration::from_millis(30),
        ..crate::fixture::config()
    };
    let fixture = Fixture::start_with(pool, config).await;
    let request = WatchRequest {
        board_id: None,
        event_type: vec!["approval.*".into()],
        ..from(0)
    };
    let mut viewing = fixture.watch(&owner(), request).await.unwrap();
    viewing.ready().await;
    assert_eq!(viewing.next().await.unwrap().sequence, 0);
    // What the filter holds back moves the position all the same: a resume does not begin before it.
    fixture
        .log(
            vec![Teller::new(start_of_time()).created(1, TaskStatus::Inbox)],
            1,
        )
        .await;
    let deadline = Instant::now() + Duration::from_secs(10);
    while viewing.next().await.unwrap().sequence != 1 {
        assert!(Instant::now() < deadline);
    }
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_viewer_sees_a_change_soon_after_its_commit(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let teller = Teller::new(start_of_time());
    fixture.log(vec![teller.board(GATEWAY, None)], 1).await;
    let request = WatchRequest {
        board_id: Some(BOARD.to_string()),
        ..WatchRequest::default()
    };
    let mut viewing = fixture.watch(&owner(), request).await.unwrap();
    viewing.ready().await;
    let mut latencies = Vec::new();
    for number in 0..40 {
        let event = teller.created(number, TaskStatus::Inbox);
        fixture.tell(vec![event.clone()]).await;
        let committed = Instant::now();
        assert_eq!(viewing.event().await.1, event);
        latencies.push(committed.elapsed());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    latencies.sort();
    let median = latencies[latencies.len() / 2];
    println!(
        "commit to viewer: median {median:?}, worst {:?}",
        latencies[latencies.len() - 1]
    );
    // Unhurried machines need less than 10 ms; polling instead of being told would need hundreds.
    assert!(median < Duration::from_millis(200), "{median:?}");
    fixture.stop().await;
}
