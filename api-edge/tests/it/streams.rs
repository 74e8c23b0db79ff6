use std::time::Duration;

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::support::{BOARD, Edge, feed::event, problem, start, start_with};

const STREAM: &str = "/api/v1/activity/stream";

/// The frames of a stream, one at a time.
struct Frames {
    response: Response,
    buffer: String,
}

impl Frames {
    async fn open(edge: &Edge, path: &str, headers: &[(&str, &str)]) -> Self {
        let mut request = edge.owner(Method::GET, path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        Self {
            response,
            buffer: String::new(),
        }
    }

    /// The next frame; `None` when the stream ended.
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((frame, rest)) = self.buffer.split_once("\n\n") {
                let frame = frame.to_owned();
                self.buffer = rest.to_owned();
                return Some(frame);
            }
            let chunk = tokio::time::timeout(Duration::from_secs(5), self.response.chunk())
                .await
                .expect("a frame");
            self.buffer
                .push_str(std::str::from_utf8(&chunk.unwrap()?).unwrap());
        }
    }
}

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
