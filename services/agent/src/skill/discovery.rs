//! What a repository holds: its own list of skills, or else every SKILL.md in it.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Value, json};

use super::{
    Found, NAME, address, front_matter,
    index::{self, Place},
    repository::Blob,
};
use crate::quote;

/// Bytes of a SKILL.md, and of the list.
pub(crate) const SKILL_BYTES: u64 = 256 * 1024;
pub(crate) const INDEX_BYTES: u64 = 4 * 1024 * 1024;
/// Bytes of everything that is read of one repository.
const TOTAL_BYTES: u64 = 32 * 1024 * 1024;
/// Skills of a pack.
const SKILLS: usize = 2_000;
/// Directories above a SKILL.md.
const DEPTH: usize = 12;
/// Warnings that are kept.
const WARNINGS: usize = 50;
/// Characters of a warning.
const WARNING: usize = 300;

/// What was found in a repository.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Discovery {
    pub skills: Vec<Found>,
    /// Addresses of skills that are there and could not be read.
    pub unread: Vec<String>,
    pub warnings: Warnings,
}

/// Up to 50 warnings, and how many more there were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Warnings {
    kept: Vec<String>,
    total: usize,
}

impl Warnings {
    pub(crate) fn add(&mut self, text: impl AsRef<str>) {
        self.total += 1;
        if self.kept.len() < WARNINGS {
            self.kept.push(quote::line(text.as_ref(), WARNING));
        }
    }

    pub(crate) fn into_texts(mut self) -> Vec<String> {
        if self.total > WARNINGS {
            self.kept.truncate(WARNINGS - 1);
            let more = self.total - self.kept.len();
            self.kept.push(format!("{more} more warnings"));
        }
        self.kept
    }
}

/// The list at the root of the repository, if there is one that can be read.
pub(crate) fn list<'a>(blobs: &'a [Blob], warnings: &mut Warnings) -> Option<&'a Blob> {
    let list = blobs.iter().find(|blob| blob.path == index::FILE)?;
    if list.size > INDEX_BYTES {
        warnings.add(format!(
            "{} is larger than {INDEX_BYTES} bytes; looking for SKILL.md files instead",
            index::FILE
        ));
        return None;
    }
    Some(list)
}

/// What the list says; `None` when it is broken.
pub(crate) fn from_list(
    place: Place<'_>,
    bytes: &[u8],
    mut warnings: Warnings,
) -> Result<Discovery, Warnings> {
    let Some(entries) = index::entries(bytes) else {
        warnings.add(format!(
            "{} is not a list of skills; looking for SKILL.md files instead",
            index::FILE
        ));
        return Err(warnings);
    };
    let mut skills = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        match index::read(place, entry) {
            Ok(found) => skills.push(found),
            Err(why) => {
                let name = entry
                    .get("name")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                warnings.add(format!("entry {} `{name}` is passed over: {why}", at + 1));
            }
        }
    }
    Ok(limited(skills, Vec::new(), warnings))
}

/// The SKILL.md files that are to be read.
pub(crate) fn files<'a>(
    place: Place<'_>,
    blobs: &'a [Blob],
    warnings: &mut Warnings,
) -> (Vec<&'a Blob>, Vec<String>) {
    let (mut wanted, mut unread, mut bytes) = (Vec::new(), Vec::new(), 0);
    for blob in blobs.iter().filter(|blob| is_skill(&blob.path)) {
        let why = if blob.path.matches('/').count() > DEPTH {
            format!("lies deeper than {DEPTH} directories")
        } else if blob.size > SKILL_BYTES {
            format!("is larger than {SKILL_BYTES} bytes")
        } else if wanted.len() == SKILLS || bytes + blob.size > TOTAL_BYTES {
            format!("is one too many: {SKILLS} skills and {TOTAL_BYTES} bytes are read")
        } else {
            bytes += blob.size;
            wanted.push(blob);
            continue;
        };
        warnings.add(format!("{} is passed over: it {why}", blob.path));
        unread.push(address::tree(
            place.repository,
            place.branch,
            parent(&blob.path),
        ));
    }
    (wanted, unread)
}

/// What the files say, each with its content.
pub(crate) fn from_files(
    place: Place<'_>,
    files: &[(&Blob, Vec<u8>)],
    unread: Vec<String>,
    mut warnings: Warnings,
) -> Discovery {
    let mut skills = Vec::new();
    for (blob, bytes) in files {
        let Ok(text) = std::str::from_utf8(bytes) else {
            warnings.add(format!("{} is not UTF-8; its name stands in", blob.path));
            skills.push(described(place, &blob.path, ""));
            continue;
        };
        skills.push(described(place, &blob.path, text));
    }
    limited(skills, unread, warnings)
}

fn described(place: Place<'_>, path: &str, text: &str) -> Found {
    let (directory, read) = (parent(path), front_matter::read(text));
    let source_url = address::tree(place.repository, place.branch, directory);
    let name = read.name.map(|name| quote::line(&name, NAME));
    let folder = || match directory.rsplit('/').next() {
        Some(folder) if !folder.is_empty() => quote::line(folder, NAME),
        _ => address::name(place.repository),
    };
    Found {
        name: name.filter(|name| !name.is_empty()).unwrap_or_else(folder),
        description: index::description(read.description.as_deref()),
        category: None,
        risk: None,
        source: directory.to_owned(),
        source_url,
        metadata: json!({
            "discovery_mode": "skills_md", "pack_branch": place.branch, "skill_dir": directory,
        }),
    }
}

