//! Asking the owner of a credential whom it stands for.

use std::{net::IpAddr, sync::Arc, time::Instant};

use chassis::{BoardRight, Caller, Code, Fault, Role, caller, decode};
use chrono::{DateTime, Utc};
use proto::{
    agent::v1::AuthenticateAgentRequest,
    org::v1::{self as org, AuthenticateRequest},
};
use uuid::Uuid;

use super::{Credential, Identity, Known};

impl Identity {
    /// Verifies a credential; a failure counts against the address that it came from.
    pub(super) async fn verify(
        &self,
        credential: &Credential,
        address: Option<IpAddr>,
    ) -> Result<Arc<Known>, Fault> {
        let _permit = self
            .verifying
            .acquire()
            .await
            .expect("the semaphore is never closed");
        let limited = match address {
            Some(address) => self.failures.admit(address).await.err(),
            None => None,
        };
        if let (Some(refusal), Some(address)) = (&limited, address)
            && !self.standing.is_read(credential, address).await
        {
            return Err(refusal.clone());
        }
        let at = Instant::now();
        let answer = match credential {
            Credential::Person(token) => self.person(token).await,
            Credential::Agent(token) => self.agent(token).await.map(|caller| (caller, None)),
        };
        match answer {
            Ok((caller, good_until)) => {
                self.standing.was_good(credential).await;
                Ok(Arc::new(Known {
                    caller,
                    at,
                    good_until,
                }))
            }
            Err(fault)
                if matches!(
                    fault.code,
                    Code::Unauthenticated | Code::Invalid | Code::NotFound
                ) =>
            {
                if let Some(address) = address {
                    self.standing.was_wrong(credential, address).await;
                    if let Some(refusal) = limited {
                        return Err(refusal);
                    }
                    self.failures.add(address, Instant::now()).await;
                }
                Err(Fault::unauthenticated(
                    "UNAUTHENTICATED",
                    "the credential is not valid",
                ))
            }
            Err(fault) => Err(fault),
        }
    }

    async fn person(&self, token: &str) -> Result<(Caller, Option<DateTime<Utc>>), Fault> {
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
        let good_until = decode::time("good_until", found.good_until.as_ref())
            .map_err(|_| unreadable("good_until"))?;
        let person = Caller::User(caller::User {
            id: id("user_id", &found.user_id)?,
            organization_id: id("organization_id", &found.organization_id)?,
            role,
            all_boards_read: found.all_boards_read,
            all_boards_write: found.all_boards_write,
            boards: boards.collect::<Result<_, Fault>>()?,
            name: found.name,
            scopes: found.scopes,
        });
        Ok((person, good_until))
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
