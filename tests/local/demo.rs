//! The demo as a newcomer runs it, at high speed: the product with its own database, the simulated gateway, the scripted agents.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::installation::{Installation, eventually, text};

const BOARD: &str = "Demo: launch the newsletter";
const GATEWAY: &str = "Demo gateway (simulated)";
const SEND: &str = "Send it to the list";

/// The sample through the eyes of the person who looks on.
struct Sample<'a> {
    installation: &'a Installation,
    board: String,
}

impl<'a> Sample<'a> {
    async fn find(installation: &'a Installation) -> Self {
        let board = eventually("the sample board is there", || async {
            let boards = installation.get("/api/v1/boards").await;
            let found = items(&boards).find(|board| board["name"] == BOARD)?;
            Some(text(found, "id").to_owned())
        })
        .await;
        Self {
            installation,
            board,
        }
    }

    async fn list(&self, what: &str) -> Vec<Value> {
        let path = format!("/api/v1/boards/{}/{what}?limit=200", self.board);
        items(&self.installation.get(&path).await)
            .cloned()
            .collect()
    }

    async fn task(&self, title: &str) -> Option<Value> {
        let tasks = self.list("tasks").await;
        tasks.into_iter().find(|task| task["title"] == title)
    }

    async fn until_done(&self, title: &str) {
        eventually(&format!("\"{title}\" is done"), || async {
            let task = self.task(title).await?;
            (task["status"] == "done").then_some(())
        })
        .await;
    }

    async fn pending(&self) -> Value {
        eventually("an approval waits", || async {
            let approvals = self.list("approvals").await;
            approvals
                .into_iter()
                .find(|approval| approval["status"] == "pending")
        })
        .await
    }

    async fn decide(&self, approval: &Value, status: &str) {
        let path = format!(
            "/api/v1/boards/{}/approvals/{}",
            self.board,
            text(approval, "id")
        );
        let body = json!({"status": status, "note": "As the test wants it."});
        self.installation.patch(&path, body).await;
    }

    async fn version(&self) -> Value {
        let path = format!("/api/v1/boards/{}", self.board);
        self.installation.get(&path).await["version"].clone()
    }

    async fn until_said(&self, what: &str) {
        eventually(&format!("the chat says \"{what}\""), || async {
            let memory = self.list("memory").await;
            let said = |entry: &Value| text(entry, "content").contains(what);
            memory.iter().any(said).then_some(())
        })
        .await;
    }

    /// The agents of the board, by name.
    async fn agents(&self) -> Vec<Value> {
        let agents = self.installation.get("/api/v1/agents?limit=200").await;
        let mut agents: Vec<Value> = items(&agents)
            .filter(|agent| agent["board_id"] == *self.board)
            .cloned()
            .collect();
        agents.sort_by_key(|agent| text(agent, "name").to_owned());
        agents
    }

    /// Waits until every agent was heard of since.
    async fn until_heard(&self, since: &[Value]) {
        eventually("every agent checks in again", || async {
            let now = self.agents().await;
            let moved = since
                .iter()
                .zip(&now)
                .all(|(before, now)| before["last_seen_at"] != now["last_seen_at"]);
            moved.then_some(())
        })
        .await;
    }
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list["items"].as_array().unwrap().iter()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_sees_work_move_decides_pauses_restarts_and_takes_it_away() {
    let installation = Installation::start().await;
    installation.demo(&["--pace", "50ms"]);
    let sample = Sample::find(&installation).await;

    // Work moves, by itself, through review to done; the lead sends one back on the way.
    for title in ["Collect five stories", "Check every link"] {
        sample.until_done(title).await;
    }
    let events = installation
        .get(&format!(
            "/api/v1/activity?board_id={}&limit=200",
            sample.board
        ))
        .await;
    let kinds: Vec<&str> = items(&events)
        .map(|event| text(event, "event_type"))
        .collect();
    assert!(
        kinds.contains(&"task.comment") && kinds.contains(&"task.status_changed"),
        "{kinds:?}"
    );
    let link = sample.task("Check every link").await.unwrap();
    let comments = sample
        .list(&format!("tasks/{}/comments", text(&link, "id")))
        .await;
    let criticized = comments
        .iter()
        .filter(|comment| text(comment, "message").starts_with("Changes requested:"));
    assert_eq!(criticized.count(), 1, "{comments:#?}");
    for agent in sample.agents().await {
        assert_eq!(agent["status"], "online", "{agent:#}");
    }

    // What leaves the house waits for the person; a no is followed by a revision and another question.
    let first = sample.pending().await;
    assert_ne!(sample.task(SEND).await.unwrap()["status"], "done");
    sample.decide(&first, "rejected").await;
    let second = eventually("the lead asks again", || async {
        let approvals = sample.list("approvals").await;
        let again =
            |approval: &Value| approval["status"] == "pending" && approval["id"] != first["id"];
        approvals.into_iter().find(again)
    })
    .await;
    assert_eq!(second["task_titles"], json!([SEND]));
    let revised = sample.list("tasks").await;
    let revised = revised
        .iter()
        .find(|task| text(task, "title").starts_with("Revise after "));
    assert_eq!(revised.unwrap()["status"], "done");

    // A pause is one: everybody is alive, and nothing changes.
    let chat = format!("/api/v1/boards/{}/memory", sample.board);
    installation
        .post(&chat, json!({"content": "/pause", "tags": ["chat"]}))
        .await;
    let began = Instant::now();
    loop {
        let (before, agents) = (sample.version().await, sample.agents().await);
        for _ in 0..3 {
            sample.until_heard(&agents).await;
        }
        if sample.version().await == before {
            break;
        }
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "a paused board goes on"
        );
    }
    sample.decide(&second, "approved").await;
    let agents = sample.agents().await;
    sample.until_heard(&agents).await;
    assert_eq!(sample.task(SEND).await.unwrap()["status"], "inbox");
    installation
        .post(&chat, json!({"content": "/resume", "tags": ["chat"]}))
        .await;
    sample.until_done(SEND).await;
    let send = sample.task(SEND).await.unwrap();
    let comments = sample
        .list(&format!("tasks/{}/comments", text(&send, "id")))
        .await;
    for decision in ["Rejected by", "Approved by"] {
        let said = comments
            .iter()
            .filter(|comment| text(comment, "message").starts_with(decision));
        assert_eq!(said.count(), 1, "{decision}: {comments:#?}");
    }

