//! Sessions: which there are, what was said in them, and beginning one anew.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::{error::Error, gateway::Gateway};

/// Sessions of one answer.
const MOST: usize = 200;
/// Sessions that newer gateways answer at once.
const PAGE: usize = 100;
/// Bytes of one answer as JSON: a message of the mesh takes 4 MiB.
const ROOM: usize = 3 * 1024 * 1024;

/// Which sessions are asked for.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    pub agent_key: Option<String>,
    pub session_key: Option<String>,
}

/// Lists sessions as the gateway describes them, and says how many there are. The oldest gateways answer all at once, newer
/// ones by pages.
pub(crate) async fn list_sessions(
    gateway: &Arc<Gateway>,
    wanted: &Wanted,
) -> Result<(Vec<Value>, usize), Error> {
    let mut params = Map::new();
    if let Some(agent) = &wanted.agent_key {
        params.insert("agentId".into(), agent.as_str().into());
    }
    if let Some(key) = &wanted.session_key {
        params.insert("search".into(), key.as_str().into());
    }
    let mut found = Vec::new();
    let mut total = 0;
    loop {
        let mut reply = gateway
            .call("sessions.list", &Value::Object(params.clone()))
            .await?;
        let Some(Value::Array(page)) = reply.get_mut("sessions").map(Value::take) else {
            return Err(Error::Incompatible("its sessions cannot be read".into()));
        };
        total = total.max(count(&reply["totalCount"]).unwrap_or(found.len() + page.len()));
        // A page that brought nothing promises no other.
        let goes_on = reply["hasMore"] == true && !page.is_empty();
        let next = count(&reply["nextOffset"]).filter(|_| goes_on);
        found.extend(page);
        match next {
            Some(offset) if found.len() < MOST && offset >= found.len() => {
                params.insert("limit".into(), PAGE.into());
                params.insert("offset".into(), offset.into());
            }
            Some(_) | None => break,
        }
    }
    if let Some(key) = &wanted.session_key {
        // What was searched for may stand in a label as well.
        found.retain(|session| session["key"] == key.as_str());
        total = found.len();
    }
    found.truncate(MOST);
    Ok((within(found, ROOM), total))
}

/// Reads the newest messages of a session, oldest first. As many are left out at the old end as one answer cannot hold.
pub(crate) async fn history(
    gateway: &Arc<Gateway>,
    session_key: &str,
    limit: i32,
) -> Result<Vec<Value>, Error> {
    let params = json!({"sessionKey": session_key, "limit": limit});
    let mut reply = gateway.call("chat.history", &params).await?;
    let Some(Value::Array(mut messages)) = reply.get_mut("messages").map(Value::take) else {
        return Err(Error::Incompatible("its history cannot be read".into()));
    };
    messages.reverse();
    messages.truncate(usize::try_from(limit).unwrap_or_default());
    let mut messages = within(messages, ROOM);
    messages.reverse();
    Ok(messages)
}

/// Begins a session anew. Made when it is not there.
pub(crate) async fn reset_session(gateway: &Arc<Gateway>, session_key: &str) -> Result<(), Error> {
    gateway
        .call("sessions.reset", &json!({"key": session_key}))
        .await?;
    Ok(())
}

fn count(value: &Value) -> Option<usize> {
    value.as_u64().and_then(|count| usize::try_from(count).ok())
}

/// The first of them, for as long as there is room.
fn within(mut values: Vec<Value>, mut room: usize) -> Vec<Value> {
    let fitting = values.iter().position(|value| {
        let size = value.to_string().len();
        let fits = size <= room;
        room = room.saturating_sub(size);
        !fits
    });
    values.truncate(fitting.unwrap_or(values.len()));
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_room_is_left_out_from_the_end() {
        let values = vec![json!("aaaa"), json!("bbbb"), json!("cc")];
        assert_eq!(within(values.clone(), 100), values);
        assert_eq!(within(values.clone(), 12), values[..2]);
        assert_eq!(within(values.clone(), 11), values[..1]);
        assert!(within(values, 1).is_empty());
    }
}
