//! What is written down about a board or a group, and its chat: entries with the tag `chat`. Never edited, never deleted
//! singly.

pub(crate) mod retention;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{author::Author, mention};

/// The tag of chat.
const CHAT: &str = "chat";
/// The tag of what every agent of a group is told.
const BROADCAST: &str = "broadcast";
/// The mention that means every agent of a group.
const ALL: &str = "all";

/// An entry as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: Uuid,
    pub(crate) content: String,
    pub(crate) tags: Vec<String>,
    pub(crate) source: Option<String>,
    pub(crate) author: Author,
    /// Agents that the text mentions.
    pub(crate) mentions: Vec<Uuid>,
    pub(crate) created_at: DateTime<Utc>,
}

impl Entry {
    pub(crate) fn is_chat(&self) -> bool {
        has(&self.tags, CHAT)
    }
}

/// An entry in the memory of a board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BoardMemory {
    pub(crate) board_id: Uuid,
    pub(crate) entry: Entry,
}

/// An entry in the memory of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupMemory {
    pub(crate) group_id: Uuid,
    /// The board through which it was written.
    pub(crate) board_id: Option<Uuid>,
    pub(crate) entry: Entry,
}

/// What somebody wants written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Draft {
    pub(crate) content: String,
    pub(crate) tags: Vec<String>,
    /// Where the author says that it comes from.
    pub(crate) source: Option<String>,
}

impl Draft {
    pub(crate) fn is_chat(&self) -> bool {
        has(&self.tags, CHAT)
    }

    /// Whether every agent of a group is told.
    pub(crate) fn is_broadcast(&self) -> bool {
        has(&self.tags, BROADCAST) || mention::words(&self.content).contains(ALL)
    }

    /// The command that a chat message on a board is, if it is one.
    pub(crate) fn command(&self) -> Option<Command> {
        let text = self.content.trim();
        Command::BOTH
            .into_iter()
            .find(|command| self.is_chat() && text.eq_ignore_ascii_case(command.text()))
    }

    /// The entry that it becomes. Chat bears the name of its author; so does a broadcast that does not say where it comes
    /// from.
    pub(crate) fn written(
        self,
        author: Author,
        mentions: Vec<Uuid>,
        is_broadcast: bool,
        now: DateTime<Utc>,
    ) -> Entry {
        let name = || author.name.clone();
        let source = if self.is_chat() {
            Some(name())
        } else if is_broadcast {
            Some(self.source.unwrap_or_else(name))
        } else {
            self.source
        };
        Entry {
            id: Uuid::now_v7(),
            content: self.content,
            tags: self.tags,
            source,
            author,
            mentions,
            created_at: now,
        }
    }
}

/// A chat message that does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Pause,
    Resume,
}

impl Command {
    const BOTH: [Self; 2] = [Self::Pause, Self::Resume];

    /// The word for it, as events carry it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Pause => "/pause",
            Self::Resume => "/resume",
        }
    }
}

fn has(tags: &[String], tag: &str) -> bool {
    tags.iter().any(|found| found == tag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::author::Kind;

    fn draft(content: &str, tags: &[&str]) -> Draft {
        Draft {
            content: content.into(),
            tags: tags.iter().map(|&tag| tag.into()).collect(),
            source: Some("import".into()),
        }
    }

    fn ada() -> Author {
        Author {
            kind: Kind::User,
            id: Some(Uuid::from_u128(1)),
            name: "Ada".into(),
        }
    }

    #[test]
    fn a_command_is_a_whole_chat_message_in_any_case() {
        let command = |text, tags: &[&str]| draft(text, tags).command();
        assert_eq!(command(" /Pause\n", &["chat"]), Some(Command::Pause));
        assert_eq!(command("/RESUME", &["x", "chat"]), Some(Command::Resume));
        assert_eq!(command("/pause", &["Chat"]), None);
        assert_eq!(command("/pause", &[]), None);
        assert_eq!(command("/pause now", &["chat"]), None);
        assert_eq!(command("pause", &["chat"]), None);
    }

    #[test]
    fn every_agent_of_a_group_is_meant_by_the_tag_and_by_the_mention() {
        assert!(draft("hi", &["broadcast"]).is_broadcast());
        assert!(draft("hi @ALL!", &[]).is_broadcast());
        assert!(!draft("mail x@all.example", &["chat"]).is_broadcast());
        assert!(!draft("@allen", &["Broadcast"]).is_broadcast());
    }

    #[test]
    fn chat_bears_the_name_of_its_author_whatever_it_says() {
        let source = |draft: Draft| {
            let is_broadcast = draft.is_broadcast();
            let now = DateTime::UNIX_EPOCH;
            draft.written(ada(), Vec::new(), is_broadcast, now).source
        };
        assert_eq!(source(draft("hi", &["chat"])).as_deref(), Some("Ada"));
        assert_eq!(source(draft("hi", &[])).as_deref(), Some("import"));
        let unsaid = |tags: &[&str]| Draft {
            source: None,
            ..draft("hi", tags)
        };
        assert_eq!(source(unsaid(&[])), None);
        assert_eq!(source(unsaid(&["broadcast"])).as_deref(), Some("Ada"));
    }
}
