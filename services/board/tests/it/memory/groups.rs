use chassis::Code;
use proto::{
    board::v1::{
        Author, AuthorKind, DeleteBoardGroupRequest, DeleteBoardRequest, GroupMemory,
        ListBoardGroupMemoryRequest, ListBoardGroupMemoryResponse, ListGroupMemoryRequest,
    },
    event::v1::{BoardRef, GroupMemoryCreated},
};
use sqlx::PgPool;
use uuid::Uuid;

use super::in_group;
use crate::{
    callers::{LEAD, OWNER, owner, worker_id},
    fixture::{Fixture, refused, says, start_of_time},
};

const OTHER_LEAD: Uuid = worker_id(7);
const OTHER_BOB: Uuid = worker_id(8);
const BOBS: &[Uuid] = &[worker_id(1), OTHER_BOB];

/// Content and tags; source and who is mentioned; whether every agent is told, and whether anybody is.
type Case = (
    &'static str,
    &'static [&'static str],
    Option<&'static str>,
    &'static [Uuid],
    bool,
    bool,
);

/// A second board, "Orbit", with a lead Kim and a worker Bob, and the group of both.
async fn fleet(fixture: &mut Fixture) -> (Uuid, Uuid) {
    let orbit = fixture.board_named("Orbit").await;
    let agents = &fixture.agents;
    agents.add(OTHER_LEAD, "Kim", Some(orbit), true);
    agents.add(OTHER_BOB, "Bob", Some(orbit), false);
    // Not of the group.
    let elsewhere = Some(Uuid::from_u128(0x999));
    agents.add(worker_id(9), "Bob", elsewhere, true);
    let group = fixture.group_of("Fleet", &[fixture.board, orbit]).await;
    (group, orbit)
}

impl Fixture {
    async fn of_group(&self, group: Uuid) -> Vec<GroupMemory> {
        let request = ListGroupMemoryRequest {
            group_id: group.to_string(),
            ..ListGroupMemoryRequest::default()
        };
        let answer = self.memory(&owner()).list_group_memory(request).await;
        answer.unwrap().into_inner().items
    }

    async fn through(&self, board: Uuid) -> ListBoardGroupMemoryResponse {
        let request = ListBoardGroupMemoryRequest {
            board_id: board.to_string(),
            ..ListBoardGroupMemoryRequest::default()
        };
        let answer = self.memory(&owner()).list_board_group_memory(request).await;
        answer.unwrap().into_inner()
    }
}

