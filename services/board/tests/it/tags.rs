//! Tags of an organization.

use chassis::Code;
use chrono::TimeDelta;
use futures::future::join_all;
use proto::{
    board::v1::{
        CreateTagRequest, DeleteTagRequest, GetTagRequest, ListBoardTagsRequest, ListTagsRequest,
        Tag, UpdateTagRequest,
    },
    event::v1::event::Payload,
};
use sqlx::PgPool;

use crate::{
    callers::{ORGANIZATION, member, owner, stranger},
    fixture::{Fixture, refused, says, start_of_time, violation, wrong},
    request::patch,
    shelf::{Labelling, named_tag, tag_patch},
};

fn taken() -> (Code, String) {
    says(Code::AlreadyExists, "TAG_SLUG_TAKEN")
}

fn not_found() -> (Code, String) {
    says(Code::NotFound, "TAG_NOT_FOUND")
}

impl Fixture {
    async fn tag_pages(&self, limit: i32) -> Vec<String> {
        let (mut names, mut page_token) = (Vec::new(), None);
        loop {
            let request = ListTagsRequest {
                limit: Some(limit),
                page_token,
                ..ListTagsRequest::default()
            };
            let answer = self
                .tags(&owner())
                .list_tags(request)
                .await
                .unwrap()
                .into_inner();
            names.extend(answer.items.into_iter().map(|tag| tag.name));
            page_token = answer.next_page_token;
            if page_token.is_none() {
                return names;
            }
        }
    }
}

