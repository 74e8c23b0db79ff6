//! `mission-control demo`: a simulated gateway beside a running Mission Control, a sample board on it, and scripted agents
//! that work it.
//!
//! Everything is made through the REST API, as a person would make it, and is made once: running the command again finds
//! the sample and brings its gateway and its agents back. The agents are clients like any other: each reads its own token
//! in its workspace on the gateway and does nothing that its credential does not allow.

mod agent;
mod board;
mod lead;
mod mail;
mod remove;
mod sample;
mod settings;
mod team;
mod worker;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::StatusCode;
use secrecy::SecretString;
use simulator::{Running, Simulator, SimulatorConfig, Version};
use tokio::time::{Instant, sleep};
use url::Url;

use crate::{
    rest::{self, Refusal, Rest},
    secrets::Secrets,
};

/// How long Mission Control may take to start.
const START_LIMIT: Duration = Duration::from_secs(180);
/// How often it is asked whether the sample is still there.
const LOOK: Duration = Duration::from_secs(10);
/// Where a Mission Control is that was told nothing else.
const USUAL: &str = "http://127.0.0.1:8000";
/// The simulated gateway takes as many configuration writes as its release, but within this time.
const RATE_WINDOW: Duration = Duration::from_secs(1);

/// Options of the demo.
#[derive(Clone, Debug, clap::Args)]
pub struct Config {
    /// Where Mission Control is.
    #[arg(long, env = "BASE_URL", default_value = USUAL, value_parser = address)]
    pub url: Url,
    /// Token to sign in with; read from the data directory when absent.
    #[arg(long, env = "LOCAL_AUTH_TOKEN", hide_env_values = true)]
    pub token: Option<SecretString>,
    /// Data directory of the Mission Control that runs on this machine.
    #[arg(long, env = "MC_DATA_DIR", default_value = "./data")]
    pub data_dir: PathBuf,
    /// Address of the simulated gateway.
    #[arg(long, env = "MC_DEMO_GATEWAY_ADDR", default_value = "127.0.0.1:18790")]
    pub gateway_addr: SocketAddr,
    /// Release that the simulated gateway behaves like.
    #[arg(long, env = "MC_DEMO_GATEWAY_RELEASE", default_value = "2026.9.6")]
    pub gateway_release: Release,
    /// Time between two steps of a scripted agent, such as `3s` or `200ms`.
    #[arg(long, env = "MC_DEMO_PACE", default_value = "2500ms", value_parser = pace)]
    pub pace: Duration,
    /// Run the simulated gateway alone: nobody works on it.
    #[arg(long)]
    pub without_agents: bool,
    /// Take the sample away again: its board, its agents and its gateway.
    #[arg(long, conflicts_with = "without_agents")]
    pub remove: bool,
}

/// A release of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Release {
    #[value(name = "2026.2.9")]
    February,
    #[value(name = "2026.7.1")]
    July,
    #[value(name = "2026.9.6")]
    September,
}

impl Release {
    fn version(self) -> Version {
        match self {
            Self::February => Version::V2026_2_9,
            Self::July => Version::V2026_7_1,
            Self::September => Version::V2026_9_6,
        }
    }
}

/// What `serve` takes for BASE_URL means the same here.
fn address(text: &str) -> Result<Url, String> {
    let text = if text == ::agent::AUTO { USUAL } else { text };
    let url = text.parse::<Url>().ok();
    url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| format!("must be an http or https URL such as {USUAL}"))
}

fn pace(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text.trim()) {
        Ok(pace) if (Duration::from_millis(10)..=Duration::from_secs(60)).contains(&pace) => {
            Ok(pace)
        }
        _ => Err("must be a duration from `10ms` to `60s`".into()),
    }
}

/// Runs the demo until Ctrl-C, or until somebody takes the sample away; or takes it away.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let http = rest::http()?;
    let token = match &config.token {
        Some(token) => token.clone(),
        None => find_token(&config, &http).await?,
    };
    let person = Rest::person(&http, config.url.as_str(), &token);
    if config.remove {
        return remove::remove(&person).await;
    }
    let gateway = start_gateway(&config).await?;
    println!("Simulated gateway at {}", gateway.url());

    let outcome = tokio::select! {
        outcome = attend(&config, &http, &person, &gateway) => outcome,
        interrupted = tokio::signal::ctrl_c() => interrupted.map_err(Into::into),
    };
    // Nobody else holds it once the agents are gone.
    if let Some(gateway) = Arc::into_inner(gateway) {
        gateway.stop().await;
    }
    outcome
}

