//! Which rows a reader sees, as conditions of a statement.

use crate::{filter::Filter, viewer::Reach};

/// Which rows a list shows.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    pub(crate) reach: Reach,
    pub(crate) filter: Filter,
}

/// The conditions of a selection on `event`; they bind $1 to $14. Rows that say nothing any more are never among them.
macro_rules! selected {
    () => {
        "event.redacted_at is null
             and ($1::uuid is null or event.organization_id = $1)
             and ($2::uuid[] is null or event.board_id = any ($2))
             and ($3 or event.board_id is not null)
             and ($4::uuid is null or event.agent_id = $4 or (event.actor_kind = 'agent' and event.actor_id = $4))
             and ($5 or not exists (
                 select 1 from board_state as gone where gone.board_id = event.board_id and gone.deleted_at is not null))
             and ($6::uuid is null or event.board_id = $6)
             and ($7::uuid is null or event.task_id = $7)
             and ($8::uuid is null or event.agent_id = $8)
             and ($9::uuid is null or event.actor_id = $9)
             and ($10::text[] is null or event.type = any ($10))
             and ($11::text is null or event.type like $11)
             and ($12::text[] is null or event.type like any ($12))
             and ($13::timestamptz is null or event.occurred_at >= $13)
             and ($14::timestamptz is null or event.occurred_at < $14)"
    };
}

macro_rules! bind_selection {
    ($query:expr, $selection:expr) => {{
        let types = $selection.filter.operands();
        $query
            // Planned anew with the values at hand: the absent conditions vanish and the fitting index is found.
            .persistent(false)
            .bind($selection.reach.organization_id)
            .bind(&$selection.reach.boards)
            .bind($selection.reach.boardless)
            .bind($selection.reach.own)
            .bind($selection.reach.deleted)
            .bind($selection.filter.board_id)
            .bind($selection.filter.task_id)
            .bind($selection.filter.agent_id)
            .bind($selection.filter.actor_id)
            .bind(types.exact)
            .bind(types.like)
            .bind(types.likes)
            .bind($selection.filter.since)
            .bind($selection.filter.until)
    }};
}

pub(super) use {bind_selection, selected};
