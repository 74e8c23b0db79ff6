//! Confirming an onboarding: the goal goes to the board, then the board gets its lead.
//!
//! 1. The onboarding is claimed for a minute, so that of two who confirm at once one waits for nobody and the other is told.
//! 2. The owner of boards writes the goal. Repeating it changes nothing.
//! 3. In one transaction the onboarding is confirmed and the lead gets what was drafted.
//!
//! Whatever fails after the first step lets go of the claim, and the whole can be repeated; so can it when the process dies,
//! once the claim has ended.

use chassis::{BoardScope, Caller, Code, caller, fault};
use chrono::{DateTime, Utc};
use proto::board::v1::{Board, ConfirmGoalRequest, GoalConfirmer};
use serde_json::{Map, Value};

use super::{super::gateways::person, ATTEMPTS, Desk};
use crate::{
    departure,
    error::Error,
    lead::{self, Cause, Given, Wanted},
    onboarding::{
        Move, Onboarding,
        draft::{Goal, LeadDraft},
    },
    store::{leads, onboardings},
    wire::{self, event},
};

/// Where a goal comes from that was found out like this.
const SOURCE: &str = "lead_agent_onboarding";

impl Desk {
    pub(super) async fn confirm(
        &self,
        caller: &Caller,
        board: &Board,
        scope: &BoardScope,
        goal: Goal,
    ) -> Result<Board, Error> {
        let Caller::User(user) = caller else {
            return Err(Error::BoardWriteRequired);
        };
        let gateway_id = scope.gateway_id.ok_or_else(super::no_gateway)?;
        let mut it = self.claim(scope).await?;
        // The lead comes to live where the board does now.
        it.gateway_id = gateway_id;
        let done = self.finish(caller, user, board, &it, goal).await;
        if done.is_err() {
            let mut conn = self.pool.acquire().await?;
            onboardings::release(&mut conn, it.id, it.confirming_until).await?;
        }
        done
    }

    async fn claim(&self, scope: &BoardScope) -> Result<Onboarding, Error> {
        let mut tx = self.pool.begin().await?;
        let (mut it, _, now) = self.open(&mut tx, scope, Move::Confirm).await?;
        it.confirming_until = Some(Onboarding::claimed_until(now));
        onboardings::update(&mut tx, &it).await?;
        tx.commit().await?;
        Ok(it)
    }

    async fn finish(
        &self,
        caller: &Caller,
        user: &caller::User,
        board: &Board,
        it: &Onboarding,
        goal: Goal,
    ) -> Result<Board, Error> {
        let mut conn = self.pool.acquire().await?;
        let leads = leads::list(&mut conn, it.organization_id, &[it.board_id]).await?;
        drop(conn);
        // Better now than when half of it is done.
        if leads.iter().any(|lead| lead.leaving_at.is_some()) {
            return Err(Error::AgentLeaving);
        }
        let asks = it
            .draft
            .as_ref()
            .is_none_or(|draft| draft.requires_approval());
        // Rules of a board are for administrators to relax.
        let keeps = !caller.is_admin() && board.require_approval_for_done;
        let board = self.write_goal(user, it, goal, asks || keeps).await?;
        for _ in 0..ATTEMPTS {
            if self.close(caller, it, self.clock.now()).await? {
                return Ok(board);
            }
        }
        Err(Error::AgentBusy)
    }

    async fn write_goal(
        &self,
        user: &caller::User,
        it: &Onboarding,
        goal: Goal,
        require_approval_for_done: bool,
    ) -> Result<Board, Error> {
        let request = ConfirmGoalRequest {
            organization_id: it.organization_id.to_string(),
            board_id: it.board_id.to_string(),
            board_type: wire::onboarding::board_type(goal.board_type).into(),
            objective: goal.objective,
            success_metrics: wire::onboarding::object(goal.success_metrics.as_ref()),
            target_date: chassis::encode::optional_time(goal.target_date),
            goal_source: SOURCE.to_owned(),
            require_approval_for_done,
            confirmed_by: Some(GoalConfirmer {
                id: user.id.to_string(),
                name: user.name.clone(),
            }),
        };
        let answer = self.boards.clone().confirm_goal(request).await;
        let answer = answer.map_err(|status| {
            let fault = fault::read(&status);
            if fault.code == Code::NotFound {
                Error::BoardNotFound
            } else {
                Error::Refused(fault)
            }
        })?;
        answer.into_inner().board.ok_or_else(|| Error::Peer {
            role: "board",
            source: "a confirmed board".into(),
        })
    }

    /// Confirms the onboarding and gives the board its lead; whether that could be done in this transaction.
    async fn close(
        &self,
        caller: &Caller,
        it: &Onboarding,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let cause = Cause {
            actor: caller.event_actor(),
            requester: person(caller),
            at: now,
        };
        let mut tx = self.pool.begin().await?;
        if departure::is_any_gone(&mut tx, &[it.board_id, it.organization_id]).await? {
            return Err(Error::BoardNotFound);
        }
        let confirmed = onboardings::confirm(&mut tx, it.id, it.confirming_until, now)
            .await?
            .ok_or(Error::OnboardingClosed)?;
        let drafted = it
            .draft
            .as_ref()
            .and_then(|draft| draft.lead_agent.as_ref());
        let profile: Map<String, Value> = drafted.map(LeadDraft::profile).unwrap_or_default();
        let wanted = Wanted {
            organization_id: it.organization_id,
            gateway_id: it.gateway_id,
            name: drafted
                .and_then(|lead| lead.name.as_deref())
                .unwrap_or(lead::NAME),
            identity_profile: Some(&profile),
        };
        let ids = [it.board_id];
        let leads = lead::ensure(&mut tx, &self.planner, wanted, &ids, &cause).await?;
        let lead = leads.get(&it.board_id).ok_or(Error::AgentLeaving)?;
        if lead.agent.leaving_at.is_some() {
            return Err(Error::AgentLeaving);
        }
        if !lead.is_new {
            let given =
                lead::give_profile(&mut tx, &self.planner, &lead.agent, &profile, &cause).await?;
            if matches!(given, Given::Again) {
                return Ok(false);
            }
        }
        let told = event::onboarding_changed(cause.actor, &confirmed, Some(Move::Confirm), now);
        bus::outbox::append(&mut tx, told).await?;
        tx.commit().await?;
        Ok(true)
    }
}
