//! Who may still sign in from an address that failed too often. Many agents share an address with each other and with
//! strangers: what a stranger tries must not keep them out.
//!
//! Two kinds of credential are read there still: one that was good before, whoever forgot it since, and the token of an agent
//! in whose name nothing wrong came from there in the last minute. A wrong one is answered as if it had not been read.

use std::{net::IpAddr, time::Duration};

use moka::future::Cache;
use uuid::Uuid;

use super::Credential;

/// How long after its last use a credential is known to have been good.
const GOOD_FOR: Duration = Duration::from_secs(24 * 3_600);
/// How long a wrong token counts against the name on it.
const WRONG_FOR: Duration = Duration::from_secs(60);
/// Credentials and names remembered at once.
const REMEMBERED: u64 = 50_000;

/// What is known of credentials without reading them.
pub(super) struct Standing {
    good: Cache<[u8; 32], ()>,
    wrong: Cache<(IpAddr, Uuid), ()>,
}

impl Standing {
    pub(super) fn new() -> Self {
        Self {
            good: Cache::builder()
                .max_capacity(REMEMBERED)
                .time_to_idle(GOOD_FOR)
                .build(),
            wrong: Cache::builder()
                .max_capacity(REMEMBERED)
                .time_to_live(WRONG_FOR)
                .build(),
        }
    }

    /// Whether a credential is read although its address failed too often.
    pub(super) async fn is_read(&self, credential: &Credential, address: IpAddr) -> bool {
        if self.good.get(&credential.digest()).await.is_some() {
            return true;
        }
        match credential.named_agent() {
            Some(agent) => self.wrong.get(&(address, agent)).await.is_none(),
            None => false,
        }
    }

    pub(super) async fn was_good(&self, credential: &Credential) {
        self.good.insert(credential.digest(), ()).await;
    }

    pub(super) async fn was_wrong(&self, credential: &Credential, address: IpAddr) {
        self.good.invalidate(&credential.digest()).await;
        if let Some(agent) = credential.named_agent() {
            self.wrong.insert((address, agent), ()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(agent: u128, secret: char) -> Credential {
        let secret = String::from(secret).repeat(43);
        Credential::Agent(format!("mca_{}_{secret}", Uuid::from_u128(agent).simple()))
    }

    #[tokio::test]
    async fn a_name_is_worth_one_wrong_token_and_one_address() {
        let standing = Standing::new();
        let (ours, theirs) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        assert!(standing.is_read(&token(1, 'a'), ours).await);
        standing.was_wrong(&token(1, 'a'), ours).await;
        assert!(!standing.is_read(&token(1, 'b'), ours).await);
        assert!(standing.is_read(&token(1, 'b'), theirs).await);
        assert!(standing.is_read(&token(2, 'b'), ours).await);
        let person = Credential::Person("secret".into());
        assert!(!standing.is_read(&person, ours).await);
        standing.was_good(&person).await;
        assert!(standing.is_read(&person, ours).await);
    }

    #[tokio::test]
    async fn what_was_good_is_read_whatever_others_try_in_its_name_until_it_is_wrong_itself() {
        let standing = Standing::new();
        let address = IpAddr::from([10, 0, 0, 1]);
        standing.was_good(&token(1, 'a')).await;
        standing.was_wrong(&token(1, 'b'), address).await;
        assert!(standing.is_read(&token(1, 'a'), address).await);
        standing.was_wrong(&token(1, 'a'), address).await;
        assert!(!standing.is_read(&token(1, 'a'), address).await);
    }
}
