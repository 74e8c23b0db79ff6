//! Plans jobs.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::QUEUE;
use crate::{
    agent::Agent,
    job::{Job, Kind, Requester, Wish},
    phase::{Change, Phase},
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
    /// Plans one job per agent that puts it in place or brings it up to date, to begin when the transaction commits. The
    /// agents are `pending` already.
    pub(crate) async fn plan(
        &self,
        conn: &mut PgConnection,
        agents: &[Agent],
        wish: Wish,
        requested_by: Option<&Requester>,
        now: DateTime<Utc>,
    ) -> sqlx::Result<()> {
        let task = |agent: &Agent| Task {
            wish,
            ..Task::of(Kind::needed(agent.provisioned_at), now)
        };
        self.enqueue(conn, agents, task, requested_by, now).await
    }

    /// Has an agent brought up to date that was changed and that nobody else changes before the transaction ends: by the
    /// job that follows the one under way, or by a new one, also when its last one was given up. `is_followed` is whether
    /// [`Self::follow_up`] answered it. Answers the agent as it is then; `None` when a job began in between: begin anew.
    pub(crate) async fn renew(
        &self,
        conn: &mut PgConnection,
        agent: &Agent,
        is_followed: bool,
        wish: Wish,
        requested_by: Option<&Requester>,
        now: DateTime<Utc>,
    ) -> sqlx::Result<Option<Agent>> {
        if is_followed {
            return Ok(Some(agent.clone()));
        }
        let change = match agent.phase {
            Phase::Ready => Change::Refresh,
            Phase::Failed => Change::Retry,
            Phase::Pending | Phase::Provisioning | Phase::Updating | Phase::Deleting => {
                return Ok(None);
            }
        };
        let error = agent.last_error.as_deref();
        let pending = store::agents::change_phase(conn, agent.id, change, error, now).await?;
        let Some(pending) = pending else {
            return Ok(None);
        };
        let missed = if change == Change::Retry {
            store::jobs::list_last_wishes(conn, &[agent.id])
                .await?
                .pop()
        } else {
            None
        };
        let missed = missed.map(|(_, wish)| wish).unwrap_or_default();
        let wish = Wish {
            sync_id: wish.sync_id,
            ..missed.and(wish)
        };
        let agents = std::slice::from_ref(&pending);
        self.plan(conn, agents, wish, requested_by, now).await?;
        Ok(Some(pending))
    }

    /// The same as [`Self::plan`], not before a moment.
    pub(crate) async fn plan_from(
        &self,
        conn: &mut PgConnection,
        agent: &Agent,
        wish: Wish,
        requested_by: Option<&Requester>,
        begins: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> sqlx::Result<()> {
        let task = |agent: &Agent| Task {
            wish,
            ..Task::of(Kind::needed(agent.provisioned_at), begins)
        };
        let agents = std::slice::from_ref(agent);
        self.enqueue(conn, agents, task, requested_by, now).await
    }

    /// Has the jobs under way of these agents followed by others that do this; answers the agents that have one. Call it
    /// before the agents are changed, as whoever settles a job changes the job first.
    pub(crate) async fn follow_up(
        &self,
        conn: &mut PgConnection,
        agent_ids: &[Uuid],
        wish: Wish,
    ) -> sqlx::Result<Vec<Uuid>> {
        store::jobs::repeat(conn, agent_ids, wish).await
    }

    /// Plans one job per agent that does what its last one was given up on. The agents are `pending` already.
    pub(crate) async fn retry(
        &self,
        conn: &mut PgConnection,
        agents: &[Agent],
        requested_by: Option<&Requester>,
        now: DateTime<Utc>,
    ) -> sqlx::Result<()> {
        let ids: Vec<Uuid> = agents.iter().map(|agent| agent.id).collect();
        let wishes: HashMap<Uuid, Wish> = store::jobs::list_last_wishes(conn, &ids)
            .await?
            .into_iter()
            .collect();
        let task = |agent: &Agent| Task {
            wish: Wish {
                sync_id: None,
                ..wishes.get(&agent.id).copied().unwrap_or_default()
            },
            ..Task::of(Kind::needed(agent.provisioned_at), now)
        };
        self.enqueue(conn, agents, task, requested_by, now).await
    }

    /// Plans one job per agent that tells its gateway its new pace. The agents are `pending` already.
    pub(crate) async fn plan_pace(
        &self,
        conn: &mut PgConnection,
        agents: &[Agent],
        requested_by: Option<&Requester>,
        now: DateTime<Utc>,
    ) -> sqlx::Result<()> {
        let task = |_: &Agent| Task::of(Kind::Pace, now);
        self.enqueue(conn, agents, task, requested_by, now).await
    }

    /// Plans one job per agent that takes it from its gateway. The agents are `deleting` already. An attempt to put one in
    /// place that was under way until now ends first, so that it does not bring back what is gone.
    pub(crate) async fn plan_removal(
        &self,
        conn: &mut PgConnection,
        agents: &[Agent],
        under_way: &[Uuid],
        requested_by: Option<&Requester>,
        now: DateTime<Utc>,
    ) -> sqlx::Result<()> {
        let ended = self.ended_by(now);
        let task = |agent: &Agent| {
            let waits = under_way.contains(&agent.id);
            Task::of(Kind::Delete, if waits { ended } else { now })
        };
        self.enqueue(conn, agents, task, requested_by, now).await
    }

    /// When a job that begins now is given up.
    pub(crate) fn due_by(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let deadline = TimeDelta::from_std(self.deadline).ok()?;
        now.checked_add_signed(deadline)
    }

    /// When every attempt has ended that is under way now.
    pub(crate) fn ended_by(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        TimeDelta::from_std(self.attempt).map_or(now, |attempt| now + attempt)
    }

    async fn enqueue(
        &self,
        conn: &mut PgConnection,
        agents: &[Agent],
        task: impl Fn(&Agent) -> Task,
        requested_by: Option<&Requester>,
        now: DateTime<Utc>,
    ) -> sqlx::Result<()> {
        let tasks: Vec<(Job, DateTime<Utc>)> = agents
            .iter()
            .map(|agent| {
                let task = task(agent);
                let job = Job {
                    id: Uuid::now_v7(),
                    agent_id: agent.id,
                    kind: task.kind,
                    step: task.kind.begins(),
                    wish: task.wish,
                    requested_by: requested_by.cloned(),
                    again: false,
                    again_wish: Wish::default(),
                    pace_again: false,
                    created_at: now,
                };
                (job, task.begins)
            })
            .collect();
        let (jobs, begins): (Vec<Job>, Vec<DateTime<Utc>>) = tasks.into_iter().unzip();
        store::jobs::insert(conn, &jobs).await?;
        let deliveries: Vec<_> = jobs
            .iter()
            .zip(begins)
            .zip(agents)
            .map(|((job, begins), agent)| delivery::New {
                id: job.id,
                queue: QUEUE,
                target: agent.gateway_id.to_string(),
                payload: serde_json::json!({"agent_id": agent.id}),
                due_at: begins,
                deadline_at: self.due_by(begins),
            })
            .collect();
        delivery::enqueue(conn, &deliveries).await
    }
}

/// What is planned for one agent.
#[derive(Clone, Copy, Debug)]
struct Task {
    kind: Kind,
    wish: Wish,
    begins: DateTime<Utc>,
}

impl Task {
    fn of(kind: Kind, begins: DateTime<Utc>) -> Self {
        Self {
            kind,
            wish: Wish::default(),
            begins,
        }
    }
}
