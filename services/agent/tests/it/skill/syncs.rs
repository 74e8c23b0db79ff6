//! Packs read out of real repositories.

use futures::future::join_all;
use proto::agent::v1::{
    DeleteSkillPackRequest, Gateway, GetSkillPackRequest, SkillCard, SkillPack, SkillPackSyncState,
    SyncSkillPackRequest, SyncSkillPackResponse, UpdateSkillPackRequest,
};
use serde_json::json;
use sqlx::PgPool;

use super::git_host::{GitHost, Repository};
use crate::fixture::{World, until};

impl World {
    async fn sync_pack(&self, pack: &SkillPack) -> SyncSkillPackResponse {
        let request = SyncSkillPackRequest {
            pack_id: pack.id.clone(),
            wait_seconds: Some(60),
        };
        let answer = self.skills(self.admin()).sync_skill_pack(request).await;
        answer.unwrap().into_inner()
    }

    async fn read_pack(&self, pack: &SkillPack) -> SkillPack {
        let request = GetSkillPackRequest {
            pack_id: pack.id.clone(),
        };
        let answer = self.skills(self.admin()).get_skill_pack(request).await;
        answer.unwrap().into_inner().pack.unwrap()
    }

    /// Cards by name.
    async fn shelf(&self, gateway: &Gateway) -> Vec<SkillCard> {
        let mut cards = self.cards(gateway).await;
        cards.sort_by(|a, b| a.name.cmp(&b.name));
        cards
    }
}

fn names(cards: &[SkillCard]) -> Vec<&str> {
    cards.iter().map(|card| card.name.as_str()).collect()
}

/// Synced, created, updated, vanished.
fn counts(answer: &SyncSkillPackResponse) -> (i32, i32, i32, i32) {
    assert!(answer.ok, "{answer:?}");
    (
        answer.synced,
        answer.created,
        answer.updated,
        answer.vanished,
    )
}

async fn start(pool: PgPool, extra: &[&str]) -> (World, Gateway, GitHost) {
    let world = World::with_packs(pool, extra).await;
    let gateway = world.gateway("Lab").await;
    (world, gateway, GitHost::start().await)
}

fn skill(name: &str) -> String {
    format!("---\nname: {name}\ndescription: About {name}\n---\n# x\n")
}

/// A repository with a list of its skills.
fn listed(host: &GitHost) -> Repository {
    let repository = host.repository("org/listed");
    let list = json!({"skills": [
        {"path": "skills/pdf/SKILL.md", "name": "PDF", "description": "Reads", "category": "docs", "risk": "low"},
        {"source_url": "./skills/csv", "name": "CSV"},
        {"source_url": "https://evil.example.com/x", "name": "Evil"},
        {"name": "Lost"},
    ]});
    repository.commit(
        &[
            ("skills_index.json", &list.to_string()),
            ("a/SKILL.md", &skill("Unlisted")),
        ],
        &[],
    );
    repository
}

#[sqlx::test(migrations = false)]
async fn a_pack_that_lists_its_skills_is_read_by_its_list(pool: PgPool) {
    let (world, gateway, host) = start(pool, &[]).await;
    let repository = listed(&host);
    let pack = world.pack(&repository.url, None).await;
    let answer = world.sync_pack(&pack).await;
    assert_eq!(counts(&answer), (2, 2, 0, 0));
    assert_eq!(answer.sync_state(), SkillPackSyncState::Done);
    assert_eq!(
        answer.warnings,
        [
            "entry 3 `Evil` is passed over: its address leads to a host that packs may not come from",
            "entry 4 `Lost` is passed over: it has neither `source_url` nor `path`",
        ]
    );
    let cards = world.shelf(&gateway).await;
    assert_eq!(names(&cards), ["CSV", "PDF"]);
    let url = format!("{}/tree/main/skills/pdf", repository.url);
    let expected = SkillCard {
        id: cards[1].id.clone(),
        organization_id: world.organization.to_string(),
        name: "PDF".into(),
        description: Some("Reads".into()),
        category: Some("docs".into()),
        risk: Some("low".into()),
        source: Some(url.clone()),
        source_url: url,
        metadata: chassis::encode::to_struct(&json!({
            "discovery_mode": "skills_index", "pack_branch": "main", "resolved_path": "skills/pdf",
        })),
        created_at: cards[1].created_at,
        updated_at: cards[1].created_at,
        ..SkillCard::default()
    };
    assert_eq!(cards[1], expected);
    // Nothing is new: nothing is written.
    assert_eq!(counts(&world.sync_pack(&pack).await), (2, 0, 0, 0));
    assert_eq!(world.shelf(&gateway).await, cards);
    let pack = world.read_pack(&pack).await;
    assert_eq!(
        (pack.skill_count, pack.sync_state()),
        (2, SkillPackSyncState::Done)
    );
    assert_eq!(pack.sync_warnings, answer.warnings);
    assert!(pack.synced_at.is_some() && pack.sync_error.is_none());
    world.until_heard("skill_pack.synced", 2).await;
    assert!(world.heard("skill.created").is_empty());
}

