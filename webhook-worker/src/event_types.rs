//! Which events an endpoint subscribes to: a type, `task.*` for every type that begins so, or `*`.

/// Longest pattern, in characters. The longest type today has 34.
pub(crate) const MAX: usize = 100;

/// Whether a text names a type or a family of types.
pub(crate) fn is_pattern(text: &str) -> bool {
    text == "*" || is_type(text.strip_suffix(".*").unwrap_or(text))
}

/// Every pattern that admits a type: an endpoint hears of it when it subscribes to one of these.
pub(crate) fn patterns_of(event_type: &str) -> Vec<String> {
    let families = event_type
        .match_indices('.')
        .map(|(dot, _)| format!("{}.*", &event_type[..dot]));
    ["*".to_owned(), event_type.to_owned()]
        .into_iter()
        .chain(families)
        .collect()
}

fn is_type(text: &str) -> bool {
    text.split('.').all(|word| {
        let is_sign = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        !word.is_empty() && word.bytes().all(is_sign)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_a_family_and_everything_are_patterns() {
        for text in ["*", "task.*", "task.status_changed", "task.status.*"] {
            assert!(is_pattern(text), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_told_apart() {
        for text in [
            "",
            ".",
            "task.",
            ".*",
            "task*",
            "*.created",
            "task.*.*",
            "**",
            "Task.created",
            "task\0",
            "a b",
            "täsk.*",
        ] {
            assert!(!is_pattern(text), "{text:?}");
        }
    }

    #[test]
    fn a_type_is_admitted_by_itself_its_families_and_everything() {
        assert_eq!(
            patterns_of("task.status.changed"),
            ["*", "task.status.changed", "task.*", "task.status.*"]
        );
        assert_eq!(patterns_of("task"), ["*", "task"]);
    }
}
