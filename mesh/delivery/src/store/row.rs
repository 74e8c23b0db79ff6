//! Rows to values.

use chassis::context::Context;
use sqlx::{Row as _, error::BoxDynError, postgres::PgRow};

use super::lease::Claimed;
use crate::{
    attempt::{Recorded, RecordedOutcome},
    state::{Delivery, State},
};

pub(super) fn delivery(row: &PgRow) -> sqlx::Result<Delivery> {
    let state: &str = row.try_get("state")?;
    Ok(Delivery {
        id: row.try_get("id")?,
        queue: row.try_get("queue")?,
        target: row.try_get("target")?,
        payload: row.try_get("payload")?,
        state: State::from_word(state).ok_or_else(|| unknown("state", state))?,
        attempts: row.try_get("attempts")?,
        last_error: row.try_get("last_error")?,
        created_at: row.try_get("created_at")?,
        sent_at: row.try_get("sent_at")?,
        next_attempt_at: row.try_get("next_attempt_at")?,
        deadline_at: row.try_get("deadline_at")?,
        fence: row.try_get("fence")?,
    })
}

pub(super) fn claimed(row: &PgRow) -> sqlx::Result<Claimed> {
    Ok(Claimed {
        delivery: delivery(row)?,
        tries: row.try_get("tries")?,
        started_at: row.try_get("started_at")?,
        context: Context {
            request_id: row.try_get("request_id")?,
            traceparent: row.try_get("traceparent")?,
        },
    })
}

pub(super) fn recorded(row: &PgRow) -> sqlx::Result<Recorded> {
    let outcome: &str = row.try_get("outcome")?;
    Ok(Recorded {
        number: row.try_get("number")?,
        started_at: row.try_get("started_at")?,
        duration_ms: row.try_get("duration_ms")?,
        outcome: RecordedOutcome::from_word(outcome).ok_or_else(|| unknown("outcome", outcome))?,
        error: row.try_get("error")?,
        response_status: row.try_get("response_status")?,
        response_body: row.try_get("response_body")?,
    })
}

fn unknown(column: &str, word: &str) -> sqlx::Error {
    let source: BoxDynError = format!("`{word}` is no {column}").into();
    sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source,
    }
}
