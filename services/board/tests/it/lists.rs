//! Lists of tasks.

use chassis::{Caller, Code, conditional};
use chrono::TimeDelta;
use proto::board::v1::{ListTasksRequest, ListTasksResponse, TaskStatus};
use sqlx::PgPool;
use tonic::Request;
use uuid::Uuid;

use crate::{
    callers::{agent, member, owner, stranger, worker_id},
    fixture::{Fixture, refused, says, violation, wrong},
    request::{self, Naming, patch, to},
};

impl Fixture {
    async fn list(&self, caller: &Caller, request: ListTasksRequest) -> ListTasksResponse {
        self.tasks(caller)
            .list_tasks(request)
            .await
            .unwrap()
            .into_inner()
    }

    async fn titles(&self, caller: &Caller, request: ListTasksRequest) -> Vec<String> {
        let answer = self.list(caller, request).await;
        assert_eq!(usize::try_from(answer.total).unwrap(), answer.items.len());
        answer.items.into_iter().map(|task| task.title).collect()
    }

    fn on_board(&self) -> ListTasksRequest {
        ListTasksRequest {
            board_id: Some(self.board.to_string()),
            ..ListTasksRequest::default()
        }
    }
}

#[sqlx::test(migrations = false)]
async fn filters_are_and_ed(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let (a, b) = (fixture.task("a").await, fixture.task("b").await);
    fixture.task("c").await;
    fixture
        .update(
            &owner(),
            to(&a, TaskStatus::InProgress).assignee(Some(worker_id(0))),
        )
        .await
        .unwrap();
    fixture
        .update(&owner(), patch(&b).assignee(Some(worker_id(0))))
        .await
        .unwrap();

    let on_board = || fixture.on_board();
    assert_eq!(fixture.titles(&owner(), on_board()).await, ["c", "b", "a"]);
    let status = |statuses: &[TaskStatus]| ListTasksRequest {
        status: statuses.iter().map(|status| (*status).into()).collect(),
        ..on_board()
    };
    assert_eq!(
        fixture
            .titles(
                &owner(),
                status(&[TaskStatus::InProgress, TaskStatus::Done])
            )
            .await,
        ["a"]
    );
    assert_eq!(
        fixture.titles(&owner(), status(&[TaskStatus::Inbox])).await,
        ["c", "b"]
    );
    let mine = ListTasksRequest {
        assigned_agent_id: Some(worker_id(0).to_string()),
        ..status(&[TaskStatus::Inbox])
    };
    assert_eq!(fixture.titles(&fixture.worker(0), mine).await, ["b"]);
    let unassigned = |unassigned| ListTasksRequest {
        unassigned: Some(unassigned),
        ..on_board()
    };
    assert_eq!(fixture.titles(&owner(), unassigned(true)).await, ["c"]);
    assert_eq!(
        fixture.titles(&owner(), unassigned(false)).await,
        ["b", "a"]
    );
    let unknown = ListTasksRequest {
        status: vec![77],
        ..on_board()
    };
    let answer = fixture.tasks(&owner()).list_tasks(unknown).await;
    assert_eq!(
        refused(answer),
        says(Code::Invalid, "UNSUPPORTED_STATUS_FILTER")
    );
}

