//! How a stream ends, and that it can be resumed.

use std::time::Duration;

use activity::Config;
use chassis::{Caller, Code};
use proto::{
    activity::v1::WatchRequest,
    board::v1::TaskStatus,
    event::v1::{ActiveOrganizationChanged, AgentTokenChanged, event::Payload},
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    fixture::{Fixture, config, start_of_time},
    story::{AGENT, ANN, BOARD, GATEWAY, Teller, agent, owner},
};

#[sqlx::test(migrations = false)]
async fn a_reader_that_cannot_keep_up_is_ended_and_resumes(pool: PgPool) {
    let fixture = Fixture::start_with(
        pool,
        Config {
            feed_buffer: 16,
            ..config()
        },
    )
    .await;
    let teller = Teller::new(start_of_time());
    let mut viewing = fixture
        .watch(&owner(), WatchRequest::default())
        .await
        .unwrap();
    viewing.ready().await;
    // It followed, and then it stopped reading.
    fixture
        .tell(vec![teller.created(0, TaskStatus::Inbox)])
        .await;
    assert_eq!(viewing.event().await.0, 1);
    for batch in 0..20_u128 {
        let events = (1..=20).map(|number| teller.created(batch * 20 + number, TaskStatus::Inbox));
        fixture
            .log(events.collect(), i64::try_from(batch).unwrap() * 20 + 21)
            .await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let end = viewing.end().await;
    assert_eq!(
        (end.code, end.reason.as_str()),
        (Code::TooMany, "READER_TOO_SLOW")
    );
    assert!(viewing.position < 401);

    let request = WatchRequest {
        after_sequence: Some(viewing.position),
        ..Default::default()
    };
    let resumed_at = viewing.position;
    let mut viewing = fixture.watch(&owner(), request).await.unwrap();
    viewing.ready().await;
    for expected in resumed_at + 1..=401 {
        assert_eq!(viewing.event().await.0, expected);
    }
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_stream_ends_at_its_age(pool: PgPool) {
    let fixture = Fixture::start_with(
        pool,
        Config {
            feed_max_age: Duration::from_millis(300),
            ..config()
        },
    )
    .await;
    let mut viewing = fixture
        .watch(&owner(), WatchRequest::default())
        .await
        .unwrap();
    let end = viewing.end().await;
    assert_eq!(
        (end.code, end.reason.as_str()),
        (Code::Unavailable, "STREAM_EXPIRED")
    );
    assert_eq!(end.facts["sequence"], 0);
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_stream_ends_when_what_its_viewer_may_see_changes(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let teller = Teller::new(start_of_time());
    let mut user = fixture
        .watch(&owner(), WatchRequest::default())
        .await
        .unwrap();
    let mut bot = fixture
        .watch(&agent(Some(BOARD)), WatchRequest::default())
        .await
        .unwrap();
    user.ready().await;
    bot.ready().await;
    let switched = |user: Uuid| ActiveOrganizationChanged {
        user_id: user.to_string(),
    };
    let rotated = |agent: Uuid| AgentTokenChanged {
        agent_id: agent.to_string(),
    };
    // Somebody else's changes are no concern of theirs.
    fixture
        .log(
            vec![
                teller.of(Payload::ActiveOrganizationChanged(switched(AGENT))),
                teller.of(Payload::AgentTokenChanged(rotated(ANN))),
                teller.board(GATEWAY, None),
                teller.of(Payload::ActiveOrganizationChanged(switched(ANN))),
                teller.of(Payload::AgentTokenChanged(rotated(AGENT))),
            ],
            5,
        )
        .await;
    assert_eq!(bot.event().await.0, 3);
    for viewing in [&mut user, &mut bot] {
        let end = viewing.end().await;
        assert_eq!(
            (end.code, end.reason.as_str()),
            (Code::Unavailable, "CALLER_CHANGED")
        );
        assert_eq!(viewing.position, 3);
    }
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn streams_end_when_the_process_stops(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let mut viewing = fixture
        .watch(&owner(), WatchRequest::default())
        .await
        .unwrap();
    viewing.ready().await;
    let (end, ()) = tokio::join!(viewing.end(), fixture.stop());
    assert_eq!(
        (end.code, end.reason.as_str()),
        (Code::Unavailable, "STOPPING")
    );
}

#[sqlx::test(migrations = false)]
async fn strangers_are_refused(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let refused = crate::fixture::fault(
        fixture
            .watch(&Caller::Anonymous, WatchRequest::default())
            .await,
    );
    assert_eq!(refused.code, Code::Unauthenticated);
    let refused = crate::fixture::fault(
        fixture
            .dashboard(&agent(Some(BOARD)), Default::default())
            .await,
    );
    assert_eq!(refused.code, Code::Forbidden);
    fixture.stop().await;
}
