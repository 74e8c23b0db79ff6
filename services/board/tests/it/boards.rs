//! Making and reading boards.

use chassis::{Code, conditional};
use proto::board::v1::{
    Board, BoardType, CreateBoardRequest, GetBoardRequest, ListBoardsRequest,
    ResolveBoardIdsRequest, ResolveBoardRequest, ResolveTasksRequest,
};
use serde_json::json;
use sqlx::PgPool;
use tonic::Request;
use uuid::Uuid;

use crate::{
    callers::{
        BARE_GATEWAY, FOREIGN_ORGANIZATION, GATEWAY, ORGANIZATION, OTHER_GATEWAY, agent, internal,
        member, owner, stranger, worker_id,
    },
    fixture::{Fixture, fault, refused, says, start_of_time, violation, wrong},
    request::board,
};

#[sqlx::test(migrations = false)]
async fn a_new_board_has_the_defaults_of_the_contract(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let request = CreateBoardRequest {
        require_approval_for_done: None,
        ..board("  Release / QA ")
    };
    let board = fixture.create_board(&owner(), request).await.unwrap();
    let now = Some(chassis::encode::time(start_of_time()));
    let expected = Board {
        id: board.id.clone(),
        organization_id: ORGANIZATION.to_string(),
        name: "Release / QA".into(),
        slug: "release-qa".into(),
        description: "where work is done".into(),
        gateway_id: Some(GATEWAY.to_string()),
        board_type: BoardType::Goal.into(),
        require_approval_for_done: true,
        max_agents: 1,
        created_at: now,
        updated_at: now,
        version: 1,
        ..Board::default()
    };
    assert_eq!(board, expected);
}

#[sqlx::test(migrations = false)]
async fn a_derived_slug_gets_a_number_and_a_given_one_must_be_free(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let mut slugs = Vec::new();
    for name in ["Launch", "launch!", "***"] {
        slugs.push(
            fixture
                .create_board(&owner(), board(name))
                .await
                .unwrap()
                .slug,
        );
    }
    assert_eq!(slugs, ["launch-2", "launch-3", "board"]);
    let given = CreateBoardRequest {
        slug: Some("LAUNCH".into()),
        ..board("Other")
    };
    assert_eq!(
        refused(fixture.create_board(&owner(), given).await),
        says(Code::AlreadyExists, "BOARD_SLUG_TAKEN")
    );
}

#[sqlx::test(migrations = false)]
async fn boards_of_one_name_made_at_once_all_get_a_slug(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let made = (0..4).map(|_| async { fixture.create_board(&owner(), board("Same")).await });
    let mut slugs: Vec<String> = futures::future::join_all(made)
        .await
        .into_iter()
        .map(|board| board.unwrap().slug)
        .collect();
    slugs.sort();
    assert_eq!(slugs, ["same", "same-2", "same-3", "same-4"]);
}

#[sqlx::test(migrations = false)]
async fn many_boards_of_one_name_made_at_once_get_different_slugs(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let made = (0..16).map(|_| async { fixture.create_board(&owner(), board("Same")).await });
    let slugs: std::collections::HashSet<String> = futures::future::join_all(made)
        .await
        .into_iter()
        .map(|board| board.unwrap().slug)
        .collect();
    assert_eq!(slugs.len(), 16);
    assert!(
        slugs.iter().all(|slug| slug.starts_with("same")),
        "{slugs:?}"
    );
}

#[sqlx::test(migrations = false)]
async fn a_board_lives_on_a_gateway_of_its_organization_with_a_main_agent(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let on = |gateway: Uuid| CreateBoardRequest {
        gateway_id: gateway.to_string(),
        ..board("B")
    };
    let unknown = fixture
        .create_board(&owner(), on(Uuid::from_u128(999)))
        .await;
    assert_eq!(refused(unknown), says(Code::Invalid, "GATEWAY_INVALID"));
    let bare = fault(fixture.create_board(&owner(), on(BARE_GATEWAY)).await);
    assert_eq!(
        (bare.code, bare.reason.as_str()),
        (Code::Invalid, "GATEWAY_MAIN_AGENT_REQUIRED")
    );
    assert_eq!(bare.fields[0].field, "gateway_id");
    let foreign = fixture.create_board(&stranger(), on(GATEWAY)).await;
    assert_eq!(refused(foreign), says(Code::Invalid, "GATEWAY_INVALID"));
    let none = CreateBoardRequest {
        gateway_id: String::new(),
        ..board("B")
    };
    assert_eq!(
        violation(fixture.create_board(&owner(), none).await),
        wrong("gateway_id", "REQUIRED")
    );
    let grouped = CreateBoardRequest {
        board_group_id: Some(Uuid::from_u128(1).to_string()),
        ..board("B")
    };
    assert_eq!(
        refused(fixture.create_board(&owner(), grouped).await),
        says(Code::Invalid, "BOARD_GROUP_INVALID")
    );
}

