//! People.

use uuid::Uuid;

use crate::invite::Invite;

/// Subject of the one person whom the local token stands for.
pub(crate) const LOCAL_SUBJECT: &str = "local-auth-user";

/// What the subject of a person begins with who joined by an invite; the id of the invite follows.
const INVITED_SUBJECT: &str = "invite:";

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub id: Uuid,
    /// Subject at the identity provider.
    pub clerk_user_id: String,
    pub email: Option<String>,
    pub profile: Profile,
    pub is_super_admin: bool,
}

/// What a person says about themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Profile {
    pub name: Option<String>,
    pub preferred_name: Option<String>,
    pub pronouns: Option<String>,
    /// IANA zone name.
    pub timezone: Option<String>,
    pub notes: Option<String>,
    pub context: Option<String>,
}

impl Profile {
    /// Takes over the named fields of another profile and answers the names of those that were different.
    pub(crate) fn change(&mut self, given: Self, is_named: impl Fn(&str) -> bool) -> Vec<String> {
        let fields = [
            ("name", &mut self.name, given.name),
            (
                "preferred_name",
                &mut self.preferred_name,
                given.preferred_name,
            ),
            ("pronouns", &mut self.pronouns, given.pronouns),
            ("timezone", &mut self.timezone, given.timezone),
            ("notes", &mut self.notes, given.notes),
            ("context", &mut self.context, given.context),
        ];
        let mut changed = Vec::new();
        for (name, field, value) in fields {
            if is_named(name) && *field != value {
                *field = value;
                changed.push(name.to_owned());
            }
        }
        changed
    }
}

impl User {
    /// The local person, about to be created.
    pub(crate) fn local() -> Self {
        Self {
            id: Uuid::now_v7(),
            clerk_user_id: LOCAL_SUBJECT.to_owned(),
            email: Some("admin@home.local".to_owned()),
            profile: Profile {
                name: Some("Local User".to_owned()),
                ..Profile::default()
            },
            is_super_admin: false,
        }
    }

    /// A person who joins by an invite, about to be created.
    pub(crate) fn invited(invite: &Invite, name: String) -> Self {
        Self {
            clerk_user_id: format!("{INVITED_SUBJECT}{}", invite.id),
            email: Some(invite.invited_email.clone()),
            profile: Profile {
                name: Some(name),
                ..Profile::default()
            },
            ..Self::local()
        }
    }

    /// Whether the person came by an invite: nothing but tokens of theirs signs them in.
    pub(crate) fn came_by_invite(&self) -> bool {
        self.clerk_user_id.starts_with(INVITED_SUBJECT)
    }

    /// What others see as the author of what the person does.
    pub(crate) fn display_name(&self) -> String {
        let Profile {
            name,
            preferred_name,
            ..
        } = &self.profile;
        display_name([preferred_name, name, &self.email])
    }
}

/// Picks the first name that is not blank, `User` when all are.
pub(crate) fn display_name(candidates: [&Option<String>; 3]) -> String {
    candidates
        .into_iter()
        .flatten()
        .map(|name| name.trim())
        .find(|name| !name.is_empty())
        .unwrap_or("User")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_touches_what_it_names_and_says_what_is_different() {
        let mut profile = User::local().profile;
        let given = Profile {
            pronouns: Some("they/them".to_owned()),
            notes: Some("unnamed".to_owned()),
            ..profile.clone()
        };
        let named = |field: &str| field == "name" || field == "pronouns";
        assert_eq!(profile.change(given.clone(), named), ["pronouns"]);
        assert_eq!(
            (&profile.pronouns, &profile.notes),
            (&given.pronouns, &None)
        );
        assert!(profile.change(given, named).is_empty());
        assert_eq!(
            profile.change(Profile::default(), named),
            ["name", "pronouns"]
        );
        assert_eq!(profile, Profile::default());
    }

    #[test]
    fn the_preferred_name_comes_first_and_blanks_do_not_count() {
        let mut user = User::local();
        assert_eq!(user.display_name(), "Local User");
        user.profile.preferred_name = Some("  Sam ".to_owned());
        assert_eq!(user.display_name(), "Sam");
        user.profile.preferred_name = Some("  ".to_owned());
        user.profile.name = None;
        assert_eq!(user.display_name(), "admin@home.local");
        user.email = None;
        assert_eq!(user.display_name(), "User");
    }
}
