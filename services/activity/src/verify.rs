//! Whether the log is what was written.

use sqlx::PgPool;

use crate::{chain, store::log};

/// Rows that are read at once.
const PAGE: i64 = 500;

/// An unbroken log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many rows were read.
    pub rows: i64,
    /// Hash of the newest row, hexadecimal; zeros before the first. Kept elsewhere, it proves later that no row up to it
    /// was rewritten.
    pub head: String,
}

/// Why a log is not verified.
#[derive(Debug, thiserror::Error)]
pub enum Unverified {
    /// The first row that is missing, changed, or not the one that the head of the chain names.
    #[error("the log is broken at sequence {sequence}")]
    Broken { sequence: i64 },
    #[error("the log cannot be read")]
    Database(#[from] sqlx::Error),
}

/// Walks the chain from its beginning to its head: every position is there once, every hash
/// covers its row and the hash before.
///
/// # Errors
/// [`Unverified::Broken`] names the first row that does not hold; rows after it prove nothing.
pub async fn verify(pool: &PgPool) -> Result<Verified, Unverified> {
    // One snapshot: what is appended meanwhile does not disturb.
    let mut tx = pool
        .begin_with("begin isolation level repeatable read read only")
        .await?;
    let (end, head) = log::head(&mut tx).await?;
    let mut last = 0;
    let mut hash = chain::GENESIS.to_vec();
    loop {
        let rows = log::page(&mut tx, last, PAGE).await?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            let expected = last + 1;
            if row.sequence != expected
                || row.hash[..] != chain::link(&hash, expected, &row.entry)[..]
            {
                return Err(Unverified::Broken { sequence: expected });
            }
            last = expected;
            hash = row.hash;
        }
    }
    // The head names the newest row: neither was one cut off nor one put on.
    if last != end || hash != head {
        return Err(Unverified::Broken {
            sequence: end.min(last) + 1,
        });
    }
    Ok(Verified {
        rows: last,
        head: hex::encode(hash),
    })
}
