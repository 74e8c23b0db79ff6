//! The command line.

use clap::{Parser, Subcommand};

use crate::{demo, migrate, options::Options, reference, role::Role, serve};

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
    /// Run a simulated OpenClaw gateway and a sample board beside a running Mission Control.
    Demo(demo::Config),
    /// Print every option as Markdown.
    Options,
}

impl Cli {
    /// Does what was asked.
    pub async fn run(self) -> anyhow::Result<()> {
        // Fails only when a provider is installed already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        match self.command {
            Command::Serve { roles, options } => Box::pin(serve::serve(roles, *options)).await,
            Command::Migrate(options) => migrate::migrate(*options).await,
            Command::Demo(config) => demo::run(config).await,
            Command::Options => {
                print!("{}", reference::markdown());
                Ok(())
            }
        }
    }
}
