//! Definitions of custom fields.

use chassis::Code;
use chrono::TimeDelta;
use futures::future::join_all;
use proto::{
    board::v1::{
        CreateCustomFieldRequest, CustomField, CustomFieldType, CustomFieldVisibility,
        ListCustomFieldsRequest, UpdateCustomFieldRequest,
    },
    event::v1::event::Payload,
};
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    callers::{FOREIGN_ORGANIZATION, ORGANIZATION, member, owner, stranger},
    fixture::{Fixture, fault, refused, says, start_of_time, violation, wrong},
    request::board,
    shelf::{field, field_patch},
};

fn taken() -> (Code, String) {
    says(Code::AlreadyExists, "CUSTOM_FIELD_KEY_TAKEN")
}

pub(crate) fn not_found() -> (Code, String) {
    says(Code::NotFound, "CUSTOM_FIELD_NOT_FOUND")
}

impl Fixture {
    pub(crate) async fn listed(&self, archived: bool) -> Vec<CustomField> {
        let request = ListCustomFieldsRequest {
            include_archived: Some(archived),
        };
        let answer = self.fields(&owner()).list_custom_fields(request).await;
        answer.unwrap().into_inner().items
    }

    pub(crate) async fn other_board(&self) -> Uuid {
        let made = self.create_board(&owner(), board("Other")).await.unwrap();
        made.id.parse().unwrap()
    }

    /// A board of another organization.
    async fn foreign_board(&self) -> Uuid {
        let id = self.other_board().await;
        sqlx::query("update board set organization_id = $2 where id = $1")
            .bind(id)
            .bind(FOREIGN_ORGANIZATION)
            .execute(&self.pool)
            .await
            .unwrap();
        id
    }
}

