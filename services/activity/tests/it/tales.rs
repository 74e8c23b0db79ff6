//! More of what the other services tell.

use proto::{
    agent::v1::{Agent, AgentStatus, Notice},
    approval::v1::{Approval, ApprovalStatus, TaskApprovalCounts},
    board::v1::{Board, BoardGroup, BoardMemory, GroupMemory},
    event::v1::{
        AgentDeleted, AgentUnlinked, AgentUpdated, AgentWentOffline, ApprovalExpired,
        ApprovalReopened, ApprovalUnlinked, ApprovalVoted, BoardDeleted, BoardGroupCreated,
        BoardGroupDeleted, BoardMemoryCreated, BoardRef, BoardUpdated, Event, GroupMemoryCreated,
        MemberAccessChanged, MemberRemoved, MemberRoleChanged, NoticeDead, OrganizationDeleted,
        OrganizationSettingsChanged, event::Payload,
    },
    org::v1::{BoardAccess, Member, OrganizationSettings, Role},
};
use serde_json::json;
use uuid::Uuid;

use crate::story::{AGENT, ANN, GATEWAY, Teller};

pub(crate) const GROUP: Uuid = Uuid::from_u128(0x0600);
pub(crate) const OTHER_GROUP: Uuid = Uuid::from_u128(0x0601);

impl Teller {
    /// A member of this name of the organization, with these boards.
    fn ann(self, role: Role, boards: &[Uuid]) -> Option<Member> {
        Some(Member {
            organization_id: self.organization_id.to_string(),
            user_id: ANN.to_string(),
            role: role.into(),
            board_access: boards
                .iter()
                .map(|id| BoardAccess {
                    board_id: id.to_string(),
                    can_read: true,
                    ..BoardAccess::default()
                })
                .collect(),
            ..Member::default()
        })
    }

    pub(crate) fn ann_sees(self, boards: &[Uuid]) -> Event {
        let member = self.ann(Role::Member, boards);
        self.of(Payload::MemberAccessChanged(MemberAccessChanged { member }))
    }

    pub(crate) fn ann_becomes(self, role: Role) -> Event {
        self.of(Payload::MemberRoleChanged(MemberRoleChanged {
            member: self.ann(role, &[]),
            from: Role::Admin.into(),
            to: role.into(),
        }))
    }

    pub(crate) fn ann_is_removed(self) -> Event {
        self.of(Payload::MemberRemoved(MemberRemoved {
            member: self.ann(Role::Member, &[]),
            reason: "removed".into(),
        }))
    }

    pub(crate) fn organization_deleted(self) -> Event {
        self.of(Payload::OrganizationDeleted(OrganizationDeleted::default()))
    }

    pub(crate) fn keeps(self, event_retention_days: Option<i32>) -> Event {
        self.of(Payload::OrganizationSettingsChanged(
            OrganizationSettingsChanged {
                settings: Some(OrganizationSettings {
                    event_retention_days,
                    ..OrganizationSettings::default()
                }),
                changed_fields: vec!["event_retention_days".into()],
            },
        ))
    }

    fn board_as(self, gateway_id: Uuid, group: Option<Uuid>, version: i64) -> Option<Board> {
        Some(Board {
            id: self.board_id.to_string(),
            organization_id: self.organization_id.to_string(),
            name: format!("Board {:x}", self.board_id.as_u128()),
            gateway_id: Some(gateway_id.to_string()),
            board_group_id: group.map(|id| id.to_string()),
            version,
            ..Board::default()
        })
    }

    pub(crate) fn board_moved(self, gateway_id: Uuid, group: Option<Uuid>, version: i64) -> Event {
        let payload = BoardUpdated {
            board: self.board_as(gateway_id, group, version),
            changed_fields: vec!["board_group_id".into()],
            ..BoardUpdated::default()
        };
        self.draft(Payload::BoardUpdated(payload))
            .board(self.board_id)
            .build()
    }

    pub(crate) fn board_deleted(self) -> Event {
        let payload = BoardDeleted {
            board: self.board_as(GATEWAY, None, 9),
            force: false,
        };
        self.draft(Payload::BoardDeleted(payload))
            .board(self.board_id)
            .build()
    }

    fn group_as(self, id: Uuid) -> Option<BoardGroup> {
        Some(BoardGroup {
            id: id.to_string(),
            organization_id: self.organization_id.to_string(),
            name: "Group".into(),
            ..BoardGroup::default()
        })
    }

    pub(crate) fn group(self, id: Uuid) -> Event {
        let group = self.group_as(id);
        self.of(Payload::BoardGroupCreated(BoardGroupCreated { group }))
    }

    pub(crate) fn group_deleted(self, id: Uuid) -> Event {
        self.of(Payload::BoardGroupDeleted(BoardGroupDeleted {
            group: self.group_as(id),
            boards: Vec::new(),
        }))
    }

    pub(crate) fn noted(self, number: u128, is_chat: bool) -> Event {
        let payload = BoardMemoryCreated {
            memory: Some(BoardMemory {
                id: Uuid::from_u128(0x3_0000 + number).to_string(),
                board_id: self.board_id.to_string(),
                content: format!("Note {number}"),
                is_chat,
                ..BoardMemory::default()
            }),
            board_name: "Board".into(),
            command: None,
        };
        self.draft(Payload::BoardMemoryCreated(payload))
            .board(self.board_id)
            .build()
    }

