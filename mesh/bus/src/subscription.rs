//! Who hears of what.

use crate::topic::{self, Topics};

/// A consumer group and what it is told: a constant of the component that consumes, so that an installation can register
/// every group before anything is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Stays the same over releases: another name is another group, which starts with nothing.
    pub group: &'static str,
    /// Patterns, such as `task.*` or `#`.
    pub topics: &'static [&'static str],
}

impl Subscription {
    pub(crate) fn check(&self) -> anyhow::Result<Topics> {
        topic::check_group(self.group)?;
        Topics::parse(self.topics)
    }
}
