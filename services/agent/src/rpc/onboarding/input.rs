//! What is said in an onboarding must look like this.

use chassis::{Fault, decode, encode};
use prost_types::{Struct, Timestamp};
use proto::onboarding::v1::{
    ConfirmOnboardingRequest, OnboardingLeadDraft, OnboardingOption, OnboardingUserProfile,
    UpdateOnboardingRequest,
};
use serde_json::{Map, Value};

use super::super::input::line;
use crate::{
    agent::profile,
    error::Error,
    onboarding::draft::{
        AUTONOMY, BoardType, CADENCE, Choice, Complete, Draft, FORMAT, Goal, LeadDraft, Question,
        Said, UserProfile, VERBOSITY,
    },
};

/// Characters of an answer, and of what is typed besides.
const ANSWER: usize = 5_000;
const QUESTION: usize = 2_000;
const OPTION_ID: usize = 100;
const OPTION_LABEL: usize = 500;
const MAX_OPTIONS: usize = 20;
const OBJECTIVE: usize = 5_000;
/// Bytes of the measures of a goal.
const METRICS: usize = 50_000;
const LEAD_NAME: usize = 100;

/// What a person answers: the answer, and after it what they typed besides.
pub(super) fn answer(answer: &str, other_text: Option<&str>) -> Result<String, Fault> {
    let answer = decode::text("answer", answer, 1, ANSWER)?;
    let typed = decode::optional_text("other_text", other_text, ANSWER)?;
    Ok(match typed {
        Some(typed) => format!("{answer}: {typed}"),
        None => answer,
    })
}

/// What the agent says: a question, or a draft.
pub(super) fn said(request: &UpdateOnboardingRequest) -> Result<Said, Error> {
    match (request.question.as_deref(), request.status.as_deref()) {
        (Some(_), Some(_)) => {
            let message = "either a question with options or a draft with status: complete";
            Err(Fault::invalid("question", "EXCLUDED", message).into())
        }
        (Some(text), None) => Ok(Said::Question(question(text, &request.options)?)),
        (None, Some(status)) => {
            word("status", Some(status), &["complete"])?;
            draft(request).map(|draft| Said::Draft(Box::new(draft)))
        }
        (None, None) => {
            let message = "a question with options, or a draft with status: complete, is needed";
            Err(Fault::invalid("question", "REQUIRED", message).into())
        }
    }
}

fn question(text: &str, options: &[OnboardingOption]) -> Result<Question, Fault> {
    let question = decode::text("question", text, 1, QUESTION)?;
    decode::number("options", options.len(), 1, MAX_OPTIONS)?;
    let mut choices: Vec<Choice> = Vec::with_capacity(options.len());
    for (index, option) in options.iter().enumerate() {
        let (id_field, label_field) = (
            format!("options[{index}].id"),
            format!("options[{index}].label"),
        );
        let id = decode::text(&id_field, &option.id, 1, OPTION_ID)?;
        if choices.iter().any(|choice| choice.id == id) {
            let message = "another option has this id";
            return Err(Fault::invalid(id_field, "REPEATED", message));
        }
        let label = decode::text(&label_field, &option.label, 1, OPTION_LABEL)?;
        choices.push(Choice { id, label });
    }
    Ok(Question {
        question,
        options: choices,
    })
}

fn draft(request: &UpdateOnboardingRequest) -> Result<Draft, Error> {
    let board_type = decode::required("board_type", request.board_type.as_deref())?;
    Ok(Draft {
        status: Complete::Complete,
        goal: goal(
            board_type,
            request.objective.as_deref(),
            request.success_metrics.as_ref(),
            request.target_date.as_ref(),
        )?,
        user_profile: request
            .user_profile
            .as_ref()
            .map(user_profile)
            .transpose()?,
        lead_agent: request.lead_agent.as_ref().map(lead).transpose()?,
    })
}

/// The goal that a person confirms.
pub(super) fn confirmed(request: &ConfirmOnboardingRequest) -> Result<Goal, Error> {
    goal(
        &request.board_type,
        request.objective.as_deref(),
        request.success_metrics.as_ref(),
        request.target_date.as_ref(),
    )
}

