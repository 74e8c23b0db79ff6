//! What the other services tell, and who looks.

use chassis::{
    BoardRight, Caller, Role,
    caller::{Agent as AgentCaller, User},
};
use chrono::{DateTime, TimeDelta, Utc};
use proto::{
    agent::v1::{Agent, AgentStatus},
    approval::v1::{Approval, ApprovalStatus},
    board::v1::{Board, Comment, Task, TaskStatus},
    event::v1::{
        Actor, ActorKind, AgentCheckedIn, AgentCreated, AgentProvisionFailed, ApprovalCreated,
        ApprovalResolved, BoardCreated, Event, GatewayCreated, TaskCommented, TaskCreated,
        TaskDeleted, TaskStatusChanged, TaskUpdated, event::Payload,
    },
};
use uuid::Uuid;

pub(crate) const ORGANIZATION: Uuid = Uuid::from_u128(0x0100);
pub(crate) const FOREIGN: Uuid = Uuid::from_u128(0x0101);
pub(crate) const BOARD: Uuid = Uuid::from_u128(0x0200);
pub(crate) const OTHER_BOARD: Uuid = Uuid::from_u128(0x0201);
pub(crate) const FOREIGN_BOARD: Uuid = Uuid::from_u128(0x0202);
pub(crate) const GATEWAY: Uuid = Uuid::from_u128(0x0300);
pub(crate) const OTHER_GATEWAY: Uuid = Uuid::from_u128(0x0301);
pub(crate) const AGENT: Uuid = Uuid::from_u128(0x0400);
pub(crate) const ANN: Uuid = Uuid::from_u128(0x0500);

pub(crate) fn task_id(number: u128) -> Uuid {
    Uuid::from_u128(0x1_0000 + number)
}

pub(crate) fn person(organization_id: Uuid, role: Role, boards: &[Uuid]) -> Caller {
    Caller::User(User {
        id: ANN,
        name: "Ann".into(),
        organization_id,
        role,
        all_boards_read: false,
        all_boards_write: false,
        boards: boards
            .iter()
            .map(|id| BoardRight {
                board_id: *id,
                can_write: false,
            })
            .collect(),
        scopes: Vec::new(),
    })
}

pub(crate) fn owner() -> Caller {
    person(ORGANIZATION, Role::Owner, &[])
}

pub(crate) fn agent(board_id: Option<Uuid>) -> Caller {
    Caller::Agent(AgentCaller {
        id: AGENT,
        name: "Bot".into(),
        organization_id: ORGANIZATION,
        gateway_id: GATEWAY,
        board_id,
        is_board_lead: false,
    })
}

pub(crate) fn internal() -> Caller {
    Caller::Internal {
        service: "test".into(),
    }
}

/// Where events of a test take place.
#[derive(Clone, Copy)]
pub(crate) struct Teller {
    pub(crate) organization_id: Uuid,
    pub(crate) board_id: Uuid,
    pub(crate) at: DateTime<Utc>,
    pub(crate) by_agent: bool,
}

impl Teller {
    pub(crate) fn new(at: DateTime<Utc>) -> Self {
        Self {
            organization_id: ORGANIZATION,
            board_id: BOARD,
            at,
            by_agent: false,
        }
    }

    pub(crate) fn on(self, organization_id: Uuid, board_id: Uuid) -> Self {
        Self {
            organization_id,
            board_id,
            ..self
        }
    }

    pub(crate) fn at(self, at: DateTime<Utc>) -> Self {
        Self { at, ..self }
    }

    /// Some hours earlier.
    pub(crate) fn ago(self, hours: i64) -> Self {
        Self {
            at: self.at - TimeDelta::hours(hours),
            ..self
        }
    }

    pub(crate) fn by_agent(self) -> Self {
        Self {
            by_agent: true,
            ..self
        }
    }

    pub(crate) fn actor(self) -> Actor {
        let (kind, id, name) = match self.by_agent {
            true => (ActorKind::Agent, AGENT, "Bot"),
            false => (ActorKind::User, ANN, "Ann"),
        };
        Actor {
            kind: kind.into(),
            id: Some(id.to_string()),
            name: name.into(),
        }
    }

    pub(crate) fn draft(self, payload: Payload) -> bus::Draft {
        bus::event(self.actor(), self.organization_id, self.at, payload)
    }

    pub(crate) fn board(self, gateway_id: Uuid, group: Option<Uuid>) -> Event {
        let board = Board {
            id: self.board_id.to_string(),
            organization_id: self.organization_id.to_string(),
            name: format!("Board {:x}", self.board_id.as_u128()),
            gateway_id: Some(gateway_id.to_string()),
            board_group_id: group.map(|id| id.to_string()),
            version: 1,
            ..Board::default()
        };
        let payload = Payload::BoardCreated(BoardCreated { board: Some(board) });
        self.draft(payload).board(self.board_id).build()
    }

    pub(crate) fn task(self, number: u128, status: TaskStatus, version: i64, cycle: i32) -> Task {
        Task {
            id: task_id(number).to_string(),
            board_id: self.board_id.to_string(),
            title: format!("Task {number}"),
            status: status.into(),
            created_at: Some(chassis::encode::time(self.at)),
            updated_at: Some(chassis::encode::time(self.at)),
            version,
            cycle,
            ..Task::default()
        }
    }

