//! The service on a database of its own, a board with a lead and workers, and everything that is told.

use std::time::Duration;

use bus::{Bus, Handler, Subscription};
use chassis::{Caller, Clock, Code, Fault, Peer, Running, Server};
use chrono::{DateTime, Utc};
use proto::{
    agent::v1::agent_directory_service_server::AgentDirectoryServiceServer,
    approval::v1::gate_service_server::GateServiceServer,
    board::v1::{
        Board, Comment, CreateBoardRequest, CreateCommentRequest, CreateTaskRequest,
        GetTaskRequest, Task, TaskStatus, UpdateBoardRequest, UpdateTaskRequest,
        board_directory_service_client::BoardDirectoryServiceClient,
        board_group_service_client::BoardGroupServiceClient,
        board_service_client::BoardServiceClient, comment_service_client::CommentServiceClient,
        memory_service_client::MemoryServiceClient, snapshot_service_client::SnapshotServiceClient,
        task_service_client::TaskServiceClient,
    },
    event::v1::{Event, event::Payload},
};
use sqlx::{PgConnection, PgPool, postgres::PgPoolOptions};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tonic::Status;
use uuid::Uuid;

use crate::{
    callers::{LEAD, ORGANIZATION, agent, member, owner, worker_id},
    peers::{Agents, Gate},
    request::{self, to},
};

pub(crate) struct Fixture {
    pub(crate) pool: PgPool,
    pub(crate) clock: Clock,
    pub(crate) agents: Agents,
    pub(crate) gate: Gate,
    /// A board without rules; Olga leads it, Alice and Bob work there.
    pub(crate) board: Uuid,
    running: Running,
    told: UnboundedReceiver<Event>,
    _closing: Closing,
}

/// Closes a pool of ours with the test; a database that is in use cannot be dropped after it.
struct Closing(PgPool);

impl Drop for Closing {
    fn drop(&mut self) {
        let pool = self.0.clone();
        tokio::spawn(async move { pool.close().await });
    }
}

struct Recorder(UnboundedSender<Event>);

#[async_trait::async_trait]
impl Handler for Recorder {
    async fn handle(&self, _: &mut PgConnection, event: &Event) -> anyhow::Result<()> {
        Ok(self.0.send(event.clone())?)
    }
}

pub(crate) fn start_of_time() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

