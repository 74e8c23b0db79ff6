//! Peers that tests can steer: a directory of boards, and a connector that records, fails and hangs on demand.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use chassis::{Code, Fault};
use proto::{
    board::v1::{
        Board, ConfirmGoalRequest, ConfirmGoalResponse, ListGatewayBoardsRequest,
        ListGatewayBoardsResponse, ResolveBoardRequest, ResolveBoardResponse, ResolveTasksRequest,
        ResolveTasksResponse, board_directory_service_server::BoardDirectoryService,
    },
    gateway::v1::{
        DiagnoseRequest, DiagnoseResponse, EnsureAgentRequest, EnsureAgentResponse,
        GetHistoryRequest, GetHistoryResponse, ListAgentsRequest, ListAgentsResponse,
        ListSessionsRequest, ListSessionsResponse, ListSkillsRequest, ListSkillsResponse,
        ProbeRequest, ProbeResponse, ReadFileRequest, ReadFileResponse, RemoveAgentRequest,
        RemoveAgentResponse, RemoveFilesRequest, RemoveFilesResponse, ResetSessionRequest,
        ResetSessionResponse, SendMessageRequest, SendMessageResponse, WatchRequest,
        WriteFilesRequest, WriteFilesResponse, connector_service_server::ConnectorService,
    },
};
use tonic::{Request, Response, Status};

use crate::runtime::{Events, Runtime};

#[derive(Clone, Default)]
pub(crate) struct Boards(Arc<Mutex<BTreeMap<String, Board>>>, Arc<Mutex<Goals>>);

/// Goals that were to be written, and how many of the next are refused because the service is away.
#[derive(Default)]
struct Goals {
    asked: Vec<ConfirmGoalRequest>,
    failing: usize,
}

/// Boards of one answer about a gateway.
const BOARDS: usize = 1_000;

impl Boards {
    pub(crate) fn put(&self, board: Board) {
        self.0.lock().unwrap().insert(board.id.clone(), board);
    }

    pub(crate) fn get(&self, id: &str) -> Option<Board> {
        self.0.lock().unwrap().get(id).cloned()
    }

    /// Refuses so many goals before it takes one.
    pub(crate) fn refuse_goals(&self, failing: usize) {
        self.1.lock().unwrap().failing = failing;
    }

    pub(crate) fn goals(&self) -> Vec<ConfirmGoalRequest> {
        self.1.lock().unwrap().asked.clone()
    }

