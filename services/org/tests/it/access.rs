use proto::{
    board::v1::Board,
    event::v1::{BoardDeleted, event::Payload},
    org::v1::{BoardAccessSpec, Member, SetMemberAccessRequest},
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::fixture::{Fixture, code, fault, violation};

fn on(board_id: impl ToString, can_read: Option<bool>, can_write: Option<bool>) -> BoardAccessSpec {
    BoardAccessSpec {
        board_id: board_id.to_string(),
        can_read,
        can_write,
    }
}

fn grants(member_id: Uuid, board_access: Vec<BoardAccessSpec>) -> SetMemberAccessRequest {
    SetMemberAccessRequest {
        member_id: member_id.to_string(),
        board_access,
        ..SetMemberAccessRequest::default()
    }
}

fn rights(member: &Member) -> Vec<(String, bool, bool)> {
    let mut rights: Vec<_> = member
        .board_access
        .iter()
        .map(|access| (access.board_id.clone(), access.can_read, access.can_write))
        .collect();
    rights.sort();
    rights
}

#[sqlx::test(migrations = false)]
async fn access_is_replaced_as_a_whole(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let bob = it.colleague(&user, "bob", "member").await;
    let boards: Vec<Uuid> = (0..3)
        .map(|_| it.boards.add(user.organization_id))
        .collect();
    let mut client = it.organizations(&user);
    let request = grants(
        bob.member_id,
        vec![
            on(boards[0], None, None),
            on(boards[1], Some(false), Some(true)),
        ],
    );
    let answer = client.set_member_access(request.clone()).await.unwrap();
    let first = answer.into_inner().member.unwrap();
    let expected = [
        (boards[0].to_string(), true, false),
        (boards[1].to_string(), true, true),
    ];
    assert_eq!(rights(&first), expected);
    let events = it.told(1).await;
    match &events[0].payload {
        Some(Payload::MemberAccessChanged(told)) => {
            assert_eq!(told.member.as_ref(), Some(&first));
        }
        other => panic!("{other:?}"),
    }

    // The same again changes nothing, not even a moment.
    it.clock.advance(chrono::TimeDelta::minutes(1));
    let answer = client.set_member_access(request).await.unwrap();
    assert_eq!(answer.into_inner().member.as_ref(), Some(&first));

    // Rows stay beside the flags; what stays the same keeps its id and moment.
    let request = SetMemberAccessRequest {
        all_boards_write: Some(true),
        ..grants(
            bob.member_id,
            vec![on(boards[0], None, None), on(boards[2], None, Some(true))],
        )
    };
    let answer = client.set_member_access(request).await.unwrap();
    let second = answer.into_inner().member.unwrap();
    assert!(second.all_boards_read && second.all_boards_write);
    assert_eq!(
        rights(&second),
        [
            (boards[0].to_string(), true, false),
            (boards[2].to_string(), true, true)
        ]
    );
    assert!(
        second.board_access.contains(&first.board_access[0])
            || second.board_access.contains(&first.board_access[1])
    );

    // Nothing at all takes everything away.
    let answer = client
        .set_member_access(grants(bob.member_id, vec![]))
        .await;
    let third = answer.unwrap().into_inner().member.unwrap();
    assert_eq!(
        (
            third.all_boards_read,
            third.all_boards_write,
            rights(&third)
        ),
        (false, false, vec![])
    );
    assert_eq!(it.types(2).await, ["member.access_changed"; 2]);
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn wrong_grants_are_refused_with_their_place(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let bob = it.colleague(&user, "bob", "member").await;
    let ann = it.colleague(&user, "ann", "admin").await;
    let own = it.member_id(&user).await;
    let board = it.boards.add(user.organization_id);
    let foreign = it.boards.add(Uuid::from_u128(9));
    let mut client = it.organizations(&user);
    for (specs, field, reason) in [
        (
            vec![on("nope", None, None)],
            "board_access[0].board_id",
            "NOT_A_UUID",
        ),
        (
            vec![on(board, None, None), on(board, None, Some(true))],
            "board_access[1].board_id",
            "DUPLICATE",
        ),
        (
            vec![on(board, Some(false), None)],
            "board_access[0].can_read",
            "GRANTS_NOTHING",
        ),
        (
            vec![on(board, Some(false), Some(false))],
            "board_access[0].can_read",
            "GRANTS_NOTHING",
        ),
        (
            vec![on(board, None, None), on(foreign, None, None)],
            "board_access[1].board_id",
            "BOARD_INVALID",
        ),
        (
            (0..501)
                .map(|n| on(Uuid::from_u128(n), None, None))
                .collect(),
            "board_access",
            "TOO_MANY",
        ),
    ] {
        let answer = client.set_member_access(grants(bob.member_id, specs)).await;
        assert_eq!(violation(answer), (field.into(), reason.into()));
    }
    let answer = client
        .set_member_access(grants(bob.member_id, vec![on(foreign, None, None)]))
        .await;
    assert_eq!(fault(answer).rest_code(), "board_invalid");

    // Who may not do it at all is told so first.
    let unknown = grants(Uuid::from_u128(1), vec![on(foreign, None, None)]);
    assert_eq!(
        code(client.set_member_access(unknown).await),
        "member_not_found"
    );
    let owners = grants(own, vec![on(foreign, None, None)]);
    let answer = it.organizations(&ann.user).set_member_access(owners).await;
    assert_eq!(code(answer), "owner_required");
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_deleted_board_is_forgotten(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let bob = it.colleague(&user, "bob", "member").await;
    let [gone, kept] = [
        it.boards.add(user.organization_id),
        it.boards.add(user.organization_id),
    ];
    let mut client = it.organizations(&user);
    let both = vec![on(gone, None, None), on(kept, None, None)];
    client
        .set_member_access(grants(bob.member_id, both.clone()))
        .await
        .unwrap();
    let request = proto::org::v1::CreateInviteRequest {
        board_access: both,
        ..crate::scene::invitation("guest@example.com")
    };
    it.invite(&user, request).await;
    it.told(2).await;

    let deleted = Payload::BoardDeleted(BoardDeleted {
        board: Some(Board {
            id: gone.to_string(),
            organization_id: user.organization_id.to_string(),
            ..Board::default()
        }),
        force: false,
    });
    let event = bus::event(
        chassis::caller::system_actor(),
        user.organization_id,
        it.clock.now(),
        deleted,
    )
    .board(gone)
    .build();
    let mut conn = it.pool.acquire().await.unwrap();
    bus::outbox::append(&mut conn, event).await.unwrap();
    drop(conn);
    assert_eq!(it.types(1).await, ["board.deleted"]);
    crate::fixture::eventually(|| async {
        it.mentioning(&[gone])
            .await
            .iter()
            .all(|(_, mentions)| !mentions)
    })
    .await;
    let left = it.mentioning(&[kept]).await;
    let left: Vec<_> = left.into_iter().filter(|(_, mentions)| *mentions).collect();
    assert_eq!(left.len(), 2, "{left:?}");
    it.stop().await;
}
