//! The handle of a running gateway: what it holds, and what shall go wrong.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::broadcast,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    Agent, Call, Cut, Failure, Message, Session, SimulatorConfig,
    fault::Fate,
    hub::{Broadcast, Hub},
    socket,
    state::canonical,
};

pub(crate) async fn start(config: SimulatorConfig) -> std::io::Result<Running> {
    let listener = TcpListener::bind(config.addr).await?;
    let addr = listener.local_addr()?;
    let hub = Arc::new(Hub::new(config));
    hub.tasks.spawn(listen(Arc::clone(&hub), listener));
    Ok(Running { hub, addr })
}

async fn listen(hub: Arc<Hub>, listener: TcpListener) {
    let tls = hub.config.tls.clone().map(TlsAcceptor::from);
    loop {
        let stream = tokio::select! {
            () = hub.stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "simulated gateway cannot accept");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        if hub.down.load(Ordering::SeqCst) || hub.faults().refusing {
            drop(stream);
            continue;
        }
        hub.tasks
            .spawn(connection(Arc::clone(&hub), stream, tls.clone()));
    }
}

async fn connection(hub: Arc<Hub>, stream: TcpStream, tls: Option<TlsAcceptor>) {
    match tls {
        None => Box::pin(socket::serve(hub, stream)).await,
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                Box::pin(socket::serve(hub, stream)).await;
            }
        }
    }
}

/// A running gateway. Dropping it stops it without waiting.
pub struct Running {
    pub(crate) hub: Arc<Hub>,
    addr: SocketAddr,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.hub.stop.cancel();
    }
}

/// Where it is.
impl Running {
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub fn port(&self) -> u16 {
        self.addr.port()
    }

    pub fn url(&self) -> String {
        let scheme = if self.hub.config.tls.is_some() {
            "wss"
        } else {
            "ws"
        };
        format!("{scheme}://{}", self.addr)
    }

    pub fn config(&self) -> &SimulatorConfig {
        &self.hub.config
    }

    /// Closes every connection and frees the port.
    pub async fn stop(self) {
        self.hub.stop.cancel();
        self.hub.tasks.close();
        self.hub.tasks.wait().await;
    }
}

/// What it holds.
impl Running {
    /// Agents of the configuration, `main` included.
    pub fn agents(&self) -> Vec<Agent> {
        self.hub.state().agents()
    }

    pub fn agent(&self, id: &str) -> Option<Agent> {
        self.hub.state().agent(id)
    }

    /// Workspace files of an agent, by name.
    pub fn files(&self, agent_id: &str) -> BTreeMap<String, String> {
        self.hub
            .state()
            .workspaces
            .get(agent_id)
            .cloned()
            .unwrap_or_default()
    }

    pub fn file(&self, agent_id: &str, name: &str) -> Option<String> {
        self.hub
            .state()
            .workspaces
            .get(agent_id)?
            .get(name)
            .cloned()
    }

    /// Text of an agent's beat on 2026.9.6.
    pub fn scratch(&self, agent_id: &str) -> Option<String> {
        self.hub
            .state()
            .scratches
            .get(agent_id)
            .map(|(content, _)| content.clone())
    }

    pub fn sessions(&self) -> Vec<Session> {
        self.hub.state().sessions.values().cloned().collect()
    }

    pub fn session(&self, key: &str) -> Option<Session> {
        self.hub.state().sessions.get(key).cloned()
    }

    /// Messages in the order of acceptance.
    pub fn messages(&self) -> Vec<Message> {
        self.hub.state().messages.clone()
    }

    /// Messages in the order of acceptance, without the first so many.
    pub fn messages_since(&self, count: usize) -> Vec<Message> {
        let state = self.hub.state();
        state
            .messages
            .get(count..)
            .map(<[Message]>::to_vec)
            .unwrap_or_default()
    }

    /// Messages accepted from now on.
    pub fn watch(&self) -> broadcast::Receiver<Message> {
        self.hub.messages.subscribe()
    }

    /// Every request that arrived, `connect` included.
    pub fn calls(&self) -> Vec<Call> {
        self.hub.state().calls.clone()
    }

    /// How often a method was called.
    pub fn count(&self, method: &str) -> usize {
        self.hub
            .state()
            .calls
            .iter()
            .filter(|call| call.method == method)
            .count()
    }

    /// Connections that are open and past the handshake.
    pub fn connections(&self) -> usize {
        self.hub.open.load(Ordering::SeqCst)
    }

    /// Connections since the start, refused ones included.
    pub fn accepted(&self) -> u64 {
        self.hub.accepted.load(Ordering::SeqCst)
    }

    /// The configuration as `config.get` shows it.
    pub fn configuration(&self) -> Value {
        self.hub.state().config.clone()
    }

