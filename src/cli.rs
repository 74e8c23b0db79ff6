//! The command line.

use clap::{
    CommandFactory, Parser, Subcommand,
    error::{ContextKind, ContextValue},
};

use crate::{
    audit, authorization, demo, doctor, migrate, options::Options, reference, role::Role, serve,
};

/// Operations and governance for teams whose work is done by AI agents.
#[derive(Debug, Parser)]
#[command(name = "mission-control", version, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run roles in this process: all of them, or the ones named.
    Serve {
        /// Roles to run; all when none is named.
        roles: Vec<Role>,
        #[command(flatten)]
        options: Box<Options>,
    },
    /// Bring the database up to date and exit.
    Migrate(Box<migrate::Options>),
    /// Look into the log of everything that happened.
    Audit {
        #[command(subcommand)]
        command: audit::Command,
    },
    /// Run a simulated OpenClaw gateway with scripted agents and a sample board beside a running Mission Control.
    Demo(demo::Config),
    /// Examine the installation from the data directory to its gateways, and say what to do about what is wrong.
    Doctor(Box<doctor::Options>),
    /// Print every option as Markdown.
    Options,
    /// Print who may call what as Markdown.
    Authorization,
}

impl Cli {
    /// Reads the command line and the environment, or says what is wrong with them and ends the process.
    pub fn read() -> Self {
        Self::try_parse().unwrap_or_else(|error| explained(error).exit())
    }

    /// Does what was asked.
    pub async fn run(self) -> anyhow::Result<()> {
        // Fails only when a provider is installed already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        match self.command {
            Command::Serve { roles, options } => Box::pin(serve::serve(roles, *options)).await,
            Command::Migrate(options) => migrate::migrate(*options).await,
            Command::Audit { command } => audit::run(command).await,
            Command::Demo(config) => demo::run(config).await,
            Command::Doctor(options) => Box::pin(doctor::run(*options)).await,
            Command::Options => {
                print!("{}", reference::markdown());
                Ok(())
            }
            Command::Authorization => {
                print!("{}", authorization::markdown());
                Ok(())
            }
        }
    }
}

/// An error about an option, with the variable that may have set it and without the value of a secret.
fn explained(mut error: clap::Error) -> clap::Error {
    let Some(ContextValue::String(shown)) = error.get(ContextKind::InvalidArg).cloned() else {
        return error;
    };
    let mut command = Cli::command();
    command.build();
    let Some(option) = command
        .get_subcommands()
        .flat_map(clap::Command::get_arguments)
        .find(|option| option.to_string() == shown)
    else {
        return error;
    };
    if let Some(variable) = option.get_env() {
        let named = format!("{shown}, {}", variable.display());
        error.insert(ContextKind::InvalidArg, ContextValue::String(named));
    }
    if option.is_hide_env_values_set() {
        let hidden = ContextValue::String("(hidden)".to_owned());
        error.insert(ContextKind::InvalidValue, hidden);
    }
    error
}
