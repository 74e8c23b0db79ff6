//! Template syncs.

use chassis::encode;
use proto::agent::v1 as wire;

use crate::sync::{Entry, State, Sync};

/// Agents that a sync names.
const NAMED: usize = 200;

/// How far a sync is.
pub(crate) fn sync(sync: &Sync, entries: &[Entry]) -> wire::TemplateSync {
    let count = |state: State, is_main: Option<bool>| {
        let counted = entries.iter().filter(|entry| {
            entry.state == state && is_main.is_none_or(|main| entry.board_id.is_none() == main)
        });
        i32::try_from(counted.count()).unwrap_or(i32::MAX)
    };
    wire::TemplateSync {
        gateway_id: sync.gateway_id.to_string(),
        include_main: sync.include_main,
        reset_sessions: sync.reset_sessions,
        agents_updated: count(State::Updated, Some(false)),
        agents_skipped: count(State::Skipped, None),
        main_updated: count(State::Updated, Some(true)) > 0,
        errors: entries.iter().filter_map(error).take(NAMED).collect(),
        id: Some(sync.id.to_string()),
        agents_pending: count(State::Pending, None),
        created_at: Some(encode::time(sync.created_at)),
    }
}

fn error(entry: &Entry) -> Option<wire::TemplateSyncError> {
    let message = entry.message.clone()?;
    Some(wire::TemplateSyncError {
        agent_id: Some(entry.agent_id.to_string()),
        agent_name: Some(entry.agent_name.clone()),
        board_id: encode::optional_id(entry.board_id),
        message,
    })
}
