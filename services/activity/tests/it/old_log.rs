//! A log from before content could be taken out: it is verified as before, and goes on.

use activity::{Flaw, MIGRATOR, Unverified, verify};
use chrono::{DateTime, Utc};
use proto::board::v1::TaskStatus;
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    fixture::{Fixture, start_of_time},
    story::{ANN, BOARD, ORGANIZATION, Teller},
};

/// The hash of a row as the first version made it.
fn hash(previous: &[u8], sequence: i64, id: Uuid, at: DateTime<Utc>, message: &str) -> Vec<u8> {
    let parts: [&[u8]; 15] = [
        previous,
        &sequence.to_be_bytes(),
        id.as_bytes(),
        ORGANIZATION.as_bytes(),
        BOARD.as_bytes(),
        &[],
        &[],
        b"task.updated",
        b"user",
        ANN.as_bytes(),
        "Änn".as_bytes(),
        &at.timestamp_micros().to_be_bytes(),
        message.as_bytes(),
        b"{\"a\": 1}",
        &[1, 2, 3],
    ];
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().to_vec()
}

/// The tables of the first version, with five rows; answers the hashes.
async fn write_old_log(pool: &PgPool) -> Vec<Vec<u8>> {
    for migration in MIGRATOR.iter().filter(|migration| migration.version <= 2) {
        sqlx::raw_sql(migration.sql.clone())
            .execute(pool)
            .await
            .unwrap();
    }
    let mut hashes = vec![vec![0; 32]];
    for sequence in 1..=5_i64 {
        let id = Uuid::from_u128(sequence.unsigned_abs().into());
        let at = start_of_time() + chrono::TimeDelta::microseconds(sequence);
        let message = format!("Row {sequence}");
        let hash = hash(hashes.last().unwrap(), sequence, id, at, &message);
        sqlx::query(
            "insert into event (sequence, id, organization_id, board_id, type, actor_kind, actor_id, actor_name,
                 occurred_at, message, payload, encoded, hash)
             values ($1, $2, $3, $4, 'task.updated', 'user', $5, 'Änn', $6, $7, '{\"a\": 1}', '\\x010203', $8)",
        )
        .bind(sequence)
        .bind(id)
        .bind(ORGANIZATION)
        .bind(BOARD)
        .bind(ANN)
        .bind(at)
        .bind(message)
        .bind(&hash)
        .execute(pool)
        .await
        .unwrap();
        hashes.push(hash);
    }
    sqlx::query("update chain_head set sequence = 5, hash = $1")
        .bind(&hashes[5])
        .execute(pool)
        .await
        .unwrap();
    hashes
}

async fn migrate(pool: &PgPool) {
    for migration in MIGRATOR.iter().filter(|migration| migration.version > 2) {
        let mut tx = pool.begin().await.unwrap();
        sqlx::raw_sql(migration.sql.clone())
            .execute(&mut *tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
}

async fn change(pool: &PgPool, statement: &'static str) {
    let mut tx = pool.begin().await.unwrap();
    for step in [
        "alter table event disable trigger user",
        statement,
        "alter table event enable trigger user",
    ] {
        sqlx::query(step).execute(&mut *tx).await.unwrap();
    }
    tx.commit().await.unwrap();
}

#[sqlx::test(migrations = false)]
async fn rows_of_the_first_format_are_verified_also_without_content(pool: PgPool) {
    let hashes = write_old_log(&pool).await;
    migrate(&pool).await;
    let verified = verify(&pool).await.unwrap();
    assert_eq!((verified.rows, verified.redacted), (5, 0));
    // The hashes that were shown stay.
    let stored: Vec<Vec<u8>> = sqlx::query_scalar("select hash from event order by sequence")
        .fetch_all(&pool)
        .await
        .unwrap();
    assert_eq!(stored, hashes[1..]);

    sqlx::query(
        "update event set salt = null, actor_name = null, message = null, payload = null, encoded = null,
             redacted_at = now() where sequence in (2, 4)",
    )
    .execute(&pool)
    .await
    .unwrap();
    let verified = verify(&pool).await.unwrap();
    assert_eq!((verified.rows, verified.redacted), (5, 2));
}

#[sqlx::test(migrations = false)]
async fn a_change_of_an_old_row_is_found(pool: PgPool) {
    write_old_log(&pool).await;
    // Before the digests were made: the old hash tells.
    change(
        &pool,
        "update event set message = 'Forged' where sequence = 2",
    )
    .await;
    migrate(&pool).await;
    let broken = |verified| match verified {
        Err(Unverified::Broken { sequence, flaw, .. }) => (sequence, flaw),
        other => panic!("{other:?}"),
    };
    assert_eq!(broken(verify(&pool).await), (2, Flaw::Hash));
    change(
        &pool,
        "update event set message = 'Row 2' where sequence = 2",
    )
    .await;
    assert_eq!(broken(verify(&pool).await), (2, Flaw::Content));
}

#[sqlx::test(migrations = false)]
async fn a_change_of_an_old_row_without_content_is_found(pool: PgPool) {
    write_old_log(&pool).await;
    migrate(&pool).await;
    sqlx::query(
        "update event set salt = null, actor_name = null, message = null, payload = null, encoded = null,
             redacted_at = now() where sequence = 3",
    )
    .execute(&pool)
    .await
    .unwrap();
    for (forge, back) in [
        (
            "update event set board_id = null where sequence = 3",
            "update event set board_id = '00000000-0000-0000-0000-000000000200' where sequence = 3",
        ),
        (
            "update event set hash = sha256(hash || 'x'), digest = digest where sequence = 3",
            "",
        ),
    ] {
        change(&pool, forge).await;
        match verify(&pool).await {
            Err(Unverified::Broken { sequence, flaw, .. }) => {
                assert_eq!((sequence, flaw), (3, Flaw::Hash), "{forge}");
            }
            other => panic!("{forge}: {other:?}"),
        }
        if !back.is_empty() {
            change(&pool, back).await;
            assert_eq!(verify(&pool).await.unwrap().rows, 5);
        }
    }
}

#[sqlx::test(migrations = false)]
async fn the_log_goes_on_in_the_second_format(pool: PgPool) {
    write_old_log(&pool).await;
    migrate(&pool).await;
    sqlx::query("drop table if exists _sqlx_migrations")
        .execute(&pool)
        .await
        .unwrap();
    // The service finds its tables made.
    let fixture = Fixture::start_on(pool).await;
    let teller = Teller::new(start_of_time());
    fixture
        .log(vec![teller.created(1, TaskStatus::Inbox)], 6)
        .await;
    let verified = verify(&fixture.pool).await.unwrap();
    assert_eq!((verified.rows, verified.redacted), (6, 0));
    let formats: Vec<i16> = sqlx::query_scalar("select format from event order by sequence")
        .fetch_all(&fixture.pool)
        .await
        .unwrap();
    assert_eq!(formats, [1, 1, 1, 1, 1, 2]);
    fixture.stop().await;
}
