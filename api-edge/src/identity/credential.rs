//! What a caller presents: one credential, or none.

use chassis::{Code, Fault};
use http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Header of an agent's token.
pub(crate) const AGENT_TOKEN_HEADER: &str = "x-agent-token";
/// What the tokens of agents begin with.
const AGENT_PREFIX: &str = "mca_";

/// A credential, not yet believed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Credential {
    Person(String),
    Agent(String),
}

impl Credential {
    /// The credential of a request. An agent may use either header, a person only `Authorization: Bearer`.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Option<Self>, Fault> {
        let mut found: Option<String> = None;
        let mut is_agent = false;
        let bearers = headers
            .get_all(header::AUTHORIZATION)
            .iter()
            .map(|value| (value, false));
        let tokens = headers
            .get_all(AGENT_TOKEN_HEADER)
            .iter()
            .map(|value| (value, true));
        for (value, agent_header) in bearers.chain(tokens) {
            let text = value.to_str().map_err(|_| unreadable())?.trim();
            let token = if agent_header { text } else { bearer(text)? };
            if token.is_empty() {
                continue;
            }
            if found.as_deref().is_some_and(|other| other != token) {
                return Err(Fault::new(
                    Code::Invalid,
                    "AMBIGUOUS_CREDENTIALS",
                    "the request carries two different credentials; send one",
                ));
            }
            is_agent |= agent_header || token.starts_with(AGENT_PREFIX);
            found = Some(token.to_owned());
        }
        Ok(found.map(|token| {
            if is_agent {
                Self::Agent(token)
            } else {
                Self::Person(token)
            }
        }))
    }

    /// The agent whose token it claims to be: `mca_<agent id>_<secret>`.
    pub(super) fn named_agent(&self) -> Option<Uuid> {
        let Self::Agent(token) = self else {
            return None;
        };
        let (id, _) = token.strip_prefix(AGENT_PREFIX)?.split_once('_')?;
        Uuid::try_parse(id).ok()
    }

    /// What stands for the credential in memory.
    pub(super) fn digest(&self) -> [u8; 32] {
        let (kind, token) = match self {
            Self::Person(token) => (b"p", token),
            Self::Agent(token) => (b"a", token),
        };
        Sha256::new()
            .chain_update(kind)
            .chain_update(token)
            .finalize()
            .into()
    }
}

fn bearer(text: &str) -> Result<&str, Fault> {
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        None if text.is_empty() || text.eq_ignore_ascii_case("bearer") => Ok(""),
        _ => Err(Fault::unauthenticated(
            "UNAUTHENTICATED",
            "the Authorization header must be `Bearer <token>`",
        )),
    }
}

fn unreadable() -> Fault {
    Fault::unauthenticated("UNAUTHENTICATED", "the credential is not readable text")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(headers: &[(&'static str, &str)]) -> Result<Option<Credential>, String> {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        Credential::of(&headers.collect()).map_err(|fault| fault.reason)
    }

    #[test]
    fn a_bearer_is_a_person_unless_it_is_an_agents_token() {
        let person = || Ok(Some(Credential::Person("secret".into())));
        let agent = || Ok(Some(Credential::Agent("mca_1_x".into())));
        assert!(of(&[("authorization", "bearer  secret ")]) == person());
        assert!(of(&[("authorization", "Bearer mca_1_x")]) == agent());
        assert!(of(&[("x-agent-token", "mca_1_x")]) == agent());
        assert!(
            of(&[
                ("x-agent-token", "mca_1_x"),
                ("authorization", "Bearer mca_1_x")
            ]) == agent()
        );
        assert!(of(&[]) == Ok(None));
        assert!(of(&[("authorization", "Bearer ")]) == Ok(None));
    }

    #[test]
    fn a_second_credential_never_changes_the_actor_silently() {
        let both = [
            ("x-agent-token", "mca_1_x"),
            ("authorization", "Bearer secret"),
        ];
        assert!(of(&both) == Err("AMBIGUOUS_CREDENTIALS".into()));
        assert!(of(&[("authorization", "Basic eDp5")]) == Err("UNAUTHENTICATED".into()));
    }
}
