//! The roles that a process can play, and what each brings along.

use std::borrow::Cow;

use anyhow::Context;
use bus::{Bus, Subscription};
use chassis::Server;
use sqlx::migrate::Migrator;
use url::Url;

use crate::options::Options;

/// A component of the mesh. One process plays any set of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, clap::ValueEnum)]
pub enum Role {
    Org,
    Board,
    Agent,
    Approval,
    Activity,
    GatewayConnector,
    WebhookWorker,
    ApiEdge,
}

impl Role {
    /// Every role, in the order in which they register.
    pub const ALL: [Self; 8] = [
        Self::Org,
        Self::Board,
        Self::Agent,
        Self::Approval,
        Self::Activity,
        Self::GatewayConnector,
        Self::WebhookWorker,
        Self::ApiEdge,
    ];

    /// The name on the command line, among peers and in `MC_PEER_<ROLE>`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Org => org::ROLE,
            Self::Board => board::ROLE,
            Self::Agent => agent::ROLE,
            Self::Approval => approval::ROLE,
            Self::Activity => activity::ROLE,
            Self::GatewayConnector => gateway_connector::ROLE,
            Self::WebhookWorker => webhook_worker::ROLE,
            Self::ApiEdge => api_edge::ROLE,
        }
    }

    /// The variable that says where the role is when it is in another process.
    pub fn peer_variable(self) -> String {
        format!(
            "MC_PEER_{}",
            self.name().to_ascii_uppercase().replace('-', "_")
        )
    }

    /// The schema that the role owns, with the migrators that make it.
    pub fn schema(self) -> Option<(&'static str, Vec<Migrator>)> {
        let own = |migrator: &'static Migrator| Migrator {
            migrations: Cow::Borrowed(&migrator.migrations),
            ..Migrator::DEFAULT
        };
        Some(match self {
            Self::Org => (org::SCHEMA, vec![bus::migrator(), own(&org::MIGRATOR)]),
            Self::Board => (board::SCHEMA, vec![bus::migrator(), own(&board::MIGRATOR)]),
            Self::Agent => (
                agent::SCHEMA,
                vec![bus::migrator(), delivery::migrator(), own(&agent::MIGRATOR)],
            ),
            Self::Approval => (
                approval::SCHEMA,
                vec![bus::migrator(), own(&approval::MIGRATOR)],
            ),
            Self::Activity => (
                activity::SCHEMA,
                vec![bus::migrator(), own(&activity::MIGRATOR)],
            ),
            Self::WebhookWorker => (
                webhook_worker::SCHEMA,
                vec![
                    bus::migrator(),
                    delivery::migrator(),
                    own(&webhook_worker::MIGRATOR),
                ],
            ),
            Self::GatewayConnector => (
                gateway_connector::SCHEMA,
                vec![own(&gateway_connector::MIGRATOR)],
            ),
            Self::ApiEdge => return None,
        })
    }

    /// What the component listens to.
    pub const fn subscription(self) -> Option<Subscription> {
        match self {
            Self::Org => Some(org::SUBSCRIPTION),
            Self::Board => Some(board::SUBSCRIPTION),
            Self::Agent => Some(agent::SUBSCRIPTION),
            Self::Approval => Some(approval::SUBSCRIPTION),
            Self::Activity => Some(activity::SUBSCRIPTION),
            Self::WebhookWorker => Some(webhook_worker::SUBSCRIPTION),
            Self::GatewayConnector | Self::ApiEdge => None,
        }
    }

    /// Lets the component join the process.
    pub async fn register(
        self,
        server: &mut Server,
        bus: &Bus,
        options: &Options,
    ) -> anyhow::Result<()> {
        let joined = match self {
            Self::Org => org::register(server, bus, options.org.clone()).await,
            Self::Board => board::register(server, bus, options.board.clone()).await,
            Self::Agent => agent::register(server, bus, options.agent.clone()).await,
            Self::Approval => approval::register(server, bus, options.approval.clone()).await,
            Self::Activity => activity::register(server, bus, options.activity.clone()).await,
            Self::GatewayConnector => {
                gateway_connector::register(server, options.gateway.clone()).await
            }
            Self::WebhookWorker => {
                webhook_worker::register(server, bus, options.webhook.clone()).await
            }
            Self::ApiEdge => api_edge::register(server, options.edge.clone())
                .await
                .map(drop),
        };
        joined.with_context(|| format!("the role {} cannot start", self.name()))
    }
}

/// What the components of an installation listen to, whichever process they are in.
pub fn subscriptions() -> Vec<Subscription> {
    Role::ALL
        .into_iter()
        .filter_map(Role::subscription)
        .collect()
}

/// Where the roles that are not in this process are, from `MC_PEER_<ROLE>`. A role that nobody names is an error.
pub fn peers(here: &[Role]) -> anyhow::Result<Vec<(String, Url)>> {
    let mut found = Vec::new();
    for role in Role::ALL {
        if here.contains(&role) || role == Role::ApiEdge {
            continue;
        }
        let variable = role.peer_variable();
        let text = std::env::var(&variable).map_err(|_| {
            anyhow::anyhow!(
                "{variable} must be set: the role {} is not in this process",
                role.name()
            )
        })?;
        let url: Url = text
            .parse()
            .map_err(|_| anyhow::anyhow!("{variable} must be a URL such as http://host:50051"))?;
        if url.scheme() != "http" || url.host_str().is_none() {
            anyhow::bail!("{variable} must be a URL such as http://host:50051");
        }
        found.push((role.name().to_owned(), url));
    }
    Ok(found)
}