    /// An entry in the memory of a group that holds these boards.
    pub(crate) fn noted_in_group(
        self,
        group: Uuid,
        number: u128,
        is_chat: bool,
        boards: &[Uuid],
    ) -> Event {
        self.of(Payload::GroupMemoryCreated(GroupMemoryCreated {
            memory: Some(GroupMemory {
                id: Uuid::from_u128(0x4_0000 + number).to_string(),
                board_group_id: group.to_string(),
                content: format!("Group note {number}"),
                is_chat,
                ..GroupMemory::default()
            }),
            group_name: "Group".into(),
            boards: boards
                .iter()
                .map(|id| BoardRef {
                    id: id.to_string(),
                    name: "Board".into(),
                })
                .collect(),
            broadcast: false,
            notify: is_chat,
        }))
    }

    /// An agent could not be told of a task.
    pub(crate) fn untold(self, number: u128) -> Event {
        let notice = Some(Notice {
            kind: "task_comment".into(),
            last_error: Some("gateway ws://10.0.0.1 refused".into()),
            ..Notice::default()
        });
        self.about_task(number, Payload::NoticeDead(NoticeDead { notice }))
    }

    fn approval_at(self, number: u128, status: ApprovalStatus, version: i64) -> Option<Approval> {
        let approval = self.approval(number, status)?;
        Some(Approval {
            version,
            ..approval
        })
    }

    /// What became of an approval that was asked for: `voted`, `reopened`, `expired`, `unlinked` or `withdrawn`.
    pub(crate) fn approval_is(self, what: &str, number: u128, version: i64) -> Event {
        let task_counts = vec![TaskApprovalCounts {
            task_id: crate::story::task_id(1).to_string(),
            approvals_count: 2,
            approvals_pending_count: 1,
        }];
        let pending_approvals_count = 1;
        let approval = |status| self.approval_at(number, status, version);
        let pending = approval(ApprovalStatus::Pending);
        let payload = match what {
            "voted" => Payload::ApprovalVoted(ApprovalVoted {
                approval: pending,
                pending_approvals_count,
                task_counts,
            }),
            "reopened" => Payload::ApprovalReopened(ApprovalReopened {
                approval: pending,
                pending_approvals_count,
                task_counts,
            }),
            "expired" => Payload::ApprovalExpired(ApprovalExpired {
                approval: approval(ApprovalStatus::Expired),
                pending_approvals_count,
                task_counts,
            }),
            "unlinked" | "withdrawn" => Payload::ApprovalUnlinked(ApprovalUnlinked {
                approval: pending,
                pending_approvals_count,
                task_counts,
                withdrawn: what == "withdrawn",
            }),
            other => panic!("nothing is told of {other}"),
        };
        self.draft(payload).board(self.board_id).build()
    }

    /// A remark of the agent.
    pub(crate) fn agent_comment(self, number: u128, comment_id: Uuid, message: &str) -> Event {
        let mut event = self.by_agent().commented(number, comment_id, message);
        if let Some(Payload::TaskCommented(told)) = &mut event.payload
            && let Some(comment) = &mut told.comment
        {
            comment.agent_id = Some(AGENT.to_string());
            comment.author_name = "Bot".into();
        }
        event
    }

    /// An agent of this name and role, as after a change.
    pub(crate) fn agent_known(self, id: Uuid, name: &str, role: &str) -> Event {
        let agent = Some(Agent {
            name: name.into(),
            identity_profile: chassis::encode::to_struct(&json!({"role": role})),
            ..self
                .agent(id, AgentStatus::Online, true)
                .expect("it is always given")
        });
        let payload = Payload::AgentUpdated(AgentUpdated {
            agent,
            changed_fields: vec!["name".into()],
            from_board_id: None,
        });
        self.about_agent(id, true, payload)
    }

    pub(crate) fn agent_went_offline(self, id: Uuid) -> Event {
        let agent = self.agent(id, AgentStatus::Offline, true);
        self.about_agent(
            id,
            true,
            Payload::AgentWentOffline(AgentWentOffline { agent }),
        )
    }

    pub(crate) fn agent_unlinked(self, id: Uuid) -> Event {
        let agent = self.agent(id, AgentStatus::Deleting, true);
        self.about_agent(id, true, Payload::AgentUnlinked(AgentUnlinked { agent }))
    }

    /// An agent that left this board for another.
    pub(crate) fn agent_moved(self, id: Uuid, to: Uuid) -> Event {
        let agent = Some(Agent {
            board_id: Some(to.to_string()),
            ..self
                .agent(id, AgentStatus::Pending, true)
                .expect("it is always given")
        });
        let payload = Payload::AgentUpdated(AgentUpdated {
            agent,
            changed_fields: vec!["board_id".into()],
            from_board_id: Some(self.board_id.to_string()),
        });
        self.draft(payload).agent(id).board(to).build()
    }

    pub(crate) fn agent_deleted(self, id: Uuid, on_board: bool) -> Event {
        let agent = self.agent(id, AgentStatus::Deleting, on_board);
        self.about_agent(id, on_board, Payload::AgentDeleted(AgentDeleted { agent }))
    }
}
