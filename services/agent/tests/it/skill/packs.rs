//! Packs of skills, as admins keep them.

use chassis::Role;
use futures::future::join_all;
use proto::{
    agent::v1::{
        CreateSkillPackRequest, DeleteSkillPackRequest, GetSkillPackRequest, ListSkillPacksRequest,
        SkillPack, SkillPackSyncState, SyncSkillPackRequest, UpdateSkillPackRequest,
    },
    event::v1::{OrganizationCreated, event::Payload},
    org::v1::Organization,
};
use serde_json::json;
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::{
    fixture::{World, person, reason, refusal, until},
    team::user,
};

const URL: &str = "https://github.com/org/my-skills";

fn wanted(source_url: &str) -> CreateSkillPackRequest {
    CreateSkillPackRequest {
        source_url: source_url.into(),
        ..CreateSkillPackRequest::default()
    }
}

fn replacing(pack: &SkillPack, source_url: &str) -> UpdateSkillPackRequest {
    UpdateSkillPackRequest {
        pack_id: pack.id.clone(),
        source_url: source_url.into(),
        ..UpdateSkillPackRequest::default()
    }
}

impl World {
    async fn try_pack(&self, request: CreateSkillPackRequest) -> Result<SkillPack, Status> {
        let answer = self.skills(self.admin()).create_skill_pack(request).await?;
        Ok(answer.into_inner().pack.unwrap())
    }

    async fn replace(&self, request: UpdateSkillPackRequest) -> Result<SkillPack, Status> {
        let answer = self.skills(self.admin()).update_skill_pack(request).await?;
        Ok(answer.into_inner().pack.unwrap())
    }

    async fn packs(&self) -> Vec<SkillPack> {
        let answer = self
            .skills(self.admin())
            .list_skill_packs(ListSkillPacksRequest {})
            .await;
        answer.unwrap().into_inner().items
    }
}

#[sqlx::test(migrations = false)]
async fn a_pack_is_added_once_and_changed_by_what_is_given(pool: PgPool) {
    let world = World::start(pool).await;
    let added = world
        .try_pack(wanted(&format!(" {URL}.git/ ")))
        .await
        .unwrap();
    let expected = SkillPack {
        id: added.id.clone(),
        organization_id: world.organization.to_string(),
        name: "my skills".into(),
        source_url: URL.into(),
        branch: "main".into(),
        metadata: chassis::encode::to_struct(&json!({})),
        created_at: added.created_at,
        updated_at: added.created_at,
        sync_state: SkillPackSyncState::Never.into(),
        ..SkillPack::default()
    };
    assert_eq!(added, expected);
    let noted = CreateSkillPackRequest {
        description: Some("Ours".into()),
        branch: Some("dev".into()),
        metadata: chassis::encode::to_struct(&json!({"team": "x"})),
        ..wanted("https://github.com/Org/My-Skills")
    };
    let changed = world.try_pack(noted.clone()).await.unwrap();
    let expected = SkillPack {
        description: Some("Ours".into()),
        branch: "dev".into(),
        metadata: noted.metadata.clone(),
        updated_at: changed.updated_at,
        ..added.clone()
    };
    assert_eq!(changed, expected);
    assert_ne!(changed.updated_at, added.updated_at);
    assert_eq!(world.try_pack(noted).await.unwrap(), changed);
    // The description stays, branch and metadata have their defaults again.
    let again = world.try_pack(wanted(URL)).await.unwrap();
    assert_eq!(
        (again.description.as_deref(), again.branch.as_str()),
        (Some("Ours"), "main")
    );
    assert_eq!(again.metadata, added.metadata);
    assert_eq!(world.packs().await, [again]);
    world.until_heard("skill_pack.updated", 2).await;
    world.until_quiet().await;
    assert_eq!(world.heard("skill_pack.created").len(), 1);
    assert_eq!(world.heard("skill_pack.updated").len(), 2);
}

