use chassis::{Code, caller::User, encode};
use proto::org::v1::{
    BoardAccess, GetMemberRequest, ListMembersRequest, ListMembersResponse, Member, MemberUser,
    Role,
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::fixture::{Fixture, fault, start_of_time, violation};

async fn list(it: &Fixture, user: &User, request: ListMembersRequest) -> ListMembersResponse {
    it.organizations(user)
        .list_members(request)
        .await
        .unwrap()
        .into_inner()
}

fn names(page: &ListMembersResponse) -> Vec<String> {
    page.items
        .iter()
        .filter_map(|member| member.user.clone()?.name)
        .collect()
}

#[sqlx::test(migrations = false)]
async fn ones_own_membership_shows_every_right(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let (access, board) = (Uuid::from_u128(1), Uuid::from_u128(2));
    sqlx::query(
        "insert into board_access (id, member_id, board_id, can_read, can_write, created_at, updated_at)
         select $1, id, $2, true, false, $3, $3 from member",
    )
    .bind(access)
    .bind(board)
    .bind(start_of_time())
    .execute(&it.pool)
    .await
    .unwrap();
    let answer = it
        .organizations(&user)
        .get_member(GetMemberRequest {})
        .await
        .unwrap();
    let member = answer.into_inner().member.unwrap();
    let at = Some(encode::time(start_of_time()));
    assert_eq!(
        member,
        Member {
            id: member.id.clone(),
            organization_id: user.organization_id.to_string(),
            user_id: user.id.to_string(),
            role: Role::Owner.into(),
            all_boards_read: true,
            all_boards_write: true,
            created_at: at,
            updated_at: at,
            user: Some(MemberUser {
                id: user.id.to_string(),
                email: Some("admin@home.local".into()),
                name: Some("Local User".into()),
                preferred_name: None,
            }),
            board_access: vec![BoardAccess {
                id: access.to_string(),
                board_id: board.to_string(),
                can_read: true,
                can_write: false,
                created_at: at,
                updated_at: at,
            }],
        }
    );
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn members_are_listed_by_email_then_name_in_pages(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    for name in ["Zoe", "ben", "Ada", "cyd"] {
        let other = it.other_person(name).await;
        it.join(user.organization_id, other.id, "member").await;
    }
    // The local person's address begins with `admin@`, between Ada and ben.
    let everybody = ["Ada", "Local User", "ben", "cyd", "Zoe"];
    let all = list(&it, &user, ListMembersRequest::default()).await;
    assert_eq!(names(&all), everybody);
    assert_eq!(
        (all.total, all.limit, all.offset, all.next_page_token),
        (5, 200, 0, None)
    );

    let request = ListMembersRequest {
        limit: Some(2),
        offset: Some(1),
        ..Default::default()
    };
    let page = list(&it, &user, request).await;
    assert_eq!(names(&page), everybody[1..3]);
    assert_eq!((page.total, page.limit, page.offset), (5, 2, 1));

    let (mut seen, mut page_token) = (Vec::new(), None);
    loop {
        let request = ListMembersRequest {
            limit: Some(2),
            page_token,
            ..Default::default()
        };
        let page = list(&it, &user, request).await;
        seen.extend(names(&page));
        page_token = page.next_page_token;
        if page_token.is_none() {
            break;
        }
        // Whoever joins ahead of the reader does not shift the pages that follow.
        let early = it.other_person(&format!("aaa{}", seen.len())).await;
        it.join(user.organization_id, early.id, "member").await;
    }
    assert_eq!(seen, everybody);

    let request = ListMembersRequest {
        offset: Some(100),
        ..Default::default()
    };
    let past = list(&it, &user, request).await;
    assert_eq!(
        (past.items.len(), past.total, past.next_page_token),
        (0, 7, None)
    );
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn an_exact_last_page_has_no_successor(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let request = ListMembersRequest {
        limit: Some(1),
        ..Default::default()
    };
    assert_eq!(list(&it, &user, request).await.next_page_token, None);
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn bounds_of_a_page_are_judged(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let mut client = it.organizations(&user);
    let with = |limit, offset, token: Option<&str>| ListMembersRequest {
        limit,
        offset,
        page_token: token.map(str::to_owned),
    };
    for (request, field) in [
        (with(Some(0), None, None), "limit"),
        (with(Some(201), None, None), "limit"),
        (with(None, Some(-1), None), "offset"),
        (with(None, None, Some("nope")), "page_token"),
        (with(None, None, Some("\0")), "page_token"),
    ] {
        assert_eq!(violation(client.list_members(request).await).0, field);
    }
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn members_of_other_organizations_do_not_exist(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let mut user = it.first_sign_in().await;
    user.organization_id = it.other_person("ada").await.organization_id;
    let mut client = it.organizations(&user);
    let answers = [
        fault(client.get_member(GetMemberRequest {}).await),
        fault(client.list_members(ListMembersRequest::default()).await),
    ];
    for fault in answers {
        assert_eq!(
            (fault.code, fault.reason.as_str()),
            (Code::NotFound, "ORGANIZATION_NOT_FOUND")
        );
    }
    it.stop().await;
}
