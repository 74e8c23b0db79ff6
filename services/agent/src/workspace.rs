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
//! An imported agent keeps its files: it gets one section in its AGENTS.md, [`IMPORT`], and nothing else.
//!
//! Each stays under 20,000 characters, at which gateways cut what they inject into an agent's context. The token stands in TOOLS.md alone. What people wrote (templates, names, descriptions)
//! is put in as it is and never read as a template.

mod board;
mod habit;
mod page;
mod person;

use askama::Template;

pub(crate) use board::{Board, Facts};
pub(crate) use person::Person;

use crate::{
    agent::{Agent, Role, profile},
    gateway::Gateway,
    job::Kind,
    quote,
};

/// The section that an imported agent gets. No gateway takes a file of this name, so it stands in the agent's AGENTS.md
/// and can be taken out of it again.
pub(crate) const IMPORT: &str = "MISSION_CONTROL.md";
/// Characters of a text that people or leads give for a whole file: gateways cut files at 20,000.
pub(crate) const GIVEN: usize = 19_000;

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
    /// The person for whom the agent is put in place.
    pub user: Option<&'a Person>,
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
    user_preferred_name: String,
    user_pronouns: String,
    user_timezone: String,
    user_notes: String,
    user_context: String,
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
    habits: Vec<habit::Habit>,
}

impl View {
    fn is_main(&self) -> bool {
        self.role == Role::Main
    }

    fn is_lead(&self) -> bool {
        self.role == Role::Lead
    }

    /// The word for its role in the catalogue of operations.
    fn role_word(&self) -> &'static str {
        self.tag().trim_start_matches("agent-")
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

/// What people wrote about an agent, set off; half as much again is room for that.
fn said(text: &str, max: usize) -> String {
    quote::set_off(text, max / 2 * 3)
}

impl Identity {
    fn of(agent: &Agent) -> Self {
        let entry = |key| profile::entry(agent.identity_profile.as_ref(), key, agent.role());
        let line = |key| quote::line(entry(key), 300);
        Self {
            role: line("role"),
            communication_style: line("communication_style"),
            emoji: line("emoji"),
            purpose: said(entry("purpose"), profile::MAX_VALUE),
            personality: said(entry("personality"), profile::MAX_VALUE),
            custom_instructions: said(entry("custom_instructions"), profile::MAX_INSTRUCTIONS),
            habits: habit::of(line),
        }
    }
}

impl<'a> Source<'a> {
    /// What is known of an agent without asking anybody; enough for what is said to it.
    pub(crate) fn bare(agent: &'a Agent, gateway: &'a Gateway, base_url: &'a str) -> Self {
        Self {
            agent,
            gateway_name: &gateway.name,
            workspace_root: &gateway.workspace_root,
            base_url,
            auth_token: "",
            board: None,
            user: None,
            kind: Kind::Update,
            force_bootstrap: false,
            overwrite: false,
        }
    }

    fn view(&self) -> View {
        let nobody = Person::default();
        let user = self.user.unwrap_or(&nobody);
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
            user_name: Person::line(user.name.as_ref()),
            user_preferred_name: user.called(),
            user_pronouns: Person::line(user.pronouns.as_ref()),
            user_timezone: Person::line(user.timezone.as_ref()),
            user_notes: Person::text(user.notes.as_ref()),
            user_context: Person::text(user.context.as_ref()),
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
        if self.agent.is_imported() {
            let page = page::import(&w)?;
            return Ok(vec![file(IMPORT, page, false)]);
        }
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
        if self.agent.is_imported() {
            let wake = page::ImportWake { w: &self.view() };
            return Ok(wake.render()?.trim().to_owned());
        }
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
