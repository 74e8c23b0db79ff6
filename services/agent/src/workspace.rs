//! The files that an agent finds in its workspace: what it is, how it works, and how it reaches Mission Control.
//!
//! | File | main | lead | worker | when it exists already |
//! |---|---|---|---|---|
//! | AGENTS.md | yes | yes | yes | rewritten |
//! | BOOTSTRAP.md | - | first time, and when forced | - | rewritten |
//! | HEARTBEAT.md | yes | yes | yes | rewritten |
//! | IDENTITY.md | yes | yes | yes | rewritten; `identity_template` stands in for it |
//! | MEMORY.md | yes | yes | yes | kept by an update unless it overwrites |
//! | SOUL.md | yes | yes | yes | rewritten; `soul_template` stands in for it |
//! | TOOLS.md | yes | yes | yes | rewritten |
//! | USER.md | yes | yes | yes | kept by an update unless it overwrites, main's rewritten |
//!
//! Each stays under 20,000 characters, at which gateways cut what they inject into an agent's context. The token stands in TOOLS.md alone. What people wrote (templates, names, descriptions)
//! is put in as it is and never read as a template.

mod board;
mod page;

use askama::Template;

pub(crate) use board::{Board, Facts};

use crate::{
    agent::{Agent, Role, profile},
    job::Kind,
    quote,
};

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub name: &'static str,
    pub content: String,
    /// Leaves it alone when it exists.
    pub keep_existing: bool,
}

/// What the files are made of.
pub(crate) struct Source<'a> {
    pub agent: &'a Agent,
    pub gateway_name: &'a str,
    pub workspace_root: &'a str,
    pub base_url: &'a str,
    pub auth_token: &'a str,
    /// Required of board agents.
    pub board: Option<&'a Facts>,
    /// Name of the person for whom the agent is put in place.
    pub user_name: Option<&'a str>,
    pub kind: Kind,
    /// Whether a lead that was in place gets its BOOTSTRAP.md again.
    pub force_bootstrap: bool,
    /// Whether files that agents keep for themselves are written anew.
    pub overwrite: bool,
}

/// The same, in the words of the templates: one line is one line, and no other begins at the margin.
struct View {
    role: Role,
    agent_name: String,
    agent_id: String,
    gateway_name: String,
    base_url: String,
    auth_token: String,
    workspace_root: String,
    workspace_path: String,
    board: Option<Board>,
    user_name: String,
    user_call_name: String,
    identity: Identity,
}

struct Identity {
    role: String,
    communication_style: String,
    emoji: String,
    purpose: String,
    personality: String,
    custom_instructions: String,
    /// Ways of working that were chosen, each with its name.
    habits: Vec<(&'static str, String)>,
}

impl View {
    fn is_main(&self) -> bool {
        self.role == Role::Main
    }

    fn is_lead(&self) -> bool {
        self.role == Role::Lead
    }

    /// Tag of the operations that the agent may call.
    fn tag(&self) -> &'static str {
        match self.role {
            Role::Main => "agent-main",
            Role::Lead => "agent-lead",
            Role::Worker => "agent-worker",
        }
    }
}

/// Characters of a name in a text.
const NAME: usize = 200;

impl Identity {
    fn of(agent: &Agent) -> Self {
        let entry = |key| profile::entry(agent.identity_profile.as_ref(), key, agent.role());
        let line = |key| quote::line(entry(key), 300);
        let habits = [
            ("Autonomy", "autonomy_level"),
            ("Verbosity", "verbosity"),
            ("Form of answers", "output_format"),
            ("Rhythm of reports", "update_cadence"),
        ];
        Self {
            role: line("role"),
            communication_style: line("communication_style"),
            emoji: line("emoji"),
            purpose: quote::block(entry("purpose"), 1_000),
            personality: quote::block(entry("personality"), 1_000),
            custom_instructions: quote::block(entry("custom_instructions"), 1_000),
            habits: habits
                .into_iter()
                .map(|(name, key)| (name, line(key)))
                .filter(|(_, value)| !value.is_empty())
                .collect(),
        }
    }
}

impl Source<'_> {
    fn view(&self) -> View {
        let user_name = quote::line(self.user_name.unwrap_or_default(), NAME);
        let path = self.agent.workspace(self.workspace_root);
        View {
            role: self.agent.role(),
            agent_name: quote::line(&self.agent.name, NAME),
            agent_id: self.agent.id.to_string(),
            gateway_name: quote::line(self.gateway_name, NAME),
            base_url: self.base_url.to_owned(),
            auth_token: self.auth_token.to_owned(),
            workspace_root: self.workspace_root.to_owned(),
            workspace_path: path,
            board: self.board.map(Board::of),
            user_call_name: user_name.split(' ').next().unwrap_or_default().to_owned(),
            user_name,
            identity: Identity::of(self.agent),
        }
    }

    /// Renders every file that the agent gets, by name.
    ///
    /// # Errors
    /// Fails when a template does, and for a board agent without a board.
    pub(crate) fn files(&self) -> askama::Result<Vec<File>> {
        let (w, role, update) = (self.view(), self.agent.role(), self.kind == Kind::Update);
        let keeps = update && !self.overwrite;
        let mut files = vec![
            file("AGENTS.md", page::agents(&w)?, false),
            file("HEARTBEAT.md", page::heartbeat(&w)?, false),
            file(
                "IDENTITY.md",
                literal_or(self.agent.identity_template.as_ref(), || {
                    page::Identity { w: &w }.render()
                })?,
                false,
            ),
            file("MEMORY.md", page::memory(&w)?, keeps),
            file(
                "SOUL.md",
                literal_or(self.agent.soul_template.as_ref(), || page::soul(&w))?,
                false,
            ),
            file("TOOLS.md", page::Tools { w: &w }.render()?, false),
            file(
                "USER.md",
                page::User { w: &w }.render()?,
                keeps && role != Role::Main,
            ),
        ];
        if role == Role::Lead && (!update || self.force_bootstrap) {
            files.insert(1, file("BOOTSTRAP.md", page::bootstrap(&w)?, false));
        }
        Ok(files)
    }

    /// The message that starts the agent's session.
    ///
    /// # Errors
    /// Fails when the template does.
    pub(crate) fn wake(&self) -> askama::Result<String> {
        let verb = match self.kind {
            Kind::Provision => "provisioned",
            Kind::Update | Kind::Pace | Kind::Delete => "updated",
        };
        let wake = page::Wake {
            w: &self.view(),
            verb,
            first: self.kind == Kind::Provision,
        };
        Ok(wake.render()?.trim().to_owned())
    }
}

fn literal_or(
    literal: Option<&String>,
    rendered: impl FnOnce() -> askama::Result<String>,
) -> askama::Result<String> {
    literal.map_or_else(rendered, |text| Ok(text.clone()))
}

fn file(name: &'static str, content: String, keep_existing: bool) -> File {
    File {
        name,
        content: format!("{}\n", content.trim()),
        keep_existing,
    }
}

#[cfg(test)]
mod tests;
