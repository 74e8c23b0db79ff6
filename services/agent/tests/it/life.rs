//! What administrators do with agents, and how far that has come.

use chassis::{Caller, caller};
use chrono::{DateTime, Utc};
use prost_types::FieldMask;
use proto::{
    agent::v1::{
        Agent, AgentJob, AgentStatus, DeleteAgentRequest, HeartbeatRequest, ListAgentJobsRequest,
        RotateAgentTokenRequest, UnlinkAgentRequest, UpdateAgentRequest, WakeAgentRequest,
    },
    board::v1::Board,
    event::v1::{BoardPaused, BoardResumed, event::Payload},
};
use tonic::Status;
use uuid::Uuid;

use crate::{
    fixture::{World, calling, until},
    stand_in::Call,
};

/// A deadline that passes within a test, but not while everything goes well.
pub(crate) const SOON_GIVEN_UP: [&str; 4] = [
    "--lifecycle-deadline",
    "12s",
    "--lifecycle-retry-schedule",
    "100ms,100ms,100ms,100ms,500ms,500ms,500ms,500ms,500ms,1s,1s,1s,1s,1s,1s,2s,2s,2s,2s,2s",
];

/// An update of these fields; the values follow.
pub(crate) fn change(agent: &Agent, fields: &[&str]) -> UpdateAgentRequest {
    UpdateAgentRequest {
        agent_id: agent.id.clone(),
        update_mask: Some(FieldMask {
            paths: fields.iter().map(|&field| field.to_owned()).collect(),
        }),
        ..UpdateAgentRequest::default()
    }
}

pub(crate) fn renamed(agent: &Agent, name: &str) -> UpdateAgentRequest {
    UpdateAgentRequest {
        name: Some(name.into()),
        ..change(agent, &["name"])
    }
}

pub(crate) fn moved(agent: &Agent, board: Uuid) -> UpdateAgentRequest {
    UpdateAgentRequest {
        board_id: Some(board.to_string()),
        ..change(agent, &["board_id"])
    }
}

impl World {
    pub(crate) async fn update(&self, request: UpdateAgentRequest) -> Result<Agent, Status> {
        let answer = self.agents(self.admin()).update_agent(request).await?;
        Ok(answer.into_inner().agent.unwrap())
    }

    pub(crate) async fn delete(
        &self,
        caller: Caller,
        agent_id: &str,
        force: bool,
    ) -> Result<(), Status> {
        let request = DeleteAgentRequest {
            agent_id: agent_id.into(),
            board_id: None,
            force: force.then_some(true),
        };
        let answer = self.agents(caller).delete_agent(request).await?;
        assert!(answer.into_inner().ok);
        Ok(())
    }

    pub(crate) async fn unlink(&self, agent: &Agent) -> Result<(), Status> {
        let request = UnlinkAgentRequest {
            agent_id: agent.id.clone(),
        };
        self.agents(self.admin()).unlink_agent(request).await?;
        Ok(())
    }

    pub(crate) async fn rotate(&self, agent: &Agent, revoke: bool) -> Result<Agent, Status> {
        let request = RotateAgentTokenRequest {
            agent_id: agent.id.clone(),
            revoke: revoke.then_some(true),
        };
        let answer = self
            .agents(self.admin())
            .rotate_agent_token(request)
            .await?;
        Ok(answer.into_inner().agent.unwrap())
    }

    pub(crate) async fn wake(&self, agent: &Agent) -> Result<Agent, Status> {
        let request = WakeAgentRequest {
            agent_id: agent.id.clone(),
        };
        let answer = self.agents(self.admin()).wake_agent(request).await?;
        Ok(answer.into_inner().agent.unwrap())
    }

    pub(crate) async fn jobs(&self, agent: &Agent) -> Vec<AgentJob> {
        let request = ListAgentJobsRequest {
            agent_id: agent.id.clone(),
            ..ListAgentJobsRequest::default()
        };
        let answer = self.agents(self.admin()).list_agent_jobs(request).await;
        answer.unwrap().into_inner().items
    }

