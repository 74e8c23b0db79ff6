//! The agents in a gateway's configuration: an array with ids up to July 2026, a map since. Nobody else knows of the
//! difference.

use serde_json::{Map, Value, json};

use crate::{configuration::Wishes, error::Error};

/// What `config.get` told.
pub(crate) struct AgentList {
    agents: Value,
    hash: Option<String>,
    shape: Shape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    List,
    Entries,
}

/// An agent as configured.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'a>(&'a Value);

impl AgentList {
    pub(crate) fn read(mut payload: Value) -> Result<Self, Error> {
        let unreadable = || Error::Incompatible("its configuration cannot be read".into());
        let hash = payload["hash"].as_str().map(str::to_owned);
        let config = payload
            .get_mut("config")
            .filter(|config| config.is_object())
            .ok_or_else(unreadable)?;
        let agents = config["agents"].take();
        let shape = if agents["entries"].is_object() {
            Shape::Entries
        } else {
            Shape::List
        };
        if shape == Shape::List && !(agents["list"].is_null() || agents["list"].is_array()) {
            return Err(unreadable());
        }
        Ok(Self {
            agents,
            hash,
            shape,
        })
    }

    /// Every agent, with its key.
    pub(crate) fn all(&self) -> Vec<(&str, Entry<'_>)> {
        match self.shape {
            Shape::Entries => {
                let entries = self.agents["entries"].as_object().into_iter().flatten();
                entries
                    .map(|(id, entry)| (id.as_str(), Entry(entry)))
                    .collect()
            }
            Shape::List => {
                let list = self.agents["list"].as_array().into_iter().flatten();
                list.filter_map(|entry| Some((entry["id"].as_str()?, Entry(entry))))
                    .collect()
            }
        }
    }

    /// The agent with this key; keys do not tell cases apart.
    pub(crate) fn find(&self, key: &str) -> Option<Entry<'_>> {
        let found = match self.shape {
            Shape::Entries => {
                let mut entries = self.agents["entries"].as_object()?.iter();
                entries
                    .find(|(id, _)| id.eq_ignore_ascii_case(key))
                    .map(|(_, entry)| entry)
            }
            Shape::List => {
                let mut list = self.agents["list"].as_array()?.iter();
                list.find(|entry| {
                    entry["id"]
                        .as_str()
                        .is_some_and(|id| id.eq_ignore_ascii_case(key))
                })
            }
        };
        found.map(Entry)
    }

    /// A heartbeat as this gateway takes it.
    fn adapted(&self, heartbeat: &Map<String, Value>) -> Map<String, Value> {
        let mut heartbeat = heartbeat.clone();
        if self.shape == Shape::Entries {
            // Unknown since the map, and unknown keys fail the whole patch.
            heartbeat.remove("includeReasoning");
            // Since the map, a beat that shall go where its session last spoke is skipped as long as that was no channel, and
            // ours speak to nobody there. `none` beats always; who has a channel names it.
            if heartbeat
                .get("target")
                .is_some_and(|target| target == "last")
            {
                heartbeat.insert("target".to_owned(), "none".into());
            }
        }
        heartbeat
    }

    /// Whether an agent has this heartbeat. What its owner added to it may stay.
    pub(crate) fn beats(&self, key: &str, heartbeat: &Map<String, Value>) -> bool {
        let Some(Entry(entry)) = self.find(key) else {
            return false;
        };
        self.adapted(heartbeat)
            .iter()
            .all(|(name, value)| entry["heartbeat"].get(name) == Some(value))
    }

    /// The params of a patch that grants all wishes of agents that exist.
    pub(crate) fn patch(&self, wishes: &Wishes) -> Value {
        let granted = wishes.iter().filter(|(key, _)| self.find(key).is_some());
        let agents = match self.shape {
            Shape::Entries => {
                let entries = granted.map(|(key, heartbeat)| {
                    (
                        self.id_of(key),
                        json!({"heartbeat": self.adapted(heartbeat)}),
                    )
                });
                json!({"entries": entries.collect::<Map<_, _>>()})
            }
            // The oldest gateways replace the array: it goes back whole.
            Shape::List => {
                let mut list = self.agents["list"].as_array().cloned().unwrap_or_default();
                for (key, heartbeat) in granted {
                    let entry = list.iter_mut().find(|entry| {
                        entry["id"]
                            .as_str()
                            .is_some_and(|id| id.eq_ignore_ascii_case(key))
                    });
                    if let Some(entry) = entry {
                        merge(entry, &self.adapted(heartbeat));
                    }
                }
                json!({"list": list})
            }
        };
        let mut params = json!({"raw": json!({"agents": agents}).to_string()});
        if let Some(hash) = &self.hash {
            params["baseHash"] = hash.as_str().into();
        }
        params
    }

    fn id_of(&self, key: &str) -> String {
        let entries = self.agents["entries"].as_object();
        let found =
            entries.and_then(|entries| entries.keys().find(|id| id.eq_ignore_ascii_case(key)));
        found.map_or(key, String::as_str).to_owned()
    }
}

