//! Finding tasks: by words, tag, priority and due date, each with every other.

use chassis::Code;
use proto::board::v1::{
    CreateTaskRequest, ListCommentsRequest, ListTasksRequest, Tag, Task, TaskPriority, TaskStatus,
};
use sqlx::PgPool;
use tonic::Status;

use crate::{
    callers::{owner, stranger, worker_id},
    fixture::{Fixture, refused, says, violation, wrong},
    request::{Naming, patch, task, to},
    shelf::ids,
};

impl Fixture {
    fn every(&self) -> ListTasksRequest {
        ListTasksRequest {
            board_id: Some(self.board.to_string()),
            ..ListTasksRequest::default()
        }
    }

    async fn search(&self, request: ListTasksRequest) -> Result<Vec<String>, Status> {
        let answer = self.tasks(&owner()).list_tasks(request).await?.into_inner();
        assert_eq!(usize::try_from(answer.total).unwrap(), answer.items.len());
        let mut titles: Vec<String> = answer.items.into_iter().map(|task| task.title).collect();
        titles.sort();
        Ok(titles)
    }

    async fn words(&self, q: &str) -> Vec<String> {
        let request = ListTasksRequest {
            q: Some(q.to_owned()),
            ..self.every()
        };
        self.search(request).await.unwrap()
    }

    async fn written(&self, title: &str, description: &str) -> Task {
        let request = CreateTaskRequest {
            description: Some(description.to_owned()),
            ..task(self.board, title)
        };
        self.create(&owner(), request).await.unwrap()
    }
}

#[sqlx::test(migrations = false)]
async fn words_are_found_whole_or_by_their_beginning(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    fixture
        .written(
            "Fix the Login-Page",
            "Größe matters: see https://example.com/docs/setup",
        )
        .await;
    let other = fixture
        .written(
            "Plan",
            "log in to src/main.rs as x@mail.example, don't panic",
        )
        .await;
    for (q, found) in [
        ("login", vec!["Fix the Login-Page"]),
        ("LOG", vec!["Fix the Login-Page", "Plan"]),
        ("page fix", vec!["Fix the Login-Page"]),
        ("login-page", vec!["Fix the Login-Page"]),
        ("größ", vec!["Fix the Login-Page"]),
        ("setup", vec!["Fix the Login-Page"]),
        ("example", vec!["Fix the Login-Page", "Plan"]),
        ("main.rs", vec!["Plan"]),
        ("mail", vec!["Plan"]),
        ("don't", vec!["Plan"]),
        ("ogin", vec![]),
        ("login plan", vec![]),
        ("the", vec!["Fix the Login-Page"]),
        ("  ", vec!["Fix the Login-Page", "Plan"]),
        ("&|!", vec!["Fix the Login-Page", "Plan"]),
    ] {
        assert_eq!(fixture.words(q).await, found, "{q:?}");
    }
    fixture
        .update(&owner(), patch(&other).title("Renamed"))
        .await
        .unwrap();
    assert_eq!(
        (
            fixture.words("renam").await.len(),
            fixture.words("plan").await.len()
        ),
        (1, 0)
    );
}

#[sqlx::test(migrations = false)]
async fn no_search_is_a_formula(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    fixture.written("alpha beta", "").await;
    for q in [
        "alpha | gamma",
        "!gamma",
        "alpha <-> beta",
        "alpha:*A",
        "'",
        "\\",
        "''",
        "alpha & (",
        ":*",
        "alpha') --",
        "\u{1}alpha",
        "☃",
        "—",
        "a\u{300}",
        "%",
        "alpha:B & beta",
        "$1",
        &"x".repeat(200),
        &"'\\ ".repeat(66),
    ] {
        fixture.words(q).await;
    }
    assert_eq!(fixture.words("alpha | gamma").await, [""; 0]);
    let long = ListTasksRequest {
        q: Some("x".repeat(201)),
        ..fixture.every()
    };
    assert_eq!(
        violation(fixture.search(long).await),
        wrong("q", "TOO_LONG")
    );
    let nul = ListTasksRequest {
        q: Some("a\0b".into()),
        ..fixture.every()
    };
    assert_eq!(violation(fixture.search(nul).await), wrong("q", "NUL_BYTE"));
}

