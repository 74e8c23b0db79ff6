//! How long an organization keeps things.

/// Shortest and longest retention, in days.
pub(crate) const DAYS: (i32, i32) = (1, 3_650);

/// Retention in days; `None` stands for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    pub event_retention_days: Option<i32>,
    pub payload_retention_days: Option<i32>,
    pub memory_retention_days: Option<i32>,
}

impl Settings {
    /// The settings by name.
    fn by_name(&self) -> [(&'static str, Option<i32>); 3] {
        [
            ("event_retention_days", self.event_retention_days),
            ("payload_retention_days", self.payload_retention_days),
            ("memory_retention_days", self.memory_retention_days),
        ]
    }

    /// The same with the named settings of others.
    pub(crate) fn with(self, given: &Self, is_named: impl Fn(&str) -> bool) -> Self {
        let pick = |name, own, given| if is_named(name) { given } else { own };
        Self {
            event_retention_days: pick(
                "event_retention_days",
                self.event_retention_days,
                given.event_retention_days,
            ),
            payload_retention_days: pick(
                "payload_retention_days",
                self.payload_retention_days,
                given.payload_retention_days,
            ),
            memory_retention_days: pick(
                "memory_retention_days",
                self.memory_retention_days,
                given.memory_retention_days,
            ),
        }
    }

    /// Names of the settings in which two differ.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        self.by_name()
            .into_iter()
            .zip(other.by_name())
            .filter(|(one, other)| one != other)
            .map(|((name, _), _)| name.to_owned())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_named() {
        let one = Settings::default();
        let other = Settings {
            payload_retention_days: Some(30),
            ..one
        };
        assert_eq!(
            one.with(&other, |name| name == "payload_retention_days"),
            other
        );
        assert_eq!(one.with(&other, |name| name == "event_retention_days"), one);
        assert_eq!(one.differences(&other), ["payload_retention_days"]);
        assert!(one.differences(&one).is_empty());
    }
}
