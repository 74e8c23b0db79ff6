//! The chain of hashes that makes a change of the log visible.
//!
//! The hash of a row covers the hash of the row before, the row's skeleton (position, ids, type, doer, moment) and a digest of
//! its content (the doer's name, the sentence, the payload, the event as it arrived). The digest is salted and the salt is part
//! of the content: when the content is taken out, the row still proves its place and nobody can guess what it said.
//!
//! Rows from before there were digests (format 1) have a hash that covers their content directly, and a seal that takes the
//! place of the hash in the chain: see `migrations/0003_redaction.sql`.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::entry::Entry;

/// SHA-256.
pub(crate) type Hash = [u8; 32];

/// What the first row names as the hash before it.
pub(crate) const GENESIS: Hash = [0; 32];

/// Keeps a hash of this chain from being taken for any other.
const LABEL: &[u8] = b"mission-control.log.2";

/// A new salt: 122 random bits.
pub(crate) fn salt() -> [u8; 16] {
    Uuid::new_v4().into_bytes()
}

/// Digest of what a row says.
pub(crate) fn digest(salt: &[u8], entry: &Entry) -> Hash {
    let mut form = Form(Sha256::new());
    form.bytes(salt);
    form.bytes(entry.actor.name.as_bytes());
    form.bytes(entry.message.as_bytes());
    form.bytes(entry.payload.as_bytes());
    form.bytes(&entry.encoded);
    form.0.finalize().into()
}

/// Hash of a row: over the link before ([`GENESIS`] before the first), the position, the skeleton and the digest.
///
/// With the hash that a row of format 1 has, this is its seal. Columns are written one after the other, each with its
/// length in front, so no two rows share one form.
pub(crate) fn link(
    previous: &[u8],
    sequence: i64,
    entry: &Entry,
    digest: &[u8],
    sealed: Option<&[u8]>,
) -> Hash {
    let mut form = Form(Sha256::new());
    form.bytes(LABEL);
    form.bytes(previous);
    form.bytes(&sequence.to_be_bytes());
    form.id(Some(entry.id));
    form.id(Some(entry.organization_id));
    form.id(entry.board_id);
    form.id(entry.task_id);
    form.id(entry.agent_id);
    form.bytes(entry.event_type.as_bytes());
    form.bytes(entry.actor.kind.word().as_bytes());
    form.id(entry.actor.id);
    form.bytes(&entry.occurred_at.timestamp_micros().to_be_bytes());
    form.bytes(digest);
    form.bytes(sealed.unwrap_or_default());
    form.0.finalize().into()
}

/// Hash of a row of format 1: over the hash of the row before, the position and every column.
fn link_of_format_1(previous: &[u8], sequence: i64, entry: &Entry) -> Hash {
    let mut form = Form(Sha256::new());
    form.bytes(previous);
    form.bytes(&sequence.to_be_bytes());
    form.id(Some(entry.id));
    form.id(Some(entry.organization_id));
    form.id(entry.board_id);
    form.id(entry.task_id);
    form.id(entry.agent_id);
    form.bytes(entry.event_type.as_bytes());
    form.bytes(entry.actor.kind.word().as_bytes());
    form.id(entry.actor.id);
    form.bytes(entry.actor.name.as_bytes());
    form.bytes(&entry.occurred_at.timestamp_micros().to_be_bytes());
    form.bytes(entry.message.as_bytes());
    form.bytes(entry.payload.as_bytes());
    form.bytes(&entry.encoded);
    form.0.finalize().into()
}

/// A row as it is stored, with everything that its hash covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) sequence: i64,
    pub(crate) hash: Vec<u8>,
    pub(crate) digest: Vec<u8>,
    /// Of a row of format 1.
    pub(crate) seal: Option<Vec<u8>>,
    /// `None` when the content was taken out; the entry's content is then empty.
    pub(crate) salt: Option<Vec<u8>>,
    pub(crate) entry: Entry,
}

/// What the rows up to one hand to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) sequence: i64,
    /// Hash of the row.
    hash: Vec<u8>,
    /// What the next row covers: the seal where there is one, else the hash.
    pub(crate) link: Vec<u8>,
}

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Its position is empty, or taken by a row that belongs elsewhere.
    #[error("it is not there")]
    Missing,
    /// It says something else than it said.
    #[error("its content was changed")]
    Content,
    /// The hash does not follow from the row and from the one before it.
    #[error("it or its hash was changed")]
    Hash,
    /// The head of the chain names another row as the newest: rows were cut off, or put on.
    #[error("the chain does not end where its head says")]
    End,
}

