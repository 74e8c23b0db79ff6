use chassis::{Caller, Code};
use proto::{
    event::v1::{UserUpdated, event::Payload},
    org::v1::{
        BootstrapRequest, GetMeRequest, UpdateMeRequest, User,
        user_service_client::UserServiceClient,
    },
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::fixture::{Fixture, code, fault, mask, violation};

#[sqlx::test(migrations = false)]
async fn bootstrap_and_me_say_who_the_caller_is(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let me = User {
        id: user.id.to_string(),
        clerk_user_id: "local-auth-user".into(),
        email: Some("admin@home.local".into()),
        name: Some("Local User".into()),
        ..User::default()
    };
    for _ in 0..2 {
        let answer = it
            .users(&user)
            .bootstrap(BootstrapRequest {})
            .await
            .unwrap();
        assert_eq!(answer.into_inner().user.as_ref(), Some(&me));
    }
    let answer = it.users(&user).get_me(GetMeRequest {}).await.unwrap();
    assert_eq!(answer.into_inner().user, Some(me));
    assert_eq!(it.counts().await, (1, 1, 1));
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_person_who_is_gone_is_no_caller_any_more(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let mut user = it.first_sign_in().await;
    user.id = Uuid::from_u128(1);
    let fault = fault(it.users(&user).get_me(GetMeRequest {}).await);
    assert_eq!(
        (fault.code, fault.reason.as_str()),
        (Code::Unauthenticated, "USER_NOT_FOUND")
    );
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn nobody_but_a_person_has_a_profile(pool: PgPool) {
    let it = Fixture::start(pool).await;
    for (caller, code) in [
        (crate::fixture::agent(Uuid::from_u128(1)), Code::Forbidden),
        (crate::fixture::edge(), Code::Forbidden),
        (Caller::Anonymous, Code::Unauthenticated),
    ] {
        let mut users = UserServiceClient::new(it.transport(caller));
        assert_eq!(fault(users.get_me(GetMeRequest {}).await).code, code);
        assert_eq!(fault(users.bootstrap(BootstrapRequest {}).await).code, code);
    }
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_profile_is_changed_field_by_field_and_every_organization_hears_of_it(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let ada = it.other_person("ada").await;
    it.join(ada.organization_id, user.id, "member").await;
    let request = UpdateMeRequest {
        update_mask: mask(&["preferred_name", "timezone", "notes"]),
        preferred_name: Some("  Sam ".into()),
        timezone: Some("America/Argentina/Buenos_Aires".into()),
        notes: Some("é".repeat(10_000)),
        // Not named: not touched.
        name: Some("Somebody".into()),
        ..UpdateMeRequest::default()
    };
    let mut client = it.users(&user);
    let answer = client.update_me(request.clone()).await.unwrap();
    let expected = User {
        id: user.id.to_string(),
        clerk_user_id: "local-auth-user".into(),
        email: Some("admin@home.local".into()),
        name: Some("Local User".into()),
        preferred_name: Some("Sam".into()),
        timezone: request.timezone.clone(),
        notes: request.notes.clone(),
        ..User::default()
    };
    assert_eq!(answer.into_inner().user.as_ref(), Some(&expected));
    let events = it.told(2).await;
    let told = Payload::UserUpdated(UserUpdated {
        user_id: user.id.to_string(),
        name: "Sam".into(),
        changed_fields: vec!["preferred_name".into(), "timezone".into(), "notes".into()],
    });
    assert!(
        events
            .iter()
            .all(|event| event.payload.as_ref() == Some(&told))
    );
    let mut heard: Vec<_> = events
        .into_iter()
        .map(|event| event.organization_id)
        .collect();
    heard.sort();
    let mut organizations = [user.organization_id, ada.organization_id].map(|id| id.to_string());
    organizations.sort();
    assert_eq!(heard, organizations);

    // The same again, and an empty body: nothing changes and nobody is told.
    let updated_at = "select updated_at::text from user_account where id = $1";
    let before: String = it.value(updated_at, user.id).await;
    it.clock.advance(chrono::TimeDelta::hours(1));
    for request in [request, UpdateMeRequest::default()] {
        let answer = client.update_me(request).await.unwrap();
        assert_eq!(answer.into_inner().user.as_ref(), Some(&expected));
    }
    assert_eq!(it.value::<String>(updated_at, user.id).await, before);

    // Null and blank clear.
    let request = UpdateMeRequest {
        update_mask: mask(&["preferred_name", "timezone", "notes"]),
        timezone: Some("  ".into()),
        ..UpdateMeRequest::default()
    };
    let cleared = client.update_me(request).await.unwrap().into_inner().user;
    let expected = User {
        preferred_name: None,
        timezone: None,
        notes: None,
        ..expected
    };
    assert_eq!(cleared, Some(expected));
    it.told(2).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_profile_is_bounded_and_knows_its_time_zone(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let mut client = it.users(&user);
    let fields = [
        "name",
        "preferred_name",
        "pronouns",
        "timezone",
        "notes",
        "context",
    ];
    for (index, field) in fields.into_iter().enumerate() {
        let max = if index < 4 { 200 } else { 10_000 };
        for (text, reason) in [
            ("x".repeat(max + 1), "TOO_LONG"),
            ("x\0y".into(), "NUL_BYTE"),
        ] {
            let value = |at: usize| (at == index).then(|| text.clone());
            let request = UpdateMeRequest {
                update_mask: mask(&[field]),
                name: value(0),
                preferred_name: value(1),
                pronouns: value(2),
                timezone: value(3),
                notes: value(4),
                context: value(5),
            };
            let answer = client.update_me(request).await;
            assert_eq!(violation(answer), (field.into(), reason.into()));
        }
    }
    for zone in ["Mars/Olympus", "europe/berlin", "+02:00", "Europe/Berlin "] {
        let request = UpdateMeRequest {
            update_mask: mask(&["timezone"]),
            timezone: Some(zone.into()),
            ..UpdateMeRequest::default()
        };
        let answer = client.update_me(request).await;
        if zone.ends_with(' ') {
            let user = answer.unwrap().into_inner().user.unwrap();
            assert_eq!(user.timezone.as_deref(), Some("Europe/Berlin"));
        } else {
            assert_eq!(code(answer), "timezone_unknown", "{zone}");
        }
    }
    it.told(1).await;
    it.stop().await;
}
