use chassis::Code;
use chrono::TimeDelta;
use proto::{
    event::v1::{OrganizationSettingsChanged, event::Payload},
    org::v1::{
        DeleteOrganizationRequest, GetOrganizationRequest, GetSettingsRequest,
        OrganizationSettings, UpdateOrganizationRequest, UpdateSettingsRequest,
    },
};
use sqlx::PgPool;

use crate::fixture::{Fixture, fault, mask, violation};

fn rename(name: Option<&str>) -> UpdateOrganizationRequest {
    UpdateOrganizationRequest {
        update_mask: mask(&["name"]),
        name: name.map(str::to_owned),
    }
}

#[sqlx::test(migrations = false)]
async fn an_organization_is_renamed(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let mut client = it.organizations(&user);
    it.clock.advance(TimeDelta::minutes(1));
    let answer = client.update_organization(rename(Some(" Acme "))).await;
    let renamed = answer.unwrap().into_inner().organization.unwrap();
    assert_eq!(renamed.name, "Acme");
    assert_ne!(renamed.updated_at, renamed.created_at);
    let events = it.told(1).await;
    match &events[0].payload {
        Some(Payload::OrganizationUpdated(told)) => {
            assert_eq!(told.organization.as_ref(), Some(&renamed));
            assert_eq!(told.changed_fields, ["name"]);
        }
        other => panic!("{other:?}"),
    }

    // The same name and no name at all change nothing.
    it.clock.advance(TimeDelta::minutes(1));
    for request in [rename(Some("Acme")), UpdateOrganizationRequest::default()] {
        let answer = client.update_organization(request).await.unwrap();
        assert_eq!(answer.into_inner().organization.as_ref(), Some(&renamed));
    }
    for (name, reason) in [
        (None, "REQUIRED"),
        (Some(" "), "BLANK"),
        (Some("a\0"), "NUL_BYTE"),
        (Some(&*"x".repeat(201)), "TOO_LONG"),
    ] {
        let answer = client.update_organization(rename(name)).await;
        assert_eq!(violation(answer), ("name".into(), reason.into()));
    }
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn retention_is_off_until_it_is_set_and_null_switches_it_off(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let mut client = it.organizations(&user);
    let answer = client.get_settings(GetSettingsRequest {}).await.unwrap();
    let off = OrganizationSettings::default();
    assert_eq!(answer.into_inner().settings, Some(off));

    let request = UpdateSettingsRequest {
        update_mask: mask(&["event_retention_days", "memory_retention_days"]),
        event_retention_days: Some(1),
        memory_retention_days: Some(3_650),
        // Not named.
        payload_retention_days: Some(7),
    };
    let set = OrganizationSettings {
        event_retention_days: Some(1),
        payload_retention_days: None,
        memory_retention_days: Some(3_650),
    };
    for _ in 0..2 {
        let answer = client.update_settings(request.clone()).await.unwrap();
        assert_eq!(answer.into_inner().settings, Some(set));
    }
    let request = UpdateSettingsRequest {
        update_mask: mask(&["event_retention_days"]),
        ..UpdateSettingsRequest::default()
    };
    let answer = client.update_settings(request).await.unwrap();
    let left = OrganizationSettings {
        event_retention_days: None,
        ..set
    };
    assert_eq!(answer.into_inner().settings, Some(left));
    let answer = client.get_settings(GetSettingsRequest {}).await.unwrap();
    assert_eq!(answer.into_inner().settings, Some(left));

    let told: Vec<_> = it.told(2).await.into_iter().map(|e| e.payload).collect();
    let changed = |settings, fields: &[&str]| {
        Some(Payload::OrganizationSettingsChanged(
            OrganizationSettingsChanged {
                settings: Some(settings),
                changed_fields: fields.iter().map(|&field| field.to_owned()).collect(),
            },
        ))
    };
    assert_eq!(
        told,
        [
            changed(set, &["event_retention_days", "memory_retention_days"]),
            changed(left, &["event_retention_days"])
        ]
    );
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn retention_is_bounded(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let mut client = it.organizations(&user);
    let fields = [
        "event_retention_days",
        "payload_retention_days",
        "memory_retention_days",
    ];
    for (index, field) in fields.into_iter().enumerate() {
        for days in [0, -1, 3_651, i32::MAX] {
            let value = |at: usize| (at == index).then_some(days);
            let request = UpdateSettingsRequest {
                update_mask: mask(&[field]),
                event_retention_days: value(0),
                payload_retention_days: value(1),
                memory_retention_days: value(2),
            };
            let answer = client.update_settings(request).await;
            assert_eq!(violation(answer), (field.into(), "OUT_OF_RANGE".into()));
        }
    }
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_deleted_organization_leaves_nothing_and_its_people_act_elsewhere(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let ada = it.other_person("ada").await;
    let scene = it.fill(&user, &ada).await;
    for (table, mentions) in it.mentioning(&scene).await {
        assert!(mentions, "the test does not fill the table {table}");
    }

    let mut client = it.organizations(&user);
    client
        .delete_organization(DeleteOrganizationRequest {})
        .await
        .unwrap();
    let gone: Vec<_> = scene.into_iter().filter(|id| *id != user.id).collect();
    for (table, mentions) in it.mentioning(&gone).await {
        assert!(!mentions, "something is left in the table {table}");
    }
    let events = it.told(1).await;
    assert_eq!(events[0].r#type, "organization.deleted");
    assert_eq!(events[0].organization_id, user.organization_id.to_string());

    // Ada acted in it: now she acts in her own again.
    let answer = it
        .organizations(&ada)
        .get_organization(GetOrganizationRequest {})
        .await;
    assert_eq!(
        answer.unwrap().into_inner().organization.unwrap().name,
        "ada's"
    );
    // Whoever still holds a caller of it finds nothing.
    let again = client
        .delete_organization(DeleteOrganizationRequest {})
        .await;
    let fault = fault(again);
    assert_eq!(
        (fault.code, fault.rest_code().as_str()),
        (Code::NotFound, "organization_not_found")
    );
    let now = it.sign_in().await;
    assert_ne!(now.organization_id, user.organization_id);
    assert_eq!(it.types(1).await, ["organization.created"]);
    it.stop().await;
}
