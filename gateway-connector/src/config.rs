//! Options of the connector.

use std::{path::PathBuf, time::Duration};

use url::Url;

use crate::{address::PrivateAddresses, version::Calver};

/// Options of the component that speaks to gateways.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct Config {
    /// File of the device key by which gateways have known this installation. The key is kept in the database, encrypted with
    /// MC_SEAL_KEY: the file is taken over once, when the database has none yet, and is never written.
    #[arg(long, env = "MC_DEVICE_IDENTITY_FILE")]
    pub device_identity_file: Option<PathBuf>,
    /// The same for the file of an OpenClaw client, whose approvals Mission Control is to inherit. It goes before
    /// MC_DEVICE_IDENTITY_FILE and has to exist as long as the database has no key.
    #[arg(long, env = "OPENCLAW_GATEWAY_DEVICE_IDENTITY_PATH")]
    pub openclaw_gateway_device_identity_path: Option<PathBuf>,
    /// Whether gateways may have loopback, private and link-local addresses: `true`, `false`, or `auto`, which allows them
    /// where everything runs on one machine with the private PostgreSQL. Metadata services of clouds are never called.
    #[arg(long, env = "MC_GATEWAY_ALLOW_PRIVATE_ADDRESSES", default_value_t = PrivateAddresses::Auto)]
    pub gateway_allow_private_addresses: PrivateAddresses,
    /// How long a gateway may take to answer one request.
    #[arg(long, env = "MC_GATEWAY_REQUEST_TIMEOUT", default_value = "20s", value_parser = patience)]
    pub gateway_request_timeout: Duration,
    /// How long a connection with its handshake may take.
    #[arg(long, env = "MC_GATEWAY_CONNECT_TIMEOUT", default_value = "15s", value_parser = patience)]
    pub gateway_connect_timeout: Duration,
    /// Requests that one gateway is given at once; more of them wait.
    #[arg(long, env = "MC_GATEWAY_MAX_IN_FLIGHT", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub gateway_max_in_flight: u16,
    /// How long a session that nobody uses stays open.
    #[arg(long, env = "MC_GATEWAY_IDLE_AFTER", default_value = "10m", value_parser = patience)]
    pub gateway_idle_after: Duration,
    /// Where other replicas of the connector reach this one, such as `http://10.0.0.7:50051`; without it, MC_MESH_ADDR where
    /// that names one address. A gateway's session is with one replica, to which the others pass requests on.
    #[arg(long, env = "MC_CONNECTOR_ADVERTISE_URL", value_parser = advertise_url)]
    pub connector_advertise_url: Option<Url>,
    /// How long the gateways of a replica that died are left alone before another takes them over.
    #[arg(long, env = "MC_CONNECTOR_LEASE", default_value = "15s", value_parser = lease)]
    pub connector_lease: Duration,
    /// Whether no other replica can be: the database is this process's own.
    #[arg(skip)]
    pub alone: bool,
    /// Oldest gateway release that is spoken to.
    #[arg(long, env = "GATEWAY_MIN_VERSION", default_value = "2026.02.9")]
    pub gateway_min_version: Calver,
}

fn advertise_url(text: &str) -> Result<Url, String> {
    let url = text.parse::<Url>().ok();
    url.filter(|url| url.scheme() == "http" && url.host_str().is_some())
        .ok_or_else(|| "must be a URL such as http://10.0.0.7:50051".to_owned())
}

/// Nothing can be done in no time.
fn patience(text: &str) -> Result<Duration, String> {
    let patience = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if (Duration::from_millis(1)..=Duration::from_secs(24 * 3_600)).contains(&patience) {
        Ok(patience)
    } else {
        Err("must be between 1ms and 24h".to_owned())
    }
}

fn lease(text: &str) -> Result<Duration, String> {
    let lease = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if (Duration::from_secs(1)..=Duration::from_secs(300)).contains(&lease) {
        Ok(lease)
    } else {
        Err("must be between 1s and 5m".to_owned())
    }
}
