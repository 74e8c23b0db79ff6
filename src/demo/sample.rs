//! The sample: a gateway, a board, three agents and the first tasks.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use simulator::Running;
use tokio::time::{Instant, sleep};

use crate::rest::{Refusal, Rest, text};

/// Name of the sample's gateway; says what it is wherever it shows.
pub(super) const GATEWAY: &str = "Demo gateway (simulated)";
/// Name of the sample's board.
pub(super) const BOARD: &str = "Demo: launch the newsletter";
/// What the board is about, and what is simulated about it.
const DESCRIPTION: &str = "A sample board. Its gateway is simulated and its agents are scripts: they claim, comment, hand in and \
    review as real ones do, through the same REST API, but no model thinks and nothing leaves this machine. \
    `mission-control demo --remove` takes all of it away.";
/// The agents, each with whether it leads.
const AGENTS: [(&str, bool); 3] = [
    ("Demo lead", true),
    ("Demo writer", false),
    ("Demo checker", false),
];
/// The pace that the agents are given.
const EVERY: &str = "15s";

/// One piece of an issue of the newsletter.
pub(super) struct Piece {
    title: &'static str,
    pub(super) description: &'static str,
    pub(super) priority: &'static str,
}

/// What an issue of the newsletter takes. The last one is the lead's to make, and a person's to approve.
pub(super) const PIECES: [Piece; 5] = [
    Piece {
        title: "Collect five stories",
        description: "Goal: five stories that readers can use. Proof: five links, each with one sentence.",
        priority: "high",
    },
    Piece {
        title: "Write the first draft",
        description: "Goal: a draft of at most 400 words. Proof: where it can be read.",
        priority: "medium",
    },
    Piece {
        title: "Check every link",
        description: "Goal: no dead link. Proof: the number of links and what each answered.",
        priority: "low",
    },
    Piece {
        title: "Choose a subject line",
        description: "Goal: one line of at most 50 characters. Proof: the line and why.",
        priority: "medium",
    },
    Piece {
        title: "Send it to the list",
        description: "Leaves this installation: needs an approval first. Goal: every reader has it once.",
        priority: "urgent",
    },
];

/// What the description of a task says that may not be begun before a person has approved it.
pub(super) const NEEDS_APPROVAL: &str = "needs an approval first";

/// The title of a piece in an issue, counted from 1. The first issue has plain titles.
pub(super) fn title(issue: usize, piece: usize) -> String {
    let plain = PIECES[piece].title;
    if issue == 1 {
        return plain.to_owned();
    }
    let mut letters = plain.chars();
    let first = letters.next().into_iter().flat_map(char::to_lowercase);
    format!(
        "Issue {issue}: {}{}",
        first.collect::<String>(),
        letters.as_str()
    )
}

/// What was found or made.
pub(super) struct Sample {
    pub(super) board: String,
}

/// Makes what is missing of the sample, and tells Mission Control where its gateway is now.
pub(super) async fn find_or_make(
    person: &Rest,
    gateway: &Running,
    plays_agents: bool,
) -> anyhow::Result<Sample> {
    let token = gateway.config().token.clone();
    let gateway_id = match named(person, "/api/v1/gateways", GATEWAY).await? {
        Some(known) => {
            let id = text(&known, "id")?;
            refuse_a_second(person, gateway, &text(&known, "url")?).await?;
            let body = json!({"url": gateway.url(), "token": token});
            person
                .patch(&format!("/api/v1/gateways/{id}"), body)
                .await?;
            gateway.refuse_connections(false);
            if plays_agents {
                bring_back(person, gateway, &id).await?;
            }
            id
        }
        None => {
            let body = json!({"name": GATEWAY, "url": gateway.url(), "token": token, "workspace_root": "/demo/openclaw"});
            gateway.refuse_connections(false);
            text(&person.post("/api/v1/gateways", body).await?, "id")?
        }
    };
    let board = match named(person, "/api/v1/boards", BOARD).await? {
        Some(board) => {
            let id = text(&board, "id")?;
            // Without scripts to play them, they are whoever's the board is.
            if plays_agents {
                make_agents(person, &id).await?;
            }
            id
        }
        None => make_board(person, &gateway_id).await?,
    };
    Ok(Sample { board })
}

