use chrono::TimeDelta;
use proto::{
    event::v1::event::Payload,
    org::v1::{
        BoardAccessSpec, CreateInviteRequest, Invite, ListInvitesRequest, ListInvitesResponse,
        ResendInviteRequest, RevokeInviteRequest, Role,
    },
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    fixture::{Fixture, code, start_of_time, violation},
    scene::invitation,
};

fn resend(id: impl ToString) -> ResendInviteRequest {
    ResendInviteRequest {
        invite_id: id.to_string(),
    }
}

fn revoke(id: impl ToString) -> RevokeInviteRequest {
    RevokeInviteRequest {
        invite_id: id.to_string(),
    }
}

#[sqlx::test(migrations = false)]
async fn an_invite_shows_its_token_once(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let board = it.boards.add(user.organization_id);
    let spec = BoardAccessSpec {
        board_id: board.to_string(),
        can_read: None,
        can_write: Some(true),
    };
    let request = CreateInviteRequest {
        invited_email: " Ann@Example.COM ".into(),
        role: Role::Admin.into(),
        all_boards_read: Some(true),
        board_access: vec![spec],
        ..CreateInviteRequest::default()
    };
    let made = it.invite(&user, request).await;
    let token = made.token.clone().unwrap();
    let at = |days| {
        Some(chassis::encode::time(
            start_of_time() + TimeDelta::days(days),
        ))
    };
    let shown = Invite {
        id: made.id.clone(),
        organization_id: user.organization_id.to_string(),
        invited_email: "ann@example.com".into(),
        token: None,
        role: Role::Admin.into(),
        all_boards_read: true,
        all_boards_write: false,
        board_access: vec![BoardAccessSpec {
            board_id: board.to_string(),
            can_read: Some(true),
            can_write: Some(true),
        }],
        created_by_user_id: Some(user.id.to_string()),
        accepted_by_user_id: None,
        accepted_at: None,
        expires_at: at(7),
        created_at: at(0),
        updated_at: at(0),
    };
    assert_eq!(
        Invite {
            token: None,
            ..made
        },
        shown
    );
    let id: Uuid = shown.id.parse().unwrap();
    let secret = token
        .strip_prefix(&format!("mci_{}_", id.simple()))
        .unwrap()
        .to_owned();
    let stored: String = it
        .value(
            "select row_to_json(invite)::text from invite where id = $1",
            id,
        )
        .await;
    assert!(!stored.contains(&secret), "{stored}");

    let list = it
        .invites(&user)
        .list_invites(ListInvitesRequest::default())
        .await
        .unwrap()
        .into_inner();
    assert_eq!((list.items, list.total), (vec![shown.clone()], 1));
    let events = it.told(1).await;
    match &events[0].payload {
        Some(Payload::InviteCreated(told)) => assert_eq!(told.invite, Some(shown)),
        other => panic!("{other:?}"),
    }
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn what_cannot_be_invited_is_refused(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let ann = it.colleague(&user, "ann", "admin").await;
    let mut client = it.invites(&user);
    for (address, expected) in [
        ("", "invalid_request"),
        ("   ", "invalid_request"),
        (&*format!("{}@x.y", "a".repeat(320)), "invalid_request"),
        ("a\0@x.y", "invalid_request"),
        ("nobody", "email_invalid"),
        ("a b@example.com", "email_invalid"),
        ("ANN@example.com", "already_member"),
        ("admin@home.local", "already_member"),
    ] {
        let answer = client.create_invite(invitation(address)).await;
        assert_eq!(code(answer), expected, "{address:?}");
    }
    let spec = |id: Uuid| BoardAccessSpec {
        board_id: id.to_string(),
        ..BoardAccessSpec::default()
    };
    let board = it.boards.add(user.organization_id);
    for (boards, reason) in [
        (
            vec![spec(it.boards.add(Uuid::from_u128(9)))],
            "BOARD_INVALID",
        ),
        (vec![spec(board), spec(board)], "DUPLICATE"),
    ] {
        let request = CreateInviteRequest {
            board_access: boards,
            ..invitation("eve@example.com")
        };
        assert_eq!(violation(client.create_invite(request).await).1, reason);
    }

    // Only an owner holds a token that makes an owner.
    let owner = CreateInviteRequest {
        role: Role::Owner.into(),
        ..invitation("eve@example.com")
    };
    let mut admin = it.invites(&ann.user);
    assert_eq!(
        code(admin.create_invite(owner.clone()).await),
        "owner_required"
    );
    let made = it.invite(&user, owner).await;
    assert_eq!(
        code(admin.resend_invite(resend(&made.id)).await),
        "owner_required"
    );

    // One waiting invite for an address, in each organization.
    let again = admin.create_invite(invitation("EVE@example.com")).await;
    assert_eq!(code(again), "invite_exists");
    let bob = it.other_person("bob").await;
    it.invite(&bob, invitation("eve@example.com")).await;
    it.told(2).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn an_expired_invite_makes_room_and_can_be_sent_again(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let mut client = it.invites(&user);
    let first = it.invite(&user, invitation("ann@example.com")).await;
    it.clock
        .advance(TimeDelta::days(7) - TimeDelta::microseconds(1));
    let early = client.create_invite(invitation("ann@example.com")).await;
    assert_eq!(code(early), "invite_exists");
    it.clock.advance(TimeDelta::microseconds(1));
    let second = it.invite(&user, invitation("ann@example.com")).await;
    assert_ne!(first.id, second.id);
    assert_eq!(
        it.types(3).await,
        ["invite.created", "invite.revoked", "invite.created"]
    );

    it.clock.advance(TimeDelta::days(8));
    let answer = client.resend_invite(resend(&second.id)).await.unwrap();
    let resent = answer.into_inner().invite.unwrap();
    let end = start_of_time() + TimeDelta::days(22);
    assert_eq!(resent.expires_at, Some(chassis::encode::time(end)));
    assert!(resent.token.is_some() && resent.token != second.token);
    assert_eq!(resent.created_at, second.created_at);
    let events = it.told(1).await;
    match &events[0].payload {
        Some(Payload::InviteResent(told)) => {
            assert_eq!(told.invite.as_ref().unwrap().token, None);
        }
        other => panic!("{other:?}"),
    }
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_revoked_invite_is_answered_and_gone(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let eve = it.other_person("eve").await;
    let made = it.invite(&user, invitation("ann@example.com")).await;
    let (mut own, mut foreign) = (it.invites(&user), it.invites(&eve));
    assert_eq!(
        code(foreign.revoke_invite(revoke(&made.id)).await),
        "invite_not_found"
    );
    assert_eq!(
        code(foreign.resend_invite(resend(&made.id)).await),
        "invite_not_found"
    );
    let answer = own.revoke_invite(revoke(&made.id)).await.unwrap();
    let expected = Invite {
        token: None,
        ..made
    };
    assert_eq!(answer.into_inner().invite.as_ref(), Some(&expected));
    for id in [expected.id.clone(), Uuid::from_u128(1).to_string()] {
        assert_eq!(
            code(own.revoke_invite(revoke(&id)).await),
            "invite_not_found"
        );
        assert_eq!(
            code(own.resend_invite(resend(&id)).await),
            "invite_not_found"
        );
    }
    let bad = own.revoke_invite(revoke("nope")).await;
    assert_eq!(violation(bad), ("invite_id".into(), "NOT_A_UUID".into()));
    assert_eq!(it.types(2).await, ["invite.created", "invite.revoked"]);
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn waiting_invites_are_listed_newest_first_in_pages(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let mut made = Vec::new();
    for n in 0..5 {
        // Two of the same moment.
        it.clock.advance(TimeDelta::seconds(n % 2));
        let address = format!("guest{n}@example.com");
        made.push(
            it.invite_of(user.organization_id, user.id, &address)
                .await
                .to_string(),
        );
    }
    made.reverse();
    let used = it
        .invite_of(user.organization_id, user.id, "used@example.com")
        .await;
    sqlx::query("update invite set accepted_at = now() where id = $1")
        .bind(used)
        .execute(&it.pool)
        .await
        .unwrap();
    let eve = it.other_person("eve").await;
    it.invite_of(eve.organization_id, eve.id, "guest@example.com")
        .await;

    let mut client = it.invites(&user);
    let ids = |page: &ListInvitesResponse| -> Vec<String> {
        page.items.iter().map(|invite| invite.id.clone()).collect()
    };
    let (mut seen, mut page_token) = (Vec::new(), None);
    loop {
        let request = ListInvitesRequest {
            limit: Some(2),
            page_token,
            ..ListInvitesRequest::default()
        };
        let page = client.list_invites(request).await.unwrap().into_inner();
        assert_eq!((page.total, page.limit), (5, 2));
        assert!(
            page.items
                .iter()
                .all(|invite| invite.board_access.len() == 1)
        );
        seen.extend(ids(&page));
        page_token = page.next_page_token;
        if page_token.is_none() {
            break;
        }
    }
    assert_eq!(seen, made);
    let request = ListInvitesRequest {
        limit: Some(2),
        offset: Some(3),
        ..ListInvitesRequest::default()
    };
    let page = client.list_invites(request).await.unwrap().into_inner();
    assert_eq!(
        (ids(&page), page.next_page_token),
        (made[3..].to_vec(), None)
    );
    for (limit, offset, token, field) in [
        (Some(0), None, None, "limit"),
        (Some(201), None, None, "limit"),
        (None, Some(-1), None, "offset"),
        (None, None, Some("nope".to_owned()), "page_token"),
    ] {
        let request = ListInvitesRequest {
            limit,
            offset,
            page_token: token,
        };
        assert_eq!(violation(client.list_invites(request).await).0, field);
    }
    it.stop().await;
}
