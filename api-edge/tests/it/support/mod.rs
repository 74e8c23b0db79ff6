//! An edge on a free port, and what stands behind it.

pub(crate) mod board;
pub(crate) mod feed;
mod frames;
mod gateways;
mod people;
pub(crate) mod views;

pub(crate) use frames::Frames;

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, Once,
        atomic::{AtomicBool, AtomicUsize},
    },
};

use api_edge::Config;
use chassis::{Clock, Running, Server};
use chrono::{DateTime, Utc};
use clap::{Args, FromArgMatches};
use proto::{
    activity::v1::{
        WatchRequest, WatchResponse, activity_service_server::ActivityServiceServer,
        feed_service_server::FeedServiceServer, stream_service_server::StreamServiceServer,
    },
    agent::v1::{
        AgentSeen, agent_directory_service_server::AgentDirectoryServiceServer,
        agent_service_server::AgentServiceServer, gateway_service_server::GatewayServiceServer,
        skill_service_server::SkillServiceServer, soul_service_server::SoulServiceServer,
    },
    board::v1::{
        CreateTaskRequest, ListTasksRequest, Task, UpdateTaskRequest,
        task_service_server::TaskServiceServer,
    },
    org::v1::{
        identity_service_server::IdentityServiceServer, invite_service_server::InviteServiceServer,
        organization_service_server::OrganizationServiceServer,
        user_service_server::UserServiceServer,
    },
};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use sqlx::postgres::PgPoolOptions;
use tokio::sync::broadcast;

/// Credentials that the stand-ins know.
pub(crate) const READER: &str = "mcp_reads";
pub(crate) const OWNER: &str = "the-token-of-an-owner-of-the-organization";
pub(crate) const MEMBER: &str = "the-token-of-a-member-of-the-organization";
pub(crate) const LEAD: &str = "mca_lead_secret";
pub(crate) const WORKER: &str = "mca_worker_secret";
pub(crate) const MAIN: &str = "mca_main_secret";

/// Numbers of agents that share an address.
pub(crate) const CROWD: std::ops::Range<u128> = 1_000..1_020;

/// The token of one of them.
pub(crate) fn agent_token(number: u128) -> String {
    let id = uuid::Uuid::from_u128(number).simple();
    format!("mca_{id}_{}", "x".repeat(43))
}

pub(crate) const BOARD: &str = "00000000-0000-4000-8000-0000000000b0";
pub(crate) const TASK: &str = "00000000-0000-4000-8000-0000000000aa";

/// What the stand-ins saw and will answer.
pub(crate) struct Behind {
    pub(crate) tasks: Mutex<Vec<Task>>,
    pub(crate) listed: Mutex<Option<ListTasksRequest>>,
    pub(crate) created: Mutex<Option<CreateTaskRequest>>,
    pub(crate) updated: Mutex<Option<UpdateTaskRequest>>,
    pub(crate) authentications: AtomicUsize,
    /// While set, nobody's credential is good.
    pub(crate) locked_out: AtomicBool,
    /// While set, people see every board by a flag of their own.
    pub(crate) granted: AtomicBool,
    /// While set, nobody sees the board.
    pub(crate) hidden: AtomicBool,
    /// How long the owner of a person's credential lets the edge remember them.
    pub(crate) good_until: Mutex<Option<DateTime<Utc>>>,
    /// Scopes of callers that asked who they are.
    pub(crate) scopes: Mutex<Vec<Vec<String>>>,
    /// The `if-match` of the last change.
    pub(crate) if_match: Mutex<Option<String>>,
    pub(crate) seen: Mutex<Vec<AgentSeen>>,
    pub(crate) watched: Mutex<Vec<WatchRequest>>,
    pub(crate) feed: broadcast::Sender<WatchResponse>,
    /// What a new watcher is told before it follows.
    pub(crate) backlog: Mutex<Vec<WatchResponse>>,
}

impl Default for Behind {
    fn default() -> Self {
        Self {
            tasks: Mutex::new(vec![board::task()]),
            listed: Mutex::default(),
            created: Mutex::default(),
            updated: Mutex::default(),
            authentications: AtomicUsize::new(0),
            locked_out: AtomicBool::new(false),
            granted: AtomicBool::new(false),
            hidden: AtomicBool::new(false),
            good_until: Mutex::default(),
            scopes: Mutex::default(),
            if_match: Mutex::default(),
            seen: Mutex::default(),
            watched: Mutex::default(),
            feed: broadcast::channel(64).0,
            backlog: Mutex::default(),
        }
    }
}

