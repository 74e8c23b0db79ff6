use proto::{
    event::v1::event::Payload,
    org::v1::{DeleteMeRequest, GetMeRequest},
};
use serde_json::json;
use sqlx::PgPool;

use crate::fixture::{Fixture, code, fault};

#[sqlx::test(migrations = false)]
async fn a_deleted_account_leaves_nothing_in_any_table(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    // Alone in one organization, which holds something in every table, and one of two owners of another.
    let ada = it.other_person("ada").await;
    let scene = it.fill_alone(&user).await;
    for (table, mentions) in it.mentioning(&scene).await {
        assert!(mentions, "the test does not fill the table {table}");
    }
    let shared = it.join(ada.organization_id, user.id, "owner").await;
    it.grant(shared, uuid::Uuid::now_v7()).await;
    it.api_token(ada.organization_id, user.id, "shared").await;
    it.invite_of(ada.organization_id, user.id, "eve@example.com")
        .await;

    let mut client = it.users(&user);
    client.delete_me(DeleteMeRequest {}).await.unwrap();
    let gone: Vec<_> = scene.into_iter().chain([shared, user.id]).collect();
    for (table, mentions) in it.mentioning(&gone).await {
        assert!(!mentions, "something is left in the table {table}");
    }
    // The invite that the person made in the other organization still stands.
    assert_eq!(it.counts().await, (1, 1, 1));
    let waiting: i64 = it
        .value(
            "select count(*) from invite where organization_id = $1 and created_by_user_id is null",
            ada.organization_id,
        )
        .await;
    assert_eq!(waiting, 1);

    let events = it.told(5).await;
    let told: Vec<_> = events
        .iter()
        .map(|event| (event.r#type.as_str(), event.organization_id.as_str()))
        .collect();
    let (own, other) = (
        user.organization_id.to_string(),
        ada.organization_id.to_string(),
    );
    assert_eq!(
        told,
        [
            ("api_token.revoked", other.as_str()),
            ("user.deleted", own.as_str()),
            ("member.removed", other.as_str()),
            ("user.deleted", other.as_str()),
            ("organization.deleted", own.as_str()),
        ]
    );
    match &events[2].payload {
        Some(Payload::MemberRemoved(removed)) => {
            assert_eq!(removed.reason, "account_deleted");
            let member = removed.member.as_ref().unwrap();
            assert_eq!(
                (member.board_access.len(), &member.user_id),
                (1, &user.id.to_string())
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(code(client.get_me(GetMeRequest {}).await), "user_not_found");
    assert_eq!(
        code(client.delete_me(DeleteMeRequest {}).await),
        "user_not_found"
    );

    // The local token still signs somebody in: a person who begins anew.
    let anew = it.first_sign_in().await;
    assert_ne!(anew.id, user.id);
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn nobody_goes_while_others_depend_on_them_as_the_only_owner(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let bob = it.colleague(&user, "bob", "admin").await;
    let mut client = it.users(&user);
    let refused = fault(client.delete_me(DeleteMeRequest {}).await);
    assert_eq!(
        (refused.code, refused.rest_code().as_str()),
        (chassis::Code::Conflict, "last_owner")
    );
    assert_eq!(
        refused.facts["organizations"],
        json!([{"id": user.organization_id, "name": "Personal"}])
    );
    assert_eq!(it.counts().await, (2, 1, 2));

    // Others do not depend on a member.
    it.users(&bob.user)
        .delete_me(DeleteMeRequest {})
        .await
        .unwrap();
    assert_eq!(it.types(2).await, ["member.removed", "user.deleted"]);
    client.delete_me(DeleteMeRequest {}).await.unwrap();
    assert_eq!(it.types(2).await, ["user.deleted", "organization.deleted"]);
    assert_eq!(it.counts().await, (0, 0, 0));
    it.stop().await;
}
