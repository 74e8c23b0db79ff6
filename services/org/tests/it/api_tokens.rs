use chassis::{Caller, Code, encode};
use chrono::TimeDelta;
use futures::future::join_all;
use proto::{
    event::v1::event::Payload,
    org::v1::{
        ApiToken, CreateApiTokenRequest, GetMeRequest, ListApiTokensRequest, RevokeApiTokenRequest,
        Scope,
    },
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    fixture::{Fixture, caller_of, code, eventually, fault, start_of_time, violation},
    scene::token_named,
};

fn revoke(id: impl ToString) -> RevokeApiTokenRequest {
    RevokeApiTokenRequest {
        api_token_id: id.to_string(),
    }
}

fn scoped(name: &str, scopes: &[Scope]) -> CreateApiTokenRequest {
    CreateApiTokenRequest {
        scopes: scopes.iter().map(|scope| i32::from(*scope)).collect(),
        ..token_named(name)
    }
}

#[sqlx::test(migrations = false)]
async fn a_token_stands_for_its_person_where_it_was_made(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let bob = it.colleague(&user, "bob", "member").await;
    it.grant(bob.member_id, Uuid::from_u128(7)).await;
    let request = scoped(" script ", &[Scope::Write, Scope::Read, Scope::Write]);
    let answer = it
        .tokens(&bob.user)
        .create_api_token(request)
        .await
        .unwrap();
    let made = answer.into_inner().api_token.unwrap();
    let text = made.token.clone().unwrap();
    let shown = ApiToken {
        id: made.id.clone(),
        name: "script".into(),
        scopes: vec![Scope::Read.into(), Scope::Write.into()],
        created_at: Some(encode::time(start_of_time())),
        ..ApiToken::default()
    };
    assert_eq!(
        ApiToken {
            token: None,
            ..made
        },
        shown
    );
    let id: Uuid = shown.id.parse().unwrap();
    assert!(text.starts_with(&format!("mcp_{}_", id.simple())));
    let stored: String = it
        .value(
            "select row_to_json(api_token)::text from api_token where id = $1",
            id,
        )
        .await;
    assert!(!stored.contains(&text[text.len() - 43..]), "{stored}");
    let events = it.told(1).await;
    match &events[0].payload {
        Some(Payload::ApiTokenCreated(told)) => {
            assert_eq!(told.api_token.as_ref(), Some(&shown));
            assert_eq!(told.user_id, bob.user.id.to_string());
        }
        other => panic!("{other:?}"),
    }

    // Whatever organization its person acts in otherwise.
    let elsewhere = it.organization("elsewhere").await;
    it.join(elsewhere, bob.user.id, "owner").await;
    sqlx::query("update user_account set active_organization_id = $2 where id = $1")
        .bind(bob.user.id)
        .bind(elsewhere)
        .execute(&it.pool)
        .await
        .unwrap();
    let answer = it.authenticate(&text).await.unwrap();
    assert_eq!(answer.scopes, ["read", "write"]);
    assert_eq!(answer.boards.len(), 1);
    let until = start_of_time() + TimeDelta::minutes(1);
    assert_eq!(answer.good_until, Some(encode::time(until)));
    let caller = caller_of(&answer);
    assert_eq!(
        (caller.id, caller.organization_id, caller.role),
        (bob.user.id, user.organization_id, chassis::Role::Member)
    );
    it.users(&caller).get_me(GetMeRequest {}).await.unwrap();
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_token_ends_at_once_when_it_is_revoked_or_its_membership_ends(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let bob = it.colleague(&user, "bob", "member").await;
    let (first, first_text) = it.token(&bob.user, token_named("first")).await;
    let (_, second_text) = it.token(&bob.user, token_named("second")).await;
    let mut client = it.tokens(&bob.user);
    for text in [&first_text, &second_text] {
        it.authenticate(text).await.unwrap();
    }
    // Nobody revokes the tokens of others.
    assert_eq!(
        code(it.tokens(&user).revoke_api_token(revoke(first)).await),
        "api_token_not_found"
    );
    client.revoke_api_token(revoke(first)).await.unwrap();
    let refused = fault(it.authenticate(&first_text).await);
    assert_eq!(
        (refused.code, refused.reason.as_str()),
        (Code::Unauthenticated, "CREDENTIAL_INVALID")
    );
    assert_eq!(
        code(client.revoke_api_token(revoke(first)).await),
        "api_token_not_found"
    );
    assert_eq!(
        violation(client.revoke_api_token(revoke("x")).await),
        ("api_token_id".into(), "NOT_A_UUID".into())
    );

    it.authenticate(&second_text).await.unwrap();
    sqlx::query("delete from member where id = $1")
        .bind(bob.member_id)
        .execute(&it.pool)
        .await
        .unwrap();
    assert_eq!(
        fault(it.authenticate(&second_text).await).code,
        Code::Unauthenticated
    );
    // A new membership does not bring it back.
    it.join(user.organization_id, bob.user.id, "member").await;
    assert_eq!(
        fault(it.authenticate(&second_text).await).code,
        Code::Unauthenticated
    );
    assert_eq!(
        it.types(3).await,
        [
            "api_token.created",
            "api_token.created",
            "api_token.revoked"
        ]
    );
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_token_expires_and_only_its_secret_opens(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let mut client = it.tokens(&user);
    let ends = |after| CreateApiTokenRequest {
        expires_at: Some(encode::time(start_of_time() + after)),
        ..token_named("short")
    };
    for past in [TimeDelta::zero(), TimeDelta::seconds(-1)] {
        let answer = client.create_api_token(ends(past)).await;
        assert_eq!(
            violation(answer),
            ("expires_at".into(), "NOT_IN_FUTURE".into())
        );
    }
    let (_, text) = it.token(&user, ends(TimeDelta::seconds(30))).await;
    let answer = it.authenticate(&text).await.unwrap();
    let end = start_of_time() + TimeDelta::seconds(30);
    assert_eq!(answer.good_until, Some(encode::time(end)));
    let last = if text.ends_with('A') { "B" } else { "A" };
    for wrong in [
        format!("{}{last}", &text[..text.len() - 1]),
        format!("{text}A"),
        text.replace("mcp_", "mci_"),
        text.replace("mcp_", "mca_"),
    ] {
        assert_eq!(
            fault(it.authenticate(&wrong).await).code,
            Code::Unauthenticated
        );
    }
    it.clock.advance(TimeDelta::seconds(30));
    assert_eq!(
        fault(it.authenticate(&text).await).code,
        Code::Unauthenticated
    );
    it.told(1).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_token_hands_out_nothing_wider_than_itself(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let (_, text) = it.token(&user, scoped("admin", &[Scope::Admin])).await;
    let limited = caller_of(&it.authenticate(&text).await.unwrap());
    let mut client = it.tokens(&limited);
    let answer = client.create_api_token(token_named("everything")).await;
    assert_eq!(code(answer), "scope_exceeded");
    for scopes in [&[Scope::Admin][..], &[Scope::Read, Scope::Write]] {
        client
            .create_api_token(scoped("narrow", scopes))
            .await
            .unwrap();
    }
    // One that only reads or writes makes none at all.
    for word in ["read", "write"] {
        let mut caller = user.clone();
        caller.scopes = vec![word.into()];
        let answer = it
            .tokens(&caller)
            .create_api_token(scoped("x", &[Scope::Read]))
            .await;
        assert_eq!(code(answer), "scope_missing");
    }
    for (name, reason) in [
        ("", "BLANK"),
        (" ", "BLANK"),
        (&*"x".repeat(101), "TOO_LONG"),
        ("\0x", "NUL_BYTE"),
    ] {
        let answer = client.create_api_token(scoped(name, &[Scope::Read])).await;
        assert_eq!(violation(answer), ("name".into(), reason.into()));
    }
    for number in [0, 4, -1] {
        let request = CreateApiTokenRequest {
            scopes: vec![Scope::Read.into(), number],
            ..token_named("x")
        };
        let answer = client.create_api_token(request).await;
        assert_eq!(
            violation(answer),
            ("scopes[1]".into(), "UNKNOWN_VALUE".into())
        );
    }
    it.told(3).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn use_is_written_to_the_minute_beside_the_request(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let (id, text) = it.token(&user, token_named("used")).await;
    it.told(1).await;
    it.clock.advance(TimeDelta::seconds(59));
    it.authenticate(&text).await.unwrap();
    let last_used = || async {
        let request = ListApiTokensRequest::default();
        let page = it.tokens(&user).list_api_tokens(request).await.unwrap();
        page.into_inner().items[0].last_used_at
    };
    let minute = |n| Some(encode::time(start_of_time() + TimeDelta::minutes(n)));
    eventually(|| async { last_used().await == minute(0) }).await;
    // Within the minute nothing is written again.
    let version = "select xmin::text from api_token where id = $1";
    let before: String = it.value(version, id).await;
    it.authenticate(&text).await.unwrap();
    it.clock.advance(TimeDelta::seconds(1));
    assert_eq!(it.value::<String>(version, id).await, before);
    it.authenticate(&text).await.unwrap();
    eventually(|| async { last_used().await == minute(1) }).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn fifty_tokens_are_in_force_at_most(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    for n in 0..47 {
        it.api_token(user.organization_id, user.id, &n.to_string())
            .await;
    }
    // One that has expired does not count, nor does one of another organization.
    let expired = it.api_token(user.organization_id, user.id, "old").await;
    sqlx::query("update api_token set expires_at = $2 where id = $1")
        .bind(expired)
        .bind(it.clock.now())
        .execute(&it.pool)
        .await
        .unwrap();
    let other = it.organization("other").await;
    it.join(other, user.id, "member").await;
    it.api_token(other, user.id, "other").await;

    let attempts = join_all((0..8).map(|_| {
        let mut client = it.tokens(&user);
        async move { client.create_api_token(token_named("last")).await }
    }))
    .await;
    let (made, refused): (Vec<_>, Vec<_>) = attempts.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 3);
    for refusal in refused {
        let fault = fault(refusal);
        assert_eq!(
            (fault.code, fault.rest_code().as_str()),
            (Code::Conflict, "too_many_api_tokens")
        );
        assert_eq!(fault.facts["limit"], 50);
    }
    it.told(3).await;

    let mut client = it.tokens(&user);
    let (mut seen, mut page_token) = (Vec::new(), None);
    loop {
        let request = ListApiTokensRequest {
            limit: Some(20),
            page_token,
            ..ListApiTokensRequest::default()
        };
        let page = client.list_api_tokens(request).await.unwrap().into_inner();
        assert_eq!(page.total, 51);
        assert!(page.items.iter().all(|token| token.token.is_none()));
        seen.extend(page.items.into_iter().map(|token| token.id));
        page_token = page.next_page_token;
        if page_token.is_none() {
            break;
        }
    }
    assert!(
        seen.is_sorted_by(|earlier, later| earlier > later),
        "newest first"
    );
    assert_eq!(seen.len(), 51);
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn tokens_of_other_organizations_are_not_seen(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let mut stray = user.clone();
    stray.organization_id = it.other_person("ada").await.organization_id;
    let mut client = it.tokens(&stray);
    let list = client
        .list_api_tokens(ListApiTokensRequest::default())
        .await;
    assert_eq!(code(list), "organization_not_found");
    let made = client.create_api_token(token_named("x")).await;
    assert_eq!(code(made), "organization_not_found");
    let agent = crate::fixture::agent(user.organization_id);
    let mut agents =
        proto::org::v1::api_token_service_client::ApiTokenServiceClient::new(it.transport(agent));
    let list = agents
        .list_api_tokens(ListApiTokensRequest::default())
        .await;
    assert_eq!(code(list), "caller_not_admitted");
    let mut nobody = proto::org::v1::api_token_service_client::ApiTokenServiceClient::new(
        it.transport(Caller::Anonymous),
    );
    let list = nobody
        .list_api_tokens(ListApiTokensRequest::default())
        .await;
    assert_eq!(code(list), "unauthenticated");
    it.stop().await;
}
