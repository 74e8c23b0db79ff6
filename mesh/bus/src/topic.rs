//! Topics and the patterns that select them: words joined by dots, `*` stands for one word and `#` for any number.

use anyhow::ensure;

/// The patterns of one consumer group.
#[derive(Clone, Debug)]
pub(crate) struct Topics(Vec<String>);

impl Topics {
    /// Takes patterns as a component writes them.
    pub(crate) fn parse(patterns: &[&str]) -> anyhow::Result<Self> {
        ensure!(
            !patterns.is_empty(),
            "a consumer group subscribes to at least one topic"
        );
        for pattern in patterns {
            let sound = pattern
                .split('.')
                .all(|word| word == "*" || word == "#" || is_word(word));
            ensure!(sound, "`{pattern}` is not a topic pattern");
        }
        Ok(Self(
            patterns
                .iter()
                .map(|pattern| (*pattern).to_owned())
                .collect(),
        ))
    }

    pub(crate) fn patterns(&self) -> &[String] {
        &self.0
    }

    /// The patterns as regular expressions over `'.' || topic`.
    pub(crate) fn regexes(&self) -> Vec<String> {
        self.0.iter().map(|pattern| regex(pattern)).collect()
    }

    pub(crate) fn matches(&self, topic: &str) -> bool {
        let topic: Vec<&str> = topic.split('.').collect();
        self.0.iter().any(|pattern| {
            let pattern: Vec<&str> = pattern.split('.').collect();
            words_match(&pattern, &topic)
        })
    }
}

/// Group names become part of channel and queue names.
pub(crate) fn check_group(group: &str) -> anyhow::Result<()> {
    let sound = group.len() <= 50
        && group
            .split('.')
            .all(|word| is_word(&word.replace('-', "_")));
    ensure!(sound, "`{group}` is not a name for a consumer group");
    Ok(())
}

fn is_word(word: &str) -> bool {
    !word.is_empty()
        && word
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn words_match(pattern: &[&str], topic: &[&str]) -> bool {
    match pattern {
        [] => topic.is_empty(),
        ["#", rest @ ..] => (0..=topic.len()).any(|skipped| words_match(rest, &topic[skipped..])),
        [word, rest @ ..] => topic.split_first().is_some_and(|(first, others)| {
            (*word == "*" || word == first) && words_match(rest, others)
        }),
    }
}

fn regex(pattern: &str) -> String {
    let words = pattern.split('.').map(|word| match word {
        "*" => r"\.[^.]+".to_owned(),
        "#" => r"(\.[^.]+)*".to_owned(),
        word => format!(r"\.{word}"),
    });
    format!("^{}$", words.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_one_word_and_a_hash_any_number() {
        let cases = [
            ("task.created", "task.created", true),
            ("task.created", "task.updated", false),
            ("task.*", "task.updated", true),
            ("task.*", "task", false),
            ("task.*", "task.status.changed", false),
            ("task.#", "task", true),
            ("task.#", "task.status.changed", true),
            ("#", "anything.at.all", true),
            ("*.created", "approval.created", true),
            ("#.created", "created", true),
            ("a.#.z", "a.b.c.z", true),
            ("a.#.z", "a.b.c", false),
        ];
        for (pattern, topic, expected) in cases {
            assert_eq!(
                Topics::parse(&[pattern]).unwrap().matches(topic),
                expected,
                "{pattern} {topic}"
            );
        }
    }

    #[test]
    fn what_is_not_a_pattern_is_refused() {
        for pattern in [
            "",
            "task.",
            "task..created",
            "Task.*",
            "task.c*",
            "task.$(x)",
        ] {
            assert!(Topics::parse(&[pattern]).is_err(), "{pattern}");
        }
        assert!(Topics::parse(&[]).is_err());
    }

    #[test]
    fn patterns_become_regular_expressions() {
        let topics = Topics::parse(&["task.*", "#"]).unwrap();
        assert_eq!(topics.regexes(), [r"^\.task\.[^.]+$", r"^(\.[^.]+)*$"]);
    }
}
