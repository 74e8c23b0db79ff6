//! `mission-control serve`: one process, any set of roles.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context;
use bus::Bus;
use chassis::{Clock, Server, Settings, server::listen};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    banner::{self, Progress},
    embedded::Embedded,
    migrate,
    options::Options,
    role::{self, Role},
    secrets::Secrets,
};

/// How long a stop may take before the process gives up on it.
const STOP_LIMIT: Duration = Duration::from_secs(60);

/// Runs until a signal, or until something in the process dies.
pub async fn serve(roles: Vec<Role>, mut options: Options) -> anyhow::Result<()> {
    let telemetry = chassis::telemetry::init(&options.telemetry)?;
    let roles = if roles.is_empty() {
        Role::ALL.to_vec()
    } else {
        roles
    };
    let whole = Role::ALL.iter().all(|role| roles.contains(role));
    let progress = Progress::start();

    if options.agent.base_url == agent::AUTO && roles.contains(&Role::Agent) {
        anyhow::ensure!(
            roles.contains(&Role::ApiEdge),
            "BASE_URL must be set where the edge is in another process"
        );
        options.agent.base_url = format!("http://{}", options.edge.http_addr);
    }
    let private = options.chassis.database_url.is_none();
    let gateways = &mut options.gateway;
    gateways.alone = private;
    gateways.gateway_allow_private_addresses = gateways.gateway_allow_private_addresses.or(private);
    if !whole && gateways.connector_advertise_url.is_none() {
        gateways.connector_advertise_url = advertised(options.chassis.mesh_addr);
    }
    fill_in(&mut options, whole, &progress)?;
    let embedded = if private {
        progress.step("Starting PostgreSQL");
        let database = Embedded::start(&options.data_dir, &options.embedded).await?;
        options.chassis.database_url = Some(database.url().to_owned().into());
        Some(database)
    } else {
        None
    };
    let outcome = run(
        &roles,
        whole,
        embedded.as_ref(),
        options,
        &progress,
        &telemetry,
    )
    .await;
    if let Some(database) = embedded {
        database
            .stop()
            .await
            .context("the private PostgreSQL did not stop")?;
    }
    outcome
}

/// Where other processes reach the mesh of this one, when the address that it listens on says so.
fn advertised(mesh: SocketAddr) -> Option<Url> {
    let one = !mesh.ip().is_unspecified() && mesh.port() != 0;
    one.then(|| format!("http://{mesh}").parse().ok()).flatten()
}

/// Generates what was not given. Only a process that plays every role may: others would each invent their own.
fn fill_in(options: &mut Options, whole: bool, progress: &Progress) -> anyhow::Result<()> {
    let chassis = &mut options.chassis;
    let complete = chassis.mesh_secret.is_some()
        && chassis.seal_key.is_some()
        && options.org.local_auth_token.is_some();
    if chassis.database_url.is_some() && (complete || !whole) {
        return Ok(());
    }
    if !whole {
        anyhow::bail!("MC_DATABASE_URL must be set when roles run in processes of their own");
    }
    progress.step("Reading secrets");
    let secrets = Secrets::load_or_create(&options.data_dir)?;
    chassis
        .mesh_secret
        .get_or_insert_with(|| secrets.mesh_secret.clone());
    chassis
        .seal_key
        .get_or_insert_with(|| secrets.seal_key.clone());
    options
        .org
        .local_auth_token
        .get_or_insert_with(|| secrets.local_auth_token.clone());
    options
        .gateway
        .device_identity_file
        .get_or_insert_with(|| options.data_dir.join("device.json"));
    Ok(())
}

async fn run(
    roles: &[Role],
    whole: bool,
    embedded: Option<&Embedded>,
    options: Options,
    progress: &Progress,
    telemetry: &chassis::telemetry::Telemetry,
) -> anyhow::Result<()> {
    let settings = Settings::new(&options.chassis, role::peers(roles)?)?;
    if embedded.is_some() || options.db_auto_migrate {
        progress.step("Applying migrations");
        migrate::apply(&settings.database, &options.bus, roles).await?;
    } else {
        migrate::check(&settings.database, &options.bus, roles).await?;
    }

    progress.step("Starting services");
    let mut server = Server::new(settings, Clock::system())?;
    let bus = Bus::connect(&mut server, options.bus.clone()).await?;
    let admin = listen(options.chassis.admin_addr, "MC_ADMIN_ADDR").await?;
    let mesh = if whole {
        None
    } else {
        Some(listen(options.chassis.mesh_addr, "MC_MESH_ADDR").await?)
    };
    for role in roles {
        role.register(&mut server, &bus, &options).await?;
    }
    let (readiness, metrics) = (server.readiness(), telemetry.metrics.clone());
    server.spawn("admin", {
        let readiness = readiness.clone();
        |stop| chassis::admin::serve(admin, readiness, metrics, stop)
    });
    if let Some(database) = embedded {
        let failure = database.failure();
        server.spawn("postgres", |stop| async move {
            tokio::select! {
                error = failure => Err(error),
                () = stop.cancelled() => Ok(()),
            }
        });
    }
    let shutdown = server.shutdown();
    let stopping = tokio::spawn(stop_on_signal(shutdown.clone(), readiness));
    progress.done();
    banner::started(roles, &options);
    let outcome = server.run(mesh).await;
    stopping.abort();
    outcome
}

/// The first signal drains, the second ends the process at once.
async fn stop_on_signal(shutdown: CancellationToken, readiness: chassis::ready::Readiness) {
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        tracing::error!("signals cannot be received; stop the process with SIGKILL");
        return;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    tracing::info!("stopping: finishing what has begun");
    readiness.drain();
    shutdown.cancel();
    tokio::select! {
        _ = interrupt.recv() => tracing::warn!("stopped at once by a second signal"),
        _ = terminate.recv() => tracing::warn!("stopped at once by a second signal"),
        () = tokio::time::sleep(STOP_LIMIT) => tracing::error!("did not stop in time"),
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "a second signal asks for exactly this"
    )]
    std::process::exit(130);
}
