//! What a caller asks for.

use std::collections::{BTreeMap, HashMap};

use chassis::{Fault, decode};
use chrono::{DateTime, TimeDelta, Utc};
use proto::approval::v1::CreateApprovalRequest;
use uuid::Uuid;

use super::payload;
use crate::{approval::Request, payload as meaning};

/// Tasks that one approval may be about.
const TASKS_MAX: usize = 50;
/// Longest `action_type`, in characters.
pub(super) const ACTION_TYPE_MAX: usize = 100;
/// Longest reason, in characters.
const REASON_MAX: usize = 10_000;
/// Scores that one request may carry, and the longest name of one, in characters.
const SCORES_MAX: usize = 50;
const SCORE_NAME_MAX: usize = 100;
/// How far ahead an approval may expire.
const EXPIRY_MAX: TimeDelta = TimeDelta::days(365);

/// What is asked for, about which tasks, and until when.
pub(crate) struct Asked {
    pub request: Request,
    /// Those of the request first, then those that its payload names.
    pub task_ids: Vec<Uuid>,
    pub expires_at: Option<DateTime<Utc>>,
}

pub(crate) fn asked(asked: CreateApprovalRequest, now: DateTime<Utc>) -> Result<Asked, Fault> {
    let action_type = decode::text("action_type", &asked.action_type, 1, ACTION_TYPE_MAX)?;
    let confidence = confidence(asked.confidence)?;
    let rubric_scores = rubric_scores(asked.rubric_scores)?;
    let single = decode::optional_id("task_id", asked.task_id.as_deref())?;
    let listed = decode::ids("task_ids", &asked.task_ids, TASKS_MAX)?;
    let expires_at = expiry(decode::time("expires_at", asked.expires_at.as_ref())?, now)?;
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
    let request = Request {
        action_type,
        payload: Some(payload),
        confidence,
        rubric_scores,
    };
    Ok(Asked {
        request,
        task_ids,
        expires_at,
    })
}

fn expiry(at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, Fault> {
    if at.is_some_and(|at| at <= now || at > now + EXPIRY_MAX) {
        let message = format!(
            "must be in the future, at most {} days ahead",
            EXPIRY_MAX.num_days()
        );
        return Err(Fault::invalid("expires_at", "OUT_OF_RANGE", message));
    }
    Ok(at)
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
