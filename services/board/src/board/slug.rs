//! The part of an address that names a thing: `a-z`, `0-9` and single dashes.

use uuid::Uuid;

/// Longest slug.
const MAX: usize = 100;

/// Room that a derived slug leaves for a number.
const SUFFIX: usize = 6;

/// Digits of an id that set a slug apart from all others: the random end of it.
const UNIQUE: usize = 8;

/// The slug that a text stands for; `None` when nothing of the text can be in one.
pub(crate) fn of(text: &str) -> Option<String> {
    let mut slug = String::new();
    for character in text.to_lowercase().chars() {
        if character.is_ascii_alphanumeric() {
            slug.push(character);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() == MAX {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    (!slug.is_empty()).then(|| slug.to_owned())
}

/// The slug that a name stands for, short enough to take a number; the fallback where nothing of the name can be in one.
pub(crate) fn derived(name: &str, fallback: &str) -> String {
    let mut slug = of(name).unwrap_or_else(|| fallback.to_owned());
    slug.truncate(MAX - SUFFIX);
    slug.trim_end_matches('-').to_owned()
}

/// The first of `base`, `base-2`, `base-3`... that is not taken.
pub(crate) fn first_free(base: &str, taken: &[String]) -> String {
    let free = |candidate: &String| !taken.contains(candidate);
    let numbered = (2..).map(|number: u32| format!("{base}-{number}"));
    std::iter::once(base.to_owned())
        .chain(numbered)
        .find(free)
        .expect("numbers do not run out before the slugs of an organization")
}

/// `base` with what nothing else has: for when every number was taken while it was being written.
pub(crate) fn unique(base: &str, id: Uuid) -> String {
    let mut slug = base.to_owned();
    let suffix = id.simple().to_string().split_off(32 - UNIQUE);
    slug.truncate(MAX - UNIQUE - 1);
    format!("{}-{suffix}", slug.trim_end_matches('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_keeps_letters_digits_and_single_dashes() {
        assert_eq!(of("Release / QA"), Some("release-qa".into()));
        assert_eq!(of("  --A__b  "), Some("a-b".into()));
        assert_eq!(of("!!!"), None);
        assert_eq!(of(&"x".repeat(300)).map(|slug| slug.len()), Some(100));
    }

    #[test]
    fn a_derived_slug_leaves_room_for_its_number() {
        assert_eq!(derived("!!!", "board"), "board");
        assert_eq!(derived(&"x".repeat(300), "board").len(), 94);
        assert_eq!(first_free("a", &[]), "a");
        assert_eq!(
            first_free("a", &["a".into(), "a-2".into(), "a-4".into()]),
            "a-3"
        );
    }
}
