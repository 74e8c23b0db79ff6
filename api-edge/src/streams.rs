//! Live streams that are open, by caller.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use chassis::{Caller, Fault};
use uuid::Uuid;

use crate::edge::{Admitted, Edge};

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

/// Waits until an open stream has to end.
pub(crate) async fn end(edge: Arc<Edge>, admitted: Admitted) -> End {
    loop {
        if edge
            .stop
            .run_until_cancelled(tokio::time::sleep(RECHECK))
            .await
            .is_none()
        {
            return End::Stopping;
        }
        let Some(credential) = &admitted.credential else {
            continue;
        };
        match edge.identity.recheck(credential, admitted.client.0).await {
            Ok(caller) if caller == admitted.caller => {}
            Ok(_) => return End::Changed,
            Err(fault) if fault.code.retryable() || fault.code == chassis::Code::Internal => {}
            Err(fault) => return End::Gone(fault),
        }
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
