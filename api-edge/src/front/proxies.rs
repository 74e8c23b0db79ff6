//! Who the client is when reverse proxies stand before us.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, header};
use ipnet::IpNet;

use crate::config::Networks;

const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// The proxies that are believed.
pub(super) struct Proxies(Vec<IpNet>);

impl Proxies {
    pub(super) fn new(networks: Networks) -> Self {
        Self(networks.0)
    }

    /// The address that the nearest trusted proxies vouch for. The chain is walked from the right, past trusted hops only: what
    /// stands further left is the sender's own claim. When `Forwarded` and `X-Forwarded-For` disagree, one of them was not
    /// written by the proxy, and the proxy itself is the client.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.trusts(peer) {
            return peer;
        }
        let forwarded = chain(headers, header::FORWARDED.as_str(), forwarded_for);
        let x_forwarded = chain(headers, X_FORWARDED_FOR, |hop| address(hop.trim()));
        match (forwarded.is_empty(), x_forwarded.is_empty()) {
            (true, _) => self.walk(peer, &x_forwarded),
            (false, true) => self.walk(peer, &forwarded),
            (false, false) => {
                let (one, other) = (self.walk(peer, &forwarded), self.walk(peer, &x_forwarded));
                if one == other { one } else { peer }
            }
        }
    }

    fn walk(&self, peer: IpAddr, chain: &[Option<IpAddr>]) -> IpAddr {
        let mut client = peer;
        for hop in chain.iter().rev() {
            let Some(hop) = hop else { break };
            client = hop.to_canonical();
            if !self.trusts(client) {
                break;
            }
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// Every hop of a header, left to right; `None` where it names no address.
fn chain(
    headers: &HeaderMap,
    name: &str,
    hop: impl Fn(&str) -> Option<IpAddr>,
) -> Vec<Option<IpAddr>> {
    headers
        .get_all(name)
        .iter()
        .flat_map(|value| {
            value
                .to_str()
                .unwrap_or("unreadable")
                .split(',')
                .map(&hop)
                .collect::<Vec<_>>()
        })
        .collect()
}

/// `for=192.0.2.60;proto=http`, `For="[2001:db8::1]:4711"`.
fn forwarded_for(hop: &str) -> Option<IpAddr> {
    hop.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("for")
            .then(|| address(value.trim().trim_matches('"')))?
    })
}

fn address(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    bare.parse()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &str, peer: &str, headers: &[(&'static str, &'static str)]) -> String {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let proxies = Proxies::new(trusted.parse().unwrap());
        proxies
            .client(peer.parse().unwrap(), &headers.collect())
            .to_string()
    }

    #[test]
    fn the_chain_is_walked_from_the_right_past_trusted_hops_only() {
        let forged = ("x-forwarded-for", "1.1.1.1, 203.0.113.9, 10.0.0.2");
        assert_eq!(client("", "10.0.0.1", &[forged]), "10.0.0.1");
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &[forged]), "203.0.113.9");
        assert_eq!(
            client("10.0.0.0/8", "203.0.113.9", &[forged]),
            "203.0.113.9"
        );
        assert_eq!(
            client(
                "10.0.0.0/8",
                "10.0.0.1",
                &[("x-forwarded-for", "junk, 10.0.0.2")]
            ),
            "10.0.0.2"
        );
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn both_spellings_are_read_and_must_agree() {
        let forwarded = (
            "forwarded",
            "for=1.1.1.1, For=\"[2001:db8::1]:4711\";proto=https",
        );
        assert_eq!(
            client("10.0.0.0/8", "10.0.0.1", &[forwarded]),
            "2001:db8::1"
        );
        let other = ("x-forwarded-for", "203.0.113.9");
        assert_eq!(
            client("10.0.0.0/8", "10.0.0.1", &[forwarded, other]),
            "10.0.0.1"
        );
    }
}
