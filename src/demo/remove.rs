//! Takes the sample away: its board with its agents, then its gateway.

use std::time::Duration;

use anyhow::Context;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::sample::{BOARD, GATEWAY, named};
use crate::rest::{Refusal, Rest, text};

/// How long the agents of a board may need to go with it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Removes what there is of the sample and says what that was. Does nothing the second time.
pub(super) async fn remove(person: &Rest) -> anyhow::Result<()> {
    let Some(gateway) = named(person, "/api/v1/gateways", GATEWAY)
        .await
        .context("is Mission Control running?")?
    else {
        println!("There is no sample: nothing to remove.");
        return Ok(());
    };
    let gateway = text(&gateway, "id")?;
    remove_boards(person, &gateway).await?;
    // The simulated gateway is away, or goes soon: nothing is to be taken from it.
    let path = format!("/api/v1/gateways/{gateway}?force=true");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let Err(error) = person.delete(&path).await else {
            break;
        };
        let Some(refusal) = Refusal::of(&error).cloned() else {
            return Err(error);
        };
        match refusal.code.as_str() {
            "gateway_not_found" => break,
            // The agents of the board are going.
            "gateway_in_use"
                if Instant::now() < deadline && !is_used_by_others(person, &gateway).await? =>
            {
                sleep(Duration::from_millis(300)).await;
            }
            "gateway_in_use" => {
                return Err(error).context(
                    "the simulated gateway stays: boards of yours stand on it; delete or move them first",
                );
            }
            _ => return Err(error),
        }
    }
    println!("Removed the gateway \"{GATEWAY}\" and its main agent.");
    Ok(())
}

async fn remove_boards(person: &Rest, gateway: &str) -> anyhow::Result<()> {
    let agents = person.all("/api/v1/agents").await?;
    for board in boards_on(person, gateway).await? {
        if board["name"] != BOARD {
            continue;
        }
        let id = text(&board, "id")?;
        match person
            .delete(&format!("/api/v1/boards/{id}?force=true"))
            .await
        {
            Ok(_) => {}
            Err(error) if Refusal::is_not_found(&error) => continue,
            Err(error) => return Err(error),
        }
        println!("Removed the board \"{BOARD}\" with everything on it.");
        for agent in agents.iter().filter(|agent| agent["board_id"] == *id) {
            println!(
                "Removed the agent \"{}\".",
                agent["name"].as_str().unwrap_or_default()
            );
        }
    }
    Ok(())
}

async fn is_used_by_others(person: &Rest, gateway: &str) -> anyhow::Result<bool> {
    Ok(!boards_on(person, gateway).await?.is_empty())
}

async fn boards_on(person: &Rest, gateway: &str) -> anyhow::Result<Vec<Value>> {
    let mut boards = person.all("/api/v1/boards").await?;
    boards.retain(|board| board["gateway_id"] == gateway);
    Ok(boards)
}
