//! What each RPC is called with.

mod agents;

use std::collections::HashMap;

use reqwest::Method;
use serde_json::{Value, json};

use super::cast::{Cast, Who};
use crate::rest::text;

/// How one RPC is asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Probe {
    pub(super) body: Option<Value>,
    /// What goes behind the path.
    pub(super) query: &'static str,
    /// What is made anew for each call, because the call uses it up.
    fresh: Option<Fresh>,
    /// Whether the body names something of the organization.
    pub(super) names_a_thing: bool,
    /// Whether whom it admits would lose what the others need.
    pub(super) refused_only: bool,
    pub(super) not_found_is_an_answer: bool,
    /// Of things of one person: admins may as well.
    pub(super) admins_too: bool,
    /// Of things of one person: that person is the reader.
    pub(super) of_the_reader: bool,
    /// Of things of one agent: that agent is the worker, and admins may as well.
    pub(super) of_the_worker: bool,
    /// Nothing to do is no failure: what a caller cannot see counts as done.
    pub(super) unknown_is_done: bool,
}

#[derive(Clone, Copy, Debug)]
enum Fresh {
    Task,
    Tag,
    Field,
    Group,
    Approval,
    Policy,
    Invite,
    Token,
    Hook,
    Skill,
    Pack,
}

fn body(body: Value) -> Probe {
    Probe {
        body: Some(body),
        ..Probe::default()
    }
}

fn plain() -> Probe {
    Probe::default()
}

fn fresh(fresh: Fresh) -> Probe {
    Probe {
        fresh: Some(fresh),
        ..Probe::default()
    }
}

impl Probe {
    fn fresh(self, fresh: Fresh) -> Self {
        Self {
            fresh: Some(fresh),
            ..self
        }
    }

    fn refused_only(self) -> Self {
        Self {
            refused_only: true,
            ..self
        }
    }

    fn not_found_is_an_answer(self) -> Self {
        Self {
            not_found_is_an_answer: true,
            ..self
        }
    }

    fn with_query(self, query: &'static str) -> Self {
        Self { query, ..self }
    }

    fn names_a_thing(self) -> Self {
        Self {
            names_a_thing: true,
            ..self
        }
    }
}

