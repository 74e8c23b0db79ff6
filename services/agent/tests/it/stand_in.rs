//! Peers that tests can steer: a directory of boards, and a connector that records, fails and hangs on demand.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use chassis::{Code, Fault};
use proto::{
    board::v1::{
        Board, ResolveBoardRequest, ResolveBoardResponse, ResolveTasksRequest,
        ResolveTasksResponse, board_directory_service_server::BoardDirectoryService,
    },
    gateway::v1::{
        EnsureAgentRequest, EnsureAgentResponse, ProbeRequest, ProbeResponse, RemoveAgentRequest,
        RemoveAgentResponse, SendMessageRequest, SendMessageResponse, WriteFilesRequest,
        WriteFilesResponse, connector_service_server::ConnectorService,
    },
};
use tonic::{Request, Response, Status};

#[derive(Clone, Default)]
pub(crate) struct Boards(Arc<Mutex<BTreeMap<String, Board>>>);

impl Boards {
    pub(crate) fn put(&self, board: Board) {
        self.0.lock().unwrap().insert(board.id.clone(), board);
    }
}

#[tonic::async_trait]
impl BoardDirectoryService for Boards {
    async fn resolve_board(
        &self,
        request: Request<ResolveBoardRequest>,
    ) -> Result<Response<ResolveBoardResponse>, Status> {
        let board = self
            .0
            .lock()
            .unwrap()
            .get(&request.get_ref().board_id)
            .cloned();
        match board {
            Some(board) => Ok(Response::new(ResolveBoardResponse { board: Some(board) })),
            None => Err(Fault::not_found("BOARD_NOT_FOUND", "there is no such board").into()),
        }
    }

    async fn resolve_tasks(
        &self,
        _: Request<ResolveTasksRequest>,
    ) -> Result<Response<ResolveTasksResponse>, Status> {
        Err(Status::unimplemented("nobody here asks for tasks"))
    }
}

/// What the connector was asked, in order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Call {
    Ensure(EnsureAgentRequest),
    Write(WriteFilesRequest),
    Send(SendMessageRequest),
    Remove(RemoveAgentRequest),
}

impl Call {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Ensure(_) => "ensure",
            Self::Write(_) => "write",
            Self::Send(_) => "send",
            Self::Remove(_) => "remove",
        }
    }
}

/// How the connector behaves from now on.
#[derive(Clone, Debug, Default)]
pub(crate) enum Mood {
    #[default]
    Well,
    /// Refuses everything this many times, then is well.
    Failing { times: usize, reason: &'static str },
    /// Never answers calls of this name, after having recorded them.
    HangingOn(&'static str),
}

#[derive(Default)]
struct State {
    mood: Mood,
    calls: Vec<Call>,
    keys: BTreeSet<String>,
    taken: Vec<SendMessageRequest>,
}

#[derive(Clone, Default)]
pub(crate) struct Connector(Arc<Mutex<State>>);

impl Connector {
    pub(crate) fn be(&self, mood: Mood) {
        self.0.lock().unwrap().mood = mood;
    }

    pub(crate) fn fail(&self, times: usize, reason: &'static str) {
        self.be(Mood::Failing { times, reason });
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.0.lock().unwrap().calls.clone()
    }

    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.calls().iter().map(Call::name).collect()
    }

    pub(crate) fn forget(&self) {
        let mut state = self.0.lock().unwrap();
        state.calls.clear();
        state.taken.clear();
    }

    /// Messages that the gateway took, each once however often it was sent.
    pub(crate) fn taken(&self) -> Vec<SendMessageRequest> {
        self.0.lock().unwrap().taken.clone()
    }

    /// Keys of the agents that were to be taken away, in the order of their keys.
    pub(crate) fn removed(&self) -> Vec<String> {
        let calls = self.calls();
        let mut keys: Vec<String> = calls
            .iter()
            .filter_map(|call| match call {
                Call::Remove(remove) => Some(remove.agent_key.clone()),
                _ => None,
            })
            .collect();
        keys.sort();
        keys
    }

    /// The newest content of a file of the agent with this key.
    pub(crate) fn file(&self, agent_key: &str, name: &str) -> Option<String> {
        let calls = self.calls();
        let writes = calls.iter().rev().filter_map(|call| match call {
            Call::Write(write) if write.agent_key == agent_key => Some(write),
            _ => None,
        });
        writes
            .flat_map(|write| &write.files)
            .find(|file| file.name == name)
            .map(|file| file.content.clone())
    }

    /// The token in the agent's TOOLS.md.
    pub(crate) fn token(&self, agent_key: &str) -> Option<String> {
        let tools = self.file(agent_key, "TOOLS.md")?;
        tools
            .lines()
            .find_map(|line| line.strip_prefix("AUTH_TOKEN="))
            .map(str::to_owned)
    }

    async fn judge(&self, call: Call) -> Result<(), Status> {
        let name = call.name();
        let mood = {
            let mut state = self.0.lock().unwrap();
            state.calls.push(call);
            let mood = state.mood.clone();
            if let Mood::Failing { times, .. } = &mut state.mood {
                *times = times.saturating_sub(1);
            }
            mood
        };
        match mood {
            Mood::Failing { times: 1.., reason } => {
                let code = match reason {
                    "GATEWAY_UNAUTHORIZED" => Code::Unauthenticated,
                    "GATEWAY_UNREACHABLE" | "GATEWAY_BUSY" => Code::Unavailable,
                    _ => Code::Conflict,
                };
                Err(Fault::new(code, reason, "the gateway said no").into())
            }
            Mood::HangingOn(hanging) if hanging == name => std::future::pending().await,
            Mood::Well | Mood::Failing { .. } | Mood::HangingOn(_) => Ok(()),
        }
    }
}

#[tonic::async_trait]
impl ConnectorService for Connector {
    async fn probe(&self, _: Request<ProbeRequest>) -> Result<Response<ProbeResponse>, Status> {
        Err(Status::unimplemented("nobody here probes"))
    }

    async fn ensure_agent(
        &self,
        request: Request<EnsureAgentRequest>,
    ) -> Result<Response<EnsureAgentResponse>, Status> {
        self.judge(Call::Ensure(request.into_inner())).await?;
        Ok(Response::new(EnsureAgentResponse { created: true }))
    }

    async fn write_files(
        &self,
        request: Request<WriteFilesRequest>,
    ) -> Result<Response<WriteFilesResponse>, Status> {
        self.judge(Call::Write(request.into_inner())).await?;
        Ok(Response::new(WriteFilesResponse::default()))
    }

    async fn send_message(
        &self,
        request: Request<SendMessageRequest>,
    ) -> Result<Response<SendMessageResponse>, Status> {
        let message = request.into_inner();
        self.judge(Call::Send(message.clone())).await?;
        let mut state = self.0.lock().unwrap();
        if state.keys.insert(message.idempotency_key.clone()) {
            state.taken.push(message);
        }
        Ok(Response::new(SendMessageResponse {}))
    }

    async fn remove_agent(
        &self,
        request: Request<RemoveAgentRequest>,
    ) -> Result<Response<RemoveAgentResponse>, Status> {
        self.judge(Call::Remove(request.into_inner())).await?;
        Ok(Response::new(RemoveAgentResponse {}))
    }
}
