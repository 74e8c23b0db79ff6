//! What it costs to turn a page of 200 tasks into JSON, and a request into bytes.

use std::hint::black_box;

use api_edge::transcode::{Body, Input, Plans, Request};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use prost::Message;
use proto::board::v1::{ListTasksResponse, TagRef, Task, TaskPriority, TaskStatus};
use serde_json::json;

/// A page as an agent polls it.
fn page() -> Vec<u8> {
    let time = |seconds| {
        Some(prost_types::Timestamp {
            seconds,
            nanos: 905_899_000,
        })
    };
    let values = json!({"points": 3, "team": "payments", "links": ["https://example.com/a", "https://example.com/b"]});
    let task = |number: i64| Task {
        id: format!("00000000-0000-4000-8000-{number:012}"),
        board_id: "00000000-0000-4000-8000-0000000000b0".into(),
        title: format!("Task {number}: make the \"thing\" work"),
        description: Some("A paragraph that says what is to be done and why.\n".repeat(4)),
        status: TaskStatus::InProgress.into(),
        priority: TaskPriority::High.into(),
        assigned_agent_id: Some("00000000-0000-4000-8000-0000000000a0".into()),
        in_progress_at: time(1_795_335_118),
        created_at: time(1_795_335_000),
        updated_at: time(1_795_335_200),
        depends_on_task_ids: vec!["00000000-0000-4000-8000-000000000001".into()],
        tag_ids: vec!["00000000-0000-4000-8000-0000000000c0".into()],
        tags: vec![TagRef {
            id: "00000000-0000-4000-8000-0000000000c0".into(),
            name: "Backend".into(),
            slug: "backend".into(),
            color: "2563eb".into(),
        }],
        custom_field_values: chassis::encode::to_struct(&values),
        version: number,
        cycle: 1,
        ..Task::default()
    };
    let items: Vec<_> = (0..200).map(task).collect();
    ListTasksResponse {
        total: 1_000,
        items,
        limit: 200,
        offset: 0,
        next_page_token: Some("token".into()),
    }
    .encode_to_vec()
}

fn transcode(criterion: &mut Criterion) {
    let plans = Plans::compile(proto::pool());
    let wire = page();
    let answer = plans
        .answer("mission.board.v1.ListTasksResponse", None)
        .expect("in the contract");
    let mut group = criterion.benchmark_group("transcode");
    group.throughput(Throughput::Bytes(wire.len() as u64));
    group.bench_function("200 tasks to JSON", |bencher| {
        bencher.iter(|| {
            let mut out = Vec::with_capacity(wire.len() * 3);
            plans
                .write(answer, black_box(&wire), &mut out)
                .expect("a valid page");
            out
        });
    });
    group.finish();

    let message = proto::pool()
        .get_message_by_name("mission.board.v1.CreateTaskRequest")
        .expect("in the contract");
    let board = message.get_field_by_name("board_id").expect("a field");
    let input = Input::new(message, vec![board], Body::Whole);
    let body = json!({"title": "T", "description": "D", "status": "inbox", "due_at": "2026-11-22T08:11:58Z"});
    let body = body.as_object().expect("an object");
    let path = ["00000000-0000-4000-8000-0000000000b0".to_owned()];
    criterion.bench_function("a new task from JSON", |bencher| {
        bencher.iter(|| {
            let request = Request {
                path: &path,
                body: Some(black_box(body)),
                ..Request::default()
            };
            input.encode(&request).expect("a valid request")
        });
    });
}

criterion_group!(benches, transcode);
criterion_main!(benches);
