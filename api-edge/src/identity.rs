//! Who is calling, found out once per request.
//!
//! A credential is verified by its owner (org or agent) and then remembered by its digest for some minutes. What makes a
//! memory wrong (a rotated token, a changed role) is an event, and the edge follows the feed to forget at once; while it
//! cannot hear the feed, memories last seconds. Wrong credentials are never remembered: they are counted by address and,
//! beyond a limit, refused unread.

mod admission;
mod credential;
mod failures;
mod feed;
mod presence;

use std::{
    net::IpAddr,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use chassis::{BoardRight, Caller, Clock, Code, Fault, Peer, Role, caller};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _};
use moka::future::Cache;
use proto::{
    agent::v1::{
        AuthenticateAgentRequest, agent_directory_service_client::AgentDirectoryServiceClient,
    },
    org::v1::{self as org, AuthenticateRequest, identity_service_client::IdentityServiceClient},
};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use failures::Failures;
use presence::Presence;

pub(crate) use admission::admit;
pub(crate) use credential::Credential;

/// How long a caller is remembered while the feed is heard.
const REMEMBERED: Duration = Duration::from_secs(300);
/// How long while it is not.
const REMEMBERED_BLIND: Duration = Duration::from_secs(15);
/// Callers remembered at once.
const CALLERS: u64 = 50_000;
/// Credentials verified at once. Bounds how many attempts can slip past the limit on failures side by side.
const VERIFYING: usize = 32;

/// What turns credentials into callers.
pub(crate) struct Identity {
    people: IdentityServiceClient<Peer>,
    agents: AgentDirectoryServiceClient<Peer>,
    known: Cache<[u8; 32], Arc<Known>>,
    verifying: Semaphore,
    failures: Failures,
    budget: Option<DefaultKeyedRateLimiter<Uuid>>,
    presence: Presence,
    /// Grows with everything forgotten, so that what was read before is not remembered after.
    forgotten: AtomicU64,
    hears_feed: AtomicBool,
}

/// A caller as of the moment its credential was verified.
struct Known {
    caller: Caller,
    at: Instant,
}

impl Identity {
    pub(crate) fn new(people: Peer, agents: Peer, clock: Clock, config: &crate::Config) -> Self {
        let quota = NonZeroU32::new(config.agent_requests_per_minute).map(Quota::per_minute);
        Self {
            people: IdentityServiceClient::new(people),
            agents: AgentDirectoryServiceClient::new(agents),
            known: Cache::builder()
                .max_capacity(CALLERS)
                .time_to_live(REMEMBERED)
                .support_invalidation_closures()
                .build(),
            verifying: Semaphore::new(VERIFYING),
            failures: Failures::new(config.auth_failures_per_minute),
            budget: quota.map(RateLimiter::keyed),
            presence: Presence::new(clock),
            forgotten: AtomicU64::new(0),
            hears_feed: AtomicBool::new(false),
        }
    }

    /// The caller that a credential stands for, counted against its budget and noted as present.
    pub(crate) async fn caller(
        &self,
        credential: Option<&Credential>,
        address: IpAddr,
    ) -> Result<Caller, Fault> {
        let Some(credential) = credential else {
            return Ok(Caller::Anonymous);
        };
        let caller = self.resolve(credential, address).await?;
        if let Caller::Agent(agent) = &caller {
            self.spend(agent.id)?;
            self.presence.note(agent.id);
        }
        Ok(caller)
    }

    /// The same without counting: whether a stream that is open may stay so.
    pub(crate) async fn recheck(
        &self,
        credential: &Credential,
        address: IpAddr,
    ) -> Result<Caller, Fault> {
        self.resolve(credential, address).await
    }

    /// Reports which agents called, until told to stop and a last time then.
    pub(crate) async fn report(&self, agents: Peer, stop: CancellationToken) {
        let mut agents = AgentDirectoryServiceClient::new(agents);
        while stop
            .run_until_cancelled(tokio::time::sleep(presence::PERIOD))
            .await
            .is_some()
        {
            self.presence.flush(&mut agents).await;
            if let Some(budget) = &self.budget {
                // Counters of agents that have been silent are not needed.
                budget.retain_recent();
            }
        }
        self.presence.flush(&mut agents).await;
    }

