//! Addresses that a component may be sent to by its users, and those that only its operator may name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use url::{Host, Url};

/// Why a URL leads nowhere that may be called.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    #[error("the URL names no host")]
    NoHost,
    #[error("the host name cannot be resolved")]
    Unresolved(#[source] std::io::Error),
    #[error("the host has a private address")]
    Private,
}

/// Finds the addresses behind a URL. Unless private ones are allowed every address must be public: a name that has both is a
/// way around the check. Whoever connects uses these addresses and does not resolve again.
pub async fn resolve(url: &Url, allow_private: bool) -> Result<Vec<SocketAddr>, Unusable> {
    let port = url.port_or_known_default().ok_or(Unusable::NoHost)?;
    match url.host().ok_or(Unusable::NoHost)? {
        Host::Ipv4(ip) => judge(vec![SocketAddr::from((ip, port))], allow_private),
        Host::Ipv6(ip) => judge(vec![SocketAddr::from((ip, port))], allow_private),
        Host::Domain(name) => lookup(name, port, allow_private).await,
    }
}

/// The same for a name.
pub async fn lookup(
    name: &str,
    port: u16,
    allow_private: bool,
) -> Result<Vec<SocketAddr>, Unusable> {
    let found = tokio::net::lookup_host((name, port))
        .await
        .map_err(Unusable::Unresolved)?;
    judge(found.collect(), allow_private)
}

fn judge(found: Vec<SocketAddr>, allow_private: bool) -> Result<Vec<SocketAddr>, Unusable> {
    if found.is_empty() {
        let empty = std::io::Error::new(std::io::ErrorKind::NotFound, "no address");
        return Err(Unusable::Unresolved(empty));
    }
    if allow_private || found.iter().all(|address| is_public(address.ip())) {
        Ok(found)
    } else {
        Err(Unusable::Private)
    }
}

/// Whether an address is reachable over the public internet, after the special-purpose registries of IANA.
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !(ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_broadcast()
        || ip.is_documentation()
        || ip.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19)))
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let segments = ip.segments();
    // Global unicast is 2000::/3; an IPv4 address inside is judged as such.
    if let Some(inner) = ip.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    if segments[0] == 0x2002 {
        let [a, b] = segments[1].to_be_bytes();
        let [c, d] = segments[2].to_be_bytes();
        return is_public_v4(Ipv4Addr::new(a, b, c, d));
    }
    if segments[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        let [a, b] = segments[6].to_be_bytes();
        let [c, d] = segments[7].to_be_bytes();
        return is_public_v4(Ipv4Addr::new(a, b, c, d));
    }
    let special = segments[0] == 0x2001 && (segments[1] < 0x200 || segments[1] == 0xdb8);
    (segments[0] & 0xe000) == 0x2000 && !special && segments[0] != 0x3fff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_purpose_addresses_are_not_public() {
        for text in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "192.0.2.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "::127.0.0.1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        for text in [
            "8.8.8.8",
            "1.1.1.1",
            "2606:4700::1111",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
        ] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[tokio::test]
    async fn a_private_literal_is_refused_unless_allowed() {
        for text in [
            "http://127.0.0.1:80/",
            "http://[::1]/",
            "http://2130706433/",
            "http://0x7f.1/",
        ] {
            let url = Url::parse(text).unwrap();
            assert!(
                matches!(resolve(&url, false).await, Err(Unusable::Private)),
                "{text}"
            );
            assert!(resolve(&url, true).await.is_ok(), "{text}");
        }
    }
}
