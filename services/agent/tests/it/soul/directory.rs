//! The public directory, through the front door.

use std::time::Duration;

use chassis::{Clock, Peer};
use chrono::{DateTime, TimeDelta};
use futures::future::join_all;
use proto::agent::v1::{
    DirectorySoul, GetDirectorySoulRequest, SearchSoulsRequest, SoulRef,
    soul_directory_service_client::SoulDirectoryServiceClient,
};
use sqlx::PgPool;
use tonic::Status;

use super::soul_host::SoulHost;
use crate::fixture::{World, refusal};

const SOULS: [(&str, &str, &str); 3] = [
    ("ada", "writer", "# Writer\n"),
    ("bob", "cook", "# Cook\n"),
    ("Ada", "data-poet", "# Poet\n"),
];

struct Library {
    world: World,
    host: SoulHost,
}

impl Library {
    async fn open(pool: PgPool) -> Self {
        let host = SoulHost::start(&SOULS).await;
        let clock = Clock::fixed(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let url = host.url();
        let world = World::start_with(pool, clock, &["--souls-directory-url", &url]).await;
        Self { world, host }
    }

    fn client(&self) -> SoulDirectoryServiceClient<Peer> {
        SoulDirectoryServiceClient::new(self.world.running.client(self.world.admin()))
    }

    async fn search(&self, q: &str, limit: Option<i32>) -> Result<Vec<SoulRef>, Status> {
        let request = SearchSoulsRequest {
            q: Some(q.into()),
            limit,
        };
        Ok(self
            .client()
            .search_souls(request)
            .await?
            .into_inner()
            .items)
    }

    async fn slugs(&self, q: &str) -> Vec<String> {
        let found = self.search(q, None).await.unwrap();
        found.into_iter().map(|soul| soul.slug).collect()
    }

    async fn get(&self, handle: &str, slug: &str) -> Result<DirectorySoul, Status> {
        let request = GetDirectorySoulRequest {
            handle: handle.into(),
            slug: slug.into(),
        };
        let answer = self.client().get_directory_soul(request).await?;
        Ok(answer.into_inner().soul.unwrap())
    }

    fn refused(status: &Status) -> (u16, String, Option<Duration>) {
        let fault = chassis::fault::read(status);
        (fault.code.http(), fault.reason, fault.retry_after)
    }
}

#[sqlx::test(migrations = false)]
async fn souls_are_found_by_any_part_of_their_name(pool: PgPool) {
    let library = Library::open(pool).await;
    let url = library.host.url();
    let expected = SoulRef {
        handle: "bob".into(),
        slug: "cook".into(),
        page_url: format!("{url}/souls/bob/cook"),
        raw_md_url: format!("{url}/api/souls/bob/cook.md"),
    };
    assert_eq!(library.search("B/COO", None).await.unwrap(), [expected]);
    assert_eq!(library.slugs("ada/").await, ["writer", "data-poet"]);
    assert_eq!(library.slugs(" ").await, ["writer", "cook", "data-poet"]);
    assert_eq!(library.search("", Some(2)).await.unwrap().len(), 2);
    assert!(library.slugs("nobody").await.is_empty());
    for (limit, q, field) in [
        (Some(0), "", "limit"),
        (Some(101), "", "limit"),
        (None, &*"x".repeat(201), "q"),
        (None, "a\0", "q"),
    ] {
        let refused = refusal(&library.search(q, limit).await.unwrap_err());
        assert_eq!((refused.0, refused.2.as_str()), (422, field));
    }
    assert_eq!(library.host.asked("/sitemap.xml"), 1);
}

#[sqlx::test(migrations = false)]
async fn a_soul_is_read_with_and_without_its_ending(pool: PgPool) {
    let library = Library::open(pool).await;
    let expected = DirectorySoul {
        handle: "ada".into(),
        slug: "writer".into(),
        content: "# Writer\n".into(),
    };
    assert_eq!(library.get("ada", "writer").await.unwrap(), expected);
    assert_eq!(library.get("ada", "writer.md").await.unwrap(), expected);
    let nobody = library.get("ada", "nobody").await.unwrap_err();
    assert_eq!(
        Library::refused(&nobody),
        (404, "SOUL_NOT_FOUND".into(), None)
    );
    for (handle, slug, field) in [
        ("..", "writer", "handle"),
        ("a/b", "writer", "handle"),
        ("", "writer", "handle"),
        ("-a", "writer", "handle"),
        ("ada", "..", "slug"),
        ("ada", ".md", "slug"),
        ("ada", "a.b", "slug"),
        ("ada", "a%2fb", "slug"),
        ("ada", &*"x".repeat(101), "slug"),
    ] {
        let refused = refusal(&library.get(handle, slug).await.unwrap_err());
        assert_eq!(
            (refused.0, refused.2.as_str()),
            (422, field),
            "{handle}/{slug}"
        );
    }
}

#[sqlx::test(migrations = false)]
async fn the_list_is_fetched_once_an_hour_by_one_reader(pool: PgPool) {
    let library = Library::open(pool).await;
    library.host.be_slow(Duration::from_millis(200));
    for found in join_all((0..10).map(|_| library.slugs("cook"))).await {
        assert_eq!(found, ["cook"]);
    }
    assert_eq!(library.host.asked("/sitemap.xml"), 1);
    library.host.list(&SOULS[..1]);
    library.world.clock.advance(TimeDelta::minutes(59));
    assert_eq!(library.slugs("").await.len(), 3);
    library.world.clock.advance(TimeDelta::minutes(2));
    assert_eq!(library.slugs("").await, ["writer"]);
    assert_eq!(library.host.asked("/sitemap.xml"), 2);
}

#[sqlx::test(migrations = false)]
async fn a_failure_is_remembered_for_a_minute_and_an_old_list_goes_before_none(pool: PgPool) {
    let library = Library::open(pool).await;
    library.host.put("/sitemap.xml", 500, "text/plain", "no");
    let refused = library.search("", None).await.unwrap_err();
    let expected = |seconds| {
        (
            503,
            "SOULS_DIRECTORY_UNAVAILABLE".into(),
            Some(Duration::from_secs(seconds)),
        )
    };
    assert_eq!(Library::refused(&refused), expected(60));
    library.host.list(&SOULS);
    library.world.clock.advance(TimeDelta::seconds(20));
    let refused = library.search("", None).await.unwrap_err();
    assert_eq!(Library::refused(&refused), expected(40));
    assert_eq!(library.host.asked("/sitemap.xml"), 1);
    library.world.clock.advance(TimeDelta::seconds(41));
    assert_eq!(library.slugs("").await.len(), 3);

    for broken in ["<urlset><url>", "<html></html>"] {
        library
            .host
            .put("/sitemap.xml", 200, "application/xml", broken);
        library.world.clock.advance(TimeDelta::minutes(61));
        assert_eq!(library.slugs("").await.len(), 3);
    }
    assert_eq!(library.host.asked("/sitemap.xml"), 4);
}

#[sqlx::test(migrations = false)]
async fn nothing_leads_away_and_nothing_is_too_large(pool: PgPool) {
    let library = Library::open(pool).await;
    let (other, host) = (SoulHost::start(&SOULS).await, &library.host);
    let soul = |slug: &str| format!("/api/souls/ada/{slug}.md");
    host.put(&soul("inside"), 302, "text/plain", &soul("writer"));
    host.put(
        &soul("outside"),
        302,
        "text/plain",
        &format!("{}{}", other.url(), soul("writer")),
    );
    host.put(&soul("round"), 302, "text/plain", &soul("round"));
    host.put(
        &soul("large"),
        200,
        "text/markdown",
        &"x".repeat(256 * 1024 + 1),
    );
    host.put(
        &soul("page"),
        200,
        "text/html; charset=utf-8",
        "<p>Hello</p>",
    );
    host.put(&soul("gone"), 410, "text/plain", "");
    assert_eq!(
        library.get("ada", "inside").await.unwrap().content,
        "# Writer\n"
    );
    for slug in ["outside", "round", "large", "page"] {
        let refused = library.get("ada", slug).await.unwrap_err();
        assert_eq!(
            Library::refused(&refused).1,
            "SOULS_DIRECTORY_UNAVAILABLE",
            "{slug}"
        );
    }
    let gone = library.get("ada", "gone").await.unwrap_err();
    assert_eq!(Library::refused(&gone).1, "SOUL_NOT_FOUND");
    assert_eq!(other.asked(&soul("writer")), 0);
    let large = format!("<urlset>{}</urlset>", " ".repeat(5 << 20));
    host.put("/sitemap.xml", 200, "application/xml", &large);
    let refused = library.search("", None).await.unwrap_err();
    assert_eq!(Library::refused(&refused).0, 503);
}
