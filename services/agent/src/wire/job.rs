//! Jobs, as administrators see them.

use chassis::encode;
use proto::agent::v1 as wire;

use crate::store::jobs::Progress;

/// A job with the state of its delivery. One that something else took the place of was given up.
pub(crate) fn job(progress: &Progress) -> wire::AgentJob {
    let (job, delivery) = (&progress.job, progress.delivery.as_ref());
    let state = match (progress.finished_at, delivery.map(|d| d.state.as_str())) {
        (Some(_), _) if progress.error.is_some() => wire::AgentJobState::Dead,
        (Some(_), _) => wire::AgentJobState::Done,
        (None, Some("sending")) => wire::AgentJobState::Running,
        (None, Some("failed")) => wire::AgentJobState::Failed,
        (None, _) => wire::AgentJobState::Waiting,
    };
    // Of one that is done, nobody asks any more what went wrong on the way.
    let last_error = match progress.finished_at {
        Some(_) => progress.error.clone(),
        None => delivery.and_then(|d| d.last_error.clone()),
    };
    wire::AgentJob {
        id: job.id.to_string(),
        agent_id: job.agent_id.to_string(),
        kind: job.kind.as_str().to_owned(),
        step: job.step.as_str().to_owned(),
        state: state.into(),
        attempts: delivery.map_or(0, |d| d.attempts),
        last_error,
        requested_by: job.requested_by.as_ref().map(|by| by.name.clone()),
        created_at: Some(encode::time(job.created_at)),
        deadline_at: encode::optional_time(delivery.and_then(|d| d.deadline_at)),
        next_attempt_at: encode::optional_time(delivery.and_then(|d| d.next_attempt_at)),
        finished_at: encode::optional_time(progress.finished_at),
    }
}
