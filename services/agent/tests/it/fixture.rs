//! A running agent service with its neighbours.

use std::{
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use bus::{Bus, Handler, Subscription};
use chassis::{Caller, Clock, Peer, Role, Running, Server, caller};
use chrono::TimeDelta;
use clap::Parser;
use proto::{
    agent::v1::{
        Agent, AgentPhase, AgentStatus, AuthenticateAgentRequest, AuthenticateAgentResponse,
        CreateAgentRequest, CreateGatewayRequest, Gateway, GetAgentRequest, ListAgentsRequest,
        agent_directory_service_client::AgentDirectoryServiceClient,
        agent_service_client::AgentServiceClient, gateway_service_client::GatewayServiceClient,
        notice_service_client::NoticeServiceClient,
    },
    board::v1::{Board, BoardType, board_directory_service_server::BoardDirectoryServiceServer},
    event::v1::Event,
    gateway::v1::connector_service_server::ConnectorServiceServer,
    org::v1::identity_service_server::IdentityServiceServer,
};
use sqlx::{PgConnection, PgPool};
use tonic::Status;
use uuid::Uuid;

use crate::{
    people::People,
    stand_in::{Boards, Connector},
};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    config: agent::Config,
}

/// A configuration out of the same words that the binary takes.
pub(crate) fn config(extra: &[&str]) -> agent::Config {
    let pauses = ["20ms"; 40].join(",");
    let mut words: Vec<&str> = vec!["agent", "--base-url", "http://127.0.0.1:8000/"];
    let mut given = |name: &'static str, value| {
        if !extra.contains(&name) {
            words.extend([name, value]);
        }
    };
    given("--lifecycle-timeout", "5s");
    given("--notice-timeout", "5s");
    given("--lifecycle-retry-schedule", &pauses);
    given("--notice-retry-schedule", &pauses);
    words.extend(extra);
    Cli::parse_from(words).config
}

/// A deadline that passes long before the attempts are used up.
pub(crate) const SHORT_DEADLINE: [&str; 4] = [
    "--lifecycle-deadline",
    "1500ms",
    "--lifecycle-retry-schedule",
    "100ms,100ms,100ms,100ms,100ms,500ms,500ms,500ms,500ms,500ms",
];

/// Everything that was told, as another service would hear it.
#[derive(Clone, Default)]
struct Ear(Arc<Mutex<Vec<Event>>>);

#[async_trait::async_trait]
impl Handler for Ear {
    async fn handle(&self, _: &mut PgConnection, event: &Event) -> anyhow::Result<()> {
        self.0.lock().unwrap().push(event.clone());
        Ok(())
    }
}

pub(crate) struct World {
    pub(crate) pool: PgPool,
    pub(crate) clock: Clock,
    pub(crate) boards: Boards,
    pub(crate) connector: Connector,
    pub(crate) people: People,
    pub(crate) organization: Uuid,
    pub(crate) running: Running,
    ear: Ear,
}

impl World {
    pub(crate) async fn start(pool: PgPool) -> Self {
        Self::start_with(pool, Clock::system(), &[]).await
    }

    pub(crate) async fn start_with(pool: PgPool, clock: Clock, extra: &[&str]) -> Self {
        bus::install(&pool).await.unwrap();
        bus::migrator().run(&pool).await.unwrap();
        delivery::migrator().run(&pool).await.unwrap();
        agent::MIGRATOR.run(&pool).await.unwrap();
        let neighbours = Neighbours::default();
        let ear = Ear::default();
        let running = serve(&pool, &clock, &neighbours, &ear, extra).await;
        let Neighbours {
            boards,
            connector,
            people,
        } = neighbours;
        Self {
            pool,
            clock,
            boards,
            connector,
            people,
            organization: Uuid::from_u128(1),
            running,
            ear,
        }
    }

    /// Kills the process and starts another on the same database.
    pub(crate) async fn restart(self, extra: &[&str]) -> Self {
        let neighbours = self.neighbours();
        self.running.abort();
        let running = serve(&self.pool, &self.clock, &neighbours, &self.ear, extra).await;
        Self { running, ..self }
    }

    /// Starts another process on the same database.
    pub(crate) async fn replica(&self, extra: &[&str]) -> Running {
        let neighbours = self.neighbours();
        serve(&self.pool, &self.clock, &neighbours, &self.ear, extra).await
    }

    fn neighbours(&self) -> Neighbours {
        Neighbours {
            boards: self.boards.clone(),
            connector: self.connector.clone(),
            people: self.people.clone(),
        }
    }

    pub(crate) fn admin(&self) -> Caller {
        person(self.organization, Role::Admin)
    }

    pub(crate) fn gateways(&self, caller: Caller) -> GatewayServiceClient<Peer> {
        GatewayServiceClient::new(self.running.client(caller))
    }