    pub(crate) fn about_task(self, number: u128, payload: Payload) -> Event {
        self.draft(payload)
            .board(self.board_id)
            .task(task_id(number))
            .build()
    }

    pub(crate) fn created(self, number: u128, status: TaskStatus) -> Event {
        let task = Some(self.task(number, status, 1, 1));
        self.about_task(
            number,
            Payload::TaskCreated(TaskCreated {
                task,
                board_name: "Board".into(),
            }),
        )
    }

    pub(crate) fn updated(self, number: u128, version: i64) -> Event {
        let task = Some(Task {
            title: format!("Task {number}.{version}"),
            ..self.task(number, TaskStatus::Inbox, version, 1)
        });
        let payload = TaskUpdated {
            task,
            changed_fields: vec!["title".into()],
            ..TaskUpdated::default()
        };
        self.about_task(number, Payload::TaskUpdated(payload))
    }

    /// A move; `started` is the first moment of work in the cycle.
    pub(crate) fn moved(
        self,
        number: u128,
        (from, to): (TaskStatus, TaskStatus),
        (version, cycle): (i64, i32),
        started: Option<DateTime<Utc>>,
    ) -> Event {
        let payload = TaskStatusChanged {
            task: Some(self.task(number, to, version, cycle)),
            from: from.into(),
            to: to.into(),
            started_at: started.map(chassis::encode::time),
            ..TaskStatusChanged::default()
        };
        self.about_task(number, Payload::TaskStatusChanged(payload))
    }

    pub(crate) fn deleted(self, number: u128, version: i64) -> Event {
        let task = Some(self.task(number, TaskStatus::Inbox, version, 1));
        self.about_task(
            number,
            Payload::TaskDeleted(TaskDeleted {
                task,
                ..TaskDeleted::default()
            }),
        )
    }

    pub(crate) fn commented(self, number: u128, comment_id: Uuid, message: &str) -> Event {
        let payload = TaskCommented {
            comment: Some(Comment {
                id: comment_id.to_string(),
                message: message.into(),
                ..Comment::default()
            }),
            task: Some(self.task(number, TaskStatus::Inbox, 1, 1)),
            board_name: "Board".into(),
        };
        self.about_task(number, Payload::TaskCommented(payload))
    }

    pub(crate) fn approval(self, number: u128, status: ApprovalStatus) -> Option<Approval> {
        Some(Approval {
            id: Uuid::from_u128(0x2_0000 + number).to_string(),
            board_id: self.board_id.to_string(),
            action_type: "task.close".into(),
            task_id: Some(task_id(1).to_string()),
            task_titles: vec!["Task 1".into()],
            confidence: 80.0,
            status: status.into(),
            created_at: Some(chassis::encode::time(self.at)),
            ..Approval::default()
        })
    }

    pub(crate) fn asked(self, number: u128) -> Event {
        let approval = self.approval(number, ApprovalStatus::Pending);
        self.draft(Payload::ApprovalCreated(ApprovalCreated {
            approval,
            ..ApprovalCreated::default()
        }))
        .board(self.board_id)
        .build()
    }

    pub(crate) fn decided(self, number: u128) -> Event {
        let approval = self.approval(number, ApprovalStatus::Approved);
        self.draft(Payload::ApprovalResolved(ApprovalResolved {
            approval,
            ..ApprovalResolved::default()
        }))
        .board(self.board_id)
        .build()
    }

    pub(crate) fn gateway(self) -> Event {
        self.draft(Payload::GatewayCreated(GatewayCreated::default()))
            .build()
    }

    pub(crate) fn agent(self, id: Uuid, status: AgentStatus, on_board: bool) -> Option<Agent> {
        Some(Agent {
            id: id.to_string(),
            board_id: on_board.then(|| self.board_id.to_string()),
            gateway_id: GATEWAY.to_string(),
            name: "Bot".into(),
            status: status.into(),
            last_error: Some("gateway ws://10.0.0.1 refused".into()),
            ..Agent::default()
        })
    }

    pub(crate) fn about_agent(self, id: Uuid, on_board: bool, payload: Payload) -> Event {
        let draft = self.draft(payload).agent(id);
        if on_board {
            draft.board(self.board_id).build()
        } else {
            draft.build()
        }
    }

    pub(crate) fn agent_created(self, id: Uuid, on_board: bool) -> Event {
        let agent = self.agent(id, AgentStatus::Pending, on_board);
        self.about_agent(id, on_board, Payload::AgentCreated(AgentCreated { agent }))
    }

    pub(crate) fn agent_failed(self, id: Uuid) -> Event {
        let payload = AgentProvisionFailed {
            agent: self.agent(id, AgentStatus::Failed, true),
            reason: "gateway ws://10.0.0.1 refused".into(),
        };
        self.about_agent(id, true, Payload::AgentProvisionFailed(payload))
    }

    pub(crate) fn checked_in(self, id: Uuid, on_board: bool) -> Event {
        let agent = self.agent(id, AgentStatus::Online, on_board);
        self.about_agent(
            id,
            on_board,
            Payload::AgentCheckedIn(AgentCheckedIn { agent }),
        )
    }

    /// Anything without a board, by its payload.
    pub(crate) fn of(self, payload: Payload) -> Event {
        self.draft(payload).build()
    }
}
