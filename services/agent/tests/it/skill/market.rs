//! The skills of an organization, as its admins see them.

use chassis::{Caller, Role};
use futures::future::join_all;
use proto::agent::v1::{
    CreateSkillRequest, DeleteSkillRequest, ListSkillsRequest, Skill, SkillCard,
};
use serde_json::json;
use sqlx::PgPool;
use tonic::{Response, Status};
use uuid::Uuid;

use crate::fixture::{World, person, reason, refusal};

fn stranger() -> Caller {
    person(Uuid::from_u128(2), Role::Owner)
}

async fn create(
    world: &World,
    source_url: &str,
    name: Option<&str>,
    description: Option<&str>,
) -> Result<Skill, Status> {
    let request = CreateSkillRequest {
        source_url: source_url.into(),
        name: name.map(str::to_owned),
        description: description.map(str::to_owned),
    };
    let answer = world.skills(world.admin()).create_skill(request).await?;
    Ok(answer.into_inner().skill.unwrap())
}

#[sqlx::test(migrations = false)]
async fn a_skill_is_added_once_and_changed_by_what_is_given(pool: PgPool) {
    let world = World::start(pool).await;
    let url = "https://github.com/o/r/tree/main/pdf-tools";
    let added = create(&world, url, None, None).await.unwrap();
    let expected = Skill {
        id: added.id.clone(),
        organization_id: world.organization.to_string(),
        name: "pdf tools".into(),
        source_url: url.into(),
        metadata: chassis::encode::to_struct(&json!({})),
        created_at: added.created_at,
        updated_at: added.created_at,
        ..Skill::default()
    };
    assert_eq!(added, expected);
    let same = create(&world, url, None, None).await.unwrap();
    assert_eq!(same, added);
    let described = create(&world, url, None, Some(" Reads ")).await.unwrap();
    assert_eq!(described.description.as_deref(), Some("Reads"));
    assert_eq!(described.name, "pdf tools");
    let named = create(&world, url, Some("PDF"), None).await.unwrap();
    assert_eq!(
        (named.name.as_str(), named.description.as_deref()),
        ("PDF", Some("Reads"))
    );
    assert_eq!(named.id, added.id);
    assert!(
        create(&world, url, Some("PDF"), Some("Reads"))
            .await
            .unwrap()
            == named
    );
    world.until_heard("skill.updated", 2).await;
    world.until_quiet().await;
    assert_eq!(world.heard("skill.created").len(), 1);
    assert_eq!(world.heard("skill.updated").len(), 2);
}

#[sqlx::test(migrations = false)]
async fn of_many_who_add_the_same_skill_one_adds_it(pool: PgPool) {
    let world = World::start(pool).await;
    for round in 0..10 {
        let url = format!("https://example.com/skill-{round}");
        let added = join_all((0..8).map(|_| create(&world, &url, None, None))).await;
        let mut ids: Vec<String> = added.into_iter().map(|skill| skill.unwrap().id).collect();
        ids.dedup();
        assert_eq!(ids.len(), 1);
    }
    world.until_heard("skill.created", 10).await;
    world.until_quiet().await;
    assert_eq!(world.heard("skill.created").len(), 10);
    assert!(world.heard("skill.updated").is_empty());
}

async fn list(
    world: &World,
    change: impl FnOnce(&mut ListSkillsRequest),
) -> Result<Response<Vec<String>>, Status> {
    let gateway = world.gateway("Lab").await;
    let mut request = ListSkillsRequest {
        gateway_id: gateway.id,
        ..ListSkillsRequest::default()
    };
    change(&mut request);
    let answer = world.skills(world.admin()).list_skills(request).await?;
    Ok(answer.map(|list| list.items.into_iter().map(|card| card.name).collect()))
}

