//! Waking agents, and waiting for them to call.
//!
//! A wake-up is a message to the agent's session. Once a gateway has accepted it, the agent has until a deadline to call;
//! any call will do. One that does not is woken again, [`MAX_WAKES`] times in all: in the same session with the same token,
//! and only the last time in a session that begins anew. Then it is silent, and nobody wakes it until somebody asks.
//!
//! | What is due | Is it open? | Board | What follows |
//! |---|---|---|---|
//! | a wake-up that somebody wants | - | at work | a message; the count begins anew |
//! | the deadline of a wake-up | the agent has called | - | nothing |
//! | the deadline of a wake-up | it has not | at work | another message; the last one after a reset |
//! | the deadline of the last one | it has not | - | silent |
//! | either | it has not | paused | waits for the board; the count begins anew then |
//!
//! What is due is a row with a delivery of the same id on the queue [`QUEUE`], due at the deadline: it survives restarts.
//! An agent has one at most. Jobs that only bring an agent up to date do not touch it.

mod carrier;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    agent::{Agent, Wake},
    phase::MAX_WAKES,
    store,
    wire::event,
};

pub(crate) use carrier::Carrier;

/// Queue of wake-ups that are due; its targets are gateways.
pub(crate) const QUEUE: &str = "checkin";

/// A wake-up that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub agent_id: Uuid,
    /// Begins to count anew: somebody wants the agent awake.
    pub is_first: bool,
    /// Since when it waits, or waited, for the agent's board.
    pub held_since: Option<DateTime<Utc>>,
    /// When the message of the present attempt set out.
    pub sent_at: Option<DateTime<Utc>>,
}

/// What is to be done when a wake-up is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The agent has called, or goes.
    Nothing,
    /// Wake it, in a session that begins anew or as it is.
    Send { reset: bool },
    /// Wait for its board.
    Hold,
    /// Wait for it no longer.
    Silent,
}

/// Decides what is to be done about an agent that stays.
pub(crate) fn next(
    due: &Due,
    wake: &Wake,
    last_seen_at: Option<DateTime<Utc>>,
    paused: bool,
) -> Next {
    let called_while_held = due
        .held_since
        .is_some_and(|since| last_seen_at.is_some_and(|seen| seen >= since));
    let answered = !due.is_first && wake.deadline_at.is_none();
    if called_while_held || answered {
        return Next::Nothing;
    }
    if !due.is_first && wake.attempts >= MAX_WAKES {
        return Next::Silent;
    }
    if paused {
        return Next::Hold;
    }
    let reset = !due.is_first && wake.attempts + 1 >= MAX_WAKES;
    Next::Send { reset }
}

/// Plans wake-ups.
#[derive(Clone, Debug)]
pub(crate) struct Waker {
    /// How long a wake-up waits for the agent.
    pub patience: Duration,
    /// Time after which a message that the gateway does not accept is given up.
    pub effort: Duration,
}

impl Waker {
    /// Forgets what is due of these agents. Call it before jobs and agents are changed.
    pub(crate) async fn forget(
        &self,
        conn: &mut PgConnection,
        agent_ids: &[Uuid],
    ) -> sqlx::Result<()> {
        forget(conn, agent_ids).await
    }

    /// Has an agent woken now, whatever was due of it. Its phase stands still.
    pub(crate) async fn wake(
        &self,
        conn: &mut PgConnection,
        agent: &Agent,
        now: DateTime<Utc>,
    ) -> sqlx::Result<()> {
        self.plan(conn, agent, true, now, now).await
    }

    /// Records that a gateway has accepted the message that set out at `sent_at`, and waits for the agent.
    pub(crate) async fn accepted(
        &self,
        conn: &mut PgConnection,
        agent: &Agent,
        is_first: bool,
        sent_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        let attempt = if is_first { 1 } else { agent.wake.attempts + 1 };
        let deadline = later(now, self.patience);
        let recorded =
            store::wakes::record(conn, agent.id, is_first, sent_at, deadline, now).await?;
        let Some(agent) = recorded else { return Ok(()) };
        bus::outbox::append(conn, event::agent_woken(&agent, attempt, now)).await?;
        if agent.wake.deadline_at.is_some() {
            // What was planned before the agent stood still. Who holds it may wait for the agent.
            let planned = store::wakes::lock_unheld(conn, agent.id).await?;
            delivery::discard_unheld(conn, &planned).await?;
            store::wakes::delete(conn, &planned).await?;
            let due_at = later(deadline, spread(agent.id, self.patience));
            self.plan(conn, &agent, false, due_at, now).await?;
        }
        Ok(())
    }