fn merge(entry: &mut Value, heartbeat: &Map<String, Value>) {
    match entry.get_mut("heartbeat").and_then(Value::as_object_mut) {
        Some(current) => current.extend(heartbeat.clone()),
        None => entry["heartbeat"] = Value::Object(heartbeat.clone()),
    }
}

impl<'a> Entry<'a> {
    pub(crate) fn name(self) -> Option<&'a str> {
        self.0["name"].as_str()
    }

    pub(crate) fn workspace(self) -> Option<&'a str> {
        self.0["workspace"].as_str()
    }

    /// Whether it has this name and workspace already.
    pub(crate) fn is(self, name: &str, workspace: &str) -> bool {
        self.0["name"].as_str() == Some(name)
            && self.0["workspace"]
                .as_str()
                .is_some_and(|current| same_place(current, workspace))
    }
}

/// Gateways write the home directory out.
fn same_place(current: &str, wanted: &str) -> bool {
    match wanted.strip_prefix('~') {
        Some(rest) if rest.starts_with('/') => current == wanted || current.ends_with(rest),
        _ => current == wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(agents: Value) -> AgentList {
        AgentList::read(json!({"config": {"agents": agents}, "hash": "h"}))
            .unwrap_or_else(|error| panic!("{error}"))
    }

    fn wish(key: &str) -> Wishes {
        let heartbeat = json!({"every": "10m", "target": "last", "includeReasoning": false});
        Wishes::from([(key.to_owned(), heartbeat.as_object().cloned().unwrap())])
    }

    fn raw(params: &Value) -> Value {
        serde_json::from_str(params["raw"].as_str().unwrap()).unwrap()
    }

    #[test]
    fn a_list_goes_back_whole() {
        let agents =
            list(json!({"list": [{"id": "main"}, {"id": "a", "heartbeat": {"prompt": "p"}}]}));
        let params = agents.patch(&wish("a"));
        assert_eq!(params["baseHash"], "h");
        assert_eq!(
            raw(&params),
            json!({"agents": {"list": [{"id": "main"}, {"id": "a", "heartbeat":
                {"prompt": "p", "every": "10m", "target": "last", "includeReasoning": false}}]}})
        );
    }

    #[test]
    fn a_map_gets_only_what_it_knows() {
        let agents = list(json!({"entries": {"main": {}, "A": {}}}));
        assert_eq!(
            raw(&agents.patch(&wish("a"))),
            json!({"agents": {"entries": {"A": {"heartbeat": {"every": "10m", "target": "none"}}}}})
        );
    }

    #[test]
    fn wishes_of_agents_that_do_not_exist_wait() {
        let agents = list(json!({"entries": {"main": {}}}));
        assert_eq!(
            raw(&agents.patch(&wish("a"))),
            json!({"agents": {"entries": {}}})
        );
    }

    #[test]
    fn a_heartbeat_that_is_there_needs_no_patch() {
        let heartbeat = &wish("a")["a"];
        let beat = json!({"every": "10m", "target": "last", "prompt": "own"});
        assert!(!list(json!({"list": [{"id": "a", "heartbeat": beat}]})).beats("a", heartbeat));
        let beat = json!({"every": "10m", "target": "none", "prompt": "own"});
        assert!(list(json!({"entries": {"a": {"heartbeat": beat}}})).beats("a", heartbeat));
        assert!(!list(json!({})).beats("a", heartbeat));
    }

    #[test]
    fn a_beat_that_a_map_would_skip_goes_nowhere_instead() {
        let entries = |target: &str| {
            let beat = json!({"every": "10m", "target": target});
            list(json!({"entries": {"a": {"heartbeat": beat}}}))
        };
        assert!(entries("none").beats("a", &wish("a")["a"]));
        assert!(!entries("last").beats("a", &wish("a")["a"]));
        let mut named = wish("a");
        let heartbeat = named.get_mut("a").unwrap();
        heartbeat.insert("target".to_owned(), json!("telegram"));
        assert!(entries("telegram").beats("a", heartbeat));
    }

    #[test]
    fn a_home_directory_that_was_written_out_is_the_same_place() {
        assert!(same_place("/home/x/w", "~/w"));
        assert!(same_place("/w", "/w"));
        assert!(!same_place("/home/x/w", "/w"));
        assert!(!same_place("/home/x/v", "~/w"));
    }
}
