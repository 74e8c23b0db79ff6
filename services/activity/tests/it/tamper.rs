//! A log that somebody changed behind the trigger's back.

use activity::{Flaw, Unverified, verify};
use proto::board::v1::TaskStatus;
use sqlx::PgPool;

use crate::{
    fixture::{Fixture, start_of_time},
    story::Teller,
};

const REDACT: &str =
    "update event set salt = null, actor_name = null, message = null, payload = null,
    encoded = null, redacted_at = now() where sequence = 1";

/// What somebody who owns the database might do, and where the chain then breaks.
const TAMPERINGS: [(&str, i64, Flaw); 16] = [
    ("update event set message = 'nothing happened' where sequence = 3", 3, Flaw::Content),
    ("update event set payload = '{}' where sequence = 3", 3, Flaw::Content),
    ("update event set encoded = encoded || '\\x00' where sequence = 3", 3, Flaw::Content),
    ("update event set actor_name = 'Bob' where sequence = 3", 3, Flaw::Content),
    ("update event set salt = sha256('x') where sequence = 3", 3, Flaw::Content),
    ("update event set digest = sha256('x') where sequence = 3", 3, Flaw::Content),
    ("update event set actor_id = null where sequence = 3", 3, Flaw::Hash),
    ("update event set occurred_at = occurred_at + interval '1 microsecond' where sequence = 3", 3, Flaw::Hash),
    ("update event set board_id = null where sequence = 3", 3, Flaw::Hash),
    ("update event set hash = sha256('x') where sequence = 3", 3, Flaw::Hash),
    ("update event set format = 1, seal = hash, hash = sha256('x') where sequence = 3", 3, Flaw::Hash),
    ("delete from event where sequence = 3", 3, Flaw::Missing),
    ("delete from event where sequence = 5", 5, Flaw::End),
    (
        "insert into event (sequence, id, organization_id, board_id, task_id, agent_id, type, actor_kind, actor_id,
             actor_name, occurred_at, message, payload, encoded, hash, format, salt, digest)
         select 6, gen_random_uuid(), organization_id, board_id, task_id, agent_id, type, actor_kind, actor_id,
             actor_name, occurred_at, message, payload, encoded, hash, format, salt, digest
         from event where sequence = 5",
        6,
        Flaw::Hash,
    ),
    ("update event set sequence = case sequence when 2 then 99 else 2 end where sequence in (2, 99)", 2, Flaw::Missing),
    // A row that says nothing any more still has its place and its type.
    ("update event set type = 'task.updated' where sequence = 1", 1, Flaw::Hash),
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
    sqlx::query(REDACT).execute(&fixture.pool).await.unwrap();
    for (statement, broken, why) in TAMPERINGS {
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
            Err(Unverified::Broken {
                sequence,
                flaw,
                redacted,
            }) => {
                assert_eq!((sequence, flaw), (broken, why), "{statement}");
                assert_eq!(redacted, i64::from(broken > 1), "{statement}");
            }
            other => panic!("{statement}: {other:?}"),
        }

        let mut tx = fixture.pool.begin().await.unwrap();
        for restore in [
            "delete from event",
            "insert into event (sequence, id, organization_id, board_id, task_id, agent_id, type, actor_kind,
                 actor_id, actor_name, occurred_at, message, payload, encoded, hash, format, salt, digest, seal,
                 redacted_at)
             select sequence, id, organization_id, board_id, task_id, agent_id, type, actor_kind,
                 actor_id, actor_name, occurred_at, message, payload, encoded, hash, format, salt, digest, seal,
                 redacted_at from kept",
            "drop table kept",
            "alter table event enable trigger user",
        ] {
            sqlx::query(restore).execute(&mut *tx).await.unwrap();
        }
        tx.commit().await.unwrap();
        let verified = verify(&fixture.pool).await.unwrap();
        assert_eq!((verified.rows, verified.redacted), (5, 1));
    }
    fixture.stop().await;
}
