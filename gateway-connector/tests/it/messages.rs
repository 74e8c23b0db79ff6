//! Messages are accepted once.

use simulator::{Cut, Effect, Failure, Message, Session, Version};
use sqlx::PgPool;

use crate::support::{Bench, KEY, SESSION};

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_message_makes_its_session_and_is_accepted_once_per_key(pool: PgPool) {
    for version in Version::ALL {
        let bench = Bench::new(&pool, version).await;
        bench.ensure(KEY).await.unwrap();
        for key in ["k1", "k1", "k2"] {
            bench.send("work to do", key).await.unwrap();
        }
        let message = |key: &str| Message {
            session_key: SESSION.into(),
            text: "work to do".into(),
            idempotency_key: key.into(),
            deliver: true,
        };
        assert_eq!(bench.gateway.messages(), [message("k1"), message("k2")]);
        let session = bench.gateway.session(SESSION).unwrap();
        assert_eq!(
            session,
            Session {
                label: Some("Worker One".into()),
                ..session.clone()
            }
        );
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_message_whose_acceptance_got_lost_is_still_accepted_once(pool: PgPool) {
    for version in Version::ALL {
        for effect in [Effect::Lost, Effect::Done] {
            let bench = Bench::new(&pool, version).await;
            bench.ensure(KEY).await.unwrap();
            bench
                .gateway
                .cut_on("chat.send", 2, Cut { effect, code: None });
            bench.send("once", "k1").await.unwrap();
            assert_eq!(bench.gateway.messages().len(), 1);
        }
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn nothing_is_reported_as_sent_that_was_not_accepted(pool: PgPool) {
    let bench = Bench::new(&pool, Version::V2026_9_6).await;
    assert_eq!(
        bench.send("to nobody", "k1").await.unwrap_err().reason,
        "GATEWAY_AGENT_NOT_FOUND"
    );
    bench.ensure(KEY).await.unwrap();
    bench.gateway.cut_on(
        "chat.send",
        10,
        Cut {
            effect: Effect::Lost,
            code: Some(1012),
        },
    );
    assert_eq!(
        bench.send("lost", "k2").await.unwrap_err().reason,
        "GATEWAY_UNREACHABLE"
    );
    assert!(bench.gateway.messages().is_empty());
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_label_that_is_taken_does_not_hold_a_message_up(pool: PgPool) {
    let bench = Bench::new(&pool, Version::V2026_9_6).await;
    bench.ensure(KEY).await.unwrap();
    bench.gateway.fail(
        "sessions.patch",
        1,
        Failure::invalid("label already in use: Worker One"),
    );
    bench.send("hello", "k1").await.unwrap();
    assert_eq!(bench.gateway.messages().len(), 1);
}
