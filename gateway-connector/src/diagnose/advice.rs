//! What to do about what was seen between us and the gateway's own words.

use rustls::CertificateError;
use tokio_tungstenite::tungstenite::{self, http::StatusCode};
use url::Url;

use super::report::Fault;

pub(super) const URL: &str =
    "Give the gateway a URL such as ws://host:18789, or wss://host where TLS is in use.";
pub(super) const POLICY: &str = "Give the gateway a public address, or, where gateways in private networks are meant \
     to be called, start Mission Control with MC_GATEWAY_ALLOW_PRIVATE_ADDRESSES=true.";
pub(super) const AGAIN: &str =
    "Try again in a moment. If it stays, on the gateway's machine: openclaw gateway status";

pub(super) fn dns(host: &str) -> String {
    format!(
        "Correct the host in the gateway's URL, or make the name known to Mission Control's machine: getent hosts {host}"
    )
}

pub(super) fn refused(port: u16) -> Fault {
    Fault::new(
        "tcp",
        format!("Nothing listens on port {port}"),
        "On the gateway's machine: openclaw gateway status, and openclaw gateway start if it does not run. If it does and \
         Mission Control is on another machine, let it listen beyond loopback: openclaw config set gateway.bind lan"
            .to_owned(),
    )
}

pub(super) fn unanswered(port: u16) -> Fault {
    Fault::new(
        "tcp",
        format!("Port {port} does not answer"),
        format!(
            "Let connections to port {port} through on every firewall between Mission Control and the gateway."
        ),
    )
}

pub(super) fn no_tls() -> Fault {
    Fault::new(
        "tls",
        "The other side does not speak TLS".to_owned(),
        "Begin the gateway's URL with ws://, or on the gateway's machine: openclaw config set gateway.tls.enabled true"
            .to_owned(),
    )
}

/// It speaks TLS, but not with us.
fn other_tls() -> Fault {
    Fault::new(
        "tls",
        "The other side speaks TLS and refuses ours".to_owned(),
        "Let the gateway, or the proxy before it, offer TLS 1.2 or 1.3 under the host name of the URL, without asking \
         Mission Control for a certificate."
            .to_owned(),
    )
}

pub(super) fn tls(error: &std::io::Error) -> Fault {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let why = match inner {
        Some(rustls::Error::InvalidCertificate(why)) => why,
        Some(rustls::Error::AlertReceived(_) | rustls::Error::PeerIncompatible(_)) => {
            return other_tls();
        }
        Some(_) | None => return no_tls(),
    };
    const INSECURE: &str = "switch allow_insecure_tls on for this gateway";
    let (seen, fix) = match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => (
            "has expired",
            "Renew the certificate of the gateway, or of the proxy before it.".to_owned(),
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
            "is not valid yet",
            "Set the clocks of both machines right.".to_owned(),
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
            "is for another host name",
            format!("Use a name in the URL that the certificate has, or {INSECURE}."),
        ),
        CertificateError::Revoked => (
            "is revoked",
            "Get a new certificate for the gateway.".to_owned(),
        ),
        _ => (
            "is signed by nobody whom this machine trusts",
            format!(
                "If the gateway signs its own (gateway.tls.autoGenerate), {INSECURE}; else add its authority to the \
                 certificates of Mission Control's machine."
            ),
        ),
    };
    Fault::new("tls", format!("The certificate {seen}"), fix)
}

pub(super) fn silent(url: &Url) -> Fault {
    let fix = if url.scheme() == "ws" {
        "If the gateway has TLS on (gateway.tls.enabled), begin the URL with wss://; else check that the port is the \
         gateway's: openclaw config get gateway.port"
    } else {
        "Check that the port is the gateway's: openclaw config get gateway.port"
    };
    Fault::new(
        "origin",
        "The other side does not answer as a WebSocket".to_owned(),
        fix.to_owned(),
    )
}

pub(super) fn upgrade(error: &tungstenite::Error, url: &Url) -> Fault {
    let tungstenite::Error::Http(response) = error else {
        return silent(url);
    };
    let status = response.status();
    let body = response.body().as_deref().unwrap_or_default();
    let attribution = String::from_utf8_lossy(body).contains("proxy_attribution_required");
    let fix = match status {
        _ if attribution => {
            "The gateway does not trust the proxy before it. On the gateway's machine: openclaw config set \
             gateway.trustedProxies '[\"<address of the proxy>\"]'"
        }
        _ if status.is_redirection() => {
            "The other side sends to another address, which is not followed. Give the gateway's URL as that one; where it \
             begins with https://, as wss://."
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            "A proxy before the gateway wants a sign-in of its own, or the gateway refuses where we come from: let Mission \
             Control through on the proxy, or name the proxy in gateway.trustedProxies of the gateway."
        }
        StatusCode::TOO_MANY_REQUESTS => {
            "Too many failed attempts came from this address: wait five minutes and try again."
        }
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            "The proxy runs, the gateway behind it does not. On the gateway's machine: openclaw gateway status"
        }
        _ => {
            "Something other than a gateway answers there: check host, port and path of the URL, and that a proxy passes \
             upgrades to WebSocket on (openclaw config get gateway.port)."
        }
    };
    Fault::new(
        "origin",
        format!("HTTP {} in place of a WebSocket", status.as_u16()),
        fix.to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use std::io;

    use rustls::{AlertDescription, Error, InvalidMessage, PeerIncompatible};

    use super::*;

    #[test]
    fn only_who_speaks_no_tls_is_to_be_called_without() {
        let seen = |error: Error| tls(&io::Error::other(error)).seen().to_owned();
        let refused = seen(Error::AlertReceived(AlertDescription::HandshakeFailure));
        assert!(refused.contains("refuses ours"), "{refused}");
        let old = PeerIncompatible::ServerDoesNotSupportTls12Or13;
        assert_eq!(seen(Error::PeerIncompatible(old)), refused);
        let plain = seen(Error::InvalidMessage(InvalidMessage::InvalidContentType));
        assert!(plain.contains("does not speak TLS"), "{plain}");
        let gone = tls(&io::ErrorKind::UnexpectedEof.into());
        assert_eq!(gone.seen(), plain);
    }
}
