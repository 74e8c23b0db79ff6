use proto::org::v1::{ListApiTokensRequest, ListInvitesRequest, ListMembersRequest};
use sqlx::PgPool;

use crate::fixture::Fixture;

/// Fills an organization up to this many members, invites and tokens, each with rights on boards where it has some.
async fn fill(it: &Fixture, user: &chassis::caller::User, upto: i32) {
    for query in [
        "with person as (
             insert into user_account (id, clerk_user_id, email, name, created_at, updated_at)
             select gen_random_uuid(), 's' || n, 'p' || n || '@example.com', 'P', now(), now()
             from generate_series((select count(*) from member where organization_id = $1), $3::int - 1) n
             where $2::uuid is not null
             returning id
         ), made as (
             insert into member (id, organization_id, user_id, role, all_boards_read, all_boards_write, created_at, updated_at)
             select gen_random_uuid(), $1, id, 'member', false, false, now(), now() from person
             returning id
         )
         insert into board_access (id, member_id, board_id, can_read, can_write, created_at, updated_at)
         select gen_random_uuid(), id, gen_random_uuid(), true, false, now(), now() from made, generate_series(1, 3)",
        "with made as (
             insert into invite (id, organization_id, invited_email, token_hash, role, all_boards_read, all_boards_write,
                 created_by_user_id, expires_at, created_at, updated_at)
             select gen_random_uuid(), $1, 'i' || n || '@example.com', '', 'member', false, false, $2, now(), now(), now()
             from generate_series((select count(*) from invite where organization_id = $1), $3::int - 1) n
             returning id
         )
         insert into invite_access (invite_id, board_id, can_write)
         select id, gen_random_uuid(), true from made, generate_series(1, 3)",
        "insert into api_token (id, organization_id, user_id, name, hash, scopes, created_at)
         select gen_random_uuid(), $1, $2, 't', '', '{}', now()
         from generate_series((select count(*) from api_token where organization_id = $1), $3::int - 1) n",
    ] {
        sqlx::query(query)
            .bind(user.organization_id)
            .bind(user.id)
            .bind(upto)
            .execute(&it.pool)
            .await
            .unwrap();
    }
}

#[sqlx::test(migrations = false)]
async fn a_list_of_many_asks_the_database_no_more_than_a_list_of_few(pool: PgPool) {
    chassis::testing::statements();
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let mut counts = Vec::new();
    for upto in [10, 1_000] {
        fill(&it, &user, upto).await;
        let shown = usize::try_from(upto.min(200)).unwrap();
        let mut count = Vec::new();

        let before = chassis::testing::statements();
        let mut members = it.organizations(&user);
        let page = members.list_members(ListMembersRequest::default()).await;
        let page = page.unwrap().into_inner();
        assert_eq!((page.items.len(), page.total), (shown, upto.into()));
        let rights = page
            .items
            .iter()
            .filter(|member| member.board_access.len() == 3);
        assert!(
            rights.count() >= shown - 1,
            "all but the owner have three rights"
        );
        count.push(chassis::testing::statements() - before);

        let before = chassis::testing::statements();
        let mut invites = it.invites(&user);
        let page = invites.list_invites(ListInvitesRequest::default()).await;
        let page = page.unwrap().into_inner();
        assert_eq!((page.items.len(), page.total), (shown, upto.into()));
        assert!(
            page.items
                .iter()
                .all(|invite| invite.board_access.len() == 3)
        );
        count.push(chassis::testing::statements() - before);

        let before = chassis::testing::statements();
        let mut tokens = it.tokens(&user);
        let page = tokens
            .list_api_tokens(ListApiTokensRequest::default())
            .await;
        assert_eq!(page.unwrap().into_inner().items.len(), shown);
        count.push(chassis::testing::statements() - before);
        counts.push(count);
    }
    assert!(
        counts[0].iter().all(|count| (1..10).contains(count)),
        "{counts:?}"
    );
    assert_eq!(counts[0], counts[1]);
    it.stop().await;
}
