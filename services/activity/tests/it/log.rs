//! The log: every event once, in order, chained, and never changed.

use activity::{Unverified, Verified, verify};
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

/// What somebody who owns the database might do, and where the chain then breaks.
const TAMPERINGS: [(&str, i64); 12] = [
    ("update event set message = 'nothing happened' where sequence = 3", 3),
    ("update event set payload = '{}' where sequence = 3", 3),
    ("update event set encoded = encoded || '\\x00' where sequence = 3", 3),
    ("update event set actor_name = 'Bob' where sequence = 3", 3),
    ("update event set actor_id = null where sequence = 3", 3),
    ("update event set occurred_at = occurred_at + interval '1 microsecond' where sequence = 3", 3),
    ("update event set board_id = null where sequence = 3", 3),
    ("update event set hash = sha256('x') where sequence = 3", 3),
    ("delete from event where sequence = 3", 3),
    ("delete from event where sequence = 5", 5),
    (
        "insert into event (sequence, id, organization_id, type, actor_kind, actor_name, occurred_at, message,
             payload, encoded, hash)
         select 6, gen_random_uuid(), organization_id, type, actor_kind, actor_name, occurred_at, message,
             payload, encoded, hash from event where sequence = 5",
        6,
    ),
    ("update event set sequence = case sequence when 2 then 99 else 2 end where sequence in (2, 99)", 2),
];

#[sqlx::test(migrations = false)]
async fn a_change_behind_the_triggers_back_is_found(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let teller = Teller::new(start_of_time());
    fixture
        .log(
            (1..=5)
                .map(|number| teller.created(number, TaskStatus::Inbox))
                .collect(),
            5,
        )
        .await;
    for (statement, broken) in TAMPERINGS {
        let mut tx = fixture.pool.begin().await.unwrap();
        sqlx::query("create table kept as select * from event")
            .execute(&mut *tx)
            .await
            .unwrap();
        sqlx::query("alter table event disable trigger user")
            .execute(&mut *tx)
            .await
            .unwrap();
        let done = sqlx::query(statement).execute(&mut *tx).await.unwrap();
        assert_eq!(done.rows_affected(), 1, "{statement}");
        tx.commit().await.unwrap();

        match verify(&fixture.pool).await {
            Err(Unverified::Broken { sequence }) => assert_eq!(sequence, broken, "{statement}"),
            other => panic!("{statement}: {other:?}"),
        }

        let mut tx = fixture.pool.begin().await.unwrap();
        for restore in [
            "delete from event",
            "insert into event (sequence, id, organization_id, board_id, task_id, agent_id, type, actor_kind,
                 actor_id, actor_name, occurred_at, message, payload, encoded, hash)
             select sequence, id, organization_id, board_id, task_id, agent_id, type, actor_kind,
                 actor_id, actor_name, occurred_at, message, payload, encoded, hash from kept",
            "drop table kept",
            "alter table event enable trigger user",
        ] {
            sqlx::query(restore).execute(&mut *tx).await.unwrap();
        }
        tx.commit().await.unwrap();
        assert_eq!(verify(&fixture.pool).await.unwrap().rows, 5);
    }
    fixture.stop().await;
}
