//! Who was told what: webhooks, streams, the log.

use serde_json::json;

use super::{items, team::Team};
use crate::{
    receiver::Receiver,
    rest::{Rest, text},
    watch::{Node, Seen, Sse},
    world::{World, eventually},
};

/// 7, first half: a webhook on the board, with a receiver that fails at first.
pub(super) async fn subscribe(user: &Rest, board: &str) -> Receiver {
    let receiver = Receiver::start(2).await;
    let endpoint = user
        .post(
            "/api/v1/webhook-endpoints",
            json!({"url": receiver.url, "board_id": board, "event_types": ["task.*"]}),
        )
        .await;
    receiver.trust(text(&endpoint, "secret"));
    let again = user
        .get(&format!(
            "/api/v1/webhook-endpoints/{}",
            text(&endpoint, "id")
        ))
        .await;
    assert!(again["secret"].is_null(), "the secret is shown once");
    receiver
}

/// The id and the trace of a request are on the events that it caused, however many processes lie between.
pub(super) async fn request_is_known(world: &World, team: &Team, sse: &Sse) {
    let answer = reqwest::Client::new()
        .post(format!("{}/api/v1/boards/{}/tasks", world.url, team.board))
        .bearer_auth(&world.token)
        .header("x-request-id", "journey-1")
        .json(&json!({"title": "Known by its request"}))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["x-request-id"], "journey-1");
    eventually("the event of the request was seen", || async {
        let events = sse.events();
        let caused = events
            .iter()
            .find(|event| event["request_id"] == "journey-1")?;
        caused["traceparent"]
            .as_str()
            .is_some_and(|trace| trace.starts_with("00-"))
            .then_some(())
    })
    .await;
}

/// 7, second half: each task event arrived, signed, after the failures; the attempts can be read.
pub(super) async fn hooks_arrived(user: &Rest, team: &Team, receiver: &Receiver) {
    let feed = format!(
        "/api/v1/activity?board_id={}&event_type=task.*&limit=200",
        team.board
    );
    let expected = eventually("every task event reached the receiver", || async {
        let events = user.get(&feed).await;
        let mut expected: Vec<_> = items(&events)
            .iter()
            .map(|e| text(e, "event_type").to_owned())
            .collect();
        let mut arrived = receiver.types();
        expected.sort();
        arrived.sort();
        (expected == arrived).then_some(expected)
    })
    .await;
    assert!(
        expected
            .iter()
            .filter(|kind| *kind == "task.status_changed")
            .count()
            >= 3
    );
    receiver.assert_honest();
    let endpoints = user.get("/api/v1/webhook-endpoints").await;
    let deliveries = format!(
        "/api/v1/webhook-endpoints/{}/deliveries",
        text(&endpoints["items"][0], "id")
    );
    let list = user.get(&format!("{deliveries}?limit=200")).await;
    let retried = items(&list)
        .iter()
        .find(|d| d["attempt_count"].as_i64() > Some(1))
        .expect("one was retried")
        .clone();
    let read = user
        .get(&format!("{deliveries}/{}", text(&retried, "id")))
        .await;
    assert_eq!(
        (&read["state"], &read["attempts"][0]["response_status"]),
        (&json!("delivered"), &json!(500))
    );
}

/// 8. A cut stream resumes without gap or repeat.
pub(super) async fn resume(world: &World, user: &Rest, team: &Team, sse: Sse) -> Vec<Seen> {
    let mut seen = sse.cut();
    let last = seen.last().expect("the stream saw something").sequence;
    let path = format!("/api/v1/boards/{}/tasks", team.board);
    for number in 0..3 {
        user.post(
            &path,
            json!({"title": format!("While nobody watched {number}")}),
        )
        .await;
    }
    let again = Sse::open(&world.url, &world.token, &team.board, Some(last)).await;
    user.post(&path, json!({"title": "While somebody watched"}))
        .await;
    again.wait_for("task.created", 4).await;
    seen.extend(again.cut());
    let mut sequences: Vec<_> = seen.iter().map(|event| event.sequence).collect();
    let count = sequences.len();
    sequences.sort_unstable();
    sequences.dedup();
    assert_eq!(sequences.len(), count, "nothing is seen twice");
    assert!(
        seen.is_sorted_by_key(|event| event.sequence),
        "everything is seen in order"
    );
    seen
}

/// 8. Both streams saw what the log holds, in its order; every event has a real actor.
pub(super) async fn feed_is_in_order(user: &Rest, team: &Team, resumed: Vec<Seen>, node: &Node) {
    // Each viewer begins where it came in.
    let first = resumed[0].sequence.max(node.seen()[0].sequence);
    node.wait_for(
        "task.created",
        resumed.iter().filter(|s| s.kind == "task.created").count(),
    )
    .await;
    let log = user
        .get(&format!(
            "/api/v1/activity?board_id={}&limit=200",
            team.board
        ))
        .await;
    let last = resumed.last().unwrap().sequence;
    let resumed: Vec<_> = resumed
        .into_iter()
        .filter(|seen| seen.sequence >= first)
        .collect();
    let mut stored: Vec<_> = items(&log)
        .iter()
        .map(|e| Seen {
            sequence: e["sequence"].as_i64().unwrap(),
            kind: text(e, "event_type").to_owned(),
        })
        .filter(|e| (first..=last).contains(&e.sequence))
        .collect();
    stored.reverse();
    assert_eq!(resumed, stored, "SSE saw exactly what the log holds");
    let over_web: Vec<_> = node
        .seen()
        .into_iter()
        .filter(|e| (first..=last).contains(&e.sequence))
        .collect();
    assert_eq!(over_web, stored, "grpc-web saw exactly what the log holds");
    for event in items(&log) {
        assert!(
            event["actor"]["kind"].is_string() && !text(&event["actor"], "name").is_empty(),
            "{event:#}"
        );
    }
    let claims = items(&log)
        .iter()
        .filter(|e| e["event_type"] == "task.comment" && e["actor"]["name"] == "Walt")
        .count();
    assert!(claims >= 2, "the worker is the author of its comments");
}