    // Whoever is mentioned answers.
    let asked = json!({"content": "@demo-writer how is it going?", "tags": ["chat"]});
    installation.post(&chat, asked).await;
    sample.until_said("I am a script").await;

    // Either side may go away and come back.
    installation.restart().await;
    let own = json!({"title": "After the restart of the product"});
    installation
        .post(&format!("/api/v1/boards/{}/tasks", sample.board), own)
        .await;
    sample.until_done("After the restart of the product").await;
    installation.stop_demo().await;
    installation.demo(&["--pace", "50ms", "--gateway-release", "2026.2.9"]);
    let own = json!({"title": "After the restart of the demo"});
    installation
        .post(&format!("/api/v1/boards/{}/tasks", sample.board), own)
        .await;
    sample.until_done("After the restart of the demo").await;
    let tasks = sample.list("tasks").await.len();
    assert!(
        tasks <= 32,
        "{tasks} tasks, of which the demo makes at most 30"
    );

    // And is gone without a trace.
    let said = installation.command(&["demo", "--remove"]).await;
    assert!(
        said.contains(BOARD) && said.contains("Demo lead") && said.contains(GATEWAY),
        "{said}"
    );
    let again = installation.command(&["demo", "--remove"]).await;
    assert_eq!(again.trim(), "There is no sample: nothing to remove.");
    eventually("nothing is left", || async {
        for list in ["boards", "agents", "gateways"] {
            let found = installation.get(&format!("/api/v1/{list}")).await;
            if found["total"] != 0 {
                return None;
            }
        }
        Some(())
    })
    .await;
    installation.until_demo_ends().await;
    installation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_completes_what_one_that_was_cut_off_began_and_runs_once() {
    let installation = Installation::start().await;
    // As far as a run got that was killed.
    let gateway =
        json!({"name": GATEWAY, "url": "ws://127.0.0.1:1", "workspace_root": "/demo/openclaw"});
    let gateway = installation.post("/api/v1/gateways", gateway).await;
    let board = json!({
        "name": BOARD, "gateway_id": gateway["id"], "description": "A sample board.", "require_approval_for_done": false,
    });
    installation.post("/api/v1/boards", board).await;

    installation.demo(&["--pace", "50ms"]);
    let sample = Sample::find(&installation).await;
    sample.until_done("Collect five stories").await;
    let agents = sample.agents().await;
    let names: Vec<&str> = agents.iter().map(|agent| text(agent, "name")).collect();
    assert_eq!(names, ["Demo checker", "Demo lead", "Demo writer"]);

    // A second one would take the agents away from the first.
    let mut second = installation.program(&[
        "demo",
        "--gateway-addr",
        &test_ports::free_addr().to_string(),
    ]);
    let second = second.output().await.unwrap();
    let complaint = String::from_utf8_lossy(&second.stderr);
    assert!(
        !second.status.success() && complaint.contains("another demo runs already"),
        "{complaint}"
    );

    // And one that was given the wrong directory makes nothing there.
    let wrong = installation.data_dir().with_file_name("wrong");
    let mut third = installation.program(&[
        "demo",
        "--gateway-addr",
        &test_ports::free_addr().to_string(),
    ]);
    third
        .env("MC_DATA_DIR", &wrong)
        .env_remove("LOCAL_AUTH_TOKEN");
    let third = third.output().await.unwrap();
    let complaint = String::from_utf8_lossy(&third.stderr);
    assert!(
        !third.status.success() && complaint.contains("no secrets.env"),
        "{complaint}"
    );
    assert!(!wrong.exists());
    installation.stop_demo().await;
    installation.stop().await;
}
