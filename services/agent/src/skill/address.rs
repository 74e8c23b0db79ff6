//! Addresses of skills and of the repositories that hold them.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use url::Url;

use super::NAME;
use crate::quote;

/// Characters of an address.
pub(crate) const MAX: usize = 2_000;
/// Characters of the name of a branch.
const BRANCH: usize = 200;
/// What stands between a repository and what is in it.
const TREE: &str = "/tree/";
/// What cannot stand in a segment of a path as it is.
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Why a text is not an address that is taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Bad {
    #[error("not a URL")]
    Malformed,
    #[error("must begin with http:// or https://")]
    NotWeb,
    #[error("must begin with https://")]
    NotHttps,
    #[error("must not carry a user name or a password: it is shown in clear")]
    Credential,
    #[error("the host `{0}` is not among those that packs may come from")]
    Host(String),
    #[error("must name an owner and a repository: https://<host>/<owner>/<repository>")]
    NoRepository,
    #[error("at most {MAX} characters")]
    TooLong,
}

/// Hosts of which repositories are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hosts {
    /// Over `https`.
    pub secure: Vec<String>,
    /// Also over `http` and on any port: for trying things out on one machine.
    pub insecure: Vec<String>,
}

impl Hosts {
    /// Whether repositories of a host are read over this scheme and port.
    fn admit(&self, url: &Url) -> Result<(), Bad> {
        let host = url.host_str().unwrap_or_default();
        if self.insecure.iter().any(|known| known == host) {
            return Ok(());
        }
        if url.scheme() != "https" {
            return Err(Bad::NotHttps);
        }
        if self.secure.iter().any(|known| known == host) && url.port().is_none() {
            return Ok(());
        }
        let place: String = url.authority().chars().take(100).collect();
        Err(Bad::Host(place))
    }

    /// Whether skills of packs may lie there.
    pub(crate) fn holds(&self, url: &str) -> bool {
        Url::parse(url).is_ok_and(|url| self.admit(&url).is_ok())
    }

    /// The address of a repository as it is stored: without what may follow its name, and without `.git`.
    pub(crate) fn pack(&self, text: &str) -> Result<String, Bad> {
        let url = web(text)?;
        self.admit(&url)?;
        let plain = url.query().is_none() && url.fragment().is_none();
        let path = trimmed(url.path());
        let is_name = |part: &str| {
            !part.is_empty()
                && !part.starts_with(['.', '-'])
                && part
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        };
        match path.trim_start_matches('/').split_once('/') {
            Some((owner, name)) if plain && is_name(owner) && is_name(name) => Ok(format!(
                "{}://{}/{owner}/{name}",
                url.scheme(),
                url.authority()
            )),
            _ => Err(Bad::NoRepository),
        }
    }
}

/// The address of a skill as it is stored.
pub(crate) fn skill(text: &str) -> Result<String, Bad> {
    let url = web(text)?;
    let kept = if text.is_ascii() {
        text.to_owned()
    } else {
        url.to_string()
    };
    if kept.len() > MAX {
        return Err(Bad::TooLong);
    }
    Ok(kept)
}

fn web(text: &str) -> Result<Url, Bad> {
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(Bad::Malformed);
    }
    let url = Url::parse(text).map_err(|_| Bad::Malformed)?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(Bad::NotWeb);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Bad::Credential);
    }
    Ok(url)
}

/// Whether a text names a branch. What git or a shell could take for something else does not.
pub(crate) fn is_branch(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '/' | '-');
    !text.is_empty()
        && text.len() <= BRANCH
        && text.chars().all(allowed)
        && !text.starts_with(['-', '/', '.'])
        && !text.ends_with(['/', '.'])
        && !text.ends_with(".lock")
        && !["..", "//", "/."].iter().any(|bad| text.contains(bad))
}

/// What a skill and its pack have in common: the address of the repository, in small letters.
pub(crate) fn repository(url: &str) -> String {
    let head = url.split_once(TREE).map_or(url, |(head, _)| head);
    trimmed(head).to_lowercase()
}

/// Without slashes and `.git` at its end.
fn trimmed(text: &str) -> &str {
    let text = text.trim_end_matches('/');
    text.strip_suffix(".git").unwrap_or(text)
}

/// The address of a directory of a branch of a repository.
pub(crate) fn tree(repository: &str, branch: &str, directory: &str) -> String {
    let segments: Vec<String> = directory
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| utf8_percent_encode(segment, SEGMENT).to_string())
        .collect();
    let head = format!("{repository}{TREE}{branch}");
    if segments.is_empty() {
        head
    } else {
        format!("{head}/{}", segments.join("/"))
    }
}

/// The last word of an address, as a directory of the thing would be called.
pub(crate) fn last_segment(url: &str) -> String {
    let path = Url::parse(url).map_or_else(|_| url.to_owned(), |url| url.path().to_owned());
    let path = trimmed(&path);
    let last = path.rsplit('/').next().unwrap_or_default();
    percent_decode_str(last).decode_utf8_lossy().into_owned()
}

