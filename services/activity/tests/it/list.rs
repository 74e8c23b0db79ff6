//! Reading the log.

use std::collections::HashMap;

use proto::{
    activity::v1::{ActivityEvent, ListActivityRequest},
    board::v1::TaskStatus,
    event::v1::{Actor, ActorKind},
};
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    fixture::{Fixture, start_of_time, violation},
    story::{ANN, BOARD, GATEWAY, ORGANIZATION, OTHER_BOARD, Teller, owner, task_id},
};

fn types(items: &[ActivityEvent]) -> Vec<&str> {
    items.iter().map(|item| item.event_type.as_str()).collect()
}

#[sqlx::test(migrations = false)]
async fn an_event_reads_with_its_actor_place_and_payload(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let comment = Uuid::from_u128(0xc0);
    let event = Teller::new(start_of_time()).commented(7, comment, "Looks good");
    fixture.log(vec![event.clone()], 1).await;

    let mut items = fixture.all(&owner()).await;
    assert_eq!(items.len(), 1);
    let item = items.remove(0);
    let payload = chassis::encode::from_struct(item.payload.as_ref().unwrap());
    assert_eq!(payload["comment"]["message"], "Looks good");
    assert_eq!(payload["task"]["status"], "inbox");
    assert_eq!(payload["task"]["created_at"], "2026-11-22T10:30:00Z");
    assert_eq!(payload["task"]["due_at"], json!(null));
    assert_eq!(item.hash.len(), 64);
    assert_eq!(
        ActivityEvent {
            payload: None,
            hash: String::new(),
            ..item
        },
        ActivityEvent {
            id: event.id,
            sequence: 1,
            event_type: "task.comment".into(),
            message: Some("Ann commented on \u{201c}Task 7\u{201d}: Looks good".into()),
            agent_id: None,
            task_id: Some(task_id(7).to_string()),
            board_id: Some(BOARD.to_string()),
            created_at: Some(chassis::encode::time(start_of_time())),
            actor: Some(Actor {
                kind: ActorKind::User.into(),
                id: Some(ANN.to_string()),
                name: "Ann".into()
            }),
            route_name: "board".into(),
            route_params: HashMap::from([
                ("boardId".into(), BOARD.to_string()),
                ("taskId".into(), task_id(7).to_string()),
                ("commentId".into(), comment.to_string()),
            ]),
            payload: None,
            hash: String::new(),
        }
    );
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn filters_narrow_the_list(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let teller = Teller::new(start_of_time());
    let other = teller.on(ORGANIZATION, OTHER_BOARD);
    fixture
        .log(
            vec![
                teller.board(GATEWAY, None),
                other.board(GATEWAY, None),
                teller.created(1, TaskStatus::Inbox),
                other.created(2, TaskStatus::Inbox),
                teller.moved(1, (TaskStatus::Inbox, TaskStatus::InProgress), (2, 1), None),
                teller.asked(1),
                teller.gateway(),
                teller.agent_created(Uuid::from_u128(0xa1), true),
            ],
            8,
        )
        .await;
    let list = async |request: ListActivityRequest| fixture.list(&owner(), request).await.unwrap();
    let kinds = |kinds: &[&str]| {
        kinds
            .iter()
            .map(|kind| (*kind).to_owned())
            .collect::<Vec<_>>()
    };

    let found = list(ListActivityRequest {
        board_id: Some(OTHER_BOARD.to_string()),
        ..Default::default()
    })
    .await;
    assert_eq!(types(&found.items), ["task.created", "board.created"]);
    assert_eq!(found.total, 2);
    let found = list(ListActivityRequest {
        task_id: Some(task_id(1).to_string()),
        ..Default::default()
    })
    .await;
    assert_eq!(types(&found.items), ["task.status_changed", "task.created"]);
    let agent_id = Some(Uuid::from_u128(0xa1).to_string());
    let found = list(ListActivityRequest {
        agent_id,
        ..Default::default()
    })
    .await;
    assert_eq!(types(&found.items), ["agent.created"]);
    let event_type = kinds(&["task.*", "gateway.created"]);
    let found = list(ListActivityRequest {
        event_type,
        ..Default::default()
    })
    .await;
    assert_eq!(
        types(&found.items),
        [
            "gateway.created",
            "task.status_changed",
            "task.created",
            "task.created"
        ]
    );
    // A pattern is no wildcard but at its end.
    let event_type = kinds(&["task.status"]);
    assert_eq!(
        list(ListActivityRequest {
            event_type,
            ..Default::default()
        })
        .await
        .total,
        0
    );
    assert_eq!(
        list(ListActivityRequest {
            event_type: kinds(&["*"]),
            ..Default::default()
        })
        .await
        .total,
        8
    );
    let unknown = ListActivityRequest {
        task_id: Some(Uuid::from_u128(9).to_string()),
        ..Default::default()
    };
    assert_eq!(list(unknown).await.items, []);
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn pages_meet_without_gap_or_repeat_while_the_log_grows(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let teller = Teller::new(start_of_time());
    // All at the same moment: only the position tells them apart.
    fixture
        .log(
            (1..=25)
                .map(|number| teller.created(number, TaskStatus::Inbox))
                .collect(),
            25,
        )
        .await;

    let (mut seen, mut token) = (Vec::new(), None);
    for page in 0..4_i64 {
        let request = ListActivityRequest {
            limit: Some(8),
            page_token: token,
            ..Default::default()
        };
        let found = fixture.list(&owner(), request).await.unwrap();
        assert_eq!((found.limit, found.offset, found.total), (8, 0, 25 + page));
        seen.extend(found.items.iter().map(|item| item.sequence));
        token = found.next_page_token;
        assert_eq!(token.is_some(), page < 3);
        fixture
            .log(vec![teller.updated(1, page + 2)], 26 + page)
            .await;
    }
    assert_eq!(seen, (1..=25).rev().collect::<Vec<_>>());

    let request = ListActivityRequest {
        limit: Some(2),
        offset: Some(27),
        ..Default::default()
    };
    let found = fixture.list(&owner(), request).await.unwrap();
    let sequences: Vec<_> = found.items.iter().map(|item| item.sequence).collect();
    assert_eq!((sequences, found.total, found.offset), (vec![2, 1], 29, 27));
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn bad_input_is_refused_with_its_field(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let refused =
        async |request: ListActivityRequest| violation(fixture.list(&owner(), request).await);
    let pair = |field: &str, reason: &str| (field.to_owned(), reason.to_owned());
    let none = ListActivityRequest::default;

    let request = ListActivityRequest {
        board_id: Some("board".into()),
        ..none()
    };
    assert_eq!(refused(request).await, pair("board_id", "NOT_A_UUID"));
    let request = ListActivityRequest {
        task_id: Some("\0".into()),
        ..none()
    };
    assert_eq!(refused(request).await, pair("task_id", "NOT_A_UUID"));
    let request = ListActivityRequest {
        agent_id: Some("1".repeat(10_000)),
        ..none()
    };
    assert_eq!(refused(request).await, pair("agent_id", "NOT_A_UUID"));
    let request = ListActivityRequest {
        event_type: vec!["task.*".into(), "%".into()],
        ..none()
    };
    assert_eq!(
        refused(request).await,
        pair("event_type[1]", "NOT_AN_EVENT_TYPE")
    );
    let request = ListActivityRequest {
        event_type: vec!["a".into(); 51],
        ..none()
    };
    assert_eq!(refused(request).await, pair("event_type", "TOO_MANY"));
    let request = ListActivityRequest {
        limit: Some(201),
        ..none()
    };
    assert_eq!(refused(request).await, pair("limit", "OUT_OF_RANGE"));
    let request = ListActivityRequest {
        page_token: Some("?".into()),
        ..none()
    };
    assert_eq!(refused(request).await, pair("page_token", "MALFORMED"));
    fixture.stop().await;
}