#[sqlx::test(migrations = false)]
async fn a_confirmed_goal_needs_an_objective_and_metrics(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let confirmed = CreateBoardRequest {
        goal_confirmed: Some(true),
        ..board("Goal")
    };
    let fault = fault(fixture.create_board(&owner(), confirmed.clone()).await);
    assert_eq!(
        (fault.code, fault.reason.as_str()),
        (Code::Invalid, "GOAL_FIELDS_REQUIRED")
    );
    let fields: Vec<&str> = fault
        .fields
        .iter()
        .map(|violation| violation.field.as_str())
        .collect();
    assert_eq!(fields, ["objective", "success_metrics"]);
    let whole = CreateBoardRequest {
        objective: Some("win".into()),
        success_metrics: chassis::encode::to_struct(&json!({"users": 10, "by": {"q": [1, 2.5]}})),
        ..confirmed
    };
    let board = fixture.create_board(&owner(), whole.clone()).await.unwrap();
    assert_eq!(
        (board.success_metrics, board.goal_confirmed),
        (whole.success_metrics, true)
    );
}

#[sqlx::test(migrations = false)]
async fn only_admins_make_boards(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    for caller in [fixture.writer(), fixture.lead()] {
        let fault = fault(fixture.create_board(&caller, board("B")).await);
        assert_eq!(fault.code, Code::Forbidden);
    }
}

#[sqlx::test(migrations = false)]
async fn everybody_lists_the_boards_they_may_read(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let other = CreateBoardRequest {
        gateway_id: OTHER_GATEWAY.to_string(),
        ..board("apple")
    };
    let other: Uuid = fixture
        .create_board(&owner(), other)
        .await
        .unwrap()
        .id
        .parse()
        .unwrap();
    let names = async |caller: &chassis::Caller, request: ListBoardsRequest| {
        let answer = fixture
            .boards(caller)
            .list_boards(request)
            .await
            .unwrap()
            .into_inner();
        let names: Vec<String> = answer.items.into_iter().map(|board| board.name).collect();
        assert_eq!(usize::try_from(answer.total).unwrap(), names.len());
        names
    };
    let all = ListBoardsRequest::default;
    assert_eq!(names(&owner(), all()).await, ["apple", "Launch"]);
    assert_eq!(names(&fixture.writer(), all()).await, ["Launch"]);
    assert_eq!(names(&member(&[other], false), all()).await, ["apple"]);
    assert_eq!(names(&member(&[], false), all()).await, [""; 0]);
    assert_eq!(names(&stranger(), all()).await, [""; 0]);
    assert_eq!(names(&fixture.worker(0), all()).await, ["Launch"]);
    assert_eq!(
        names(&agent(worker_id(9), "Main", None, false), all()).await,
        ["Launch"]
    );
    let on_gateway = ListBoardsRequest {
        gateway_id: Some(OTHER_GATEWAY.to_string()),
        ..all()
    };
    assert_eq!(names(&owner(), on_gateway).await, ["apple"]);
    let in_group = ListBoardsRequest {
        board_group_id: Some(Uuid::nil().to_string()),
        ..all()
    };
    assert_eq!(names(&owner(), in_group).await, [""; 0]);
}

#[sqlx::test(migrations = false)]
async fn pages_of_boards_follow_each_other(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    for name in ["b", "a", "B", "c"] {
        fixture.create_board(&owner(), board(name)).await.unwrap();
    }
    let (mut names, mut page_token) = (Vec::new(), None);
    loop {
        let request = ListBoardsRequest {
            limit: Some(2),
            page_token,
            ..ListBoardsRequest::default()
        };
        let answer = fixture
            .boards(&owner())
            .list_boards(request)
            .await
            .unwrap()
            .into_inner();
        assert_eq!(answer.total, 5);
        names.extend(answer.items.into_iter().map(|board| board.name));
        page_token = answer.next_page_token;
        if page_token.is_none() {
            break;
        }
    }
    assert_eq!(names, ["a", "B", "b", "c", "Launch"]);
}

