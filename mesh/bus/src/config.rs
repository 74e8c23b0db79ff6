use secrecy::SecretString;

/// How events travel.
#[derive(Clone, Debug, Default, clap::Args)]
#[group(skip)]
pub struct Config {
    /// URL of a RabbitMQ broker (3.10 or later), such as `amqp://user:password@host:5672/%2f`. Without it events travel
    /// through PostgreSQL.
    #[arg(long, env = "MC_AMQP_URL", hide_env_values = true, value_parser = amqp_url)]
    pub amqp_url: Option<SecretString>,
    /// Put before every name on the broker, so that installations that share one do not meet.
    #[arg(long, env = "MC_AMQP_PREFIX", default_value = "")]
    pub amqp_prefix: String,
}

fn amqp_url(text: &str) -> Result<SecretString, String> {
    let scheme = text.starts_with("amqp://") || text.starts_with("amqps://");
    if scheme && text.parse::<lapin::uri::AMQPUri>().is_ok() {
        Ok(SecretString::from(text))
    } else {
        Err("must be amqp://user:password@host:port/vhost".into())
    }
}