#[sqlx::test(migrations = false)]
async fn without_a_list_every_skill_file_counts(pool: PgPool) {
    let (world, gateway, host) = start(pool, &[]).await;
    let repository = host.repository("org/files");
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), skill("Leaked")).unwrap();
    repository.commit(
        &[
            ("skills_index.json", "{broken"),
            ("one/SKILL.md", &skill("One")),
            ("two words/SKILL.md", "# Second\n\nPlain.\n"),
            (".hidden/SKILL.md", &skill("Hidden")),
            ("big/SKILL.md", &"x".repeat(256 * 1024 + 1)),
        ],
        &[],
    );
    repository.link("SKILL.md", secret.path().to_str().unwrap());
    repository.commit(&[], &[]);
    let answer = world
        .sync_pack(&world.pack(&repository.url, None).await)
        .await;
    assert_eq!(counts(&answer), (2, 2, 0, 0));
    assert_eq!(
        answer.warnings,
        [
            "skills_index.json is not a list of skills; looking for SKILL.md files instead",
            "big/SKILL.md is passed over: it is larger than 262144 bytes",
        ]
    );
    let cards = world.shelf(&gateway).await;
    assert_eq!(names(&cards), ["One", "Second"]);
    assert_eq!(cards[0].description.as_deref(), Some("About One"));
    assert!(
        cards[1].source_url.ends_with("/tree/main/two%20words"),
        "{}",
        cards[1].source_url
    );
}

#[sqlx::test(migrations = false)]
async fn the_branch_of_the_pack_is_read(pool: PgPool) {
    let (world, gateway, host) = start(pool, &[]).await;
    let repository = host.repository("org/branches");
    repository.commit(&[("a/SKILL.md", &skill("On main"))], &[]);
    repository.branch("feature/x");
    repository.commit(&[("a/SKILL.md", &skill("On x"))], &[]);
    repository.default_branch("main");
    let pack = world.pack(&repository.url, Some("feature/x")).await;
    let answer = world.sync_pack(&pack).await;
    assert_eq!((counts(&answer), answer.warnings.len()), ((1, 1, 0, 0), 0));
    let cards = world.shelf(&gateway).await;
    assert_eq!(names(&cards), ["On x"]);
    assert!(
        cards[0].source_url.ends_with("/tree/feature/x/a"),
        "{}",
        cards[0].source_url
    );

    let pack = world.pack(&repository.url, Some("gone")).await;
    let answer = world.sync_pack(&pack).await;
    assert_eq!(counts(&answer), (1, 1, 0, 1));
    assert_eq!(
        answer.warnings,
        ["there is no branch `gone`; `main` was read instead"]
    );
    let cards = world.shelf(&gateway).await;
    assert_eq!(names(&cards), ["On main", "On x"]);
    assert!(cards[0].vanished_at.is_none() && cards[1].vanished_at.is_some());
}

