//! What the RPCs of agents and gateways are called with.

use serde_json::json;

use super::{Fresh, Probe, body, fresh, plain};

/// The gateway, where a route names none.
const ON_GATEWAY: &str = "?gateway_id={gateway_id}";

pub(super) fn of(rpc: &str) -> Option<Probe> {
    Some(match rpc {
        // Gateways.
        "ListGateways"
        | "GetGateway"
        | "ListGatewayCommands"
        | "ListRuntimeAgents"
        | "WatchGateway" => plain(),
        "CreateGateway" => {
            body(json!({"name": "", "url": "ws://localhost", "workspace_root": "/"}))
        }
        "UpdateGateway" | "DiagnoseGateway" => body(json!({})),
        "DeleteGateway" => plain().refused_only(),
        "GetGatewayStatus" | "ListGatewaySessions" => {
            plain().with_query(ON_GATEWAY).names_a_thing()
        }
        "GetGatewaySession" | "GetSessionHistory" => plain()
            .with_query(ON_GATEWAY)
            .names_a_thing()
            .not_found_is_an_answer(),
        "SendSessionMessage" => body(json!({"content": "Hello"}))
            .with_query(ON_GATEWAY)
            .names_a_thing()
            .not_found_is_an_answer(),
        "ProbeGateway" => body(json!({"url": ""})),
        "SyncTemplates" => plain().with_query("?wait_seconds=0"),
        "GetTemplateSync" => plain().not_found_is_an_answer(),
        // Agents.
        "ListAgents" | "GetAgent" | "CheckHealth" | "ListAgentNotices" | "ListBoardNotices"
        | "ListAgentJobs" | "Heartbeat" => plain(),
        // The name is taken.
        "CreateAgent" => body(json!({"name": "Walt", "board_id": "$board"})),
        "RetryAgent" | "UpdateAgent" | "WakeAgent" | "RotateAgentToken" => body(json!({})),
        "ImportAgent" => body(json!({"runtime_agent_id": "nobody", "board_id": "$board"}))
            .not_found_is_an_answer(),
        "UnlinkAgent" => body(json!({})).refused_only(),
        "DeleteAgent" => Probe {
            unknown_is_done: true,
            ..plain().refused_only()
        },
        "HeartbeatAgent" => Probe {
            of_the_worker: true,
            ..body(json!({}))
        },
        "RegisterHeartbeat" => {
            body(json!({"name": "Walt", "board_id": "$board"})).not_found_is_an_answer()
        }
        // Souls. The directory is not asked: what is looked for is no name.
        "GetAgentSoul" | "ListSoulRevisions" | "GetDirectorySoul" => plain(),
        "UpdateAgentSoul" => body(json!({"content": "Be kind."})),
        "SearchSouls" => plain().with_query("?limit=0"),
        // What agents and people say to each other.
        "NudgeAgent" => body(json!({"message": "Go on."})),
        "AskUser" | "MessageLead" => body(json!({"content": "When?"})),
        "BroadcastToLeads" => body(json!({"content": ""})),
        "GetOnboarding" => plain(),
        "StartOnboarding" | "CancelOnboarding" => body(json!({})),
        "AnswerOnboarding" => body(json!({"answer": "Soon"})),
        "UpdateOnboarding" => {
            body(json!({"question": "When?", "options": [{"id": "soon", "label": "Soon"}]}))
        }
        "ConfirmOnboarding" => body(json!({"board_type": "general"})),
        // Skills.
        "ListSkills" => plain().with_query(ON_GATEWAY).names_a_thing(),
        "CreateSkill" | "CreateSkillPack" => body(json!({"source_url": ""})),
        "DeleteSkill" => fresh(Fresh::Skill),
        "InstallSkill" | "UninstallSkill" => fresh(Fresh::Skill).with_query(ON_GATEWAY),
        "ReportSkill" => body(json!({"installed": true}))
            .fresh(Fresh::Skill)
            .not_found_is_an_answer(),
        "ListSkillPacks" => plain(),
        "GetSkillPack" | "DeleteSkillPack" => fresh(Fresh::Pack),
        "UpdateSkillPack" => body(json!({"source_url": ""})).fresh(Fresh::Pack),
        // No repository is read: a pack that is gone again has none.
        "SyncSkillPack" => plain().with_query("?wait_seconds=0"),
        _ => return None,
    })
}
