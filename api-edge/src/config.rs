//! Options of the edge.

use std::{net::SocketAddr, str::FromStr, time::Duration};

use http::HeaderValue;
use ipnet::IpNet;

/// Options of the edge.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct Config {
    /// Address of REST, SSE, gRPC, grpc-web and the web application: one port for all of them.
    #[arg(long, env = "MC_HTTP_ADDR", default_value = "127.0.0.1:8000")]
    pub http_addr: SocketAddr,
    /// Origins that browsers may call from, comma-separated, such as `https://mission.example.com`; `*` admits every origin
    /// without credentials. Empty turns CORS off.
    #[arg(long, env = "CORS_ORIGINS", default_value = "")]
    pub cors_origins: Origins,
    /// Addresses or networks of reverse proxies whose `Forwarded` and `X-Forwarded-For` are believed, comma-separated.
    #[arg(long, env = "TRUSTED_PROXIES", default_value = "")]
    pub trusted_proxies: Networks,
    /// `X-Content-Type-Options` of every response; blank leaves it out.
    #[arg(
        long,
        env = "SECURITY_HEADER_X_CONTENT_TYPE_OPTIONS",
        default_value = "nosniff"
    )]
    pub security_header_x_content_type_options: HeaderText,
    /// `X-Frame-Options` of every response; blank leaves it out.
    #[arg(long, env = "SECURITY_HEADER_X_FRAME_OPTIONS", default_value = "DENY")]
    pub security_header_x_frame_options: HeaderText,
    /// `Referrer-Policy` of every response; blank leaves it out.
    #[arg(
        long,
        env = "SECURITY_HEADER_REFERRER_POLICY",
        default_value = "strict-origin-when-cross-origin"
    )]
    pub security_header_referrer_policy: HeaderText,
    /// `Permissions-Policy` of every response; blank leaves it out.
    #[arg(long, env = "SECURITY_HEADER_PERMISSIONS_POLICY", default_value = "")]
    pub security_header_permissions_policy: HeaderText,
    /// Requests that take this long until their response begins are logged as warnings, milliseconds; 0 turns it off.
    #[arg(long, env = "REQUEST_LOG_SLOW_MS", default_value_t = 1_000)]
    pub request_log_slow_ms: u64,
    /// Log requests to `/health`, `/healthz` and `/readyz` too.
    #[arg(
        long, env = "REQUEST_LOG_INCLUDE_HEALTH", default_value = "false",
        value_parser = clap::builder::BoolishValueParser::new(), action = clap::ArgAction::Set,
    )]
    pub request_log_include_health: bool,
    /// Largest request body, bytes.
    #[arg(
        long, env = "MC_HTTP_MAX_BODY_BYTES", default_value_t = 1_048_576,
        value_parser = clap::value_parser!(u32).range(1_024..=268_435_456),
    )]
    pub http_max_body_bytes: u32,
    /// Failed sign-ins of one client address per minute, after which further ones are refused with 429; 0 turns it off.
    #[arg(long, env = "MC_AUTH_FAILURES_PER_MINUTE", default_value_t = 20)]
    pub auth_failures_per_minute: u32,
    /// Requests of one agent per minute, after which further ones are refused with 429; 0 turns it off.
    #[arg(long, env = "MC_AGENT_REQUESTS_PER_MINUTE", default_value_t = 600)]
    pub agent_requests_per_minute: u32,
    /// Live streams that one caller may hold open.
    #[arg(
        long, env = "MC_STREAMS_PER_CALLER", default_value_t = 20,
        value_parser = clap::value_parser!(u32).range(1..=10_000),
    )]
    pub streams_per_caller: u32,
    /// Silence on a server-sent event stream after which a comment keeps it alive.
    #[arg(long, env = "MC_SSE_KEEP_ALIVE", default_value = "15s", value_parser = duration)]
    pub sse_keep_alive: Duration,
}

fn duration(text: &str) -> Result<Duration, String> {
    let seconds = text.strip_suffix('s').unwrap_or(text);
    match seconds.parse::<f64>() {
        Ok(value) if (0.05..=3_600.0).contains(&value) => Ok(Duration::from_secs_f64(value)),
        _ => Err("must be seconds such as `15s`, at most 3600s".into()),
    }
}

/// Origins that may call from a browser.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins {
    pub any: bool,
    pub listed: Vec<String>,
}

impl FromStr for Origins {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut origins = Self::default();
        for entry in entries(text) {
            if entry == "*" {
                origins.any = true;
                continue;
            }
            let url = url::Url::parse(entry).map_err(|_| format!("`{entry}` is not an origin"))?;
            let origin = url.origin().ascii_serialization();
            if !matches!(url.scheme(), "http" | "https")
                || origin != entry.trim_end_matches('/').to_ascii_lowercase()
            {
                return Err(format!(
                    "`{entry}` is not an origin such as https://mission.example.com"
                ));
            }
            origins.listed.push(origin);
        }
        Ok(origins)
    }
}

/// Networks of trusted proxies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(pub Vec<IpNet>);

impl FromStr for Networks {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let network = |entry: &str| {
            entry
                .parse::<IpNet>()
                .or_else(|_| entry.parse::<std::net::IpAddr>().map(IpNet::from))
                .map_err(|_| {
                    format!("`{entry}` is neither an address nor a network such as 10.0.0.0/8")
                })
        };
        entries(text)
            .map(network)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// The value of a header; `None` leaves the header out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderText(pub Option<HeaderValue>);

impl FromStr for HeaderText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self(None));
        }
        let value =
            HeaderValue::from_str(text).map_err(|_| "cannot stand in a header".to_owned())?;
        Ok(Self(Some(value)))
    }
}

fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
}

#[cfg(test)]
mod tests {
    use clap::{Args, FromArgMatches};

    use super::*;

    fn parse(flags: &[&str]) -> Result<Config, String> {
        let command = Config::augment_args(clap::Command::new("edge"));
        let matches = command
            .try_get_matches_from([&["edge"], flags].concat())
            .map_err(|error| error.to_string())?;
        Config::from_arg_matches(&matches).map_err(|error| error.to_string())
    }

    #[test]
    fn every_bad_value_is_refused() {
        for (flag, value) in [
            ("--http-addr", "8000"),
            ("--cors-origins", "example.com"),
            ("--cors-origins", "https://a.example/path"),
            ("--cors-origins", "ftp://a.example"),
            ("--trusted-proxies", "10.0.0.0/8,proxy"),
            ("--http-max-body-bytes", "0"),
            ("--request-log-slow-ms", "-1"),
            ("--request-log-include-health", "perhaps"),
            ("--security-header-referrer-policy", "a\nb"),
            ("--streams-per-caller", "0"),
            ("--sse-keep-alive", "0s"),
        ] {
            let error = parse(&[&format!("{flag}={value}")]).expect_err(flag);
            assert!(error.contains(flag), "{error}");
        }
    }

    #[test]
    fn lists_are_trimmed_and_blanks_turn_things_off() {
        let config = parse(&[
            "--cors-origins= https://a.example , http://localhost:3000/,",
            "--trusted-proxies=10.0.0.0/8, ::1",
            "--security-header-x-frame-options=",
        ])
        .unwrap();
        assert_eq!(
            config.cors_origins.listed,
            ["https://a.example", "http://localhost:3000"]
        );
        assert_eq!(config.trusted_proxies.0.len(), 2);
        assert_eq!(config.security_header_x_frame_options, HeaderText(None));
        assert!(!config.request_log_include_health);
    }
}