#[sqlx::test(migrations = false)]
async fn a_field_is_defined_with_its_words_and_their_other_names(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let plain = CreateCustomFieldRequest {
        field_type: None,
        ..field(fixture.board, "  Team Name ", "")
    };
    let made = fixture.try_field(plain).await.unwrap();
    let expected = CustomField {
        id: made.id.clone(),
        organization_id: ORGANIZATION.to_string(),
        field_key: "team name".into(),
        label: "team name".into(),
        field_type: CustomFieldType::Text.into(),
        ui_visibility: CustomFieldVisibility::Always.into(),
        validation_regex: None,
        description: None,
        required: false,
        default_value: None,
        board_ids: vec![fixture.board.to_string()],
        created_at: Some(chassis::encode::time(start_of_time())),
        updated_at: Some(chassis::encode::time(start_of_time())),
        archived: false,
    };
    assert_eq!(made, expected);
    let told = fixture.told(1).await;
    let Some(Payload::CustomFieldCreated(created)) = &told[0].payload else {
        panic!("{told:?}")
    };
    assert_eq!(created.custom_field.as_ref(), Some(&made));
    let full = CreateCustomFieldRequest {
        label: Some(" Size ".into()),
        ui_visibility: Some("If Set".into()),
        validation_regex: Some(" [SML]+ ".into()),
        description: Some("T-shirt".into()),
        required: Some(true),
        default_value: Some(chassis::encode::to_value(&json!("M"))),
        ..field(fixture.board, "size", "Text (long)")
    };
    let full = fixture.try_field(full).await.unwrap();
    assert_eq!(full.field_type(), CustomFieldType::TextLong);
    assert_eq!(full.ui_visibility(), CustomFieldVisibility::IfSet);
    assert_eq!(
        (full.label.as_str(), full.validation_regex.as_deref()),
        ("Size", Some("[SML]+"))
    );
    assert_eq!(fixture.listed(false).await, [full, made]);
    fixture.told(1).await;
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_bad_definition_is_refused(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let good = || field(fixture.board, "key", "text");
    let with = |change: fn(&mut CreateCustomFieldRequest)| {
        let mut request = good();
        change(&mut request);
        request
    };
    let cases = [
        (with(|r| r.field_key = " ".into()), "field_key", "BLANK"),
        (
            with(|r| r.field_key = "x".repeat(101)),
            "field_key",
            "TOO_LONG",
        ),
        (with(|r| r.label = Some(" ".into())), "label", "BLANK"),
        (
            with(|r| r.label = Some("x".repeat(201))),
            "label",
            "TOO_LONG",
        ),
        (
            with(|r| r.field_type = Some("number".into())),
            "field_type",
            "UNKNOWN_WORD",
        ),
        (
            with(|r| r.ui_visibility = Some("never".into())),
            "ui_visibility",
            "UNKNOWN_WORD",
        ),
        (
            with(|r| r.validation_regex = Some("x".repeat(1_001))),
            "validation_regex",
            "TOO_LONG",
        ),
        (
            with(|r| r.description = Some("x".repeat(2_001))),
            "description",
            "TOO_LONG",
        ),
        (with(|r| r.board_ids = vec![]), "board_ids", "REQUIRED"),
        (
            with(|r| r.board_ids = vec!["7".into()]),
            "board_ids[0]",
            "NOT_A_UUID",
        ),
        (
            with(|r| r.board_ids = vec![Uuid::nil().to_string(); 501]),
            "board_ids",
            "TOO_MANY",
        ),
        (
            with(|r| r.default_value = Some(chassis::encode::to_value(&json!({"a": ["\0"]})))),
            "default_value",
            "NUL_BYTE",
        ),
    ];
    for (request, name, reason) in cases {
        assert_eq!(
            violation(fixture.try_field(request).await),
            wrong(name, reason)
        );
    }
    for (kind, regex) in [
        ("text", "("),
        ("text", "(?=a)b"),
        ("text", r"\w{1000}{1000}"),
        ("integer", "1+"),
    ] {
        let request = CreateCustomFieldRequest {
            validation_regex: Some(regex.into()),
            ..field(fixture.board, "key", kind)
        };
        assert_eq!(
            refused(fixture.try_field(request).await),
            says(Code::Invalid, "REGEX_INVALID")
        );
    }
    for (kind, default) in [
        ("text", json!(1)),
        ("integer", json!(1.5)),
        ("date", json!("soon")),
        ("text", json!("abc")),
    ] {
        let request = CreateCustomFieldRequest {
            validation_regex: (kind == "text").then(|| "ab".to_owned()),
            default_value: Some(chassis::encode::to_value(&default)),
            ..field(fixture.board, "key", kind)
        };
        assert_eq!(
            refused(fixture.try_field(request).await),
            says(Code::Invalid, "DEFAULT_INVALID")
        );
    }
    let theirs = fixture.foreign_board().await;
    let strange = CreateCustomFieldRequest {
        board_ids: vec![
            Uuid::nil().to_string(),
            fixture.board.to_string(),
            theirs.to_string(),
        ],
        ..good()
    };
    let refusal = fault(fixture.try_field(strange).await);
    assert_eq!(
        (refusal.code, refusal.reason.as_str()),
        (Code::Invalid, "BOARDS_INVALID")
    );
    assert_eq!(
        refusal.facts["invalid_board_ids"],
        json!([Uuid::nil(), theirs])
    );
    assert_eq!(fixture.listed(true).await, []);
}

#[sqlx::test(migrations = false)]
async fn a_key_is_taken_by_one(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    for round in 0..20 {
        let wants = ["Key", " key", "KEY", "kEy"]
            .map(|key| fixture.try_field(field(fixture.board, &format!("{key}{round} "), "text")));
        let answers = join_all(wants).await;
        let (made, refusals): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!((made.len(), refusals.len()), (1, 3));
        for refusal in refusals {
            assert_eq!(refused(refusal), taken());
        }
    }
    let theirs = fixture.foreign_board().await;
    let same = field(theirs, "key0", "text");
    fixture
        .fields(&stranger())
        .create_custom_field(same)
        .await
        .unwrap();
}

#[sqlx::test(migrations = false)]
async fn only_what_is_named_changes_and_the_key_never_does(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let made = fixture.field("key", "text").await;
    fixture.told(1).await;
    fixture.clock.advance(TimeDelta::seconds(3));
    let named = |fields: &[&str]| UpdateCustomFieldRequest {
        label: Some("Label".into()),
        field_type: Some("LONG_TEXT".into()),
        ui_visibility: Some("hidden".into()),
        validation_regex: Some("a+".into()),
        description: Some("d".into()),
        required: Some(true),
        default_value: Some(chassis::encode::to_value(&json!("aa"))),
        ..field_patch(&made, fields)
    };
    let edited = fixture
        .edit_field(named(&["label", "required"]))
        .await
        .unwrap();
    let expected = CustomField {
        label: "Label".into(),
        required: true,
        updated_at: Some(chassis::encode::time(
            start_of_time() + TimeDelta::seconds(3),
        )),
        ..made.clone()
    };
    assert_eq!(edited, expected);
    let told = fixture.told(1).await;
    let Some(Payload::CustomFieldUpdated(updated)) = &told[0].payload else {
        panic!("{told:?}")
    };
    assert_eq!(updated.changed_fields, ["label", "required"]);
    assert_eq!(fixture.edit_field(named(&["label"])).await.unwrap(), edited);
    let nothing = fixture.edit_field(named(&[])).await;
    assert_eq!(refused(nothing), says(Code::Invalid, "NOTHING_TO_CHANGE"));
    let key = fixture.edit_field(named(&["label", "field_key"])).await;
    assert_eq!(refused(key), says(Code::Invalid, "FIELD_IMMUTABLE"));
    for field in [
        "label",
        "field_type",
        "ui_visibility",
        "required",
        "archived",
        "board_ids",
    ] {
        let null = fixture.edit_field(field_patch(&made, &[field])).await;
        assert_eq!(violation(null), wrong(field, "REQUIRED"));
    }
    // Type, expression and default are judged together.
    let default = fixture
        .edit_field(named(&["validation_regex", "default_value"]))
        .await
        .unwrap();
    assert!(default.default_value.is_some());
    let apart = UpdateCustomFieldRequest {
        validation_regex: Some("b".into()),
        ..field_patch(&made, &["validation_regex"])
    };
    assert_eq!(
        refused(fixture.edit_field(apart).await),
        says(Code::Invalid, "DEFAULT_INVALID")
    );
    let apart = UpdateCustomFieldRequest {
        field_type: Some("integer".into()),
        ..field_patch(&made, &["field_type"])
    };
    assert_eq!(
        refused(fixture.edit_field(apart).await),
        says(Code::Invalid, "REGEX_INVALID")
    );
    let cleared = fixture
        .edit_field(field_patch(&made, &["validation_regex", "default_value"]))
        .await
        .unwrap();
    assert_eq!(
        (cleared.validation_regex, cleared.default_value),
        (None, None)
    );
    fixture.told(2).await;
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn fields_are_the_organizations_and_its_administrators_change_them(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let made = fixture.field("key", "text").await;
    let reader = member(&[fixture.board], true);
    let list = ListCustomFieldsRequest::default;
    let seen = fixture
        .fields(&reader)
        .list_custom_fields(list())
        .await
        .unwrap();
    assert_eq!(seen.into_inner().items, std::slice::from_ref(&made));
    let theirs = fixture
        .fields(&stranger())
        .list_custom_fields(list())
        .await
        .unwrap();
    assert_eq!(theirs.into_inner().items, []);
    let edit = || UpdateCustomFieldRequest {
        label: Some("L".into()),
        ..field_patch(&made, &["label"])
    };
    let delete = || proto::board::v1::DeleteCustomFieldRequest {
        task_custom_field_definition_id: made.id.clone(),
    };
    let admin = says(Code::Forbidden, "ADMIN_REQUIRED");
    assert_eq!(
        refused(fixture.fields(&reader).update_custom_field(edit()).await),
        admin
    );
    assert_eq!(
        refused(fixture.fields(&reader).delete_custom_field(delete()).await),
        admin
    );
    assert_eq!(
        refused(
            fixture
                .fields(&stranger())
                .update_custom_field(edit())
                .await
        ),
        not_found()
    );
    assert_eq!(
        refused(
            fixture
                .fields(&stranger())
                .delete_custom_field(delete())
                .await
        ),
        not_found()
    );
    let foreign = field(fixture.board, "key", "text");
    let refusal = fault(
        fixture
            .fields(&stranger())
            .create_custom_field(foreign)
            .await,
    );
    assert_eq!(refusal.reason, "BOARDS_INVALID");
}

#[sqlx::test(migrations = false)]
async fn an_organization_has_two_hundred_fields_at_most(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    crate::bulk::fields(&fixture.pool, fixture.board, 0..199).await;
    let keys: Vec<String> = (0..6).map(|n| format!("late{n}")).collect();
    let wants = keys
        .iter()
        .map(|key| fixture.try_field(field(fixture.board, key, "text")));
    let (made, refusals): (Vec<_>, Vec<_>) =
        join_all(wants).await.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), refusals.len()), (1, 5));
    for refusal in refusals {
        assert_eq!(
            refused(refusal),
            says(Code::Conflict, "TOO_MANY_CUSTOM_FIELDS")
        );
    }
}
