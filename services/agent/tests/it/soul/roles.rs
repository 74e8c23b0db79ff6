//! Souls that workers get by their role, where somebody wants that.

use std::time::Duration;

use chassis::{Clock, encode};
use chrono::{DateTime, TimeDelta};
use proto::agent::v1::{
    Agent, AgentStatus, CreateAgentRequest, ListSoulRevisionsRequest, SoulRevision,
    soul_service_client::SoulServiceClient,
};
use serde_json::json;
use sqlx::PgPool;

use super::soul_host::SoulHost;
use crate::fixture::{World, key, wanted};

const SOULS: [(&str, &str, &str); 2] = [
    ("ada", "data-engineer", " # Careful with data\n"),
    ("bob", "cook", "# Cook\n"),
];

struct Crew {
    world: World,
    host: SoulHost,
    board: uuid::Uuid,
}

impl Crew {
    async fn start(pool: PgPool, on: &str) -> Self {
        let host = SoulHost::start(&SOULS).await;
        let url = host.url();
        let words = [
            "--souls-directory-url",
            &url,
            "--role-souls",
            on,
            "--lifecycle-timeout",
            "20s",
        ];
        let clock = Clock::fixed(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let world = World::start_with(pool, clock, &words).await;
        let gateway = world.gateway("Lab").await;
        let board = world.board(&gateway, 9);
        Self { world, host, board }
    }

    /// A worker that is in place.
    async fn worker(&self, name: &str, change: impl FnOnce(&mut CreateAgentRequest)) -> Agent {
        let mut request = CreateAgentRequest {
            identity_profile: encode::to_struct(&json!({"role": "Data Engineer"})),
            ..wanted(self.board, name)
        };
        change(&mut request);
        let made = self
            .world
            .try_create(self.world.admin(), request)
            .await
            .unwrap();
        self.world.until(&made.id, AgentStatus::Ready).await
    }

    fn file(&self, agent: &Agent) -> String {
        self.world
            .connector
            .file(&key(agent), "SOUL.md")
            .unwrap()
            .trim()
            .to_owned()
    }

    async fn revisions(&self, agent: &Agent) -> Vec<SoulRevision> {
        let request = ListSoulRevisionsRequest {
            agent_id: agent.id.clone(),
            ..ListSoulRevisionsRequest::default()
        };
        let client = self.world.running.client(self.world.admin());
        let answer = SoulServiceClient::new(client)
            .list_soul_revisions(request)
            .await;
        answer.unwrap().into_inner().items
    }
}

#[sqlx::test(migrations = false)]
async fn a_worker_gets_the_soul_of_its_role_for_good(pool: PgPool) {
    let crew = Crew::start(pool, "true").await;
    let ada = crew.worker("Ada", |_| {}).await;
    assert_eq!(crew.file(&ada), "# Careful with data");
    assert_eq!(ada.soul_template.as_deref(), Some("# Careful with data"));
    let revisions = crew.revisions(&ada).await;
    let expected = SoulRevision {
        id: revisions[0].id.clone(),
        agent_id: ada.id.clone(),
        content: "# Careful with data".into(),
        content_sha256: revisions[0].content_sha256.clone(),
        source_url: Some(format!("{}/souls/ada/data-engineer", crew.host.url())),
        reason: Some("the soul of the role `Data Engineer`".into()),
        author_name: "Mission Control".into(),
        created_at: revisions[0].created_at,
    };
    assert_eq!(revisions, [expected]);
    assert_eq!(revisions[0].content_sha256.len(), 64);
    crew.world.until_heard("agent.soul.updated", 1).await;
    let asked = crew.host.asked("/api/souls/ada/data-engineer.md");
    assert_eq!(asked, 1);
}

#[sqlx::test(migrations = false)]
async fn who_has_a_soul_or_no_role_or_leads_is_left_alone(pool: PgPool) {
    let crew = Crew::start(pool, "true").await;
    let own = crew
        .worker("Own", |r| r.soul_template = Some("Mine".into()))
        .await;
    let none = crew.worker("None", |r| r.identity_profile = None).await;
    let odd = crew
        .worker("Odd", |r| {
            r.identity_profile = encode::to_struct(&json!({"role": "Zookeeper"}))
        })
        .await;
    let lead = crew.worker("Lena", |r| r.is_board_lead = Some(true)).await;
    assert_eq!(crew.file(&own), "Mine");
    for agent in [&none, &odd, &lead] {
        assert_eq!(agent.soul_template, None);
        assert!(crew.revisions(agent).await.is_empty());
    }
    assert_eq!(crew.host.asked("/api/souls/ada/data-engineer.md"), 0);
}

#[sqlx::test(migrations = false)]
async fn a_directory_that_fails_or_hangs_keeps_nobody_waiting(pool: PgPool) {
    let crew = Crew::start(pool, "true").await;
    let soul = "/api/souls/ada/data-engineer.md";
    crew.host
        .put(soul, 200, "text/markdown", &"x".repeat(19_001));
    assert_eq!(crew.worker("Long", |_| {}).await.soul_template, None);
    assert_eq!(crew.host.asked(soul), 1);
    // A directory that has failed is left alone for a minute.
    assert_eq!(crew.worker("Next", |_| {}).await.soul_template, None);
    assert_eq!(crew.host.asked(soul), 1);
    crew.world.clock.advance(TimeDelta::minutes(2));
    crew.host.put(soul, 500, "text/plain", "no");
    assert_eq!(crew.worker("Broken", |_| {}).await.soul_template, None);
    crew.world.clock.advance(TimeDelta::minutes(2));
    crew.host.be_slow(Duration::from_secs(60));
    assert_eq!(crew.worker("Slow", |_| {}).await.soul_template, None);
    assert_eq!(crew.host.asked(soul), 3);
    assert!(crew.world.heard("agent.soul.updated").is_empty());
}

#[sqlx::test(migrations = false)]
async fn unless_somebody_wants_it_nobody_asks(pool: PgPool) {
    let crew = Crew::start(pool, "false").await;
    assert_eq!(crew.worker("Ada", |_| {}).await.soul_template, None);
    assert_eq!(crew.host.asked("/sitemap.xml"), 0);
}
