use api_edge::transcode::{self, Body, Input, Plans};
use prost::Message;
use proto::{
    activity::v1::WatchResponse,
    approval::v1::{Approval, CreateApprovalRequest},
    event::v1::{ApprovalCreated, event::Payload},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{BOARD, TASK, feed::event, start};

#[tokio::test]
async fn an_answer_holds_every_declared_field() {
    let edge = start().await;
    let task: Value = edge
        .get(&format!("/api/v1/boards/{BOARD}/tasks/{TASK}"))
        .await
        .json()
        .await
        .unwrap();
    insta::assert_json_snapshot!(task);
    let list: Value = edge.get("/api/v1/tasks").await.json().await.unwrap();
    assert_eq!(list["items"], json!([task]));
    assert_eq!(list["next_page_token"], Value::Null);
}

#[tokio::test]
async fn a_selected_field_may_be_a_list_and_may_be_absent() {
    let edge = start().await;
    let organizations: Value = edge
        .get("/api/v1/organizations/me/list")
        .await
        .json()
        .await
        .unwrap();
    let names: Vec<_> = organizations
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["name"])
        .collect();
    assert_eq!(names, ["Personal", "Work"]);
    assert_eq!(organizations[1]["role"], "owner");

    let assigned = edge
        .owner(Method::POST, &format!("/api/v1/tasks/{TASK}/assign-agent"))
        .send()
        .await
        .unwrap();
    assert_eq!(assigned.json::<Value>().await.unwrap(), Value::Null);
}

#[tokio::test]
async fn an_answer_that_waits_has_the_time_for_it() {
    let edge = start().await;
    let path = "/api/v1/gateways/g/templates/sync?wait_seconds=60";
    let answer = edge.owner(Method::POST, path).send().await.unwrap();
    let sync: Value = answer.json().await.unwrap();
    assert_eq!(sync["id"], "90000000u");
}

#[tokio::test]
async fn a_selected_field_may_be_a_bare_text() {
    let edge = start().await;
    let soul = |agent: &str| format!("/api/v1/agents/{agent}/soul");
    let response = edge.get(&soul("ada")).await;
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(
        response.text().await.unwrap(),
        r##""# SOUL.md\n\nI am \"Ada\".\n""##
    );
    assert_eq!(
        edge.get(&soul("nobody")).await.text().await.unwrap(),
        "\"\""
    );
}

#[tokio::test]
async fn a_list_without_a_frame_says_in_headers_where_it_is_cut() {
    let edge = start().await;
    let path = "/api/v1/skills/marketplace?gateway_id=g";
    let cut = edge.get(&format!("{path}&limit=1&offset=3")).await;
    let said = |name: &str| cut.headers().get(name).map(|value| value.to_str().unwrap());
    assert_eq!(said("x-total-count"), Some("7"));
    assert_eq!((said("x-limit"), said("x-offset")), (Some("1"), Some("3")));
    assert_eq!(
        said("x-secret"),
        None,
        "what a service says otherwise stays inside"
    );
    let items: Value = cut.json().await.unwrap();
    assert_eq!(items[0]["name"], "Cut");
    let whole = edge.get(path).await;
    assert!(!whole.headers().contains_key("x-total-count"));
}

#[tokio::test]
async fn a_body_becomes_a_request_whatever_its_json_is_called() {
    let edge = start().await;
    for kind in [
        Some("application/json"),
        Some("application/merge-patch+json; charset=utf-8"),
        None,
    ] {
        let body = json!({
            "title": "T", "status": "in_progress", "priority": null, "due_at": "2026-11-22T10:11:58+02:00",
            "depends_on_task_ids": ["a", "b"], "board_id": "not this one", "email": "ignored",
        });
        let mut request = edge
            .owner(Method::POST, &format!("/api/v1/boards/{BOARD}/tasks"))
            .body(body.to_string());
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        assert_eq!(
            request.send().await.unwrap().status(),
            StatusCode::OK,
            "{kind:?}"
        );
        let created = edge.behind.created.lock().unwrap().take().unwrap();
        assert_eq!((&*created.board_id, &*created.title), (BOARD, "T"));
        assert_eq!((created.status, created.priority), (2, 0));
        assert_eq!(created.due_at.unwrap().seconds, 1_795_335_118);
        assert_eq!(created.depends_on_task_ids, ["a", "b"]);
    }
}

