//! What a member is granted on boards, beyond what the role opens.

use uuid::Uuid;

/// Boards that can be granted one by one to one member.
pub(crate) const BOARDS_MAX: usize = 500;

/// Everything that is granted to a member, or will be to an invited person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Grants {
    pub all_boards_read: bool,
    pub all_boards_write: bool,
    /// Each board once. Kept also beside the flags.
    pub boards: Vec<Grant>,
}

/// The right to read one board, and perhaps to write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub board_id: Uuid,
    pub can_write: bool,
}

impl Grants {
    /// Writing implies reading.
    pub(crate) fn new(all_boards_read: bool, all_boards_write: bool, boards: Vec<Grant>) -> Self {
        Self {
            all_boards_read: all_boards_read || all_boards_write,
            all_boards_write,
            boards,
        }
    }

    pub(crate) fn board_ids(&self) -> Vec<Uuid> {
        self.boards.iter().map(|grant| grant.board_id).collect()
    }
}

impl Grant {
    /// A grant as it is asked for; `None` when it would grant nothing. Writing implies reading.
    pub(crate) fn of(board_id: Uuid, can_read: bool, can_write: bool) -> Option<Self> {
        (can_read || can_write).then_some(Self {
            board_id,
            can_write,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_implies_reading() {
        assert!(Grants::new(false, true, vec![]).all_boards_read);
        assert!(!Grants::new(true, false, vec![]).all_boards_write);
        let board_id = Uuid::from_u128(1);
        let grant = |can_write| {
            Some(Grant {
                board_id,
                can_write,
            })
        };
        assert_eq!(Grant::of(board_id, false, true), grant(true));
        assert_eq!(Grant::of(board_id, true, false), grant(false));
        assert_eq!(Grant::of(board_id, false, false), None);
    }
}
