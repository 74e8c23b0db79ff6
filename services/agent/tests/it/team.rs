//! A board with a lead and two workers, what is told about it, and what they hear.

use chassis::Clock;
use proto::{
    agent::v1::{
        Agent, AgentStatus, Gateway, GetGatewayRequest, ListAgentNoticesRequest, Notice,
        NoticeState,
    },
    board::v1::{Task, TaskStatus},
    event::v1::{Actor, TaskCreated, TaskStatusChanged, event::Payload},
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::fixture::{World, calling, person, until};

/// A board with a lead and two workers, all ready.
pub(crate) struct Team {
    pub(crate) world: World,
    pub(crate) board: Uuid,
    pub(crate) lead: Agent,
    pub(crate) ada: Agent,
    pub(crate) bob: Agent,
}

impl Team {
    pub(crate) async fn start(pool: PgPool, extra: &[&str]) -> Self {
        let world = World::start_with(pool, Clock::system(), extra).await;
        let gateway = world.gateway("Lab").await;
        let board = world.board(&gateway, 5);
        let (lead, ada, bob) = (
            world.lead(board, "Lena").await,
            world.worker(board, "Ada").await,
            world.worker(board, "Bob").await,
        );
        for agent in [&world.main_agent(&gateway).await, &lead, &ada, &bob] {
            world.until(&agent.id, AgentStatus::Ready).await;
        }
        world.connector.forget();
        Self {
            world,
            board,
            lead,
            ada,
            bob,
        }
    }

    pub(crate) fn task(&self, status: TaskStatus, assignee: Option<&Agent>) -> Task {
        Task {
            id: Uuid::from_u128(0x7a5).to_string(),
            board_id: self.board.to_string(),
            title: "Write it".into(),
            description: Some("With care".into()),
            status: status.into(),
            assigned_agent_id: assignee.map(|agent| agent.id.clone()),
            ..Task::default()
        }
    }

    pub(crate) async fn tell(&self, actor: Actor, payload: Payload) {
        let event = bus::event(
            actor,
            self.world.organization,
            self.world.clock.now(),
            payload,
        )
        .board(self.board);
        self.world.tell(event.build()).await;
    }

    pub(crate) async fn created(&self, actor: Actor, assignee: Option<&Agent>) {
        let task = Some(self.task(TaskStatus::Inbox, assignee));
        self.tell(
            actor,
            Payload::TaskCreated(TaskCreated {
                task,
                board_name: "Launch".into(),
            }),
        )
        .await;
    }

    /// The gateway on which all of them live.
    pub(crate) async fn gateway(&self) -> Gateway {
        let request = GetGatewayRequest {
            gateway_id: self.lead.gateway_id.clone(),
        };
        let answer = self
            .world
            .gateways(self.world.admin())
            .get_gateway(request)
            .await
            .unwrap();
        answer.into_inner().gateway.unwrap()
    }

    /// What each agent was told, after this many messages arrived: name and first line.
    pub(crate) async fn told(&self, count: usize) -> Vec<(&'static str, String)> {
        let taken = until(&format!("{count} messages"), || async {
            Some(self.world.connector.taken()).filter(|taken| taken.len() >= count)
        })
        .await;
        let mut told: Vec<_> = taken
            .iter()
            .map(|sent| {
                let name = [("Lena", &self.lead), ("Ada", &self.ada), ("Bob", &self.bob)]
                    .into_iter()
                    .find(|(_, agent)| {
                        agent.openclaw_session_id.as_ref() == Some(&sent.session_key)
                    })
                    .map_or("?", |(name, _)| name);
                (name, sent.message.lines().next().unwrap().to_owned())
            })
            .collect();
        told.sort();
        told
    }

    pub(crate) async fn notices(&self, agent: &Agent) -> Vec<Notice> {
        let request = ListAgentNoticesRequest {
            agent_id: agent.id.clone(),
            ..Default::default()
        };
        self.world
            .notices(self.world.admin())
            .list_agent_notices(request)
            .await
            .unwrap()
            .into_inner()
            .items
    }

    pub(crate) async fn until_notice(&self, agent: &Agent, state: NoticeState) -> Notice {
        until(&format!("a notice is {state:?}"), || async {
            self.notices(agent)
                .await
                .into_iter()
                .find(|notice| notice.state() == state)
        })
        .await
    }
}

pub(crate) fn user() -> Actor {
    person(Uuid::from_u128(1), chassis::Role::Admin).event_actor()
}

pub(crate) fn by(agent: &Agent) -> Actor {
    calling(agent, Uuid::from_u128(1)).event_actor()
}

pub(crate) fn moved(task: Task, from: TaskStatus, previous: Option<&Agent>) -> TaskStatusChanged {
    TaskStatusChanged {
        from: from.into(),
        to: task.status,
        task: Some(task),
        board_name: "Launch".into(),
        previous_assignee_id: previous.map(|agent| agent.id.clone()),
        ..TaskStatusChanged::default()
    }
}
