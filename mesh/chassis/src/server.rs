//! One process of the mesh: components add to it, then it runs.

use std::{
    collections::BTreeMap, convert::Infallible, future::Future, net::SocketAddr, time::Duration,
};

use futures::future::BoxFuture;
use http::Request;
use secrecy::SecretString;
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tonic::{
    body::Body,
    server::NamedService,
    service::{Routes, RoutesBuilder},
    transport::Channel,
};
use tower::Service;

use crate::{
    Caller, Clock, Keyring, Peer, Seal, Settings, again,
    db::Database,
    guard,
    peer::{Dialer, Directory},
    ready::Readiness,
    round::{self, Round},
    task::{Layer, Pending, Tasks},
};

/// How long database connections may take to come back when the process stops.
const CLOSE: Duration = Duration::from_secs(5);

/// What components register with.
pub struct Server {
    clock: Clock,
    seal: Seal,
    keyring: Keyring,
    directory: Directory,
    databases: Databases,
    pools: Vec<PgPool>,
    routes: RoutesBuilder,
    roles: Vec<&'static str>,
    pending: Vec<Pending>,
    readiness: Readiness,
    shutdown: CancellationToken,
}

enum Databases {
    PerSchema {
        database: Database,
        open: BTreeMap<&'static str, PgPool>,
    },
    One(PgPool),
}

impl Server {
    /// An empty process.
    pub fn new(settings: Settings, clock: Clock) -> anyhow::Result<Self> {
        let keyring = Keyring::new(&settings.mesh_secret);
        let directory = Directory::new(keyring.clone(), &settings.peers)?;
        let readiness = Readiness::default();
        for (role, channel) in directory.remotes() {
            readiness.add(format!("peer.{role}"), move || {
                Box::pin(peer_is_serving(channel.clone()))
            });
        }
        Ok(Self {
            clock,
            seal: Seal::new(&settings.seal_key),
            keyring,
            directory,
            databases: Databases::PerSchema {
                database: settings.database,
                open: BTreeMap::new(),
            },
            pools: Vec::new(),
            routes: Routes::builder(),
            roles: Vec::new(),
            pending: Vec::new(),
            readiness,
            shutdown: CancellationToken::new(),
        })
    }

    /// A process for a test: every schema is the one database of the test, and keys are fixed.
    pub fn for_tests(pool: PgPool, clock: Clock) -> Self {
        let database = Database {
            url: SecretString::from("unused"),
            max_connections: 1,
            slow: Duration::from_millis(200),
        };
        let settings = Settings {
            database,
            mesh_secret: SecretString::from("the mesh secret of every test process"),
            seal_key: [7; 32],
            peers: Vec::new(),
        };
        let mut server = Self::new(settings, clock).expect("no peer URL can be wrong");
        server.databases = Databases::One(pool);
        server
    }

    /// The time.
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// What secrets are closed with at rest.
    pub fn seal(&self) -> Seal {
        self.seal.clone()
    }

    /// A peer, called by a component of the mesh on nobody's behalf.
    pub fn peer(&self, role: &'static str) -> Peer {
        Peer::new(
            role,
            Caller::Internal {
                service: "mesh".into(),
            },
            self.directory.clone(),
        )
    }

    /// What transports to single replicas are made with.
    pub fn dialer(&self) -> Dialer {
        Dialer::new(self.keyring.clone())
    }

    /// A pool on a schema. Asking again answers the same pool. The first time adds a readiness check.
    pub async fn database(&mut self, schema: &'static str) -> anyhow::Result<PgPool> {
        let pool = match &mut self.databases {
            Databases::One(pool) => return Ok(pool.clone()),
            Databases::PerSchema { open, .. } if open.contains_key(schema) => {
                return Ok(open[schema].clone());
            }
            Databases::PerSchema { database, open } => {
                let pool = database.connect(schema).await?;
                open.insert(schema, pool.clone());
                pool
            }
        };
        self.pools.push(pool.clone());
        let checked = pool.clone();
        self.readiness.add(format!("database.{schema}"), move || {
            let pool = checked.clone();
            Box::pin(async move {
                sqlx::query("select 1").execute(&pool).await?;
                Ok(())
            })
        });
        Ok(pool)
    }

