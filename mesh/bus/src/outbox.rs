//! Where a service writes its events, in the transaction that makes them true.
//!
//! Order: events of one transaction reach a consumer group in the order in which they were appended. Ids are drawn when
//! a row is appended but become visible when its transaction commits, so between transactions that overlap a later id may
//! be published first. It is never skipped: the relay deletes what it published instead of remembering how far it came.
//! Whoever needs order between transactions (two changes of one task) changes the row first and appends afterwards: the
//! row's lock then decides both orders.

use prost::Message as _;
use proto::event::v1::Event;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{store, transport::Message};

/// Writes an event that will be told if, and only if, the present transaction commits.
///
/// # Errors
/// Fails when the database does, and when the id of the event is no UUID.
pub async fn append(conn: &mut PgConnection, event: Event) -> sqlx::Result<()> {
    append_all(conn, vec![event]).await
}

/// Writes any number of events with one statement, in their order.
///
/// # Errors
/// Fails when the database does, and when the id of an event is no UUID.
pub async fn append_all(conn: &mut PgConnection, events: Vec<Event>) -> sqlx::Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let messages = events
        .into_iter()
        .map(encode)
        .collect::<sqlx::Result<Vec<_>>>()?;
    store::outbox::insert(conn, messages).await
}

/// How many events are still to be told. Of use to tests and operators; the relay's lag is a metric.
///
/// # Errors
/// Fails when the database does.
pub async fn pending(conn: &mut PgConnection) -> sqlx::Result<i64> {
    store::outbox::count(conn).await
}

fn encode(event: Event) -> sqlx::Result<Message> {
    let event_id = Uuid::parse_str(&event.id).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let payload = event.encode_to_vec();
    Ok(Message {
        event_id,
        topic: event.r#type,
        payload,
    })
}
