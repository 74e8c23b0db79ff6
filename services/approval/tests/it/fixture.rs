//! The service on a database of its own, and everything that it tells the others.

use std::time::Duration;

use bus::{Bus, Handler, Subscription};
use chassis::{
    BoardRight, Caller, Clock, Fault, Role, Running, Server,
    caller::{Agent, User},
    encode,
};
use chrono::{DateTime, Utc};
use proto::{
    approval::v1::{
        Approval, ApprovalHistoryEntry, ApprovalPolicy, ApprovalStatus, CheckGateRequest,
        CheckGateResponse, CreateApprovalPolicyRequest, CreateApprovalRequest, GetApprovalRequest,
        ListApprovalHistoryRequest, ResolveApprovalRequest, TaskApprovalCounts,
        approval_policy_service_client::ApprovalPolicyServiceClient,
        approval_service_client::ApprovalServiceClient, gate_service_client::GateServiceClient,
    },
    board::v1::board_directory_service_server::BoardDirectoryServiceServer,
    event::v1::Event,
};
use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool, postgres::PgPoolOptions};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tonic::Status;
use uuid::Uuid;

use crate::boards::{BOARD, Boards, GATEWAY, ORGANIZATION, task};

pub(crate) struct Fixture {
    pub pool: PgPool,
    pub clock: Clock,
    pub boards: Boards,
    running: Running,
    told: UnboundedReceiver<Event>,
}

struct Recorder(UnboundedSender<Event>);

#[async_trait::async_trait]
impl Handler for Recorder {
    async fn handle(&self, _: &mut PgConnection, event: &Event) -> anyhow::Result<()> {
        Ok(self.0.send(event.clone())?)
    }
}

async fn serve(
    pool: &PgPool,
    clock: &Clock,
    boards: &Boards,
    tell: Option<UnboundedSender<Event>>,
) -> Running {
    let mut server = Server::for_tests(pool.clone(), clock.clone());
    let bus = Bus::for_tests(pool.clone());
    if let Some(tell) = tell {
        let everything = Subscription {
            group: "test",
            topics: &["#"],
        };
        bus.consume(&mut server, everything, pool.clone(), Recorder(tell))
            .await
            .unwrap();
    }
    server.add_service("board", BoardDirectoryServiceServer::new(boards.clone()));
    approval::register(&mut server, &bus, approval::Config {})
        .await
        .unwrap();
    server.start()
}

pub(crate) fn start_of_time() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

impl Fixture {
    pub(crate) async fn start(pool: PgPool) -> Self {
        // The pool of the test macro is too narrow for races.
        let pool = PgPoolOptions::new()
            .max_connections(24)
            .connect_with((*pool.connect_options()).clone())
            .await
            .unwrap();
        bus::migrator().run(&pool).await.unwrap();
        bus::install(&pool).await.unwrap();
        approval::MIGRATOR.run(&pool).await.unwrap();

        let (clock, boards) = (Clock::fixed(start_of_time()), Boards::default());
        let (tell, told) = unbounded_channel();
        let running = serve(&pool, &clock, &boards, Some(tell)).await;
        Self {
            pool,
            clock,
            boards,
            running,
            told,
        }
    }

    /// Another process of the same service.
    pub(crate) async fn replica(&self) -> Running {
        serve(&self.pool, &self.clock, &self.boards, None).await
    }

    /// Ends the test: nothing may have been told that the test did not look at.
    pub(crate) async fn stop(mut self) {
        self.running.stop().await.unwrap();
        let unseen = self.told.try_recv();
        assert!(unseen.is_err(), "the test did not expect {unseen:?}");
        self.pool.close().await;
    }

