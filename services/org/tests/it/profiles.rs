//! What agents may know of people.

use chassis::{Caller, Code};
use proto::org::v1::{ResolveProfileRequest, ResolveProfileResponse};
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::fixture::{Fixture, agent, edge, fault};

impl Fixture {
    async fn resolve(
        &self,
        caller: Caller,
        organization_id: Uuid,
        user_id: Option<Uuid>,
    ) -> Result<ResolveProfileResponse, Status> {
        let request = ResolveProfileRequest {
            organization_id: organization_id.to_string(),
            user_id: user_id.map(|id| id.to_string()),
        };
        Ok(self
            .identity(caller)
            .resolve_profile(request)
            .await?
            .into_inner())
    }
}

#[sqlx::test(migrations = false)]
async fn a_member_is_told_of_with_what_they_say_about_themselves(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let owner = it.first_sign_in().await;
    let ada = it.colleague(&owner, "ada", "member").await.user;
    sqlx::query(
        "update user_account
         set preferred_name = 'Ada', pronouns = 'she/her', timezone = 'Europe/London', notes = 'Brief', context = 'Engines'
         where id = $1",
    )
    .bind(ada.id)
    .execute(&it.pool)
    .await
    .unwrap();
    let found = it
        .resolve(edge(), owner.organization_id, Some(ada.id))
        .await
        .unwrap();
    let expected = ResolveProfileResponse {
        user_id: ada.id.to_string(),
        name: Some("ada".into()),
        email: Some("ada@example.com".into()),
        preferred_name: Some("Ada".into()),
        pronouns: Some("she/her".into()),
        timezone: Some("Europe/London".into()),
        notes: Some("Brief".into()),
        context: Some("Engines".into()),
    };
    assert_eq!(found, expected);
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn without_a_person_it_is_the_owner_who_owns_it_longest(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let owner = it.first_sign_in().await;
    let id = owner.organization_id;
    it.clock.advance(chrono::TimeDelta::seconds(1));
    it.colleague(&owner, "ada", "owner").await;
    let found = it.resolve(edge(), id, None).await.unwrap();
    assert_eq!(found.user_id, owner.id.to_string());
    sqlx::query("update member set role = 'admin' where user_id = $1")
        .bind(owner.id)
        .execute(&it.pool)
        .await
        .unwrap();
    let found = it.resolve(edge(), id, None).await.unwrap();
    assert_eq!(found.name.as_deref(), Some("ada"));
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn whoever_is_no_member_is_nobody(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let owner = it.first_sign_in().await;
    let other = it.other_person("eve").await;
    let empty = it.organization("Empty").await;
    for (organization_id, user_id) in [
        (owner.organization_id, Some(other.id)),
        (other.organization_id, Some(owner.id)),
        (owner.organization_id, Some(Uuid::from_u128(1))),
        (Uuid::from_u128(1), None),
        (empty, None),
    ] {
        let fault = fault(it.resolve(edge(), organization_id, user_id).await);
        assert_eq!(
            (fault.code, fault.reason.as_str()),
            (Code::NotFound, "USER_NOT_FOUND")
        );
    }
    for caller in [Caller::User(owner.clone()), agent(owner.organization_id)] {
        let refused = it
            .resolve(caller, owner.organization_id, Some(owner.id))
            .await;
        assert_eq!(fault(refused).code, Code::Forbidden);
    }
    let request = ResolveProfileRequest {
        organization_id: "x".into(),
        user_id: None,
    };
    let malformed = it.identity(edge()).resolve_profile(request).await;
    assert_eq!(fault(malformed).fields[0].field, "organization_id");
    it.stop().await;
}
