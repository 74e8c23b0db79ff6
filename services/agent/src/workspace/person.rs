//! What an agent's files say about the person whom it serves.

use crate::quote;

/// A person, as far as they are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Person {
    pub name: Option<String>,
    pub preferred_name: Option<String>,
    pub pronouns: Option<String>,
    pub timezone: Option<String>,
    pub notes: Option<String>,
    pub context: Option<String>,
}

/// Characters of a line, and of a longer text.
const LINE: usize = 200;
const TEXT: usize = 2_000;

impl Person {
    pub(super) fn line(text: Option<&String>) -> String {
        quote::line(text.map(String::as_str).unwrap_or_default(), LINE)
    }

    pub(super) fn text(text: Option<&String>) -> String {
        quote::set_off(text.map(String::as_str).unwrap_or_default(), TEXT)
    }

    /// What to call them: what they prefer, or the first word of their name.
    pub(super) fn called(&self) -> String {
        let preferred = Self::line(self.preferred_name.as_ref());
        if preferred.is_empty() {
            let name = Self::line(self.name.as_ref());
            return name.split(' ').next().unwrap_or_default().to_owned();
        }
        preferred
    }
}
