use secrecy::SecretString;

/// How events travel.
#[derive(Clone, Debug, Default, clap::Args)]
#[group(skip)]
pub struct Config {
    /// URL of a RabbitMQ broker (3.10 or later), such as `amqp://user:password@host:5672/%2f`. Without it events travel
    /// through PostgreSQL.
    #[arg(long, env = "MC_AMQP_URL", hide_env_values = true)]
    pub amqp_url: Option<SecretString>,
    /// Put before every name on the broker, so that installations that share one do not meet.
    #[arg(long, env = "MC_AMQP_PREFIX", default_value = "")]
    pub amqp_prefix: String,
}
