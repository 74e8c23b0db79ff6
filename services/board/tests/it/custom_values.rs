//! What tasks say in custom fields.

use chassis::Code;
use proto::{
    board::v1::{
        CreateCustomFieldRequest, CustomField, ListTasksRequest, Task, TaskStatus,
        UpdateCustomFieldRequest,
    },
    event::v1::event::Payload,
};
use serde_json::{Value as Json, json};
use sqlx::PgPool;

use crate::{
    callers::{owner, worker_id},
    fixture::{Fixture, fault, refused, says},
    request::{Naming, board, patch, task, to},
    shelf::{Labelling, field, field_patch, says_in_fields},
};
use TaskStatus::InProgress;

impl Fixture {
    async fn required(&self, key: &str, kind: &str, default: Option<Json>) -> CustomField {
        let request = CreateCustomFieldRequest {
            required: Some(true),
            default_value: default.as_ref().map(chassis::encode::to_value),
            ..field(self.board, key, kind)
        };
        self.try_field(request).await.unwrap()
    }

    async fn stored(&self, task: &Task) -> Json {
        sqlx::query_scalar("select custom_field_values from task where id::text = $1")
            .bind(&task.id)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    async fn fill(&self, task: &Task, values: Json) -> Task {
        self.update(&owner(), patch(task).values(values))
            .await
            .unwrap()
    }
}

#[sqlx::test(migrations = false)]
async fn each_type_takes_its_own_values(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let good = json!({
        "text": "", "text_long": "long", "integer": -7, "decimal": 1.5, "boolean": false, "date": "20260131",
        "date_time": "2026-01-31T14:30:05.5+02:00", "url": "https://example.com/x?y", "json": [{"a": [null, 1]}],
    });
    for kind in good.as_object().unwrap().keys() {
        fixture.field(kind, kind).await;
    }
    let work = fixture.filled(good.clone()).await;
    assert_eq!(says_in_fields(&work), good);
    assert_eq!(says_in_fields(&fixture.now(&work).await), good);
    let bad = [
        ("text", json!(1)),
        ("text_long", json!(true)),
        ("integer", json!(1.5)),
        ("integer", json!("1")),
        ("integer", json!(true)),
        ("integer", json!(9_007_199_254_740_994_i64 * 2)),
        ("decimal", json!("1")),
        ("decimal", json!(false)),
        ("boolean", json!(0)),
        ("boolean", json!("true")),
        ("date", json!("31.01.2026")),
        ("date", json!("2026-02-30")),
        ("date_time", json!("14:30")),
        ("url", json!("example.com")),
        ("url", json!("ftp://x")),
        ("json", json!("{}")),
        ("json", json!(1)),
    ];
    for (key, value) in bad {
        for answer in [
            fixture.try_filled(json!({key: value})).await,
            fixture
                .update(&owner(), patch(&work).values(json!({key: value})))
                .await,
        ] {
            let refusal = fault(answer);
            assert_eq!(
                (refusal.code, refusal.reason.as_str()),
                (Code::Invalid, "CUSTOM_FIELD_INVALID"),
                "{key} {value}"
            );
            assert_eq!(
                (&refusal.facts["field_key"], &refusal.facts["field_type"]),
                (&json!(key), &json!(key))
            );
            assert!(
                refusal.facts["reason"]
                    .as_str()
                    .unwrap()
                    .starts_with("must be"),
                "{refusal:?}"
            );
        }
    }
    assert_eq!(fixture.now(&work).await, work);
}

#[sqlx::test(migrations = false)]
async fn unknown_then_invalid_then_missing(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    fixture.field("a", "integer").await;
    fixture.required("b", "text", None).await;
    fixture.required("c", "text", None).await;
    fixture.required("d", "text", Some(json!("default"))).await;
    let facts = async |values: Json| {
        let refusal = fault(fixture.try_filled(values).await);
        assert_eq!(refusal.fields[0].field, "custom_field_values");
        (refusal.reason, json!(refusal.facts))
    };
    let (reason, said) = facts(json!({"z": 1, "y": 1, "a": "x"})).await;
    assert_eq!(
        (reason.as_str(), &said["unknown_field_keys"]),
        ("CUSTOM_FIELDS_UNKNOWN", &json!(["y", "z"]))
    );
    let (reason, said) = facts(json!({"a": "x"})).await;
    assert_eq!(
        (reason.as_str(), &said["field_key"]),
        ("CUSTOM_FIELD_INVALID", &json!("a"))
    );
    let (reason, said) = facts(json!({"a": 1, "c": null})).await;
    assert_eq!(
        (reason.as_str(), &said["missing_field_keys"]),
        ("CUSTOM_FIELDS_MISSING", &json!(["b", "c"]))
    );
    let plain = fixture.create(&owner(), task(fixture.board, "Work")).await;
    assert_eq!(refused(plain), says(Code::Invalid, "CUSTOM_FIELDS_MISSING"));
    // What blocks comes before.
    let open = fixture.filled(json!({"b": "", "c": "c"})).await;
    let blocked = proto::board::v1::CreateTaskRequest {
        depends_on_task_ids: vec![open.id.clone()],
        assigned_agent_id: Some(worker_id(0).to_string()),
        ..task(fixture.board, "Work")
    };
    assert_eq!(
        refused(fixture.create(&fixture.lead(), blocked).await),
        says(Code::Conflict, "TASK_BLOCKED_CANNOT_TRANSITION")
    );
    assert_eq!(
        says_in_fields(&open),
        json!({"a": null, "b": "", "c": "c", "d": "default"})
    );
}

#[sqlx::test(migrations = false)]
async fn a_default_shows_and_is_never_stored(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let size = fixture.required("size", "text", Some(json!("M"))).await;
    let work = fixture.task("Work").await;
    assert_eq!(
        (says_in_fields(&work), fixture.stored(&work).await),
        (json!({"size": "M"}), json!({}))
    );
    let bigger = UpdateCustomFieldRequest {
        default_value: Some(chassis::encode::to_value(&json!("L"))),
        ..field_patch(&size, &["default_value"])
    };
    fixture.edit_field(bigger).await.unwrap();
    assert_eq!(
        says_in_fields(&fixture.now(&work).await),
        json!({"size": "L"})
    );
    let own = fixture.fill(&work, json!({"size": "L"})).await;
    assert_eq!(
        fixture.stored(&work).await,
        json!({(size.id.as_str()): "L"})
    );
    let smaller = UpdateCustomFieldRequest {
        default_value: Some(chassis::encode::to_value(&json!("S"))),
        ..field_patch(&size, &["default_value"])
    };
    fixture.edit_field(smaller).await.unwrap();
    assert_eq!(
        says_in_fields(&fixture.now(&own).await),
        json!({"size": "L"})
    );
    // Cleared, it shows the default again: the field is required, and is not empty.
    assert_eq!(
        says_in_fields(&fixture.fill(&work, json!({"size": null})).await),
        json!({"size": "S"})
    );
    assert_eq!(fixture.stored(&work).await, json!({}));
}

#[sqlx::test(migrations = false)]
async fn a_change_touches_only_what_it_names(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    fixture.field("a", "integer").await;
    fixture.field("b", "integer").await;
    let work = fixture.filled(json!({"a": 1, "b": 2})).await;
    fixture.told(3).await;
    let changed = fixture.fill(&work, json!({"b": 3})).await;
    assert_eq!(
        (says_in_fields(&changed), changed.version),
        (json!({"a": 1, "b": 3}), 2)
    );
    let told = fixture.told(1).await;
    let Some(Payload::TaskUpdated(updated)) = &told[0].payload else {
        panic!("{told:?}")
    };
    assert_eq!(updated.changed_fields, ["custom_field_values"]);
    assert_eq!(updated.task.as_ref(), Some(&changed));
    let mut null = patch(&work).values(json!({}));
    null.custom_field_values = None;
    for same in [
        patch(&work).values(json!({"a": 1})),
        patch(&work).values(json!({})),
        null,
    ] {
        assert_eq!(fixture.update(&owner(), same).await.unwrap(), changed);
    }
    let cleared = fixture.fill(&work, json!({"a": null})).await;
    assert_eq!(says_in_fields(&cleared), json!({"a": null, "b": 3}));
    let renamed = fixture
        .update(&owner(), patch(&work).title("T"))
        .await
        .unwrap();
    assert_eq!(renamed.custom_field_values, cleared.custom_field_values);
    fixture.told(2).await;
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_field_that_became_required_stands_in_nobodys_way(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    fixture.field("old", "text").await;
    let work = fixture.task("Work").await;
    fixture.required("new", "text", None).await;
    fixture
        .update(&owner(), patch(&work).title("T"))
        .await
        .unwrap();
    fixture
        .update(&owner(), to(&work, InProgress))
        .await
        .unwrap();
    fixture.fill(&work, json!({"old": "x"})).await;
    let missing = |answer| {
        let refusal = fault::<Task>(answer);
        assert_eq!(refusal.reason, "CUSTOM_FIELDS_MISSING");
        assert_eq!(refusal.facts["missing_field_keys"], json!(["new"]));
    };
    let clear = || patch(&work).values(json!({"new": null}));
    missing(fixture.update(&owner(), clear()).await);
    fixture.fill(&work, json!({"new": "x"})).await;
    missing(fixture.update(&owner(), clear()).await);
    fixture.fill(&work, json!({"new": ""})).await;
}

#[sqlx::test(migrations = false)]
async fn a_board_without_fields_says_nothing(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    fixture.field("here", "text").await;
    let other = fixture
        .create_board(&owner(), board("Other"))
        .await
        .unwrap();
    let other = other.id.parse().unwrap();
    let there = fixture
        .create(&owner(), task(other, "There"))
        .await
        .unwrap();
    assert_eq!(says_in_fields(&there), json!({}));
    let foreign = proto::board::v1::CreateTaskRequest {
        custom_field_values: crate::shelf::object(&json!({"here": "x"})),
        ..task(other, "There")
    };
    assert_eq!(
        refused(fixture.create(&owner(), foreign).await),
        says(Code::Invalid, "CUSTOM_FIELDS_UNKNOWN")
    );
    let here = fixture.filled(json!({"here": "x"})).await;
    let all = fixture
        .tasks(&owner())
        .list_tasks(ListTasksRequest::default())
        .await
        .unwrap();
    assert_eq!(all.into_inner().items, [here, there]);
}

#[sqlx::test(migrations = false)]
async fn a_worker_fills_the_fields_of_its_own_tasks(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    fixture.field("a", "integer").await;
    let work = fixture.task("Work").await;
    let mismatch = says(Code::Forbidden, "TASK_ASSIGNEE_MISMATCH");
    let fill = || patch(&work).values(json!({"a": 1}));
    assert_eq!(
        refused(fixture.update(&fixture.worker(0), fill()).await),
        mismatch,
        "nobody's is not its own"
    );
    let claim = fill().status(InProgress);
    let claimed = fixture.update(&fixture.worker(0), claim).await.unwrap();
    assert_eq!(
        (says_in_fields(&claimed), claimed.status()),
        (json!({"a": 1}), InProgress)
    );
    assert_eq!(
        refused(fixture.update(&fixture.worker(1), fill()).await),
        mismatch
    );
    fixture
        .update(&fixture.worker(1), patch(&work).comment("may I?"))
        .await
        .unwrap();
    let more = patch(&work).values(json!({"a": 2}));
    fixture.update(&fixture.worker(0), more).await.unwrap();
    let by_lead = patch(&work).values(json!({"a": 3}));
    let by_lead = fixture.update(&fixture.lead(), by_lead).await.unwrap();
    assert_eq!(says_in_fields(&by_lead), json!({"a": 3}));
}

#[sqlx::test(migrations = false)]
async fn fields_are_judged_last(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let open = fixture.task("Open").await;
    let work = fixture.task("Work").await;
    fixture
        .update(&owner(), patch(&work).depends_on(&[&open]))
        .await
        .unwrap();
    let unknown = || patch(&work).values(json!({"ghost": 1}));
    let blocked = fixture.update(&owner(), unknown().status(InProgress)).await;
    assert_eq!(
        refused(blocked),
        says(Code::Conflict, "TASK_BLOCKED_CANNOT_TRANSITION")
    );
    let stranger = fixture
        .update(&owner(), unknown().assignee(Some(worker_id(9))))
        .await;
    assert_eq!(
        refused(stranger),
        says(Code::Conflict, "TASK_BLOCKED_CANNOT_TRANSITION")
    );
    let refusal = fault(fixture.update(&owner(), unknown().title("T")).await);
    assert_eq!(refusal.reason, "CUSTOM_FIELDS_UNKNOWN");
    assert_eq!(
        fixture.now(&work).await.title,
        "Work",
        "half a change is none"
    );
}

#[sqlx::test(migrations = false)]
async fn a_definition_that_tightens_while_tasks_are_filled_lets_nothing_bad_through(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    for round in 0..15 {
        let key = format!("f{round}");
        let made = fixture.field(&key, "text").await;
        let work = fixture.task("Work").await;
        let tighten = UpdateCustomFieldRequest {
            validation_regex: Some("good".into()),
            ..field_patch(&made, &["validation_regex"])
        };
        let ada = owner();
        let fill = fixture.update(&ada, patch(&work).values(json!({(key.as_str()): "bad"})));
        let (filled, tightened) = futures::future::join(fill, fixture.edit_field(tighten)).await;
        assert_ne!(
            filled.is_ok(),
            tightened.is_ok(),
            "one of them comes first: {filled:?} {tightened:?}"
        );
    }
}
