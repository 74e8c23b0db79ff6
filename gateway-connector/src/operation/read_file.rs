//! Files of an agent's workspace, wherever this gateway keeps them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{call_settled, write_files::Desk};
use crate::{
    call::Failed,
    error::Error,
    fold::{self, HOST},
    gateway::Gateway,
    refusal::Matter,
};

/// Reads a file; one that the gateway does not take is read out of the file that it was folded into.
pub(crate) async fn read_file(
    gateway: &Arc<Gateway>,
    agent_key: &str,
    name: &str,
) -> Result<Option<String>, Error> {
    match get(gateway, agent_key, name).await? {
        Found::File(content) => Ok(content),
        Found::Unsupported if name == HOST => {
            Err(Error::Incompatible(format!("it takes no {HOST}")))
        }
        Found::Unsupported => {
            let Found::File(Some(host)) = get(gateway, agent_key, HOST).await? else {
                return Ok(None);
            };
            let sections = fold::sections(&host);
            let section = sections.into_iter().find(|(section, _)| section == name);
            Ok(section.map(|(_, content)| content))
        }
    }
}

/// Takes sections out of the file that they were folded into. What is not there stays away.
pub(crate) async fn remove_files(
    gateway: &Arc<Gateway>,
    agent_key: &str,
    names: &[String],
) -> Result<(), Error> {
    let Found::File(Some(host)) = get(gateway, agent_key, HOST).await? else {
        return Ok(());
    };
    let text = fold::unfold(&host, names);
    let desk = Desk { gateway, agent_key };
    // First what hangs on the section: once the section is gone nobody would look again.
    if names.iter().any(|name| name == "HEARTBEAT.md") && fold::has(&host, "HEARTBEAT.md") {
        desk.write_beat("").await?;
    }
    if text != host {
        desk.write(HOST, &text).await?;
    }
    Ok(())
}

enum Found {
    File(Option<String>),
    /// The gateway takes no files of that name.
    Unsupported,
}

async fn get(gateway: &Arc<Gateway>, agent_key: &str, name: &str) -> Result<Found, Error> {
    let method = "agents.files.get";
    let params = json!({"agentId": agent_key, "name": name});
    match call_settled(gateway, agent_key, method, &params).await? {
        Ok(mut reply) => {
            if reply["file"]["missing"] == true {
                return Ok(Found::File(None));
            }
            let content = reply.pointer_mut("/file/content").map(Value::take);
            match content {
                Some(Value::String(content)) => Ok(Found::File(Some(content))),
                _ => Err(Error::Incompatible("its files cannot be read".into())),
            }
        }
        Err(refusal) if refusal.matter() == Matter::UnsupportedFile => Ok(Found::Unsupported),
        Err(refusal) => Err(gateway.explain(method, &Failed::Refused(refusal))),
    }
}
