//! Live streams that are open, by caller.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use chassis::{Caller, Code, Fault};
use tokio::sync::broadcast::{self, error::RecvError};
use uuid::Uuid;

use crate::{
    call,
    edge::{Admitted, Edge},
    identity::{self, Stir},
    route::{Changes, Rpc},
};

/// How often an open stream's caller is looked at again.
const RECHECK: Duration = Duration::from_secs(60);

/// Counts open streams.
#[derive(Clone)]
pub(crate) struct Streams {
    most: u32,
    open: Arc<Mutex<HashMap<Uuid, u32>>>,
}

/// A stream that counts until this is dropped.
pub(crate) struct Place {
    streams: Streams,
    caller: Option<Uuid>,
}

impl Streams {
    pub(crate) fn new(most: u32) -> Self {
        Self {
            most,
            open: Arc::default(),
        }
    }

    /// Takes a place, or says that the caller has taken all of its own.
    pub(crate) fn enter(&self, caller: &Caller) -> Result<Place, Fault> {
        let caller = match caller {
            Caller::User(user) => Some(user.id),
            Caller::Agent(agent) => Some(agent.id),
            Caller::Internal { .. } | Caller::Anonymous => None,
        };
        if let Some(id) = caller {
            let mut open = self.open.lock().expect("no holder panics");
            let count = open.entry(id).or_default();
            if *count >= self.most {
                let message = format!("at most {} streams at a time", self.most);
                return Err(Fault::too_many("TOO_MANY_STREAMS", message));
            }
            *count += 1;
        }
        Ok(Place {
            streams: self.clone(),
            caller,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(caller) = self.caller else { return };
        let mut open = self.streams.open.lock().expect("no holder panics");
        if let Some(count) = open.get_mut(&caller) {
            *count -= 1;
            if *count == 0 {
                open.remove(&caller);
            }
        }
    }
}

/// Why an open stream has to end before its source does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum End {
    /// The process stops; another takes the reader.
    Stopping,
    /// The caller's rights are other than they were; reading on begins with them anew.
    Changed,
    /// The credential holds no longer.
    Gone(Fault),
}

/// An open stream.
pub(crate) struct Open {
    pub(crate) admitted: Admitted,
    pub(crate) rpc: Arc<Rpc>,
    /// What was asked for, when the edge has read it.
    pub(crate) request: Option<Bytes>,
}

/// What an open stream has to look at again.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Look {
    /// Who the caller is.
    Caller,
    /// What the stream is about.
    Thing,
}

/// Waits until an open stream has to end: the caller is looked at every minute, and at once when something is heard that
/// concerns it.
pub(crate) async fn end(edge: &Edge, open: &Open) -> End {
    let mut stirs = edge.identity.stirs();
    // What happened since the caller was admitted and before anybody listened.
    let mut look = Look::Caller;
    loop {
        if let Some(end) = judge(edge, open, look).await {
            return end;
        }
        look = tokio::select! {
            biased;
            () = edge.stop.cancelled() => return End::Stopping,
            look = open.stirred(&mut stirs) => look,
            () = tokio::time::sleep(RECHECK) => Look::Caller,
        };
    }
}

/// Why a stream ended whose source says that its caller changed.
pub(crate) async fn changed(edge: &Edge, open: &Open) -> End {
    edge.identity
        .forget_after(&open.admitted.caller, Changes::Caller);
    judge(edge, open, Look::Caller)
        .await
        .unwrap_or(End::Changed)
}

async fn judge(edge: &Edge, open: &Open, look: Look) -> Option<End> {
    let admitted = &open.admitted;
    if look == Look::Thing {
        return open.refusal(edge, &admitted.caller).await.map(End::Gone);
    }
    match edge.identity.recheck(admitted.credential.as_ref()?).await {
        Ok(caller) if caller == admitted.caller => None,
        Ok(caller) => Some(match open.refusal(edge, &caller).await {
            Some(fault) => End::Gone(fault),
            None => End::Changed,
        }),
        Err(fault) if passes(&fault) => None,
        Err(fault) => Some(End::Gone(fault)),
    }
}

/// Whether a fault says nothing of the caller.
fn passes(fault: &Fault) -> bool {
    fault.code.retryable() || fault.code == Code::Internal
}

impl Open {
    /// Waits for something that concerns this stream.
    async fn stirred(&self, stirs: &mut broadcast::Receiver<Stir>) -> Look {
        loop {
            match stirs.recv().await {
                Ok(Stir::Callers(whom)) if whom.is(&self.admitted.caller) => return Look::Caller,
                Ok(Stir::Thing(id)) if self.is_about(id) => return Look::Thing,
                Ok(_) => {}
                // What was missed may have been either; the thing is the source's to notice.
                Err(RecvError::Lagged(_)) => return Look::Caller,
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    /// Whether the request names the thing. Ids stand in messages as text.
    fn is_about(&self, id: Uuid) -> bool {
        let mut text = Uuid::encode_buffer();
        let wanted = id.hyphenated().encode_lower(&mut text).as_bytes();
        self.request.as_ref().is_some_and(|request| {
            request
                .windows(wanted.len())
                .any(|part| part.eq_ignore_ascii_case(wanted))
        })
    }

    /// Why this caller may not open the same stream now; `None` when it may, or when nobody knows.
    async fn refusal(&self, edge: &Edge, caller: &Caller) -> Option<Fault> {
        if let Err(fault) = identity::admit(caller, &self.rpc.allow) {
            return Some(fault);
        }
        let request = self.request.clone()?;
        let peer = edge.peer(&self.rpc, caller);
        let opened = call::server_streaming(peer, &self.rpc, request).await;
        let fault = chassis::fault::read(&opened.err()?);
        matches!(
            fault.code,
            Code::Unauthenticated | Code::Forbidden | Code::NotFound
        )
        .then_some(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_stream_ends() {
        let streams = Streams::new(2);
        let caller = Caller::Agent(chassis::caller::Agent {
            id: Uuid::nil(),
            name: String::new(),
            organization_id: Uuid::nil(),
            gateway_id: Uuid::nil(),
            board_id: None,
            is_board_lead: false,
        });
        let first = streams.enter(&caller).unwrap();
        let _second = streams.enter(&caller).unwrap();
        assert_eq!(
            streams.enter(&caller).err().unwrap().rest_code(),
            "too_many_streams"
        );
        drop(first);
        assert!(streams.enter(&caller).is_ok());
    }
}
