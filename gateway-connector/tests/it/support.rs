//! A connector in this process and a gateway for it.

use std::time::Duration;

use chassis::{Caller, Clock, Fault, Peer, Running, Server, fault};
use clap::Parser;
use gateway_connector::{Config, PrivateAddresses};
use proto::gateway::v1::{
    EnsureAgentRequest, ProbeRequest, ProbeResponse, RemoveAgentRequest, SendMessageRequest,
    Target, WorkspaceFile, WriteFilesRequest, WriteFilesResponse,
    connector_service_client::ConnectorServiceClient,
};
use serde_json::json;
use simulator::{Simulator, SimulatorConfig, Version};
use sqlx::PgPool;
use tonic::Status;

pub(crate) const TOKEN: &str = "the-token-of-this-test";
pub(crate) const KEY: &str = "mc-7f3c";
pub(crate) const SESSION: &str = "agent:mc-7f3c:main";

#[derive(Parser)]
struct Options {
    #[command(flatten)]
    config: Config,
}

/// The options as a process without any variable has them, with deadlines short enough for a test.
pub(crate) fn config() -> Config {
    let mut config = Options::parse_from(["test"]).config;
    config.gateway_request_timeout = Duration::from_secs(5);
    config.gateway_connect_timeout = Duration::from_secs(5);
    config.gateway_allow_private_addresses = PrivateAddresses::Allowed;
    config
}

pub(crate) fn gateway_config(version: Version) -> SimulatorConfig {
    SimulatorConfig {
        addr: test_ports::free_addr(),
        version,
        token: Some(TOKEN.to_owned()),
        restart_delay: Duration::from_millis(50),
        ..SimulatorConfig::default()
    }
}

/// A connector and one gateway.
pub(crate) struct Bench {
    pub gateway: simulator::Running,
    pub connector: ConnectorServiceClient<Peer>,
    pub target: Target,
    _running: Running,
}

impl Bench {
    pub(crate) async fn new(pool: &PgPool, version: Version) -> Self {
        Self::with(pool, gateway_config(version), config()).await
    }

    pub(crate) async fn with(pool: &PgPool, gateway: SimulatorConfig, config: Config) -> Self {
        let token = gateway.token.clone();
        let gateway = Simulator::start(gateway).await.unwrap();
        let target = Target {
            gateway_id: uuid::Uuid::new_v4().to_string(),
            url: gateway.url(),
            token,
            allow_insecure_tls: false,
            disable_device_pairing: false,
        };
        let (running, connector) = connector(pool, config).await;
        Self {
            gateway,
            connector,
            target,
            _running: running,
        }
    }

    pub(crate) async fn probe(&self) -> Result<ProbeResponse, Fault> {
        let request = ProbeRequest {
            target: Some(self.target.clone()),
        };
        answer(self.connector.clone().probe(request).await)
    }

    pub(crate) fn agent(&self, key: &str) -> EnsureAgentRequest {
        EnsureAgentRequest {
            target: Some(self.target.clone()),
            agent_key: key.into(),
            display_name: "Worker One".into(),
            workspace: format!("/srv/workspace-{key}"),
            heartbeat: chassis::encode::to_struct(
                &json!({"every": "10m", "target": "last", "includeReasoning": false}),
            ),
        }
    }

    pub(crate) async fn ensure(&self, key: &str) -> Result<bool, Fault> {
        self.ensure_as(self.agent(key)).await
    }

    pub(crate) async fn ensure_as(&self, request: EnsureAgentRequest) -> Result<bool, Fault> {
        answer(self.connector.clone().ensure_agent(request).await).map(|response| response.created)
    }

    pub(crate) async fn write(&self, files: &[(&str, &str)]) -> Result<WriteFilesResponse, Fault> {
        self.write_as(
            files
                .iter()
                .map(|(name, content)| file(name, content))
                .collect(),
        )
        .await
    }

    pub(crate) async fn write_as(
        &self,
        files: Vec<WorkspaceFile>,
    ) -> Result<WriteFilesResponse, Fault> {
        let request = WriteFilesRequest {
            target: Some(self.target.clone()),
            agent_key: KEY.into(),
            files,
        };
        answer(self.connector.clone().write_files(request).await)
    }

    pub(crate) async fn send(&self, text: &str, key: &str) -> Result<(), Fault> {
        let request = SendMessageRequest {
            target: Some(self.target.clone()),
            session_key: SESSION.into(),
            label: "Worker One".into(),
            message: text.into(),
            deliver: true,
            idempotency_key: key.into(),
        };
        answer(self.connector.clone().send_message(request).await).map(drop)
    }

    pub(crate) async fn remove(&self) -> Result<(), Fault> {
        self.remove_one(KEY, SESSION).await
    }

    pub(crate) async fn remove_one(&self, key: &str, session: &str) -> Result<(), Fault> {
        let request = RemoveAgentRequest {
            target: Some(self.target.clone()),
            agent_key: key.into(),
            session_key: session.into(),
        };
        answer(self.connector.clone().remove_agent(request).await).map(drop)
    }
}

pub(crate) fn file(name: &str, content: &str) -> WorkspaceFile {
    WorkspaceFile {
        name: name.into(),
        content: content.into(),
        keep_existing: false,
    }
}

/// A connector, or why it does not start.
pub(crate) async fn start(pool: &PgPool, config: Config) -> anyhow::Result<Running> {
    let mut server = Server::for_tests(pool.clone(), Clock::system());
    gateway_connector::register(&mut server, config).await?;
    Ok(server.start())
}

pub(crate) async fn connector(
    pool: &PgPool,
    config: Config,
) -> (Running, ConnectorServiceClient<Peer>) {
    let running = start(pool, config).await.unwrap();
    let client = ConnectorServiceClient::new(running.client(Caller::Internal {
        service: "agent".into(),
    }));
    (running, client)
}

pub(crate) fn answer<T>(result: Result<tonic::Response<T>, Status>) -> Result<T, Fault> {
    result
        .map(tonic::Response::into_inner)
        .map_err(|status| fault::read(&status))
}

/// Waits for something that is about to happen.
pub(crate) async fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
    // A busy machine needs its time.
    for _ in 0..3000 {
        if happened() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never happened: {what}");
}
