//! Sentences about gateways, onboarding, souls and skills.

use proto::{
    agent::v1::SkillInstallState,
    event::v1::{AgentSoulUpdated, Change, OnboardingChange, SkillInstallChanged, TemplatesSynced},
};

use super::words::{agent, quoted};

/// What was done to something that is kept.
pub(super) fn done(change: Change) -> &'static str {
    match change {
        Change::Created => "added",
        Change::Deleted => "removed",
        Change::Synced => "synced",
        Change::SyncFailed => "could not sync",
        Change::Updated | Change::Unspecified => "changed",
    }
}

pub(super) fn soul_updated(who: &str, p: &AgentSoulUpdated) -> String {
    let agent = agent(p.agent.as_ref());
    match &p.reason {
        Some(reason) => format!(
            "{who} gave the {agent} another soul: {}.",
            quoted(Some(reason))
        ),
        None => format!("{who} gave the {agent} another soul."),
    }
}

pub(super) fn templates_synced(who: &str, p: &TemplatesSynced) -> String {
    let Some(sync) = p.sync.as_ref().filter(|_| p.finished) else {
        return format!("{who} has the files of a gateway's agents written again.");
    };
    let updated = sync.agents_updated + i32::from(sync.main_updated);
    format!(
        "The files of a gateway's agents were written again: {updated} updated, {} skipped, {} errors.",
        sync.agents_skipped,
        sync.errors.len()
    )
}

pub(super) fn onboarding(who: &str, change: OnboardingChange) -> String {
    match change {
        OnboardingChange::Started => format!("{who} started the onboarding of the board."),
        OnboardingChange::Answered => format!("{who} answered in the onboarding of the board."),
        OnboardingChange::Asked => format!("{who} asked in the onboarding of the board."),
        OnboardingChange::Completed => format!("{who} drafted the goal of the board."),
        OnboardingChange::Confirmed => format!("{who} confirmed the goal of the board."),
        OnboardingChange::Cancelled => format!("{who} ended the onboarding of the board."),
        OnboardingChange::Expired => "The onboarding of the board expired.".to_owned(),
        OnboardingChange::Unspecified => format!("{who} went on with the onboarding of the board."),
    }
}

pub(super) fn skill_install(p: &SkillInstallChanged) -> String {
    let skill = quoted(Some(&p.skill_name));
    match p.state() {
        SkillInstallState::Requested => format!("A gateway is to install the skill {skill}."),
        SkillInstallState::Told => format!("A gateway was told to install the skill {skill}."),
        SkillInstallState::Confirmed => format!("A gateway has the skill {skill}."),
        SkillInstallState::Failed => format!("A gateway could not install the skill {skill}."),
        SkillInstallState::Removing => format!("A gateway is to remove the skill {skill}."),
        SkillInstallState::Unspecified => format!("A gateway no longer has the skill {skill}."),
    }
}