pub(crate) struct Edge {
    pub(crate) address: SocketAddr,
    pub(crate) behind: Arc<Behind>,
    pub(crate) running: Running,
    http: reqwest::Client,
}

/// The moment at which everything happens.
pub(crate) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_335_118, 905_899_000).unwrap()
}

pub(crate) async fn start() -> Edge {
    start_with(&[]).await
}

/// An edge with these flags.
pub(crate) async fn start_with(flags: &[&str]) -> Edge {
    static CRYPTO: Once = Once::new();
    CRYPTO.call_once(|| {
        rustls::crypto::ring::default_provider()
            .install_default()
            .unwrap()
    });
    let pool = PgPoolOptions::new()
        .connect_lazy("postgres://nobody@127.0.0.1:1/nothing")
        .unwrap();
    let mut server = Server::for_tests(pool, Clock::fixed(now()));
    let behind = Arc::new(Behind::default());
    server.add_service(
        "org",
        IdentityServiceServer::new(people::People(behind.clone())),
    );
    server.add_service(
        "org",
        UserServiceServer::new(people::People(behind.clone())),
    );
    server.add_service(
        "org",
        OrganizationServiceServer::new(people::People(behind.clone())),
    );
    server.add_service(
        "agent",
        AgentDirectoryServiceServer::new(people::Agents(behind.clone())),
    );
    server.add_service(
        "agent",
        AgentServiceServer::new(people::Agents(behind.clone())),
    );
    server.add_service(
        "agent",
        GatewayServiceServer::new(gateways::Gateways(behind.clone())),
    );
    server.add_service(
        "agent",
        SoulServiceServer::new(gateways::Gateways(behind.clone())),
    );
    server.add_service(
        "agent",
        SkillServiceServer::new(gateways::Gateways(behind.clone())),
    );
    server.add_service(
        "board",
        TaskServiceServer::new(board::Tasks(behind.clone())),
    );
    server.add_service(
        "activity",
        FeedServiceServer::new(feed::Feed(behind.clone())),
    );
    server.add_service(
        "activity",
        StreamServiceServer::new(views::Views(behind.clone())),
    );
    server.add_service(
        "activity",
        ActivityServiceServer::new(views::Views(behind.clone())),
    );
    server.add_service(
        "org",
        InviteServiceServer::new(people::People(behind.clone())),
    );
    let address = api_edge::register(&mut server, config(flags))
        .await
        .unwrap();
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    Edge {
        address,
        behind,
        running: server.start(),
        http,
    }
}

fn config(flags: &[&str]) -> Config {
    let command = Config::augment_args(clap::Command::new("edge"));
    let address = format!("--http-addr={}", test_ports::free_addr());
    let flags = [&["edge", &address], flags].concat();
    Config::from_arg_matches(&command.try_get_matches_from(flags).unwrap()).unwrap()
}

impl Edge {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A request without a credential.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.url(path))
    }

    /// A request of the owner.
    pub(crate) fn owner(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).bearer_auth(OWNER)
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.owner(Method::GET, path).send().await.unwrap()
    }
}

/// The status, code and body of a problem, which has every member that problems have.
pub(crate) async fn problem(response: Response) -> (StatusCode, String, Value) {
    let status = response.status();
    let headers = response.headers().clone();
    let text = response.text().await.unwrap();
    let body: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status} {text}"));
    assert_eq!(
        headers["content-type"], "application/problem+json",
        "{body}"
    );
    assert_eq!(body["status"], status.as_u16());
    assert_eq!(
        body["request_id"],
        headers["x-request-id"].to_str().unwrap()
    );
    for member in ["type", "title", "detail", "code"] {
        assert!(
            body[member].as_str().is_some_and(|text| !text.is_empty()),
            "{member} in {body}"
        );
    }
    assert!(body["retryable"].is_boolean(), "{body}");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["x-frame-options"], "DENY");
    assert_eq!(
        headers["referrer-policy"],
        "strict-origin-when-cross-origin"
    );
    assert!(headers.contains_key("content-security-policy"));
    (status, body["code"].as_str().unwrap().to_owned(), body)
}