#[sqlx::test(migrations = false)]
async fn a_tag_is_made_of_its_name(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let tag = fixture.tag("  Release / QA ").await;
    let expected = Tag {
        id: tag.id.clone(),
        organization_id: ORGANIZATION.to_string(),
        name: "Release / QA".into(),
        slug: "release-qa".into(),
        color: "9e9e9e".into(),
        description: None,
        task_count: 0,
        created_at: Some(chassis::encode::time(start_of_time())),
        updated_at: Some(chassis::encode::time(start_of_time())),
    };
    assert_eq!(tag, expected);
    assert_eq!(fixture.tag_now(&tag).await.unwrap(), tag);
    let told = fixture.told(1).await;
    let Some(Payload::TagCreated(created)) = &told[0].payload else {
        panic!("{told:?}")
    };
    assert_eq!(
        (created.tag.as_ref(), told[0].board_id.as_ref()),
        (Some(&tag), None)
    );

    let given = CreateTagRequest {
        slug: Some("  My Slug ".into()),
        color: Some(" #FFaa00 ".into()),
        description: Some(" about ".into()),
        ..named_tag("!!!")
    };
    let given = fixture.try_tag(given).await.unwrap();
    assert_eq!(
        (
            given.slug.as_str(),
            given.color.as_str(),
            given.description.as_deref()
        ),
        ("my-slug", "ffaa00", Some("about"))
    );
    assert_eq!(fixture.tag("!!!").await.slug, "tag");
    assert_eq!(refused(fixture.try_tag(named_tag("???")).await), taken());
    fixture.told(2).await;
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_bad_tag_is_refused_with_its_field(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let with = |change: fn(&mut CreateTagRequest)| {
        let mut request = named_tag("Tag");
        change(&mut request);
        request
    };
    let cases = [
        (with(|r| r.name = " ".into()), "name", "BLANK"),
        (with(|r| r.name = "x".repeat(101)), "name", "TOO_LONG"),
        (with(|r| r.name = "a\0".into()), "name", "NUL_BYTE"),
        (with(|r| r.slug = Some("x".repeat(101))), "slug", "TOO_LONG"),
        (with(|r| r.color = Some(" ".into())), "color", "MALFORMED"),
        (with(|r| r.color = Some("red".into())), "color", "MALFORMED"),
        (
            with(|r| r.color = Some("##aaaaaa".into())),
            "color",
            "MALFORMED",
        ),
        (
            with(|r| r.description = Some("x".repeat(2_001))),
            "description",
            "TOO_LONG",
        ),
    ];
    for (request, field, reason) in cases {
        assert_eq!(
            violation(fixture.try_tag(request).await),
            wrong(field, reason)
        );
    }
    let tag = fixture.tag("Tag").await;
    for field in ["name", "color"] {
        let null = fixture.edit_tag(tag_patch(&tag, &[field])).await;
        assert_eq!(violation(null), wrong(field, "REQUIRED"));
    }
    let nothing = fixture.edit_tag(tag_patch(&tag, &[])).await;
    assert_eq!(refused(nothing), says(Code::Invalid, "NOTHING_TO_CHANGE"));
    let unreadable = GetTagRequest { tag_id: "7".into() };
    let answer = fixture.tags(&owner()).get_tag(unreadable).await;
    assert_eq!(violation(answer), wrong("tag_id", "NOT_A_UUID"));
    assert_eq!(fixture.tag_now(&tag).await.unwrap(), tag);
}

#[sqlx::test(migrations = false)]
async fn a_rename_keeps_the_slug_and_a_blank_one_follows_the_name(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let (tag, other) = (fixture.tag("One").await, fixture.tag("Two").await);
    fixture.tagged(&[&tag]).await;
    fixture.told(3).await;
    fixture.clock.advance(TimeDelta::seconds(5));
    let named = |name: &str, slug: Option<&str>, fields: &[&str]| UpdateTagRequest {
        name: Some(name.to_owned()),
        slug: slug.map(str::to_owned),
        ..tag_patch(&tag, fields)
    };
    let renamed = fixture
        .edit_tag(named("Three", None, &["name"]))
        .await
        .unwrap();
    assert_eq!((renamed.slug.as_str(), renamed.task_count), ("one", 1));
    assert_ne!(renamed.updated_at, tag.updated_at);
    for blank in [None, Some(""), Some(" ")] {
        let rebuilt = fixture.edit_tag(named("", blank, &["slug"])).await.unwrap();
        assert_eq!(rebuilt.slug, "three");
    }
    let both = fixture
        .edit_tag(named("Four", Some(""), &["name", "slug"]))
        .await
        .unwrap();
    assert_eq!(both.slug, "four");
    let clash = fixture.edit_tag(named("", Some("two"), &["slug"])).await;
    assert_eq!(refused(clash), taken());
    let own = fixture
        .edit_tag(named("", Some("FOUR"), &["slug"]))
        .await
        .unwrap();
    assert_eq!(own, both, "nothing changed");
    assert_eq!(fixture.tag_now(&other).await.unwrap(), other);

    let told = fixture.told(3).await;
    let fields = |at: usize| match &told[at].payload {
        Some(Payload::TagUpdated(updated)) => updated.changed_fields.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        (fields(0), fields(1)),
        (vec!["name".to_owned()], vec!["slug".to_owned()])
    );
    assert_eq!(fields(2), ["name", "slug"]);
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_slug_is_taken_by_one(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    for round in 0..20 {
        let name = format!("Round {round}");
        let answers = join_all((0..8).map(|_| fixture.try_tag(named_tag(&name)))).await;
        let (made, refusals): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!(made.len(), 1);
        for refusal in refusals {
            assert_eq!(refused(refusal), taken());
        }
    }
    let tags: Vec<Tag> = join_all((0..4).map(|n| fixture.tag_owned(format!("T{n}")))).await;
    for round in 0..20 {
        let slug = format!("wanted-{round}");
        let edits = tags.iter().map(|tag| {
            let request = UpdateTagRequest {
                slug: Some(slug.clone()),
                ..tag_patch(tag, &["slug"])
            };
            fixture.edit_tag(request)
        });
        let (made, refusals): (Vec<_>, Vec<_>) =
            join_all(edits).await.into_iter().partition(Result::is_ok);
        assert_eq!((made.len(), refusals.len()), (1, 3));
        for refusal in refusals {
            assert_eq!(refused(refusal), taken());
        }
    }
}

impl Fixture {
    async fn tag_owned(&self, name: String) -> Tag {
        self.tag(&name).await
    }
}

#[sqlx::test(migrations = false)]
async fn tags_are_listed_by_name_in_pages_that_hold(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    for (name, slug) in [
        ("beta", "b1"),
        ("Alpha", "a1"),
        ("alpha", "a2"),
        ("Ärger", "z"),
        ("gamma", "g"),
    ] {
        let request = CreateTagRequest {
            slug: Some(slug.to_owned()),
            ..named_tag(name)
        };
        fixture.try_tag(request).await.unwrap();
        fixture.clock.advance(TimeDelta::seconds(1));
    }
    let all = fixture.tag_pages(200).await;
    assert_eq!(all[..2], ["Alpha", "alpha"]);
    assert_eq!(all.len(), 5);
    for limit in [1, 2, 3] {
        assert_eq!(fixture.tag_pages(limit).await, all);
    }
    // The row that a page ended on may go away, and the next page still begins after it.
    let first = ListTagsRequest {
        limit: Some(1),
        ..ListTagsRequest::default()
    };
    let page = fixture
        .tags(&owner())
        .list_tags(first)
        .await
        .unwrap()
        .into_inner();
    assert_eq!((page.total, page.limit, page.offset), (5, 1, 0));
    let tag_id = page.items[0].id.clone();
    fixture
        .tags(&owner())
        .delete_tag(DeleteTagRequest { tag_id })
        .await
        .unwrap();
    let next = ListTagsRequest {
        limit: Some(1),
        page_token: page.next_page_token.clone(),
        ..ListTagsRequest::default()
    };
    let page = fixture
        .tags(&owner())
        .list_tags(next.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(page.items[0].name, "alpha");
    let both = ListTagsRequest {
        offset: Some(1),
        ..next
    };
    let answer = fixture.tags(&owner()).list_tags(both).await;
    assert_eq!(violation(answer), wrong("offset", "EXCLUDED"));
}

#[sqlx::test(migrations = false)]
async fn deleting_a_tag_takes_it_from_every_task(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let (tag, kept) = (fixture.tag("Gone").await, fixture.tag("Kept").await);
    let work = fixture.tagged(&[&tag, &kept]).await;
    let plain = fixture.tagged(&[&kept]).await;
    fixture.told(4).await;
    let delete = || DeleteTagRequest {
        tag_id: tag.id.clone(),
    };
    fixture.tags(&owner()).delete_tag(delete()).await.unwrap();
    let told = fixture.told(1).await;
    let Some(Payload::TagDeleted(deleted)) = &told[0].payload else {
        panic!("{told:?}")
    };
    assert_eq!(deleted.tag.as_ref().unwrap().task_count, 1);
    let now = fixture.now(&work).await;
    assert_eq!((now.tag_ids, now.tags.len()), (vec![kept.id.clone()], 1));
    assert_eq!(
        (now.version, now.updated_at),
        (work.version + 1, work.updated_at)
    );
    assert_eq!(fixture.now(&plain).await, plain);
    assert_eq!(refused(fixture.tag_now(&tag).await), not_found());
    assert_eq!(
        refused(fixture.tags(&owner()).delete_tag(delete()).await),
        not_found()
    );
    // The task goes on.
    fixture
        .update(&owner(), patch(&work).tags(&[]))
        .await
        .unwrap();
    assert_eq!(fixture.tag_now(&kept).await.unwrap().task_count, 1);
    fixture.told(1).await;
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_tag_that_goes_while_tasks_get_it_leaves_no_trace(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    for round in 0..20 {
        let tag = fixture.tag(&format!("Round {round}")).await;
        let work = fixture.task("Work").await;
        fixture.tagged(&[&tag]).await;
        let tag_id = tag.id.clone();
        let gives = [patch(&work).adds_tags(&[&tag]), patch(&work).tags(&[&tag])];
        let ada = owner();
        let give = join_all(gives.map(|request| fixture.update(&ada, request)));
        let mut tags = fixture.tags(&ada);
        let delete = tags.delete_tag(DeleteTagRequest { tag_id });
        let (given, deleted) = futures::future::join(give, delete).await;
        deleted.unwrap();
        for answer in given.into_iter().filter(Result::is_err) {
            assert_eq!(refused(answer), says(Code::NotFound, "TAGS_NOT_FOUND"));
        }
        assert!(fixture.now(&work).await.tag_ids.is_empty());
    }
    let left: i64 = sqlx::query_scalar("select count(*) from task_tag")
        .fetch_one(&fixture.pool)
        .await
        .unwrap();
    assert_eq!(left, 0);
}

#[sqlx::test(migrations = false)]
async fn tags_are_the_organizations_and_its_administrators_change_them(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let tag = fixture.tag("Ours").await;
    let reader = member(&[fixture.board], false);
    let get = || GetTagRequest {
        tag_id: tag.id.clone(),
    };
    fixture.tags(&reader).get_tag(get()).await.unwrap();
    assert_eq!(
        refused(fixture.tags(&stranger()).get_tag(get()).await),
        not_found()
    );
    let rename = UpdateTagRequest {
        name: Some("Theirs".into()),
        ..tag_patch(&tag, &["name"])
    };
    let delete = DeleteTagRequest {
        tag_id: tag.id.clone(),
    };
    assert_eq!(
        refused(fixture.tags(&stranger()).update_tag(rename.clone()).await),
        not_found()
    );
    assert_eq!(
        refused(fixture.tags(&stranger()).delete_tag(delete.clone()).await),
        not_found()
    );
    let admin = says(Code::Forbidden, "ADMIN_REQUIRED");
    assert_eq!(
        refused(fixture.tags(&reader).update_tag(rename).await),
        admin
    );
    assert_eq!(
        refused(fixture.tags(&reader).delete_tag(delete).await),
        admin
    );
    assert_eq!(
        refused(fixture.tags(&reader).create_tag(named_tag("x")).await),
        admin
    );
    // The same name in another organization is another tag.
    let theirs = fixture
        .tags(&stranger())
        .create_tag(named_tag("Ours"))
        .await
        .unwrap();
    assert_eq!(theirs.into_inner().tag.unwrap().slug, "ours");
    let list = fixture
        .tags(&stranger())
        .list_tags(ListTagsRequest::default())
        .await
        .unwrap();
    assert_eq!(list.into_inner().total, 1);

    let of_board = || ListBoardTagsRequest {
        board_id: fixture.board.to_string(),
    };
    for caller in [reader, fixture.worker(0), fixture.lead()] {
        let items = fixture
            .tags(&caller)
            .list_board_tags(of_board())
            .await
            .unwrap()
            .into_inner()
            .items;
        assert_eq!((items.len(), items[0].slug.as_str()), (1, "ours"));
    }
    let hidden = says(Code::NotFound, "BOARD_NOT_FOUND");
    for caller in [stranger(), member(&[], false)] {
        assert_eq!(
            refused(fixture.tags(&caller).list_board_tags(of_board()).await),
            hidden
        );
    }
}

#[sqlx::test(migrations = false)]
async fn an_organization_has_a_thousand_tags_at_most(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    sqlx::query(
        "insert into tag (id, organization_id, name, slug, color, created_at, updated_at)
         select gen_random_uuid(), $1, 'T' || n, 't' || n, '000000', now(), now() from generate_series(1, 998) n",
    )
    .bind(ORGANIZATION)
    .execute(&fixture.pool)
    .await
    .unwrap();
    let names: Vec<String> = (0..8).map(|n| format!("Late {n}")).collect();
    let answers = join_all(names.iter().map(|name| fixture.try_tag(named_tag(name)))).await;
    let (made, refusals): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), refusals.len()), (2, 6));
    for refusal in refusals {
        assert_eq!(refused(refusal), says(Code::Conflict, "TOO_MANY_TAGS"));
    }
}