    /// Ends a test to which it does not matter what was told.
    pub(crate) async fn stop_unheard(self) {
        self.running.stop().await.unwrap();
        self.pool.close().await;
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

    /// The types of the next events on the bus, in order.
    pub(crate) async fn told_types(&mut self, count: usize) -> Vec<String> {
        self.told(count)
            .await
            .into_iter()
            .map(|event| event.r#type)
            .collect()
    }

    /// Tells something as another service would.
    pub(crate) async fn tell(&self, event: Event) {
        let mut conn = self.pool.acquire().await.unwrap();
        bus::outbox::append(&mut conn, event).await.unwrap();
    }

    pub(crate) fn approvals(&self, caller: &Caller) -> ApprovalServiceClient<chassis::Peer> {
        ApprovalServiceClient::new(self.running.client(caller.clone()))
    }

    pub(crate) fn gates(&self, caller: Caller) -> GateServiceClient<chassis::Peer> {
        GateServiceClient::new(self.running.client(caller))
    }

    pub(crate) fn policies(&self, caller: &Caller) -> ApprovalPolicyServiceClient<chassis::Peer> {
        ApprovalPolicyServiceClient::new(self.running.client(caller.clone()))
    }

    pub(crate) async fn create_policy(
        &self,
        request: CreateApprovalPolicyRequest,
    ) -> Result<ApprovalPolicy, Status> {
        let answer = self
            .policies(&owner())
            .create_approval_policy(request)
            .await?;
        Ok(answer.into_inner().policy.unwrap())
    }

    /// The approval as it is.
    pub(crate) async fn get(&self, id: &str) -> Approval {
        let request = GetApprovalRequest {
            board_id: BOARD.to_string(),
            approval_id: id.to_owned(),
        };
        let answer = self.approvals(&owner()).get_approval(request).await;
        answer.unwrap().into_inner().approval.unwrap()
    }

    /// What became of an approval.
    pub(crate) async fn history(&self, id: &str) -> Vec<ApprovalHistoryEntry> {
        let request = ListApprovalHistoryRequest {
            board_id: BOARD.to_string(),
            approval_id: id.to_owned(),
            ..ListApprovalHistoryRequest::default()
        };
        let answer = self
            .approvals(&owner())
            .list_approval_history(request)
            .await;
        answer.unwrap().into_inner().items
    }

    pub(crate) async fn create(
        &self,
        caller: &Caller,
        request: CreateApprovalRequest,
    ) -> Result<Approval, Status> {
        let answer = self.approvals(caller).create_approval(request).await?;
        Ok(answer.into_inner().approval.unwrap())
    }

    pub(crate) async fn resolve(
        &self,
        caller: &Caller,
        id: &str,
        status: ApprovalStatus,
        note: Option<&str>,
    ) -> Result<Approval, Status> {
        let request = ResolveApprovalRequest {
            note: note.map(str::to_owned),
            ..resolving(id, status)
        };
        let answer = self.approvals(caller).resolve_approval(request).await?;
        Ok(answer.into_inner().approval.unwrap())
    }

    /// What the gate says about a task of the board, as the board service asks.
    pub(crate) async fn gate(&self, task: Uuid, cycle: i32) -> CheckGateResponse {
        let request = CheckGateRequest {
            board_id: BOARD.to_string(),
            task_id: task.to_string(),
            cycle,
        };
        self.gates(board_service())
            .check_gate(request)
            .await
            .unwrap()
            .into_inner()
    }

    /// How many approvals there are, and how many links to tasks.
    pub(crate) async fn counts(&self) -> (i64, i64) {
        sqlx::query_as(
            "select (select count(*) from approval), (select count(*) from approval_task)",
        )
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }
}

/// A decision, or a reopening.
pub(crate) fn resolving(id: &str, status: ApprovalStatus) -> ResolveApprovalRequest {
    ResolveApprovalRequest {
        board_id: BOARD.to_string(),
        approval_id: id.to_owned(),
        status: status.into(),
        ..ResolveApprovalRequest::default()
    }
}

/// The counts of tasks with one approval each.
pub(crate) fn counted(tasks: &[u128], pending: i32) -> Vec<TaskApprovalCounts> {
    tasks
        .iter()
        .map(|n| TaskApprovalCounts {
            task_id: task(*n).to_string(),
            approvals_count: 1,
            approvals_pending_count: pending,
        })
        .collect()
}

/// A request about some tasks, with everything that is required.
pub(crate) fn asking(tasks: &[u128]) -> CreateApprovalRequest {
    CreateApprovalRequest {
        board_id: BOARD.to_string(),
        action_type: "task.close".into(),
        task_ids: tasks.iter().map(|n| task(*n).to_string()).collect(),
        confidence: Some(80.0),
        lead_reasoning: Some("it is done".into()),
        ..CreateApprovalRequest::default()
    }
}

/// The same, with a payload.
pub(crate) fn asking_with(payload: &Value) -> CreateApprovalRequest {
    CreateApprovalRequest {
        payload: encode::to_struct(payload),
        ..asking(&[])
    }
}

pub(crate) fn reason(reason: &str) -> Option<prost_types::Struct> {
    encode::to_struct(&json!({"reason": reason}))
}

/// A member who may write the board, by number.
pub(crate) fn writer(n: u128) -> Caller {
    let boards = vec![BoardRight {
        board_id: BOARD,
        can_write: true,
    }];
    Caller::User(User {
        boards,
        ..person(n, &format!("Writer {n}"), Role::Member)
    })
}

/// The board service, as it asks.
pub(crate) fn board_service() -> Caller {
    Caller::Internal {
        service: "board".into(),
    }
}

/// An admin of the organization.
pub(crate) fn admin() -> Caller {
    Caller::User(person(0xad, "Adam", Role::Admin))
}

fn person(id: u128, name: &str, role: Role) -> User {
    User {
        id: Uuid::from_u128(id),
        name: name.to_owned(),
        organization_id: ORGANIZATION,
        role,
        all_boards_read: false,
        all_boards_write: false,
        boards: Vec::new(),
        scopes: Vec::new(),
    }
}

/// The owner of the organization.
pub(crate) fn owner() -> Caller {
    Caller::User(person(0xada, "Ada", Role::Owner))
}

/// A member with a right on the board.
pub(crate) fn member(can_write: bool) -> Caller {
    let boards = vec![BoardRight {
        board_id: BOARD,
        can_write,
    }];
    Caller::User(User {
        boards,
        ..person(0xbe4, "Ben", Role::Member)
    })
}

/// The owner of another organization.
pub(crate) fn stranger() -> Caller {
    let organization_id = crate::boards::FOREIGN_ORGANIZATION;
    Caller::User(User {
        organization_id,
        ..person(0xe4e, "Eve", Role::Owner)
    })
}

/// An agent of a board, or the main agent of the gateway.
pub(crate) fn agent(board_id: Option<Uuid>, is_board_lead: bool) -> Caller {
    Caller::Agent(Agent {
        id: Uuid::from_u128(0xa9e),
        name: "Robo".into(),
        organization_id: ORGANIZATION,
        gateway_id: GATEWAY,
        board_id,
        is_board_lead,
    })
}

/// The failure of a call that has to fail.
pub(crate) fn fault<T: std::fmt::Debug>(answer: Result<T, Status>) -> Fault {
    chassis::fault::read(&answer.unwrap_err())
}

/// The one wrong field of a call that has to fail, and why it is wrong.
pub(crate) fn violation<T: std::fmt::Debug>(answer: Result<T, Status>) -> (String, String) {
    let fault = fault(answer);
    assert_eq!(
        (fault.code, fault.fields.len()),
        (chassis::Code::Invalid, 1),
        "{fault:?}"
    );
    (
        fault.fields[0].field.clone(),
        fault.fields[0].reason.clone(),
    )
}
