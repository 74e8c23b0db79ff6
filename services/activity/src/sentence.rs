//! What happened, in a short sentence for people. Nothing parses it.

mod gateways;
mod notices;
mod phrases;
mod words;

use proto::event::v1::{ActorKind, Event, event::Payload};

use gateways::{done, onboarding, skill_install, soul_updated, templates_synced};
use phrases::{
    action, approval_resolved, board_memory, group_memory, member_removed, task_moved, task_updated,
};
use words::{
    agent, board, cut, field, fields, gateway, group, member, policy, quoted, role, tag, title,
    user,
};

/// Says what an event is about. An event without a payload gives its type.
pub(crate) fn of(event: &Event) -> String {
    let who = actor(event);
    let Some(payload) = &event.payload else {
        return format!("{who}: {}.", event.r#type.replace(['.', '_'], " "));
    };
    match payload {
        Payload::OrganizationCreated(p) => {
            let name = p.organization.as_ref().map(|o| o.name.as_str());
            format!("{who} created the organization {}.", quoted(name))
        }
        Payload::OrganizationUpdated(p) => {
            let name = p.organization.as_ref().map(|o| o.name.as_str());
            let (fields, name) = (fields(&p.changed_fields), quoted(name));
            format!("{who} changed {fields} of the organization {name}.")
        }
        Payload::OrganizationDeleted(p) => {
            let name = p.organization.as_ref().map(|o| o.name.as_str());
            format!("{who} deleted the organization {}.", quoted(name))
        }
        Payload::OrganizationSettingsChanged(p) => {
            let fields = fields(&p.changed_fields);
            format!("{who} changed {fields} in the settings of the organization.")
        }
        Payload::UserCreated(p) => {
            format!("{} signed in for the first time.", user(p.user.as_ref()))
        }
        Payload::UserUpdated(p) => {
            let fields = fields(&p.changed_fields);
            format!("{} changed {fields} in their profile.", cut(&p.name))
        }
        Payload::UserDeleted(_) => format!("{who} deleted their account."),
        Payload::ActiveOrganizationChanged(_) => format!("{who} switched to another organization."),
        Payload::MemberAdded(p) => {
            format!("{} joined the organization.", member(p.member.as_ref()))
        }
        Payload::MemberRoleChanged(p) => {
            let (member, to) = (member(p.member.as_ref()), role(p.to()));
            format!("{who} made {member} {to} of the organization.")
        }
        Payload::MemberAccessChanged(p) => {
            format!("{who} changed what {} may see.", member(p.member.as_ref()))
        }
        Payload::MemberRemoved(p) => member_removed(&who, p),
        Payload::InviteCreated(p) => {
            let email = p.invite.as_ref().map_or("?", |i| i.invited_email.as_str());
            format!("{who} invited {}.", cut(email))
        }
        Payload::InviteResent(p) => {
            let email = p.invite.as_ref().map_or("?", |i| i.invited_email.as_str());
            format!("{who} renewed the invite of {}.", cut(email))
        }
        Payload::InviteRevoked(p) => {
            let email = p.invite.as_ref().map_or("?", |i| i.invited_email.as_str());
            format!("{who} revoked the invite of {}.", cut(email))
        }
        Payload::InviteAccepted(p) => {
            format!("{} accepted an invite.", member(p.member.as_ref()))
        }
        Payload::ApiTokenCreated(p) => {
            let name = p.api_token.as_ref().map(|token| token.name.as_str());
            format!("{who} created the API token {}.", quoted(name))
        }
        Payload::ApiTokenRevoked(p) => {
            let name = p.api_token.as_ref().map(|token| token.name.as_str());
            format!("{who} revoked the API token {}.", quoted(name))
        }
        Payload::BoardCreated(p) => format!("{who} created {}.", board(p.board.as_ref())),
        Payload::BoardUpdated(p) => {
            let (fields, board) = (fields(&p.changed_fields), board(p.board.as_ref()));
            format!("{who} changed {fields} of {board}.")
        }
        Payload::BoardDeleted(p) => format!("{who} deleted {}.", board(p.board.as_ref())),
        Payload::BoardPaused(p) => {
            format!("{who} paused the agents of {}.", board(p.board.as_ref()))
        }
        Payload::BoardResumed(p) => {
            format!("{who} resumed the agents of {}.", board(p.board.as_ref()))
        }
        Payload::BoardGroupCreated(p) => format!("{who} created {}.", group(p.group.as_ref())),
        Payload::BoardGroupUpdated(p) => {
            let (fields, group) = (fields(&p.changed_fields), group(p.group.as_ref()));
            format!("{who} changed {fields} of {group}.")
        }
        Payload::BoardGroupDeleted(p) => format!("{who} deleted {}.", group(p.group.as_ref())),
        Payload::TagCreated(p) => format!("{who} created {}.", tag(p.tag.as_ref())),
        Payload::TagUpdated(p) => {
            let (fields, tag) = (fields(&p.changed_fields), tag(p.tag.as_ref()));
            format!("{who} changed {fields} of {tag}.")
        }
        Payload::TagDeleted(p) => format!("{who} deleted {}.", tag(p.tag.as_ref())),
        Payload::CustomFieldCreated(p) => {
            format!("{who} created {}.", field(p.custom_field.as_ref()))
        }
        Payload::CustomFieldUpdated(p) => {
            let (fields, field) = (fields(&p.changed_fields), field(p.custom_field.as_ref()));
            format!("{who} changed {fields} of {field}.")
        }
        Payload::CustomFieldDeleted(p) => {
            format!("{who} deleted {}.", field(p.custom_field.as_ref()))
        }
        Payload::BoardMemoryCreated(p) => board_memory(&who, p),
        Payload::GroupMemoryCreated(p) => group_memory(&who, p),
        Payload::TaskCreated(p) => format!("{who} created {}.", title(p.task.as_ref())),
        Payload::TaskUpdated(p) => task_updated(&who, p),
        Payload::TaskStatusChanged(p) => task_moved(&who, p),
        Payload::TaskDeleted(p) => format!("{who} deleted {}.", title(p.task.as_ref())),
        Payload::TaskCommented(p) => {
            let text = cut(p.comment.as_ref().map_or("", |c| c.message.as_str()));
            format!("{who} commented on {}: {text}", title(p.task.as_ref()))
        }
        Payload::ApprovalCreated(p) => {
            format!(
                "{who} asked for approval of {}.",
                action(p.approval.as_ref())
            )
        }
        Payload::ApprovalResolved(p) => approval_resolved(&who, p),
        Payload::ApprovalVoted(p) => {
            let action = action(p.approval.as_ref());
            format!("{who} approved {action}; others have to as well.")
        }
        Payload::ApprovalReopened(p) => {
            format!(
                "{who} reopened the approval of {}.",
                action(p.approval.as_ref())
            )
        }
        Payload::ApprovalExpired(p) => {
            format!("The approval of {} expired.", action(p.approval.as_ref()))
        }
        Payload::ApprovalUnlinked(p) if p.withdrawn => {
            let action = action(p.approval.as_ref());
            format!("The approval of {action} was withdrawn: its task was deleted.")
        }
        Payload::ApprovalUnlinked(p) => {
            let action = action(p.approval.as_ref());
            format!("A task of the approval of {action} was deleted.")
        }
        Payload::ApprovalPolicyCreated(p) => {
            format!("{who} created {}.", policy(p.policy.as_ref()))
        }
        Payload::ApprovalPolicyUpdated(p) => {
            let (fields, policy) = (fields(&p.changed_fields), policy(p.policy.as_ref()));
            format!("{who} changed {fields} of {policy}.")
        }
        Payload::ApprovalPolicyDeleted(p) => {
            format!("{who} deleted {}.", policy(p.policy.as_ref()))
        }
        Payload::GatewayCreated(p) => format!("{who} added {}.", gateway(p.gateway.as_ref())),
        Payload::GatewayUpdated(p) => {
            let (fields, gateway) = (fields(&p.changed_fields), gateway(p.gateway.as_ref()));
            format!("{who} changed {fields} of {gateway}.")
        }
        Payload::GatewayDeleted(p) => format!("{who} removed {}.", gateway(p.gateway.as_ref())),
        Payload::AgentCreated(p) => format!("{who} created the {}.", agent(p.agent.as_ref())),
        Payload::AgentUpdated(p) => {
            let (fields, agent) = (fields(&p.changed_fields), agent(p.agent.as_ref()));
            format!("{who} changed {fields} of the {agent}.")
        }
        Payload::AgentProvisioned(p) => {
            format!("The {} is ready on its gateway.", agent(p.agent.as_ref()))
        }
        // The reason may tell of gateways; it is in the payload, for admins.
        Payload::AgentProvisionFailed(p) => {
            format!("The {} could not be set up.", agent(p.agent.as_ref()))
        }
        Payload::AgentCheckedIn(p) => format!("The {} checked in.", agent(p.agent.as_ref())),
        Payload::AgentTokenChanged(_) => format!("{who} changed the token of an agent."),
        Payload::AgentDeleted(p) => format!("The {} is gone.", agent(p.agent.as_ref())),
        Payload::AgentRetiring(p) => format!("{who} retires the {}.", agent(p.agent.as_ref())),
        Payload::AgentUnlinked(p) => format!("{who} unlinked the {}.", agent(p.agent.as_ref())),
        Payload::AgentWoken(p) => format!(
            "The {} was woken (attempt {}).",
            agent(p.agent.as_ref()),
            p.attempt
        ),
        Payload::AgentSilent(p) => format!(
            "The {} did not answer {} wake-ups.",
            agent(p.agent.as_ref()),
            p.attempts
        ),
        Payload::AgentWentOffline(p) => format!("The {} went offline.", agent(p.agent.as_ref())),
        Payload::AgentSoulUpdated(p) => soul_updated(&who, p),
        Payload::TemplatesSynced(p) => templates_synced(&who, p),
        Payload::OnboardingChanged(p) => onboarding(&who, p.change()),
        Payload::SkillPackChanged(p) => {
            let name = p.pack.as_ref().map(|pack| pack.name.as_str());
            format!(
                "{who} {} the skill pack {}.",
                done(p.change()),
                quoted(name)
            )
        }
        Payload::SkillChanged(p) => {
            let name = p.skill.as_ref().map(|skill| skill.name.as_str());
            format!("{who} {} the skill {}.", done(p.change()), quoted(name))
        }
        Payload::SkillInstallChanged(p) => skill_install(p),
        Payload::NoticeSent(p) => notices::sent(p.notice.as_ref()),
        Payload::NoticeDead(p) => notices::dead(p.notice.as_ref()),
    }
}

fn actor(event: &Event) -> String {
    let actor = event.actor.as_ref();
    match actor.map(|actor| (actor.kind(), actor.name.trim())) {
        Some((_, name)) if !name.is_empty() => cut(name),
        Some((ActorKind::User, _)) => "A user".into(),
        Some((ActorKind::Agent, _)) => "An agent".into(),
        Some((ActorKind::System | ActorKind::Unspecified, _)) | None => "Mission Control".into(),
    }
}

#[cfg(test)]
mod tests {
    use proto::{
        approval::v1::Approval,
        board::v1::{Comment, GroupMemory, Task, TaskStatus},
        event::v1::{
            Actor, ApprovalUnlinked, GroupMemoryCreated, MemberRemoved, MemberRoleChanged,
            TaskCommented, TaskCreated, TaskStatusChanged, TaskUpdated,
        },
        org::v1::{Member, MemberUser, Role},
    };

    use super::*;

    fn said(payload: Payload) -> String {
        of(&Event {
            actor: Some(Actor {
                kind: ActorKind::User.into(),
                id: None,
                name: "Ann".into(),
            }),
            payload: Some(payload),
            ..Event::default()
        })
    }

    fn task() -> Option<Task> {
        Some(Task {
            title: "Fix it".into(),
            ..Task::default()
        })
    }

    #[test]
    fn sentences_name_who_and_what() {
        assert_eq!(
            said(Payload::TaskCreated(TaskCreated {
                task: task(),
                ..TaskCreated::default()
            })),
            "Ann created \u{201c}Fix it\u{201d}."
        );
        let moved = TaskStatusChanged {
            task: task(),
            from: TaskStatus::Inbox.into(),
            to: TaskStatus::InProgress.into(),
            ..TaskStatusChanged::default()
        };
        assert_eq!(
            said(Payload::TaskStatusChanged(moved.clone())),
            "Ann moved \u{201c}Fix it\u{201d} from inbox to in progress."
        );
        assert_eq!(
            said(Payload::TaskStatusChanged(TaskStatusChanged {
                cause: Some("dependency_reopened".into()),
                ..moved
            })),
            "\u{201c}Fix it\u{201d} went from inbox to in progress: a task that it depends on was opened again."
        );
        assert_eq!(
            said(Payload::TaskUpdated(TaskUpdated {
                task: task(),
                changed_fields: vec!["title".into(), "due_at".into(), "assigned_agent_id".into()],
                ..TaskUpdated::default()
            })),
            "Ann changed title, due date and assignee of \u{201c}Fix it\u{201d}."
        );
    }

    #[test]
    fn what_follows_from_other_tasks_is_told_as_such() {
        let changed = |field: &str, blocked: usize, stale: usize| {
            said(Payload::TaskUpdated(TaskUpdated {
                task: Some(Task {
                    title: "Fix it".into(),
                    blocked_by_task_ids: vec!["1".into(); blocked],
                    stale_by_task_ids: vec!["1".into(); stale],
                    ..Task::default()
                }),
                changed_fields: vec![field.into()],
                ..TaskUpdated::default()
            }))
        };
        let said = [
            changed("blocked_by_task_ids", 0, 0),
            changed("blocked_by_task_ids", 1, 0),
            changed("blocked_by_task_ids", 3, 0),
            changed("stale_by_task_ids", 0, 1),
            changed("stale_by_task_ids", 0, 0),
            changed("tag_ids", 0, 0),
        ];
        let expected = [
            "\u{201c}Fix it\u{201d} waits for no other task.",
            "\u{201c}Fix it\u{201d} waits for another task.",
            "\u{201c}Fix it\u{201d} waits for 3 other tasks.",
            "What \u{201c}Fix it\u{201d} was built on was opened again.",
            "What \u{201c}Fix it\u{201d} was built on is done again.",
            "Ann changed tags of \u{201c}Fix it\u{201d}.",
        ];
        assert_eq!(said, expected);
    }

    #[test]
    fn a_long_remark_is_cut_and_a_nul_left_out() {
        let comment = Comment {
            message: format!("a\0{}", "b".repeat(300)),
            ..Comment::default()
        };
        let text = said(Payload::TaskCommented(TaskCommented {
            comment: Some(comment),
            task: task(),
            ..TaskCommented::default()
        }));
        assert_eq!(
            text,
            format!(
                "Ann commented on \u{201c}Fix it\u{201d}: a{}\u{2026}",
                "b".repeat(199)
            )
        );
    }

    #[test]
    fn what_this_version_does_not_know_still_has_a_sentence() {
        let event = Event {
            r#type: "skill.pack_added".into(),
            ..Event::default()
        };
        assert_eq!(of(&event), "Mission Control: skill pack added.");
    }

    #[test]
    fn people_groups_and_approvals_are_told_of_by_name() {
        let member = |name: &str| {
            Some(Member {
                user: Some(MemberUser {
                    email: Some("bea@example.org".into()),
                    name: Some(name.into()),
                    ..MemberUser::default()
                }),
                ..Member::default()
            })
        };
        let removed = |reason: &str| {
            said(Payload::MemberRemoved(MemberRemoved {
                member: member("Bea"),
                reason: reason.into(),
            }))
        };
        assert_eq!(removed("removed"), "Ann removed Bea from the organization.");
        assert_eq!(removed("left"), "Bea left the organization.");
        assert_eq!(
            said(Payload::MemberRoleChanged(MemberRoleChanged {
                member: member("Bea"),
                from: Role::Member.into(),
                to: Role::Admin.into(),
            })),
            "Ann made Bea an admin of the organization."
        );
        let mut written = GroupMemoryCreated {
            group_name: "North".into(),
            memory: Some(GroupMemory {
                content: "Hello".into(),
                is_chat: true,
                ..GroupMemory::default()
            }),
            ..GroupMemoryCreated::default()
        };
        assert_eq!(
            said(Payload::GroupMemoryCreated(written.clone())),
            "Ann wrote in \u{201c}North\u{201d}: Hello"
        );
        written.broadcast = true;
        assert_eq!(
            said(Payload::GroupMemoryCreated(written)),
            "Ann told everybody in \u{201c}North\u{201d}: Hello"
        );
        let unlinked = |withdrawn| {
            said(Payload::ApprovalUnlinked(ApprovalUnlinked {
                approval: Some(Approval {
                    action_type: "task.close".into(),
                    ..Approval::default()
                }),
                withdrawn,
                ..ApprovalUnlinked::default()
            }))
        };
        assert_eq!(
            unlinked(false),
            "A task of the approval of \u{201c}task.close\u{201d} was deleted."
        );
        assert!(unlinked(true).contains("withdrawn"));
    }
}