#[sqlx::test(migrations = false)]
async fn an_entry_tells_the_boards_of_the_group_and_who_is_meant(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let (group, orbit) = fleet(&mut fixture).await;
    let boards = vec![
        BoardRef {
            id: fixture.board.to_string(),
            name: "Launch".into(),
        },
        BoardRef {
            id: orbit.to_string(),
            name: "Orbit".into(),
        },
    ];
    let ada = Some("Ada");
    let cases: [Case; 7] = [
        ("plain", &[], None, &[], false, false),
        ("hello", &["chat"], ada, &[], false, true),
        ("@bob?", &["chat"], ada, BOBS, false, true),
        ("@lead!", &["chat"], ada, &[LEAD, OTHER_LEAD], false, true),
        ("all hands", &["broadcast"], ada, &[], true, true),
        ("@all hands, @kim", &[], ada, &[OTHER_LEAD], true, true),
        ("/pause", &["chat"], ada, &[], false, true),
    ];
    let author = owner();
    for (content, tags, source, mentioned, broadcast, notify) in cases {
        let asked = fixture.agents.asked();
        let said = fixture.remember_in_group(&author, group, content, tags);
        let said = said.await.unwrap();
        let mentioned: Vec<String> = mentioned.iter().map(Uuid::to_string).collect();
        let expected = GroupMemory {
            id: said.id.clone(),
            board_group_id: group.to_string(),
            content: content.into(),
            tags: tags.iter().map(|&tag| tag.into()).collect(),
            source: source.map(Into::into),
            is_chat: tags.contains(&"chat"),
            created_at: Some(chassis::encode::time(start_of_time())),
            author: Some(Author {
                kind: AuthorKind::User.into(),
                id: OWNER.to_string(),
                name: "Ada".into(),
            }),
            mentioned_agent_ids: mentioned,
            board_id: None,
        };
        assert_eq!(said, expected, "{content}");
        // One question for the whole group, and none where nobody is mentioned.
        let questions = usize::from(content.contains('@'));
        assert_eq!(fixture.agents.asked() - asked, questions);
        let event = fixture.told(1).await.remove(0);
        assert_eq!(event.r#type, "board_group.memory_created");
        assert_eq!(event.board_id, None);
        let payload = GroupMemoryCreated {
            memory: Some(said),
            group_name: "Fleet".into(),
            boards: boards.clone(),
            broadcast,
            notify,
        };
        assert_eq!(in_group(&event), &payload, "{content}");
    }
    // A command is one on a board alone.
    let boards: i64 = sqlx::query_scalar("select count(*) from board where paused_at is not null")
        .fetch_one(&fixture.pool)
        .await
        .unwrap();
    assert_eq!(boards, 0);
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn agents_write_through_their_board_and_every_board_reads_it(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let (group, orbit) = fleet(&mut fixture).await;
    let worker = fixture.worker(0);
    let board = fixture.board;
    let said = fixture.remember_through(&worker, board, "ready @kim", &["chat"]);
    let said = said.await.unwrap();
    assert_eq!(said.board_id, Some(board.to_string()));
    assert_eq!(said.source.as_deref(), Some("Alice Cooper"));
    assert_eq!(said.mentioned_agent_ids, [OTHER_LEAD.to_string()]);
    let event = fixture.told(1).await.remove(0);
    assert_eq!(event.board_id, Some(board.to_string()));
    assert_eq!(event.agent_id, Some(worker_id(0).to_string()));
    assert_eq!(in_group(&event).memory, Some(said.clone()));
    assert_eq!(fixture.of_group(group).await, std::slice::from_ref(&said));
    let through = fixture.through(orbit).await;
    assert_eq!((through.total, through.items), (1, vec![said]));
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_board_without_a_group_has_nothing_to_read_and_nowhere_to_write(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let through = fixture.through(fixture.board).await;
    let expected = ListBoardGroupMemoryResponse {
        limit: 200,
        ..ListBoardGroupMemoryResponse::default()
    };
    assert_eq!(through, expected);
    for caller in [owner(), fixture.worker(0)] {
        let said = fixture.remember_through(&caller, fixture.board, "x", &[]);
        assert_eq!(
            refused(said.await),
            says(Code::Invalid, "BOARD_GROUP_REQUIRED")
        );
    }
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn memory_goes_with_its_group_and_its_board(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let (group, orbit) = fleet(&mut fixture).await;
    let author = owner();
    let kept = fixture.remember_through(&author, orbit, "from Orbit", &[]);
    let kept = kept.await.unwrap();
    let note = super::entry(orbit, "gone with Orbit", &[]);
    fixture.remember(&owner(), note).await.unwrap();
    fixture.told(2).await;

    let request = DeleteBoardRequest {
        board_id: orbit.to_string(),
        ..DeleteBoardRequest::default()
    };
    fixture
        .boards(&owner())
        .delete_board(request)
        .await
        .unwrap();
    // What was written through the board stays with the group, and no longer names the board.
    let left = GroupMemory {
        board_id: None,
        ..kept
    };
    assert_eq!(fixture.of_group(group).await, [left]);
    assert_eq!(rows(&fixture.pool).await, (0, 1));

    let request = DeleteBoardGroupRequest {
        group_id: group.to_string(),
    };
    let gone = fixture.groups(&owner()).delete_board_group(request).await;
    gone.unwrap();
    assert_eq!(rows(&fixture.pool).await, (0, 0));
}

async fn rows(pool: &PgPool) -> (i64, i64) {
    sqlx::query_as(
        "select (select count(*) from board_memory), (select count(*) from group_memory)",
    )
    .fetch_one(pool)
    .await
    .unwrap()
}

#[sqlx::test(migrations = false)]
async fn who_writes_while_the_group_or_the_board_goes_is_told_so(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let author = owner();
    for round in 0..20 {
        let board = fixture.board_named(&format!("Board {round}")).await;
        let group = fixture.group_of(&format!("Group {round}"), &[board]).await;
        let deletion = async {
            if round % 2 == 0 {
                let request = DeleteBoardGroupRequest {
                    group_id: group.to_string(),
                };
                let gone = fixture.groups(&author).delete_board_group(request).await;
                gone.map(drop)
            } else {
                let request = DeleteBoardRequest {
                    board_id: board.to_string(),
                    ..DeleteBoardRequest::default()
                };
                fixture
                    .boards(&author)
                    .delete_board(request)
                    .await
                    .map(drop)
            }
        };
        let note = super::entry(board, "x", &["chat"]);
        let (gone, on_board, through, in_group) = tokio::join!(
            deletion,
            fixture.remember(&author, note),
            fixture.remember_through(&author, board, "x", &[]),
            fixture.remember_in_group(&author, group, "x", &[]),
        );
        gone.unwrap();
        let refusals = [on_board.err(), through.err(), in_group.err()];
        for status in refusals.into_iter().flatten() {
            let (code, reason) = refused(Err::<(), _>(status));
            let is_clear = match code {
                Code::NotFound => reason == "BOARD_NOT_FOUND" || reason == "BOARD_GROUP_NOT_FOUND",
                Code::Invalid => reason == "BOARD_GROUP_REQUIRED",
                _ => false,
            };
            assert!(is_clear, "{code:?} {reason}");
        }
    }
}
