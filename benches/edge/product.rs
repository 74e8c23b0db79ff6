//! The product, started as an operator would, with a board full of tasks.

use std::{process::Stdio, time::Duration};

use anyhow::Context;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use test_ports::free_port;

const TOKEN: &str = "a-token-for-measuring-that-is-long-enough-to-be-taken";

pub(crate) struct Product {
    http: reqwest::Client,
    url: String,
    child: Child,
    /// The private PostgreSQL that the product started.
    pub(crate) database: String,
    pub(crate) board: String,
    directory: tempfile::TempDir,
}

impl Product {
    pub(crate) async fn start(tasks: usize) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let (http, admin) = (free_port(), free_port());
        let url = format!("http://127.0.0.1:{http}");
        let child = Command::new(env!("CARGO_BIN_EXE_mission-control"))
            .arg("serve")
            .env_remove("MC_DATABASE_URL")
            .env_remove("MC_AMQP_URL")
            .env("MC_DATA_DIR", directory.path())
            .env("MC_HTTP_ADDR", format!("127.0.0.1:{http}"))
            .env("MC_ADMIN_ADDR", format!("127.0.0.1:{admin}"))
            .env("BASE_URL", &url)
            .env("LOCAL_AUTH_TOKEN", TOKEN)
            .env("LOG_LEVEL", "error")
            // One agent alone calls as fast as it can.
            .env("MC_AGENT_REQUESTS_PER_MINUTE", "0")
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let mut product = Self {
            http: reqwest::Client::new(),
            url,
            child,
            database: String::new(),
            board: String::new(),
            directory,
        };
        product.until_ready().await?;
        product.database = product.socket()?;
        product.fill(tasks).await?;
        Ok(product)
    }

    async fn until_ready(&mut self) -> anyhow::Result<()> {
        for _ in 0..600 {
            anyhow::ensure!(
                self.child.try_wait()?.is_none(),
                "the product ended while starting"
            );
            let ready = self.http.get(format!("{}/readyz", self.url)).send().await;
            if ready.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::bail!("the product did not become ready in a minute")
    }

    /// The URL of the private PostgreSQL, whose socket is on the fifth line of its pid file.
    fn socket(&self) -> anyhow::Result<String> {
        let file = std::fs::read_to_string(self.directory.path().join("postgres/postmaster.pid"))?;
        let socket = file.lines().nth(4).context("the pid file names a socket")?;
        let host: String = url::form_urlencoded::byte_serialize(socket.as_bytes()).collect();
        Ok(format!(
            "postgres://mission_control@localhost/mission_control?host={host}"
        ))
    }

    async fn fill(&mut self, tasks: usize) -> anyhow::Result<()> {
        let gateway = json!({"name": "Bench", "url": "ws://127.0.0.1:9", "workspace_root": "/srv"});
        let gateway = self.post("/api/v1/gateways", gateway).await?;
        let board = json!({"name": "Bench", "description": "Measured.", "gateway_id": gateway["id"], "board_type": "general"});
        let board = self.post("/api/v1/boards", board).await?;
        self.board = board["id"]
            .as_str()
            .context("a board has an id")?
            .to_owned();
        for _ in 0..tasks {
            self.create().await?;
        }
        Ok(())
    }

    /// Creates one task.
    pub(crate) async fn create(&self) -> anyhow::Result<()> {
        let path = format!("/api/v1/boards/{}/tasks", self.board);
        let body = json!({"title": "Measure this", "description": "A task of ordinary size, as agents write them."});
        self.post(&path, body).await.map(drop)
    }

    /// Lists the newest 200 tasks, unless the reader's copy still holds.
    pub(crate) async fn list(&self, tag: Option<String>) -> anyhow::Result<()> {
        let mut request = self.http.get(self.tasks()).bearer_auth(TOKEN);
        let expected = if tag.is_some() { 304 } else { 200 };
        if let Some(tag) = tag {
            request = request.header("if-none-match", tag);
        }
        let answer = request.send().await?;
        anyhow::ensure!(
            answer.status() == expected,
            "a list answered {}",
            answer.status()
        );
        answer.bytes().await?;
        Ok(())
    }

    /// Checks an agent in.
    pub(crate) async fn check_in(&self, token: &str) -> anyhow::Result<()> {
        let url = format!("{}/api/v1/agent/heartbeat", self.url);
        let request = self.http.post(url).header("x-agent-token", token);
        let answer = request.send().await?;
        anyhow::ensure!(
            answer.status() == 200,
            "a check-in answered {}",
            answer.status()
        );
        answer.bytes().await?;
        Ok(())
    }

    /// The tag of the list as it is now.
    pub(crate) async fn etag(&self) -> anyhow::Result<String> {
        let answer = self
            .http
            .get(self.tasks())
            .bearer_auth(TOKEN)
            .send()
            .await?;
        Ok(answer
            .headers()
            .get("etag")
            .context("a list has a tag")?
            .to_str()?
            .to_owned())
    }

    fn tasks(&self) -> String {
        format!("{}/api/v1/boards/{}/tasks?limit=200", self.url, self.board)
    }

    async fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        let answer = self
            .http
            .post(format!("{}{path}", self.url))
            .bearer_auth(TOKEN)
            .json(&body)
            .send()
            .await?;
        let status = answer.status();
        let answer: Value = answer.json().await?;
        anyhow::ensure!(status.is_success(), "{path}: {answer}");
        Ok(answer)
    }

    /// Stops the process and its PostgreSQL.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let pid = i32::try_from(self.child.id().context("the product still runs")?)?;
        nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(pid),
            nix::sys::signal::Signal::SIGTERM,
        )?;
        self.child.wait().await?;
        Ok(())
    }
}