impl Fixture {
    pub(crate) async fn start(pool: PgPool) -> Self {
        // The pool of the test macro is too narrow for races.
        let options = (*pool.connect_options()).clone();
        let pool = PgPoolOptions::new()
            .max_connections(16)
            .connect_with(options)
            .await
            .unwrap();
        bus::migrator().run(&pool).await.unwrap();
        bus::install(&pool).await.unwrap();
        board::MIGRATOR.run(&pool).await.unwrap();

        let (clock, agents, gate) = (
            Clock::fixed(start_of_time()),
            Agents::default(),
            Gate::default(),
        );
        let mut server = Server::for_tests(pool.clone(), clock.clone());
        let bus = Bus::for_tests(pool.clone());
        let (tell, told) = unbounded_channel();
        let everything = Subscription {
            group: "test",
            topics: &["#"],
        };
        bus.consume(&mut server, everything, pool.clone(), Recorder(tell))
            .await
            .unwrap();
        server.add_service("agent", AgentDirectoryServiceServer::new(agents.clone()));
        server.add_service("approval", GateServiceServer::new(gate.clone()));
        board::register(&mut server, &bus, board::Config {})
            .await
            .unwrap();
        let running = server.start();
        let mut fixture = Self {
            _closing: Closing(pool.clone()),
            pool,
            clock,
            agents,
            gate,
            board: Uuid::nil(),
            running,
            told,
        };

        let board = fixture
            .create_board(&owner(), request::board("Launch"))
            .await
            .unwrap();
        fixture.board = board.id.parse().unwrap();
        let kinds: Vec<String> = fixture
            .told(1)
            .await
            .into_iter()
            .map(|event| event.r#type)
            .collect();
        assert_eq!(kinds, ["board.created"]);
        fixture.agents.add(LEAD, "Olga", Some(fixture.board), true);
        fixture
            .agents
            .add(worker_id(0), "Alice Cooper", Some(fixture.board), false);
        fixture
            .agents
            .add(worker_id(1), "Bob", Some(fixture.board), false);
        fixture
    }

    /// The next events on the bus, in order.
    pub(crate) async fn told(&mut self, count: usize) -> Vec<Event> {
        let mut events = Vec::new();
        for _ in 0..count {
            let next = tokio::time::timeout(Duration::from_secs(20), self.told.recv()).await;
            events.push(next.expect("an event within 20 seconds").unwrap());
        }
        events
    }

    /// Something happens in another service.
    pub(crate) async fn elsewhere(&self, payload: Payload) {
        let actor = chassis::caller::system_actor();
        let event = bus::event(actor, ORGANIZATION, self.clock.now(), payload).build();
        let mut conn = self.pool.acquire().await.unwrap();
        bus::outbox::append(&mut conn, event).await.unwrap();
    }

    /// Waits until a count in the database is zero.
    pub(crate) async fn until_none(&self, count: &'static str) {
        for _ in 0..1_000 {
            let found: i64 = sqlx::query_scalar(count)
                .fetch_one(&self.pool)
                .await
                .unwrap();
            if found == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("still there: {count}");
    }

    /// Ends the test: nothing may have been told that the test did not look at.
    pub(crate) async fn stop(mut self) {
        self.running.stop().await.unwrap();
        let unseen = self.told.try_recv();
        assert!(unseen.is_err(), "the test did not expect {unseen:?}");
        self.pool.close().await;
    }

    pub(crate) fn lead(&self) -> Caller {
        agent(LEAD, "Olga", Some(self.board), true)
    }

    pub(crate) fn worker(&self, number: u128) -> Caller {
        agent(
            worker_id(number),
            if number == 0 { "Alice Cooper" } else { "Bob" },
            Some(self.board),
            false,
        )
    }

    /// A member who may write the board.
    pub(crate) fn writer(&self) -> Caller {
        member(&[self.board], true)
    }

    /// Everything that is served, as this caller reaches it.
    pub(crate) fn peer(&self, caller: &Caller) -> Peer {
        self.running.client(caller.clone())
    }

    pub(crate) fn boards(&self, caller: &Caller) -> BoardServiceClient<Peer> {
        BoardServiceClient::new(self.running.client(caller.clone()))
    }

    pub(crate) fn groups(&self, caller: &Caller) -> BoardGroupServiceClient<Peer> {
        BoardGroupServiceClient::new(self.running.client(caller.clone()))
    }

    pub(crate) fn snapshots(&self, caller: &Caller) -> SnapshotServiceClient<Peer> {
        SnapshotServiceClient::new(self.running.client(caller.clone()))
            .max_decoding_message_size(64 * 1024 * 1024)
    }

    pub(crate) fn memory(&self, caller: &Caller) -> MemoryServiceClient<Peer> {
        MemoryServiceClient::new(self.running.client(caller.clone()))
    }

    pub(crate) fn tasks(&self, caller: &Caller) -> TaskServiceClient<Peer> {
        TaskServiceClient::new(self.running.client(caller.clone()))
    }

    pub(crate) fn comments(&self, caller: &Caller) -> CommentServiceClient<Peer> {
        CommentServiceClient::new(self.running.client(caller.clone()))
    }

    pub(crate) fn directory(&self, caller: &Caller) -> BoardDirectoryServiceClient<Peer> {
        BoardDirectoryServiceClient::new(self.running.client(caller.clone()))
    }

    pub(crate) async fn create_board(
        &self,
        caller: &Caller,
        request: CreateBoardRequest,
    ) -> Result<Board, Status> {
        Ok(self
            .boards(caller)
            .create_board(request)
            .await?
            .into_inner()
            .board
            .unwrap())
    }

    pub(crate) async fn update_board(
        &self,
        caller: &Caller,
        request: UpdateBoardRequest,
    ) -> Result<Board, Status> {
        Ok(self
            .boards(caller)
            .update_board(request)
            .await?
            .into_inner()
            .board
            .unwrap())
    }

    pub(crate) async fn create(
        &self,
        caller: &Caller,
        request: CreateTaskRequest,
    ) -> Result<Task, Status> {
        Ok(self
            .tasks(caller)
            .create_task(request)
            .await?
            .into_inner()
            .task
            .unwrap())
    }

    /// A task in the inbox.
    pub(crate) async fn task(&self, title: &str) -> Task {
        self.create(&owner(), request::task(self.board, title))
            .await
            .unwrap()
    }

    /// A task in some status, moved there by the owner.
    pub(crate) async fn task_in(&self, status: TaskStatus) -> Task {
        let task = self.task("Work").await;
        if status == TaskStatus::Inbox {
            task
        } else {
            self.update(&owner(), to(&task, status)).await.unwrap()
        }
    }

    pub(crate) async fn update(
        &self,
        caller: &Caller,
        request: UpdateTaskRequest,
    ) -> Result<Task, Status> {
        Ok(self
            .tasks(caller)
            .update_task(request)
            .await?
            .into_inner()
            .task
            .unwrap())
    }

    /// The task as it is now.
    pub(crate) async fn now(&self, task: &Task) -> Task {
        let request = GetTaskRequest {
            board_id: None,
            task_id: task.id.clone(),
        };
        self.tasks(&owner())
            .get_task(request)
            .await
            .unwrap()
            .into_inner()
            .task
            .unwrap()
    }

    pub(crate) async fn comment(
        &self,
        caller: &Caller,
        task: &Task,
        text: &str,
    ) -> Result<Comment, Status> {
        let (board_id, task_id) = (task.board_id.clone(), task.id.clone());
        let request = CreateCommentRequest {
            board_id,
            task_id,
            message: text.to_owned(),
        };
        Ok(self
            .comments(caller)
            .create_comment(request)
            .await?
            .into_inner()
            .comment
            .unwrap())
    }
}

/// The failure of a call that has to fail.
pub(crate) fn fault<T: std::fmt::Debug>(answer: Result<T, Status>) -> Fault {
    chassis::fault::read(&answer.unwrap_err())
}

/// Code and reason of a call that has to fail.
pub(crate) fn refused<T: std::fmt::Debug>(answer: Result<T, Status>) -> (Code, String) {
    let fault = fault(answer);
    (fault.code, fault.reason)
}

/// Code and reason as a test expects them.
pub(crate) fn says(code: Code, reason: &str) -> (Code, String) {
    (code, reason.to_owned())
}

/// The one wrong field of a call that has to fail, and why it is wrong.
pub(crate) fn violation<T: std::fmt::Debug>(answer: Result<T, Status>) -> (String, String) {
    let fault = fault(answer);
    assert_eq!(
        (fault.code, fault.fields.len()),
        (Code::Invalid, 1),
        "{fault:?}"
    );
    (
        fault.fields[0].field.clone(),
        fault.fields[0].reason.clone(),
    )
}

/// A field and a reason as a test expects them.
pub(crate) fn wrong(field: &str, reason: &str) -> (String, String) {
    (field.to_owned(), reason.to_owned())
}
