//! What a row of an approval means.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    approval::{
        Approval, Creator, Decision, Link, Request, Requester, Resolution, State, Status, Terms,
        Vote,
    },
    dry_run,
};

/// A statement that reads approvals with their links, ordered as they were named, and the votes of the present round.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select a.id, a.organization_id, a.board_id, a.action_type, a.payload, a.confidence, a.rubric_scores, a.status,
                    a.created_by_user_id, a.created_by_agent_id, a.requester, a.created_at, a.opened_at, a.round, a.version,
                    a.required_approvals, a.self_approval_forbidden, a.policy_id, a.expires_at,
                    a.resolved_by_user_id, a.resolved_by_name, a.note, a.resolved_at,
                    l.task_ids, l.titles, l.cycles, v.voter_ids, v.voter_names, v.vote_notes, v.voted_at
             from approval a
             cross join lateral (
                 select coalesce(array_agg(task_id order by position), '{}') as task_ids,
                        coalesce(array_agg(title order by position), '{}') as titles,
                        coalesce(array_agg(cycle order by position), '{}') as cycles
                 from approval_task where approval_id = a.id
             ) l
             cross join lateral (
                 select coalesce(array_agg(user_id order by at, id), '{}') as voter_ids,
                        coalesce(array_agg(user_name order by at, id), '{}') as voter_names,
                        coalesce(array_agg(note order by at, id), '{}') as vote_notes,
                        coalesce(array_agg(at order by at, id), '{}') as voted_at
                 from approval_vote where approval_id = a.id and round = a.round
             ) v ",
            $rest
        )
    };
}
pub(super) use select;

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    id: Uuid,
    organization_id: Uuid,
    board_id: Uuid,
    action_type: String,
    payload: Option<serde_json::Value>,
    confidence: f64,
    rubric_scores: Json<BTreeMap<String, i32>>,
    status: String,
    created_by_user_id: Option<Uuid>,
    created_by_agent_id: Option<Uuid>,
    requester: Option<String>,
    created_at: DateTime<Utc>,
    opened_at: DateTime<Utc>,
    round: i32,
    version: i64,
    required_approvals: i32,
    self_approval_forbidden: bool,
    policy_id: Option<Uuid>,
    expires_at: Option<DateTime<Utc>>,
    resolved_by_user_id: Option<Uuid>,
    resolved_by_name: Option<String>,
    note: Option<String>,
    resolved_at: Option<DateTime<Utc>>,
    task_ids: Vec<Uuid>,
    titles: Vec<String>,
    cycles: Vec<i32>,
    voter_ids: Vec<Option<Uuid>>,
    voter_names: Vec<String>,
    vote_notes: Vec<Option<String>>,
    voted_at: Vec<DateTime<Utc>>,
}

impl Row {
    pub(super) fn into_approval(self) -> sqlx::Result<Approval> {
        let (state, requester) = (self.state()?, requester(self.requester.as_deref())?);
        let creator = self
            .created_by_user_id
            .map(Creator::User)
            .or(self.created_by_agent_id.map(Creator::Agent));
        let links = self.task_ids.into_iter().zip(self.titles).zip(self.cycles);
        let voters = self.voter_ids.into_iter().zip(self.voter_names);
        let votes = voters.zip(self.vote_notes).zip(self.voted_at);
        Ok(Approval {
            id: self.id,
            organization_id: self.organization_id,
            board_id: self.board_id,
            request: Request {
                action_type: self.action_type,
                payload: self.payload,
                confidence: self.confidence,
                rubric_scores: self.rubric_scores.0,
            },
            links: links
                .map(|((task_id, title), cycle)| Link {
                    task_id,
                    title,
                    cycle,
                })
                .collect(),
            creator,
            requester,
            created_at: self.created_at,
            terms: Terms {
                required_approvals: self.required_approvals,
                self_approval_forbidden: self.self_approval_forbidden,
                policy_id: self.policy_id,
                expires_at: self.expires_at,
            },
            round: self.round,
            opened_at: self.opened_at,
            votes: votes
                .map(|(((user_id, user_name), note), at)| Vote {
                    user_id,
                    user_name,
                    note,
                    at,
                })
                .collect(),
            state,
            version: self.version,
        })
    }

    fn state(&self) -> sqlx::Result<State> {
        let at = || {
            self.resolved_at
                .ok_or_else(|| corrupt("resolved_at", "the moment is missing"))
        };
        Ok(match status(&self.status)? {
            Status::Pending => State::Pending,
            Status::Expired => State::Expired { at: at()? },
            Status::Approved => State::Decided(self.resolution(Decision::Approved, at()?)?),
            Status::Rejected => State::Decided(self.resolution(Decision::Rejected, at()?)?),
        })
    }

    fn resolution(&self, decision: Decision, at: DateTime<Utc>) -> sqlx::Result<Resolution> {
        Ok(Resolution {
            decision,
            user_id: self.resolved_by_user_id,
            user_name: self
                .resolved_by_name
                .clone()
                .ok_or_else(|| corrupt("resolved_by_name", "nobody decided"))?,
            note: self.note.clone(),
            at,
        })
    }
}

/// What policies judge by.
#[derive(sqlx::FromRow)]
pub(super) struct Past {
    id: Uuid,
    action_type: String,
    board_id: Uuid,
    confidence: f64,
    requester: Option<String>,
    status: String,
    created_by_user_id: Option<Uuid>,
    resolved_by_user_id: Option<Uuid>,
    approved_by: Vec<Option<Uuid>>,
}

impl Past {
    pub(super) fn into_past(self) -> sqlx::Result<dry_run::Past> {
        Ok(dry_run::Past {
            id: self.id,
            board_id: self.board_id,
            confidence: self.confidence,
            requester: requester(self.requester.as_deref())?,
            status: status(&self.status)?,
            asked_by: self.created_by_user_id,
            decided_by: self.resolved_by_user_id,
            approved_by: self.approved_by,
            action_type: self.action_type,
        })
    }
}

fn requester(word: Option<&str>) -> sqlx::Result<Option<Requester>> {
    word.map(|word| Requester::parse(word).ok_or_else(|| corrupt("requester", "unknown")))
        .transpose()
}

fn status(word: &str) -> sqlx::Result<Status> {
    Status::parse(word).ok_or_else(|| corrupt("status", "unknown"))
}

/// A row that the constraints do not admit.
fn corrupt(column: &str, why: &'static str) -> sqlx::Error {
    sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: why.into(),
    }
}