#[sqlx::test(migrations = false)]
async fn a_board_that_did_not_change_is_not_sent_again(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let get = async |tag: Option<&str>| {
        let mut request = Request::new(GetBoardRequest {
            board_id: fixture.board.to_string(),
        });
        if let Some(tag) = tag {
            request
                .metadata_mut()
                .insert(conditional::IF_NONE_MATCH, tag.parse().unwrap());
        }
        let answer = fixture.boards(&owner()).get_board(request).await.unwrap();
        let tag = answer
            .metadata()
            .get(conditional::ETAG)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        (
            tag,
            answer.metadata().contains_key(conditional::NOT_MODIFIED),
            answer.into_inner().board,
        )
    };
    let (tag, _, board) = get(None).await;
    assert_eq!(board.unwrap().version, 1);
    assert_eq!(get(Some(&tag)).await, (tag.clone(), true, None));
    fixture.task("something on the board").await;
    let (next, unchanged, board) = get(Some(&tag)).await;
    assert!(next != tag && !unchanged);
    assert_eq!(board.unwrap().version, 2);
}

#[sqlx::test(migrations = false)]
async fn peers_resolve_boards_and_tasks(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let (task, other) = (
        fixture.task("one").await,
        fixture
            .create_board(&owner(), board("Other"))
            .await
            .unwrap(),
    );
    let mut directory = fixture.directory(&internal());
    let resolved = directory
        .resolve_board(ResolveBoardRequest {
            board_id: fixture.board.to_string(),
        })
        .await
        .unwrap();
    assert_eq!(resolved.into_inner().board.unwrap().name, "Launch");
    let nobody = ResolveBoardRequest {
        board_id: Uuid::nil().to_string(),
    };
    assert_eq!(
        refused(directory.resolve_board(nobody).await),
        says(Code::NotFound, "BOARD_NOT_FOUND")
    );

    let of = |board_id: String| ResolveTasksRequest {
        board_id,
        task_ids: vec![task.id.clone(), Uuid::nil().to_string(), task.id.clone()],
    };
    let tasks = directory
        .resolve_tasks(of(fixture.board.to_string()))
        .await
        .unwrap()
        .into_inner()
        .tasks;
    assert_eq!(tasks, std::slice::from_ref(&task));
    let tasks = directory
        .resolve_tasks(of(other.id))
        .await
        .unwrap()
        .into_inner()
        .tasks;
    assert_eq!(tasks, []);
    let many = ResolveTasksRequest {
        board_id: fixture.board.to_string(),
        task_ids: (0..201).map(|n| Uuid::from_u128(n).to_string()).collect(),
    };
    assert_eq!(
        violation(directory.resolve_tasks(many).await),
        wrong("task_ids", "TOO_MANY")
    );
    let by_user = fixture
        .directory(&owner())
        .resolve_board(ResolveBoardRequest {
            board_id: String::new(),
        })
        .await;
    assert_eq!(fault(by_user).code, Code::Forbidden);
}

#[sqlx::test(migrations = false)]
async fn peers_learn_which_ids_are_boards_of_an_organization(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let mut directory = fixture.directory(&internal());
    let request = |organization: Uuid, ids: Vec<Uuid>| ResolveBoardIdsRequest {
        organization_id: organization.to_string(),
        board_ids: ids.iter().map(ToString::to_string).collect(),
    };
    let ids = vec![fixture.board, Uuid::from_u128(5), fixture.board];
    for (organization, found) in [
        (ORGANIZATION, vec![fixture.board.to_string()]),
        (FOREIGN_ORGANIZATION, vec![]),
    ] {
        let answer = directory
            .resolve_board_ids(request(organization, ids.clone()))
            .await
            .unwrap();
        assert_eq!(answer.into_inner().board_ids, found);
    }
    let many = (0..501).map(Uuid::from_u128).collect();
    let answer = directory
        .resolve_board_ids(request(ORGANIZATION, many))
        .await;
    assert_eq!(violation(answer), wrong("board_ids", "TOO_MANY"));
}
