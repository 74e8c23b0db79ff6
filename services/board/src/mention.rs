//! Mentions in a comment: `@lead`, `@alice`. Resolved to agents when the comment is written; nobody reads the text again.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::roster::{Member, Roster};

/// Characters of a mention after the `@`.
const MAX: usize = 32;

/// The word that stands for the board's lead, and for nobody of that name.
const LEAD: &str = "lead";

/// The words after an `@`, lower-cased. A mention starts at the start of the text or after something that is not part of a
/// word, so a mail address mentions nobody; it starts with a letter and ends after 32 characters.
pub(crate) fn words(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut previous = None;
    for (at, character) in text.char_indices() {
        if character == '@' && !previous.is_some_and(is_word) {
            let rest = &text[at + 1..];
            let word: String = rest
                .chars()
                .take_while(|c| is_word(*c) || *c == '-')
                .take(MAX)
                .collect();
            if word.starts_with(char::is_alphabetic) {
                found.insert(word.to_lowercase());
            }
        }
        previous = Some(character);
    }
    found
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The agents of a board that a text mentions, in the order of the roster: by the first word of their name, or by all of it
/// with dashes or nothing for the spaces.
pub(crate) fn resolve(text: &str, roster: &Roster) -> Vec<Uuid> {
    let words = words(text);
    roster
        .members
        .iter()
        .filter(|member| is_meant(member, &words))
        .map(|member| member.id)
        .collect()
}

fn is_meant(member: &Member, words: &BTreeSet<String>) -> bool {
    let name = member.name.to_lowercase();
    let parts: Vec<&str> = name.split_whitespace().collect();
    let first = parts.first().copied().unwrap_or_default();
    let named = |word: &str| !word.is_empty() && word != LEAD && words.contains(word);
    (member.is_lead && words.contains(LEAD))
        || named(first)
        || named(&parts.join("-"))
        || named(&parts.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: u128, name: &str, is_lead: bool) -> Member {
        let id = Uuid::from_u128(id);
        Member {
            id,
            organization_id: Uuid::nil(),
            board_id: Some(Uuid::nil()),
            name: name.into(),
            is_lead,
        }
    }

    fn mentioned(text: &str) -> Vec<u128> {
        let members = vec![
            member(1, "Olga", true),
            member(2, "Alice Cooper", false),
            member(3, "alice", false),
            member(4, "Lead", false),
            member(5, " ", false),
        ];
        resolve(
            text,
            &Roster {
                members,
                stranger: None,
            },
        )
        .iter()
        .map(Uuid::as_u128)
        .collect()
    }

    #[test]
    fn a_mention_is_the_first_name_or_the_whole_name() {
        assert_eq!(mentioned("@alice, look"), [2, 3]);
        assert_eq!(mentioned("@Alice-Cooper"), [2]);
        assert_eq!(mentioned("@alicecooper"), [2]);
        assert_eq!(mentioned("@cooper"), []);
        assert_eq!(mentioned("(@OLGA)"), [1]);
    }

    #[test]
    fn lead_means_the_lead_and_nobody_of_that_name() {
        assert_eq!(mentioned("ask @lead"), [1]);
    }

    #[test]
    fn a_mail_address_mentions_nobody() {
        assert_eq!(mentioned("mail x@lead.example"), []);
        assert_eq!(mentioned("x_@alice"), []);
        assert_eq!(mentioned("@@alice"), [2, 3]);
    }

    #[test]
    fn a_mention_starts_with_a_letter_and_ends_after_32_characters() {
        assert!(words("@1st @ @-x").is_empty());
        assert_eq!(
            words(&format!("@{}", "a".repeat(40))),
            BTreeSet::from(["a".repeat(32)])
        );
    }
}
