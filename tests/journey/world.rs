//! The product as an operator runs it: processes, a database of their own, free ports.

use std::{collections::BTreeMap, fs::File, path::PathBuf, process::Stdio, time::Duration};

use mission_control::role::Role;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use simulator::{Simulator, SimulatorConfig};
use sqlx::{Connection, PgConnection};
use tokio::process::{Child, Command};
use uuid::Uuid;

use test_ports::free_port;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    Together,
    Apart,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Events {
    Postgres,
    RabbitMq,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) layout: Layout,
    pub(crate) events: Events,
}

/// How long anything may take before the test gives up. A bound for a busy machine, not a measure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct World {
    pub(crate) url: String,
    pub(crate) token: String,
    pub(crate) gateway: simulator::Running,
    plans: Vec<Plan>,
    running: Vec<Running>,
    database: String,
    directory: tempfile::TempDir,
}

/// A process to start.
struct Plan {
    name: String,
    roles: Vec<&'static str>,
    env: BTreeMap<String, String>,
    admin: u16,
}

struct Running {
    name: String,
    child: Child,
}

impl World {
    pub(crate) async fn start(shape: Shape) -> Self {
        // Fails only when another test of this process has installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let server = std::env::var("DATABASE_URL")
            .expect("DATABASE_URL names a PostgreSQL server: run `make test`");
        let name = format!("journey_{}", Uuid::new_v4().simple());
        let mut connection = PgConnection::connect(&server)
            .await
            .expect("the PostgreSQL server answers");
        sqlx::query(sqlx::AssertSqlSafe(format!("create database {name}")))
            .execute(&mut connection)
            .await
            .unwrap();

        let directory = tempfile::tempdir().unwrap();
        let token = "journey-".repeat(8);
        let http = free_port();
        let url = format!("http://127.0.0.1:{http}");
        let mut env = BTreeMap::from([
            ("MC_DATABASE_URL".to_owned(), on_database(&server, &name)),
            ("MC_DATABASE_MAX_CONNECTIONS".to_owned(), "6".to_owned()),
            (
                "MC_GATEWAY_ALLOW_PRIVATE_ADDRESSES".to_owned(),
                "true".to_owned(),
            ),
            (
                "MC_DATA_DIR".to_owned(),
                directory.path().join("data").display().to_string(),
            ),
            (
                "MC_MESH_SECRET".to_owned(),
                "the mesh secret of the journey test".to_owned(),
            ),
            (
                "MC_SEAL_KEY".to_owned(),
                "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned(),
            ),
            ("LOCAL_AUTH_TOKEN".to_owned(), token.clone()),
            ("BASE_URL".to_owned(), url.clone()),
            ("MC_HTTP_ADDR".to_owned(), format!("127.0.0.1:{http}")),
            (
                "MC_WEBHOOK_ALLOW_PRIVATE_ADDRESSES".to_owned(),
                "true".to_owned(),
            ),
            (
                "MC_WEBHOOK_RETRY_SCHEDULE".to_owned(),
                "200ms,500ms,1s,2s".to_owned(),
            ),
            ("LOG_LEVEL".to_owned(), "info".to_owned()),
        ]);
        if shape.events == Events::RabbitMq {
            let broker = std::env::var("MC_TEST_AMQP_URL")
                .expect("MC_TEST_AMQP_URL names a broker: run `make test`");
            env.insert("MC_AMQP_URL".to_owned(), broker);
            env.insert("MC_AMQP_PREFIX".to_owned(), format!("{name}."));
        }
        let mut world = Self {
            url,
            token,
            gateway: Simulator::start(SimulatorConfig {
                // A gateway takes three configuration writes a minute; the team is larger than that.
                rate_window: Duration::from_secs(1),
                ..SimulatorConfig::default()
            })
            .await
            .unwrap(),
            plans: plans(shape.layout, &env),
            running: Vec::new(),
            database: name,
            directory,
        };
        world.migrate(&env).await;
        world.run().await;
        world
    }

    async fn migrate(&self, env: &BTreeMap<String, String>) {
        let mut command = self.command("migrate", env);
        let status = command.arg("migrate").status().await.unwrap();
        assert!(status.success(), "migrate failed:\n{}", self.log("migrate"));
    }

    /// Starts every process and waits until each is ready.
    pub(crate) async fn run(&mut self) {
        for plan in &self.plans {
            let mut command = self.command(&plan.name, &plan.env);
            let child = command.arg("serve").args(&plan.roles).spawn().unwrap();
            self.running.push(Running {
                name: plan.name.clone(),
                child,
            });
        }
        for index in 0..self.plans.len() {
            self.until_ready(index).await;
        }
    }