/// `$board` and its like are filled in by the stage.
pub(super) fn of(rpc: &str) -> Option<Probe> {
    Some(match rpc {
        // People and organizations.
        "Bootstrap" | "UpdateMe" | "UpdateOrganization" | "UpdateSettings" | "UpdateMember" => {
            body(json!({}))
        }
        "GetMe" | "ListOrganizations" | "GetOrganization" | "GetMember" | "ListMembers"
        | "GetSettings" | "ListInvites" | "ListApiTokens" => plain(),
        "DeleteMe" | "DeleteOrganization" => plain().refused_only(),
        "LeaveOrganization" => body(json!({})).refused_only(),
        "TransferOwnership" => body(json!({"member_id": "$member"})).refused_only(),
        "CreateOrganization" => body(json!({"name": ""})),
        "SetActiveOrganization" => body(json!({"organization_id": "$organization"})),
        "GetOrganizationMember" => Probe {
            admins_too: true,
            of_the_reader: true,
            ..plain()
        },
        "SetMemberAccess" => body(json!({"board_access": [{"board_id": "$board"}]})),
        "RemoveMember" => plain().refused_only(),
        "CreateInvite" => body(json!({"invited_email": "nobody"})),
        "ResendInvite" => body(json!({})).fresh(Fresh::Invite),
        "RevokeInvite" => fresh(Fresh::Invite),
        "AcceptInvite" => body(json!({"token": "mci_nothing"})).not_found_is_an_answer(),
        "RedeemInvite" => {
            body(json!({"token": "mci_nothing", "name": "Nobody"})).not_found_is_an_answer()
        }
        "CreateApiToken" => body(json!({"name": ""})),
        "RevokeApiToken" => fresh(Fresh::Token),
        // Boards.
        "ListBoards"
        | "GetBoard"
        | "GetBoardSnapshot"
        | "GetBoardGroupSnapshot"
        | "GetGroupSnapshot"
        | "ListBoardGroups"
        | "GetBoardGroup"
        | "ListBoardTags"
        | "ListTags"
        | "GetTag"
        | "ListCustomFields"
        | "ListBoardMemory"
        | "ListGroupMemory"
        | "ListBoardGroupMemory" => plain(),
        "CreateBoard" => body(json!({"name": "x", "description": "", "gateway_id": "$gateway"})),
        "UpdateBoard" => body(json!({"objective": "To be told apart"})),
        "DeleteBoard" => plain().refused_only(),
        "PauseBoard" | "ResumeBoard" => body(json!({})),
        "CreateBoardGroup" => body(json!({"name": ""})),
        "UpdateBoardGroup" => body(json!({"description": "A group"})),
        "DeleteBoardGroup" => fresh(Fresh::Group),
        "ApplyGroupHeartbeat" => body(json!({"every": "12m"})),
        "CreateTag" => body(json!({"name": ""})),
        "UpdateTag" => body(json!({"description": "A tag"})),
        "DeleteTag" => fresh(Fresh::Tag),
        "CreateCustomField" => body(json!({"field_key": "", "board_ids": ["$board"]})),
        "UpdateCustomField" => body(json!({"description": "A field"})),
        "DeleteCustomField" => fresh(Fresh::Field),
        "CreateBoardMemory" | "CreateGroupMemory" | "CreateBoardGroupMemory" => {
            body(json!({"content": "Written down"}))
        }
        // Tasks.
        "ListTasks" | "GetTask" | "ListComments" => plain(),
        "CreateTask" => body(json!({"title": "A task", "board_id": "$board"})).names_a_thing(),
        "UpdateTask" => body(json!({"custom_field_values": {}})),
        "AssignTask" => body(json!({"agent_id": "$worker"})).fresh(Fresh::Task),
        "DeleteTask" => fresh(Fresh::Task),
        "CreateComment" => body(json!({"message": "A remark for @lead"})),
        // Approvals.
        "ListApprovals"
        | "GetApproval"
        | "ListApprovalHistory"
        | "ListApprovalPolicies"
        | "GetApprovalPolicy" => plain(),
        "CreateApproval" => {
            body(json!({"action_type": "test.probe", "confidence": 50, "lead_reasoning": "why"}))
        }
        "ResolveApproval" => body(json!({"status": "approved"})).fresh(Fresh::Approval),
        "CreateApprovalPolicy" => body(json!({"name": ""})),
        "UpdateApprovalPolicy" => body(json!({"position": 7})),
        "DeleteApprovalPolicy" => fresh(Fresh::Policy),
        "DryRunApprovalPolicy" => body(json!({"policy": {"name": "x"}})),
        // Activity. A stream answers at once and is left.
        "ListActivity" | "ListTaskComments" | "ExportActivity" | "GetMetrics" | "GetDashboard" => {
            plain()
        }
        "Watch"
        | "WatchTasks"
        | "WatchApprovals"
        | "WatchBoardMemory"
        | "WatchGroupMemory"
        | "WatchBoardGroupMemory"
        | "WatchTaskComments"
        | "WatchAgents" => plain(),
        // Webhooks.
        "ListWebhookEndpoints" => plain(),
        "CreateWebhookEndpoint" => body(json!({"url": "not a url", "event_types": []})),
        "GetWebhookEndpoint" | "DeleteWebhookEndpoint" | "ListWebhookDeliveries" => {
            fresh(Fresh::Hook)
        }
        "UpdateWebhookEndpoint" => body(json!({})).fresh(Fresh::Hook),
        "GetWebhookDelivery" => fresh(Fresh::Hook).not_found_is_an_answer(),
        _ => return agents::of(rpc),
    })
}

/// The things that routes name.
pub(super) struct Stage {
    ids: HashMap<&'static str, String>,
    made: usize,
}

impl Stage {
    pub(super) async fn prepare(cast: &Cast) -> Self {
        let mut stage = Self {
            ids: HashMap::from([
                ("organization_id", cast.organization.clone()),
                ("board_id", cast.board.clone()),
                ("gateway_id", cast.gateway.clone()),
                ("agent_id", cast.worker.clone()),
                ("member_id", cast.reader_member.clone()),
                ("delivery_id", uuid::Uuid::nil().to_string()),
                ("sync_id", uuid::Uuid::nil().to_string()),
                ("session_id", format!("agent:lead-{}:main", cast.board)),
                ("handle", "-".to_owned()),
                ("slug", "-".to_owned()),
            ]),
            made: 0,
        };
        for fresh in [
            Fresh::Group,
            Fresh::Task,
            Fresh::Tag,
            Fresh::Field,
            Fresh::Approval,
            Fresh::Policy,
            Fresh::Invite,
            Fresh::Token,
            Fresh::Hook,
            Fresh::Skill,
            Fresh::Pack,
        ] {
            let (parameter, id) = stage.make(cast, fresh).await;
            stage.ids.insert(parameter, id);
        }
        let owner = cast.client(Who::Owner);
        owner
            .patch(
                &format!("/api/v1/boards/{}", cast.board),
                json!({"board_group_id": stage.ids["group_id"]}),
            )
            .await;
        owner
            .patch(
                &format!("/api/v1/tasks/{}", stage.ids["task_id"]),
                json!({"assigned_agent_id": cast.worker}),
            )
            .await;
        let comments = format!(
            "/api/v1/boards/{}/tasks/{}/comments",
            cast.board, stage.ids["task_id"]
        );
        owner
            .post(&comments, json!({"message": "Have a look, @lead"}))
            .await;
        let onboarding = format!("/api/v1/boards/{}/onboarding/start", cast.board);
        owner.post(&onboarding, json!({})).await;
        stage
    }

