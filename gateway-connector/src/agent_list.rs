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

/// How a patch of a list tells keys that shall be gone. Gateways that merge it by id keep what they are not told of; those
/// that replace it, up to February 2026, refuse nulls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gone {
    Null,
    LeftOut,
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

    /// A heartbeat as this gateway takes it. Nulls stay at the top only, where they say what shall not be there.
    fn adapted(&self, heartbeat: &Map<String, Value>) -> Map<String, Value> {
        let mut heartbeat: Map<String, Value> = heartbeat
            .iter()
            .map(|(name, value)| (name.clone(), without_nulls(value)))
            .collect();
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
        self.adapted(heartbeat).iter().all(|(name, value)| {
            let current = entry["heartbeat"].get(name);
            match value {
                Value::Null => current.is_none_or(Value::is_null),
                value => current == Some(value),
            }
        })
    }

    /// The params of a patch that grants all wishes of agents that exist.
    pub(crate) fn patch(&self, wishes: &Wishes, gone: Gone) -> Value {
        let granted = wishes
            .iter()
            .filter_map(|(key, heartbeat)| Some((key, self.adapted(heartbeat), self.find(key)?)));
        let agents = match self.shape {
            Shape::Entries => {
                let entries = granted.map(|(key, heartbeat, Entry(entry))| {
                    let change = change(&entry["heartbeat"], &heartbeat);
                    (self.id_of(key), json!({"heartbeat": change}))
                });
                json!({"entries": entries.collect::<Map<_, _>>()})
            }
            // The oldest gateways replace the array: it goes back whole.
            Shape::List => {
                let mut list = self.agents["list"].as_array().cloned().unwrap_or_default();
                for (key, heartbeat, _) in granted {
                    let entry = list.iter_mut().find(|entry| {
                        entry["id"]
                            .as_str()
                            .is_some_and(|id| id.eq_ignore_ascii_case(key))
                    });
                    if let Some(entry) = entry {
                        merge(entry, &heartbeat, gone);
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

    /// Whether it makes a difference to these wishes how keys are told that shall be gone.
    pub(crate) fn minds(&self, wishes: &Wishes) -> bool {
        self.patch(wishes, Gone::Null) != self.patch(wishes, Gone::LeftOut)
    }

    fn id_of(&self, key: &str) -> String {
        let entries = self.agents["entries"].as_object();
        let found =
            entries.and_then(|entries| entries.keys().find(|id| id.eq_ignore_ascii_case(key)));
        found.map_or(key, String::as_str).to_owned()
    }
}

/// The merge patch that makes of what is there an object which has what is wanted, and nothing where null is wanted.
fn change(current: &Value, wanted: &Map<String, Value>) -> Map<String, Value> {
    let changes = wanted.iter().filter_map(|(name, value)| {
        let current = current.get(name);
        match (value, current) {
            (Value::Null, None) => None,
            (Value::Object(wanted), Some(Value::Object(old))) => {
                // What is wanted is wanted whole: a merge would keep the rest.
                let rest = old.keys().filter(|old| !wanted.contains_key(*old));
                let mut wanted = wanted.clone();
                wanted.extend(
                    rest.map(|name| (name.clone(), Value::Null))
                        .collect::<Vec<_>>(),
                );
                let change = change(&Value::Object(old.clone()), &wanted);
                Some((name.clone(), Value::Object(change)))
            }
            (value, _) => Some((name.clone(), value.clone())),
        }
    });
    changes.collect()
}

fn merge(entry: &mut Value, heartbeat: &Map<String, Value>, gone: Gone) {
    let change = match gone {
        Gone::Null => change(&entry["heartbeat"], heartbeat),
        Gone::LeftOut => heartbeat.clone(),
    };
    match entry.get_mut("heartbeat").and_then(Value::as_object_mut) {
        Some(current) => current.extend(change),
        None => entry["heartbeat"] = Value::Object(change),
    }
    if gone == Gone::LeftOut
        && let Some(current) = entry["heartbeat"].as_object_mut()
    {
        current.retain(|_, value| !value.is_null());
    }
}

/// A value without the nulls that its objects have: they say that there is nothing.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(object) => object
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), without_nulls(value)))
            .collect(),
        value => value.clone(),
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
        let params = agents.patch(&wish("a"), Gone::Null);
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
            raw(&agents.patch(&wish("a"), Gone::Null)),
            json!({"agents": {"entries": {"A": {"heartbeat": {"every": "10m", "target": "none"}}}}})
        );
    }

    #[test]
    fn wishes_of_agents_that_do_not_exist_wait() {
        let agents = list(json!({"entries": {"main": {}}}));
        assert_eq!(
            raw(&agents.patch(&wish("a"), Gone::Null)),
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

    /// What a patch makes of an agent where lists and maps are merged.
    fn merged(agents: &Value, wishes: &Wishes) -> Value {
        let mut after = agents.clone();
        let patch = raw(&list(agents.clone()).patch(wishes, Gone::Null));
        let (old, new) = match patch["agents"].get("list") {
            Some(list) => (&mut after["list"][0], list[0].clone()),
            None => (
                &mut after["entries"]["a"],
                patch["agents"]["entries"]["a"].clone(),
            ),
        };
        apply(old, &new);
        assert!(list(after.clone()).beats("a", &wishes["a"]), "{after}");
        after
    }

    fn apply(old: &mut Value, patch: &Value) {
        let Some(patch) = patch.as_object() else {
            *old = patch.clone();
            return;
        };
        if !old.is_object() {
            *old = json!({});
        }
        for (name, value) in patch {
            if value.is_null() {
                old.as_object_mut().unwrap().remove(name);
            } else {
                apply(&mut old[name], value);
            }
        }
    }

    #[test]
    fn what_shall_be_gone_is_told_and_what_the_owner_added_stays() {
        let mut wishes = wish("a");
        let heartbeat = wishes.get_mut("a").unwrap();
        heartbeat.insert("model".to_owned(), Value::Null);
        heartbeat.insert("session".to_owned(), Value::Null);
        let entry =
            json!({"id": "a", "heartbeat": {"every": "10m", "model": "m", "prompt": "own"}});
        let agents = json!({"list": [entry]});
        assert!(!list(agents.clone()).beats("a", &wishes["a"]));
        let beat =
            json!({"every": "10m", "target": "last", "includeReasoning": false, "prompt": "own"});
        let after = json!({"list": [{"id": "a", "heartbeat": beat}]});
        assert_eq!(merged(&agents, &wishes), after);
        // Where the list takes the place of the old one, it is as it shall be.
        let patch = list(agents.clone()).patch(&wishes, Gone::LeftOut);
        assert_eq!(raw(&patch)["agents"], after);
        assert!(list(agents).minds(&wishes));

        let agents = json!({"entries": {"a": entry}});
        let beat = json!({"every": "10m", "target": "none", "prompt": "own"});
        assert_eq!(merged(&agents, &wishes)["entries"]["a"]["heartbeat"], beat);
        assert!(!list(agents).minds(&wishes));
        // What is not there needs no null.
        let agents = list(json!({"entries": {"a": {}}}));
        let told = raw(&agents.patch(&wishes, Gone::Null));
        assert_eq!(
            told["agents"]["entries"]["a"]["heartbeat"],
            json!({"every": "10m", "target": "none"})
        );
    }

    #[test]
    fn an_object_in_a_heartbeat_becomes_what_is_wanted_whole() {
        let mut wishes = wish("a");
        let hours = json!({"start": "09:00", "end": null});
        wishes
            .get_mut("a")
            .unwrap()
            .insert("activeHours".to_owned(), hours);
        let beat = json!({"activeHours": {"start": "08:00", "end": "17:00"}, "prompt": "own"});
        let entry = json!({"id": "a", "heartbeat": beat});
        for agents in [json!({"list": [entry]}), json!({"entries": {"a": entry}})] {
            let after = merged(&agents, &wishes);
            let entry = list(after);
            let Entry(entry) = entry.find("a").unwrap();
            assert_eq!(entry["heartbeat"]["activeHours"], json!({"start": "09:00"}));
            assert_eq!(entry["heartbeat"]["prompt"], "own");
        }
        let patch = list(json!({"list": [entry]})).patch(&wishes, Gone::LeftOut);
        let hours = &raw(&patch)["agents"]["list"][0]["heartbeat"]["activeHours"];
        assert_eq!(*hours, json!({"start": "09:00"}));
    }

    #[test]
    fn a_home_directory_that_was_written_out_is_the_same_place() {
        assert!(same_place("/home/x/w", "~/w"));
        assert!(same_place("/w", "/w"));
        assert!(!same_place("/home/x/w", "/w"));
        assert!(!same_place("/home/x/v", "~/w"));
    }
}
