//! Failed sign-ins by client address: a sliding minute.

use std::{
    collections::VecDeque,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use chassis::Fault;
use moka::future::Cache;

/// How long a failure counts.
const WINDOW: Duration = Duration::from_secs(60);
/// Addresses that are remembered at once; the longest silent ones go first.
const ADDRESSES: u64 = 100_000;

/// The failures of the last minute.
pub(super) struct Failures {
    limit: usize,
    stamps: Cache<IpAddr, Arc<Mutex<VecDeque<Instant>>>>,
}

impl Failures {
    /// A limit of 0 admits everything.
    pub(super) fn new(limit: u32) -> Self {
        let stamps = Cache::builder()
            .max_capacity(ADDRESSES)
            .time_to_idle(WINDOW)
            .build();
        Self {
            limit: limit as usize,
            stamps,
        }
    }

    /// Refuses an address that failed too often, and says how long it has to wait.
    pub(super) async fn admit(&self, address: IpAddr) -> Result<(), Fault> {
        let Some(wait) = self.wait(address, Instant::now()).await else {
            return Ok(());
        };
        let message = "too many failed attempts from this address";
        let mut fault = Fault::too_many("TOO_MANY_FAILURES", message);
        fault.retry_after = Some(wait.max(Duration::from_secs(1)));
        Err(fault)
    }

    /// How long the address has to wait before it may try again; `None` when it may now.
    pub(super) async fn wait(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        if self.limit == 0 {
            return None;
        }
        let stamps = self.stamps.get(&network(address)).await?;
        let mut stamps = stamps.lock().expect("no holder panics");
        forget(&mut stamps, now);
        let first_that_counts = stamps.len().checked_sub(self.limit)?;
        Some((stamps[first_that_counts] + WINDOW).saturating_duration_since(now))
    }

    /// Counts a failure. No more stamps are kept than the limit needs.
    pub(super) async fn add(&self, address: IpAddr, now: Instant) {
        if self.limit == 0 {
            return;
        }
        let stamps = self
            .stamps
            .get_with(network(address), async { Arc::default() })
            .await;
        let mut stamps = stamps.lock().expect("no holder panics");
        forget(&mut stamps, now);
        stamps.push_back(now);
        if stamps.len() > self.limit {
            stamps.pop_front();
        }
    }
}

fn forget(stamps: &mut VecDeque<Instant>, now: Instant) {
    while stamps
        .front()
        .is_some_and(|stamp| now.saturating_duration_since(*stamp) >= WINDOW)
    {
        stamps.pop_front();
    }
}

/// Who holds one IPv6 address holds the 2^64 of its network.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_limit_holds_for_a_minute_and_for_one_address() {
        let failures = Failures::new(2);
        let (ours, theirs): (IpAddr, IpAddr) =
            ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let start = Instant::now();
        failures.add(ours, start).await;
        assert_eq!(failures.wait(ours, start).await, None);
        failures.add(ours, start + Duration::from_secs(10)).await;
        assert_eq!(
            failures.wait(ours, start + Duration::from_secs(20)).await,
            Some(Duration::from_secs(40))
        );
        assert_eq!(failures.wait(theirs, start).await, None);
        assert_eq!(
            failures.wait(ours, start + Duration::from_secs(60)).await,
            None
        );
    }

    #[tokio::test]
    async fn addresses_of_one_ipv6_network_count_together() {
        let failures = Failures::new(1);
        let now = Instant::now();
        failures.add("2001:db8::1".parse().unwrap(), now).await;
        assert!(
            failures
                .wait("2001:db8::ffff:2".parse().unwrap(), now)
                .await
                .is_some()
        );
        assert!(
            failures
                .wait("2001:db8:0:1::1".parse().unwrap(), now)
                .await
                .is_none()
        );
    }
}
