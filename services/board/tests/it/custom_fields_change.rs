//! Definitions of custom fields that change while tasks have values.

use chassis::Code;
use proto::board::v1::{CreateCustomFieldRequest, CustomFieldType, UpdateCustomFieldRequest};
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    callers::owner,
    custom_fields::not_found,
    fixture::{Fixture, fault, refused, says},
    request::patch,
    shelf::{Labelling, field, field_patch, says_in_fields},
};

#[sqlx::test(migrations = false)]
async fn a_stricter_rule_must_hold_for_what_is_stored(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let made = fixture.field("size", "text").await;
    for value in ["1", "20", "x", "y", "2026-01-31"] {
        fixture.filled(json!({"size": value})).await;
    }
    let stricter = |kind: &str, regex: Option<&str>| UpdateCustomFieldRequest {
        field_type: Some(kind.to_owned()),
        validation_regex: regex.map(str::to_owned),
        ..field_patch(&made, &["field_type", "validation_regex"])
    };
    for (kind, regex, count) in [
        ("text", Some("[0-9]+"), 3),
        ("date", None, 4),
        ("integer", None, 5),
        ("text", Some("[xy]"), 3),
    ] {
        let refusal = fault(fixture.edit_field(stricter(kind, regex)).await);
        assert_eq!(
            (refusal.code, refusal.reason.as_str()),
            (Code::Conflict, "CUSTOM_FIELD_VALUES_INVALID")
        );
        assert_eq!(refusal.facts["invalid_count"], count, "{kind} {regex:?}");
    }
    let good = fixture
        .edit_field(stricter("text_long", Some("[-0-9xy]+")))
        .await
        .unwrap();
    assert_eq!(good.field_type(), CustomFieldType::TextLong);
    // Values of a board that no longer has the field count as well: it may get it back.
    let other = fixture.other_board().await;
    let elsewhere = UpdateCustomFieldRequest {
        board_ids: vec![other.to_string()],
        ..field_patch(&made, &["board_ids"])
    };
    fixture.edit_field(elsewhere).await.unwrap();
    let refusal = fault(fixture.edit_field(stricter("integer", None)).await);
    assert_eq!(refusal.facts["invalid_count"], 5);
}

#[sqlx::test(migrations = false)]
async fn values_are_judged_however_many_there_are(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let made = fixture.field("size", "text").await;
    crate::bulk::tasks(&fixture.pool, fixture.board, "inbox", 0..1_203).await;
    sqlx::query("update task set custom_field_values = jsonb_build_object($1::text, 'x')")
        .bind(&made.id)
        .execute(&fixture.pool)
        .await
        .unwrap();
    let stricter = UpdateCustomFieldRequest {
        field_type: Some("integer".into()),
        ..field_patch(&made, &["field_type"])
    };
    let refusal = fault(fixture.edit_field(stricter).await);
    assert_eq!(refusal.facts["invalid_count"], 1_203);
}

#[sqlx::test(migrations = false)]
async fn a_field_with_values_is_archived_and_not_deleted(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let (used, unused) = (
        fixture.field("used", "text").await,
        fixture.field("unused", "text").await,
    );
    let default = UpdateCustomFieldRequest {
        default_value: Some(chassis::encode::to_value(&json!("d"))),
        ..field_patch(&unused, &["default_value"])
    };
    fixture.edit_field(default).await.unwrap();
    let work = fixture.filled(json!({"used": "x"})).await;
    assert_eq!(says_in_fields(&work), json!({"used": "x", "unused": "d"}));
    fixture.told(4).await;

    let answer = fixture.delete_field(&unused).await.unwrap();
    assert_eq!(
        (answer.ok, answer.archived),
        (true, false),
        "a default is no value"
    );
    assert_eq!(refused(fixture.delete_field(&unused).await), not_found());
    let answer = fixture.delete_field(&used).await.unwrap();
    assert_eq!((answer.ok, answer.archived), (true, true));
    let told = fixture.told(2).await;
    let kinds: Vec<&str> = told.iter().map(|event| event.r#type.as_str()).collect();
    assert_eq!(kinds, ["custom_field.deleted", "custom_field.updated"]);
    assert!(
        fixture.delete_field(&used).await.unwrap().archived,
        "repeating it changes nothing"
    );
    let hidden = fixture.now(&work).await;
    assert_eq!(says_in_fields(&hidden), json!({}));
    let unknown = fixture
        .update(&owner(), patch(&work).values(json!({"used": "y"})))
        .await;
    assert_eq!(
        refused(unknown),
        says(Code::Invalid, "CUSTOM_FIELDS_UNKNOWN")
    );
    assert_eq!(fixture.listed(false).await, []);
    assert_eq!(fixture.listed(true).await.len(), 1);

    let back = UpdateCustomFieldRequest {
        archived: Some(false),
        ..field_patch(&used, &["archived"])
    };
    fixture.edit_field(back).await.unwrap();
    assert_eq!(
        says_in_fields(&fixture.now(&work).await),
        json!({"used": "x"})
    );
    fixture
        .update(&owner(), patch(&work).values(json!({"used": null})))
        .await
        .unwrap();
    assert!(!fixture.delete_field(&used).await.unwrap().archived);
    fixture.told(3).await;
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_field_is_on_its_boards_and_makes_their_copies_old(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let other = fixture.other_board().await;
    let made = CreateCustomFieldRequest {
        board_ids: [other, fixture.board, other]
            .map(|id| id.to_string())
            .to_vec(),
        ..field(fixture.board, "key", "text")
    };
    let made = fixture.try_field(made).await.unwrap();
    assert_eq!(
        made.board_ids,
        [other.to_string(), fixture.board.to_string()]
    );
    let mut sorted = made.board_ids.clone();
    sorted.sort();
    assert_eq!(fixture.listed(false).await[0].board_ids, sorted);
    let work = fixture.filled(json!({"key": "x"})).await;
    let to_boards = |boards: &[Uuid]| UpdateCustomFieldRequest {
        board_ids: boards.iter().map(Uuid::to_string).collect(),
        ..field_patch(&made, &["board_ids"])
    };
    let versions = async || -> Vec<i64> {
        sqlx::query_scalar("select version from board order by created_at, id")
            .fetch_all(&fixture.pool)
            .await
            .unwrap()
    };
    let before = versions().await;
    fixture.edit_field(to_boards(&[other])).await.unwrap();
    assert_eq!(versions().await, [before[0] + 1, before[1]]);
    let hidden = fixture.now(&work).await;
    assert_eq!(
        (says_in_fields(&hidden), hidden.version),
        (json!({}), work.version + 1)
    );
    fixture
        .edit_field(to_boards(&[fixture.board, other]))
        .await
        .unwrap();
    assert_eq!(
        says_in_fields(&fixture.now(&work).await),
        json!({"key": "x"})
    );
    // What no task shows makes no copy old.
    let before = versions().await;
    let relabel = UpdateCustomFieldRequest {
        label: Some("L".into()),
        ..field_patch(&made, &["label"])
    };
    fixture.edit_field(relabel).await.unwrap();
    assert_eq!(versions().await, before);
    let default = UpdateCustomFieldRequest {
        default_value: Some(chassis::encode::to_value(&json!("d"))),
        ..field_patch(&made, &["default_value"])
    };
    fixture.edit_field(default).await.unwrap();
    assert_eq!(versions().await, [before[0] + 1, before[1] + 1]);
}
