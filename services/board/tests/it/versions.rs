//! Insisting on the version that a writer has seen.

use chassis::{Code, conditional};
use futures::future::join_all;
use proto::board::v1::{GetTaskRequest, Task, UpdateTaskRequest};
use sqlx::PgPool;
use tonic::{Request, Response};

use crate::{
    callers::owner,
    fixture::{Fixture, fault, refused, says},
    request::{Naming, patch},
    shelf::Labelling,
};

fn tag_of<T>(answer: &Response<T>) -> String {
    let tag = answer.metadata().get(conditional::ETAG).unwrap();
    tag.to_str().unwrap().to_owned()
}

fn matching(request: UpdateTaskRequest, tag: &str) -> Request<UpdateTaskRequest> {
    let mut request = Request::new(request);
    request
        .metadata_mut()
        .insert(conditional::IF_MATCH, tag.parse().unwrap());
    request
}

impl Fixture {
    async fn read(&self, task: &Task) -> (String, Task) {
        let request = GetTaskRequest {
            board_id: None,
            task_id: task.id.clone(),
        };
        let answer = self.tasks(&owner()).get_task(request).await.unwrap();
        (tag_of(&answer), answer.into_inner().task.unwrap())
    }
}

#[sqlx::test(migrations = false)]
async fn the_tag_of_a_task_is_its_version_and_a_change_may_insist_on_it(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let work = fixture.task("Work").await;
    let (tag, _) = fixture.read(&work).await;
    assert_eq!(tag, "\"1\"");
    fixture
        .comment(&owner(), &work, "the board moves, the task does not")
        .await
        .unwrap();
    assert_eq!(fixture.read(&work).await.0, tag);

    let request = matching(patch(&work).title("Mine"), &tag);
    let answer = fixture.tasks(&owner()).update_task(request).await.unwrap();
    assert_eq!(tag_of(&answer), "\"2\"");
    let late = matching(patch(&work).title("Late"), &tag);
    let refusal = fault(fixture.tasks(&owner()).update_task(late).await);
    assert_eq!(
        (
            refusal.code,
            refusal.reason.as_str(),
            &refusal.facts["current_version"]
        ),
        (Code::Conflict, "VERSION_CONFLICT", &serde_json::json!(2))
    );
    for tag in ["*", "W/\"2\"", "\"2\""] {
        let same = matching(patch(&work).title("Mine"), tag);
        assert_eq!(
            tag_of(&fixture.tasks(&owner()).update_task(same).await.unwrap()),
            "\"2\""
        );
    }
    let bad = matching(patch(&work).title("x"), "2");
    assert_eq!(
        fault(fixture.tasks(&owner()).update_task(bad).await).fields[0].reason,
        "IF_MATCH_INVALID"
    );
    let both = |tag: &str, version| {
        let request = UpdateTaskRequest {
            expected_version: Some(version),
            ..patch(&work).title("Both")
        };
        matching(request, tag)
    };
    let apart = fixture.tasks(&owner()).update_task(both("\"2\"", 1)).await;
    assert_eq!(refused(apart), says(Code::Invalid, "VERSION_AMBIGUOUS"));
    fixture
        .tasks(&owner())
        .update_task(both("\"2\"", 2))
        .await
        .unwrap();
    // Nothing is said of a task to those who may not change it.
    let ghost = matching(
        UpdateTaskRequest {
            task_id: uuid::Uuid::nil().to_string(),
            ..patch(&work)
        },
        "7",
    );
    let answer = fixture.tasks(&owner()).update_task(ghost).await;
    assert_eq!(refused(answer), says(Code::NotFound, "TASK_NOT_FOUND"));
}

#[sqlx::test(migrations = false)]
async fn of_many_who_saw_the_same_version_one_writes(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let tag = fixture.tag("t").await;
    fixture.field("f", "integer").await;
    for _ in 0..20 {
        let work = fixture.task("Work").await;
        let other = fixture.task("Other").await;
        let (seen, _) = fixture.read(&work).await;
        let writes = [
            patch(&work).title("A"),
            patch(&work).title("B"),
            patch(&work).adds_tags(&[&tag]),
            patch(&work).values(serde_json::json!({"f": 1})),
            patch(&work).adds_dependencies(&[&other]),
            patch(&work).assignee(Some(crate::callers::worker_id(0))),
        ];
        let ada = owner();
        let answers = join_all(writes.map(|write| {
            let (mut tasks, request) = (fixture.tasks(&ada), matching(write, &seen));
            async move { tasks.update_task(request).await }
        }));
        let (won, lost): (Vec<_>, Vec<_>) = answers.await.into_iter().partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (1, 5));
        for answer in lost {
            assert_eq!(refused(answer), says(Code::Conflict, "VERSION_CONFLICT"));
        }
        assert_eq!(fixture.now(&work).await.version, 2);
    }
}

#[sqlx::test(migrations = false)]
async fn additions_without_a_version_all_arrive(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let mut tags = Vec::new();
    let mut needed = Vec::new();
    for n in 0..8 {
        tags.push(fixture.tag(&format!("t{n}")).await);
        needed.push(fixture.task("Needed").await);
    }
    for _ in 0..5 {
        let work = fixture.task("Work").await;
        let adds = tags.iter().zip(&needed).map(|(tag, task)| {
            let request = patch(&work).adds_tags(&[tag]).adds_dependencies(&[task]);
            async { fixture.update(&owner(), request).await.unwrap() }
        });
        join_all(adds).await;
        let now = fixture.now(&work).await;
        assert_eq!(
            (
                now.tag_ids.len(),
                now.depends_on_task_ids.len(),
                now.version
            ),
            (8, 8, 9)
        );
        let takes = tags.iter().zip(&needed).map(|(tag, task)| {
            let request = patch(&work)
                .removes_tags(&[tag])
                .removes_dependencies(&[task]);
            async { fixture.update(&owner(), request).await.unwrap() }
        });
        join_all(takes).await;
        let now = fixture.now(&work).await;
        assert_eq!((now.tag_ids.len(), now.depends_on_task_ids.len()), (0, 0));
    }
}
