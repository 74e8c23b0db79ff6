//! A pack's own list of its skills: `skills_index.json` at the root of the repository.

use serde_json::{Value, json};

use super::{
    DESCRIPTION, Found, LABEL, NAME,
    address::{self, Hosts},
};
use crate::quote;

/// Name of the file.
pub(crate) const FILE: &str = "skills_index.json";
/// What stands at the end of a path to a skill.
const SKILL: &str = "SKILL.md";
/// Characters of a path in a repository.
const PATH: usize = 1_000;

/// Where the skills of a pack lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    /// Address of the repository.
    pub repository: &'a str,
    /// The branch that was read.
    pub branch: &'a str,
    pub hosts: &'a Hosts,
}

/// The entries of the list, or `None` when it is none.
pub(crate) fn entries(bytes: &[u8]) -> Option<Vec<Value>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match serde_json::from_slice(bytes).ok()? {
        Value::Array(entries) => Some(entries),
        Value::Object(mut list) => match list.remove("skills")? {
            Value::Array(entries) => Some(entries),
            _ => None,
        },
        _ => None,
    }
}

/// What an entry says.
///
/// # Errors
/// Why it is passed over, for people.
pub(crate) fn read(place: Place<'_>, entry: &Value) -> Result<Found, String> {
    let text = |key: &str| {
        entry
            .get(key)
            .and_then(Value::as_str)
            .map(str::trim)
            .filter(|text| !text.is_empty())
    };
    if !entry.is_object() {
        return Err("it is not an object".to_owned());
    }
    let (given, path) = (text("source_url"), text("path"));
    let (source_url, resolved) = match (given, path) {
        (Some(url), _) if url.contains("://") => (absolute(place, url)?, None),
        (Some(path), _) | (None, Some(path)) => {
            let directory = directory(path)?;
            let url = address::tree(place.repository, place.branch, &directory);
            (url, Some(directory))
        }
        (None, None) => return Err("it has neither `source_url` nor `path`".to_owned()),
    };
    if source_url.len() > address::MAX {
        return Err("its address is too long".to_owned());
    }
    let source = match (path, &resolved) {
        (Some(path), _) => quote::line(path, PATH),
        (None, Some(directory)) => directory.clone(),
        (None, None) => source_url.clone(),
    };
    let mut metadata = json!({"discovery_mode": "skills_index", "pack_branch": place.branch});
    if let Some(given) = given {
        metadata["source_url"] = json!(quote::line(given, address::MAX));
    }
    if let Some(resolved) = &resolved {
        metadata["resolved_path"] = json!(resolved);
    }
    let line = |key: &str, max| {
        text(key)
            .map(|text| quote::line(text, max))
            .filter(|text| !text.is_empty())
    };
    Ok(Found {
        name: line("name", NAME).unwrap_or_else(|| match resolved.as_deref() {
            Some("") => address::name(place.repository),
            _ => address::name(&source_url),
        }),
        description: description(text("description")),
        category: line("category", LABEL),
        risk: line("risk", LABEL),
        source,
        source_url,
        metadata,
    })
}

/// A description as it is stored.
pub(crate) fn description(text: Option<&str>) -> Option<String> {
    text.map(|text| quote::block(text, DESCRIPTION))
        .filter(|text| !text.is_empty())
}

/// An entry may lead out of its repository, but only to where repositories are read from.
fn absolute(place: Place<'_>, url: &str) -> Result<String, String> {
    let url = address::skill(url).map_err(|bad| format!("its address: {bad}"))?;
    if place.hosts.holds(&url) {
        return Ok(url);
    }
    Err("its address leads to a host that packs may not come from".to_owned())
}

/// A directory in the repository.
fn directory(path: &str) -> Result<String, String> {
    if path.chars().count() > PATH || path.chars().any(char::is_control) {
        return Err("its path is too long or holds control characters".to_owned());
    }
    let path = path.replace('\\', "/");
    let mut segments: Vec<&str> = path
        .split('/')
        .filter(|segment| !segment.is_empty() && *segment != ".")
        .collect();
    if segments.contains(&"..") {
        return Err("its path leads out of the repository".to_owned());
    }
    if segments
        .last()
        .is_some_and(|last| last.eq_ignore_ascii_case(SKILL))
    {
        segments.pop();
    }
    Ok(segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> Hosts {
        Hosts {
            secure: vec!["github.com".into()],
            insecure: Vec::new(),
        }
    }

    fn entry(entry: Value) -> Result<Found, String> {
        let hosts = hosts();
        let place = Place {
            repository: "https://github.com/o/r",
            branch: "main",
            hosts: &hosts,
        };
        read(place, &entry)
    }

    #[test]
    fn a_list_is_an_array_or_has_one() {
        assert_eq!(entries(b"[1]"), Some(vec![json!(1)]));
        assert_eq!(entries(b"\xef\xbb\xbf{\"skills\": []}"), Some(vec![]));
        for bad in [&b"{"[..], b"{}", b"{\"skills\": {}}", b"7", b"", b"\xff"] {
            assert_eq!(entries(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn an_entry_lies_in_the_repository_or_where_it_says() {
        let found = entry(json!({
            "path": "skills/pdf/SKILL.md", "name": " PDF ", "description": "Reads.\u{7}", "category": "docs", "risk": "low",
        }));
        let expected = Found {
            name: "PDF".into(),
            description: Some("Reads.".into()),
            category: Some("docs".into()),
            risk: Some("low".into()),
            source: "skills/pdf/SKILL.md".into(),
            source_url: "https://github.com/o/r/tree/main/skills/pdf".into(),
            metadata: json!({
                "discovery_mode": "skills_index", "pack_branch": "main", "resolved_path": "skills/pdf",
            }),
        };
        assert_eq!(found, Ok(expected));
        let elsewhere =
            entry(json!({"source_url": "https://github.com/a/b/tree/main/x-y"})).unwrap();
        assert_eq!(elsewhere.source_url, "https://github.com/a/b/tree/main/x-y");
        assert_eq!(elsewhere.name, "x y");
        let relative = entry(json!({"source_url": "./a\\b/"})).unwrap();
        assert_eq!(relative.source_url, "https://github.com/o/r/tree/main/a/b");
        let root = entry(json!({"path": "SKILL.md", "name": 7})).unwrap();
        assert_eq!(
            (root.source_url.as_str(), root.name.as_str()),
            ("https://github.com/o/r/tree/main", "r")
        );
    }

    #[test]
    fn an_entry_that_makes_no_sense_says_why() {
        for (bad, why) in [
            (json!("x"), "not an object"),
            (json!({"name": "x"}), "neither"),
            (json!({"path": "  "}), "neither"),
            (json!({"path": "a/../../b"}), "leads out"),
            (json!({"path": "a\nb"}), "control"),
            (json!({"source_url": "https://evil.com/x"}), "a host"),
            (json!({"source_url": "file:///etc/passwd"}), "its address"),
            (json!({"source_url": "http://github.com/x"}), "a host"),
            (json!({"path": "\u{e4}".repeat(999)}), "too long"),
        ] {
            let told = entry(bad.clone()).unwrap_err();
            assert!(told.contains(why), "{bad}: {told}");
        }
    }
}