#[sqlx::test(migrations = false)]
async fn what_vanishes_is_marked_until_it_is_back(pool: PgPool) {
    let (world, gateway, host) = start(pool, &[]).await;
    let repository = host.repository("org/moving");
    let (a, b) = (skill("A"), skill("B"));
    repository.commit(&[("a/SKILL.md", &a), ("b/SKILL.md", &b)], &[]);
    let pack = world.pack(&repository.url, None).await;
    assert_eq!(counts(&world.sync_pack(&pack).await), (2, 2, 0, 0));
    // Nobody's sync takes away what somebody added by hand.
    world
        .skill(&format!("{}/tree/main/by-hand", repository.url))
        .await;

    repository.commit(&[("a/SKILL.md", &skill("Another"))], &["b/SKILL.md"]);
    assert_eq!(counts(&world.sync_pack(&pack).await), (1, 0, 1, 1));
    let vanished = |cards: &[SkillCard]| -> Vec<bool> {
        cards
            .iter()
            .map(|card| card.vanished_at.is_some())
            .collect()
    };
    let cards = world.shelf(&gateway).await;
    assert_eq!(names(&cards), ["Another", "B", "by hand"]);
    assert_eq!(vanished(&cards), [false, true, false]);
    assert_eq!(counts(&world.sync_pack(&pack).await), (1, 0, 0, 0));

    repository.commit(&[("b/SKILL.md", &b)], &[]);
    assert_eq!(counts(&world.sync_pack(&pack).await), (2, 0, 1, 0));
    assert_eq!(vanished(&world.shelf(&gateway).await), [false; 3]);
    // One that is there and cannot be read has not vanished.
    repository.commit(&[("b/SKILL.md", &"x".repeat(300_000))], &[]);
    assert_eq!(counts(&world.sync_pack(&pack).await), (1, 0, 0, 0));
}

#[sqlx::test(migrations = false)]
async fn of_syncs_at_once_one_runs(pool: PgPool) {
    let (world, _, host) = start(pool, &[]).await;
    let repository = listed(&host);
    let pack = world.pack(&repository.url, None).await;
    for round in 1..=5 {
        let answers = join_all((0..6).map(|_| world.sync_pack(&pack))).await;
        for answer in &answers {
            assert_eq!(answer, &answers[0]);
        }
        assert!(answers[0].ok);
        assert_eq!(host.clones(), round);
    }
    world.until_heard("skill_pack.synced", 5).await;
    world.until_quiet().await;
    assert_eq!(world.heard("skill_pack.synced").len(), 5);
    let left: i64 = sqlx::query_scalar("select count(*) from delivery where queue = 'skill_sync'")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(left, 1);
}

#[sqlx::test(migrations = false)]
async fn a_repository_that_cannot_be_read_says_why(pool: PgPool) {
    let (world, _, host) = start(pool, &[]).await;
    let failed = async |url: &str| {
        let pack = world.pack(url, None).await;
        let answer = world.sync_pack(&pack).await;
        assert_eq!(
            (answer.ok, answer.sync_state()),
            (false, SkillPackSyncState::Failed)
        );
        let pack = world.read_pack(&pack).await;
        assert_eq!(pack.sync_error, answer.error);
        answer.error.unwrap()
    };
    let told = failed(&host.address("org/nowhere")).await;
    assert!(told.starts_with("repository_not_found: "), "{told}");
    let empty = host.repository("org/empty");
    let told = failed(&empty.url).await;
    assert!(told.starts_with("repository_empty: "), "{told}");
    let told = failed("http://127.0.0.1:9/org/away").await;
    assert!(told.starts_with("git_failed: unable to access"), "{told}");
    world.until_heard("skill_pack.sync_failed", 3).await;
    // It is read once it is there.
    empty.commit(&[("a/SKILL.md", &skill("A"))], &[]);
    let pack = world.pack(&empty.url, None).await;
    assert_eq!(counts(&world.sync_pack(&pack).await), (1, 1, 0, 0));
    assert_eq!(world.read_pack(&pack).await.sync_error, None);
}

