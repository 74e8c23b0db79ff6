//! What organizations no longer want to keep goes, and the chain holds.

use activity::verify;
use chassis::Role;
use chrono::TimeDelta;
use proto::{
    activity::v1::{ListActivityRequest, WatchRequest},
    board::v1::TaskStatus,
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    fixture::{Fixture, start_of_time},
    story::{BOARD, FOREIGN, FOREIGN_BOARD, GATEWAY, Teller, owner, person},
};

async fn sequences(fixture: &Fixture) -> Vec<i64> {
    let items = fixture.all(&owner()).await;
    items.iter().rev().map(|item| item.sequence).collect()
}

#[sqlx::test(migrations = false)]
async fn content_goes_after_its_days_and_the_chain_holds(pool: PgPool) {
    let fixture = Fixture::tidy(pool).await;
    let teller = Teller::new(start_of_time());
    let foreign = teller.on(FOREIGN, FOREIGN_BOARD);
    let days = |days: i64| teller.ago(24 * days);
    fixture
        .log(
            vec![
                days(9).board(GATEWAY, None),
                days(8).created(1, TaskStatus::Inbox),
                foreign.ago(24 * 8).board(GATEWAY, None),
                days(7).commented(1, Uuid::from_u128(1), "A secret"),
                days(6).updated(1, 2),
                teller.created(2, TaskStatus::Inbox),
            ],
            6,
        )
        .await;
    let before = verify(&fixture.pool).await.unwrap();
    assert_eq!(before.redacted, 0);
    // Off unless asked for.
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert_eq!(sequences(&fixture).await, [1, 2, 4, 5, 6]);

    fixture.log(vec![teller.keeps(Some(7))], 7).await;
    // Exactly seven days old is not older.
    fixture.redacted(2).await;
    assert_eq!(sequences(&fixture).await, [4, 5, 6, 7]);
    fixture.clock.advance(TimeDelta::days(1));
    fixture.redacted(3).await;
    assert_eq!(sequences(&fixture).await, [5, 6, 7]);
    let verified = verify(&fixture.pool).await.unwrap();
    assert_eq!((verified.rows, verified.redacted), (7, 3));
    assert_eq!(
        fixture.all(&person(FOREIGN, Role::Owner, &[])).await.len(),
        1
    );

    // The place of a row stays, and nothing of what it said.
    let left: (String, i32, i32) = sqlx::query_as(
        "select type, num_nonnulls(actor_name, message, payload, encoded, salt), length(hash) + length(digest)
         from event where sequence = 4",
    )
    .fetch_one(&fixture.pool)
    .await
    .unwrap();
    assert_eq!(left, ("task.comment".to_owned(), 0, 64));
    let secrets: i64 =
        sqlx::query_scalar("select count(*) from event where event::text like '%A secret%'")
            .fetch_one(&fixture.pool)
            .await
            .unwrap();
    assert_eq!(secrets, 0);

    // Lists, their counts and replays leave it out.
    let request = ListActivityRequest {
        board_id: Some(BOARD.to_string()),
        ..ListActivityRequest::default()
    };
    assert_eq!(fixture.list(&owner(), request).await.unwrap().total, 2);
    let request = WatchRequest {
        after_sequence: Some(0),
        ..WatchRequest::default()
    };
    let mut viewing = fixture.watch(&owner(), request).await.unwrap();
    viewing.ready().await;
    let replayed: Vec<_> = viewing
        .types(3)
        .await
        .iter()
        .map(|(sequence, _)| *sequence)
        .collect();
    assert_eq!(replayed, [5, 6, 7]);
    // Figures still know that something happened.
    let drawn = fixture
        .dashboard(&owner(), Default::default())
        .await
        .unwrap();
    assert_eq!(drawn.kpis.unwrap().inbox_tasks, 2);

    // Switched off, nothing more goes.
    fixture.log(vec![teller.keeps(None)], 8).await;
    fixture.clock.advance(TimeDelta::days(100));
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    fixture.redacted(3).await;
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn more_than_a_batch_goes_too(pool: PgPool) {
    let fixture = Fixture::tidy(pool).await;
    let teller = Teller::new(start_of_time());
    fixture
        .log(vec![teller.ago(48).created(1, TaskStatus::Inbox)], 1)
        .await;
    fixture.multiply(1, 1_199).await;
    fixture.log(vec![teller.keeps(Some(1))], 1_201).await;
    fixture.redacted(1_200).await;
    assert_eq!(sequences(&fixture).await, [1_201]);
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn settings_out_of_bounds_keep_everything(pool: PgPool) {
    let fixture = Fixture::tidy(pool).await;
    let teller = Teller::new(start_of_time());
    let mut log = 1;
    fixture
        .log(
            vec![teller.ago(24 * 4_000).created(1, TaskStatus::Inbox)],
            log,
        )
        .await;
    for days in [0, -1, 3_651, i32::MAX] {
        log += 1;
        fixture.log(vec![teller.keeps(Some(days))], log).await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    fixture.redacted(0).await;
    fixture.stop().await;
}
