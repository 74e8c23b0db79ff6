//! Approvals as messages of the contract, and requests as what they ask for.

mod payload;

use std::collections::{BTreeMap, HashMap};

use chassis::{Fault, decode, encode};
use proto::approval::v1::{self as pb, ApprovalStatus, CreateApprovalRequest};
use uuid::Uuid;

use crate::{
    approval::{Approval, Decision, Request, Status},
    payload as meaning,
};

/// Tasks that one approval may be about.
const TASKS_MAX: usize = 50;
/// Longest `action_type`, in characters.
const ACTION_TYPE_MAX: usize = 100;
/// Longest reason, in characters.
const REASON_MAX: usize = 10_000;
/// Scores that one request may carry, and the longest name of one, in characters.
const SCORES_MAX: usize = 50;
const SCORE_NAME_MAX: usize = 100;

impl From<Status> for ApprovalStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Pending => Self::Pending,
            Status::Resolved(Decision::Approved) => Self::Approved,
            Status::Resolved(Decision::Rejected) => Self::Rejected,
        }
    }
}

pub(crate) fn approval(approval: Approval) -> pb::Approval {
    let status = ApprovalStatus::from(approval.status());
    let (agent_id, user_id) = (approval.agent_id(), approval.user_id());
    let (request, resolution) = (approval.request, approval.resolution);
    pb::Approval {
        id: approval.id.to_string(),
        board_id: approval.board_id.to_string(),
        action_type: request.action_type,
        task_id: approval.links.first().map(|link| link.task_id.to_string()),
        task_ids: approval
            .links
            .iter()
            .map(|link| link.task_id.to_string())
            .collect(),
        task_titles: approval.links.into_iter().map(|link| link.title).collect(),
        agent_id: encode::optional_id(agent_id),
        payload: request.payload.as_ref().and_then(encode::to_struct),
        confidence: request.confidence,
        rubric_scores: request.rubric_scores.into_iter().collect(),
        status: status.into(),
        created_at: Some(encode::time(approval.created_at)),
        resolved_at: resolution
            .as_ref()
            .map(|resolution| encode::time(resolution.at)),
        created_by_user_id: encode::optional_id(user_id),
        resolved_by_user_id: resolution
            .as_ref()
            .map(|resolution| resolution.user_id.to_string()),
        resolved_by_name: resolution
            .as_ref()
            .map(|resolution| resolution.user_name.clone()),
        note: resolution.and_then(|resolution| resolution.note),
        ..pb::Approval::default()
    }
}

/// What a caller asks for, and the tasks that it is about: those of the request first, then those that its payload names.
pub(crate) fn request(asked: CreateApprovalRequest) -> Result<(Request, Vec<Uuid>), Fault> {
    let action_type = decode::text("action_type", &asked.action_type, 1, ACTION_TYPE_MAX)?;
    let confidence = confidence(asked.confidence)?;
    let rubric_scores = rubric_scores(asked.rubric_scores)?;
    let single = decode::optional_id("task_id", asked.task_id.as_deref())?;
    let listed = decode::ids("task_ids", &asked.task_ids, TASKS_MAX)?;
    let given = decode::optional_text(
        "lead_reasoning",
        asked.lead_reasoning.as_deref(),
        REASON_MAX,
    )?;
    let payload = asked
        .payload
        .map(|payload| payload::json("payload", &payload))
        .transpose()?;

    let payload = meaning::reasoned(payload, given).ok_or_else(|| {
        let message = "say why: payload.reason, payload.decision.reason or lead_reasoning";
        Fault::rejected("REASON_REQUIRED", "payload.reason", message)
    })?;
    let mut task_ids = Vec::new();
    for id in single
        .into_iter()
        .chain(listed)
        .chain(meaning::task_ids(&payload))
    {
        if !task_ids.contains(&id) {
            task_ids.push(id);
        }
        if task_ids.len() > TASKS_MAX {
            let message = format!("at most {TASKS_MAX} tasks, those in the payload included");
            return Err(Fault::invalid("task_ids", "TOO_MANY", message));
        }
    }
    Ok((
        Request {
            action_type,
            payload: Some(payload),
            confidence,
            rubric_scores,
        },
        task_ids,
    ))
}

fn confidence(confidence: Option<f64>) -> Result<f64, Fault> {
    let confidence = confidence.ok_or_else(|| {
        Fault::rejected(
            "CONFIDENCE_REQUIRED",
            "confidence",
            "confidence is required, 0 to 100",
        )
    })?;
    // NaN is in no range.
    if !(0.0..=100.0).contains(&confidence) {
        let message = "confidence must be between 0 and 100";
        return Err(Fault::rejected(
            "CONFIDENCE_OUT_OF_RANGE",
            "confidence",
            message,
        ));
    }
    Ok(confidence)
}

fn rubric_scores(scores: HashMap<String, i32>) -> Result<BTreeMap<String, i32>, Fault> {
    if scores.len() > SCORES_MAX {
        let message = format!("at most {SCORES_MAX} scores");
        return Err(Fault::invalid("rubric_scores", "TOO_MANY", message));
    }
    scores
        .into_iter()
        .map(|(name, score)| {
            let name = decode::text("rubric_scores", &name, 1, SCORE_NAME_MAX)?;
            let score = decode::number(&format!("rubric_scores.{name}"), score, 0, 100)?;
            Ok((name, score))
        })
        .collect()
}

/// The decision that a status stands for.
pub(crate) fn decision(status: ApprovalStatus) -> Result<Decision, Fault> {
    match status {
        ApprovalStatus::Approved => Ok(Decision::Approved),
        ApprovalStatus::Rejected => Ok(Decision::Rejected),
        ApprovalStatus::Unspecified => Err(Fault::invalid(
            "status",
            "REQUIRED",
            "must be approved or rejected",
        )),
        ApprovalStatus::Pending | ApprovalStatus::Expired => Err(Fault::invalid(
            "status",
            "NOT_A_DECISION",
            "a decision is approved or rejected; none is taken back",
        )),
    }
}

/// The status that a list is limited to.
pub(crate) fn filter(status: Option<i32>) -> Result<Option<Status>, Fault> {
    let Some(number) = status else {
        return Ok(None);
    };
    match known(number)? {
        ApprovalStatus::Unspecified | ApprovalStatus::Expired => Ok(None),
        ApprovalStatus::Pending => Ok(Some(Status::Pending)),
        ApprovalStatus::Approved => Ok(Some(Status::Resolved(Decision::Approved))),
        ApprovalStatus::Rejected => Ok(Some(Status::Resolved(Decision::Rejected))),
    }
}

/// A status that the contract knows.
pub(crate) fn known(number: i32) -> Result<ApprovalStatus, Fault> {
    ApprovalStatus::try_from(number)
        .map_err(|_| Fault::invalid("status", "UNKNOWN", "pending, approved or rejected"))
}
