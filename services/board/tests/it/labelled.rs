//! Tasks with tags.

use chassis::Code;
use proto::{
    board::v1::{CreateTaskRequest, DeleteTaskRequest, ListTasksRequest, Tag, TagRef, Task},
    event::v1::event::Payload,
};
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    callers::{owner, stranger, worker_id},
    fixture::{Fixture, fault, refused, says, violation, wrong},
    request::{Naming, patch, task, to},
    shelf::{Labelling, ids, tag_patch},
};
use proto::board::v1::TaskStatus::{Done, InProgress};

fn badges(tags: &[&Tag]) -> Vec<TagRef> {
    let badge = |tag: &&Tag| TagRef {
        id: tag.id.clone(),
        name: tag.name.clone(),
        slug: tag.slug.clone(),
        color: tag.color.clone(),
    };
    tags.iter().map(badge).collect()
}

#[sqlx::test(migrations = false)]
async fn a_task_shows_its_tags_in_the_order_given(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let (a, b, c) = (
        fixture.tag("a").await,
        fixture.tag("b").await,
        fixture.tag("c").await,
    );
    let request = CreateTaskRequest {
        tag_ids: ids(&[&c, &a, &c]),
        ..task(fixture.board, "Work")
    };
    let work = fixture.create(&owner(), request).await.unwrap();
    assert_eq!(
        (&work.tag_ids, &work.tags),
        (&ids(&[&c, &a]), &badges(&[&c, &a]))
    );
    assert_eq!(fixture.now(&work).await, work);
    let list = ListTasksRequest {
        board_id: Some(fixture.board.to_string()),
        ..ListTasksRequest::default()
    };
    let list = fixture
        .tasks(&owner())
        .list_tasks(list)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(list.items, std::slice::from_ref(&work));
    let told = fixture.told(4).await;
    let Some(Payload::TaskCreated(created)) = &told[3].payload else {
        panic!("{told:?}")
    };
    assert_eq!(created.task, Some(work.clone()));

    let replaced = fixture
        .update(&owner(), patch(&work).tags(&[&b, &c]))
        .await
        .unwrap();
    assert_eq!((&replaced.tags, replaced.version), (&badges(&[&b, &c]), 2));
    let parts = patch(&work).adds_tags(&[&a, &b]).removes_tags(&[&c]);
    let parts = fixture.update(&owner(), parts).await.unwrap();
    assert_eq!(parts.tags, badges(&[&b, &a]));
    assert_eq!(fixture.now(&work).await, parts);
    let told = fixture.told(2).await;
    let Some(Payload::TaskUpdated(updated)) = &told[1].payload else {
        panic!("{told:?}")
    };
    assert_eq!(
        (updated.changed_fields.as_slice(), &updated.task),
        (&["tag_ids".to_owned()][..], &Some(parts.clone()))
    );

    // What is so already changes nothing.
    for same in [
        patch(&work).tags(&[&b, &a]),
        patch(&work).adds_tags(&[&a]).removes_tags(&[&c]),
        patch(&work).adds_tags(&[]),
    ] {
        assert_eq!(fixture.update(&owner(), same).await.unwrap(), parts);
    }
    let counts = [
        fixture.tag_now(&a),
        fixture.tag_now(&b),
        fixture.tag_now(&c),
    ];
    let counts = futures::future::join_all(counts).await;
    let counts: Vec<i64> = counts
        .into_iter()
        .map(|tag| tag.unwrap().task_count)
        .collect();
    assert_eq!(counts, [1, 1, 0]);
    let cleared = fixture
        .update(&owner(), patch(&work).tags(&[]))
        .await
        .unwrap();
    assert!(cleared.tags.is_empty());
    fixture.told(1).await;
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn tags_that_are_not_there_are_refused_in_the_order_of_the_contract(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let tag = fixture.tag("a").await;
    let theirs = fixture
        .tags(&stranger())
        .create_tag(crate::shelf::named_tag("theirs"))
        .await
        .unwrap()
        .into_inner()
        .tag
        .unwrap();
    let ghost = Tag {
        id: Uuid::nil().to_string(),
        ..tag.clone()
    };
    let work = fixture.task("Work").await;
    let missing = |answer| {
        let refusal = fault::<Task>(answer);
        assert_eq!(
            (refusal.code, refusal.reason.as_str()),
            (Code::NotFound, "TAGS_NOT_FOUND")
        );
        assert_eq!(
            refusal.facts["missing_tag_ids"],
            json!([ghost.id, theirs.id])
        );
    };
    let request = CreateTaskRequest {
        tag_ids: ids(&[&ghost, &tag, &theirs]),
        ..task(fixture.board, "Work")
    };
    missing(fixture.create(&owner(), request.clone()).await);
    missing(
        fixture
            .update(&owner(), patch(&work).tags(&[&ghost, &tag, &theirs]))
            .await,
    );
    missing(
        fixture
            .update(&fixture.lead(), patch(&work).adds_tags(&[&ghost, &theirs]))
            .await,
    );
    fixture
        .update(&owner(), patch(&work).removes_tags(&[&ghost, &theirs]))
        .await
        .unwrap();

    // Creation: dependencies, tags, what blocks. A person's change: tags, dependencies. A lead's: the other way round.
    let open = fixture.task("Open").await;
    let bad_edges = CreateTaskRequest {
        depends_on_task_ids: vec![Uuid::nil().to_string()],
        ..request.clone()
    };
    let edges = says(Code::NotFound, "DEPENDENCY_TASKS_NOT_FOUND");
    assert_eq!(refused(fixture.create(&owner(), bad_edges).await), edges);
    let blocked = CreateTaskRequest {
        depends_on_task_ids: vec![open.id.clone()],
        assigned_agent_id: Some(worker_id(0).to_string()),
        ..request
    };
    missing(fixture.create(&owner(), blocked).await);
    let both = || patch(&work).tags(&[&ghost, &theirs]).depends_on(&[&work]);
    missing(fixture.update(&owner(), both()).await);
    let own = says(Code::Invalid, "TASK_SELF_DEPENDENCY");
    assert_eq!(refused(fixture.update(&fixture.lead(), both()).await), own);
    let done = fixture.task_in(Done).await;
    let both = || patch(&done).tags(&[&ghost, &theirs]).depends_on(&[]);
    missing(fixture.update(&owner(), both()).await);
    let locked = says(Code::Conflict, "DEPENDENCIES_LOCKED_WHEN_DONE");
    assert_eq!(
        refused(fixture.update(&fixture.lead(), both()).await),
        locked
    );
    assert_eq!(fixture.now(&work).await, work);
}

#[sqlx::test(migrations = false)]
async fn a_list_is_replaced_or_added_to_and_not_both(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let (tag, work, other) = (
        fixture.tag("a").await,
        fixture.task("Work").await,
        fixture.task("o").await,
    );
    let cases = [
        (patch(&work).tags(&[&tag]).adds_tags(&[]), "tag_ids"),
        (patch(&work).tags(&[]).removes_tags(&[&tag]), "tag_ids"),
        (
            patch(&work).adds_tags(&[&tag]).removes_tags(&[&tag]),
            "add_tag_ids",
        ),
        (
            patch(&work).depends_on(&[]).adds_dependencies(&[&other]),
            "depends_on_task_ids",
        ),
        (
            patch(&work).depends_on(&[]).removes_dependencies(&[&other]),
            "depends_on_task_ids",
        ),
        (
            patch(&work)
                .adds_dependencies(&[&other])
                .removes_dependencies(&[&other]),
            "add_depends_on_task_ids",
        ),
    ];
    for (request, field) in cases {
        let refusal = fault(fixture.update(&owner(), request).await);
        assert_eq!(
            (refusal.reason.as_str(), refusal.fields[0].field.as_str()),
            ("CONFLICTING_FIELDS", field)
        );
    }
    let mut request = patch(&work).tags(&[]);
    request.tag_ids = vec!["7".into()];
    assert_eq!(
        violation(fixture.update(&owner(), request).await),
        wrong("tag_ids[0]", "NOT_A_UUID")
    );
    let mut request = patch(&work).adds_tags(&[]);
    request.add_tag_ids = vec![tag.id.clone(); 51];
    assert_eq!(
        violation(fixture.update(&owner(), request).await),
        wrong("add_tag_ids", "TOO_MANY")
    );
}

#[sqlx::test(migrations = false)]
async fn a_task_has_fifty_tags_at_most(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let mut tags = Vec::new();
    for n in 0..52 {
        tags.push(fixture.tag(&format!("t{n}")).await);
    }
    let all: Vec<&Tag> = tags.iter().collect();
    let work = fixture.tagged(&all[..50]).await;
    let more = fixture
        .update(&owner(), patch(&work).adds_tags(&all[50..]))
        .await;
    assert_eq!(refused(more), says(Code::Invalid, "TOO_MANY_TAGS"));
    let swap = patch(&work).adds_tags(&all[50..]).removes_tags(&all[..2]);
    assert_eq!(fixture.update(&owner(), swap).await.unwrap().tags.len(), 50);
}

#[sqlx::test(migrations = false)]
async fn leads_tag_and_workers_do_not(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let (tag, work) = (fixture.tag("a").await, fixture.task("Work").await);
    for request in [
        patch(&work).tags(&[&tag]),
        patch(&work).adds_tags(&[&tag]),
        patch(&work).removes_tags(&[]),
    ] {
        let refusal = fault(fixture.update(&fixture.worker(0), request.clone()).await);
        assert_eq!(
            (refusal.reason.as_str(), &refusal.facts["fields"]),
            ("TASK_UPDATE_FIELD_FORBIDDEN", &json!(["tag_ids"]))
        );
        fixture.update(&fixture.lead(), request).await.unwrap();
    }
    let born = CreateTaskRequest {
        tag_ids: ids(&[&tag]),
        ..task(fixture.board, "By the lead")
    };
    assert_eq!(
        fixture
            .create(&fixture.lead(), born)
            .await
            .unwrap()
            .tags
            .len(),
        1
    );
}

#[sqlx::test(migrations = false)]
async fn what_a_tag_looks_like_is_what_its_tasks_show(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let tag = fixture.tag("a").await;
    let (work, plain) = (fixture.tagged(&[&tag]).await, fixture.task("Plain").await);
    let repaint = proto::board::v1::UpdateTagRequest {
        color: Some("00ff00".into()),
        ..tag_patch(&tag, &["color"])
    };
    fixture.edit_tag(repaint).await.unwrap();
    let now = fixture.now(&work).await;
    assert_eq!(
        (now.tags[0].color.as_str(), now.version),
        ("00ff00", work.version + 1)
    );
    assert_eq!(fixture.now(&plain).await, plain);
    let describe = proto::board::v1::UpdateTagRequest {
        description: Some("about".into()),
        ..tag_patch(&tag, &["description"])
    };
    fixture.edit_tag(describe).await.unwrap();
    assert_eq!(
        fixture.now(&work).await,
        now,
        "a task does not show a description"
    );
    // A move keeps tags, and a deletion lets go of them.
    let moved = fixture
        .update(&owner(), to(&work, InProgress))
        .await
        .unwrap();
    assert_eq!(moved.tags, now.tags);
    let gone = DeleteTaskRequest {
        board_id: None,
        task_id: work.id.clone(),
    };
    fixture.tasks(&owner()).delete_task(gone).await.unwrap();
    assert_eq!(fixture.tag_now(&tag).await.unwrap().task_count, 0);
}