#[sqlx::test(migrations = false)]
async fn a_repository_that_is_too_large_is_given_up(pool: PgPool) {
    let (world, _, host) = start(pool, &["--skill-pack-max-mib", "1"]).await;
    let repository = host.repository("org/large");
    let mut noise = 1_u64;
    let text: String = std::iter::repeat_with(|| {
        noise = noise
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        char::from(b' ' + ((noise >> 33) % 90) as u8)
    })
    .take(3 << 20)
    .collect();
    repository.commit(&[("noise", &text)], &[]);
    let answer = world
        .sync_pack(&world.pack(&repository.url, None).await)
        .await;
    let told = answer.error.unwrap();
    assert!(
        told.starts_with("repository_too_large: it takes "),
        "{told}"
    );
}

#[sqlx::test(migrations = false)]
async fn a_host_that_hangs_is_given_up_and_leads_nowhere_else(pool: PgPool) {
    let (world, _, host) = start(pool, &["--skill-pack-timeout", "5s"]).await;
    let hanging = tokio::net::TcpListener::bind(test_ports::free_addr())
        .await
        .unwrap();
    let url = format!("http://{}/org/hangs", hanging.local_addr().unwrap());
    let answer = world.sync_pack(&world.pack(&url, None).await).await;
    assert_eq!(
        answer.error.as_deref(),
        Some("sync_timeout: reading the repository took longer than 5s")
    );
    let there = listed(&host).url;
    let leading = axum::Router::new().fallback(move |request: axum::extract::Request| {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let to = format!("{there}.git/info/refs?{query}");
        async move { axum::response::Redirect::temporary(&to) }
    });
    let listener = tokio::net::TcpListener::bind(test_ports::free_addr())
        .await
        .unwrap();
    let url = format!("http://{}/org/leads", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, leading).await.unwrap() });
    let answer = world.sync_pack(&world.pack(&url, None).await).await;
    assert!(answer.error.unwrap().starts_with("git_failed: "));
    assert_eq!(host.clones(), 0);
}

#[sqlx::test(migrations = false)]
async fn a_pack_may_be_changed_or_deleted_while_it_is_read(pool: PgPool) {
    let (world, gateway, host) = start(pool, &["--skill-pack-timeout", "30s"]).await;
    let hanging = tokio::net::TcpListener::bind(test_ports::free_addr())
        .await
        .unwrap();
    let url = format!("http://{}/org/hangs", hanging.local_addr().unwrap());
    let pack = world.pack(&url, None).await;
    let begin = SyncSkillPackRequest {
        pack_id: pack.id.clone(),
        wait_seconds: Some(0),
    };
    let answer = world
        .skills(world.admin())
        .sync_skill_pack(begin.clone())
        .await;
    let answer = answer.unwrap().into_inner();
    assert_eq!(
        (answer.ok, answer.sync_state()),
        (false, SkillPackSyncState::Running)
    );
    let replace = UpdateSkillPackRequest {
        pack_id: pack.id.clone(),
        source_url: listed(&host).url,
        ..UpdateSkillPackRequest::default()
    };
    let (reader, _) = hanging.accept().await.unwrap();
    world
        .skills(world.admin())
        .update_skill_pack(replace)
        .await
        .unwrap();
    drop(reader);
    until("the sync ends", || async {
        let state = world.read_pack(&pack).await.sync_state();
        (state != SkillPackSyncState::Running).then_some(())
    })
    .await;
    let found = world.read_pack(&pack).await;
    assert_eq!(
        (found.sync_state(), found.skill_count),
        (SkillPackSyncState::Done, 2)
    );

    let other = world.pack(&url, None).await;
    let begin = SyncSkillPackRequest {
        pack_id: other.id.clone(),
        ..begin
    };
    world
        .skills(world.admin())
        .sync_skill_pack(begin)
        .await
        .unwrap();
    let delete = DeleteSkillPackRequest { pack_id: other.id };
    world
        .skills(world.admin())
        .delete_skill_pack(delete)
        .await
        .unwrap();
    let delete = DeleteSkillPackRequest { pack_id: pack.id };
    world
        .skills(world.admin())
        .delete_skill_pack(delete)
        .await
        .unwrap();
    assert_eq!(names(&world.shelf(&gateway).await), ["CSV", "PDF"]);
    world.until_heard("skill_pack.deleted", 2).await;
}
