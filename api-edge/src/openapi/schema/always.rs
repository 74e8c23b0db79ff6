//! Which fields of an answer can be `null`.

use prost_reflect::{FieldDescriptor, Kind};

/// Fields that hold a message and are never left out, whatever message they stand in. The wire could lack them; the
/// components that write them do not.
const ALWAYS: [&str; 23] = [
    "actor",
    "agents",
    "api_token",
    "at",
    "author",
    "board",
    "comparison",
    "created_at",
    "cycle_time",
    "error_rate",
    "generated_at",
    "kpis",
    "member",
    "occurred_at",
    "pending_approvals",
    "period",
    "primary",
    "requested",
    "started_at",
    "tasks",
    "throughput",
    "updated_at",
    "wip",
];

/// Whether an answer may hold `null` here: for what is declared optional, and for a message that may be missing.
pub(super) fn may_lack(field: &FieldDescriptor) -> bool {
    match field.containing_oneof() {
        // Members of a real `oneof` are absent, not null.
        Some(oneof) => oneof.is_synthetic(),
        None => matches!(field.kind(), Kind::Message(_)) && !ALWAYS.contains(&field.name()),
    }
}