    /// The agent says that it is alive.
    pub(crate) async fn beat(&self, agent: &Agent) -> Agent {
        let caller = calling(agent, self.organization);
        let answer = self.agents(caller).heartbeat(HeartbeatRequest {}).await;
        answer.unwrap().into_inner().agent.unwrap()
    }

    /// A worker on a board of a gateway, in place, and what was done until then forgotten.
    pub(crate) async fn placed(&self, name: &str) -> (Agent, Uuid) {
        let gateway = self.gateway(&format!("Gateway of {name}")).await;
        let main = self.main_agent(&gateway).await;
        self.until(&main.id, AgentStatus::Ready).await;
        let board = self.board(&gateway, 5);
        let agent = self.worker(board, name).await;
        let agent = self.until(&agent.id, AgentStatus::Ready).await;
        self.connector.forget();
        (agent, board)
    }

    pub(crate) async fn until_forgotten(&self, agent: &Agent) {
        until("the agent is gone", || async {
            self.clock.advance(chrono::TimeDelta::milliseconds(20));
            (self.rows_of(agent).await == 0).then_some(())
        })
        .await;
    }

    pub(crate) async fn rows_of(&self, agent: &Agent) -> i64 {
        sqlx::query_scalar("select count(*) from agent where id = $1::uuid")
            .bind(&agent.id)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    /// What still waits to be done, by queue.
    pub(crate) async fn planned(&self, queue: &str) -> i64 {
        sqlx::query_scalar(
            "select count(*) from delivery where queue = $1 and state in ('waiting', 'failed', 'sending')",
        )
        .bind(queue)
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }

    /// Agents that wait to be woken or to call.
    /// Wake-ups of everybody that are due now or later, or wait for a board.
    pub(crate) async fn wakes(&self) -> i64 {
        sqlx::query_scalar("select count(*) from wake")
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    /// The same of one agent. Those of others end at times of their own.
    pub(crate) async fn wakes_of(&self, agent: &Agent) -> i64 {
        sqlx::query_scalar("select count(*) from wake where agent_id = $1::uuid")
            .bind(&agent.id)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    pub(crate) async fn pause_board(&self, board: Uuid) {
        let board = self.boards.get(&board.to_string());
        self.say(Payload::BoardPaused(BoardPaused { board })).await;
        self.until_paused(1).await;
    }

    pub(crate) async fn resume_board(&self, board: Uuid) {
        let board: Option<Board> = self.boards.get(&board.to_string());
        self.say(Payload::BoardResumed(BoardResumed { board }))
            .await;
        self.until_paused(0).await;
    }

    async fn until_paused(&self, count: i64) {
        until("the pause is taken in", || async {
            let paused: i64 = sqlx::query_scalar("select count(*) from paused_board")
                .fetch_one(&self.pool)
                .await
                .unwrap();
            (paused == count).then_some(())
        })
        .await;
    }

    async fn say(&self, payload: Payload) {
        let actor = caller::system_actor();
        let now: DateTime<Utc> = self.clock.now();
        self.tell(bus::event(actor, self.organization, now, payload).build())
            .await;
    }

    /// Wake-ups and jobs that the connector was asked for, of one agent.
    pub(crate) fn names_of(&self, key: &str) -> Vec<&'static str> {
        let calls = self.connector.calls();
        calls
            .iter()
            .filter(|call| match call {
                Call::Ensure(request) => request.agent_key == key,
                Call::Write(request) => request.agent_key == key,
                Call::Remove(request) => request.agent_key == key,
                Call::RemoveFiles(request) => request.agent_key == key,
                Call::Send(request) => request.session_key.contains(key),
                Call::Reset(request) => request.session_key.contains(key),
                _ => false,
            })
            .map(Call::name)
            .collect()
    }
}
