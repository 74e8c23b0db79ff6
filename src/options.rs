//! Every option of every component, in one place: flags, variables and help text.

/// Options of `serve` and `migrate`.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct Options {
    /// Where the private PostgreSQL and the generated secrets live.
    #[arg(long, env = "MC_DATA_DIR", default_value = "./data")]
    pub data_dir: std::path::PathBuf,
    /// Apply pending migrations when starting. Always done with the private PostgreSQL.
    #[arg(long, env = "DB_AUTO_MIGRATE", default_value_t = false, action = clap::ArgAction::Set)]
    pub db_auto_migrate: bool,
    #[command(flatten, next_help_heading = "Private PostgreSQL")]
    pub embedded: crate::embedded::Config,
    #[command(flatten, next_help_heading = "Process")]
    pub chassis: chassis::Config,
    #[command(flatten, next_help_heading = "Telemetry")]
    pub telemetry: chassis::telemetry::Config,
    #[command(flatten, next_help_heading = "Events")]
    pub bus: bus::Config,
    #[command(flatten, next_help_heading = "org")]
    pub org: org::Config,
    #[command(flatten, next_help_heading = "board")]
    pub board: board::Config,
    #[command(flatten, next_help_heading = "agent")]
    pub agent: agent::Config,
    #[command(flatten, next_help_heading = "approval")]
    pub approval: approval::Config,
    #[command(flatten, next_help_heading = "activity")]
    pub activity: activity::Config,
    #[command(flatten, next_help_heading = "gateway-connector")]
    pub gateway: gateway_connector::Config,
    #[command(flatten, next_help_heading = "webhook-worker")]
    pub webhook: webhook_worker::Config,
    #[command(flatten, next_help_heading = "api-edge")]
    pub edge: api_edge::Config,
}
