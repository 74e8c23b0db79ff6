use chassis::{Caller, Code};
use proto::org::v1::{
    BootstrapRequest, GetMeRequest, User, user_service_client::UserServiceClient,
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::fixture::{Fixture, fault};

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
