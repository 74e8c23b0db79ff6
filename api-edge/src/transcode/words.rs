//! Enum values as words: `TASK_STATUS_IN_PROGRESS` is `in_progress`.

use prost_reflect::EnumDescriptor;

/// The words of one enum.
#[derive(Clone, Debug)]
pub struct Words {
    words: Vec<(i32, String)>,
}

impl Words {
    /// Takes the prefix from the zero value, which is `<PREFIX>_UNSPECIFIED` by the rules of the contract.
    pub fn of(descriptor: &EnumDescriptor) -> Self {
        let zero = descriptor.default_value();
        let prefix = zero
            .name()
            .strip_suffix("UNSPECIFIED")
            .unwrap_or("")
            .to_owned();
        let words = descriptor
            .values()
            .filter(|value| value.number() != 0)
            .map(|value| {
                let name = value.name();
                (
                    value.number(),
                    name.strip_prefix(&prefix)
                        .unwrap_or(name)
                        .to_ascii_lowercase(),
                )
            })
            .collect();
        Self { words }
    }

    pub fn word(&self, number: i32) -> Option<&str> {
        self.words
            .iter()
            .find(|(n, _)| *n == number)
            .map(|(_, word)| word.as_str())
    }

    pub fn number(&self, word: &str) -> Option<i32> {
        self.words
            .iter()
            .find(|(_, w)| w == word)
            .map(|(number, _)| *number)
    }

    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(|(_, word)| word.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Words;

    #[test]
    fn a_value_is_its_name_without_the_prefix() {
        let status = proto::pool()
            .get_enum_by_name("mission.board.v1.TaskStatus")
            .expect("in the contract");
        let words = Words::of(&status);
        assert_eq!(
            words.all().collect::<Vec<_>>(),
            ["inbox", "in_progress", "review", "done"]
        );
        assert_eq!(words.number("in_progress"), Some(2));
        assert_eq!(words.number("unspecified"), None);
        assert_eq!(words.word(0), None);
    }
}