    /// Devices that wait for approval, by id, with the id of their request.
    pub fn pending_devices(&self) -> BTreeMap<String, String> {
        self.hub.state().pending.clone()
    }
}

/// What others do to it.
impl Running {
    /// Approves every device that waits.
    pub fn approve_devices(&self) {
        let mut state = self.hub.state();
        let pending = std::mem::take(&mut state.pending);
        state.approved.extend(pending.into_keys());
    }

    /// Adds an agent behind the client's back.
    pub fn add_agent(&self, id: &str, workspace: &str) {
        let mut state = self.hub.state();
        state.insert_agent(id, json!({"name": id, "workspace": workspace}));
        state.workspaces.insert(id.to_owned(), BTreeMap::new());
    }

    /// Removes an agent behind the client's back.
    pub fn remove_agent(&self, id: &str) {
        self.hub.state().remove_agent(id);
    }

    /// Changes the configuration behind the client's back: the hash that it holds goes stale.
    pub fn touch_configuration(&self) {
        self.hub.state().config["logging"] = json!({"level": uuid::Uuid::new_v4().to_string()});
    }

    /// Puts an agent's answer into a session.
    pub fn reply(&self, session_key: &str, text: &str) {
        let key = canonical(session_key);
        self.hub.state().say(&key, "assistant", text);
        self.hub.tell(Broadcast::Event(
            "chat".into(),
            json!({
                "runId": uuid::Uuid::new_v4().to_string(), "sessionKey": key, "seq": 1, "state": "final",
                "message": {"role": "assistant", "content": [{"type": "text", "text": text}]},
            }),
        ));
    }

    /// Lets the configuration writes of the running window be forgotten.
    pub fn forget_writes(&self) {
        self.hub.state().writes.clear();
    }

    /// Makes every new agent known everywhere at once.
    pub fn settle(&self) {
        let now = Instant::now();
        self.hub
            .state()
            .settled_at
            .values_mut()
            .for_each(|at| *at = now);
    }
}

/// What shall go wrong.
impl Running {
    /// Drops every new connection before its handshake while set.
    pub fn refuse_connections(&self, refuse: bool) {
        self.hub.faults().refusing = refuse;
    }

    /// Sends no event, ticks included, while set.
    pub fn silence(&self, silent: bool) {
        self.hub.faults().silent = silent;
    }

    /// Answers the next `times` handshakes with "gateway starting".
    pub fn starting(&self, times: usize) {
        self.hub.faults().starting = times;
    }

    /// Delays every answer.
    pub fn delay(&self, delay: Option<Duration>) {
        self.hub.faults().delay = delay;
    }

    /// Cuts the connection at the n-th request from now, 1 being the next.
    pub fn cut_at(&self, request: usize, cut: Cut) {
        self.hub.faults().cut = (request > 0).then_some((request, cut));
    }

    /// Cuts the connection at every n-th request from now, until [`heal`](Self::heal).
    pub fn cut_every(&self, requests: usize, cut: Cut) {
        self.hub.faults().cut_every = (requests > 0).then_some((requests, requests, cut));
    }

    /// Cuts the connection at the next `times` requests of a method.
    pub fn cut_on(&self, method: &str, times: usize, cut: Cut) {
        self.rule(method, times, Fate::Cut(cut));
    }

    /// Has somebody else undo what a method wrote the next `times`.
    pub fn undo(&self, method: &str, times: usize) {
        self.rule(method, times, Fate::Undone);
    }

    /// Refuses a method the next `times`.
    pub fn fail(&self, method: &str, times: usize, failure: Failure) {
        self.rule(method, times, Fate::Failed(failure));
    }

    /// Carries a method out but never answers it, the next `times`.
    pub fn hang(&self, method: &str, times: usize) {
        self.rule(method, times, Fate::Hung);
    }

    /// Answers a method with this instead of carrying it out, the next `times`.
    pub fn say(&self, method: &str, times: usize, payload: Value) {
        self.rule(method, times, Fate::Said(payload));
    }

    fn rule(&self, method: &str, times: usize, fate: Fate) {
        if times > 0 {
            self.hub.faults().rule(method, times, fate);
        }
    }

    /// Whether a cut still waits for its request.
    pub fn cut_is_due(&self) -> bool {
        self.hub.faults().cut.is_some()
    }

    /// Ends every fault.
    pub fn heal(&self) {
        self.hub.faults().clear();
    }

    /// Drops every connection without a word.
    pub fn drop_connections(&self) {
        self.hub.tell(Broadcast::Drop);
    }

    /// Restarts as after a configuration write: `shutdown`, close 1012, away for `restart_time`.
    pub async fn restart(&self) {
        self.hub.restart().await;
    }
}
