//! What can be set about skills from outside.

use std::time::Duration;

use super::address::Hosts;
use crate::config::{Schedule, duration};

/// Settings of skills.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct Config {
    /// Hosts of which packs of skills are read, over https, separated by commas
    #[arg(
        long = "skill-pack-hosts",
        env = "MC_SKILL_PACK_HOSTS",
        default_value = "github.com",
        value_delimiter = ',',
        value_parser = host
    )]
    pub pack_hosts: Vec<String>,

    /// Hosts of which packs are also read over http and on any port, separated by commas: for trying things out, such as
    /// `127.0.0.1`
    #[arg(
        long = "skill-pack-allow-insecure-hosts",
        env = "MC_SKILL_PACK_ALLOW_INSECURE_HOSTS",
        value_delimiter = ',',
        value_parser = host
    )]
    pub pack_insecure_hosts: Vec<String>,

    /// Longest time that reading the repository of a pack may take, such as `2m`
    #[arg(
        long = "skill-pack-timeout",
        env = "MC_SKILL_PACK_TIMEOUT",
        default_value = "2m",
        value_parser = duration
    )]
    pub pack_timeout: Duration,

    /// Most that the repository of a pack may take on disk while it is read, MiB
    #[arg(
        long = "skill-pack-max-mib",
        env = "MC_SKILL_PACK_MAX_MIB",
        default_value_t = 500,
        value_parser = clap::value_parser!(u64).range(1..=100_000)
    )]
    pub pack_max_mib: u64,

    /// Pauses after which a gateway is asked whether it has a skill that it was told to install or to remove, such as
    /// `5m,15m,1h`
    #[arg(
        long = "skill-check-schedule",
        env = "MC_SKILL_CHECK_SCHEDULE",
        default_value = "5m,15m,1h,6h"
    )]
    pub check_schedule: Schedule,
}

impl Config {
    /// Hosts of which packs are read.
    pub(crate) fn hosts(&self) -> Hosts {
        let filled = |hosts: &[String]| -> Vec<String> {
            hosts
                .iter()
                .filter(|host| !host.is_empty())
                .cloned()
                .collect()
        };
        Hosts {
            secure: filled(&self.pack_hosts),
            insecure: filled(&self.pack_insecure_hosts),
        }
    }
}

/// A host as URLs write it; nothing at all where none is to be allowed.
fn host(text: &str) -> Result<String, String> {
    let text = text.trim().to_ascii_lowercase();
    if text.is_empty() {
        return Ok(text);
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '[' | ']');
    let url = url::Url::parse(&format!("https://{text}/")).ok();
    match url {
        Some(url)
            if url.host_str() == Some(text.as_str())
                && url.authority() == text
                && text.chars().all(plain) =>
        {
            Ok(text)
        }
        _ => Err(format!("`{text}` is not a host such as `github.com`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address() {
        for good in ["github.com", "127.0.0.1", "[::1]", " GitHub.com ", ""] {
            assert!(host(good).is_ok(), "{good}");
        }
        for bad in ["github.com:443", "https://github.com", "a/b", "u@h", "*"] {
            assert!(host(bad).is_err(), "{bad}");
        }
    }
}
