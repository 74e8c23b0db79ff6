//! What befalls a board.

use proto::event::v1::{self as event, Event, event::Payload};

use super::{Scene, groups::Move, owned};
use crate::{board::change::Change, wire};

impl Scene<'_> {
    pub(crate) fn board_created(&self) -> Event {
        self.draft(Payload::BoardCreated(event::BoardCreated {
            board: self.told_board(),
        }))
        .build()
    }

    pub(crate) fn board_updated(
        &self,
        changes: Vec<Change>,
        left: Option<Move>,
        joined: Option<Move>,
    ) -> Event {
        let fields: Vec<&'static str> = changes.iter().map(|change| change.field).collect();
        self.draft(Payload::BoardUpdated(event::BoardUpdated {
            board: self.told_board(),
            changed_fields: owned(&fields),
            changes: changes.into_iter().map(field_change).collect(),
            left_group: left.map(Move::told),
            joined_group: joined.map(Move::told),
        }))
        .build()
    }

    pub(crate) fn board_deleted(&self, force: bool) -> Event {
        self.draft(Payload::BoardDeleted(event::BoardDeleted {
            board: self.told_board(),
            force,
        }))
        .build()
    }

    /// Its agents are paused, or are no longer.
    pub(crate) fn board_paused(&self) -> Event {
        let board = self.told_board();
        let payload = if self.board.pause.is_some() {
            Payload::BoardPaused(event::BoardPaused { board })
        } else {
            Payload::BoardResumed(event::BoardResumed { board })
        };
        self.draft(payload).build()
    }

    fn told_board(&self) -> Option<proto::board::v1::Board> {
        Some(wire::boards::board(self.board))
    }
}

fn field_change(change: Change) -> event::FieldChange {
    event::FieldChange {
        field: change.field.to_owned(),
        old: Some(chassis::encode::to_value(&change.old)),
        new: Some(chassis::encode::to_value(&change.new)),
    }
}