/// Skills with every kind of label, oldest first.
async fn shelf(world: &World) {
    for (name, category, risk) in [
        ("alpha", Some("Docs"), Some("low")),
        ("beta", Some("docs"), None),
        ("gamma", None, Some("High")),
        ("delta", Some(""), None),
    ] {
        let skill = create(
            world,
            &format!("https://example.com/{name}"),
            None,
            Some("Does 100%_"),
        )
        .await
        .unwrap();
        sqlx::query("update skill set category = $2, risk = $3 where id = $1")
            .bind(skill.id.parse::<Uuid>().unwrap())
            .bind(category)
            .bind(risk)
            .execute(&world.pool)
            .await
            .unwrap();
    }
}

#[sqlx::test(migrations = false)]
async fn the_marketplace_is_searched_and_filtered(pool: PgPool) {
    let world = World::start(pool).await;
    shelf(&world).await;
    let found =
        async |change: fn(&mut ListSkillsRequest)| list(&world, change).await.unwrap().into_inner();
    assert_eq!(found(|_| {}).await, ["delta", "gamma", "beta", "alpha"]);
    assert_eq!(found(|r| r.search = Some("LPH".into())).await, ["alpha"]);
    assert_eq!(found(|r| r.search = Some("hig".into())).await, ["gamma"]);
    assert_eq!(found(|r| r.search = Some("100%_".into())).await.len(), 4);
    assert!(found(|r| r.search = Some("%".repeat(2))).await.is_empty());
    assert_eq!(found(|r| r.search = Some("  ".into())).await.len(), 4);
    assert_eq!(
        found(|r| r.category = Some(" DOCS ".into())).await,
        ["beta", "alpha"]
    );
    assert_eq!(
        found(|r| r.category = Some("Uncategorized".into())).await,
        ["delta", "gamma"]
    );
    assert_eq!(found(|r| r.risk = Some("high".into())).await, ["gamma"]);
    assert_eq!(
        found(|r| r.risk = Some("uncategorized".into())).await,
        ["delta", "beta"]
    );
    assert!(found(|r| r.risk = Some("none".into())).await.is_empty());
}

#[sqlx::test(migrations = false)]
async fn a_page_says_where_it_is_cut(pool: PgPool) {
    let world = World::start(pool).await;
    shelf(&world).await;
    let page = list(&world, |r| (r.limit, r.offset) = (Some(2), Some(1)))
        .await
        .unwrap();
    let header = |name: &str| {
        page.metadata()
            .get(name)
            .map(|value| value.to_str().unwrap())
    };
    assert_eq!(
        [
            header("x-total-count"),
            header("x-limit"),
            header("x-offset")
        ],
        [Some("4"), Some("2"), Some("1")]
    );
    assert_eq!(page.into_inner(), ["gamma", "beta"]);
    let whole = list(&world, |r| r.offset = Some(3)).await.unwrap();
    assert!(whole.metadata().get("x-total-count").is_none());
    assert_eq!(whole.into_inner().len(), 4);
    for (limit, offset, field) in [
        (Some(0), None, "limit"),
        (Some(201), None, "limit"),
        (None, Some(-1), "offset"),
    ] {
        let refused = list(&world, |r| (r.limit, r.offset) = (limit, offset))
            .await
            .unwrap_err();
        assert_eq!(refusal(&refused).2, field);
    }
}

#[sqlx::test(migrations = false)]
async fn a_pack_holds_what_lies_in_its_very_repository(pool: PgPool) {
    let world = World::start(pool).await;
    for path in [
        "org/skills/tree/main/a",
        "Org/Skills/tree/dev/b/c",
        "org/skills",
        "org/skills-extra/tree/main/d",
    ] {
        create(
            &world,
            &format!("https://github.com/{path}"),
            Some(path),
            None,
        )
        .await
        .unwrap();
    }
    let pack = world.pack("https://github.com/org/skills", None).await;
    assert_eq!(pack.skill_count, 3);
    let id = pack.id.clone();
    let found = list(&world, |r| r.pack_id = Some(id))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        found,
        [
            "org/skills",
            "Org/Skills/tree/dev/b/c",
            "org/skills/tree/main/a"
        ]
    );
    let unknown = list(&world, |r| r.pack_id = Some(Uuid::now_v7().to_string())).await;
    assert_eq!(reason(&unknown.unwrap_err()), "SKILL_PACK_NOT_FOUND");
}

