//! The chain of hashes that makes a change of the log visible.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::entry::Entry;

/// SHA-256.
pub(crate) type Hash = [u8; 32];

/// What the first row names as the hash before it.
pub(crate) const GENESIS: Hash = [0; 32];

/// Hash of a row: SHA-256 over the hash of the row before ([`GENESIS`] before the first), the position and every column.
///
/// Columns are written one after the other, each with its length in front, so no two rows share one form.
pub(crate) fn link(previous: &[u8], sequence: i64, entry: &Entry) -> Hash {
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

    #[test]
    fn every_column_position_and_predecessor_moves_the_hash() {
        let changes: [fn(&mut Entry); 12] = [
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
        let mut seen = vec![
            link(&[0; 32], 1, &entry()),
            link(&[0; 32], 2, &entry()),
            link(&[1; 32], 1, &entry()),
        ];
        for change in changes {
            let mut changed = entry();
            change(&mut changed);
            seen.push(link(&[0; 32], 1, &changed));
        }
        let total = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), total);
    }
}
