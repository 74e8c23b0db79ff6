//! `mission-control doctor`: looks at an installation from the data directory to its gateways, and says of each thing that it
//! is well or what exactly to do about it. Changes nothing.

mod gateways;
mod installation;
mod report;
mod running;

use std::{io::IsTerminal, path::PathBuf};

use secrecy::SecretString;

use crate::{options, secrets::Secrets};
use report::Report;

/// Options of the doctor: those of `serve`, so that it sees what that would see.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct Options {
    #[command(flatten)]
    pub serve: options::Options,
    /// Print the report as JSON.
    #[arg(long, help_heading = "Doctor")]
    pub json: bool,
    /// Examine the way to this gateway alone; no Mission Control has to run.
    #[arg(long, help_heading = "Doctor")]
    pub gateway_url: Option<String>,
    /// File with the token of that gateway.
    #[arg(long, help_heading = "Doctor", requires = "gateway_url")]
    pub gateway_token_file: Option<PathBuf>,
    /// Accept any certificate of that gateway.
    #[arg(long, help_heading = "Doctor", requires = "gateway_url")]
    pub allow_insecure_tls: bool,
    /// Connect to that gateway as its own control page does, without a device.
    #[arg(long, help_heading = "Doctor", requires = "gateway_url")]
    pub disable_device_pairing: bool,
}

/// Examines what was asked for, prints what was found, and fails when something failed.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let report = match &options.gateway_url {
        Some(url) => Box::pin(gateways::examine_one(url, &options)).await?,
        None => examine(&options.serve).await,
    };
    if options.json {
        println!("{:#}", report.to_json());
    } else {
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        print!("{}", report.to_text(colour));
    }
    match report.failures() {
        0 => Ok(()),
        1 => anyhow::bail!("one check failed"),
        count => anyhow::bail!("{count} checks failed"),
    }
}

/// What the checks go by, found out without making anything.
struct Facts<'a> {
    options: &'a options::Options,
    /// Of the data directory, when it has some.
    secrets: Option<Secrets>,
    /// At which agents reach Mission Control.
    base_url: String,
}

impl Facts<'_> {
    fn token(&self) -> Option<SecretString> {
        let given = self.options.org.local_auth_token.clone();
        given.or_else(|| Some(self.secrets.as_ref()?.local_auth_token.clone()))
    }
}

async fn examine(options: &options::Options) -> Report {
    let mut report = Report::default();
    let base_url = match options.agent.base_url.as_str() {
        agent::AUTO => format!("http://{}", options.edge.http_addr),
        given => given.to_owned(),
    };
    let secrets = installation::data_directory(options, &mut report);
    let facts = Facts {
        options,
        secrets,
        base_url,
    };
    installation::examine(&facts, &mut report).await;
    if running::examine(&facts, &mut report).await {
        gateways::examine_all(&facts, &mut report).await;
    }
    report
}
