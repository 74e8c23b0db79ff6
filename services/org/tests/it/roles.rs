use proto::{
    event::v1::event::Payload,
    org::v1::{
        GetOrganizationMemberRequest, Member, RemoveMemberRequest, Role, UpdateMemberRequest,
    },
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::fixture::{Fixture, code, mask, violation};

fn role(member_id: impl ToString, role: Role) -> UpdateMemberRequest {
    UpdateMemberRequest {
        member_id: member_id.to_string(),
        update_mask: mask(&["role"]),
        role: role.into(),
    }
}

fn member(id: impl ToString) -> GetOrganizationMemberRequest {
    GetOrganizationMemberRequest {
        member_id: id.to_string(),
    }
}

fn removal(id: impl ToString) -> RemoveMemberRequest {
    RemoveMemberRequest {
        member_id: id.to_string(),
    }
}

#[sqlx::test(migrations = false)]
async fn a_role_is_changed_and_told(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let bob = it.colleague(&user, "bob", "member").await;
    it.grant(bob.member_id, Uuid::from_u128(7)).await;
    let mut client = it.organizations(&user);
    it.clock.advance(chrono::TimeDelta::minutes(1));
    let answer = client.update_member(role(bob.member_id, Role::Admin)).await;
    let changed: Member = answer.unwrap().into_inner().member.unwrap();
    assert_eq!(changed.role(), Role::Admin);
    assert_eq!(changed.board_access.len(), 1);
    assert_eq!(changed.user.as_ref().unwrap().name.as_deref(), Some("bob"));
    assert_ne!(changed.updated_at, changed.created_at);
    let events = it.told(1).await;
    match &events[0].payload {
        Some(Payload::MemberRoleChanged(told)) => {
            assert_eq!((told.from(), told.to()), (Role::Member, Role::Admin));
            assert_eq!(told.member.as_ref(), Some(&changed));
        }
        other => panic!("{other:?}"),
    }

    // The same role, and none: nothing changes. Null is no role.
    it.clock.advance(chrono::TimeDelta::minutes(1));
    let empty = UpdateMemberRequest {
        member_id: bob.member_id.to_string(),
        ..UpdateMemberRequest::default()
    };
    for request in [role(bob.member_id, Role::Admin), empty] {
        let answer = client.update_member(request).await.unwrap();
        assert_eq!(answer.into_inner().member.as_ref(), Some(&changed));
    }
    let null = client
        .update_member(role(bob.member_id, Role::Unspecified))
        .await;
    assert_eq!(violation(null), ("role".into(), "REQUIRED".into()));
    let answer = client.get_organization_member(member(bob.member_id)).await;
    assert_eq!(answer.unwrap().into_inner().member, Some(changed));
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn only_owners_touch_the_role_of_owner_and_the_last_one_stays(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let own = it.member_id(&user).await;
    let ann = it.colleague(&user, "ann", "admin").await;
    let bob = it.colleague(&user, "bob", "member").await;

    let mut admin = it.organizations(&ann.user);
    for request in [
        role(ann.member_id, Role::Owner),
        role(bob.member_id, Role::Owner),
        role(own, Role::Admin),
        role(own, Role::Owner),
    ] {
        assert_eq!(code(admin.update_member(request).await), "owner_required");
    }
    assert_eq!(
        code(admin.remove_member(removal(own)).await),
        "owner_required"
    );
    let mut owner = it.organizations(&user);
    for to in [Role::Admin, Role::Member] {
        assert_eq!(code(owner.update_member(role(own, to)).await), "last_owner");
    }
    assert_eq!(
        it.roles(user.organization_id).await,
        ["owner", "member", "admin"]
    );

    // With two owners, one may go; then the other is the last.
    owner
        .update_member(role(bob.member_id, Role::Owner))
        .await
        .unwrap();
    owner.update_member(role(own, Role::Member)).await.unwrap();
    it.told(2).await;
    // The credential of the former owner was verified before: what is stored now decides.
    let late = owner.update_member(role(ann.member_id, Role::Member)).await;
    assert_eq!(code(late), "admin_required");
    let mut bob_as_owner = bob.user.clone();
    bob_as_owner.role = chassis::Role::Owner;
    let mut bob_client = it.organizations(&bob_as_owner);
    let last = bob_client
        .update_member(role(bob.member_id, Role::Admin))
        .await;
    assert_eq!(code(last), "last_owner");
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_member_reads_themselves_and_an_admin_anybody(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let own = it.member_id(&user).await;
    let ann = it.colleague(&user, "ann", "admin").await;
    let bob = it.colleague(&user, "bob", "member").await;
    let eve = it.other_person("eve").await;
    let foreign = it.member_id(&eve).await;
    for (caller, id, expected) in [
        (&user, bob.member_id, None),
        (&ann.user, own, None),
        (&bob.user, bob.member_id, None),
        (&bob.user, own, Some("admin_required")),
        (&bob.user, foreign, Some("member_not_found")),
        (&user, foreign, Some("member_not_found")),
        (&user, Uuid::from_u128(1), Some("member_not_found")),
        (&eve, own, Some("member_not_found")),
    ] {
        let answer = it
            .organizations(caller)
            .get_organization_member(member(id))
            .await;
        match expected {
            None => {
                let found = answer.unwrap().into_inner().member.unwrap();
                assert_eq!(found.id, id.to_string());
            }
            Some(expected) => assert_eq!(code(answer), expected, "{caller:?}"),
        }
    }
    let mut client = it.organizations(&user);
    let bad = ["", "nope", "\0"];
    for id in bad {
        let expected = ("member_id".to_owned(), "NOT_A_UUID".to_owned());
        assert_eq!(
            violation(client.get_organization_member(member(id)).await),
            expected
        );
        assert_eq!(
            violation(client.update_member(role(id, Role::Admin)).await),
            expected
        );
        assert_eq!(violation(client.remove_member(removal(id)).await), expected);
    }
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_removed_member_loses_rights_tokens_and_place(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let own = it.member_id(&user).await;
    let eve = it.other_person("eve").await;
    let removed = it.join(user.organization_id, eve.id, "member").await;
    it.grant(removed, Uuid::from_u128(7)).await;
    it.api_token(user.organization_id, eve.id, "script").await;
    let kept = it.api_token(eve.organization_id, eve.id, "own").await;
    sqlx::query("update user_account set active_organization_id = $2 where id = $1")
        .bind(eve.id)
        .bind(user.organization_id)
        .execute(&it.pool)
        .await
        .unwrap();

    let mut client = it.organizations(&user);
    assert_eq!(
        code(client.remove_member(removal(own)).await),
        "cannot_remove_self"
    );
    client.remove_member(removal(removed)).await.unwrap();
    let gone = it.mentioning(&[removed]).await;
    assert!(gone.iter().all(|(_, mentions)| !mentions), "{gone:?}");
    let active = "select active_organization_id from user_account where id = $1";
    assert_eq!(it.value::<Option<Uuid>>(active, eve.id).await, None);
    let tokens = "select id from api_token where user_id = $1";
    assert_eq!(it.value::<Uuid>(tokens, eve.id).await, kept);

    let events = it.told(2).await;
    assert_eq!(events[0].r#type, "api_token.revoked");
    match &events[1].payload {
        Some(Payload::MemberRemoved(told)) => {
            assert_eq!(told.reason, "removed");
            assert_eq!(told.member.as_ref().unwrap().board_access.len(), 1);
        }
        other => panic!("{other:?}"),
    }
    let again = client.remove_member(removal(removed)).await;
    assert_eq!(code(again), "member_not_found");
    it.stop().await;
}