fn goal(
    board_type: &str,
    objective: Option<&str>,
    metrics: Option<&Struct>,
    target_date: Option<&Timestamp>,
) -> Result<Goal, Error> {
    let goal = Goal {
        board_type: match word("board_type", Some(board_type), &["goal", "general"])?.as_deref() {
            Some("goal") => BoardType::Goal,
            _ => BoardType::General,
        },
        objective: decode::optional_text("objective", objective, OBJECTIVE)?,
        success_metrics: object("success_metrics", metrics)?,
        target_date: decode::time("target_date", target_date)?,
    };
    let fields = goal.missing();
    if fields.is_empty() {
        Ok(goal)
    } else {
        Err(Error::GoalIncomplete { fields })
    }
}

fn user_profile(given: &OnboardingUserProfile) -> Result<UserProfile, Fault> {
    let text = |field: &str, value: &Option<String>, max| {
        decode::optional_text(&format!("user_profile.{field}"), value.as_deref(), max)
    };
    Ok(UserProfile {
        preferred_name: text("preferred_name", &given.preferred_name, 200)?,
        pronouns: text("pronouns", &given.pronouns, 100)?,
        timezone: text("timezone", &given.timezone, 100)?,
        notes: text("notes", &given.notes, 5_000)?,
        context: text("context", &given.context, 5_000)?,
    })
}

fn lead(given: &OnboardingLeadDraft) -> Result<LeadDraft, Fault> {
    let choice = |field: &str, value: &Option<String>, words: &[&str]| {
        word(&format!("lead_agent.{field}"), value.as_deref(), words)
    };
    Ok(LeadDraft {
        name: given
            .name
            .as_deref()
            .map(|name| line("lead_agent.name", name, LEAD_NAME))
            .transpose()?,
        identity_profile: identity_profile(given.identity_profile.as_ref())?,
        autonomy_level: choice("autonomy_level", &given.autonomy_level, &AUTONOMY)?,
        verbosity: choice("verbosity", &given.verbosity, &VERBOSITY)?,
        output_format: choice("output_format", &given.output_format, &FORMAT)?,
        update_cadence: choice("update_cadence", &given.update_cadence, &CADENCE)?,
        custom_instructions: decode::optional_text(
            "lead_agent.custom_instructions",
            given.custom_instructions.as_deref(),
            profile::MAX_INSTRUCTIONS,
        )?,
    })
}

fn identity_profile(given: Option<&Struct>) -> Result<Option<Map<String, Value>>, Fault> {
    let Some(given) = given.map(encode::from_struct) else {
        return Ok(None);
    };
    let normal = given.as_object().map(profile::normalise).transpose();
    match normal {
        Ok(Some(Some(Value::Object(profile)))) => Ok(Some(profile)),
        Ok(_) => Ok(None),
        Err(bad) => {
            let key: String = bad.key.chars().take(100).collect();
            let field = if key.is_empty() {
                "lead_agent.identity_profile".to_owned()
            } else {
                format!("lead_agent.identity_profile.{key}")
            };
            Err(Fault::invalid(field, "INVALID", bad.message))
        }
    }
}

/// One of a few words; blank stands for absent where that is allowed.
fn word(field: &str, value: Option<&str>, words: &[&str]) -> Result<Option<String>, Fault> {
    let Some(value) = value else { return Ok(None) };
    let value = value.trim();
    if words.contains(&value) {
        Ok(Some(value.to_owned()))
    } else {
        let message = format!("must be one of: {}", words.join(", "));
        Err(Fault::invalid(field, "UNKNOWN_VALUE", message))
    }
}

/// A bounded object without NUL.
fn object(field: &str, given: Option<&Struct>) -> Result<Option<Map<String, Value>>, Fault> {
    let Some(given) = given else { return Ok(None) };
    let json = encode::from_struct(given);
    if has_nul(&json) {
        return Err(Fault::invalid(field, "NUL_BYTE", "contains a NUL byte"));
    }
    if json.to_string().len() > METRICS {
        let message = format!("at most {METRICS} bytes of JSON");
        return Err(Fault::invalid(field, "TOO_LONG", message));
    }
    match json {
        Value::Object(map) => Ok(Some(map)),
        _ => Ok(None),
    }
}

fn has_nul(json: &Value) -> bool {
    match json {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(has_nul),
        Value::Object(map) => map
            .iter()
            .any(|(key, value)| key.contains('\0') || has_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests;
