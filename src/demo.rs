//! `mission-control demo`: a simulated gateway beside a running Mission Control, with a sample board on it.
//!
//! Everything is made through the REST API, as a person would make it, and is made once: running the command again finds
//! the sample and only brings its gateway back.

mod api;

use std::{net::SocketAddr, path::PathBuf};

use anyhow::Context;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use simulator::{Simulator, SimulatorConfig};
use url::Url;

use crate::secrets::Secrets;
use api::Api;

/// Name of the sample's gateway; says what it is wherever it shows.
const GATEWAY: &str = "Demo gateway (simulated)";
/// Name of the sample's board.
const BOARD: &str = "Demo: launch the newsletter";

/// The tasks on the sample board.
const TASKS: [(&str, &str); 5] = [
    ("Collect five stories", "high"),
    ("Write the first draft", "medium"),
    ("Check every link", "low"),
    ("Choose a subject line", "medium"),
    ("Send it to the list", "urgent"),
];

/// Options of the demo.
#[derive(Clone, Debug, clap::Args)]
pub struct Config {
    /// Where Mission Control is.
    #[arg(long, env = "BASE_URL", default_value = "http://127.0.0.1:8000")]
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
}

/// Runs the simulated gateway until Ctrl-C.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let token = match config.token {
        Some(token) => token,
        None => Secrets::load_or_create(&config.data_dir)?.local_auth_token,
    };
    let gateway = Simulator::start(SimulatorConfig {
        addr: config.gateway_addr,
        ..SimulatorConfig::default()
    })
    .await
    .with_context(|| {
        format!(
            "the simulated gateway cannot listen on {}",
            config.gateway_addr
        )
    })?;
    println!("Simulated gateway at {}", gateway.url());

    let api = Api::new(&config.url, token.expose_secret())?;
    let board = sample(&api, &gateway.url())
        .await
        .context("the sample cannot be made; is Mission Control running?")?;
    println!(
        "Sample board at {}/boards/{board}",
        config.url.as_str().trim_end_matches('/')
    );
    println!("Ctrl-C stops the gateway; the board stays.");
    tokio::signal::ctrl_c().await?;
    gateway.stop().await;
    Ok(())
}

/// Makes what is missing of the sample; the id of its board.
async fn sample(api: &Api, gateway_url: &str) -> anyhow::Result<String> {
    let gateway = match api.find("/api/v1/gateways", GATEWAY).await? {
        Some(gateway) => {
            api.patch(
                &format!("/api/v1/gateways/{}", id(&gateway)?),
                json!({"url": gateway_url}),
            )
            .await?;
            id(&gateway)?
        }
        None => {
            let token = SimulatorConfig::default().token;
            let body = json!({"name": GATEWAY, "url": gateway_url, "token": token, "workspace_root": "/demo/openclaw"});
            id(&api.post("/api/v1/gateways", body).await?)?
        }
    };
    if let Some(board) = api.find("/api/v1/boards", BOARD).await? {
        return id(&board);
    }
    let body = json!({
        "name": BOARD, "gateway_id": gateway, "board_type": "general",
        "description": "A sample board on a simulated gateway. Move its cards about; nothing leaves this machine.",
    });
    let board = id(&api.post("/api/v1/boards", body).await?)?;
    for (name, lead) in [("Demo lead", true), ("Demo worker", false)] {
        api.post(
            "/api/v1/agents",
            json!({"board_id": board, "name": name, "is_board_lead": lead}),
        )
        .await?;
    }
    for (title, priority) in TASKS {
        api.post(
            "/api/v1/tasks",
            json!({"board_id": board, "title": title, "priority": priority}),
        )
        .await?;
    }
    Ok(board)
}

fn id(thing: &Value) -> anyhow::Result<String> {
    Ok(thing["id"]
        .as_str()
        .context("the answer has no id")?
        .to_owned())
}
