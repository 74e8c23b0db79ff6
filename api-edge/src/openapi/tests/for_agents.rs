use std::sync::Arc;

use super::*;
use crate::route::Route;

#[test]
fn every_operation_for_agents_is_a_manual() {
    let document = generated();
    let mut manuals = 0;
    let paths = document["paths"].as_object().unwrap();
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().unwrap() {
            let tags = operation["tags"].as_array().unwrap();
            if !tags.contains(&json!("agent")) {
                assert!(!path.starts_with("/api/v1/agent/"), "{method} {path}");
                assert!(
                    tags.iter()
                        .all(|tag| !tag.as_str().unwrap().starts_with("agent-")),
                    "{method} {path}"
                );
                assert!(operation.get("x-when-to-use").is_none(), "{method} {path}");
                continue;
            }
            manuals += 1;
            for text in [
                "x-llm-intent",
                "x-required-actor",
                "description",
                "operationId",
            ] {
                assert!(
                    operation[text]
                        .as_str()
                        .is_some_and(|text| !text.is_empty()),
                    "{text} of {method} {path}"
                );
            }
            for list in [
                "x-when-to-use",
                "x-when-not-to-use",
                "x-prerequisites",
                "x-side-effects",
                "x-negative-guidance",
                "x-routing-policy",
                "x-routing-policy-examples",
            ] {
                assert!(
                    operation[list]
                        .as_array()
                        .is_some_and(|list| !list.is_empty()),
                    "{list} of {method} {path}"
                );
            }
            for example in operation["x-routing-policy-examples"].as_array().unwrap() {
                for text in ["/input/intent", "/input/required_privilege", "/decision"] {
                    assert!(
                        example.pointer(text).is_some_and(Value::is_string),
                        "{method} {path}"
                    );
                }
            }
            for (status, response) in operation["responses"].as_object().unwrap() {
                if status.as_str() >= "400" {
                    assert_eq!(
                        response["$ref"], "#/components/responses/AgentProblem",
                        "{path}"
                    );
                }
            }
        }
    }
    assert!(manuals > 50, "{manuals}");
    let problem = &document["components"]["responses"]["AgentProblem"]["content"];
    assert_eq!(
        problem["application/problem+json"]["schema"]["$ref"],
        "#/components/schemas/LLMErrorResponse"
    );
    let fields = document["components"]["schemas"]["LLMErrorResponse"]["properties"].as_object();
    assert!(
        fields
            .unwrap()
            .keys()
            .eq(["detail", "request_id", "code", "retryable"].iter())
    );
}

#[test]
fn the_names_of_the_earlier_api_are_kept() {
    let document = generated();
    let agents = "/api/v1/agent/boards/{board_id}/agents/{agent_id}";
    for (path, method, name, intent, actor) in [
        (
            "/api/v1/agent/agents",
            "post",
            "agent_lead_create_agent",
            "agent_management",
            "board_lead",
        ),
        (
            &format!("{agents}/nudge"),
            "post",
            "agent_lead_nudge_agent",
            "agent_coordination",
            "board_lead",
        ),
        (
            &format!("{agents}/soul"),
            "put",
            "agent_lead_update_agent_soul",
            "agent_knowledge_authoring",
            "board_lead",
        ),
        (
            agents,
            "delete",
            "agent_lead_delete_board_agent",
            "agent_lifecycle",
            "board_lead",
        ),
        (
            "/api/v1/agent/boards/{board_id}/gateway/main/ask-user",
            "post",
            "agent_lead_ask_user_via_gateway_main",
            "human_escalation",
            "board_lead",
        ),
        (
            "/api/v1/agent/gateway/boards/{board_id}/lead/message",
            "post",
            "agent_main_message_board_lead",
            "lead_direct_routing",
            "agent_main",
        ),
        (
            "/api/v1/agent/gateway/leads/broadcast",
            "post",
            "agent_main_broadcast_lead_message",
            "lead_broadcast_routing",
            "agent_main",
        ),
    ] {
        let operation = &document["paths"][path][method];
        assert_eq!(operation["operationId"], name);
        assert_eq!(operation["x-llm-intent"], intent);
        assert_eq!(operation["x-required-actor"], actor);
    }
    // The earlier API tells leads and workers of it, who may not call it.
    let onboarding = &document["paths"]["/api/v1/agent/boards/{board_id}/onboarding"]["post"];
    assert_eq!(onboarding["x-llm-intent"], "agent_board_onboarding_update");
    assert_eq!(
        onboarding["tags"],
        json!(["onboarding", "agent", "agent-main"])
    );
    for (path, intent) in [
        ("/api/v1/agent/healthz", "agent_auth_health"),
        ("/api/v1/agent/boards", "agent_board_discovery"),
        ("/api/v1/agent/boards/{board_id}", "agent_board_lookup"),
        ("/api/v1/agent/agents", "agent_roster_discovery"),
        (&format!("{agents}/soul"), "agent_board_soul_lookup"),
    ] {
        let operation = &document["paths"][path]["get"];
        assert_eq!(operation["x-llm-intent"], intent);
        assert_eq!(operation["x-required-actor"], "any_agent");
    }
}

