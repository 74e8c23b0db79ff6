//! Gateways: where agents live, and what an address must look like.

use chrono::{DateTime, Utc};
use url::Url;
use uuid::Uuid;

/// A gateway of an organization. Its token is sealed and leaves only towards the connector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gateway {
    pub id: Uuid,
    pub organization_id: Uuid,
    pub name: String,
    pub url: String,
    pub token_sealed: Option<Vec<u8>>,
    pub workspace_root: String,
    pub allow_insecure_tls: bool,
    pub disable_device_pairing: bool,
    /// Since when it goes; it is gone with its last agent.
    pub leaving_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Where the seal of a gateway's token belongs.
pub(crate) fn seal_context(gateway_id: Uuid) -> String {
    format!("gateway/{gateway_id}")
}

/// Characters of an agent's name.
const NAME_LENGTH: usize = 100;
const MAIN_SUFFIX: &str = " Gateway Agent";

/// Name of the main agent of a gateway: the gateway's, cut so that the whole is a lawful agent name.
pub(crate) fn main_agent_name(gateway_name: &str) -> String {
    let head: String = gateway_name
        .chars()
        .take(NAME_LENGTH - MAIN_SUFFIX.len())
        .collect();
    format!("{}{MAIN_SUFFIX}", head.trim_end())
}

/// Why a text is no address of a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadUrl {
    #[error("not a URL")]
    Malformed,
    #[error("must begin with ws:// or wss://")]
    Scheme,
    #[error("names no host")]
    Host,
    #[error("must not carry a user name or a password: give the credential as `token`")]
    Credential,
    #[error("must not carry a fragment")]
    Fragment,
}

/// The address as it is stored. Credentials are refused because an address is shown in clear.
pub(crate) fn url(text: &str) -> Result<String, BadUrl> {
    let url = Url::parse(text).map_err(|error| match error {
        url::ParseError::EmptyHost => BadUrl::Host,
        _ => BadUrl::Malformed,
    })?;
    if !matches!(url.scheme(), "ws" | "wss") {
        return Err(BadUrl::Scheme);
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(BadUrl::Host);
    }
    let query_credential = url
        .query_pairs()
        .any(|(key, _)| matches!(&*key, "token" | "password"));
    if !url.username().is_empty() || url.password().is_some() || query_credential {
        return Err(BadUrl::Credential);
    }
    if url.fragment().is_some() {
        return Err(BadUrl::Fragment);
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_websocket_with_a_host() {
        assert_eq!(
            url("ws://127.0.0.1:18789").as_deref(),
            Ok("ws://127.0.0.1:18789")
        );
        assert_eq!(
            url("wss://gw.example.com/x?y=1").as_deref(),
            Ok("wss://gw.example.com/x?y=1")
        );
        assert_eq!(url("http://gw.example.com"), Err(BadUrl::Scheme));
        assert_eq!(url("ws://"), Err(BadUrl::Host));
        assert_eq!(url("gateway"), Err(BadUrl::Malformed));
        assert_eq!(url("ws://u:p@h:1"), Err(BadUrl::Credential));
        assert_eq!(url("ws://h:1/?token=secret"), Err(BadUrl::Credential));
        assert_eq!(url("ws://h:1/#x"), Err(BadUrl::Fragment));
    }

    #[test]
    fn the_main_agent_is_named_after_its_gateway() {
        assert_eq!(main_agent_name("Lab"), "Lab Gateway Agent");
        let long = main_agent_name(&"ä".repeat(200));
        assert_eq!(long.chars().count(), 100);
        assert!(long.ends_with(" Gateway Agent"));
    }
}
