use std::{sync::atomic::Ordering, time::Duration};

use proto::{
    agent::v1::Gateway,
    board::v1::Board,
    event::v1::{BoardDeleted, GatewayDeleted, UserUpdated, event::Payload},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{BOARD, Frames, feed::event, problem, start, start_with};

const STREAM: &str = "/api/v1/activity/stream";

#[tokio::test]
async fn each_event_is_a_frame_with_its_place_and_name() {
    let edge = start().await;
    let mut frames = Frames::open(&edge, STREAM, &[]).await;
    let headers = frames.response.headers();
    assert_eq!(headers["content-type"], "text/event-stream; charset=utf-8");
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["x-accel-buffering"], "no");
    let ready = frames.next().await.unwrap();
    assert_eq!(
        ready,
        "id: 0\nretry: 1000\nevent: ready\ndata: {\"sequence\":0,\"event\":null}"
    );

    edge.say(event(7, "task.created", None)).await;
    let frame = frames.next().await.unwrap();
    let lines: Vec<_> = frame.lines().collect();
    assert_eq!(&lines[..2], ["id: 7", "event: task.created"]);
    let data: Value = serde_json::from_str(lines[2].strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(
        data["event"]["actor"],
        json!({"kind": "system", "id": null, "name": "Mission Control"})
    );
    assert_eq!(
        data["event"].get("task_created"),
        None,
        "members of a oneof appear when set"
    );
}

#[tokio::test]
async fn a_cut_stream_resumes_where_it_was() {
    let edge = start().await;
    edge.behind
        .backlog
        .lock()
        .unwrap()
        .extend((1..=5).map(|n| event(n, "task.created", None)));
    // A browser repeats the address that it began with; what it saw last is the header's.
    let path = format!("/api/v1/boards/{BOARD}/stream?after_sequence=1&event_type=task.*");
    let mut frames = Frames::open(&edge, &path, &[("last-event-id", "3")]).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(
            frames
                .next()
                .await
                .unwrap()
                .lines()
                .next()
                .unwrap()
                .to_owned(),
        );
    }
    assert_eq!(ids, ["id: 3", "id: 4", "id: 5"]);
    let watched = edge.behind.watched.lock().unwrap().pop().unwrap();
    assert_eq!(
        (watched.after_sequence, watched.board_id.as_deref()),
        (Some(3), Some(BOARD))
    );
    assert_eq!(watched.event_type, ["task.*"]);

    let request = edge
        .owner(Method::GET, STREAM)
        .header("last-event-id", "x")
        .send()
        .await
        .unwrap();
    assert_eq!(problem(request).await.0, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_refusal_is_a_problem_and_a_lost_right_a_last_frame() {
    let edge = start().await;
    let (status, code, _) = problem(edge.get("/api/v1/boards/hidden/stream").await).await;
    assert_eq!((status, &*code), (StatusCode::NOT_FOUND, "board_not_found"));

    let mut frames = Frames::open(&edge, STREAM, &[]).await;
    frames.next().await.unwrap();
    edge.say(event(-1, "", None)).await;
    assert!(
        frames
            .next()
            .await
            .unwrap()
            .starts_with("event: gone\ndata: {\"code\":\"board_not_found\"")
    );
    assert_eq!(frames.next().await, None);
}

#[tokio::test]
async fn silence_is_filled() {
    let edge = start_with(&["--sse-keep-alive=0.1s"]).await;
    let mut frames = Frames::open(&edge, STREAM, &[]).await;
    frames.next().await.unwrap();
    assert_eq!(frames.next().await.unwrap(), ": keep-alive");
    edge.say(proto::activity::v1::WatchResponse {
        sequence: 9,
        event: None,
    })
    .await;
    loop {
        match frames.next().await.unwrap().as_str() {
            ": keep-alive" => {}
            other => break assert_eq!(other, "id: 9\n: keep-alive"),
        }
    }
}

#[tokio::test]
async fn a_caller_holds_only_so_many_streams() {
    let edge = start_with(&["--streams-per-caller=2"]).await;
    let first = Frames::open(&edge, STREAM, &[]).await;
    let _second = Frames::open(&edge, STREAM, &[]).await;
    let (status, code, _) = problem(edge.get(STREAM).await).await;
    assert_eq!(
        (status, &*code),
        (StatusCode::TOO_MANY_REQUESTS, "too_many_streams")
    );
    drop(first);
    for attempt in 0.. {
        if edge.get(STREAM).await.status() == StatusCode::OK {
            break;
        }
        assert!(attempt < 100, "the place was never freed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn open_streams_end_when_the_process_stops() {
    let edge = start().await;
    let mut frames = Frames::open(&edge, STREAM, &[]).await;
    frames.next().await.unwrap();
    let stopping = edge.running.stop();
    let (stopped, end) = tokio::join!(
        tokio::time::timeout(Duration::from_secs(5), stopping),
        frames.next()
    );
    stopped.expect("in time").unwrap();
    assert_eq!(end, None);
}

/// A stream of one kind of thing.
fn memory() -> String {
    format!("/api/v1/boards/{BOARD}/memory/stream")
}

#[tokio::test]
async fn the_contract_may_name_every_event_of_a_stream() {
    let edge = start().await;
    let mut frames = Frames::open(&edge, &memory(), &[("last-event-id", "40")]).await;
    assert_eq!(
        frames.next().await.unwrap(),
        "id: 40\nretry: 1000\nevent: ready\ndata: {\"sequence\":40,\"memory\":null}"
    );
    let first = frames.next().await.unwrap();
    assert!(first.starts_with("id: 41\nevent: memory\ndata: {\"sequence\":41,\"memory\":{"));
    assert_eq!(frames.next().await.unwrap(), "id: 42\n: keep-alive");
    assert!(
        frames
            .next()
            .await
            .unwrap()
            .starts_with("id: 43\nevent: memory\n")
    );
    let watched = edge.behind.watched.lock().unwrap().pop().unwrap();
    assert_eq!(
        (watched.after_sequence, watched.board_id.as_deref()),
        (Some(40), Some(BOARD))
    );
}

/// The frame after all that the stand-in tells by itself.
async fn after_the_rest(frames: &mut Frames) -> Option<String> {
    for _ in 0..4 {
        frames.next().await.unwrap();
    }
    frames.next().await
}

/// Tells the edge that the owner's rights may be others, once it hears the feed.
async fn tell_of_the_owner(edge: &crate::support::Edge) {
    let updated = UserUpdated {
        user_id: Uuid::from_u128(1).to_string(),
        ..UserUpdated::default()
    };
    edge.say(event(
        9,
        "user.updated",
        Some(Payload::UserUpdated(updated)),
    ))
    .await;
}

#[tokio::test]
async fn lost_access_ends_a_stream_at_once() {
    let edge = start().await;
    let mut frames = Frames::open(&edge, &memory(), &[]).await;
    edge.behind.locked_out.store(true, Ordering::SeqCst);
    tell_of_the_owner(&edge).await;
    let gone = after_the_rest(&mut frames).await.unwrap();
    assert!(
        gone.starts_with("event: gone\ndata: {\"code\":\"unauthenticated\""),
        "{gone}"
    );
    assert_eq!(frames.next().await, None);
    assert_eq!(
        edge.get("/api/v1/users/me").await.status(),
        StatusCode::UNAUTHORIZED,
        "not too_many_failures: a stream that ends is no failed sign-in"
    );
}

#[tokio::test]
async fn a_caller_with_other_rights_connects_again_or_is_gone() {
    let edge = start().await;
    let mut frames = Frames::open(&edge, &memory(), &[]).await;
    edge.behind.granted.store(true, Ordering::SeqCst);
    tell_of_the_owner(&edge).await;
    assert_eq!(
        after_the_rest(&mut frames).await,
        None,
        "what it sees is to be judged anew"
    );

    let mut frames = Frames::open(&edge, &memory(), &[]).await;
    edge.behind.granted.store(false, Ordering::SeqCst);
    edge.behind.hidden.store(true, Ordering::SeqCst);
    tell_of_the_owner(&edge).await;
    let gone = after_the_rest(&mut frames).await.unwrap();
    assert!(
        gone.starts_with("event: gone\ndata: {\"code\":\"board_not_found\""),
        "{gone}"
    );
}

#[tokio::test]
async fn a_stream_about_a_board_ends_with_the_board_and_no_other_does() {
    let edge = start_with(&["--sse-keep-alive=0.2s"]).await;
    let mut about = Frames::open(&edge, &memory(), &[]).await;
    let mut other = Frames::open(&edge, STREAM, &[]).await;
    edge.behind.hidden.store(true, Ordering::SeqCst);
    let deleted = BoardDeleted {
        board: Some(Board {
            id: BOARD.into(),
            ..Board::default()
        }),
        force: false,
    };
    edge.say(event(
        9,
        "board.deleted",
        Some(Payload::BoardDeleted(deleted)),
    ))
    .await;
    let mut last = None;
    while let Some(frame) = about.next().await {
        last = Some(frame);
    }
    assert!(
        last.as_deref()
            .is_some_and(|frame| frame.starts_with("event: gone\n")),
        "{last:?}"
    );
    for _ in 0..4 {
        other.next().await.expect("it goes on");
    }
}

const GATEWAY: &str = "00000000-0000-4000-8000-0000000000c0";

#[tokio::test]
async fn a_stream_that_is_no_feed_has_a_name_and_no_ids() {
    let edge = start().await;
    let path = format!("/api/v1/gateways/{GATEWAY}/events");
    let mut frames = Frames::open(&edge, &path, &[("last-event-id", "any")]).await;
    assert_eq!(
        frames.next().await.unwrap(),
        "retry: 1000\nevent: ready\ndata: {}"
    );
    for (kind, payload) in [("connected", json!(null)), ("chat", json!({"seq": 1}))] {
        let frame = frames.next().await.unwrap();
        let data = frame.strip_prefix("event: gateway\ndata: ").unwrap();
        let data: Value = serde_json::from_str(data).unwrap();
        assert_eq!(
            (&data["gateway_id"], &data["type"], &data["payload"]),
            (&json!(GATEWAY), &json!(kind), &payload)
        );
    }
    edge.behind.locked_out.store(true, Ordering::SeqCst);
    tell_of_the_owner(&edge).await;
    let gone = frames.next().await.unwrap();
    assert!(
        gone.starts_with("event: gone\ndata: {\"code\":\"unauthenticated\""),
        "{gone}"
    );
    assert_eq!(frames.next().await, None);
}

#[tokio::test]
async fn a_stream_about_a_gateway_ends_with_the_gateway() {
    let edge = start().await;
    let path = format!("/api/v1/gateways/{GATEWAY}/events");
    let mut frames = Frames::open(&edge, &path, &[]).await;
    for _ in 0..3 {
        frames.next().await.unwrap();
    }
    edge.behind.hidden.store(true, Ordering::SeqCst);
    let deleted = GatewayDeleted {
        gateway: Some(Gateway {
            id: GATEWAY.into(),
            ..Gateway::default()
        }),
    };
    edge.say(event(
        9,
        "gateway.deleted",
        Some(Payload::GatewayDeleted(deleted)),
    ))
    .await;
    let gone = frames.next().await.unwrap();
    assert!(
        gone.starts_with("event: gone\ndata: {\"code\":\"gateway_not_found\""),
        "{gone}"
    );
}