#[sqlx::test(migrations = false)]
async fn of_many_who_add_the_same_pack_one_adds_it(pool: PgPool) {
    let world = World::start(pool).await;
    for round in 0..8 {
        let url = format!("{URL}-{round}");
        let added = join_all((0..6).map(|_| world.try_pack(wanted(&url)))).await;
        let mut ids: Vec<String> = added.into_iter().map(|pack| pack.unwrap().id).collect();
        ids.dedup();
        assert_eq!(ids.len(), 1);
    }
    world.until_heard("skill_pack.created", 8).await;
    world.until_quiet().await;
    assert_eq!(world.heard("skill_pack.created").len(), 8);
}

#[sqlx::test(migrations = false)]
async fn a_pack_is_replaced_as_a_whole(pool: PgPool) {
    let world = World::start(pool).await;
    let described = CreateSkillPackRequest {
        name: Some("Ours".into()),
        description: Some("x".into()),
        branch: Some("dev".into()),
        ..wanted(URL)
    };
    let pack = world.try_pack(described).await.unwrap();
    let replaced = world.replace(replacing(&pack, URL)).await.unwrap();
    assert_eq!(
        (
            replaced.name.as_str(),
            replaced.description.as_deref(),
            replaced.branch.as_str()
        ),
        ("my skills", None, "main")
    );
    let other = world.pack("https://github.com/org/other", None).await;
    let taken = world
        .replace(replacing(&pack, "https://github.com/ORG/other/"))
        .await;
    assert_eq!(
        refusal(&taken.unwrap_err()),
        (409, "PACK_URL_TAKEN".into(), String::new())
    );
    let unknown = SkillPack {
        id: Uuid::now_v7().to_string(),
        ..other
    };
    // What is not there comes before what is wrong with the request.
    let refused = world.replace(replacing(&unknown, "nonsense")).await;
    assert_eq!(reason(&refused.unwrap_err()), "SKILL_PACK_NOT_FOUND");
}

#[sqlx::test(migrations = false)]
async fn addresses_and_branches_that_git_must_not_see_are_refused(pool: PgPool) {
    let world = World::start(pool).await;
    for url in [
        "http://github.com/o/r",
        "https://gitlab.com/o/r",
        "https://github.com/o",
        "https://github.com/o/r/tree/main",
        "git@github.com:o/r",
        "file:///etc",
        "ext::sh -c id",
        "https://github.com@evil.com/o/r",
        "https://u:p@github.com/o/r",
        "http://127.0.0.1/o/r",
        "https://github.com/o/--upload-pack=x",
    ] {
        let refused = world.try_pack(wanted(url)).await.unwrap_err();
        let expected = (422, "PACK_URL_INVALID".into(), "source_url".into());
        assert_eq!(refusal(&refused), expected, "{url}");
    }
    for branch in ["--upload-pack=x", "a..b", "a b", "$(id)", "../x", "/x"] {
        let request = CreateSkillPackRequest {
            branch: Some(branch.into()),
            ..wanted(URL)
        };
        let refused = world.try_pack(request).await.unwrap_err();
        let expected = (422, "PACK_BRANCH_INVALID".into(), "branch".into());
        assert_eq!(refusal(&refused), expected, "{branch}");
    }
    let metadata = chassis::encode::to_struct(&json!({"a": "x\0"}));
    let request = CreateSkillPackRequest {
        metadata,
        ..wanted(URL)
    };
    assert_eq!(
        refusal(&world.try_pack(request).await.unwrap_err()).2,
        "metadata"
    );
    let blank = world.try_pack(wanted(" ")).await.unwrap_err();
    assert_eq!(refusal(&blank).2, "source_url");
    assert!(world.packs().await.is_empty());
}