    async fn resolve(&self, credential: &Credential, address: IpAddr) -> Result<Caller, Fault> {
        let key = credential.digest();
        if let Some(known) = self.known.get(&key).await {
            let lasts = if self.hears_feed.load(Ordering::Relaxed) {
                REMEMBERED
            } else {
                REMEMBERED_BLIND
            };
            if known.at.elapsed() < lasts {
                return Ok(known.caller.clone());
            }
            self.known.remove(&key).await;
        }
        let before = self.forgotten.load(Ordering::SeqCst);
        // Requests with the same new credential wait for one verification.
        let verified = self
            .known
            .try_get_with(key, self.verify(credential, address))
            .await;
        if self.forgotten.load(Ordering::SeqCst) != before {
            self.known.remove(&key).await;
        }
        verified
            .map(|known| known.caller.clone())
            .map_err(|fault: Arc<Fault>| (*fault).clone())
    }

    async fn verify(&self, credential: &Credential, address: IpAddr) -> Result<Arc<Known>, Fault> {
        let _permit = self
            .verifying
            .acquire()
            .await
            .expect("the semaphore is never closed");
        if let Some(wait) = self.failures.wait(address, Instant::now()).await {
            let mut fault = Fault::too_many(
                "TOO_MANY_FAILURES",
                "too many failed sign-ins from this address",
            );
            fault.retry_after = Some(wait.max(Duration::from_secs(1)));
            return Err(fault);
        }
        let at = Instant::now();
        let answer = match credential {
            Credential::Person(token) => self.person(token).await,
            Credential::Agent(token) => self.agent(token).await,
        };
        match answer {
            Ok(caller) => Ok(Arc::new(Known { caller, at })),
            Err(fault)
                if matches!(
                    fault.code,
                    Code::Unauthenticated | Code::Invalid | Code::NotFound
                ) =>
            {
                self.failures.add(address, Instant::now()).await;
                Err(Fault::unauthenticated(
                    "UNAUTHENTICATED",
                    "the credential is not valid",
                ))
            }
            Err(fault) => Err(fault),
        }
    }

    async fn person(&self, token: &str) -> Result<Caller, Fault> {
        let request = AuthenticateRequest {
            token: token.to_owned(),
        };
        let found = self
            .people
            .clone()
            .authenticate(request)
            .await?
            .into_inner();
        let role = match found.role() {
            org::Role::Owner => Role::Owner,
            org::Role::Admin => Role::Admin,
            org::Role::Member => Role::Member,
            org::Role::Unspecified => return Err(unreadable("role")),
        };
        let boards = found.boards.iter().map(|right| {
            Ok(BoardRight {
                board_id: id("boards", &right.board_id)?,
                can_write: right.can_write,
            })
        });
        Ok(Caller::User(caller::User {
            id: id("user_id", &found.user_id)?,
            organization_id: id("organization_id", &found.organization_id)?,
            role,
            all_boards_read: found.all_boards_read,
            all_boards_write: found.all_boards_write,
            boards: boards.collect::<Result<_, Fault>>()?,
            name: found.name,
            scopes: found.scopes,
        }))
    }

    async fn agent(&self, token: &str) -> Result<Caller, Fault> {
        let request = AuthenticateAgentRequest {
            token: token.to_owned(),
        };
        let found = self
            .agents
            .clone()
            .authenticate_agent(request)
            .await?
            .into_inner();
        let agent = found.agent.ok_or_else(|| unreadable("agent"))?;
        Ok(Caller::Agent(caller::Agent {
            id: id("agent.id", &agent.id)?,
            organization_id: id("agent.organization_id", &agent.organization_id)?,
            gateway_id: id("agent.gateway_id", &agent.gateway_id)?,
            board_id: agent
                .board_id
                .as_deref()
                .map(|board| id("agent.board_id", board))
                .transpose()?,
            is_board_lead: agent.is_board_lead,
            name: agent.name,
        }))
    }

    fn spend(&self, agent: Uuid) -> Result<(), Fault> {
        let Some(budget) = &self.budget else {
            return Ok(());
        };
        budget.check_key(&agent).map_err(|denied| {
            let mut fault = Fault::too_many(
                "TOO_MANY_REQUESTS",
                "this agent has used up its requests for now",
            );
            fault.retry_after = Some(denied.wait_time_from(budget.clock().now()));
            fault
        })
    }
}

fn id(field: &'static str, text: &str) -> Result<Uuid, Fault> {
    Uuid::parse_str(text).map_err(|_| unreadable(field))
}

/// A peer vouched for somebody whom it could not describe.
fn unreadable(field: &'static str) -> Fault {
    tracing::error!(
        field,
        "a peer answered an authentication that cannot be read"
    );
    Fault::new(Code::Internal, "INTERNAL", "internal error")
}
