use std::time::Duration;

use bus::Bus;
use chassis::{Clock, Running, Server};
use chrono::{DateTime, TimeDelta, Utc};
use proto::{
    board::v1::{Author, AuthorKind},
    event::v1::{OrganizationSettingsChanged, UserDeleted, event::Payload},
    org::v1::OrganizationSettings,
};
use sqlx::PgPool;
use uuid::Uuid;

use super::entry;
use crate::{
    callers::{MEMBER, ORGANIZATION, owner},
    fixture::{Fixture, start_of_time},
};

impl Fixture {
    /// Tells something that happened elsewhere.
    async fn tell(&mut self, payload: Payload) {
        self.elsewhere(payload).await;
        self.told(1).await;
    }

    async fn keep_for(&mut self, days: Option<i32>) {
        let settings = OrganizationSettings {
            memory_retention_days: days,
            ..OrganizationSettings::default()
        };
        let changed = OrganizationSettingsChanged {
            settings: Some(settings),
            changed_fields: vec!["memory_retention_days".into()],
        };
        self.tell(Payload::OrganizationSettingsChanged(changed))
            .await;
        let is_noted = async || {
            let noted: Option<i32> = sqlx::query_scalar("select days from memory_retention")
                .fetch_optional(&self.pool)
                .await
                .unwrap();
            noted == days
        };
        eventually(is_noted).await;
    }
}

/// Polls for at most 20 seconds.
async fn eventually(is_so: impl AsyncFn() -> bool) {
    for _ in 0..1_000 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not within 20 seconds");
}

/// The component once more, at a moment. It looks for what is too old when it starts.
async fn at(pool: &PgPool, moment: DateTime<Utc>) -> Running {
    let mut server = Server::for_tests(pool.clone(), Clock::fixed(moment));
    let bus = Bus::for_tests(pool.clone());
    board::register(&mut server, &bus, board::Config {})
        .await
        .unwrap();
    server.start()
}

async fn contents(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar(
        "select content from board_memory union all select content from group_memory order by content",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

async fn version(pool: &PgPool, board_id: Uuid) -> i64 {
    sqlx::query_scalar("select version from board where id = $1")
        .bind(board_id)
        .fetch_one(pool)
        .await
        .unwrap()
}

#[sqlx::test(migrations = false)]
async fn memory_is_kept_as_long_as_the_organization_wants(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let group = fixture.group_of("Fleet", &[fixture.board]).await;
    let untouched = fixture.board_named("Other").await;
    let author = owner();
    let write = async |name: &str| {
        let request = entry(fixture.board, &format!("{name} note"), &["chat"]);
        fixture.remember(&owner(), request).await.unwrap();
        let content = format!("{name} word");
        let said = fixture.remember_in_group(&author, group, &content, &[]);
        said.await.unwrap();
    };
    write("old").await;
    fixture.clock.advance(TimeDelta::seconds(1));
    write("young").await;
    fixture.told(4).await;
    let all = ["old note", "old word", "young note", "young word"];
    let versions = (
        version(&fixture.pool, fixture.board).await,
        version(&fixture.pool, untouched).await,
    );
    let late = start_of_time() + TimeDelta::days(30);

    // For ever, unless it is said otherwise; then to the day.
    at(&fixture.pool, late).await.stop().await.unwrap();
    fixture.keep_for(Some(30)).await;
    at(&fixture.pool, late).await.stop().await.unwrap();
    assert_eq!(contents(&fixture.pool).await, all);

    let running = at(&fixture.pool, late + TimeDelta::milliseconds(500)).await;
    eventually(async || contents(&fixture.pool).await == ["young note", "young word"]).await;
    running.stop().await.unwrap();
    // Readers of the board have a stale copy; others have not.
    assert!(version(&fixture.pool, fixture.board).await > versions.0);
    assert_eq!(version(&fixture.pool, untouched).await, versions.1);

    fixture.keep_for(None).await;
    let far = late + TimeDelta::days(3_000);
    at(&fixture.pool, far).await.stop().await.unwrap();
    assert_eq!(contents(&fixture.pool).await.len(), 2);
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_backlog_goes_whole(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let group = fixture.group_of("Fleet", &[fixture.board]).await;
    for insert in [
        "insert into board_memory (
             id, organization_id, board_id, content, tags, is_chat, author_kind, author_name, mentioned_agent_ids,
             created_at)
         select gen_random_uuid(), $1, $2, 'x', '{}', false, 'user', 'Ada', '{}', $3 from generate_series(1, 1200)",
        "insert into group_memory (
             id, organization_id, board_group_id, content, tags, is_chat, author_kind, author_name,
             mentioned_agent_ids, created_at)
         select gen_random_uuid(), $1, $2, 'x', '{}', false, 'user', 'Ada', '{}', $3 from generate_series(1, 1200)",
    ] {
        let id = if insert.contains("into board") {
            fixture.board
        } else {
            group
        };
        sqlx::query(insert)
            .bind(ORGANIZATION)
            .bind(id)
            .bind(start_of_time())
            .execute(&fixture.pool)
            .await
            .unwrap();
    }
    fixture.keep_for(Some(1)).await;
    let running = at(&fixture.pool, start_of_time() + TimeDelta::days(2)).await;
    eventually(async || contents(&fixture.pool).await.is_empty()).await;
    running.stop().await.unwrap();
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn who_is_gone_leaves_a_name(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let group = fixture.group_of("Fleet", &[fixture.board]).await;
    let (board, ben) = (fixture.board, fixture.writer());
    fixture.chat(&ben, "bye").await.unwrap();
    fixture.chat(&fixture.lead(), "bye, Ben").await.unwrap();
    let said = fixture.remember_in_group(&ben, group, "bye all", &[]);
    said.await.unwrap();
    fixture.told(3).await;
    let before = version(&fixture.pool, board).await;
    let user_id = MEMBER.to_string();
    fixture
        .tell(Payload::UserDeleted(UserDeleted { user_id }))
        .await;
    let nobody = Some(Author {
        kind: AuthorKind::User.into(),
        id: String::new(),
        name: "Ben".into(),
    });
    let is_forgotten = async || {
        let listed = fixture.remembered(&owner(), None).await.items;
        let ids: i64 =
            sqlx::query_scalar("select count(*) from group_memory where author_id is not null")
                .fetch_one(&fixture.pool)
                .await
                .unwrap();
        listed[1].author == nobody && ids == 0
    };
    eventually(is_forgotten).await;
    let listed = fixture.remembered(&owner(), None).await.items;
    assert_eq!(listed[0].author.as_ref().unwrap().name, "Olga");
    assert!(!listed[0].author.as_ref().unwrap().id.is_empty());
    assert!(version(&fixture.pool, board).await > before);
    fixture.stop().await;
}