impl Position {
    /// Before the first row.
    pub(crate) fn start() -> Self {
        Self {
            sequence: 0,
            hash: GENESIS.to_vec(),
            link: GENESIS.to_vec(),
        }
    }

    /// The position after a row, when the row holds.
    pub(crate) fn after(&self, row: Stored) -> Result<Self, Flaw> {
        let sequence = self.sequence + 1;
        if row.sequence != sequence {
            return Err(Flaw::Missing);
        }
        let says_what_it_said = match &row.salt {
            Some(salt) => digest(salt, &row.entry)[..] == row.digest,
            None => row.entry.says_nothing(),
        };
        if !says_what_it_said {
            return Err(Flaw::Content);
        }
        let expected = link(
            &self.link,
            sequence,
            &row.entry,
            &row.digest,
            row.seal.as_ref().map(|_| row.hash.as_slice()),
        );
        let stored = row.seal.as_ref().unwrap_or(&row.hash);
        if expected[..] != **stored {
            return Err(Flaw::Hash);
        }
        // As it was verified before there were seals, while its content is there.
        if row.seal.is_some()
            && row.salt.is_some()
            && link_of_format_1(&self.hash, sequence, &row.entry)[..] != row.hash
        {
            return Err(Flaw::Hash);
        }
        Ok(Self {
            sequence,
            link: row.seal.unwrap_or_else(|| row.hash.clone()),
            hash: row.hash,
        })
    }
}

struct Form(Sha256);

impl Form {
    fn bytes(&mut self, value: &[u8]) {
        self.0.update((value.len() as u64).to_be_bytes());
        self.0.update(value);
    }

    /// An absent id is written as nothing: no id is empty.
    fn id(&mut self, value: Option<Uuid>) {
        self.bytes(value.as_ref().map_or(&[][..], |id| id.as_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::entry::{Actor, ActorKind};

    fn entry() -> Entry {
        Entry {
            id: Uuid::from_u128(1),
            organization_id: Uuid::from_u128(2),
            board_id: Some(Uuid::from_u128(3)),
            task_id: None,
            agent_id: None,
            event_type: "task.created".into(),
            actor: Actor {
                kind: ActorKind::User,
                id: Some(Uuid::from_u128(4)),
                name: "Ann".into(),
            },
            occurred_at: DateTime::from_timestamp_micros(1_700_000_000_000_001).unwrap(),
            message: "Ann created a task.".into(),
            payload: "{}".into(),
            encoded: vec![1, 2, 3],
        }
    }

    fn of(previous: &[u8], sequence: i64, entry: &Entry) -> Hash {
        link(previous, sequence, entry, &digest(&[9; 16], entry), None)
    }

    const CHANGES: [fn(&mut Entry); 12] = [
        |e| e.id = Uuid::nil(),
        |e| e.organization_id = Uuid::nil(),
        |e| e.board_id = None,
        |e| (e.task_id, e.board_id) = (e.board_id, None),
        |e| e.agent_id = Some(Uuid::nil()),
        |e| e.event_type = "task.updated".into(),
        |e| e.actor.kind = ActorKind::Agent,
        |e| e.actor.name = "Bob".into(),
        |e| e.occurred_at += chrono::Duration::microseconds(1),
        |e| e.message.push('!'),
        |e| e.payload = "{ }".into(),
        |e| e.encoded.push(4),
    ];

    #[test]
    fn every_column_position_and_predecessor_moves_the_hash() {
        for hash in [of, link_of_format_1] {
            let mut seen = vec![
                hash(&[0; 32], 1, &entry()),
                hash(&[0; 32], 2, &entry()),
                hash(&[1; 32], 1, &entry()),
            ];
            for change in CHANGES {
                let mut changed = entry();
                change(&mut changed);
                seen.push(hash(&[0; 32], 1, &changed));
            }
            let total = seen.len();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), total);
        }
    }

    #[test]
    fn the_same_content_has_another_digest_under_another_salt() {
        assert_ne!(salt(), salt());
        assert_ne!(digest(&salt(), &entry()), digest(&salt(), &entry()));
        let sealed = link(&GENESIS, 1, &entry(), &[1; 32], Some(&[2; 32]));
        assert_ne!(sealed, link(&GENESIS, 1, &entry(), &[1; 32], None));
    }
}
