//! Memory on the wire.

use chassis::{Fault, decode, encode};
use proto::board::v1 as pb;

use crate::memory::{BoardMemory, Draft, GroupMemory};

/// Most characters of an entry.
const MAX_CONTENT: usize = 50_000;
/// Most characters of what an author says where an entry comes from.
const MAX_SOURCE: usize = 200;
/// Most tags of an entry.
const MAX_TAGS: usize = 50;
/// Most characters of a tag.
const MAX_TAG: usize = 100;

/// An entry that somebody wants.
pub(crate) fn draft(content: &str, tags: &[String], source: Option<&str>) -> Result<Draft, Fault> {
    Ok(Draft {
        content: decode::text("content", content, 1, MAX_CONTENT)?,
        tags: self::tags(tags)?,
        source: decode::optional_text("source", source, MAX_SOURCE)?,
    })
}

/// The tags without blanks and repeats, in the order given.
fn tags(given: &[String]) -> Result<Vec<String>, Fault> {
    if given.len() > MAX_TAGS {
        let message = format!("at most {MAX_TAGS} tags");
        return Err(Fault::invalid("tags", "TOO_MANY", message));
    }
    let mut tags = Vec::with_capacity(given.len());
    for (index, tag) in given.iter().enumerate() {
        let tag = decode::text(&format!("tags[{index}]"), tag, 0, MAX_TAG)?;
        if !tag.is_empty() && !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    Ok(tags)
}

/// An entry in the memory of a board, for its readers.
pub(crate) fn board_memory(memory: BoardMemory) -> pb::BoardMemory {
    let entry = memory.entry;
    pb::BoardMemory {
        id: entry.id.to_string(),
        board_id: memory.board_id.to_string(),
        is_chat: entry.is_chat(),
        content: entry.content,
        tags: entry.tags,
        source: entry.source,
        created_at: Some(encode::time(entry.created_at)),
        author: Some(super::author(entry.author)),
        mentioned_agent_ids: entry.mentions.iter().map(ToString::to_string).collect(),
    }
}

/// An entry in the memory of a group, for its readers.
pub(crate) fn group_memory(memory: GroupMemory) -> pb::GroupMemory {
    let entry = memory.entry;
    pb::GroupMemory {
        id: entry.id.to_string(),
        board_group_id: memory.group_id.to_string(),
        is_chat: entry.is_chat(),
        content: entry.content,
        tags: entry.tags,
        source: entry.source,
        created_at: Some(encode::time(entry.created_at)),
        author: Some(super::author(entry.author)),
        mentioned_agent_ids: entry.mentions.iter().map(ToString::to_string).collect(),
        board_id: encode::optional_id(memory.board_id),
    }
}
