//! People.

use uuid::Uuid;

/// Subject of the one person whom the local token stands for.
pub(crate) const LOCAL_SUBJECT: &str = "local-auth-user";

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub id: Uuid,
    /// Subject at the identity provider.
    pub clerk_user_id: String,
    pub email: Option<String>,
    pub name: Option<String>,
    pub preferred_name: Option<String>,
    pub pronouns: Option<String>,
    /// IANA zone name.
    pub timezone: Option<String>,
    pub notes: Option<String>,
    pub context: Option<String>,
    pub is_super_admin: bool,
}

impl User {
    /// The local person, about to be created.
    pub(crate) fn local() -> Self {
        Self {
            id: Uuid::now_v7(),
            clerk_user_id: LOCAL_SUBJECT.to_owned(),
            email: Some("admin@home.local".to_owned()),
            name: Some("Local User".to_owned()),
            preferred_name: None,
            pronouns: None,
            timezone: None,
            notes: None,
            context: None,
            is_super_admin: false,
        }
    }

    /// What others see as the author of what the person does.
    pub(crate) fn display_name(&self) -> String {
        display_name([&self.preferred_name, &self.name, &self.email])
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
    fn the_preferred_name_comes_first_and_blanks_do_not_count() {
        let mut user = User::local();
        assert_eq!(user.display_name(), "Local User");
        user.preferred_name = Some("  Sam ".to_owned());
        assert_eq!(user.display_name(), "Sam");
        user.preferred_name = Some("  ".to_owned());
        user.name = None;
        assert_eq!(user.display_name(), "admin@home.local");
        user.email = None;
        assert_eq!(user.display_name(), "User");
    }
}
