//! What agents read about an operation before they call it.

use prost_reflect::{DynamicMessage, MessageDescriptor};

/// The manual of one operation; `mission.access.v1.Manual` says what each part means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manual {
    pub operation_id: String,
    pub intent: String,
    pub actor: String,
    pub when_to_use: Vec<String>,
    pub when_not_to_use: Vec<String>,
    pub prerequisites: Vec<String>,
    pub side_effects: Vec<String>,
    pub negative_guidance: Vec<String>,
    pub routing_policy: Vec<String>,
    pub routing_examples: Vec<Example>,
}

/// What an agent that means this, with this privilege, decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    pub intent: String,
    pub required_privilege: String,
    pub decision: String,
}

impl Manual {
    pub(super) fn read(message: &DynamicMessage) -> Self {
        let examples = list(message, "routing_examples", |value| {
            let example = value.as_message()?;
            Some(Example {
                intent: text(example, "intent"),
                required_privilege: text(example, "required_privilege"),
                decision: text(example, "decision"),
            })
        });
        let texts = |name| list(message, name, |value| value.as_str().map(str::to_owned));
        Self {
            operation_id: text(message, "operation_id"),
            intent: text(message, "intent"),
            actor: text(message, "actor"),
            when_to_use: texts("when_to_use"),
            when_not_to_use: texts("when_not_to_use"),
            prerequisites: texts("prerequisites"),
            side_effects: texts("side_effects"),
            negative_guidance: texts("negative_guidance"),
            routing_policy: texts("routing_policy"),
            routing_examples: examples,
        }
    }
}

/// What a body is for, in one term, when the contract says so.
pub fn intent(message: &MessageDescriptor) -> Option<String> {
    let extension = crate::pool().get_extension_by_name("mission.access.v1.intent")?;
    let options = message.options();
    let intent = options.get_extension(&extension);
    intent
        .as_str()
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

fn text(message: &DynamicMessage, name: &str) -> String {
    let value = message.get_field_by_name(name);
    value
        .as_deref()
        .and_then(prost_reflect::Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn list<T>(
    message: &DynamicMessage,
    name: &str,
    read: impl Fn(&prost_reflect::Value) -> Option<T>,
) -> Vec<T> {
    let value = message.get_field_by_name(name);
    let items = value.as_deref().and_then(prost_reflect::Value::as_list);
    items.unwrap_or_default().iter().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::{Actor, manual, of, option};
    use super::*;

    const AGENTS: [Actor; 3] = [Actor::Lead, Actor::Worker, Actor::GatewayMain];

    /// Every method that agents may call over REST, with the kinds of agent and its manual.
    fn manuals() -> Vec<(String, Vec<Actor>, Option<Manual>)> {
        let methods = crate::pool()
            .services()
            .flat_map(|service| service.methods().collect::<Vec<_>>())
            .filter(|method| option(method, "google.api.http").is_some());
        methods
            .map(|method| {
                let agents = of(&method).into_iter().filter(|a| AGENTS.contains(a));
                (
                    method.full_name().to_owned(),
                    agents.collect(),
                    manual(&method),
                )
            })
            .collect()
    }

    #[test]
    fn what_agents_may_call_has_a_manual_and_nothing_else_has() {
        for (name, agents, manual) in manuals() {
            assert_eq!(manual.is_some(), !agents.is_empty(), "{name}");
        }
    }

    #[test]
    fn no_part_of_a_manual_is_empty() {
        let mut names = HashSet::new();
        let manuals = manuals();
        let known: HashSet<_> = manuals
            .iter()
            .filter_map(|(_, _, manual)| Some(manual.as_ref()?.operation_id.clone()))
            .collect();
        for (method, _, manual) in &manuals {
            let Some(manual) = manual else { continue };
            assert!(names.insert(&manual.operation_id), "{method} twice");
            assert!(manual.operation_id.starts_with("agent_"), "{method}");
            assert!(!manual.intent.is_empty(), "{method}");
            for list in [
                &manual.when_to_use,
                &manual.when_not_to_use,
                &manual.prerequisites,
                &manual.side_effects,
                &manual.negative_guidance,
                &manual.routing_policy,
            ] {
                assert!(!list.is_empty(), "{method}");
                assert!(list.iter().all(|text| text.ends_with('.')), "{method}");
            }
            assert!(!manual.routing_examples.is_empty(), "{method}");
            for example in &manual.routing_examples {
                assert!(known.contains(&example.decision), "{method}: {example:?}");
            }
        }
    }

    #[test]
    fn the_operations_that_a_manual_names_exist() {
        let manuals = manuals();
        let known: HashSet<_> = manuals
            .iter()
            .filter_map(|(_, _, manual)| Some(manual.as_ref()?.operation_id.as_str()))
            .collect();
        for (method, _, manual) in &manuals {
            let Some(manual) = manual else { continue };
            let texts = manual
                .when_to_use
                .iter()
                .chain(&manual.when_not_to_use)
                .chain(&manual.prerequisites)
                .chain(&manual.side_effects)
                .chain(&manual.negative_guidance)
                .chain(&manual.routing_policy);
            for word in
                texts.flat_map(|text| text.split(|c: char| !c.is_alphanumeric() && c != '_'))
            {
                assert!(
                    !word.starts_with("agent_") || known.contains(word),
                    "{method} names {word}"
                );
            }
        }
    }

    #[test]
    fn the_actor_of_a_manual_is_who_may_call() {
        for (method, agents, manual) in manuals() {
            let Some(manual) = manual else { continue };
            let may = |actor| agents.contains(&actor);
            let (lead, worker, main) = (may(AGENTS[0]), may(AGENTS[1]), may(AGENTS[2]));
            let is_true = match manual.actor.as_str() {
                "any_agent" => lead && worker,
                "board_agent" => lead && worker && !main,
                "board_lead" => lead && !worker && !main,
                "board_worker" => worker && !lead && !main,
                "agent_main" => main && !lead && !worker,
                _ => false,
            };
            assert!(is_true, "{method}: {}", manual.actor);
            for example in manual.routing_examples {
                let known = [
                    "any_agent",
                    "board_agent",
                    "board_lead",
                    "board_worker",
                    "agent_main",
                ];
                assert!(
                    known.contains(&example.required_privilege.as_str()),
                    "{method}"
                );
            }
        }
    }
}
