//! What differs between the releases of the gateway.

use std::time::Duration;

/// A release whose behaviour is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    V2026_2_9,
    V2026_7_1,
    V2026_9_6,
}

const FILES_UP_TO_JULY: &[&str] = &[
    "AGENTS.md",
    "SOUL.md",
    "TOOLS.md",
    "IDENTITY.md",
    "USER.md",
    "HEARTBEAT.md",
    "BOOTSTRAP.md",
    "MEMORY.md",
];
const FILES_SINCE_AUGUST: &[&str] = &[
    "AGENTS.md",
    "SOUL.md",
    "IDENTITY.md",
    "USER.md",
    "BOOTSTRAP.md",
    "MEMORY.md",
];

impl Version {
    pub const ALL: [Self; 3] = [Self::V2026_2_9, Self::V2026_7_1, Self::V2026_9_6];

    /// What `hello-ok` says; 2026.2.9 knows its own version only under a process manager.
    pub fn announced(self) -> &'static str {
        match self {
            Self::V2026_2_9 => "dev",
            Self::V2026_7_1 => "2026.7.1",
            Self::V2026_9_6 => "2026.9.6",
        }
    }

    /// The one wire protocol that it speaks.
    pub fn protocol(self) -> i64 {
        match self {
            Self::V2026_2_9 => 3,
            Self::V2026_7_1 | Self::V2026_9_6 => 4,
        }
    }

    /// Whether agents are `agents.entries{}` rather than `agents.list[]`.
    pub fn has_entries(self) -> bool {
        self == Self::V2026_9_6
    }

    /// Workspace files that can be read and written.
    pub fn files(self) -> &'static [&'static str] {
        match self {
            Self::V2026_2_9 | Self::V2026_7_1 => FILES_UP_TO_JULY,
            Self::V2026_9_6 => FILES_SINCE_AUGUST,
        }
    }

    /// Files that a new workspace starts with.
    pub fn seeded(self) -> &'static [&'static str] {
        match self {
            Self::V2026_2_9 | Self::V2026_7_1 => FILES_UP_TO_JULY,
            Self::V2026_9_6 => &[
                "AGENTS.md",
                "SOUL.md",
                "IDENTITY.md",
                "USER.md",
                "BOOTSTRAP.md",
            ],
        }
    }

    /// Configuration writes per window.
    pub fn rate_limit(self) -> Option<usize> {
        match self {
            Self::V2026_2_9 => None,
            Self::V2026_7_1 => Some(3),
            Self::V2026_9_6 => Some(30),
        }
    }

    pub(crate) fn settle(self) -> Duration {
        match self {
            Self::V2026_2_9 | Self::V2026_7_1 => Duration::ZERO,
            Self::V2026_9_6 => Duration::from_millis(300),
        }
    }

    pub(crate) fn max_payload(self) -> usize {
        match self {
            Self::V2026_2_9 => 524_288,
            Self::V2026_7_1 | Self::V2026_9_6 => 26_214_400,
        }
    }

    /// Longest frame before `connect` was answered.
    pub(crate) fn max_handshake(self) -> usize {
        match self {
            Self::V2026_2_9 => 524_288,
            Self::V2026_7_1 | Self::V2026_9_6 => 65_536,
        }
    }

    /// Whether refusals carry `details`.
    pub(crate) fn has_details(self) -> bool {
        self != Self::V2026_2_9
    }

    pub(crate) fn label_max(self) -> usize {
        match self {
            Self::V2026_2_9 => 64,
            Self::V2026_7_1 | Self::V2026_9_6 => 512,
        }
    }
}