#[sqlx::test(migrations = false)]
async fn filters_combine(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let (red, blue) = (fixture.tag("red").await, fixture.tag("blue").await);
    let make = async |title: &str, tags: &[&Tag], priority: TaskPriority, due: Option<i64>| {
        let request = CreateTaskRequest {
            tag_ids: ids(tags),
            priority: priority.into(),
            due_at: due.map(|seconds| prost_types::Timestamp { seconds, nanos: 0 }),
            ..task(fixture.board, title)
        };
        fixture.create(&owner(), request).await.unwrap()
    };
    let a = make("a work", &[&red], TaskPriority::High, Some(100)).await;
    make("b work", &[&red, &blue], TaskPriority::Low, Some(200)).await;
    make("c work", &[&blue], TaskPriority::High, None).await;
    make("d play", &[], TaskPriority::Urgent, Some(300)).await;
    fixture
        .update(
            &owner(),
            to(&a, TaskStatus::InProgress).assignee(Some(worker_id(0))),
        )
        .await
        .unwrap();

    let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let cases = [
        (
            ListTasksRequest {
                tag_id: ids(&[&red]),
                ..fixture.every()
            },
            vec!["a work", "b work"],
        ),
        (
            ListTasksRequest {
                tag_id: ids(&[&red, &blue]),
                ..fixture.every()
            },
            vec!["a work", "b work", "c work"],
        ),
        (
            ListTasksRequest {
                priority: vec![TaskPriority::High.into(), TaskPriority::Urgent.into()],
                ..fixture.every()
            },
            vec!["a work", "c work", "d play"],
        ),
        (
            ListTasksRequest {
                due_after: at(200),
                ..fixture.every()
            },
            vec!["b work", "d play"],
        ),
        (
            ListTasksRequest {
                due_before: at(200),
                ..fixture.every()
            },
            vec!["a work"],
        ),
        (
            ListTasksRequest {
                due_after: at(100),
                due_before: at(300),
                ..fixture.every()
            },
            vec!["a work", "b work"],
        ),
        (
            ListTasksRequest {
                q: Some("work".into()),
                due_after: at(0),
                ..fixture.every()
            },
            vec!["a work", "b work"],
        ),
        (
            ListTasksRequest {
                q: Some("work".into()),
                tag_id: ids(&[&red]),
                priority: vec![TaskPriority::High.into()],
                due_before: at(150),
                assigned_agent_id: Some(worker_id(0).to_string()),
                status: vec![TaskStatus::InProgress.into()],
                unassigned: Some(false),
                ..fixture.every()
            },
            vec!["a work"],
        ),
        (
            ListTasksRequest {
                unassigned: Some(true),
                priority: vec![TaskPriority::High.into()],
                ..ListTasksRequest::default()
            },
            vec!["c work"],
        ),
        (
            ListTasksRequest {
                unassigned: Some(true),
                assigned_agent_id: Some(worker_id(0).to_string()),
                ..fixture.every()
            },
            vec![],
        ),
    ];
    for (request, found) in cases {
        assert_eq!(
            fixture.search(request.clone()).await.unwrap(),
            found,
            "{request:?}"
        );
    }
    let ours = ListTasksRequest {
        tag_id: ids(&[&red]),
        ..ListTasksRequest::default()
    };
    let theirs = fixture.tasks(&stranger()).list_tasks(ours).await.unwrap();
    assert_eq!(theirs.into_inner().total, 0);
    let bad = [
        (
            ListTasksRequest {
                tag_id: vec!["7".into()],
                ..fixture.every()
            },
            "tag_id[0]",
            "NOT_A_UUID",
        ),
        (
            ListTasksRequest {
                tag_id: vec![red.id.clone(); 51],
                ..fixture.every()
            },
            "tag_id",
            "TOO_MANY",
        ),
        (
            ListTasksRequest {
                priority: vec![9],
                ..fixture.every()
            },
            "priority",
            "UNKNOWN_VALUE",
        ),
        (
            ListTasksRequest {
                due_after: at(i64::MAX),
                ..fixture.every()
            },
            "due_after",
            "OUT_OF_RANGE",
        ),
    ];
    for (request, field, reason) in bad {
        assert_eq!(
            violation(fixture.search(request).await),
            wrong(field, reason)
        );
    }
}

#[sqlx::test(migrations = false)]
async fn a_token_belongs_to_the_list_that_gave_it(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let work = fixture.task("a").await;
    for title in ["b", "c"] {
        fixture.task(title).await;
        fixture.comment(&owner(), &work, title).await.unwrap();
    }
    let first = ListTasksRequest {
        limit: Some(1),
        status: vec![TaskStatus::Inbox.into()],
        ..fixture.every()
    };
    let list = async |request| fixture.tasks(&owner()).list_tasks(request).await;
    let token = list(first.clone())
        .await
        .unwrap()
        .into_inner()
        .next_page_token;
    assert!(token.is_some());
    let next = |change: fn(&mut ListTasksRequest)| {
        let mut request = ListTasksRequest {
            page_token: token.clone(),
            ..first.clone()
        };
        change(&mut request);
        request
    };
    let page = list(next(|request| request.limit = Some(2)))
        .await
        .unwrap()
        .into_inner();
    let titles: Vec<&str> = page.items.iter().map(|task| task.title.as_str()).collect();
    assert_eq!((titles, page.next_page_token), (vec!["b", "a"], None));
    for other in [
        next(|request| request.status.clear()),
        next(|request| request.board_id = None),
        next(|request| request.q = Some("b".into())),
        next(|request| request.unassigned = Some(true)),
        next(|request| request.page_token = Some("AAAA".into())),
    ] {
        assert_eq!(
            violation(list(other).await),
            wrong("page_token", "MALFORMED")
        );
    }
    let comments = ListCommentsRequest {
        board_id: work.board_id.clone(),
        task_id: work.id.clone(),
        limit: Some(1),
        page_token: token.clone(),
        ..ListCommentsRequest::default()
    };
    let answer = fixture
        .comments(&owner())
        .list_comments(comments.clone())
        .await;
    assert_eq!(violation(answer), wrong("page_token", "MALFORMED"));
    let own = ListCommentsRequest {
        page_token: None,
        ..comments
    };
    let page = fixture
        .comments(&owner())
        .list_comments(own.clone())
        .await
        .unwrap()
        .into_inner();
    let next = ListCommentsRequest {
        page_token: page.next_page_token,
        ..own
    };
    let page = fixture
        .comments(&owner())
        .list_comments(next)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(page.items[0].message, "c");
    assert_eq!(
        refused(
            list(ListTasksRequest {
                status: vec![9],
                ..fixture.every()
            })
            .await
        ),
        says(Code::Invalid, "UNSUPPORTED_STATUS_FILTER")
    );
}
