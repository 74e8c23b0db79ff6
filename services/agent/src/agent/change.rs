//! What an update wants of an agent, and what of that the agent is not yet.

use serde_json::Value;
use uuid::Uuid;

use super::{Agent, heartbeat};

/// What an update names. What it does not name stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Wanted {
    pub name: Option<String>,
    pub heartbeat_config: Option<Value>,
    pub identity_profile: Option<Option<Value>>,
    pub identity_template: Option<Option<String>>,
    pub soul_template: Option<Option<String>>,
    pub place: Option<Place>,
}

/// A board, and the gateway on which its agents live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub board_id: Uuid,
    pub gateway_id: Uuid,
}

/// An agent as it is to be.
#[derive(Clone, Debug)]
pub(crate) struct Changed {
    pub agent: Agent,
    /// Names of the fields that differ.
    pub fields: Vec<&'static str>,
    /// The board that it leaves.
    pub from_board_id: Option<Uuid>,
    /// Whether it leaves its gateway too.
    pub leaves_gateway: bool,
}

impl Changed {
    /// Whether its pace is all that differs.
    pub(crate) fn is_pace(&self) -> bool {
        self.fields == ["heartbeat_config"]
    }
}

impl Wanted {
    pub(crate) fn apply(&self, before: &Agent) -> Changed {
        let mut agent = before.clone();
        let mut fields = Vec::new();
        set(&mut agent.name, &self.name, "name", &mut fields);
        set(
            &mut agent.heartbeat_config,
            &self.heartbeat_config,
            "heartbeat_config",
            &mut fields,
        );
        agent.heartbeat_removed = heartbeat::removed(
            &before.heartbeat_removed,
            &before.heartbeat_config,
            &agent.heartbeat_config,
        );
        set(
            &mut agent.identity_profile,
            &self.identity_profile,
            "identity_profile",
            &mut fields,
        );
        set(
            &mut agent.identity_template,
            &self.identity_template,
            "identity_template",
            &mut fields,
        );
        set(
            &mut agent.soul_template,
            &self.soul_template,
            "soul_template",
            &mut fields,
        );
        let place = self
            .place
            .filter(|place| before.board_id != Some(place.board_id));
        if let Some(place) = place {
            agent.board_id = Some(place.board_id);
            agent.gateway_id = place.gateway_id;
            fields.push("board_id");
        }
        Changed {
            from_board_id: before.board_id.filter(|_| place.is_some()),
            leaves_gateway: agent.gateway_id != before.gateway_id,
            agent,
            fields,
        }
    }
}

fn set<T: Clone + PartialEq>(
    field: &mut T,
    wanted: &Option<T>,
    name: &'static str,
    fields: &mut Vec<&'static str>,
) {
    if let Some(wanted) = wanted
        && wanted != field
    {
        field.clone_from(wanted);
        fields.push(name);
    }
}
