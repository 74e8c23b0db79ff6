//! Comments on tasks, over all boards that the reader reads.

use chassis::{Caller, Code, Role, encode};
use proto::{
    activity::v1::{
        ListTaskCommentsRequest, ListTaskCommentsResponse, TaskCommentItem,
        activity_service_client::ActivityServiceClient,
    },
    board::v1::TaskStatus,
};
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::{
    fixture::{Fixture, fault, start_of_time, violation},
    story::{
        AGENT, BOARD, FOREIGN, FOREIGN_BOARD, GATEWAY, ORGANIZATION, OTHER_BOARD, Teller, agent,
        owner, person, task_id,
    },
};

async fn list(
    fixture: &Fixture,
    caller: &Caller,
    request: ListTaskCommentsRequest,
) -> Result<ListTaskCommentsResponse, Status> {
    let mut client = ActivityServiceClient::new(fixture.client(caller));
    Ok(client.list_task_comments(request).await?.into_inner())
}

fn texts(found: &ListTaskCommentsResponse) -> Vec<&str> {
    found.items.iter().map(|item| item.message()).collect()
}

/// Comments on three boards, a deleted task and a deleted board among them.
async fn told(pool: PgPool) -> Fixture {
    let fixture = Fixture::start(pool).await;
    let here = Teller::new(start_of_time());
    let other = here.on(ORGANIZATION, OTHER_BOARD);
    let foreign = here.on(FOREIGN, FOREIGN_BOARD);
    let id = |number: u128| Uuid::from_u128(0xc0 + number);
    fixture
        .log(
            vec![
                here.board(GATEWAY, None),
                other.board(GATEWAY, None),
                foreign.board(GATEWAY, None),
                here.agent_created(AGENT, true),
                here.agent_known(AGENT, "Bot the Second", "  Reviewer "),
                here.created(1, TaskStatus::Inbox),
                other.created(2, TaskStatus::Inbox),
                here.created(3, TaskStatus::Inbox),
                here.agent_comment(1, id(1), "one"),
                here.commented(1, id(2), "two"),
                other.commented(2, id(3), "three"),
                foreign.commented(4, id(4), "foreign"),
                here.commented(3, id(5), "of a task that goes"),
                here.updated(1, 2),
                here.deleted(3, 2),
            ],
            15,
        )
        .await;
    fixture
}

#[sqlx::test(migrations = false)]
async fn comments_come_newest_first_with_the_names_of_today(pool: PgPool) {
    let fixture = told(pool).await;
    let found = list(&fixture, &owner(), ListTaskCommentsRequest::default())
        .await
        .unwrap();
    assert_eq!(texts(&found), ["three", "two", "one"]);
    assert_eq!((found.total, found.limit, found.offset), (3, 200, 0));
    assert_eq!(
        found.items[2],
        TaskCommentItem {
            id: Uuid::from_u128(0xc1).to_string(),
            created_at: Some(encode::time(start_of_time())),
            message: Some("one".into()),
            agent_id: Some(AGENT.to_string()),
            agent_name: Some("Bot the Second".into()),
            agent_role: Some("Reviewer".into()),
            task_id: task_id(1).to_string(),
            task_title: "Task 1.2".into(),
            board_id: BOARD.to_string(),
            board_name: "Board 200".into(),
            user_id: None,
            author_name: "Bot the Second".into(),
        }
    );
    assert_eq!(found.items[1].agent_name, None);
    // An agent that is gone keeps its name and has no role any more.
    let teller = Teller::new(start_of_time());
    fixture
        .log(vec![teller.agent_deleted(AGENT, true)], 16)
        .await;
    let found = list(&fixture, &owner(), ListTaskCommentsRequest::default())
        .await
        .unwrap();
    assert_eq!(found.items[2].agent_role, None);
    assert!(found.items[2].agent_name().starts_with("Bot"));
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn comments_are_of_boards_that_the_reader_reads(pool: PgPool) {
    let fixture = told(pool).await;
    let none = ListTaskCommentsRequest::default;
    let of = |board: Uuid| ListTaskCommentsRequest {
        board_id: Some(board.to_string()),
        ..none()
    };
    let member = person(ORGANIZATION, Role::Member, &[BOARD]);
    assert_eq!(
        texts(&list(&fixture, &member, none()).await.unwrap()),
        ["two", "one"]
    );
    assert_eq!(
        texts(&list(&fixture, &owner(), of(OTHER_BOARD)).await.unwrap()),
        ["three"]
    );
    let stranger = person(FOREIGN, Role::Owner, &[]);
    assert_eq!(
        texts(&list(&fixture, &stranger, none()).await.unwrap()),
        ["foreign"]
    );
    let nobody = person(ORGANIZATION, Role::Member, &[]);
    assert_eq!(list(&fixture, &nobody, none()).await.unwrap().total, 0);
    for (caller, board) in [
        (&member, OTHER_BOARD),
        (&stranger, BOARD),
        (&member, Uuid::from_u128(9)),
    ] {
        let refused = fault(list(&fixture, caller, of(board)).await);
        assert_eq!(
            (refused.code, refused.reason.as_str()),
            (Code::NotFound, "BOARD_NOT_FOUND")
        );
    }
    let refused = fault(list(&fixture, &agent(Some(BOARD)), none()).await);
    assert_eq!(refused.code, Code::Forbidden);

    // With the board its comments are gone, for admins too: they lead nowhere.
    fixture
        .log(vec![Teller::new(start_of_time()).board_deleted()], 16)
        .await;
    assert_eq!(
        texts(&list(&fixture, &owner(), none()).await.unwrap()),
        ["three"]
    );
    assert_eq!(
        fault(list(&fixture, &owner(), of(BOARD)).await).reason,
        "BOARD_NOT_FOUND"
    );
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn pages_of_comments_meet(pool: PgPool) {
    let fixture = told(pool).await;
    let (mut seen, mut token) = (Vec::new(), None);
    loop {
        let request = ListTaskCommentsRequest {
            limit: Some(2),
            page_token: token,
            ..ListTaskCommentsRequest::default()
        };
        let found = list(&fixture, &owner(), request).await.unwrap();
        seen.extend(texts(&found).into_iter().map(str::to_owned));
        token = found.next_page_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["three", "two", "one"]);
    let request = ListTaskCommentsRequest {
        offset: Some(2),
        ..ListTaskCommentsRequest::default()
    };
    assert_eq!(
        texts(&list(&fixture, &owner(), request).await.unwrap()),
        ["one"]
    );
    let request = ListTaskCommentsRequest {
        limit: Some(0),
        ..ListTaskCommentsRequest::default()
    };
    assert_eq!(
        violation(list(&fixture, &owner(), request).await).0,
        "limit"
    );
    let request = ListTaskCommentsRequest {
        board_id: Some("\0".into()),
        ..ListTaskCommentsRequest::default()
    };
    assert_eq!(
        violation(list(&fixture, &owner(), request).await).0,
        "board_id"
    );
    fixture.stop().await;
}