fn is_skill(path: &str) -> bool {
    let hidden = parent(path)
        .split('/')
        .any(|segment| segment.starts_with('.'));
    path.rsplit('/').next() == Some("SKILL.md") && !hidden && !path.contains(char::is_control)
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// Each address once, and not more than a pack may have.
fn limited(skills: Vec<Found>, unread: Vec<String>, mut warnings: Warnings) -> Discovery {
    let mut kept: Vec<Found> = Vec::new();
    let (mut seen, mut over) = (HashSet::new(), BTreeMap::<String, usize>::new());
    for found in skills {
        if found.source_url.len() > address::MAX {
            warnings.add(format!(
                "`{}` is passed over: its address is too long",
                found.name
            ));
        } else if !seen.insert(found.source_url.clone()) {
            *over.entry(found.source_url).or_default() += 1;
        } else if kept.len() < SKILLS {
            kept.push(found);
        } else {
            warnings.add(format!(
                "`{}` is passed over: a pack has at most {SKILLS} skills",
                found.name
            ));
        }
    }
    for (url, times) in over {
        warnings.add(format!(
            "{url} stands there {} times; the first counts",
            times + 1
        ));
    }
    Discovery {
        skills: kept,
        unread,
        warnings,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skill::address::Hosts;

    const HOSTS: &Hosts = &Hosts {
        secure: Vec::new(),
        insecure: Vec::new(),
    };
    const PLACE: Place<'_> = Place {
        repository: "https://github.com/o/my-pack",
        branch: "dev",
        hosts: HOSTS,
    };

    fn blob(path: &str, size: u64) -> Blob {
        Blob {
            path: path.into(),
            size,
            id: "0".repeat(40),
        }
    }

    #[test]
    fn every_skill_file_outside_of_hidden_directories_is_read() {
        let blobs = [
            blob("SKILL.md", 9),
            blob("a/SKILL.md", 9),
            blob("a/skill.md", 9),
            blob("a/xSKILL.md", 9),
            blob(".git/SKILL.md", 9),
            blob("a/.b/c/SKILL.md", 9),
            blob("big/SKILL.md", SKILL_BYTES + 1),
            blob(&format!("{}SKILL.md", "d/".repeat(13)), 9),
        ];
        let mut warnings = Warnings::default();
        let (files, unread) = files(PLACE, &blobs, &mut warnings);
        let paths: Vec<&str> = files.iter().map(|blob| blob.path.as_str()).collect();
        assert_eq!(paths, ["SKILL.md", "a/SKILL.md"]);
        assert_eq!(unread[0], "https://github.com/o/my-pack/tree/dev/big");
        let texts = warnings.into_texts();
        assert!(
            texts[0].starts_with("big/SKILL.md is passed over: it is larger"),
            "{texts:?}"
        );
        assert!(texts[1].contains("deeper than 12"), "{texts:?}");
    }

    #[test]
    fn a_skill_is_called_as_its_file_says_or_as_its_folder() {
        let (root, named, odd) = (
            blob("SKILL.md", 1),
            blob("a/b/SKILL.md", 1),
            blob("c/SKILL.md", 1),
        );
        let files = [
            (&root, b"plain".to_vec()),
            (&named, b"---\nname: B\n---\n".to_vec()),
            (&odd, b"\xff".to_vec()),
        ];
        let discovery = from_files(PLACE, &files, Vec::new(), Warnings::default());
        let names: Vec<&str> = discovery
            .skills
            .iter()
            .map(|found| found.name.as_str())
            .collect();
        assert_eq!(names, ["my pack", "B", "c"]);
        let expected = Found {
            name: "B".into(),
            description: None,
            category: None,
            risk: None,
            source: "a/b".into(),
            source_url: "https://github.com/o/my-pack/tree/dev/a/b".into(),
            metadata: json!({"discovery_mode": "skills_md", "pack_branch": "dev", "skill_dir": "a/b"}),
        };
        assert_eq!(discovery.skills[1], expected);
        assert_eq!(
            discovery.warnings.into_texts(),
            ["c/SKILL.md is not UTF-8; its name stands in"]
        );
    }

    #[test]
    fn a_list_is_bounded_and_has_each_address_once() {
        let entries: Vec<Value> = (0..SKILLS + 60)
            .map(|n| json!({"path": format!("s{n}")}))
            .chain([json!({"path": "s1"}), json!({"name": "lost"})])
            .collect();
        let bytes = serde_json::to_vec(&entries).unwrap();
        let discovery = from_list(PLACE, &bytes, Warnings::default()).unwrap();
        assert_eq!(discovery.skills.len(), SKILLS);
        let texts = discovery.warnings.into_texts();
        assert_eq!(texts.len(), 50);
        assert!(
            texts[0].contains("`lost` is passed over: it has neither"),
            "{texts:?}"
        );
        assert_eq!(texts[49], "13 more warnings");
    }

    #[test]
    fn a_broken_list_is_said_to_be_one() {
        let warnings = from_list(PLACE, b"{", Warnings::default()).unwrap_err();
        assert!(warnings.into_texts()[0].contains("is not a list of skills"));
        let mut warnings = Warnings::default();
        assert_eq!(
            list(&[blob(index::FILE, INDEX_BYTES + 1)], &mut warnings),
            None
        );
        assert_eq!(list(&[blob("a/skills_index.json", 1)], &mut warnings), None);
        assert_eq!(warnings.into_texts().len(), 1);
    }
}