    /// Path and body for one call.
    pub(super) async fn set(
        &mut self,
        cast: &Cast,
        path: &str,
        probe: &Probe,
        who: Who,
    ) -> (String, Option<Value>) {
        let made = match probe.fresh {
            Some(fresh) => Some(self.make(cast, fresh).await),
            None => None,
        };
        let mut filled = format!("{path}{}", probe.query);
        if let Some((parameter, id)) = made {
            filled = filled.replace(&format!("{{{parameter}}}"), &id);
        }
        for (parameter, id) in &self.ids {
            filled = filled.replace(&format!("{{{parameter}}}"), id);
        }
        assert!(!filled.contains('{'), "nothing stands for {filled}");
        let organization = if who.is_foreign() {
            &cast.foreign_organization
        } else {
            &cast.organization
        };
        let body = probe.body.as_ref().map(|body| {
            let text = body
                .to_string()
                .replace("$organization", organization)
                .replace("$board", &cast.board)
                .replace("$gateway", &cast.gateway)
                .replace("$worker", &cast.worker)
                .replace("$member", &cast.reader_member);
            serde_json::from_str(&text).expect("it was JSON")
        });
        (filled, body)
    }

    async fn make(&mut self, cast: &Cast, fresh: Fresh) -> (&'static str, String) {
        self.made += 1;
        let name = format!("probe {}", self.made);
        let on_board = |rest: &str| format!("/api/v1/boards/{}/{rest}", cast.board);
        let (parameter, path, body) = match fresh {
            Fresh::Task => ("task_id", on_board("tasks"), json!({"title": name})),
            Fresh::Tag => ("tag_id", "/api/v1/tags".into(), json!({"name": name})),
            Fresh::Field => (
                "task_custom_field_definition_id",
                "/api/v1/organizations/me/custom-fields".into(),
                json!({"field_key": name.replace(' ', "_"), "board_ids": [cast.board]}),
            ),
            Fresh::Group => (
                "group_id",
                "/api/v1/board-groups".into(),
                json!({"name": name, "slug": ""}),
            ),
            Fresh::Approval => (
                "approval_id",
                on_board("approvals"),
                json!({"action_type": "test.probe", "confidence": 50, "lead_reasoning": "why"}),
            ),
            Fresh::Policy => (
                "policy_id",
                "/api/v1/approval-policies".into(),
                json!({"name": name, "enabled": false}),
            ),
            Fresh::Invite => (
                "invite_id",
                "/api/v1/organizations/me/invites".into(),
                json!({"invited_email": format!("{}@example.com", name.replace(' ', "-"))}),
            ),
            Fresh::Token => (
                "api_token_id",
                "/api/v1/users/me/api-tokens".into(),
                json!({"name": name}),
            ),
            Fresh::Hook => (
                "webhook_endpoint_id",
                "/api/v1/webhook-endpoints".into(),
                json!({"url": "http://127.0.0.1:9/", "event_types": ["task.created"], "enabled": false}),
            ),
            Fresh::Skill => (
                "skill_id",
                "/api/v1/skills/marketplace".into(),
                json!({"source_url": format!("https://example.com/{}", name.replace(' ', "-"))}),
            ),
            Fresh::Pack => (
                "pack_id",
                "/api/v1/skills/packs".into(),
                json!({"source_url": format!("https://github.com/example/{}", name.replace(' ', "-"))}),
            ),
        };
        let (status, made) = cast
            .client(Who::Owner)
            .call(Method::POST, &path, Some(body))
            .await;
        assert_eq!(status, 200, "POST {path}: {made:#}");
        // Limits on what is in force are not what this is about.
        let id = text(&made, "id").to_owned();
        match fresh {
            Fresh::Token | Fresh::Policy | Fresh::Hook | Fresh::Pack => {
                self.clear(cast, &path, parameter, &id).await
            }
            _ => {}
        }
        (parameter, id)
    }

    /// Removes what the call before left, unless it is what routes name for good.
    async fn clear(&self, cast: &Cast, path: &str, parameter: &'static str, made: &str) {
        let owner = cast.client(Who::Owner);
        let listed = owner.get(path).await;
        let items = listed["items"].as_array().or_else(|| listed.as_array());
        let keep = self.ids.get(parameter);
        for item in items.into_iter().flatten() {
            let id = text(item, "id");
            if id != made && keep.is_none_or(|keep| keep != id) {
                let gone = format!("{path}/{id}");
                owner.call(Method::DELETE, &gone, None).await;
            }
        }
    }
}
