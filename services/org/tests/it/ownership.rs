use proto::{
    event::v1::event::Payload,
    org::v1::{LeaveOrganizationRequest, Role, TransferOwnershipRequest},
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::fixture::{Fixture, code, fault, violation};

fn to(member_id: impl ToString) -> TransferOwnershipRequest {
    TransferOwnershipRequest {
        member_id: member_id.to_string(),
    }
}

#[sqlx::test(migrations = false)]
async fn whoever_leaves_is_gone_and_the_last_owner_stays(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let bob = it.colleague(&user, "bob", "member").await;
    let mut owner = it.organizations(&user);
    let refused = fault(owner.leave_organization(LeaveOrganizationRequest {}).await);
    assert_eq!(refused.rest_code(), "last_owner");
    assert_eq!(
        refused.facts["organizations"][0]["id"],
        user.organization_id.to_string()
    );

    let mut client = it.organizations(&bob.user);
    client
        .leave_organization(LeaveOrganizationRequest {})
        .await
        .unwrap();
    let events = it.told(1).await;
    match &events[0].payload {
        Some(Payload::MemberRemoved(told)) => {
            assert_eq!(told.reason, "left");
            assert_eq!(told.member.as_ref().unwrap().id, bob.member_id.to_string());
        }
        other => panic!("{other:?}"),
    }
    let again = client.leave_organization(LeaveOrganizationRequest {}).await;
    assert_eq!(code(again), "organization_not_found");
    assert_eq!(it.roles(user.organization_id).await, ["owner"]);
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn ownership_is_handed_over_in_one_step(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let own = it.member_id(&user).await;
    let bob = it.colleague(&user, "bob", "member").await;
    let eve = it.other_person("eve").await;
    let foreign = it.member_id(&eve).await;
    let mut client = it.organizations(&user);
    for id in [foreign, Uuid::from_u128(1)] {
        let answer = client.transfer_ownership(to(id)).await;
        assert_eq!(code(answer), "member_not_found");
    }
    let answer = client.transfer_ownership(to(own)).await;
    assert_eq!(violation(answer), ("member_id".into(), "SELF".into()));
    let answer = client.transfer_ownership(to("nope")).await;
    assert_eq!(violation(answer), ("member_id".into(), "NOT_A_UUID".into()));

    let answer = client.transfer_ownership(to(bob.member_id)).await.unwrap();
    let heir = answer.into_inner().member.unwrap();
    assert_eq!(
        (heir.role(), heir.id),
        (Role::Owner, bob.member_id.to_string())
    );
    assert_eq!(it.roles(user.organization_id).await, ["owner", "admin"]);
    let changes: Vec<_> = it
        .told(2)
        .await
        .into_iter()
        .map(|event| match event.payload {
            Some(Payload::MemberRoleChanged(told)) => {
                (told.member.clone().unwrap().id, told.from(), told.to())
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        changes,
        [
            (bob.member_id.to_string(), Role::Member, Role::Owner),
            (own.to_string(), Role::Owner, Role::Admin)
        ]
    );
    // The credential still says owner; what is stored decides.
    let late = client.transfer_ownership(to(bob.member_id)).await;
    assert_eq!(code(late), "owner_required");

    // To somebody who owns it already: the caller steps back.
    let mut bob_as_owner = bob.user.clone();
    bob_as_owner.role = chassis::Role::Owner;
    sqlx::query("update member set role = 'owner' where id = $1")
        .bind(own)
        .execute(&it.pool)
        .await
        .unwrap();
    let answer = it
        .organizations(&bob_as_owner)
        .transfer_ownership(to(own))
        .await;
    assert_eq!(
        answer.unwrap().into_inner().member.unwrap().role(),
        Role::Owner
    );
    assert_eq!(it.types(1).await, ["member.role_changed"]);
    it.stop().await;
}