    pub(crate) fn agents(&self, caller: Caller) -> AgentServiceClient<Peer> {
        AgentServiceClient::new(self.running.client(caller))
    }

    pub(crate) fn notices(&self, caller: Caller) -> NoticeServiceClient<Peer> {
        NoticeServiceClient::new(self.running.client(caller))
    }

    pub(crate) fn directory(&self) -> AgentDirectoryServiceClient<Peer> {
        AgentDirectoryServiceClient::new(self.running.client(Caller::Internal {
            service: "test".into(),
        }))
    }

    pub(crate) async fn gateway(&self, name: &str) -> Gateway {
        let request = CreateGatewayRequest {
            name: name.into(),
            url: "ws://127.0.0.1:18789".into(),
            workspace_root: "~/.openclaw/".into(),
            token: Some("gateway secret".into()),
            ..CreateGatewayRequest::default()
        };
        let answer = self
            .gateways(self.admin())
            .create_gateway(request)
            .await
            .unwrap();
        answer.into_inner().gateway.unwrap()
    }

    /// A board on a gateway, known to the board service.
    pub(crate) fn board(&self, gateway: &Gateway, max_agents: i32) -> Uuid {
        let id = Uuid::now_v7();
        self.boards.put(Board {
            id: id.to_string(),
            organization_id: self.organization.to_string(),
            name: "Launch".into(),
            description: "Ship it".into(),
            gateway_id: Some(gateway.id.clone()),
            board_type: BoardType::General.into(),
            max_agents,
            ..Board::default()
        });
        id
    }

    pub(crate) async fn try_create(
        &self,
        caller: Caller,
        request: CreateAgentRequest,
    ) -> Result<Agent, Status> {
        Ok(self
            .agents(caller)
            .create_agent(request)
            .await?
            .into_inner()
            .agent
            .unwrap())
    }

    pub(crate) async fn lead(&self, board: Uuid, name: &str) -> Agent {
        let request = CreateAgentRequest {
            is_board_lead: Some(true),
            ..wanted(board, name)
        };
        self.try_create(self.admin(), request).await.unwrap()
    }

    pub(crate) async fn worker(&self, board: Uuid, name: &str) -> Agent {
        self.try_create(self.admin(), wanted(board, name))
            .await
            .unwrap()
    }

    pub(crate) async fn agent(&self, id: &str) -> Agent {
        let request = GetAgentRequest {
            agent_id: id.into(),
        };
        self.agents(self.admin())
            .get_agent(request)
            .await
            .unwrap()
            .into_inner()
            .agent
            .unwrap()
    }

    pub(crate) async fn main_agent(&self, gateway: &Gateway) -> Agent {
        let request = ListAgentsRequest {
            gateway_id: Some(gateway.id.clone()),
            ..ListAgentsRequest::default()
        };
        let agents = self
            .agents(self.admin())
            .list_agents(request)
            .await
            .unwrap()
            .into_inner()
            .items;
        agents
            .into_iter()
            .find(|agent| agent.is_gateway_main)
            .unwrap()
    }

    /// Waits until the agent has this status, or is in place when that is asked for: it may wait for the agent's call then.
    /// A clock that stands still is moved meanwhile, or nothing would be retried.
    pub(crate) async fn until(&self, id: &str, status: AgentStatus) -> Agent {
        until(&format!("{id} is {status:?}"), || async {
            self.clock.advance(TimeDelta::milliseconds(20));
            let agent = self.agent(id).await;
            let placed = status == AgentStatus::Ready && agent.phase() == AgentPhase::Ready;
            (placed || agent.status() == status).then_some(agent)
        })
        .await
    }

    pub(crate) async fn authenticate(
        &self,
        token: &str,
    ) -> Result<AuthenticateAgentResponse, Status> {
        let request = AuthenticateAgentRequest {
            token: token.into(),
        };
        Ok(self
            .directory()
            .authenticate_agent(request)
            .await?
            .into_inner())
    }

    /// The token in an agent's files, once they are written.
    pub(crate) async fn token(&self, agent: &Agent) -> String {
        until("the files are written", || async {
            self.connector.token(&key(agent))
        })
        .await
    }

    /// Tells an event as another service would.
    pub(crate) async fn tell(&self, event: Event) {
        let mut conn = self.pool.acquire().await.unwrap();
        bus::outbox::append(&mut conn, event).await.unwrap();
    }

    /// Waits until a statement waits for a row that another transaction holds.
    pub(crate) async fn until_somebody_waits(&self) {
        self.until_waiting(1).await;
    }