    pub(crate) fn remove(&self, id: &str) {
        self.0.lock().unwrap().remove(id);
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

    async fn confirm_goal(
        &self,
        request: Request<ConfirmGoalRequest>,
    ) -> Result<Response<ConfirmGoalResponse>, Status> {
        let goal = request.into_inner();
        {
            let mut goals = self.1.lock().unwrap();
            goals.asked.push(goal.clone());
            if goals.failing > 0 {
                goals.failing -= 1;
                return Err(Fault::unavailable("PEER_UNAVAILABLE", "not now").into());
            }
        }
        let mut boards = self.0.lock().unwrap();
        let Some(board) = boards.get_mut(&goal.board_id) else {
            return Err(Fault::not_found("BOARD_NOT_FOUND", "there is no such board").into());
        };
        board.board_type = goal.board_type;
        board.objective = goal.objective;
        board.success_metrics = goal.success_metrics;
        board.target_date = goal.target_date;
        board.goal_source = Some(goal.goal_source);
        board.goal_confirmed = true;
        board.require_approval_for_done = goal.require_approval_for_done;
        let board = Some(board.clone());
        Ok(Response::new(ConfirmGoalResponse { board }))
    }

    async fn list_gateway_boards(
        &self,
        request: Request<ListGatewayBoardsRequest>,
    ) -> Result<Response<ListGatewayBoardsResponse>, Status> {
        let asked = request.into_inner();
        let mut boards: Vec<Board> = self.0.lock().unwrap().values().cloned().collect();
        boards.retain(|board| {
            board.organization_id == asked.organization_id
                && board.gateway_id.as_ref() == Some(&asked.gateway_id)
                // Written after the question.
                && board.slug != "unlisted"
        });
        let total = i64::try_from(boards.len()).unwrap();
        // Ids are in the order in which boards were made.
        boards.reverse();
        boards.truncate(BOARDS);
        Ok(Response::new(ListGatewayBoardsResponse { boards, total }))
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
    Read(ReadFileRequest),
    Reset(ResetSessionRequest),
    RemoveFiles(RemoveFilesRequest),
    /// Anything that only looks: `probe`, `diagnose`, `agents`, `sessions`, `history`, `skills`, `watch`.
    Look(&'static str),
}

impl Call {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Ensure(_) => "ensure",
            Self::Write(_) => "write",
            Self::Send(_) => "send",
            Self::Remove(_) => "remove",
            Self::Read(_) => "read",
            Self::Reset(_) => "reset",
            Self::RemoveFiles(_) => "remove_files",
            Self::Look(what) => what,
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
    /// Answers nothing until it is of another mood.
    Waiting,
}

#[derive(Default)]
struct State {
    mood: Mood,
    calls: Vec<Call>,
    keys: BTreeSet<String>,
    taken: Vec<SendMessageRequest>,
    runtime: Runtime,
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

    /// Keys of the agents that were to be taken away, each once however often it was asked for, in order.
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
        keys.dedup();
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

    /// Changes what runs on the gateway.
    pub(crate) fn runs<T>(&self, change: impl FnOnce(&mut Runtime) -> T) -> T {
        change(&mut self.0.lock().unwrap().runtime)
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
            Mood::Waiting => {
                while matches!(self.0.lock().unwrap().mood, Mood::Waiting) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Ok(())
            }
            Mood::Well | Mood::Failing { .. } | Mood::HangingOn(_) => Ok(()),
        }
    }
}

#[tonic::async_trait]
impl ConnectorService for Connector {
    async fn probe(&self, _: Request<ProbeRequest>) -> Result<Response<ProbeResponse>, Status> {
        self.judge(Call::Look("probe")).await?;
        Ok(Response::new(self.runs(|runtime| runtime.probed())))
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

    async fn diagnose(
        &self,
        _: Request<DiagnoseRequest>,
    ) -> Result<Response<DiagnoseResponse>, Status> {
        self.judge(Call::Look("diagnose")).await?;
        let checks = self.runs(|runtime| runtime.checks.clone());
        Ok(Response::new(DiagnoseResponse { checks }))
    }

    async fn list_agents(
        &self,
        _: Request<ListAgentsRequest>,
    ) -> Result<Response<ListAgentsResponse>, Status> {
        self.judge(Call::Look("agents")).await?;
        let agents = self.runs(|runtime| runtime.agents.clone());
        Ok(Response::new(ListAgentsResponse { agents }))
    }

    async fn list_sessions(
        &self,
        request: Request<ListSessionsRequest>,
    ) -> Result<Response<ListSessionsResponse>, Status> {
        self.judge(Call::Look("sessions")).await?;
        Ok(Response::new(
            self.runs(|runtime| runtime.sessions(request.get_ref())),
        ))
    }

    async fn get_history(
        &self,
        request: Request<GetHistoryRequest>,
    ) -> Result<Response<GetHistoryResponse>, Status> {
        self.judge(Call::Look("history")).await?;
        Ok(Response::new(
            self.runs(|runtime| runtime.history(request.get_ref())),
        ))
    }

    async fn reset_session(
        &self,
        request: Request<ResetSessionRequest>,
    ) -> Result<Response<ResetSessionResponse>, Status> {
        self.judge(Call::Reset(request.into_inner())).await?;
        Ok(Response::new(ResetSessionResponse {}))
    }

    /// What was put there for this very agent and file, or else what was last written.
    async fn read_file(
        &self,
        request: Request<ReadFileRequest>,
    ) -> Result<Response<ReadFileResponse>, Status> {
        let asked = request.into_inner();
        self.judge(Call::Read(asked.clone())).await?;
        let put = self.runs(|runtime| runtime.file(&asked.agent_key, &asked.name));
        let content = put.or_else(|| self.file(&asked.agent_key, &asked.name));
        Ok(Response::new(ReadFileResponse { content }))
    }

    async fn remove_files(
        &self,
        request: Request<RemoveFilesRequest>,
    ) -> Result<Response<RemoveFilesResponse>, Status> {
        self.judge(Call::RemoveFiles(request.into_inner())).await?;
        Ok(Response::new(RemoveFilesResponse {}))
    }

    async fn list_skills(
        &self,
        _: Request<ListSkillsRequest>,
    ) -> Result<Response<ListSkillsResponse>, Status> {
        self.judge(Call::Look("skills")).await?;
        let names = self.runs(|runtime| runtime.skills.clone());
        Ok(Response::new(ListSkillsResponse { names }))
    }

    async fn watch(&self, _: Request<WatchRequest>) -> Result<Response<Events>, Status> {
        self.judge(Call::Look("watch")).await?;
        Ok(Response::new(self.runs(Runtime::watch)))
    }
}