#[sqlx::test(migrations = false)]
async fn a_card_shows_the_address_as_its_source(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.gateway("Lab").await;
    let skill = world.skill("https://example.com/a").await;
    let expected = SkillCard {
        id: skill.id.clone(),
        organization_id: skill.organization_id.clone(),
        name: "a".into(),
        source: Some("https://example.com/a".into()),
        source_url: "https://example.com/a".into(),
        metadata: skill.metadata.clone(),
        created_at: skill.created_at,
        updated_at: skill.updated_at,
        install_state: None,
        ..SkillCard::default()
    };
    assert_eq!(world.cards(&gateway).await, [expected]);
}

#[sqlx::test(migrations = false)]
async fn what_makes_no_sense_is_refused_with_its_field(pool: PgPool) {
    let world = World::start(pool).await;
    let (long, nul) = ("x".repeat(5_001), "a\0b");
    for (url, name, description, field) in [
        ("", None, None, "source_url"),
        ("ftp://example.com/x", None, None, "source_url"),
        ("https://u:p@example.com/x", None, None, "source_url"),
        ("https://example.com/\n", None, None, ""),
        ("https://example.com/a b", None, None, "source_url"),
        ("https://example.com/x", Some(nul), None, "name"),
        ("https://example.com/x", Some("a\nb"), None, "name"),
        ("https://example.com/x", Some(&long[..201]), None, "name"),
        (
            "https://example.com/x",
            None,
            Some(long.as_str()),
            "description",
        ),
        ("https://example.com/x", None, Some(nul), "description"),
    ] {
        let answer = create(&world, url, name, description).await;
        if field.is_empty() {
            assert_eq!(answer.unwrap().source_url, "https://example.com/", "{url}");
        } else {
            let (code, _, found) = refusal(&answer.unwrap_err());
            assert_eq!((code, found.as_str()), (422, field), "{url} {name:?}");
        }
    }
    let unknown = list(&world, |r| r.gateway_id = "nope".into())
        .await
        .unwrap_err();
    assert_eq!(refusal(&unknown).2, "gateway_id");
    let long = list(&world, |r| r.search = Some("x".repeat(201)))
        .await
        .unwrap_err();
    assert_eq!(refusal(&long).2, "search");
}

#[sqlx::test(migrations = false)]
async fn skills_of_others_do_not_exist(pool: PgPool) {
    let world = World::start(pool).await;
    let (gateway, skill) = (
        world.gateway("Lab").await,
        world.skill("https://example.com/a").await,
    );
    let delete = DeleteSkillRequest {
        skill_id: skill.id.clone(),
    };
    let refused = world.skills(stranger()).delete_skill(delete.clone()).await;
    assert_eq!(reason(&refused.unwrap_err()), "SKILL_NOT_FOUND");
    let request = ListSkillsRequest {
        gateway_id: gateway.id.clone(),
        ..ListSkillsRequest::default()
    };
    let refused = world.skills(stranger()).list_skills(request).await;
    assert_eq!(reason(&refused.unwrap_err()), "GATEWAY_NOT_FOUND");
    let member = person(world.organization, Role::Member);
    let refused = world.skills(member).delete_skill(delete.clone()).await;
    assert_eq!(reason(&refused.unwrap_err()), "ADMIN_REQUIRED");

    let mut admin = world.skills(world.admin());
    assert!(
        admin
            .delete_skill(delete.clone())
            .await
            .unwrap()
            .into_inner()
            .ok
    );
    let again = admin.delete_skill(delete).await.unwrap_err();
    assert_eq!(reason(&again), "SKILL_NOT_FOUND");
    assert!(world.cards(&gateway).await.is_empty());
    world.until_heard("skill.deleted", 1).await;
}