#[sqlx::test(migrations = false)]
async fn pages_hold_while_tasks_come(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    for n in 0..5 {
        fixture.task(&format!("{n}")).await;
        // Two of a moment each.
        fixture.clock.advance(TimeDelta::seconds(n % 2));
    }
    let (mut titles, mut page_token) = (Vec::new(), None);
    loop {
        let request = ListTasksRequest {
            limit: Some(2),
            page_token,
            ..fixture.on_board()
        };
        let answer = fixture.list(&owner(), request).await;
        titles.extend(answer.items.into_iter().map(|task| task.title));
        page_token = answer.next_page_token;
        if page_token.is_none() {
            break;
        }
        fixture.clock.advance(TimeDelta::seconds(1));
        fixture.task("late").await;
    }
    assert_eq!(titles, ["4", "3", "2", "1", "0"]);
    let offset = ListTasksRequest {
        limit: Some(2),
        offset: Some(6),
        ..fixture.on_board()
    };
    let answer = fixture.list(&owner(), offset).await;
    assert_eq!(
        (
            answer.items.len(),
            answer.total,
            answer.limit,
            answer.offset
        ),
        (1, 7, 2, 6)
    );
    let past = fixture
        .list(
            &owner(),
            ListTasksRequest {
                offset: Some(99),
                ..fixture.on_board()
            },
        )
        .await;
    assert_eq!((past.items.len(), past.total), (0, 7));
}

#[sqlx::test(migrations = false)]
async fn the_flat_list_spans_what_the_caller_may_read(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let other: Uuid = fixture
        .create_board(&owner(), request::board("Other"))
        .await
        .unwrap()
        .id
        .parse()
        .unwrap();
    fixture.task("here").await;
    fixture
        .create(&owner(), request::task(other, "there"))
        .await
        .unwrap();
    let all = ListTasksRequest::default;
    assert_eq!(fixture.titles(&owner(), all()).await, ["there", "here"]);
    assert_eq!(
        fixture.titles(&member(&[other], false), all()).await,
        ["there"]
    );
    assert_eq!(fixture.titles(&fixture.worker(0), all()).await, ["here"]);
    assert_eq!(
        fixture
            .titles(&agent(Uuid::nil(), "Main", None, false), all())
            .await,
        ["there", "here"]
    );
    assert_eq!(fixture.titles(&stranger(), all()).await, [""; 0]);
}

#[sqlx::test(migrations = false)]
async fn a_list_that_did_not_change_is_not_sent_again(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let work = fixture.task("Work").await;
    for request in [fixture.on_board(), ListTasksRequest::default()] {
        let list = async |tag: &str| {
            let mut request = Request::new(request.clone());
            request
                .metadata_mut()
                .insert(conditional::IF_NONE_MATCH, tag.parse().unwrap());
            let answer = fixture.tasks(&owner()).list_tasks(request).await.unwrap();
            let tag = answer
                .metadata()
                .get(conditional::ETAG)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            let unchanged = answer.metadata().contains_key(conditional::NOT_MODIFIED);
            (tag, unchanged, answer.into_inner().items.len())
        };
        let (tag, _, rows) = list("\"none\"").await;
        assert_eq!(rows, 1);
        assert_eq!(list(&tag).await, (tag.clone(), true, 0));
        fixture
            .comment(&owner(), &work, "the board moves")
            .await
            .unwrap();
        assert_eq!((list(&tag).await.1, list(&tag).await.2), (false, 1));
    }
}

#[sqlx::test(migrations = false)]
async fn bounds_of_a_page_are_judged(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let cases = [
        (
            ListTasksRequest {
                limit: Some(201),
                ..fixture.on_board()
            },
            "limit",
            "OUT_OF_RANGE",
        ),
        (
            ListTasksRequest {
                offset: Some(-1),
                ..fixture.on_board()
            },
            "offset",
            "OUT_OF_RANGE",
        ),
        (
            ListTasksRequest {
                page_token: Some("?".into()),
                ..fixture.on_board()
            },
            "page_token",
            "MALFORMED",
        ),
        (
            ListTasksRequest {
                assigned_agent_id: Some("?".into()),
                ..fixture.on_board()
            },
            "assigned_agent_id",
            "NOT_A_UUID",
        ),
        (
            ListTasksRequest {
                board_id: Some("?".into()),
                ..fixture.on_board()
            },
            "board_id",
            "NOT_A_UUID",
        ),
    ];
    for (request, field, reason) in cases {
        assert_eq!(
            violation(fixture.tasks(&owner()).list_tasks(request).await),
            wrong(field, reason)
        );
    }
}