#[sqlx::test(migrations = false)]
async fn packs_of_others_do_not_exist(pool: PgPool) {
    let world = World::start(pool).await;
    let pack = world.pack(URL, None).await;
    let stranger = || world.skills(person(Uuid::from_u128(2), Role::Owner));
    let pack_id = pack.id.clone();
    let get = GetSkillPackRequest {
        pack_id: pack_id.clone(),
    };
    let delete = DeleteSkillPackRequest {
        pack_id: pack_id.clone(),
    };
    let sync = SyncSkillPackRequest {
        pack_id,
        wait_seconds: Some(0),
    };
    let refused = [
        stranger().get_skill_pack(get.clone()).await.unwrap_err(),
        stranger()
            .update_skill_pack(replacing(&pack, URL))
            .await
            .unwrap_err(),
        stranger()
            .delete_skill_pack(delete.clone())
            .await
            .unwrap_err(),
        stranger().sync_skill_pack(sync).await.unwrap_err(),
    ];
    for refused in refused {
        assert_eq!(reason(&refused), "SKILL_PACK_NOT_FOUND");
    }
    let theirs = stranger().list_skill_packs(ListSkillPacksRequest {}).await;
    assert!(theirs.unwrap().into_inner().items.is_empty());
    let theirs = stranger().create_skill_pack(wanted(URL)).await.unwrap();
    assert_ne!(theirs.into_inner().pack.unwrap().id, pack.id);

    let mut admin = world.skills(world.admin());
    assert_eq!(
        admin.get_skill_pack(get).await.unwrap().into_inner().pack,
        Some(pack)
    );
    assert!(
        admin
            .delete_skill_pack(delete.clone())
            .await
            .unwrap()
            .into_inner()
            .ok
    );
    let again = admin.delete_skill_pack(delete).await.unwrap_err();
    assert_eq!(reason(&again), "SKILL_PACK_NOT_FOUND");
}

#[sqlx::test(migrations = false)]
async fn an_organization_has_two_hundred_packs_at_most(pool: PgPool) {
    let world = World::start(pool).await;
    sqlx::query(
        "insert into skill_pack (
             id, organization_id, name, source_url, repository, branch, metadata, created_at, updated_at
         )
         select gen_random_uuid(), $1, 'x', 'https://github.com/o/' || n, 'https://github.com/o/' || n, 'main', '{}',
                now(), now()
         from generate_series(1, 199) as n",
    )
    .bind(world.organization)
    .execute(&world.pool)
    .await
    .unwrap();
    let urls: Vec<String> = (0..6).map(|n| format!("{URL}-{n}")).collect();
    let answers = join_all(urls.iter().map(|url| world.try_pack(wanted(url)))).await;
    let refused: Vec<String> = answers
        .iter()
        .filter_map(|a| a.as_ref().err())
        .map(reason)
        .collect();
    assert_eq!(refused, ["TOO_MANY_PACKS"; 5]);
    assert_eq!(world.packs().await.len(), 200);
    world
        .try_pack(wanted("https://github.com/o/7"))
        .await
        .unwrap();
}

#[sqlx::test(migrations = false)]
async fn a_new_organization_begins_with_two_packs(pool: PgPool) {
    let world = World::start(pool).await;
    let created = || {
        let organization = Some(Organization {
            id: world.organization.to_string(),
            ..Organization::default()
        });
        let payload = Payload::OrganizationCreated(OrganizationCreated { organization });
        bus::event(user(), world.organization, world.clock.now(), payload).build()
    };
    world.tell(created()).await;
    world.tell(created()).await;
    until("two packs", || async {
        (world.packs().await.len() == 2).then_some(())
    })
    .await;
    world.until_quiet().await;
    let urls: Vec<String> = world
        .packs()
        .await
        .into_iter()
        .map(|pack| pack.source_url)
        .collect();
    for url in [
        "https://github.com/sickn33/antigravity-awesome-skills",
        "https://github.com/BrianRWagner/ai-marketing-skills",
    ] {
        assert!(urls.iter().any(|known| known == url), "{urls:?}");
    }
    assert_eq!(urls.len(), 2);
    assert_eq!(world.heard("skill_pack.created").len(), 2);
    let never =
        |pack: &SkillPack| pack.sync_state() == SkillPackSyncState::Never && pack.branch == "main";
    assert!(world.packs().await.iter().all(never));
}