    /// Serves an RPC service under a role.
    pub fn add_service<S>(&mut self, role: &'static str, service: S)
    where
        S: Service<Request<Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Response: axum::response::IntoResponse,
        S::Future: Send + 'static,
    {
        self.routes.add_service(service);
        if !self.roles.contains(&role) {
            self.roles.push(role);
        }
    }

    /// Adds background work. It starts when the process does, ends when its token is cancelled (after requests have drained),
    /// and takes the process down when it fails.
    pub fn spawn<F, Fut>(&mut self, name: &'static str, task: F)
    where
        F: FnOnce(CancellationToken) -> Fut + Send + 'static,
        Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        self.pending
            .push(Pending::new(name, Layer::Background, task));
    }

    /// Adds background work that is done when the process starts, and again after each pause.
    pub fn spawn_rounds(&mut self, name: &'static str, pause: Duration, work: impl Round) {
        self.spawn(name, move |stop| round::run(name, pause, work, stop));
    }

    /// Adds work that takes requests from outside: told to stop first, so that it drains while everything behind it works.
    pub fn spawn_front<F, Fut>(&mut self, name: &'static str, task: F)
    where
        F: FnOnce(CancellationToken) -> Fut + Send + 'static,
        Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        self.pending.push(Pending::new(name, Layer::Front, task));
    }

    /// Adds a readiness check.
    pub fn ready(
        &mut self,
        name: impl Into<String>,
        check: impl Fn() -> BoxFuture<'static, anyhow::Result<()>> + Send + Sync + 'static,
    ) {
        self.readiness.add(name, check);
    }

    /// The readiness of this process.
    pub fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    /// Cancelled when the process begins to stop; cancelling it stops the process.
    pub fn shutdown(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Runs everything in this process, reachable for in-process peers only.
    pub fn start(self) -> Running {
        let (parts, _) = self.bind();
        parts
    }

    /// Runs until told to stop, serving the mesh's gRPC on the listener when there is one.
    pub async fn run(mut self, mesh: Option<TcpListener>) -> anyhow::Result<()> {
        let (health, health_service) = tonic_health::server::health_reporter();
        for role in self.roles.clone() {
            health
                .set_service_status(role, tonic_health::ServingStatus::Serving)
                .await;
        }
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(proto::FILE_DESCRIPTOR_SET)
            .build_v1()?;
        self.routes
            .add_service(health_service)
            .add_service(reflection);
        if let Some(listener) = mesh {
            let (send, receive) = tokio::sync::oneshot::channel::<axum::Router>();
            self.spawn_front("mesh", |stop| async move {
                let router = receive.await?;
                axum::serve(listener, router)
                    .with_graceful_shutdown(stop.cancelled_owned())
                    .await?;
                Ok(())
            });
            let (running, router) = self.bind();
            // Fails only when the task is gone already, and then supervision ends the process.
            let _ = send.send(router);
            return running.wait().await;
        }
        let (running, _) = self.bind();
        running.wait().await
    }

    fn bind(self) -> (Running, axum::Router) {
        let guard = axum::middleware::from_fn_with_state(self.keyring.clone(), guard::guard);
        let router = self
            .routes
            .routes()
            .prepare()
            .into_axum_router()
            .layer(axum::middleware::from_fn(again::again))
            .layer(guard);
        self.directory.bind(self.roles.clone(), router.clone());
        let tasks = Tasks::start(self.pending, &self.shutdown);
        let (shutdown, readiness, pools) =
            (self.shutdown.clone(), self.readiness.clone(), self.pools);
        let supervisor = AbortOnDropHandle::new(tokio::spawn({
            let shutdown = shutdown.clone();
            async move {
                let outcome = tasks.supervise(&shutdown).await;
                // A stream that its reader left alone may hold a connection for ever; the process does not wait for it.
                let close = futures::future::join_all(pools.iter().map(PgPool::close));
                let _ = tokio::time::timeout(CLOSE, close).await;
                outcome
            }
        }));
        let running = Running {
            roles: self.roles,
            directory: self.directory,
            readiness,
            shutdown,
            supervisor,
            keyring: self.keyring,
        };
        (running, router)
    }
}

async fn peer_is_serving(channel: Channel) -> anyhow::Result<()> {
    let mut client = tonic_health::pb::health_client::HealthClient::new(channel);
    client
        .check(tonic_health::pb::HealthCheckRequest::default())
        .await?;
    Ok(())
}

/// A started process. Dropping it is a kill: nothing drains, and nothing of it stays.
pub struct Running {
    roles: Vec<&'static str>,
    directory: Directory,
    readiness: Readiness,
    shutdown: CancellationToken,
    supervisor: AbortOnDropHandle<anyhow::Result<()>>,
    keyring: Keyring,
}

impl Running {
    /// A transport to everything in this process, as this caller. Which role serves a method does not matter.
    pub fn client(&self, caller: Caller) -> Peer {
        let role = self.roles.first().copied().unwrap_or("nothing");
        Peer::new(role, caller, self.directory.clone())
    }

    /// What callers are signed with here.
    pub fn keyring(&self) -> Keyring {
        self.keyring.clone()
    }

    /// The readiness of this process.
    pub fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    /// Cancelled when the process begins to stop; cancelling it stops the process.
    pub fn shutdown(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Waits for the process to end.
    pub async fn wait(self) -> anyhow::Result<()> {
        self.supervisor.await?
    }

    /// Drains and stops.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.readiness.drain();
        self.shutdown.cancel();
        self.wait().await
    }

    /// Stops at once, as a kill would: nothing drains.
    pub fn abort(self) {
        self.supervisor.abort();
    }
}

/// Binds an address, or says clearly why not.
pub async fn listen(address: SocketAddr, variable: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .map_err(|error| anyhow::anyhow!("cannot listen on {address} ({variable}): {error}"))
}
