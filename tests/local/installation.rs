//! The product as somebody without a database runs it: one process, its private PostgreSQL, a data directory of its own.

use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::Stdio,
    sync::Mutex,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use reqwest::Method;
use serde_json::Value;
use tokio::process::{Child, Command};
use uuid::Uuid;

use test_ports::free_port;

/// How long anything may take before the test gives up. A bound for a busy machine, not a measure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Installation {
    pub(crate) http_addr: String,
    pub(crate) admin_addr: String,
    gateway_addr: String,
    token: String,
    directory: tempfile::TempDir,
    http: reqwest::Client,
    product: Mutex<Option<Child>>,
    demo: Mutex<Option<Child>>,
}

impl Installation {
    /// Starts it and waits until it is ready.
    pub(crate) async fn start() -> Self {
        let installation = Self::prepare();
        installation.run().await;
        installation
    }

    /// A place for it where nothing runs yet.
    pub(crate) fn prepare() -> Self {
        // Fails only when another test of this process has installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let directory = tempfile::tempdir().unwrap();
        // Root's PostgreSQL runs as another account, which has to pass through.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let address = || format!("127.0.0.1:{}", free_port());
        Self {
            http_addr: address(),
            admin_addr: address(),
            gateway_addr: address(),
            token: Uuid::new_v4().simple().to_string().repeat(2),
            directory,
            http: reqwest::Client::new(),
            product: Mutex::default(),
            demo: Mutex::default(),
        }
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.http_addr)
    }

    /// The program, told about this installation and no other.
    pub(crate) fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mission-control"));
        for variable in ["MC_DATABASE_URL", "MC_AMQP_URL", "DATABASE_URL", "NO_COLOR"] {
            command.env_remove(variable);
        }
        command
            .args(arguments)
            .env("MC_DATA_DIR", self.data_dir())
            .env("MC_HTTP_ADDR", &self.http_addr)
            .env("MC_ADMIN_ADDR", &self.admin_addr)
            .env("MC_DEMO_GATEWAY_ADDR", &self.gateway_addr)
            .env("BASE_URL", self.url())
            .env("LOCAL_AUTH_TOKEN", &self.token)
            .env("LOG_LEVEL", "warn")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Runs the program to its end, which has to be a good one; answers what it printed.
    pub(crate) async fn command(&self, arguments: &[&str]) -> String {
        let output = self.program(arguments).output().await.unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {text}{complaint}");
        text
    }

    fn log(&self, name: &str) -> File {
        let path = self.directory.path().join(format!("{name}.log"));
        File::options()
            .create(true)
            .append(true)
            .open(path)
            .unwrap()
    }

    fn spawn(&self, arguments: &[&str]) -> Child {
        let log = self.log(arguments[0]);
        let mut command = self.program(arguments);
        command.stdout(log.try_clone().unwrap()).stderr(log);
        command.spawn().unwrap()
    }

    async fn run(&self) {
        *self.product.lock().unwrap() = Some(self.spawn(&["serve"]));
        let ready = format!("http://{}/readyz", self.admin_addr);
        let http = &self.http;
        eventually("the product is ready", || async {
            let answer = http.get(&ready).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
    }

    /// Starts the demo beside it.
    pub(crate) fn demo(&self, arguments: &[&str]) {
        *self.demo.lock().unwrap() = Some(self.spawn(&[&["demo"], arguments].concat()));
    }

    pub(crate) async fn stop_demo(&self) {
        let child = taken(&self.demo);
        end(child, Signal::SIGINT, "demo").await;
    }

    /// Waits for a demo that ends by itself.
    pub(crate) async fn until_demo_ends(&self) {
        let mut child = taken(&self.demo);
        let ended = tokio::time::timeout(PATIENCE, child.wait()).await;
        let status = ended.expect("the demo ends by itself").unwrap();
        assert!(status.success(), "the demo ended with {status}");
    }

    /// Stops the product and starts it again.
    pub(crate) async fn restart(&self) {
        let child = taken(&self.product);
        end(child, Signal::SIGTERM, "serve").await;
        self.run().await;
    }

    pub(crate) async fn stop(self) {
        let child = taken(&self.product);
        end(child, Signal::SIGTERM, "serve").await;
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.call(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        self.call(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Value {
        self.call(Method::PATCH, path, Some(body)).await
    }

    /// Calls the REST API as the local person.
    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let mut request = self
            .http
            .request(method.clone(), format!("{}{path}", self.url()))
            .bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert!(status.is_success(), "{method} {path}: {status} {body:#}");
        body
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for name in ["serve", "demo"] {
            let path = self.directory.path().join(format!("{name}.log"));
            eprintln!(
                "--- {name}\n{}",
                fs::read_to_string(path).unwrap_or_default()
            );
        }
    }
}

fn taken(child: &Mutex<Option<Child>>) -> Child {
    child.lock().unwrap().take().expect("it runs")
}

async fn end(mut child: Child, signal: Signal, name: &str) {
    let pid = i32::try_from(child.id().expect("it still runs")).unwrap();
    kill(Pid::from_raw(pid), signal).unwrap();
    let ended = tokio::time::timeout(PATIENCE, child.wait()).await;
    let status = ended
        .unwrap_or_else(|_| panic!("{name} does not stop"))
        .unwrap();
    assert!(status.success(), "{name} ended with {status}");
}

/// A field that is text.
pub(crate) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field]
        .as_str()
        .unwrap_or_else(|| panic!("{field} is not text in {value:#}"))
}

/// Waits until a condition gives something.
pub(crate) async fn eventually<T, F, Fut>(what: &str, mut condition: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = condition().await {
            return found;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "it never happened that {what}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
