//! Where a gateway is and what opens it.

use std::fmt;

use chassis::{Fault, decode};
use proto::gateway::v1 as wire;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// A gateway as a caller names it.
#[derive(Clone)]
pub(crate) struct Target {
    pub gateway_id: String,
    /// `ws` or `wss`, without credentials and without a token.
    pub url: Url,
    pub token: Option<SecretString>,
    pub allow_insecure_tls: bool,
    pub disable_device_pairing: bool,
}

impl Target {
    pub(crate) fn decode(target: Option<wire::Target>) -> Result<Self, Fault> {
        let target = target.ok_or_else(|| Fault::invalid("target", "REQUIRED", "is required"))?;
        let token = decode::optional_text("target.token", target.token.as_deref(), 4096)?;
        Ok(Self {
            gateway_id: decode::text("target.gateway_id", &target.gateway_id, 1, 200)?,
            url: address(&decode::text("target.url", &target.url, 1, 2000)?)?,
            token: token.map(SecretString::from),
            allow_insecure_tls: target.allow_insecure_tls,
            disable_device_pairing: target.disable_device_pairing,
        })
    }

    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_ref().map(ExposeSecret::expose_secret)
    }
}

impl PartialEq for Target {
    fn eq(&self, other: &Self) -> bool {
        self.gateway_id == other.gateway_id
            && self.url == other.url
            && self.token() == other.token()
            && self.allow_insecure_tls == other.allow_insecure_tls
            && self.disable_device_pairing == other.disable_device_pairing
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Target({}, {})",
            self.gateway_id,
            self.url.host_str().unwrap_or_default()
        )
    }
}

/// Reads an address. `http` and `https` stand for their WebSocket twins; a token in the query is dropped, because gateways
/// ignore it there and logs do not.
pub(crate) fn address(text: &str) -> Result<Url, Fault> {
    let wrong = |message: &str| Fault::invalid("target.url", "NOT_A_GATEWAY_URL", message);
    let mut url = Url::parse(text).map_err(|_| wrong("must be an absolute ws:// or wss:// URL"))?;
    let scheme = match url.scheme() {
        "ws" | "http" => "ws",
        "wss" | "https" => "wss",
        _ => return Err(wrong("must begin with ws:// or wss://")),
    };
    // Only between special schemes, which these all are.
    url.set_scheme(scheme)
        .map_err(|()| wrong("must begin with ws:// or wss://"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("must not carry credentials"));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(wrong("must name a host"));
    }
    url.set_fragment(None);
    let kept: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| name != "token")
        .map(|(n, v)| (n.into(), v.into()))
        .collect();
    url.set_query(None);
    if !kept.is_empty() {
        url.query_pairs_mut().extend_pairs(kept);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_loses_its_token_and_keeps_the_rest() {
        let read = |text: &str| {
            address(text)
                .map(String::from)
                .map_err(|fault| fault.fields[0].message.clone())
        };
        assert_eq!(
            read("ws://host:1/x?token=t&a=b").unwrap(),
            "ws://host:1/x?a=b"
        );
        assert_eq!(read("https://host/").unwrap(), "wss://host/");
        assert_eq!(
            read("ws://127.0.0.1:18789").unwrap(),
            "ws://127.0.0.1:18789/"
        );
        for wrong in ["", "host:1", "ftp://host", "ws://u:p@host", "ws://"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_target_does_not_print_its_token() {
        let target = Target::decode(Some(wire::Target {
            gateway_id: "g".into(),
            url: "ws://host/?token=s3cret".into(),
            token: Some("s3cret".into()),
            ..Default::default()
        }))
        .unwrap();
        assert_eq!(format!("{target:?}"), "Target(g, host)");
    }
}
