use chassis::{Code, encode};
use chrono::TimeDelta;
use futures::future::join_all;
use proto::{
    event::v1::{ActiveOrganizationChanged, OrganizationCreated, event::Payload},
    org::v1::{
        CreateOrganizationRequest, GetOrganizationRequest, ListOrganizationsRequest, Organization,
        OrganizationListItem, Role, SetActiveOrganizationRequest,
    },
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::fixture::{Fixture, agent, fault, start_of_time, violation};

fn named(name: &str) -> CreateOrganizationRequest {
    CreateOrganizationRequest {
        name: name.to_owned(),
    }
}

fn active(id: impl ToString) -> SetActiveOrganizationRequest {
    SetActiveOrganizationRequest {
        organization_id: id.to_string(),
    }
}

#[sqlx::test(migrations = false)]
async fn a_new_organization_belongs_to_its_creator_and_becomes_active(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    it.clock.advance(TimeDelta::minutes(1));
    let answer = it
        .organizations(&user)
        .create_organization(named("  Acme "))
        .await
        .unwrap();
    let organization = answer.into_inner().organization.unwrap();
    let at = Some(encode::time(start_of_time() + TimeDelta::minutes(1)));
    let expected = Organization {
        id: organization.id.clone(),
        name: "Acme".into(),
        created_at: at,
        updated_at: at,
    };
    assert_eq!(organization, expected);

    let now = it.sign_in().await;
    assert_eq!(now.organization_id.to_string(), organization.id);
    assert_eq!(
        (now.role, now.all_boards_write),
        (chassis::Role::Owner, true)
    );
    let answer = it
        .organizations(&now)
        .get_organization(GetOrganizationRequest {})
        .await
        .unwrap();
    assert_eq!(answer.into_inner().organization, Some(expected.clone()));

    let events = it.told(2).await;
    assert_eq!(
        events[0].payload,
        Some(Payload::OrganizationCreated(OrganizationCreated {
            organization: Some(expected)
        }))
    );
    let user_id = user.id.to_string();
    assert_eq!(
        events[1].payload,
        Some(Payload::ActiveOrganizationChanged(
            ActiveOrganizationChanged { user_id }
        ))
    );
    assert!(
        events
            .iter()
            .all(|event| event.organization_id == organization.id)
    );
    assert!(events.iter().all(|event| event.occurred_at == at));
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_name_is_bounded_and_need_not_be_unique(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    for (name, reason) in [
        (String::new(), "BLANK"),
        ("   ".into(), "BLANK"),
        ("x".repeat(201), "TOO_LONG"),
        ("x".repeat(1_000_000), "TOO_LONG"),
        ("a\0b".into(), "NUL_BYTE"),
    ] {
        let answer = it
            .organizations(&user)
            .create_organization(named(&name))
            .await;
        assert_eq!(violation(answer), ("name".into(), reason.into()));
    }
    assert_eq!(it.counts().await, (1, 1, 1));
    for name in ["Personal", "Personal", &"é".repeat(200)] {
        it.organizations(&user)
            .create_organization(named(name))
            .await
            .unwrap();
    }
    it.told(6).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn the_list_is_ordered_by_name_and_says_which_is_active(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    it.other_person("ada").await;
    let mut ids = vec![("Personal", user.organization_id.to_string())];
    for name in ["zeta", "Alpha"] {
        let answer = it
            .organizations(&user)
            .create_organization(named(name))
            .await
            .unwrap();
        ids.push((name, answer.into_inner().organization.unwrap().id));
    }
    it.told(4).await;
    let list = |active: &'static str| {
        let item = |index: usize| OrganizationListItem {
            id: ids[index].1.clone(),
            name: ids[index].0.into(),
            role: Role::Owner.into(),
            is_active: ids[index].0 == active,
        };
        vec![item(2), item(0), item(1)]
    };
    let mut client = it.organizations(&user);
    let answer = client
        .list_organizations(ListOrganizationsRequest {})
        .await
        .unwrap();
    assert_eq!(answer.into_inner().items, list("Alpha"));
    client
        .set_active_organization(active(&ids[1].1))
        .await
        .unwrap();
    let answer = client
        .list_organizations(ListOrganizationsRequest {})
        .await
        .unwrap();
    assert_eq!(answer.into_inner().items, list("zeta"));
    it.told(1).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn switching_tells_once_and_only_when_something_changes(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let mut client = it.organizations(&user);
    let acme = client.create_organization(named("Acme")).await.unwrap();
    let acme = acme.into_inner().organization.unwrap();
    it.told(2).await;

    // Already active: nothing is told. Back and forth: once each.
    for id in [
        acme.id.clone(),
        user.organization_id.to_string(),
        acme.id.clone(),
    ] {
        let answer = client.set_active_organization(active(&id)).await.unwrap();
        assert_eq!(answer.into_inner().organization.unwrap().id, id);
    }
    let events = it.told(2).await;
    let organizations: Vec<_> = events
        .iter()
        .map(|event| event.organization_id.clone())
        .collect();
    assert_eq!(
        organizations,
        [user.organization_id.to_string(), acme.id.clone()]
    );
    assert!(
        events
            .iter()
            .all(|event| event.r#type == "user.active_organization_changed")
    );
    assert_eq!(it.sign_in().await.organization_id.to_string(), acme.id);
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn organizations_of_others_do_not_exist(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let other = it.other_person("ada").await;
    let mut client = it.organizations(&user);
    for id in [other.organization_id, Uuid::from_u128(1)] {
        let fault = fault(client.set_active_organization(active(id)).await);
        assert_eq!(
            (fault.code, fault.reason.as_str()),
            (Code::NotFound, "ORGANIZATION_NOT_FOUND")
        );
    }
    for id in ["", "nope", "\0"] {
        let answer = client.set_active_organization(active(id)).await;
        assert_eq!(
            violation(answer),
            ("organization_id".into(), "NOT_A_UUID".into())
        );
    }
    let mut stray = user.clone();
    stray.organization_id = other.organization_id;
    let answer = it
        .organizations(&stray)
        .get_organization(GetOrganizationRequest {})
        .await;
    assert_eq!(fault(answer).code, Code::NotFound);
    assert_eq!(it.sign_in().await, user);
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_person_has_no_more_organizations_than_a_list_shows(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    sqlx::query(
        "with made as (
             insert into organization (id, name, created_at, updated_at)
             select gen_random_uuid(), 'o' || n, now(), now() from generate_series(1, 198) n returning id
         )
         insert into member (id, organization_id, user_id, role, all_boards_read, all_boards_write, created_at, updated_at)
         select gen_random_uuid(), id, $1, 'member', false, false, now(), now() from made",
    )
    .bind(user.id)
    .execute(&it.pool)
    .await
    .unwrap();
    let attempts = join_all((0..6).map(|_| {
        let mut client = it.organizations(&user);
        async move { client.create_organization(named("last")).await }
    }))
    .await;
    let (made, refused): (Vec<_>, Vec<_>) = attempts.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 1);
    for refusal in refused {
        let fault = fault(refusal);
        assert_eq!(
            (fault.code, fault.reason.as_str()),
            (Code::Conflict, "ORGANIZATION_LIMIT")
        );
        assert_eq!(fault.facts["limit"], 200);
    }
    let list = it
        .organizations(&user)
        .list_organizations(ListOrganizationsRequest {})
        .await;
    assert_eq!(list.unwrap().into_inner().items.len(), 200);
    it.told(2).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn agents_have_no_organizations_to_choose(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let mut client = it.organizations_as(agent(user.organization_id));
    assert_eq!(
        fault(client.create_organization(named("x")).await).code,
        Code::Forbidden
    );
    assert_eq!(
        fault(client.list_organizations(ListOrganizationsRequest {}).await).code,
        Code::Forbidden
    );
    it.stop().await;
}
