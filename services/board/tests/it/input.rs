//! Bad input: the field and why, never half a change.

use prost_types::{Struct, Timestamp, Value, value::Kind};
use proto::board::v1::{
    CreateBoardRequest, CreateTaskRequest, GetBoardRequest, GetTaskRequest, UpdateTaskRequest,
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    callers::owner,
    fixture::{Fixture, violation, wrong},
    request::{Naming, board, patch, task},
};

fn object(key: &str, text: &str) -> Option<Struct> {
    let value = Value {
        kind: Some(Kind::StringValue(text.to_owned())),
    };
    Some(Struct {
        fields: [(key.to_owned(), value)].into(),
    })
}

#[sqlx::test(migrations = false)]
async fn a_bad_board_is_refused_with_its_field(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let far = Some(Timestamp {
        seconds: i64::MAX,
        nanos: 0,
    });
    let long = |n: usize| Some("x".repeat(n));
    let cases = [
        (
            CreateBoardRequest {
                name: " ".into(),
                ..board("B")
            },
            "name",
            "BLANK",
        ),
        (
            CreateBoardRequest {
                name: "x".repeat(201),
                ..board("B")
            },
            "name",
            "TOO_LONG",
        ),
        (
            CreateBoardRequest {
                name: "a\0".into(),
                ..board("B")
            },
            "name",
            "NUL_BYTE",
        ),
        (
            CreateBoardRequest {
                description: String::new(),
                ..board("B")
            },
            "description",
            "BLANK",
        ),
        (
            CreateBoardRequest {
                slug: long(101),
                ..board("B")
            },
            "slug",
            "TOO_LONG",
        ),
        (
            CreateBoardRequest {
                slug: Some("??".into()),
                ..board("B")
            },
            "slug",
            "MALFORMED",
        ),
        (
            CreateBoardRequest {
                gateway_id: "7".into(),
                ..board("B")
            },
            "gateway_id",
            "NOT_A_UUID",
        ),
        (
            CreateBoardRequest {
                board_type: 9,
                ..board("B")
            },
            "board_type",
            "UNKNOWN_VALUE",
        ),
        (
            CreateBoardRequest {
                objective: long(10_001),
                ..board("B")
            },
            "objective",
            "TOO_LONG",
        ),
        (
            CreateBoardRequest {
                goal_source: long(101),
                ..board("B")
            },
            "goal_source",
            "TOO_LONG",
        ),
        (
            CreateBoardRequest {
                max_agents: Some(1_001),
                ..board("B")
            },
            "max_agents",
            "OUT_OF_RANGE",
        ),
        (
            CreateBoardRequest {
                max_agents: Some(-1),
                ..board("B")
            },
            "max_agents",
            "OUT_OF_RANGE",
        ),
        (
            CreateBoardRequest {
                target_date: far,
                ..board("B")
            },
            "target_date",
            "OUT_OF_RANGE",
        ),
        (
            CreateBoardRequest {
                success_metrics: object("k", "a\0"),
                ..board("B")
            },
            "success_metrics",
            "NUL_BYTE",
        ),
        (
            CreateBoardRequest {
                success_metrics: object("k\0", "a"),
                ..board("B")
            },
            "success_metrics",
            "NUL_BYTE",
        ),
        (
            CreateBoardRequest {
                success_metrics: object("k", &"x".repeat(60_000)),
                ..board("B")
            },
            "success_metrics",
            "TOO_LONG",
        ),
    ];
    for (request, field, reason) in cases {
        assert_eq!(
            violation(fixture.create_board(&owner(), request).await),
            wrong(field, reason)
        );
    }
    let read = fixture
        .boards(&owner())
        .get_board(GetBoardRequest {
            board_id: "nope".into(),
        })
        .await;
    assert_eq!(violation(read), wrong("board_id", "NOT_A_UUID"));
}

#[sqlx::test(migrations = false)]
async fn a_bad_task_is_refused_with_its_field(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let far = Some(Timestamp {
        seconds: 0,
        nanos: -1,
    });
    let good = || task(fixture.board, "T");
    let many = (0..101).map(|n| Uuid::from_u128(n).to_string()).collect();
    let cases = [
        (
            CreateTaskRequest {
                board_id: "nope".into(),
                ..good()
            },
            "board_id",
            "NOT_A_UUID",
        ),
        (
            CreateTaskRequest {
                title: "\n".into(),
                ..good()
            },
            "title",
            "BLANK",
        ),
        (
            CreateTaskRequest {
                title: "x".repeat(501),
                ..good()
            },
            "title",
            "TOO_LONG",
        ),
        (
            CreateTaskRequest {
                title: "a\0b".into(),
                ..good()
            },
            "title",
            "NUL_BYTE",
        ),
        (
            CreateTaskRequest {
                description: Some("x".repeat(50_001)),
                ..good()
            },
            "description",
            "TOO_LONG",
        ),
        (
            CreateTaskRequest {
                status: 77,
                ..good()
            },
            "status",
            "UNKNOWN_VALUE",
        ),
        (
            CreateTaskRequest {
                priority: -1,
                ..good()
            },
            "priority",
            "UNKNOWN_VALUE",
        ),
        (
            CreateTaskRequest {
                due_at: far,
                ..good()
            },
            "due_at",
            "OUT_OF_RANGE",
        ),
        (
            CreateTaskRequest {
                assigned_agent_id: Some("me".into()),
                ..good()
            },
            "assigned_agent_id",
            "NOT_A_UUID",
        ),
        (
            CreateTaskRequest {
                depends_on_task_ids: many,
                ..good()
            },
            "depends_on_task_ids",
            "TOO_MANY",
        ),
        (
            CreateTaskRequest {
                depends_on_task_ids: vec!["?".into()],
                ..good()
            },
            "depends_on_task_ids[0]",
            "NOT_A_UUID",
        ),
    ];
    for (request, field, reason) in cases {
        assert_eq!(
            violation(fixture.create(&owner(), request).await),
            wrong(field, reason)
        );
    }
    let rows: i64 = sqlx::query_scalar("select count(*) from task")
        .fetch_one(&fixture.pool)
        .await
        .unwrap();
    assert_eq!(rows, 0);
}

#[sqlx::test(migrations = false)]
async fn a_bad_change_is_refused_with_its_field(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let work = fixture.task("Work").await;
    let cases = [
        (patch(&work).title("a\0b"), "title", "NUL_BYTE"),
        (
            UpdateTaskRequest {
                status: 77,
                ..patch(&work).named("status")
            },
            "status",
            "UNKNOWN_VALUE",
        ),
        (
            UpdateTaskRequest {
                priority: 77,
                ..patch(&work).named("priority")
            },
            "priority",
            "UNKNOWN_VALUE",
        ),
        (
            UpdateTaskRequest {
                description: Some("x".repeat(50_001)),
                ..patch(&work).named("description")
            },
            "description",
            "TOO_LONG",
        ),
        (
            UpdateTaskRequest {
                task_id: "x".into(),
                ..patch(&work)
            },
            "task_id",
            "NOT_A_UUID",
        ),
    ];
    for (request, field, reason) in cases {
        assert_eq!(
            violation(fixture.update(&owner(), request).await),
            wrong(field, reason)
        );
    }
    let request = GetTaskRequest {
        board_id: Some("x".into()),
        task_id: work.id.clone(),
    };
    assert_eq!(
        violation(fixture.tasks(&owner()).get_task(request).await),
        wrong("board_id", "NOT_A_UUID")
    );
    assert_eq!(fixture.now(&work).await, work);
}
