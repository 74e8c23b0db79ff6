//! The board service through its generated clients, on a real database, with stand-ins for the agent directory and the
//! gate of approvals.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something unexpected happens"
)]

mod boards;
mod boards_update;
mod bulk;
mod callers;
mod claims;
mod comments;
mod costs;
mod custom_fields;
mod custom_fields_change;
mod custom_values;
mod deletion;
mod dependencies;
mod events;
mod fixture;
mod gates;
mod gateways;
mod goals;
mod gone;
mod group_races;
mod groups;
mod groups_of_boards;
mod groups_rights;
mod input;
mod labelled;
mod list_costs;
mod lists;
mod memory;
mod moves;
mod pause;
mod peers;
mod request;
mod rights;
mod search;
mod shelf;
mod snapshots;
mod snapshots_of_groups;
mod tags;
mod tasks;
mod transitions;
mod versions;
mod waiting;
