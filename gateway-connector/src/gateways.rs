//! All gateways that somebody has asked for lately.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use chassis::Clock;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Config,
    diagnose::{Check, Examination, Flags},
    error::Error,
    gateway::{Gateway, Shared},
    identity::Identity,
    lease::{Claim, Leases},
    replica::{Holder, Replicas},
    target::Target,
    tls::Tls,
    version::Calver,
};

/// The options as sessions need them.
pub(crate) struct Settings {
    pub allow_private_addresses: bool,
    pub request_timeout: Duration,
    pub connect_timeout: Duration,
    pub max_in_flight: usize,
    pub idle_after: Duration,
    pub min_version: Calver,
}

impl From<&Config> for Settings {
    fn from(config: &Config) -> Self {
        Self {
            allow_private_addresses: config.gateway_allow_private_addresses.allows(),
            request_timeout: config.gateway_request_timeout,
            connect_timeout: config.gateway_connect_timeout,
            max_in_flight: config.gateway_max_in_flight.into(),
            idle_after: config.gateway_idle_after,
            min_version: config.gateway_min_version,
        }
    }
}

/// Who answers for a gateway.
pub(crate) enum Place {
    Here(Arc<Gateway>),
    There(Holder),
}

/// Gateways by id.
pub(crate) struct Gateways {
    shared: Arc<Shared>,
    replicas: Replicas,
    known: Mutex<HashMap<String, Arc<Gateway>>>,
    tasks: TaskTracker,
}

impl Gateways {
    pub(crate) fn new(
        config: &Config,
        clock: Clock,
        identity: Identity,
        leases: Leases,
        replicas: Replicas,
    ) -> anyhow::Result<Self> {
        let settings = Settings::from(config);
        Ok(Self {
            shared: Arc::new(Shared {
                clock,
                settings,
                leases,
                identity,
                tls: Tls::new()?,
            }),
            replicas,
            known: Mutex::new(HashMap::new()),
            tasks: TaskTracker::new(),
        })
    }

    /// Finds out who is to answer for a gateway: the replica that holds it. A request that was passed on is not passed on
    /// again.
    pub(crate) async fn place(&self, target: Target, passed_on: bool) -> Result<Place, Error> {
        match self.shared.leases.claim(&target.gateway_id).await? {
            Claim::Ours => Ok(Place::Here(self.of(target))),
            Claim::Theirs { left, .. } if passed_on => Err(Error::HeldElsewhere { left }),
            Claim::Theirs { address, left } => {
                let holder = self.replicas.holder(address.as_ref(), left)?;
                Ok(Place::There(holder))
            }
        }
    }

    /// Renews the leases of gateways in use until told to stop.
    pub(crate) async fn renew(&self, stop: CancellationToken) -> anyhow::Result<()> {
        self.shared.leases.renew(stop).await
    }

    /// The gateway of a target. A target that differs from the one before replaces it, session and all.
    fn of(&self, target: Target) -> Arc<Gateway> {
        let mut known = self.known();
        if let Some(gateway) = known
            .get(&target.gateway_id)
            .filter(|gateway| gateway.target == target)
        {
            // Whoever looks for idle ones next must not take it for one: it would be made twice.
            gateway.touch();
            return Arc::clone(gateway);
        }
        known.retain(|_, gateway| !gateway.is_idle());
        let id = target.gateway_id.clone();
        let before = known.get(&id).map(Gateway::close);
        let (shared, tasks) = (Arc::clone(&self.shared), self.tasks.clone());
        let gateway = Gateway::new(target, shared, tasks, before);
        known.insert(id, Arc::clone(&gateway));
        gateway
    }

    /// Examines the way to a gateway, known or not, on a connection of its own.
    pub(crate) async fn diagnose(
        &self,
        url: &str,
        token: Option<&str>,
        flags: Flags,
    ) -> Vec<Check> {
        let Shared {
            settings,
            tls,
            identity,
            ..
        } = &*self.shared;
        let examination = Examination {
            settings,
            tls,
            identity: Some(identity),
            url,
            token,
            flags,
        };
        examination.run().await
    }

    /// Ends every session and waits for that.
    pub(crate) async fn close(&self) {
        for (_, gateway) in self.known().drain() {
            gateway.close();
        }
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Arc<Gateway>>> {
        self.known
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use chassis::Server;
    use clap::Parser;
    use sqlx::PgPool;

    use super::*;

    #[derive(Parser)]
    struct Options {
        #[command(flatten)]
        config: Config,
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn what_somebody_has_in_hand_is_not_made_again(pool: PgPool) {
        let mut config = Options::parse_from(["test"]).config;
        config.gateway_idle_after = Duration::from_millis(300);
        let leases = Leases::begin(pool.clone(), None, false, config.connector_lease);
        let leases = leases.await.unwrap();
        let server = Server::for_tests(pool, Clock::system());
        let replicas = Replicas::new(server.dialer());
        let gateways = Gateways::new(
            &config,
            Clock::system(),
            Identity::ephemeral(),
            leases,
            replicas,
        )
        .unwrap();
        let target = |id: &str| Target {
            gateway_id: id.into(),
            url: "ws://127.0.0.1:1/".parse().unwrap(),
            token: None,
            allow_insecure_tls: false,
            disable_device_pairing: false,
        };
        let first = gateways.of(target("a"));
        tokio::time::sleep(Duration::from_millis(400)).await;
        let in_hand = gateways.of(target("a"));
        assert!(Arc::ptr_eq(&first, &in_hand));
        gateways.of(target("b"));
        assert!(Arc::ptr_eq(&in_hand, &gateways.of(target("a"))));
    }
}
