//! Which addresses of gateways this installation calls.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    str::FromStr,
};

use chassis::address::{self, Unusable};
use url::Url;

use crate::error::Error;

/// Whether gateways may have loopback, private and link-local addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrivateAddresses {
    /// Whatever is right for the way in which the process runs. Nobody has decided: refused.
    Auto,
    Allowed,
    Refused,
}

/// Text that is none of the three.
#[derive(Debug, thiserror::Error)]
#[error("must be auto, true or false")]
pub struct NotAChoice;

impl FromStr for PrivateAddresses {
    type Err = NotAChoice;

    fn from_str(text: &str) -> Result<Self, NotAChoice> {
        match text {
            "auto" => Ok(Self::Auto),
            "true" => Ok(Self::Allowed),
            "false" => Ok(Self::Refused),
            _ => Err(NotAChoice),
        }
    }
}

impl fmt::Display for PrivateAddresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Allowed => "true",
            Self::Refused => "false",
        })
    }
}

impl PrivateAddresses {
    /// What takes the place of [`PrivateAddresses::Auto`].
    #[must_use]
    pub fn or(self, allowed: bool) -> Self {
        match self {
            Self::Auto if allowed => Self::Allowed,
            Self::Auto => Self::Refused,
            decided => decided,
        }
    }

    pub(crate) fn allows(self) -> bool {
        self == Self::Allowed
    }
}

/// Finds the addresses behind a URL and judges every one of them: a name that has both a lawful and an unlawful one is a way
/// around the check. Whoever connects uses these addresses and does not resolve again.
pub(crate) async fn resolve(url: &Url, allow_private: bool) -> Result<Vec<SocketAddr>, Error> {
    let found = address::resolve(url, true)
        .await
        .map_err(|unusable| match unusable {
            Unusable::Private => Error::AddressRefused(PRIVATE),
            Unusable::NoHost | Unusable::Unresolved(_) => Error::Unreachable(unusable.to_string()),
        })?;
    match found
        .iter()
        .find_map(|address| objection(address.ip(), allow_private))
    {
        Some(why) => Err(Error::AddressRefused(why)),
        None => Ok(found),
    }
}

const PRIVATE: &str = "it is loopback, private or link-local";

/// What speaks against calling an address. Machines of a cloud ask some for their own credentials: nobody has a gateway there.
fn objection(ip: IpAddr, allow_private: bool) -> Option<&'static str> {
    let ip = embedded(ip).map_or(ip, IpAddr::V4);
    if METADATA.iter().any(|text| text.parse() == Ok(ip)) {
        return Some("it is that of a cloud's metadata service");
    }
    if ip.is_unspecified() || ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST) {
        return Some("it is not that of one machine");
    }
    (!allow_private && !address::is_public(ip)).then_some(PRIVATE)
}

/// Metadata services of the large clouds.
const METADATA: [&str; 4] = [
    "169.254.169.254",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
];

/// The IPv4 address inside a mapped, translated (NAT64) or tunnelled (6to4) one.
fn embedded(ip: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(ip) = ip else { return None };
    let [a, b, c, d, e, f, high, low] = ip.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] => Some(v4(high, low)),
        [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(text: &str, allow_private: bool) -> bool {
        objection(text.parse().unwrap(), allow_private).is_none()
    }

    #[test]
    fn private_addresses_are_called_only_where_that_is_allowed() {
        for text in [
            "127.0.0.1",
            "10.0.0.7",
            "192.168.1.1",
            "169.254.1.1",
            "::1",
            "fd12::1",
            "fe80::1",
            "::ffff:127.0.0.1",
        ] {
            assert!(!judged(text, false) && judged(text, true), "{text}");
        }
        assert!(judged("8.8.8.8", false) && judged("2606:4700::1111", false));
    }

    #[test]
    fn some_addresses_are_never_called() {
        for text in [
            "169.254.169.254",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "100.100.100.200",
            "168.63.129.16",
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "ff02::1",
            "255.255.255.255",
        ] {
            assert!(!judged(text, true), "{text}");
        }
    }

    #[tokio::test]
    async fn a_name_is_judged_by_what_it_stands_for() {
        let url = |text: &str| Url::parse(text).unwrap();
        for text in ["ws://localhost:1/", "ws://2130706433/", "ws://0x7f.1/"] {
            let refused = resolve(&url(text), false).await;
            assert!(
                matches!(refused, Err(Error::AddressRefused(PRIVATE))),
                "{text}"
            );
            assert!(resolve(&url(text), true).await.is_ok(), "{text}");
        }
        let metadata = resolve(&url("ws://2852039166/"), true).await;
        assert!(matches!(metadata, Err(Error::AddressRefused(_))));
    }

    #[test]
    fn the_choice_is_read_and_written() {
        for text in ["auto", "true", "false"] {
            assert_eq!(text.parse::<PrivateAddresses>().unwrap().to_string(), text);
        }
        assert!("yes".parse::<PrivateAddresses>().is_err());
        assert!(PrivateAddresses::Auto.or(true).allows());
        assert!(!PrivateAddresses::Auto.or(false).allows());
        assert!(!PrivateAddresses::Refused.or(true).allows());
        assert!(!PrivateAddresses::Auto.allows());
    }
}
