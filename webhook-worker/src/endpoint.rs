//! A receiver of events, and which URLs may be one.

use std::net::IpAddr;

use chassis::{Fault, address, decode};
use chrono::{DateTime, Utc};
use url::{Host, Url};
use uuid::Uuid;

/// Longest URL, in characters.
const URL_MAX: usize = 2_000;

/// A receiver of events.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Endpoint {
    pub id: Uuid,
    pub organization_id: Uuid,
    /// Only events of this board; absent stands for the whole organization.
    pub board_id: Option<Uuid>,
    pub url: String,
    pub description: Option<String>,
    /// 1 to 50 patterns.
    pub event_types: Vec<String>,
    pub enabled: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What an update makes of an endpoint. What is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Edit {
    pub url: Option<String>,
    pub description: Option<Option<String>>,
    pub event_types: Option<Vec<String>>,
    pub enabled: Option<bool>,
}

impl Endpoint {
    /// The endpoint after an update.
    pub(crate) fn edited(&self, edit: Edit, now: DateTime<Utc>) -> Self {
        let before = self.clone();
        Self {
            url: edit.url.unwrap_or(before.url),
            description: edit.description.unwrap_or(before.description),
            event_types: edit.event_types.unwrap_or(before.event_types),
            enabled: edit.enabled.unwrap_or(before.enabled),
            updated_at: now,
            ..before
        }
    }

    /// Whether an update is reason to hope: what waits for its next attempt need not wait any longer.
    pub(crate) fn is_back(&self, before: &Self) -> bool {
        self.enabled && (!before.enabled || self.url != before.url)
    }
}

/// Judges a URL as far as that can be done without asking anybody: names are resolved, and judged, on every connection.
pub(crate) fn url(text: &str, allow_private: bool) -> Result<String, Fault> {
    let text = decode::text("url", text, 1, URL_MAX)?;
    let malformed = || Fault::invalid("url", "MALFORMED", "not an absolute URL");
    // The parser would leave tabs and line breaks out.
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(malformed());
    }
    let url = Url::parse(&text).map_err(|_| malformed())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(not_allowed("only http and https are called"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(not_allowed("a URL with credentials is not called"));
    }
    if !allow_private && literal(&url).is_some_and(|ip| !address::is_public(ip)) {
        return Err(not_allowed("a private address is not called"));
    }
    Ok(text)
}

/// The address of a URL whose host is one.
pub(crate) fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(ip) => Some(ip.into()),
        Host::Ipv6(ip) => Some(ip.into()),
        Host::Domain(_) => None,
    }
}

fn not_allowed(why: &str) -> Fault {
    Fault::rejected("URL_NOT_ALLOWED", "url", why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str, allow_private: bool) -> Option<String> {
        let fault = url(text, allow_private).err()?;
        Some(fault.fields[0].reason.clone())
    }

    #[test]
    fn hope_is_another_url_or_being_enabled_again() {
        let before = Endpoint {
            id: Uuid::from_u128(1),
            organization_id: Uuid::from_u128(2),
            board_id: None,
            url: "http://a".into(),
            description: None,
            event_types: vec!["*".into()],
            enabled: true,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
        };
        let after = |url: Option<&str>, enabled: Option<bool>| {
            let edit = Edit {
                url: url.map(str::to_owned),
                enabled,
                ..Edit::default()
            };
            before.edited(edit, DateTime::UNIX_EPOCH)
        };
        assert_eq!(after(None, None), before);
        assert!(!after(Some("http://a"), Some(true)).is_back(&before));
        assert!(after(Some("http://b"), None).is_back(&before));
        assert!(!after(Some("http://b"), Some(false)).is_back(&before));
        let disabled = after(None, Some(false));
        assert!(before.is_back(&disabled));
        assert!(!disabled.is_back(&disabled));
    }

    #[test]
    fn a_url_is_kept_as_it_was_given() {
        let text = "https://Example.com:8443/hook?a=b";
        assert_eq!(url(&format!(" {text} "), false).unwrap(), text);
        assert_eq!(reason("http://localhost/", false), None);
        assert_eq!(reason("http://8.8.8.8/", false), None);
    }

    #[test]
    fn what_is_not_called_is_refused() {
        for text in [
            "ftp://example.com/",
            "file:///etc/passwd",
            "https://user@example.com/",
            "https://:password@example.com/",
            "http://127.0.0.1/",
            "http://0x7f.1/",
            "http://2130706433/",
            "http://[::1]/",
            "http://[::ffff:10.0.0.1]/",
            "http://169.254.169.254/latest",
        ] {
            assert_eq!(
                reason(text, false).as_deref(),
                Some("URL_NOT_ALLOWED"),
                "{text}"
            );
        }
        assert_eq!(reason("http://127.0.0.1:1/", true), None);
        let credentials = reason("http://a:b@127.0.0.1/", true);
        assert_eq!(credentials.as_deref(), Some("URL_NOT_ALLOWED"));
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for text in [
            "example.com",
            "/hook",
            "http://",
            "http:// a",
            "ht\ntp://example.com",
            "http://a/\u{7}",
        ] {
            assert_eq!(reason(text, true).as_deref(), Some("MALFORMED"), "{text:?}");
        }
        assert_eq!(reason(" ", true).as_deref(), Some("BLANK"));
        assert_eq!(reason("http://a/\0", true).as_deref(), Some("NUL_BYTE"));
        let long = format!("http://a/{}", "x".repeat(2_000));
        assert_eq!(reason(&long, true).as_deref(), Some("TOO_LONG"));
    }
}
