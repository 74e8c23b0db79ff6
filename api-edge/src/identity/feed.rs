//! Hearing of what makes a remembered caller wrong.

use std::{sync::atomic::Ordering, time::Duration};

use chassis::{Caller, Peer};
use proto::{
    activity::v1::{WatchRequest, feed_service_client::FeedServiceClient},
    event::v1::{Event, event::Payload},
};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use uuid::Uuid;

use super::Identity;

/// Events after which somebody's rights, organization or token may be other than remembered.
const TYPES: [&str; 8] = [
    "user.*",
    "member.*",
    "organization.*",
    "api_token.*",
    "agent.token_changed",
    "agent.updated",
    "agent.deleted",
    "gateway.deleted",
];
/// Pause before the feed is sought again, at first and at most.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// Whom an event concerns.
#[derive(Debug, PartialEq, Eq)]
enum Concerned {
    Person(Uuid),
    Agent(Uuid),
    Organization(Uuid),
    Everybody,
}

impl Identity {
    /// Follows the feed until told to stop, through every interruption.
    pub(crate) async fn follow(&self, activity: Peer, stop: CancellationToken) {
        let mut client = FeedServiceClient::new(activity);
        let mut position = None;
        let mut pause = BACK_OFF.0;
        loop {
            let before = position;
            let Some(end) = stop
                .run_until_cancelled(self.listen(&mut client, &mut position))
                .await
            else {
                return;
            };
            self.hears_feed.store(false, Ordering::Relaxed);
            if position != before {
                pause = BACK_OFF.0;
            }
            tracing::debug!(error = ?end.err(), "the feed ended; callers are remembered for seconds only until it is back");
            if stop
                .run_until_cancelled(tokio::time::sleep(pause))
                .await
                .is_none()
            {
                return;
            }
            pause = (pause * 2).min(BACK_OFF.1);
        }
    }

    async fn listen(
        &self,
        client: &mut FeedServiceClient<Peer>,
        position: &mut Option<i64>,
    ) -> Result<(), Status> {
        let request = WatchRequest {
            after_sequence: *position,
            event_type: TYPES.map(str::to_owned).into(),
            ..WatchRequest::default()
        };
        let mut feed = client.watch(request).await?.into_inner();
        while let Some(message) = feed.message().await? {
            if position.is_none() {
                // What happened before the first message has not been heard.
                self.forget(Concerned::Everybody);
            }
            *position = Some(message.sequence);
            self.hears_feed.store(true, Ordering::Relaxed);
            if let Some(event) = message.event {
                self.forget(concerned(&event));
            }
        }
        Ok(())
    }

    /// Forgets a caller who may have become somebody else by what it just did. The feed says so too, but later than the
    /// caller's next request may come, and that one must not be served as who it was.
    pub(crate) fn forget_caller(&self, caller: &Caller) {
        match caller {
            Caller::User(user) => self.forget(Concerned::Person(user.id)),
            Caller::Agent(agent) => self.forget(Concerned::Agent(agent.id)),
            Caller::Internal { .. } | Caller::Anonymous => {}
        }
    }

    fn forget(&self, concerned: Concerned) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        let outcome = match concerned {
            Concerned::Everybody => {
                self.known.invalidate_all();
                return;
            }
            Concerned::Person(id) => self.known.invalidate_entries_if(
                move |_, known| matches!(&known.caller, Caller::User(user) if user.id == id),
            ),
            Concerned::Agent(id) => self.known.invalidate_entries_if(
                move |_, known| matches!(&known.caller, Caller::Agent(agent) if agent.id == id),
            ),
            Concerned::Organization(id) => self
                .known
                .invalidate_entries_if(move |_, known| known.caller.organization_id() == Some(id)),
        };
        if let Err(error) = outcome {
            tracing::error!(%error, "callers could not be forgotten one by one; all are");
            self.known.invalidate_all();
        }
    }
}

fn concerned(event: &Event) -> Concerned {
    let id = |text: &str| Uuid::parse_str(text).ok();
    let one = match &event.payload {
        Some(Payload::ActiveOrganizationChanged(changed)) => {
            id(&changed.user_id).map(Concerned::Person)
        }
        Some(Payload::UserCreated(created)) => created
            .user
            .as_ref()
            .and_then(|user| id(&user.id))
            .map(Concerned::Person),
        Some(Payload::AgentTokenChanged(changed)) => id(&changed.agent_id).map(Concerned::Agent),
        Some(Payload::AgentUpdated(updated)) => updated
            .agent
            .as_ref()
            .and_then(|agent| id(&agent.id))
            .map(Concerned::Agent),
        _ if event.r#type.starts_with("agent.") => {
            event.agent_id.as_deref().and_then(id).map(Concerned::Agent)
        }
        _ => None,
    };
    one.or_else(|| id(&event.organization_id).map(Concerned::Organization))
        .unwrap_or(Concerned::Everybody)
}

#[cfg(test)]
mod tests {
    use proto::event::v1::{ActiveOrganizationChanged, AgentTokenChanged};

    use super::*;

    #[test]
    fn an_event_concerns_whom_it_names_else_the_organization_else_everybody() {
        let mut event = Event::default();
        assert_eq!(concerned(&event), Concerned::Everybody);
        event.organization_id = Uuid::from_u128(1).to_string();
        assert_eq!(
            concerned(&event),
            Concerned::Organization(Uuid::from_u128(1))
        );
        let person = Uuid::from_u128(2);
        event.payload = Some(Payload::ActiveOrganizationChanged(
            ActiveOrganizationChanged {
                user_id: person.to_string(),
            },
        ));
        assert_eq!(concerned(&event), Concerned::Person(person));
        let agent = Uuid::from_u128(3);
        event.payload = Some(Payload::AgentTokenChanged(AgentTokenChanged {
            agent_id: agent.to_string(),
        }));
        assert_eq!(concerned(&event), Concerned::Agent(agent));
    }
}
