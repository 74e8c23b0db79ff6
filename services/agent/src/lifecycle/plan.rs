//! Plans jobs.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::QUEUE;
use crate::{
    agent::Agent,
    job::{Job, Kind},
    store,
};

/// Plans jobs.
#[derive(Clone, Debug)]
pub(crate) struct Planner {
    /// Time after which a job is given up.
    pub deadline: Duration,
    /// How long one attempt may take.
    pub attempt: Duration,
}

impl Planner {
    /// Plans one job per agent that puts it in place, to begin when the transaction commits. The agents are `pending`
    /// already.
    pub(crate) async fn plan(
        &self,
        conn: &mut PgConnection,
        agents: &[Agent],
        requested_by: Option<&str>,
        now: DateTime<Utc>,
    ) -> sqlx::Result<()> {
        let kind = |agent: &Agent| Kind::needed(agent.provisioned_at);
        self.enqueue(conn, agents, kind, requested_by, |_| now, now)
            .await
    }

    /// Plans one job per agent that tells its gateway its new pace. The agents are `pending` already.
    pub(crate) async fn plan_pace(
        &self,
        conn: &mut PgConnection,
        agents: &[Agent],
        requested_by: Option<&str>,
        now: DateTime<Utc>,
    ) -> sqlx::Result<()> {
        self.enqueue(conn, agents, |_| Kind::Pace, requested_by, |_| now, now)
            .await
    }

    /// Plans one job per agent that takes it from its gateway. The agents are `deleting` already. An attempt to put one in
    /// place that was under way until now ends first, so that it does not bring back what is gone.
    pub(crate) async fn plan_removal(
        &self,
        conn: &mut PgConnection,
        agents: &[Agent],
        under_way: &[Uuid],
        requested_by: Option<&str>,
        now: DateTime<Utc>,
    ) -> sqlx::Result<()> {
        let ended = TimeDelta::from_std(self.attempt).map_or(now, |attempt| now + attempt);
        let begins = |agent: &Agent| {
            if under_way.contains(&agent.id) {
                ended
            } else {
                now
            }
        };
        self.enqueue(conn, agents, |_| Kind::Delete, requested_by, begins, now)
            .await
    }

    /// When a job that begins now is given up.
    pub(crate) fn due_by(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let deadline = TimeDelta::from_std(self.deadline).ok()?;
        now.checked_add_signed(deadline)
    }

    async fn enqueue(
        &self,
        conn: &mut PgConnection,
        agents: &[Agent],
        kind: impl Fn(&Agent) -> Kind,
        requested_by: Option<&str>,
        begins: impl Fn(&Agent) -> DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> sqlx::Result<()> {
        let jobs: Vec<Job> = agents
            .iter()
            .map(|agent| Job {
                id: Uuid::now_v7(),
                agent_id: agent.id,
                kind: kind(agent),
                step: kind(agent).begins(),
                requested_by: requested_by.map(str::to_owned),
                again: false,
                pace_again: false,
                created_at: now,
            })
            .collect();
        store::jobs::insert(conn, &jobs).await?;
        let deliveries: Vec<_> = jobs
            .iter()
            .zip(agents)
            .map(|(job, agent)| delivery::New {
                id: job.id,
                queue: QUEUE,
                target: agent.gateway_id.to_string(),
                payload: serde_json::json!({"agent_id": agent.id}),
                due_at: begins(agent),
                deadline_at: self.due_by(begins(agent)),
            })
            .collect();
        delivery::enqueue(conn, &deliveries).await
    }
}
