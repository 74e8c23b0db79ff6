//! Whether the log is what was written.

use sqlx::PgPool;

use crate::{
    chain::{Flaw, Position},
    store::{chain, log},
};

/// Rows that are read at once.
const PAGE: i64 = 500;

/// An unbroken log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many rows were read.
    pub rows: i64,
    /// How many of them no longer say anything: retention or the deletion of an organization took their content.
    pub redacted: i64,
    /// Hash of the newest row, hexadecimal; zeros before the first. Kept elsewhere, it proves later that no row up to it
    /// was rewritten.
    pub head: String,
}

/// Why a log is not verified.
#[derive(Debug, thiserror::Error)]
pub enum Unverified {
    /// The first row that does not hold. The rows before it do, `redacted` of them without content.
    #[error("the log is broken at sequence {sequence}: {flaw}")]
    Broken {
        sequence: i64,
        flaw: Flaw,
        redacted: i64,
    },
    #[error("the log cannot be read")]
    Database(#[from] sqlx::Error),
}

/// Walks the chain from its beginning to its head: every position is there once, every hash covers its row and the hash
/// before, and every row that still says something says what it said.
///
/// # Errors
/// [`Unverified::Broken`] names the first row that does not hold; rows after it prove nothing.
pub async fn verify(pool: &PgPool) -> Result<Verified, Unverified> {
    // One snapshot: what is appended meanwhile does not disturb.
    let mut tx = pool
        .begin_with("begin isolation level repeatable read read only")
        .await?;
    let (end, head) = log::head(&mut tx).await?;
    let mut at = Position::start();
    let mut redacted = 0;
    loop {
        let rows = chain::page(&mut tx, at.sequence, PAGE).await?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            let is_redacted = row.salt.is_none();
            at = at.after(row).map_err(|flaw| Unverified::Broken {
                sequence: at.sequence + 1,
                flaw,
                redacted,
            })?;
            redacted += i64::from(is_redacted);
        }
    }
    // The head names the newest row: neither was one cut off nor one put on.
    if at.sequence != end || at.link != head {
        return Err(Unverified::Broken {
            sequence: end.min(at.sequence) + 1,
            flaw: Flaw::End,
            redacted,
        });
    }
    Ok(Verified {
        rows: at.sequence,
        redacted,
        head: hex::encode(at.link),
    })
}