    /// Waits until so many wait for a lock.
    pub(crate) async fn until_waiting(&self, count: i64) {
        until("somebody waits", || async {
            let waiting: i64 = sqlx::query_scalar(
                "select count(*) from pg_stat_activity
                 where datname = current_database() and wait_event_type = 'Lock'",
            )
            .fetch_one(&self.pool)
            .await
            .unwrap();
            (waiting >= count).then_some(())
        })
        .await;
    }

    /// Waits until every event has been taken in and nothing is due on a queue that somebody works.
    pub(crate) async fn until_quiet(&self) {
        until("everything is taken in", || async {
            let mut conn = self.pool.acquire().await.unwrap();
            let pending = bus::outbox::pending(&mut conn).await.unwrap();
            let due: i64 = sqlx::query_scalar(
                "select count(*) from delivery
                 where queue in ('notice', 'lifecycle')
                   and (state = 'sending' or state in ('waiting', 'failed') and next_attempt_at <= now())",
            )
            .fetch_one(&mut *conn)
            .await
            .unwrap();
            (pending == 0 && due == 0).then_some(())
        })
        .await;
        // What left the outbox is at the consumers within moments.
        tokio::time::sleep(Duration::from_millis(150)).await;
    }

    /// What was told so far of this type.
    pub(crate) fn heard(&self, r#type: &str) -> Vec<Event> {
        let heard = self.ear.0.lock().unwrap();
        heard
            .iter()
            .filter(|event| event.r#type == r#type)
            .cloned()
            .collect()
    }

    pub(crate) async fn until_heard(&self, r#type: &str, count: usize) -> Vec<Event> {
        until(&format!("{count} x {}", r#type), || async {
            Some(self.heard(r#type)).filter(|events| events.len() >= count)
        })
        .await
    }
}

/// The peers that tests can steer.
#[derive(Default)]
struct Neighbours {
    boards: Boards,
    connector: Connector,
    people: People,
}

async fn serve(
    pool: &PgPool,
    clock: &Clock,
    neighbours: &Neighbours,
    ear: &Ear,
    extra: &[&str],
) -> Running {
    let Neighbours {
        boards,
        connector,
        people,
    } = neighbours;
    let mut server = Server::for_tests(pool.clone(), clock.clone());
    let bus = Bus::for_tests(pool.clone());
    server.add_service("board", BoardDirectoryServiceServer::new(boards.clone()));
    server.add_service("org", IdentityServiceServer::new(people.clone()));
    server.add_service(
        "gateway-connector",
        ConnectorServiceServer::new(connector.clone()),
    );
    agent::register(&mut server, &bus, config(extra))
        .await
        .unwrap();
    let everything = Subscription {
        group: "ear",
        topics: &["#"],
    };
    bus.consume(&mut server, everything, pool.clone(), ear.clone())
        .await
        .unwrap();
    server.start()
}

pub(crate) fn wanted(board: Uuid, name: &str) -> CreateAgentRequest {
    CreateAgentRequest {
        board_id: Some(board.to_string()),
        name: name.into(),
        ..CreateAgentRequest::default()
    }
}

pub(crate) fn person(organization_id: Uuid, role: Role) -> Caller {
    Caller::User(caller::User {
        id: Uuid::from_u128(77),
        name: "Grace Hopper".into(),
        organization_id,
        role,
        all_boards_read: false,
        all_boards_write: false,
        boards: Vec::new(),
        scopes: Vec::new(),
    })
}

/// The agent as a caller, as the edge would make one of its token.
pub(crate) fn calling(agent: &Agent, organization_id: Uuid) -> Caller {
    Caller::Agent(caller::Agent {
        id: agent.id.parse().unwrap(),
        name: agent.name.clone(),
        organization_id,
        gateway_id: agent.gateway_id.parse().unwrap(),
        board_id: agent.board_id.as_ref().map(|id| id.parse().unwrap()),
        is_board_lead: agent.is_board_lead,
    })
}

/// Its name on the gateway, out of its session's key.
pub(crate) fn key(agent: &Agent) -> String {
    agent
        .openclaw_session_id
        .as_ref()
        .unwrap()
        .split(':')
        .nth(1)
        .unwrap()
        .to_owned()
}

pub(crate) fn reason(status: &Status) -> String {
    chassis::fault::read(status).reason
}

/// The reason and the first field of a refusal.
pub(crate) fn refusal(status: &Status) -> (u16, String, String) {
    let fault = chassis::fault::read(status);
    let field = fault
        .fields
        .first()
        .map(|violation| violation.field.clone())
        .unwrap_or_default();
    (fault.code.http(), fault.reason, field)
}

/// Waits for something to become so.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(
    what: &str,
    check: impl Fn() -> F,
) -> T {
    for _ in 0..1_500 {
        if let Some(found) = check().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never came: {what}");
}