/// Two simulated gateways under one name would take the agents from each other.
async fn refuse_a_second(person: &Rest, gateway: &Running, known: &str) -> anyhow::Result<()> {
    if known == gateway.url() {
        return Ok(());
    }
    let asked: String = url::form_urlencoded::byte_serialize(known.as_bytes()).collect();
    let status = person
        .get(&format!("/api/v1/gateways/status?gateway_url={asked}"))
        .await?;
    anyhow::ensure!(
        status["connected"] != true,
        "another demo runs already, with its gateway at {known}: stop that one first"
    );
    Ok(())
}

async fn make_board(person: &Rest, gateway_id: &str) -> anyhow::Result<String> {
    let body = json!({
        "name": BOARD, "gateway_id": gateway_id, "board_type": "general", "description": DESCRIPTION,
        "require_approval_for_done": false, "require_review_before_done": true,
        "comment_required_for_review": true, "block_status_changes_with_pending_approval": true,
    });
    let board = text(&person.post("/api/v1/boards", body).await?, "id")?;
    make_agents(person, &board).await?;
    let beginning = PIECES.iter().take(PIECES.len() - 1).enumerate();
    for (at, piece) in beginning {
        let body = json!({
            "board_id": board, "title": title(1, at), "description": piece.description, "priority": piece.priority,
        });
        person.post("/api/v1/tasks", body).await?;
    }
    Ok(board)
}

/// Makes the agents that the board does not have: all of a new one, or those that an interrupted run did not get to.
async fn make_agents(person: &Rest, board: &str) -> anyhow::Result<()> {
    let known = person.all("/api/v1/agents").await?;
    let has = |name: &str| {
        let mut of_board = known.iter().filter(|agent| agent["board_id"] == board);
        of_board.any(|agent| agent["name"] == name)
    };
    for (name, is_lead) in AGENTS.into_iter().filter(|(name, _)| !has(name)) {
        let body = json!({"board_id": board, "name": name, "is_board_lead": is_lead, "heartbeat_config": {"every": EVERY}});
        match person.post("/api/v1/agents", body).await {
            // Somebody put another in its place, or it is on another board now.
            Err(error)
                if Refusal::of(&error).is_some_and(|no| no.status == StatusCode::CONFLICT) => {}
            outcome => _ = outcome?,
        }
    }
    Ok(())
}

/// The thing in a list that has this name.
pub(super) async fn named(person: &Rest, path: &str, name: &str) -> anyhow::Result<Option<Value>> {
    let all = person.all(path).await?;
    Ok(all.into_iter().find(|thing| thing["name"] == name))
}

/// How long the jobs that an earlier run left behind may take.
const BUSY_LIMIT: Duration = Duration::from_secs(20);

/// A simulated gateway remembers nothing: what an earlier run had is written there again.
async fn bring_back(person: &Rest, gateway: &Running, gateway_id: &str) -> anyhow::Result<()> {
    let deadline = Instant::now() + BUSY_LIMIT;
    for agent in person.all("/api/v1/agents").await? {
        if agent["gateway_id"] != gateway_id || is_in_place(gateway, &agent) {
            continue;
        }
        let path = format!("/api/v1/agents/{}", text(&agent, "id")?);
        loop {
            let outcome = if agent["status"] == "failed" {
                person.post(&format!("{path}/retry"), json!({})).await
            } else {
                person.patch(&path, json!({"force": true})).await
            };
            let Err(error) = outcome else { break };
            match Refusal::of(&error).map(|refusal| refusal.code.as_str()) {
                // It goes, or is gone.
                Some("agent_leaving" | "agent_not_found") => break,
                // What is under way may bring it back by itself, with the gateway's new address.
                Some("agent_busy")
                    if Instant::now() < deadline && !is_in_place(gateway, &agent) =>
                {
                    sleep(Duration::from_millis(500)).await;
                }
                Some("agent_busy") => break,
                _ => return Err(error),
            }
        }
    }
    Ok(())
}

fn is_in_place(gateway: &Running, agent: &Value) -> bool {
    let key = agent["openclaw_session_id"]
        .as_str()
        .and_then(|session| session.strip_prefix("agent:")?.split(':').next());
    key.is_some_and(|key| super::settings::Settings::read(gateway, key).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_issues_say_which_they_are() {
        assert_eq!(title(1, 0), "Collect five stories");
        assert_eq!(title(3, 4), "Issue 3: send it to the list");
        assert!(PIECES[4].description.contains(NEEDS_APPROVAL));
    }
}
