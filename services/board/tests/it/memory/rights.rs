use chassis::{Caller, Code};
use proto::board::v1::{
    ListBoardGroupMemoryRequest, ListBoardMemoryRequest, ListGroupMemoryRequest,
};
use sqlx::PgPool;
use uuid::Uuid;

use super::entry;
use crate::{
    callers::{GATEWAY, OTHER_GATEWAY, agent, member, owner, stranger},
    fixture::{Fixture, refused, says},
};

/// Code and reason of a refusal; none for an answer.
type Refusal = Option<(Code, String)>;

fn refusal<T: std::fmt::Debug>(answer: Result<T, tonic::Status>) -> Refusal {
    answer.err().map(|status| refused(Err::<(), _>(status)))
}

impl Fixture {
    /// Reads and writes of a caller: the board's memory, and that of its group through the board.
    async fn remembers(&self, caller: &Caller) -> [Refusal; 4] {
        let mut client = self.memory(caller);
        let board_id = self.board.to_string();
        let list = ListBoardMemoryRequest {
            board_id: board_id.clone(),
            ..ListBoardMemoryRequest::default()
        };
        let through = ListBoardGroupMemoryRequest {
            board_id,
            ..ListBoardGroupMemoryRequest::default()
        };
        [
            refusal(client.list_board_memory(list).await),
            refusal(client.list_board_group_memory(through).await),
            refusal(self.remember(caller, entry(self.board, "x", &[])).await),
            refusal(self.remember_through(caller, self.board, "x", &[]).await),
        ]
    }

    async fn remembers_in_group(&self, caller: &Caller, group: Uuid) -> [Refusal; 2] {
        let list = ListGroupMemoryRequest {
            group_id: group.to_string(),
            ..ListGroupMemoryRequest::default()
        };
        [
            refusal(self.memory(caller).list_group_memory(list).await),
            refusal(self.remember_in_group(caller, group, "x", &[]).await),
        ]
    }
}

fn main_agent(gateway_id: Uuid) -> Caller {
    let Caller::Agent(main) = agent(Uuid::from_u128(0x60), "Main", None, false) else {
        unreachable!()
    };
    Caller::Agent(chassis::caller::Agent { gateway_id, ..main })
}

fn all_boards(can_write: bool) -> Caller {
    let Caller::User(user) = member(&[], false) else {
        unreachable!()
    };
    Caller::User(chassis::caller::User {
        all_boards_read: true,
        all_boards_write: can_write,
        ..user
    })
}

#[sqlx::test(migrations = false)]
async fn who_reads_the_board_reads_its_memory_and_who_writes_it_writes(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    fixture.group_of("Fleet", &[fixture.board]).await;
    let writers = [
        owner(),
        fixture.writer(),
        all_boards(true),
        fixture.lead(),
        fixture.worker(0),
        main_agent(GATEWAY),
    ];
    for caller in &writers {
        let expected = [None, None, None, None];
        assert_eq!(fixture.remembers(caller).await, expected, "{caller:?}");
    }
    let no = says(Code::Forbidden, "BOARD_WRITE_REQUIRED");
    for caller in [member(&[fixture.board], false), all_boards(false)] {
        let expected = [None, None, Some(no.clone()), Some(no.clone())];
        assert_eq!(fixture.remembers(&caller).await, expected, "{caller:?}");
    }
    let gone = Some(says(Code::NotFound, "BOARD_NOT_FOUND"));
    let elsewhere = agent(
        Uuid::from_u128(0x70),
        "Else",
        Some(Uuid::from_u128(0x999)),
        true,
    );
    for caller in [
        stranger(),
        member(&[], true),
        elsewhere,
        main_agent(OTHER_GATEWAY),
    ] {
        let expected = [(); 4].map(|()| gone.clone());
        assert_eq!(fixture.remembers(&caller).await, expected, "{caller:?}");
    }
    fixture.told(2 * writers.len()).await;
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_right_on_one_board_of_a_group_is_a_right_on_the_group(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let other = fixture.board_named("Other").await;
    let group = fixture.group_of("Fleet", &[fixture.board, other]).await;
    let writers = [owner(), member(&[other], true), all_boards(true)];
    for caller in &writers {
        let answers = fixture.remembers_in_group(caller, group).await;
        assert_eq!(answers, [None, None], "{caller:?}");
    }
    let no = says(Code::Forbidden, "BOARD_GROUP_WRITE_REQUIRED");
    for caller in [member(&[other], false), all_boards(false)] {
        let answers = fixture.remembers_in_group(&caller, group).await;
        assert_eq!(answers, [None, Some(no.clone())], "{caller:?}");
    }
    let gone = says(Code::NotFound, "BOARD_GROUP_NOT_FOUND");
    let elsewhere = member(&[Uuid::from_u128(0x999)], true);
    for caller in [stranger(), elsewhere] {
        let answers = fixture.remembers_in_group(&caller, group).await;
        let expected = [Some(gone.clone()), Some(gone.clone())];
        assert_eq!(answers, expected, "{caller:?}");
    }
    let unknown = Uuid::from_u128(0x777);
    let answers = fixture.remembers_in_group(&owner(), unknown).await;
    assert_eq!(answers, [Some(gone.clone()), Some(gone.clone())]);
    // Agents come through their boards.
    let not_admitted = says(Code::Forbidden, "CALLER_NOT_ADMITTED");
    let answers = fixture.remembers_in_group(&fixture.lead(), group).await;
    assert_eq!(answers, [Some(not_admitted.clone()), Some(not_admitted)]);

    // A group without boards is there for those who see every board.
    let empty = fixture.group_of("Empty", &[]).await;
    let answers = fixture.remembers_in_group(&owner(), empty).await;
    assert_eq!(answers, [None, None]);
    let answers = fixture
        .remembers_in_group(&member(&[other], true), empty)
        .await;
    assert_eq!(answers, [Some(gone.clone()), Some(gone)]);
    fixture.told(writers.len() + 1).await;
    fixture.stop().await;
}
