//! Personal API tokens: credentials of a person, bound to the organization in which they were made.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use uuid::Uuid;

/// Longest name, in characters.
pub(crate) const NAME_MAX: usize = 100;
/// Tokens of one person in one organization that are in force at once.
pub(crate) const IN_FORCE_MAX: i64 = 50;
/// Name of the token that a person gets who joins by an invite without an account.
pub(crate) const FIRST: &str = "First token";

/// What a token may be used for. Each includes the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    Read,
    Write,
    Admin,
}

impl Scope {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Read, Self::Write, Self::Admin]
            .into_iter()
            .find(|scope| scope.as_str() == word)
    }
}

/// Whether a credential limited to `own` may not hand out a token limited to `asked`. An empty limit is none.
pub(crate) fn exceeds(own: &[String], asked: &[Scope]) -> bool {
    let Some(widest) = own.iter().filter_map(|word| Scope::parse(word)).max() else {
        return !own.is_empty();
    };
    asked.iter().max().is_none_or(|asked| *asked > widest)
}

/// A personal API token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiToken {
    pub id: Uuid,
    pub organization_id: Uuid,
    pub user_id: Uuid,
    pub name: String,
    /// Each once, from narrow to wide. Empty stands for everything that the person may do.
    pub scopes: Vec<Scope>,
    pub created_at: DateTime<Utc>,
    /// `None` stands for never.
    pub expires_at: Option<DateTime<Utc>>,
    /// To the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// The minute in which a token was used: what is kept of its use.
pub(crate) fn minute(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::minutes(1)).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(scopes: &[&str]) -> Vec<String> {
        scopes.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn a_token_hands_out_nothing_wider_than_itself() {
        use Scope::{Admin, Read, Write};
        for (own, asked, is_refused) in [
            (&[][..], &[][..], false),
            (&[], &[Admin], false),
            (&["admin"], &[Admin, Read], false),
            (&["admin"], &[], true),
            (&["write"], &[Admin], true),
            (&["write"], &[Read, Write], false),
            (&["read", "write"], &[Write], false),
            (&["read"], &[Write], true),
            (&["read"], &[], true),
            (&["unheard of"], &[Read], true),
        ] {
            assert_eq!(exceeds(&words(own), asked), is_refused, "{own:?} {asked:?}");
        }
    }

    #[test]
    fn every_scope_is_read_back_from_its_word() {
        for scope in [Scope::Read, Scope::Write, Scope::Admin] {
            assert_eq!(Scope::parse(scope.as_str()), Some(scope));
        }
        assert_eq!(Scope::parse("Admin"), None);
    }

    #[test]
    fn use_is_kept_to_the_minute() {
        let at = DateTime::from_timestamp(1_800_000_059, 999_000_000).unwrap();
        assert_eq!(minute(at).timestamp(), 1_800_000_000);
    }
}