#[tokio::test]
async fn a_flat_route_takes_its_board_from_query_or_body() {
    let edge = start().await;
    let by_query = edge
        .owner(Method::POST, &format!("/api/v1/tasks?board_id={BOARD}"))
        .json(&json!({"title": "T"}));
    let by_body = edge
        .owner(Method::POST, "/api/v1/tasks")
        .json(&json!({"title": "T", "board_id": BOARD}));
    for request in [by_query, by_body] {
        assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
        assert_eq!(
            edge.behind.created.lock().unwrap().take().unwrap().board_id,
            BOARD
        );
    }
}

#[tokio::test]
async fn a_patch_names_the_keys_of_its_body_null_included() {
    let edge = start().await;
    let body = json!({"title": "T", "description": null, "due_at": null, "task_id": "x", "update_mask": "x", "nope": 1});
    let response = edge
        .owner(Method::PATCH, &format!("/api/v1/tasks/{TASK}"))
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let updated = edge.behind.updated.lock().unwrap().take().unwrap();
    assert_eq!(
        updated.update_mask.unwrap().paths,
        ["title", "description", "due_at"]
    );
    assert_eq!(
        (updated.task_id.as_str(), updated.description),
        (TASK, None)
    );
}

#[tokio::test]
async fn a_list_that_is_null_stays_and_an_empty_one_is_emptied() {
    let edge = start().await;
    let body = json!({"depends_on_task_ids": null, "tag_ids": [], "custom_field_values": null});
    let response = edge
        .owner(Method::PATCH, &format!("/api/v1/tasks/{TASK}"))
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let updated = edge.behind.updated.lock().unwrap().take().unwrap();
    assert_eq!(
        updated.update_mask.unwrap().paths,
        ["tag_ids", "custom_field_values"]
    );
}

#[tokio::test]
async fn a_request_without_a_body_is_an_empty_one() {
    let edge = start().await;
    let me = edge
        .owner(Method::POST, "/api/v1/auth/bootstrap")
        .send()
        .await
        .unwrap();
    assert_eq!(me.json::<Value>().await.unwrap()["name"], "Ada");
    let beat = edge
        .request(Method::POST, "/api/v1/agent/heartbeat")
        .header("x-agent-token", crate::support::WORKER);
    let beat = beat
        .header("content-type", "text/plain")
        .body("any body is ignored")
        .send()
        .await
        .unwrap();
    assert_eq!(beat.status(), StatusCode::OK);
}

#[test]
fn the_deepest_plain_json_survives_every_decoder_of_the_mesh() {
    let input = proto::pool()
        .get_message_by_name("mission.approval.v1.CreateApprovalRequest")
        .unwrap();
    let input = Input::new(input, Vec::new(), Body::Whole);
    let payload = (0..24).fold(json!([1]), |inner, _| json!({"a": inner}));
    let body = json!({"payload": payload});
    let body = body.as_object().unwrap();
    let wire = input
        .encode(&transcode::Request {
            body: Some(body),
            ..Default::default()
        })
        .unwrap();
    let request = CreateApprovalRequest::decode(&*wire).unwrap();

    let approval = Approval {
        payload: request.payload,
        ..Approval::default()
    };
    let created = Payload::ApprovalCreated(ApprovalCreated {
        approval: Some(approval),
        ..ApprovalCreated::default()
    });
    let message = event(1, "approval.created", Some(created)).encode_to_vec();
    assert!(WatchResponse::decode(&*message).is_ok());
    let plans = Plans::compile(proto::pool());
    let mut out = Vec::new();
    let answer = plans
        .answer("mission.activity.v1.WatchResponse", None)
        .unwrap();
    plans.write(answer, &message, &mut out).unwrap();
    let written: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(
        written["event"]["approval_created"]["approval"]["payload"],
        payload
    );
}