    /// When a message is given up that is due at a moment.
    pub(crate) fn give_up_at(&self, due_at: DateTime<Utc>) -> DateTime<Utc> {
        later(due_at, self.effort)
    }

    async fn plan(
        &self,
        conn: &mut PgConnection,
        agent: &Agent,
        is_first: bool,
        due_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> sqlx::Result<()> {
        let id = Uuid::now_v7();
        // Somebody else was quicker: one is as good as the other.
        if !store::wakes::insert(conn, id, agent.id, is_first, now).await? {
            return Ok(());
        }
        let new = delivery::New {
            id,
            queue: QUEUE,
            target: agent.gateway_id.to_string(),
            payload: serde_json::json!({"agent_id": agent.id}),
            due_at,
            deadline_at: Some(self.give_up_at(due_at)),
        };
        delivery::enqueue(conn, &[new]).await
    }
}

/// Forgets what is due of these agents.
pub(crate) async fn forget(conn: &mut PgConnection, agent_ids: &[Uuid]) -> sqlx::Result<()> {
    let ids = store::wakes::list_of_agents(conn, agent_ids).await?;
    delivery::discard_all(conn, &ids).await?;
    store::wakes::delete(conn, &ids).await
}

/// How long after its deadline an agent is looked at: a little, and of many that were woken at once each at a time of its
/// own, so that the next wake-ups do not come to their gateway all at once.
fn spread(agent_id: Uuid, patience: Duration) -> Duration {
    let [.., share] = agent_id.into_bytes();
    patience / 10 * u32::from(share) / 255
}

fn later(at: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(by)
        .ok()
        .and_then(|by| at.checked_add_signed(by))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    fn due(is_first: bool, held: Option<i64>) -> Due {
        Due {
            agent_id: Uuid::nil(),
            is_first,
            held_since: held.map(at),
            sent_at: None,
        }
    }

    fn woken(attempts: i32) -> Wake {
        Wake {
            attempts,
            sent_at: Some(at(0)),
            deadline_at: Some(at(300)),
        }
    }

    #[test]
    fn those_woken_at_once_are_not_looked_at_at_once() {
        let patience = Duration::from_secs(300);
        let spread: std::collections::BTreeSet<Duration> = (0..1_000)
            .map(|n| super::spread(Uuid::from_u128(n), patience))
            .collect();
        assert!(spread.len() > 200, "{}", spread.len());
        assert_eq!(spread.first(), Some(&Duration::ZERO));
        assert_eq!(spread.last(), Some(&(patience / 10)));
    }

    #[test]
    fn only_the_last_of_three_resets_the_session() {
        let then = |attempts| next(&due(false, None), &woken(attempts), None, false);
        assert_eq!(then(1), Next::Send { reset: false });
        assert_eq!(then(2), Next::Send { reset: true });
        assert_eq!(then(3), Next::Silent);
        let first = next(&due(true, None), &woken(3), None, false);
        assert_eq!(first, Next::Send { reset: false });
    }

    #[test]
    fn an_agent_that_called_is_left_alone() {
        let called = Wake::default();
        assert_eq!(
            next(&due(false, None), &called, Some(at(5)), false),
            Next::Nothing
        );
        assert_eq!(
            next(&due(true, Some(3)), &called, Some(at(5)), false),
            Next::Nothing
        );
        assert_eq!(
            next(&due(true, Some(9)), &called, Some(at(5)), false),
            Next::Send { reset: false }
        );
    }

    #[test]
    fn nobody_is_woken_on_a_paused_board() {
        for attempts in 1..3 {
            assert_eq!(
                next(&due(false, None), &woken(attempts), None, true),
                Next::Hold
            );
        }
        assert_eq!(next(&due(true, None), &woken(1), None, true), Next::Hold);
        assert_eq!(next(&due(false, None), &woken(3), None, true), Next::Silent);
    }
}