/// A name for what an address leads to, where nobody gave one.
pub(crate) fn name(url: &str) -> String {
    let spaced = last_segment(url).replace(['-', '_'], " ");
    let name = quote::line(&spaced, NAME);
    if name.is_empty() {
        let host = Url::parse(url).ok();
        let host = host.as_ref().and_then(|url| url.host_str());
        return quote::line(host.unwrap_or("skill"), NAME);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> Hosts {
        Hosts {
            secure: vec!["github.com".into()],
            insecure: vec!["127.0.0.1".into()],
        }
    }

    #[test]
    fn a_pack_is_an_owner_and_a_repository_on_a_host_that_is_allowed() {
        let pack = |text: &str| hosts().pack(text);
        for text in [
            "https://github.com/org/skills",
            "https://github.com/org/skills/",
            "https://GitHub.com/org/skills.git",
            "https://github.com/org/skills.git/",
            "https://github.com:443/org/skills",
        ] {
            assert_eq!(
                pack(text).as_deref(),
                Ok("https://github.com/org/skills"),
                "{text}"
            );
        }
        assert_eq!(
            pack("http://127.0.0.1:8418/org/skills.git").as_deref(),
            Ok("http://127.0.0.1:8418/org/skills")
        );
        let host = |host: &str| Err(Bad::Host(host.into()));
        assert_eq!(pack("http://github.com/org/skills"), Err(Bad::NotHttps));
        assert_eq!(pack("https://evil.com/o/r"), host("evil.com"));
        assert_eq!(
            pack("https://github.com.evil.com/o/r"),
            host("github.com.evil.com")
        );
        assert_eq!(pack("https://github.com:8443/o/r"), host("github.com:8443"));
        assert_eq!(pack("https://u:p@github.com/o/r"), Err(Bad::Credential));
        for text in [
            "git@github.com:o/r",
            "",
            "github.com/o/r",
            "https://a b/o/r",
        ] {
            assert_eq!(pack(text), Err(Bad::Malformed), "{text}");
        }
        assert_eq!(pack("ssh://github.com/o/r"), Err(Bad::NotWeb));
        assert_eq!(pack("file:///etc/passwd"), Err(Bad::NotWeb));
        for text in [
            "https://github.com",
            "https://github.com/org",
            "https://github.com/org/",
            "https://github.com/org/repo/tree/main",
            "https://github.com/org/repo?x=1",
            "https://github.com/org/repo#x",
            "https://github.com/org/--upload-pack=x",
            "https://github.com/org/a%20b",
            "https://github.com/org/..",
        ] {
            assert_eq!(pack(text), Err(Bad::NoRepository), "{text}");
        }
    }

    #[test]
    fn a_branch_is_a_name_and_nothing_else() {
        for good in ["main", "feature/x-1", "v1.2", "a_b"] {
            assert!(is_branch(good), "{good}");
        }
        let long = "x".repeat(201);
        for bad in [
            "",
            "-x",
            "--upload-pack=x",
            "a..b",
            "a b",
            "a;b",
            "../x",
            "/x",
            "x/",
            "a//b",
            "x.lock",
            "a/.b",
            "ma\u{ef}n",
            "a\nb",
            "$(x)",
            ".x",
            &long,
        ] {
            assert!(!is_branch(bad), "{bad}");
        }
    }

    #[test]
    fn a_repository_is_known_by_the_whole_of_its_name() {
        let skills = "https://github.com/org/skills";
        assert_eq!(repository(skills), skills);
        assert_eq!(
            repository("https://github.com/Org/Skills/tree/main/a/b"),
            skills
        );
        assert_eq!(repository("https://github.com/org/skills.git/"), skills);
        assert_ne!(
            repository("https://github.com/org/skills-extra/tree/main/a"),
            skills
        );
    }

    #[test]
    fn a_directory_has_an_address() {
        let tree = |directory| tree("https://h/o/r", "main", directory);
        assert_eq!(tree(""), "https://h/o/r/tree/main");
        assert_eq!(
            tree("a b/c#d?/100%"),
            "https://h/o/r/tree/main/a%20b/c%23d%3F/100%25"
        );
        assert_eq!(last_segment(&tree("skills/a b")), "a b");
    }

    #[test]
    fn a_name_comes_from_the_last_word() {
        assert_eq!(
            name("https://github.com/o/my-nice_skill.git"),
            "my nice skill"
        );
        assert_eq!(name("https://h/o/r/tree/main/pdf-tools/"), "pdf tools");
        assert_eq!(name("https://example.com/"), "example.com");
        assert_eq!(name("https://h/a%0Ab"), "a b");
    }

    #[test]
    fn a_skill_may_lie_anywhere_on_the_web() {
        assert_eq!(skill("http://h/x").as_deref(), Ok("http://h/x"));
        assert_eq!(skill("https://h/\u{e4}").as_deref(), Ok("https://h/%C3%A4"));
        for (text, bad) in [
            ("ftp://h/x", Bad::NotWeb),
            ("javascript:alert(1)", Bad::NotWeb),
            ("/etc/passwd", Bad::Malformed),
            ("https://u@h/x", Bad::Credential),
            ("https://h/a\nb", Bad::Malformed),
        ] {
            assert_eq!(skill(text), Err(bad), "{text}");
        }
        let long = format!("https://h/{}", "\u{e4}".repeat(400));
        assert_eq!(skill(&long), Err(Bad::TooLong));
    }
}
