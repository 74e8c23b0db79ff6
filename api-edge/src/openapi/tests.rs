mod for_agents;

use std::collections::HashSet;

use super::*;
use crate::{route, transcode::Plans};

fn generated() -> Value {
    let table = Table::compile(&route::exposed(), &Plans::compile(proto::pool())).unwrap();
    document(&table)
}

fn operations(document: &Value) -> Vec<&Value> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .values()
        .flat_map(|path| path.as_object().unwrap().values())
        .collect()
}

#[test]
fn every_operation_has_a_name_of_its_own_and_a_description() {
    let document = generated();
    let mut names = HashSet::new();
    for operation in operations(&document) {
        let name = operation["operationId"].as_str().unwrap();
        assert!(names.insert(name), "{name} twice");
        assert!(
            operation["summary"]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{name}"
        );
    }
    assert!(
        names.contains("list_tasks") && names.contains("agent_list_tasks"),
        "{names:?}"
    );
}

#[test]
fn every_reference_leads_somewhere() {
    let document = generated();
    let found = references(&document);
    assert!(found.len() > 100);
    for reference in found {
        assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
    }
}

#[test]
fn an_agent_finds_what_is_for_it() {
    let document = generated();
    let claim = &document["paths"]["/api/v1/agent/boards/{board_id}/tasks/{task_id}"]["patch"];
    let tags = claim["tags"].as_array().unwrap();
    assert!(
        tags.contains(&json!("agent-lead")) && tags.contains(&json!("agent-worker")),
        "{tags:?}"
    );
    assert!(!tags.contains(&json!("agent-main")), "{tags:?}");
    let heartbeat = &document["paths"]["/api/v1/agent/heartbeat"]["post"];
    assert!(heartbeat.get("requestBody").is_none());
}

fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Object(members) => {
            let own = members.get("$ref").and_then(Value::as_str);
            let own = own.map(str::to_owned).into_iter();
            own.chain(members.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

/// The statuses of an operation.
fn statuses(document: &Value, path: &str, method: &str) -> Vec<String> {
    let responses = &document["paths"][path][method]["responses"];
    responses.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn an_operation_says_every_status_and_no_other() {
    let document = generated();
    assert_eq!(
        statuses(&document, "/api/v1/agent/healthz", "get"),
        [
            "200", "304", "400", "401", "403", "429", "500", "503", "504"
        ]
    );
    assert_eq!(
        statuses(&document, "/api/v1/boards/{board_id}/tasks", "post"),
        [
            "200", "400", "401", "403", "404", "408", "409", "413", "415", "422", "429", "500",
            "503", "504"
        ]
    );
    let redeem = statuses(&document, "/api/v1/auth/redeem-invite", "post");
    assert!(!redeem.contains(&"401".to_owned()) && redeem.contains(&"403".to_owned()));
    for operation in operations(&document) {
        assert!(operation["responses"].get("default").is_none());
    }
}

#[test]
fn every_answer_is_of_the_type_that_it_has() {
    let document = generated();
    let kinds = |path: &str| {
        let content = &document["paths"][path]["get"]["responses"]["200"]["content"];
        content
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(
        kinds("/api/v1/activity/export"),
        ["application/x-ndjson", "text/csv"]
    );
    assert_eq!(
        kinds("/api/v1/boards/{board_id}/memory/stream"),
        ["text/event-stream"]
    );
    assert_eq!(kinds("/readyz"), ["application/json"]);
    let soul = "/paths/~1api~1v1~1agents~1{agent_id}~1soul/get/responses/200/content/application~1json/schema/type";
    assert_eq!(document.pointer(soul).unwrap(), "string");
    let list = "/paths/~1api~1v1~1organizations~1me~1list/get/responses/200/content/application~1json/schema";
    assert_eq!(document.pointer(list).unwrap()["type"], "array");
}

#[test]
fn a_page_without_a_frame_says_the_rest_in_headers() {
    let document = generated();
    let headers = |path: &str| {
        let headers = &document["paths"][path]["get"]["responses"]["200"]["headers"];
        headers
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(
        headers("/api/v1/skills/marketplace"),
        ["ETag", "X-Total-Count", "X-Limit", "X-Offset"]
    );
    assert_eq!(headers("/api/v1/skills/packs"), ["ETag"]);
    assert_eq!(headers("/api/v1/tags"), ["ETag"]);
}

#[test]
fn an_answer_says_what_is_always_there_and_what_can_be_null() {
    let document = generated();
    let task = &document["components"]["schemas"]["Task"];
    let fields = task["properties"].as_object().unwrap();
    assert_eq!(task["required"].as_array().unwrap().len(), fields.len());
    assert_eq!(fields["due_at"]["type"], json!(["string", "null"]));
    assert_eq!(fields["created_at"]["type"], "string");
    assert_eq!(fields["status"]["type"], "string");
    assert_eq!(fields["id"]["format"], "uuid");
    assert_eq!(fields["depends_on_task_ids"]["items"]["format"], "uuid");
    let paused_by = &document["components"]["schemas"]["Board"]["properties"]["paused_by"];
    assert_eq!(paused_by["anyOf"][1]["type"], "null");
}

#[test]
fn a_request_says_what_it_takes() {
    let document = generated();
    let body = |path: &str, method: &str| {
        let content = &document["paths"][path][method]["requestBody"]["content"];
        content["application/json"]["schema"].clone()
    };
    let create = body("/api/v1/boards/{board_id}/tasks", "post");
    assert_eq!(create["required"], json!(["title"]));
    let title = &create["properties"]["title"];
    assert_eq!(
        (&title["minLength"], &title["maxLength"]),
        (&json!(1), &json!(500))
    );
    assert_eq!(create["properties"]["tag_ids"]["maxItems"], 50);
    assert_eq!(
        create["properties"]["priority"]["enum"],
        json!(["low", "medium", "high", "urgent", null])
    );
    assert_eq!(create["properties"]["priority"]["default"], "medium");
    let approval = body("/api/v1/boards/{board_id}/approvals", "post");
    assert_eq!(approval["required"], json!(["action_type", "confidence"]));
    assert_eq!(approval["properties"]["confidence"]["maximum"], 100);
    let access = body("/api/v1/organizations/me/members/{member_id}/access", "put");
    assert_eq!(
        access["properties"]["board_access"]["items"]["$ref"],
        "#/components/schemas/BoardAccessSpecInput"
    );
    let spec = &document["components"]["schemas"]["BoardAccessSpecInput"];
    assert_eq!(spec["required"], json!(["board_id"]));

    let tags = document["paths"]["/api/v1/tags"]["get"]["parameters"]
        .as_array()
        .unwrap();
    let limit = tags.iter().find(|parameter| parameter["name"] == "limit");
    let limit = &limit.unwrap()["schema"];
    assert_eq!(
        (&limit["minimum"], &limit["maximum"]),
        (&json!(1), &json!(200))
    );
}

#[test]
fn a_change_of_what_counts_its_changes_takes_the_count() {
    let document = generated();
    let takes = |path: &str, method: &str, header: &str| {
        let parameters = document["paths"][path][method]["parameters"].as_array();
        parameters
            .unwrap()
            .iter()
            .any(|parameter| parameter["name"] == header)
    };
    assert!(takes("/api/v1/tasks/{task_id}", "patch", "If-Match"));
    assert!(takes("/api/v1/boards/{board_id}", "patch", "If-Match"));
    assert!(!takes("/api/v1/tags/{tag_id}", "patch", "If-Match"));
    assert!(takes("/api/v1/agents/stream", "get", "Last-Event-ID"));
    assert!(!takes("/api/v1/activity/export", "get", "Last-Event-ID"));
}
