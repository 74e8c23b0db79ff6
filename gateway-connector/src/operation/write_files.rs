//! Writing files into an agent's workspace.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};

use super::{call_agent, call_settled};
use crate::{
    call::Failed,
    error::Error,
    fold::{self, HOST},
    gateway::Gateway,
    refusal::Matter,
};

/// A file as it shall be.
pub(crate) struct File {
    pub name: String,
    pub content: String,
    /// Leaves the file alone when it exists.
    pub keep_existing: bool,
}

/// What became of the files, by name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub written: Vec<String>,
    pub kept: Vec<String>,
    pub folded: Vec<String>,
}

/// Writes the files. One that the gateway does not take becomes a section of [`HOST`], which is written last.
pub(crate) async fn write_files(
    gateway: &Arc<Gateway>,
    agent_key: &str,
    files: &[File],
) -> Result<Outcome, Error> {
    let desk = Desk { gateway, agent_key };
    let present = desk.present().await?;
    let mut outcome = Outcome::default();
    let mut refused: Vec<&File> = Vec::new();
    for file in files.iter().filter(|file| file.name != HOST) {
        if file.keep_existing && present.contains(&file.name) {
            outcome.kept.push(file.name.clone());
        } else if desk.write(&file.name, &file.content).await? {
            outcome.written.push(file.name.clone());
        } else {
            refused.push(file);
        }
    }
    let host = files.iter().find(|file| file.name == HOST);
    let keeps_host = host.is_some_and(|host| host.keep_existing && present.contains(HOST));
    if keeps_host {
        outcome.kept.push(HOST.to_owned());
    }
    if (host.is_some() && !keeps_host) || !refused.is_empty() {
        desk.write_host(host.filter(|_| !keeps_host), &refused, &mut outcome)
            .await?;
    }
    if let Some(beat) = refused.iter().find(|file| file.name == "HEARTBEAT.md") {
        desk.write_beat(&beat.content).await?;
    }
    Ok(outcome)
}

/// Where files of one agent are written.
pub(super) struct Desk<'a> {
    pub(super) gateway: &'a Arc<Gateway>,
    pub(super) agent_key: &'a str,
}

impl Desk<'_> {
    /// Names of the files that exist.
    async fn present(&self) -> Result<BTreeSet<String>, Error> {
        let params = json!({"agentId": self.agent_key});
        let reply = call_agent(self.gateway, self.agent_key, "agents.files.list", &params).await?;
        let files = reply["files"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let there = files
            .iter()
            .filter(|file| file["missing"] != Value::Bool(true));
        Ok(there
            .filter_map(|file| file["name"].as_str().map(str::to_owned))
            .collect())
    }

    /// Writes a file; answers whether the gateway takes files of that name.
    pub(super) async fn write(&self, name: &str, content: &str) -> Result<bool, Error> {
        let method = "agents.files.set";
        let params = json!({"agentId": self.agent_key, "name": name, "content": content});
        match call_settled(self.gateway, self.agent_key, method, &params).await? {
            Ok(_) => Ok(true),
            Err(refusal) if refusal.matter() == Matter::UnsupportedFile => Ok(false),
            Err(refusal) => Err(self.gateway.explain(method, &Failed::Refused(refusal))),
        }
    }

    async fn read(&self, name: &str) -> Result<String, Error> {
        let params = json!({"agentId": self.agent_key, "name": name});
        let reply = call_agent(self.gateway, self.agent_key, "agents.files.get", &params).await?;
        Ok(reply["file"]["content"]
            .as_str()
            .unwrap_or_default()
            .to_owned())
    }

    /// Writes the file that takes up what was refused. Sections of earlier writes stay.
    async fn write_host(
        &self,
        host: Option<&File>,
        refused: &[&File],
        outcome: &mut Outcome,
    ) -> Result<(), Error> {
        let current = self.read(HOST).await?;
        let earlier = fold::sections(&current);
        let mut sections: Vec<(&str, &str)> = earlier
            .iter()
            .map(|(name, content)| (name.as_str(), content.as_str()))
            .collect();
        sections.retain(|(name, _)| !outcome.written.iter().any(|written| written == name));
        for file in refused {
            if file.keep_existing && fold::has(&current, &file.name) {
                outcome.kept.push(file.name.clone());
                continue;
            }
            sections.retain(|(name, _)| *name != file.name);
            sections.push((&file.name, &file.content));
            outcome.folded.push(file.name.clone());
        }
        let base = host.map_or(current.as_str(), |host| host.content.as_str());
        let text = fold::fold(base, &sections);
        if host.is_some() || text != current {
            let taken = self.write(HOST, &text).await?;
            if !taken {
                return Err(Error::Incompatible(format!("it takes no {HOST}")));
            }
            outcome.written.push(HOST.to_owned());
        }
        Ok(())
    }

    /// Newer gateways read the text of a beat from the agent's own job. The file has it too, so a gateway without such a job
    /// loses nothing.
    pub(super) async fn write_beat(&self, content: &str) -> Result<(), Error> {
        if !self
            .gateway
            .session()
            .await?
            .hello
            .announces("cron.scratch.set")
        {
            return Ok(());
        }
        let reply = self
            .gateway
            .call("cron.list", &json!({"includeDisabled": true}))
            .await?;
        let key = format!("heartbeat:{}", self.agent_key);
        let jobs = reply["jobs"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let Some(id) = jobs
            .iter()
            .find(|job| job["declarationKey"] == key)
            .and_then(|job| job["id"].as_str())
        else {
            return Ok(());
        };
        self.gateway
            .call("cron.scratch.set", &json!({"id": id, "content": content}))
            .await?;
        Ok(())
    }
}
