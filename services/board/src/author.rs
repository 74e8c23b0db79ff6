//! Who wrote or did something, as it is kept.

use chassis::Caller;
use uuid::Uuid;

/// What kind of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    User,
    Agent,
}

impl Kind {
    /// The word for it in the database.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Agent => "agent",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::User, Self::Agent]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

/// Who wrote or did something. The name is the one that they had then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Author {
    pub(crate) kind: Kind,
    /// None for somebody whose account is gone.
    pub(crate) id: Option<Uuid>,
    pub(crate) name: String,
}

impl Author {
    /// The caller as an author. None for callers that are nobody.
    pub(crate) fn of(caller: &Caller) -> Option<Self> {
        let (kind, id, name) = match caller {
            Caller::User(user) => (Kind::User, user.id, &user.name),
            Caller::Agent(agent) => (Kind::Agent, agent.id, &agent.name),
            Caller::Internal { .. } | Caller::Anonymous => return None,
        };
        Some(Self {
            kind,
            id: Some(id),
            name: name.clone(),
        })
    }
}
