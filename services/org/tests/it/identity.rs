use bus::Bus;
use chassis::{Caller, Clock, Code, Server, encode};
use futures::future::join_all;
use org::Config;
use proto::{
    event::v1::{Actor, ActorKind, OrganizationCreated, UserCreated, event::Payload},
    org::v1::{AuthenticateResponse, BoardRight, Organization, Role, User},
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::fixture::{Fixture, TOKEN, agent, caller_of, edge, fault, start_of_time};

#[sqlx::test(migrations = false)]
async fn the_first_sign_in_creates_the_person_and_their_organization(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let answer = it.authenticate(TOKEN).await.unwrap();
    assert_eq!(
        answer,
        AuthenticateResponse {
            name: "Local User".into(),
            role: Role::Owner.into(),
            all_boards_read: true,
            all_boards_write: true,
            ..answer.clone()
        }
    );
    assert_eq!(it.counts().await, (1, 1, 1));

    let events = it.told(2).await;
    let actor = Actor {
        kind: ActorKind::User.into(),
        id: Some(answer.user_id.clone()),
        name: "Local User".into(),
    };
    let user = User {
        id: answer.user_id.clone(),
        clerk_user_id: "local-auth-user".into(),
        email: Some("admin@home.local".into()),
        name: Some("Local User".into()),
        ..User::default()
    };
    let at = Some(encode::time(start_of_time()));
    let organization = Organization {
        id: answer.organization_id.clone(),
        name: "Personal".into(),
        created_at: at,
        updated_at: at,
    };
    assert_eq!(
        events[0].payload,
        Some(Payload::UserCreated(UserCreated { user: Some(user) }))
    );
    assert_eq!(
        events[1].payload,
        Some(Payload::OrganizationCreated(OrganizationCreated {
            organization: Some(organization)
        }))
    );
    for event in &events {
        assert_eq!(event.actor.as_ref(), Some(&actor));
        assert_eq!(event.organization_id, answer.organization_id);
    }
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn sixteen_simultaneous_first_sign_ins_create_one_person(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    for round in 0..10 {
        sqlx::query("truncate organization, user_account cascade")
            .execute(&it.pool)
            .await
            .unwrap();
        let answers = join_all((0..16).map(|_| it.authenticate(TOKEN))).await;
        let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
        assert!(
            answers.windows(2).all(|pair| pair[0] == pair[1]),
            "round {round}: {answers:?}"
        );
        assert_eq!(it.counts().await, (1, 1, 1), "round {round}");
        let types: Vec<_> = it
            .told(2)
            .await
            .into_iter()
            .map(|event| event.r#type)
            .collect();
        assert_eq!(
            types,
            ["user.created", "organization.created"],
            "round {round}"
        );
    }
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_known_person_signs_in_without_a_write(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    it.first_sign_in().await;
    let versions = "select xmin::text from user_account union all select xmin::text from member";
    let before: Vec<String> = sqlx::query_scalar(versions)
        .fetch_all(&it.pool)
        .await
        .unwrap();
    it.clock.advance(chrono::TimeDelta::hours(1));
    let first = it.authenticate(TOKEN).await.unwrap();
    assert_eq!(
        it.authenticate(&format!("  {TOKEN}\t")).await.unwrap(),
        first
    );
    let after: Vec<String> = sqlx::query_scalar(versions)
        .fetch_all(&it.pool)
        .await
        .unwrap();
    assert_eq!(before, after);
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn any_other_token_is_refused_and_creates_nothing(pool: PgPool) {
    let it = Fixture::start(pool).await;
    let wrong = [
        String::new(),
        " ".into(),
        "short".into(),
        TOKEN[..TOKEN.len() - 1].into(),
        format!("{TOKEN}x"),
        format!("{TOKEN}\0"),
        "\0".repeat(60),
        TOKEN.to_uppercase(),
        format!("Bearer {TOKEN}"),
        "x".repeat(1_000_000),
        "é".repeat(54),
    ];
    for token in wrong {
        let fault = fault(it.authenticate(&token).await);
        assert_eq!(
            (fault.code, fault.reason.as_str()),
            (Code::Unauthenticated, "CREDENTIAL_INVALID"),
            "{:?}",
            token.chars().take(80).collect::<String>()
        );
    }
    assert_eq!(it.counts().await, (0, 0, 0));
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn only_a_component_may_authenticate_others(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let request = proto::org::v1::AuthenticateRequest {
        token: TOKEN.into(),
    };
    for (caller, code) in [
        (Caller::User(user.clone()), Code::Forbidden),
        (agent(user.organization_id), Code::Forbidden),
        (Caller::Anonymous, Code::Unauthenticated),
    ] {
        let answer = it.identity(caller).authenticate(request.clone()).await;
        assert_eq!(fault(answer).code, code);
    }
    assert!(it.identity(edge()).authenticate(request).await.is_ok());
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_person_without_an_organization_gets_one_and_is_not_created_again(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let before = it.first_sign_in().await;
    sqlx::query("delete from organization")
        .execute(&it.pool)
        .await
        .unwrap();
    let after = join_all((0..8).map(|_| it.sign_in())).await;
    assert!(
        after
            .iter()
            .all(|user| user == &after[0] && user.id == before.id)
    );
    assert_ne!(after[0].organization_id, before.organization_id);
    assert_eq!(it.counts().await, (1, 1, 1));
    assert_eq!(it.told(1).await[0].r#type, "organization.created");
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn who_left_the_active_organization_falls_back_to_the_oldest(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let other = it.other_person("ada").await;
    it.clock.advance(chrono::TimeDelta::seconds(1));
    let membership = it.join(other.organization_id, user.id, "member").await;
    sqlx::query("update user_account set active_organization_id = $1 where id = $2")
        .bind(other.organization_id)
        .bind(user.id)
        .execute(&it.pool)
        .await
        .unwrap();
    assert_eq!(it.sign_in().await.organization_id, other.organization_id);

    sqlx::query("delete from member where id = $1")
        .bind(membership)
        .execute(&it.pool)
        .await
        .unwrap();
    assert_eq!(it.sign_in().await, user);
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn rights_follow_from_the_role_the_flags_and_the_grants(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let set = |role: &'static str, read: bool, write: bool| {
        let pool = it.pool.clone();
        async move {
            sqlx::query("update member set role = $1, all_boards_read = $2, all_boards_write = $3")
                .bind(role)
                .bind(read)
                .bind(write)
                .execute(&pool)
                .await
                .unwrap();
        }
    };
    for (role, read, write, wire) in [
        ("owner", false, false, (Role::Owner, true, true)),
        ("admin", false, false, (Role::Admin, true, true)),
        ("member", false, false, (Role::Member, false, false)),
        ("member", true, false, (Role::Member, true, false)),
        ("member", true, true, (Role::Member, true, true)),
    ] {
        set(role, read, write).await;
        let answer = it.authenticate(TOKEN).await.unwrap();
        assert_eq!(
            (
                answer.role(),
                answer.all_boards_read,
                answer.all_boards_write
            ),
            wire
        );
    }

    for (board, read, write) in [(1, true, false), (2, true, true), (3, false, false)] {
        sqlx::query(
            "insert into board_access (id, member_id, board_id, can_read, can_write, created_at, updated_at)
             select gen_random_uuid(), id, $1, $2, $3, now(), now() from member",
        )
        .bind(Uuid::from_u128(board))
        .bind(read)
        .bind(write)
        .execute(&it.pool)
        .await
        .unwrap();
    }
    let right = |board: u128, can_write| BoardRight {
        board_id: Uuid::from_u128(board).to_string(),
        can_write,
    };
    let answer = it.authenticate(TOKEN).await.unwrap();
    assert_eq!(answer.boards, [right(1, false), right(2, true)]);
    assert_eq!(caller_of(&answer).id, user.id);
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn the_service_does_not_start_without_a_good_token(pool: PgPool) {
    for (token, line) in [
        (None, "LOCAL_AUTH_TOKEN must be set"),
        (
            Some("hunter2"),
            "LOCAL_AUTH_TOKEN has 7 characters; it needs at least 50",
        ),
    ] {
        let mut server = Server::for_tests(pool.clone(), Clock::fixed(start_of_time()));
        let config = Config {
            local_auth_token: token.map(Into::into),
            ..Config::default()
        };
        let refusal = org::register(&mut server, &Bus::for_tests(pool.clone()), config).await;
        assert_eq!(refusal.unwrap_err().to_string(), line);
    }
}