    async fn until_ready(&mut self, index: usize) {
        let (name, url) = {
            let plan = &self.plans[index];
            (
                plan.name.clone(),
                format!("http://127.0.0.1:{}/readyz", plan.admin),
            )
        };
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            self.nobody_has_ended();
            if reqwest::get(&url)
                .await
                .is_ok_and(|answer| answer.status().is_success())
            {
                return;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "{name} is not ready:\n{}",
                self.log(&name)
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn nobody_has_ended(&mut self) {
        let mut ended = None;
        for running in &mut self.running {
            if let Some(status) = running.child.try_wait().unwrap() {
                ended = Some((running.name.clone(), status));
            }
        }
        if let Some((name, status)) = ended {
            panic!("{name} ended with {status}:\n{}", self.log(&name));
        }
    }

    fn command(&self, log: &str, env: &BTreeMap<String, String>) -> Command {
        let output = File::options()
            .create(true)
            .append(true)
            .open(self.log_path(log))
            .unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_mission-control"));
        command
            .env_remove("MC_DATABASE_URL")
            .env_remove("MC_AMQP_URL")
            .envs(env)
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .kill_on_drop(true);
        command
    }

    fn log_path(&self, name: &str) -> PathBuf {
        self.directory.path().join(format!("{name}.log"))
    }

    /// What a process has logged.
    pub(crate) fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.log_path(name)).unwrap_or_default()
    }

    /// What all processes have logged.
    pub(crate) fn logs(&self) -> String {
        self.plans
            .iter()
            .map(|plan| format!("--- {}\n{}", plan.name, self.log(&plan.name)))
            .collect()
    }

    /// A connection to the database of the product.
    pub(crate) async fn database(&self) -> PgConnection {
        let server = std::env::var("DATABASE_URL").unwrap();
        PgConnection::connect(&on_database(&server, &self.database))
            .await
            .unwrap()
    }

    /// Kills every process where it stands.
    pub(crate) async fn kill(&mut self) {
        for mut running in self.running.drain(..) {
            running.child.kill().await.unwrap();
        }
    }

    /// Asks every process to stop, and expects each to drain and end well.
    pub(crate) async fn stop(mut self) {
        for running in &self.running {
            let pid = running.child.id().expect("the process still runs");
            kill(Pid::from_raw(i32::try_from(pid).unwrap()), Signal::SIGTERM).unwrap();
        }
        for mut running in std::mem::take(&mut self.running) {
            let status = tokio::time::timeout(PATIENCE, running.child.wait()).await;
            let status = status
                .unwrap_or_else(|_| panic!("{} does not stop", running.name))
                .unwrap();
            assert!(
                status.success(),
                "{} ended with {status}:\n{}",
                running.name,
                self.log(&running.name)
            );
        }
        let server = std::env::var("DATABASE_URL").unwrap();
        let mut connection = PgConnection::connect(&server).await.unwrap();
        let drop = format!("drop database {} with (force)", self.database);
        sqlx::query(sqlx::AssertSqlSafe(drop))
            .execute(&mut connection)
            .await
            .unwrap();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.logs());
        }
    }
}

fn plans(layout: Layout, env: &BTreeMap<String, String>) -> Vec<Plan> {
    let with_admin = |name: &str, roles: Vec<&'static str>, mut env: BTreeMap<String, String>| {
        let admin = free_port();
        env.insert("MC_ADMIN_ADDR".to_owned(), format!("127.0.0.1:{admin}"));
        Plan {
            name: name.to_owned(),
            roles,
            env,
            admin,
        }
    };
    if layout == Layout::Together {
        return vec![with_admin("together", Vec::new(), env.clone())];
    }
    let ports: Vec<_> = Role::ALL.iter().map(|_| free_port()).collect();
    Role::ALL
        .iter()
        .zip(&ports)
        .map(|(role, port)| {
            let mut env = env.clone();
            env.insert("MC_MESH_ADDR".to_owned(), format!("127.0.0.1:{port}"));
            for (peer, port) in Role::ALL
                .iter()
                .zip(&ports)
                .filter(|(peer, _)| *peer != role)
            {
                env.insert(peer.peer_variable(), format!("http://127.0.0.1:{port}"));
            }
            with_admin(role.name(), vec![role.name()], env)
        })
        .collect()
}

fn on_database(server: &str, name: &str) -> String {
    let mut url: url::Url = server.parse().expect("DATABASE_URL is a URL");
    url.set_path(name);
    url.into()
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
