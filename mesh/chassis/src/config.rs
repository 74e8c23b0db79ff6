//! What a process needs to know before it can host components.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::db::Database;

/// Options of every process.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct Config {
    /// Address of the mesh's own gRPC, used when roles run in several processes.
    #[arg(long, env = "MC_MESH_ADDR", default_value = "127.0.0.1:50051")]
    pub mesh_addr: std::net::SocketAddr,
    /// Address of health checks and Prometheus metrics.
    #[arg(long, env = "MC_ADMIN_ADDR", default_value = "127.0.0.1:9090")]
    pub admin_addr: std::net::SocketAddr,
    /// PostgreSQL to use; without it a private one is started in the data directory.
    #[arg(long, env = "MC_DATABASE_URL", value_parser = database_url, hide_env_values = true)]
    pub database_url: Option<SecretString>,
    /// Most database connections per role.
    #[arg(long, env = "MC_DATABASE_MAX_CONNECTIONS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(2..=200))]
    pub database_max_connections: u32,
    /// Statements slower than this are logged as warnings, milliseconds; 0 turns it off.
    #[arg(long, env = "MC_SLOW_QUERY_MS", default_value_t = 200)]
    pub slow_query_ms: u64,
    /// Secret that callers are signed with inside the mesh, at least 32 characters; the same in every process.
    #[arg(long, env = "MC_MESH_SECRET", value_parser = mesh_secret, hide_env_values = true)]
    pub mesh_secret: Option<SecretString>,
    /// Key that secrets are encrypted with at rest: 32 bytes in base64.
    #[arg(long, env = "MC_SEAL_KEY", value_parser = seal_key, hide_env_values = true)]
    pub seal_key: Option<SecretString>,
}

fn database_url(text: &str) -> Result<SecretString, String> {
    let scheme_ok = text.starts_with("postgres://") || text.starts_with("postgresql://");
    if scheme_ok && text.parse::<sqlx::postgres::PgConnectOptions>().is_ok() {
        Ok(SecretString::from(text))
    } else {
        Err("must be postgres://user:password@host:port/database".into())
    }
}

fn mesh_secret(text: &str) -> Result<SecretString, String> {
    match text.trim() {
        secret if secret.len() >= 32 => Ok(SecretString::from(secret)),
        _ => Err("must have at least 32 characters".into()),
    }
}

fn seal_key(text: &str) -> Result<SecretString, String> {
    decode_key(text)
        .map(|_| SecretString::from(text))
        .ok_or_else(|| "must be 32 bytes in base64".into())
}

fn decode_key(text: &str) -> Option<[u8; 32]> {
    STANDARD.decode(text.trim()).ok()?.try_into().ok()
}

/// What a [`crate::Server`] is made of.
#[derive(Clone, Debug)]
pub struct Settings {
    pub database: Database,
    pub mesh_secret: SecretString,
    pub seal_key: [u8; 32],
    /// Roles in other processes.
    pub peers: Vec<(String, Url)>,
}

impl Settings {
    /// Settings from options in which everything optional has been decided. The error names what is missing.
    pub fn new(config: &Config, peers: Vec<(String, Url)>) -> anyhow::Result<Self> {
        let need = |value: &Option<SecretString>, name: &str| {
            value
                .clone()
                .ok_or_else(|| anyhow::anyhow!("{name} must be set"))
        };
        let seal_key = decode_key(need(&config.seal_key, "MC_SEAL_KEY")?.expose_secret())
            .ok_or_else(|| anyhow::anyhow!("MC_SEAL_KEY must be 32 bytes in base64"))?;
        Ok(Self {
            database: Database {
                url: need(&config.database_url, "MC_DATABASE_URL")?,
                max_connections: config.database_max_connections,
                slow: Duration::from_millis(config.slow_query_ms),
            },
            mesh_secret: need(&config.mesh_secret, "MC_MESH_SECRET")?,
            seal_key,
            peers,
        })
    }
}
