//! Hearing of what makes a remembered caller wrong.

use std::{sync::atomic::Ordering, time::Duration};

use chassis::{Caller, Peer};
use proto::{
    activity::v1::{WatchRequest, feed_service_client::FeedServiceClient},
    event::v1::Event,
};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::{
    Identity,
    concern::{Concerned, Stir, stirs},
};
use crate::route::Changes;

/// Events after which somebody's rights, organization or token may be other than remembered.
const TYPES: [&str; 12] = [
    "user.*",
    "member.*",
    "organization.*",
    "api_token.*",
    "invite.accepted",
    "board.deleted",
    "board.updated",
    "board_group.deleted",
    "agent.token_changed",
    "agent.updated",
    "agent.deleted",
    "gateway.deleted",
];
/// Pause before the feed is sought again, at first and at most.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

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
                self.stir(&event);
            }
        }
        Ok(())
    }

    /// What open streams listen to.
    pub(crate) fn stirs(&self) -> broadcast::Receiver<Stir> {
        self.stirs.subscribe()
    }

    fn stir(&self, event: &Event) {
        for stir in stirs(event) {
            match stir {
                Stir::Callers(concerned) => self.forget(concerned),
                // Nobody listens while no stream is open.
                Stir::Thing(_) => drop(self.stirs.send(stir)),
            }
        }
    }

    /// Forgets whoever may have become somebody else by what a caller just did. The feed says so too, but later than
    /// the next request may come, and that one must not be served as who it was.
    pub(crate) fn forget_after(&self, caller: &Caller, changes: Changes) {
        match (changes, caller) {
            (Changes::Nobody, _) => {}
            (Changes::Caller, Caller::User(user)) => self.forget(Concerned::Person(user.id)),
            (Changes::Caller, Caller::Agent(agent)) => self.forget(Concerned::Agent(agent.id)),
            (Changes::Organization, caller) => {
                if let Some(id) = caller.organization_id() {
                    self.forget(Concerned::Organization(id));
                }
            }
            (Changes::Caller, Caller::Internal { .. } | Caller::Anonymous) => {}
        }
    }

    fn forget(&self, concerned: Concerned) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        if concerned == Concerned::Everybody {
            self.known.invalidate_all();
        } else {
            let whom = concerned.clone();
            let outcome = self
                .known
                .invalidate_entries_if(move |_, known| whom.is(&known.caller));
            if let Err(error) = outcome {
                tracing::error!(%error, "callers could not be forgotten one by one; all are");
                self.known.invalidate_all();
            }
        }
        // Only then: who looks again must not find what was to be forgotten.
        drop(self.stirs.send(Stir::Callers(concerned)));
    }
}
