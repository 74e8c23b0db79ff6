//! Onboardings on the wire.

use chassis::encode;
use chrono::{DateTime, Utc};
use proto::{agent::v1::NoticeState, board::v1::BoardType as BoardKind, onboarding::v1 as wire};
use serde_json::{Map, Value};

use crate::{
    notice::{Notice, State},
    onboarding::{
        Message, Onboarding, Status, Turn,
        draft::{BoardType, Draft, LeadDraft, UserProfile},
    },
};

/// An onboarding as people see it at this moment, with what was said and the last notice to the agent. A notice that is gone
/// was never heard.
pub(crate) fn onboarding(
    it: &Onboarding,
    messages: &[Message],
    notice: Option<&Notice>,
    now: DateTime<Utc>,
) -> wire::Onboarding {
    let status = it.status(now);
    let (delivery_state, delivery_error) = match notice {
        Some(notice) => (notice_state(notice.state), notice.last_error.clone()),
        None => (
            NoticeState::Dead,
            Some("agent_not_found: the agent is gone".to_owned()),
        ),
    };
    wire::Onboarding {
        id: it.id.to_string(),
        board_id: it.board_id.to_string(),
        session_key: it.session_key.clone(),
        status: self::status(status).into(),
        messages: messages.iter().map(message).collect(),
        draft_goal: it.draft.as_ref().map(draft),
        created_at: Some(encode::time(it.created_at)),
        updated_at: Some(encode::time(it.updated_at)),
        turn: turn(it.turn(now)).into(),
        delivery_state: delivery_state.into(),
        delivery_error,
        is_stalled: it.is_stalled(now),
        expires_at: encode::optional_time(status.is_open().then_some(it.expires_at)),
    }
}

fn message(message: &Message) -> wire::OnboardingMessage {
    wire::OnboardingMessage {
        role: message.role.as_str().to_owned(),
        content: message.content.clone(),
        timestamp: Some(encode::time(message.created_at)),
    }
}

fn draft(draft: &Draft) -> wire::OnboardingDraft {
    let goal = &draft.goal;
    wire::OnboardingDraft {
        status: "complete".to_owned(),
        board_type: match goal.board_type {
            BoardType::Goal => "goal",
            BoardType::General => "general",
        }
        .to_owned(),
        objective: goal.objective.clone(),
        success_metrics: object(goal.success_metrics.as_ref()),
        target_date: encode::optional_time(goal.target_date),
        user_profile: draft.user_profile.as_ref().map(user_profile),
        lead_agent: draft.lead_agent.as_ref().map(lead),
    }
}

fn user_profile(profile: &UserProfile) -> wire::OnboardingUserProfile {
    wire::OnboardingUserProfile {
        preferred_name: profile.preferred_name.clone(),
        pronouns: profile.pronouns.clone(),
        timezone: profile.timezone.clone(),
        notes: profile.notes.clone(),
        context: profile.context.clone(),
    }
}

fn lead(lead: &LeadDraft) -> wire::OnboardingLeadDraft {
    wire::OnboardingLeadDraft {
        name: lead.name.clone(),
        identity_profile: object(lead.identity_profile.as_ref()),
        autonomy_level: lead.autonomy_level.clone(),
        verbosity: lead.verbosity.clone(),
        output_format: lead.output_format.clone(),
        update_cadence: lead.update_cadence.clone(),
        custom_instructions: lead.custom_instructions.clone(),
    }
}

/// An object as a struct.
pub(crate) fn object(map: Option<&Map<String, Value>>) -> Option<prost_types::Struct> {
    encode::to_struct(&Value::Object(map?.clone()))
}

/// The kind of board that is asked of the owner of boards.
pub(crate) fn board_type(board_type: BoardType) -> BoardKind {
    match board_type {
        BoardType::Goal => BoardKind::Goal,
        BoardType::General => BoardKind::General,
    }
}

pub(crate) fn status(status: Status) -> wire::OnboardingStatus {
    match status {
        Status::Active => wire::OnboardingStatus::Active,
        Status::Completed => wire::OnboardingStatus::Completed,
        Status::Confirmed => wire::OnboardingStatus::Confirmed,
        Status::Cancelled => wire::OnboardingStatus::Cancelled,
        Status::Expired => wire::OnboardingStatus::Expired,
    }
}

fn turn(turn: Turn) -> wire::OnboardingTurn {
    match turn {
        Turn::Agent => wire::OnboardingTurn::Agent,
        Turn::User => wire::OnboardingTurn::User,
        Turn::None => wire::OnboardingTurn::None,
    }
}

fn notice_state(state: State) -> NoticeState {
    match state {
        State::Waiting => NoticeState::Waiting,
        State::Sent => NoticeState::Sent,
        State::Failed => NoticeState::Failed,
        State::Dead => NoticeState::Dead,
    }
}
