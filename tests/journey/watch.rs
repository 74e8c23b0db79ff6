//! Two viewers of a board: one over SSE, one over grpc-web in Node.

use std::{
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex},
};

use futures::StreamExt;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    task::JoinHandle,
};

use crate::world::eventually;

/// One event as a viewer saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) sequence: i64,
    pub(crate) kind: String,
}

type Log = Arc<Mutex<Vec<Seen>>>;

/// A viewer over SSE.
pub(crate) struct Sse {
    log: Log,
    causes: Arc<Mutex<Vec<Value>>>,
    task: JoinHandle<()>,
}

impl Sse {
    /// Opens the stream of a board and waits for its first frame; resumes behind a sequence when one is given.
    pub(crate) async fn open(url: &str, token: &str, board: &str, after: Option<i64>) -> Self {
        let mut request = reqwest::Client::new()
            .get(format!("{url}/api/v1/boards/{board}/stream"))
            .bearer_auth(token);
        if let Some(after) = after {
            request = request.header("last-event-id", after.to_string());
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert!(
            answer.headers()["content-type"]
                .to_str()
                .unwrap()
                .starts_with("text/event-stream")
        );
        let (log, causes) = (Log::default(), Arc::<Mutex<Vec<Value>>>::default());
        let ready = Arc::new(tokio::sync::Notify::new());
        let task = tokio::spawn({
            let (log, causes, ready) = (Arc::clone(&log), Arc::clone(&causes), Arc::clone(&ready));
            let mut chunks = answer.bytes_stream();
            async move {
                let mut buffer = String::new();
                while let Some(Ok(chunk)) = chunks.next().await {
                    buffer.push_str(&String::from_utf8_lossy(&chunk).replace("\r\n", "\n"));
                    while let Some(end) = buffer.find("\n\n") {
                        let frame: String = buffer.drain(..end + 2).collect();
                        match parse(&frame) {
                            Some((seen, _)) if seen.kind == "ready" => ready.notify_one(),
                            Some((seen, event)) => {
                                log.lock().unwrap().push(seen);
                                causes.lock().unwrap().push(event);
                            }
                            None => {}
                        }
                    }
                }
            }
        });
        tokio::time::timeout(crate::world::PATIENCE, ready.notified())
            .await
            .expect("the stream says that it is ready");
        Self { log, causes, task }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.log.lock().unwrap().clone()
    }

    /// The events as they came, with the request and the trace that caused them.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.causes.lock().unwrap().clone()
    }

    /// Cuts the connection; the last sequence seen is where to resume.
    pub(crate) fn cut(self) -> Vec<Seen> {
        self.task.abort();
        self.seen()
    }

    /// Waits until so many events of a type have been seen.
    pub(crate) async fn wait_for(&self, kind: &str, count: usize) {
        wait(&self.log, kind, count, "SSE").await;
    }
}

fn parse(frame: &str) -> Option<(Seen, Value)> {
    let field = |name: &str| {
        frame.lines().find_map(|line| {
            line.strip_prefix(name)
                .map(|rest| rest.trim_start_matches(':').trim())
        })
    };
    let kind = field("event")?.to_owned();
    let data: Value = serde_json::from_str(field("data")?).expect("data is one line of JSON");
    let sequence = field("id")?.parse().expect("an id is a sequence");
    assert_eq!(data["sequence"], sequence);
    Some((Seen { sequence, kind }, data["event"].clone()))
}

/// A viewer over grpc-web: `@connectrpc/connect-web` in Node.
pub(crate) struct Node {
    log: Log,
    _child: Child,
}

impl Node {
    pub(crate) async fn open(url: &str, token: &str, board: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/e2e/grpc-web-client.mjs");
        let generated = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/src/gen");
        assert!(
            generated.exists(),
            "the browser's client is not generated: run `make test` or `make web`"
        );
        let mut child = Command::new("node")
            .args([script.to_str().unwrap(), url, token, board])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node runs");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = async || -> Value {
            let line = lines
                .next_line()
                .await
                .unwrap()
                .expect("the client says more");
            serde_json::from_str(&line).unwrap()
        };
        assert_eq!(said().await["me"], "admin@home.local");
        assert!(said().await["tasks"].is_number());
        assert_eq!(said().await["refused"], 3, "INVALID_ARGUMENT over grpc-web");
        let first = said().await;
        assert!(
            first["type"].is_null(),
            "the first message says where the stream stands: {first}"
        );
        let log = Log::default();
        tokio::spawn({
            let log = Arc::clone(&log);
            async move {
                while let Ok(Some(line)) = lines.next_line().await {
                    let line: Value = serde_json::from_str(&line).unwrap();
                    if let Some(kind) = line["type"].as_str() {
                        let sequence = line["sequence"].as_i64().unwrap();
                        log.lock().unwrap().push(Seen {
                            sequence,
                            kind: kind.to_owned(),
                        });
                    }
                }
            }
        });
        Self { log, _child: child }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.log.lock().unwrap().clone()
    }

    pub(crate) async fn wait_for(&self, kind: &str, count: usize) {
        wait(&self.log, kind, count, "grpc-web").await;
    }
}

async fn wait(log: &Log, kind: &str, count: usize, over: &str) {
    eventually(
        &format!("{count} x {kind} was seen over {over}"),
        || async {
            let found = log
                .lock()
                .unwrap()
                .iter()
                .filter(|seen| seen.kind == kind)
                .count();
            (found >= count).then_some(())
        },
    )
    .await;
}