/// The token in the data directory, which a Mission Control that is being started for the first time has yet to make.
async fn find_token(config: &Config, http: &reqwest::Client) -> anyhow::Result<SecretString> {
    let deadline = Instant::now() + START_LIMIT;
    let mut said = false;
    loop {
        // Asked first: one that answers has made its secrets.
        let is_there = http
            .get(format!(
                "{}/health",
                config.url.as_str().trim_end_matches('/')
            ))
            .send()
            .await
            .is_ok_and(|answer| answer.status().is_success());
        if let Some(secrets) = Secrets::find(&config.data_dir)? {
            return Ok(secrets.local_auth_token);
        }
        if is_there || config.remove || Instant::now() > deadline {
            anyhow::bail!(
                "there is no secrets.env in {}: name the data directory of the Mission Control at {} (--data-dir) or its token (--token)",
                config.data_dir.display(),
                config.url
            );
        }
        if !said {
            println!("Waiting for Mission Control");
            said = true;
        }
        sleep(Duration::from_millis(300)).await;
    }
}

async fn start_gateway(config: &Config) -> anyhow::Result<Arc<Running>> {
    let token = BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 24]>());
    let gateway = Simulator::start(SimulatorConfig {
        addr: config.gateway_addr,
        version: config.gateway_release.version(),
        token: Some(token),
        rate_window: RATE_WINDOW,
        ..SimulatorConfig::default()
    })
    .await
    .with_context(|| {
        format!(
            "the simulated gateway cannot listen on {}; if no other demo runs there, name another address with MC_DEMO_GATEWAY_ADDR",
            config.gateway_addr
        )
    })?;
    // Until Mission Control knows its token: being refused would be taken for an answer.
    gateway.refuse_connections(true);
    Ok(Arc::new(gateway))
}

/// Makes the sample, lets the agents work, and returns when the sample is gone.
async fn attend(
    config: &Config,
    http: &reqwest::Client,
    person: &Rest,
    gateway: &Arc<Running>,
) -> anyhow::Result<()> {
    until_started(person).await?;
    let sample = sample::find_or_make(person, gateway, !config.without_agents)
        .await
        .context("the sample cannot be made")?;
    let base = config.url.as_str().trim_end_matches('/');
    println!("Sample board at {base}/boards/{}", sample.board);
    println!("There tasks move, an approval waits for you, and agents can be paused.");
    println!(
        "Ctrl-C stops the gateway; the board stays. `{} demo --remove` takes it away.",
        std::env::args()
            .next()
            .as_deref()
            .unwrap_or("mission-control")
    );
    let gone = until_gone(person, &sample.board);
    if config.without_agents {
        gone.await;
    } else {
        let team = team::Team::new(http, gateway, config.pace);
        tokio::select! {
            () = gone => {}
            never = team.run() => match never {},
        }
    }
    println!("The sample board is gone; so is this.");
    Ok(())
}

/// Waits for a Mission Control that is being started.
async fn until_started(person: &Rest) -> anyhow::Result<()> {
    let deadline = Instant::now() + START_LIMIT;
    let mut said = false;
    loop {
        match person.get("/api/v1/users/me").await {
            Ok(_) => return Ok(()),
            Err(error) if Refusal::of(&error).is_some_and(is_unknown) => {
                return Err(error).context(
                    "Mission Control does not know the token: name its data directory (--data-dir) or its token",
                );
            }
            Err(error) if Instant::now() > deadline => {
                return Err(error).context("Mission Control is not there; is it running?");
            }
            Err(_) => {}
        }
        if !said {
            println!("Waiting for Mission Control");
            said = true;
        }
        sleep(Duration::from_millis(300)).await;
    }
}

fn is_unknown(refusal: &Refusal) -> bool {
    matches!(
        refusal.status,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
    )
}

/// Returns when the board is not there any more. Being unable to ask says nothing.
async fn until_gone(person: &Rest, board: &str) {
    let path = format!("/api/v1/boards/{board}");
    loop {
        sleep(LOOK).await;
        if let Err(error) = person.get(&path).await
            && Refusal::is_not_found(&error)
        {
            return;
        }
    }
}
