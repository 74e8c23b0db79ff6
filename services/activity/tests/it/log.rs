//! The log: every event once, in order, chained, and never changed.

use activity::{Verified, verify};
use proto::board::v1::TaskStatus;
use sqlx::PgPool;

use crate::{
    fixture::{Fixture, start_of_time},
    story::{Teller, owner},
};

#[sqlx::test(migrations = false)]
async fn an_empty_log_is_unbroken(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    assert_eq!(
        verify(&fixture.pool).await.unwrap(),
        Verified {
            rows: 0,
            redacted: 0,
            head: "0".repeat(64)
        }
    );
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn concurrent_writers_make_one_unbroken_chain(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let teller = Teller::new(start_of_time());
    let writers = (0..8_u128).map(|writer| {
        let fixture = &fixture;
        async move {
            for number in 0..25 {
                fixture
                    .tell(vec![
                        teller.created(writer * 100 + number, TaskStatus::Inbox),
                    ])
                    .await;
            }
        }
    });
    futures::future::join_all(writers).await;
    fixture.logged(200).await;

    let sequences: Vec<i64> = sqlx::query_scalar("select sequence from event order by sequence")
        .fetch_all(&fixture.pool)
        .await
        .unwrap();
    assert_eq!(sequences, (1..=200).collect::<Vec<_>>());
    // Each writer's own order survived.
    let tasks: Vec<uuid::Uuid> = sqlx::query_scalar("select task_id from event order by sequence")
        .fetch_all(&fixture.pool)
        .await
        .unwrap();
    for writer in 0..8 {
        let own: Vec<_> = (0..25)
            .map(|number| crate::story::task_id(writer * 100 + number))
            .collect();
        let found: Vec<_> = tasks
            .iter()
            .copied()
            .filter(|task| own.contains(task))
            .collect();
        assert_eq!(found, own);
    }
    let newest = fixture.all(&owner()).await.remove(0);
    let verified = verify(&fixture.pool).await.unwrap();
    assert_eq!(
        verified,
        Verified {
            rows: 200,
            redacted: 0,
            head: newest.hash
        }
    );
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn an_event_that_comes_again_is_there_once(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let teller = Teller::new(start_of_time());
    let (first, second) = (
        teller.created(1, TaskStatus::Inbox),
        teller.created(2, TaskStatus::Inbox),
    );
    fixture.log(vec![first.clone(), first.clone()], 1).await;
    // Even when the inbox has long forgotten it.
    sqlx::query("delete from inbox")
        .execute(&fixture.pool)
        .await
        .unwrap();
    fixture.tell(vec![first.clone()]).await;
    fixture.log(vec![second.clone(), first], 2).await;

    let ids: Vec<_> = fixture
        .all(&owner())
        .await
        .into_iter()
        .map(|event| event.id)
        .collect();
    assert_eq!(ids, [second.id, fixture_id(&fixture, 1).await]);
    assert_eq!(verify(&fixture.pool).await.unwrap().rows, 2);
    fixture.stop().await;
}

async fn fixture_id(fixture: &Fixture, sequence: i64) -> String {
    let id: uuid::Uuid = sqlx::query_scalar("select id from event where sequence = $1")
        .bind(sequence)
        .fetch_one(&fixture.pool)
        .await
        .unwrap();
    id.to_string()
}

#[sqlx::test(migrations = false)]
async fn the_log_refuses_every_change(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    fixture
        .log(
            vec![Teller::new(start_of_time()).created(1, TaskStatus::Inbox)],
            1,
        )
        .await;
    for statement in [
        "update event set message = 'nothing happened'",
        "update event set redacted_at = now()",
        // Whoever takes the content out changes nothing else on the way.
        "update event set salt = null, actor_name = null, message = null, payload = null, encoded = null,
             redacted_at = now(), board_id = null",
        "update event set salt = null, actor_name = null, message = null, payload = null, encoded = null,
             redacted_at = now(), type = 'task.updated'",
        "update event set hash = hash",
        "delete from event",
        "truncate event",
    ] {
        let refused = sqlx::query(statement)
            .execute(&fixture.pool)
            .await
            .unwrap_err();
        assert!(
            refused.to_string().contains("append-only"),
            "{statement}: {refused}"
        );
    }
    fixture.stop().await;
}