#[test]
fn what_agents_share_is_tagged_outside_of_their_own_routes_too() {
    let document = generated();
    for (path, method) in [
        ("/api/v1/boards/{board_id}/group-memory", "get"),
        ("/api/v1/boards/{board_id}/group-memory", "post"),
        ("/api/v1/boards/{board_id}/group-memory/stream", "get"),
        ("/api/v1/boards/{board_id}/group-snapshot", "get"),
    ] {
        let tags = document["paths"][path][method]["tags"].as_array().unwrap();
        for tag in ["agent", "agent-lead", "agent-worker"] {
            assert!(tags.contains(&json!(tag)), "{tag} of {method} {path}");
        }
    }
}

#[test]
fn bodies_for_agents_say_what_they_are_for_and_what_each_field_is() {
    let document = generated();
    let body = |path: &str, method: &str| {
        let content = &document["paths"][path][method]["requestBody"]["content"];
        content["application/json"]["schema"].clone()
    };
    let schema = |name: &str| document["components"]["schemas"][name].clone();
    for schema in [
        body("/api/v1/agents", "post"),
        body("/api/v1/agent/agents", "post"),
        body("/api/v1/agents/{agent_id}", "patch"),
        body(
            "/api/v1/agent/boards/{board_id}/agents/{agent_id}/nudge",
            "post",
        ),
        body(
            "/api/v1/agent/boards/{board_id}/gateway/main/ask-user",
            "post",
        ),
        body(
            "/api/v1/agent/gateway/boards/{board_id}/lead/message",
            "post",
        ),
        body("/api/v1/agent/gateway/leads/broadcast", "post"),
        schema("Agent"),
        schema("AskUserResponse"),
        schema("MessageLeadResponse"),
        schema("BroadcastToLeadsResponse"),
        schema("BroadcastResult"),
    ] {
        assert!(schema["x-llm-intent"].is_string(), "{schema}");
        for (name, field) in schema["properties"].as_object().unwrap() {
            assert!(field["description"].is_string(), "{name} of {schema}");
        }
    }
}

/// The catalogue, and who may call the operation at each of its lines.
fn catalogue() -> (Catalogue, Vec<Arc<Route>>) {
    let table = Table::compile(&route::exposed(), &Plans::compile(proto::pool())).unwrap();
    (Catalogue::of(&table, &document(&table)), table.routes())
}

#[test]
fn each_role_finds_all_that_it_may_call_and_nothing_that_it_may_not() {
    let (catalogue, routes) = catalogue();
    for (role, text, json) in &catalogue.lists {
        let listed: Vec<_> = json["items"].as_array().unwrap().iter().collect();
        let actors: Vec<_> = agents::ROLES
            .iter()
            .filter(|known| role.is_none_or(|role| known.word == role))
            .map(|known| known.actor)
            .collect();
        let mut found = HashSet::new();
        for item in &listed {
            let (method, path) = (
                item["method"].as_str().unwrap(),
                item["path"].as_str().unwrap(),
            );
            let route = routes
                .iter()
                .find(|route| route.method == method && route.pattern.to_string() == path)
                .unwrap();
            assert!(
                route.rpc.allow.iter().any(|actor| actors.contains(actor)),
                "{role:?} is shown {method} {path}"
            );
            assert!(
                found.insert(route.rpc.path.path().to_owned()),
                "{path} twice"
            );
        }
        for route in &routes {
            let may = route.rpc.allow.iter().any(|actor| actors.contains(actor));
            assert_eq!(
                may,
                found.contains(route.rpc.path.path()),
                "{role:?} {}",
                route.pattern
            );
        }
        assert_eq!(text.lines().count(), listed.len() + 1);
        let columns = if role.is_none() { 6 } else { 5 };
        for line in text.lines().skip(1) {
            assert_eq!(line.split('\t').count(), columns, "{line}");
        }
        // Small enough to be read on every start: about 3,000 tokens.
        assert!(text.len() < 12_000, "{role:?}: {}", text.len());
    }
}

#[test]
fn an_operation_alone_brings_the_schemas_that_it_needs() {
    let (catalogue, _) = catalogue();
    for (name, one) in &catalogue.operations {
        assert_eq!(one["operation"]["operationId"], **name);
        assert!(one["operation"]["responses"]["200"].is_object(), "{name}");
        for reference in references(one) {
            if let Some(path) = reference.strip_prefix("#/components/schemas/") {
                assert!(
                    one["components"]["schemas"].get(path).is_some(),
                    "{name}: {path}"
                );
            }
        }
    }
    let (_, list) = catalogue
        .operations
        .iter()
        .find(|(name, _)| name == "agent_list_tasks")
        .unwrap();
    let schemas = list["components"]["schemas"].as_object().unwrap();
    assert!(schemas.contains_key("Task") && schemas.contains_key("TagRef"));
    assert!(!schemas.contains_key("Problem"));
}
