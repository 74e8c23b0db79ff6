use chrono::TimeDelta;
use proto::{
    event::v1::{ActorKind, event::Payload},
    org::v1::{
        AcceptInviteRequest, BoardAccessSpec, CreateInviteRequest, RedeemInviteRequest,
        RemoveMemberRequest, ResendInviteRequest, RevokeInviteRequest, Role,
    },
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    fixture::{Fixture, caller_of, code, violation},
    scene::invitation,
};

fn accept(token: impl ToString) -> AcceptInviteRequest {
    AcceptInviteRequest {
        token: token.to_string(),
    }
}

fn redeem(token: impl ToString, name: &str) -> RedeemInviteRequest {
    RedeemInviteRequest {
        token: token.to_string(),
        name: name.to_owned(),
    }
}

fn board(id: Uuid, can_write: bool) -> BoardAccessSpec {
    BoardAccessSpec {
        board_id: id.to_string(),
        can_read: Some(true),
        can_write: Some(can_write),
    }
}

#[sqlx::test(migrations = false)]
async fn an_accepted_invite_makes_a_member_who_acts_there(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let ada = it.other_person("ada").await;
    let id = it.boards.add(user.organization_id);
    let request = CreateInviteRequest {
        role: Role::Admin.into(),
        all_boards_read: Some(true),
        board_access: vec![board(id, true)],
        ..invitation("ADA@example.com")
    };
    let invite = it.invite(&user, request).await;
    it.told(1).await;
    let token = invite.token.unwrap();

    // Blanks around it come with copying.
    let answer = it
        .invites(&ada)
        .accept_invite(accept(format!(" {token}\n")))
        .await;
    let member = answer.unwrap().into_inner().member.unwrap();
    assert_eq!(
        (
            member.role(),
            member.all_boards_read,
            member.all_boards_write
        ),
        (Role::Admin, true, false)
    );
    assert_eq!(member.board_access[0].board_id, id.to_string());
    assert_eq!(
        member.user.as_ref().unwrap().email.as_deref(),
        Some("ada@example.com")
    );
    let active: Uuid = it
        .value(
            "select active_organization_id from user_account where id = $1",
            ada.id,
        )
        .await;
    assert_eq!(active, user.organization_id);

    let events = it.told(3).await;
    let types: Vec<_> = events.iter().map(|event| event.r#type.as_str()).collect();
    assert_eq!(
        types,
        [
            "member.added",
            "invite.accepted",
            "user.active_organization_changed"
        ]
    );
    match &events[1].payload {
        Some(Payload::InviteAccepted(told)) => {
            let invite = told.invite.as_ref().unwrap();
            assert_eq!(invite.accepted_by_user_id, Some(ada.id.to_string()));
            assert!(invite.accepted_at.is_some() && invite.token.is_none());
            assert_eq!(told.member.as_ref(), Some(&member));
        }
        other => panic!("{other:?}"),
    }
    // Used up: for accepting, redeeming and revoking.
    let again = it.invites(&ada).accept_invite(accept(&token)).await;
    assert_eq!(code(again), "invite_not_found");
    let revoke = RevokeInviteRequest {
        invite_id: invite.id,
    };
    assert_eq!(
        code(it.invites(&user).revoke_invite(revoke).await),
        "invite_not_found"
    );
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_member_gains_by_an_invite_and_never_loses(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let ada = it.other_person("ada").await;
    let ids = [(); 3].map(|()| it.boards.add(user.organization_id));
    let request = CreateInviteRequest {
        role: Role::Admin.into(),
        all_boards_read: Some(true),
        board_access: vec![board(ids[0], false), board(ids[1], true)],
        ..invitation("ada@example.com")
    };
    let token = it.invite(&user, request).await.token.unwrap();
    // Meanwhile she joined by another way, with less, as much and more.
    let member_id = it.join(user.organization_id, ada.id, "member").await;
    it.grant(member_id, ids[1]).await;
    it.grant(member_id, ids[2]).await;
    it.told(1).await;
    let answer = it.invites(&ada).accept_invite(accept(token)).await.unwrap();
    let member = answer.into_inner().member.unwrap();
    assert_eq!(
        (member.id.clone(), member.role()),
        (member_id.to_string(), Role::Admin)
    );
    assert!(member.all_boards_read && !member.all_boards_write);
    let mut rights: Vec<_> = member
        .board_access
        .iter()
        .map(|access| (access.board_id.clone(), access.can_write))
        .collect();
    rights.sort();
    assert_eq!(
        rights,
        [
            (ids[0].to_string(), false),
            (ids[1].to_string(), true),
            (ids[2].to_string(), false)
        ]
    );
    assert_eq!(
        it.types(4).await,
        [
            "member.role_changed",
            "member.access_changed",
            "invite.accepted",
            "user.active_organization_changed"
        ]
    );

    // A lower one leaves everything as it is; it is used up all the same.
    let bob = it.other_person("bob").await;
    let token = it
        .invite(&user, invitation("bob@example.com"))
        .await
        .token
        .unwrap();
    it.join(user.organization_id, bob.id, "owner").await;
    let answer = it.invites(&bob).accept_invite(accept(token)).await.unwrap();
    assert_eq!(answer.into_inner().member.unwrap().role(), Role::Owner);
    assert_eq!(
        it.types(3).await,
        [
            "invite.created",
            "invite.accepted",
            "user.active_organization_changed"
        ]
    );
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn an_invite_is_for_its_address_its_time_and_its_latest_token(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let ada = it.other_person("ada").await;
    let eve = it.other_person("eve").await;
    let nameless = it.other_person("nameless").await;
    sqlx::query("update user_account set email = null where id = $1")
        .bind(nameless.id)
        .execute(&it.pool)
        .await
        .unwrap();
    let invite = it.invite(&user, invitation("ada@example.com")).await;
    let token = invite.token.clone().unwrap();
    for other in [&eve, &nameless, &user] {
        let answer = it.invites(other).accept_invite(accept(&token)).await;
        assert_eq!(code(answer), "invite_email_mismatch");
    }
    let mut client = it.invites(&ada);
    let forged = format!(
        "{}{}",
        &token[..token.len() - 1],
        if token.ends_with('A') { "B" } else { "A" }
    );
    let unknown = token.replace(
        &invite.id.replace('-', ""),
        &Uuid::nil().simple().to_string(),
    );
    for bad in [
        forged,
        unknown,
        "mci_".into(),
        token.replace("mci_", "mcp_"),
        "x\u{1}".into(),
    ] {
        let answer = client.accept_invite(accept(&bad)).await;
        assert_eq!(code(answer), "invite_not_found", "{bad:?}");
    }
    for (bad, reason) in [
        ("", "BLANK"),
        ("a\0", "NUL_BYTE"),
        (&*"x".repeat(201), "TOO_LONG"),
    ] {
        let answer = client.accept_invite(accept(bad)).await;
        assert_eq!(violation(answer), ("token".into(), reason.into()));
    }

    let resend = ResendInviteRequest {
        invite_id: invite.id,
    };
    let answer = it.invites(&user).resend_invite(resend).await.unwrap();
    let newer = answer.into_inner().invite.unwrap().token.unwrap();
    assert_eq!(
        code(client.accept_invite(accept(&token)).await),
        "invite_not_found"
    );
    it.clock.advance(TimeDelta::days(7));
    assert_eq!(
        code(client.accept_invite(accept(&newer)).await),
        "invite_not_found"
    );
    it.clock.advance(TimeDelta::microseconds(-1));
    client.accept_invite(accept(&newer)).await.unwrap();
    it.told(5).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn somebody_without_an_account_joins_with_a_first_token(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let token = it
        .invite(&user, invitation("Ann@Example.com"))
        .await
        .token
        .unwrap();
    it.told(1).await;
    let mut public = it.invites_as(chassis::Caller::Anonymous);
    for (name, reason) in [
        (" ", "BLANK"),
        (&*"x".repeat(201), "TOO_LONG"),
        ("a\0", "NUL_BYTE"),
    ] {
        let answer = public.redeem_invite(redeem(&token, name)).await;
        assert_eq!(violation(answer), ("name".into(), reason.into()));
    }
    let answer = public
        .redeem_invite(redeem(&token, " Ann Lee "))
        .await
        .unwrap();
    let answer = answer.into_inner();
    let (member, credential) = (answer.member.unwrap(), answer.api_token.unwrap());
    let person = member.user.as_ref().unwrap();
    assert_eq!(
        (
            person.email.as_deref(),
            person.name.as_deref(),
            member.role()
        ),
        (Some("ann@example.com"), Some("Ann Lee"), Role::Member)
    );
    assert!(credential.scopes.is_empty() && credential.expires_at.is_none());

    let ann = caller_of(&it.authenticate(&credential.token.unwrap()).await.unwrap());
    assert_eq!(
        (ann.id.to_string(), ann.organization_id, ann.name.as_str()),
        (member.user_id, user.organization_id, "Ann Lee")
    );
    let events = it.told(5).await;
    let types: Vec<_> = events.iter().map(|event| event.r#type.as_str()).collect();
    assert_eq!(
        types,
        [
            "user.created",
            "member.added",
            "invite.accepted",
            "user.active_organization_changed",
            "api_token.created"
        ]
    );
    for event in &events {
        let actor = event.actor.as_ref().unwrap();
        assert_eq!(
            (actor.kind(), actor.name.as_str()),
            (ActorKind::User, "Ann Lee")
        );
        assert!(!format!("{event:?}").contains("mcp_"));
    }
    assert_eq!(
        code(public.redeem_invite(redeem(&token, "Ann")).await),
        "invite_not_found"
    );
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn whoever_has_an_account_signs_in_and_accepts(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    it.other_person("ada").await;
    let token = it
        .invite(&user, invitation("ada@example.com"))
        .await
        .token
        .unwrap();
    let mut public = it.invites_as(chassis::Caller::Anonymous);
    let refused = public.redeem_invite(redeem(&token, "Ada")).await;
    assert_eq!(code(refused), "account_exists");

    // Ann came by an invite. As long as she belongs to an organization, she has an account.
    let first = it
        .invite(&user, invitation("ann@example.com"))
        .await
        .token
        .unwrap();
    let member = public.redeem_invite(redeem(&first, "Ann")).await.unwrap();
    let member = member.into_inner().member.unwrap();
    let bob = it.other_person("bob").await;
    let second = it
        .invite(&bob, invitation("ann@example.com"))
        .await
        .token
        .unwrap();
    let refused = public.redeem_invite(redeem(&second, "Ann")).await;
    assert_eq!(code(refused), "account_exists");

    // Removed from her last one, she has no credential left: an invite gives the same person one again.
    let removal = RemoveMemberRequest {
        member_id: member.id,
    };
    it.organizations(&user)
        .remove_member(removal)
        .await
        .unwrap();
    let again = public.redeem_invite(redeem(&second, "Ann")).await.unwrap();
    let again = again.into_inner();
    assert_eq!(again.member.unwrap().user_id, member.user_id);
    let ann = it
        .authenticate(&again.api_token.unwrap().token.unwrap())
        .await
        .unwrap();
    assert_eq!(ann.organization_id, bob.organization_id.to_string());
    it.stop_deaf().await;
}
