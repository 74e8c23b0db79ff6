//! Who is calling, found out once per request.
//!
//! A credential is verified by its owner (org or agent) and then remembered by its digest for some minutes. What makes a
//! memory wrong (a rotated token, a changed role) is an event, and the edge follows the feed to forget at once; while it
//! cannot hear the feed, memories last seconds. Wrong credentials are never remembered: they are counted by address and,
//! beyond a limit, refused unread, save those that are likely to be good ([`standing`]).

mod admission;
mod concern;
mod credential;
mod failures;
mod feed;
mod presence;
mod standing;
mod verify;

use std::{
    net::IpAddr,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use chassis::{Caller, Clock, Code, Fault, Peer};
use chrono::{DateTime, Utc};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _};
use moka::future::Cache;
use proto::{
    agent::v1::agent_directory_service_client::AgentDirectoryServiceClient,
    org::v1::identity_service_client::IdentityServiceClient,
};
use tokio::sync::{Semaphore, broadcast};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use failures::Failures;
use presence::Presence;
use standing::Standing;

pub(crate) use admission::admit;
pub(crate) use concern::Stir;
pub(crate) use credential::Credential;

/// How long a caller is remembered while the feed is heard.
const REMEMBERED: Duration = Duration::from_secs(300);
/// How long while it is not.
const REMEMBERED_BLIND: Duration = Duration::from_secs(15);
/// Callers remembered at once.
const CALLERS: u64 = 50_000;
/// Credentials verified at once. Bounds how many attempts can slip past the limit on failures side by side.
const VERIFYING: usize = 32;
/// Changes of rights that an open stream may be behind; beyond, it looks again at everything.
const STIRS: usize = 256;

/// What turns credentials into callers.
pub(crate) struct Identity {
    people: IdentityServiceClient<Peer>,
    agents: AgentDirectoryServiceClient<Peer>,
    known: Cache<[u8; 32], Arc<Known>>,
    verifying: Semaphore,
    failures: Failures,
    standing: Standing,
    /// Of calls without a credential. Counted apart: whoever guesses at invites keeps nobody behind the same address out.
    guesses: Failures,
    budget: Option<DefaultKeyedRateLimiter<Uuid>>,
    presence: Presence,
    clock: Clock,
    /// Grows with everything forgotten, so that what was read before is not remembered after.
    forgotten: AtomicU64,
    hears_feed: AtomicBool,
    stirs: broadcast::Sender<Stir>,
}

/// A caller as of the moment its credential was verified.
struct Known {
    caller: Caller,
    at: Instant,
    /// When its owner wants to be asked again, whatever is heard.
    good_until: Option<DateTime<Utc>>,
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
            standing: Standing::new(),
            guesses: Failures::new(config.auth_failures_per_minute),
            budget: quota.map(RateLimiter::keyed),
            presence: Presence::new(clock.clone()),
            clock,
            forgotten: AtomicU64::new(0),
            hears_feed: AtomicBool::new(false),
            stirs: broadcast::Sender::new(STIRS),
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
        let caller = self.resolve(credential, Some(address)).await?;
        if let Caller::Agent(agent) = &caller {
            self.spend(agent.id)?;
            self.presence.note(agent.id);
        }
        Ok(caller)
    }

    /// The same without counting: whether a stream that is open may stay so. A credential that was good when its stream
    /// began is no failed sign-in.
    pub(crate) async fn recheck(&self, credential: &Credential) -> Result<Caller, Fault> {
        self.resolve(credential, None).await
    }

    /// Whether an address may call without a credential; one that guessed wrong too often has to wait.
    pub(crate) async fn may_guess(&self, address: IpAddr) -> Result<(), Fault> {
        self.guesses.admit(address).await
    }

    /// Counts a call without a credential that failed because what it knew was not one of ours.
    pub(crate) async fn failed(&self, address: IpAddr, code: Code) {
        if matches!(
            code,
            Code::Unauthenticated | Code::Forbidden | Code::NotFound
        ) {
            self.guesses.add(address, Instant::now()).await;
        }
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

    /// `address` is where the attempt came from, when it is one.
    async fn resolve(
        &self,
        credential: &Credential,
        address: Option<IpAddr>,
    ) -> Result<Caller, Fault> {
        let key = credential.digest();
        if let Some(known) = self.known.get(&key).await {
            let lasts = if self.hears_feed.load(Ordering::Relaxed) {
                REMEMBERED
            } else {
                REMEMBERED_BLIND
            };
            let is_good = |until| self.clock.now() < until;
            if known.at.elapsed() < lasts && known.good_until.is_none_or(is_good) {
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
