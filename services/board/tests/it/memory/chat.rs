//! Plain, with mentions, and commands: who is to be told is in the event, whose delivery is another service's.

use chassis::{Caller, Code};
use futures::future::join_all;
use proto::{
    board::v1::{Board, GetBoardRequest},
    event::v1::{BoardMemoryCreated, Event},
};
use sqlx::PgPool;
use uuid::Uuid;

use super::{entry, on_board};
use crate::{
    callers::{LEAD, agent, member, owner, worker_id},
    fixture::{Fixture, refused, says},
};

const ALICE: Uuid = worker_id(0);
const BOB: Uuid = worker_id(1);
const OTHER_ALICE: Uuid = worker_id(2);

fn types(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.r#type.as_str()).collect()
}

fn ids(ids: &[Uuid]) -> Vec<String> {
    ids.iter().map(Uuid::to_string).collect()
}

impl Fixture {
    async fn board_now(&self) -> Board {
        let request = GetBoardRequest {
            board_id: self.board.to_string(),
        };
        let answer = self.boards(&owner()).get_board(request).await.unwrap();
        answer.into_inner().board.unwrap()
    }

    async fn entries(&self) -> i64 {
        self.remembered(&owner(), None).await.total
    }
}

#[sqlx::test(migrations = false)]
async fn a_message_tells_whom_it_mentions(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let board = Some(fixture.board);
    fixture.agents.add(OTHER_ALICE, "Alice B", board, false);
    let cases: [(&str, &[Uuid]); 10] = [
        ("good morning", &[]),
        ("@bob, are you there?", &[BOB]),
        ("what does the (@LEAD) say", &[LEAD]),
        ("@olga", &[LEAD]),
        // A first name that two have means both.
        ("@alice: which of you?", &[ALICE, OTHER_ALICE]),
        ("@alice-cooper", &[ALICE]),
        ("@AliceCooper and @bob and @bob", &[ALICE, BOB]),
        ("mail bob@alice.example, x@lead", &[]),
        // On a board this is nobody's name.
        ("@all", &[]),
        ("@cooper @nobody @b", &[]),
    ];
    for (text, expected) in cases {
        let said = fixture.chat(&owner(), text).await.unwrap();
        assert_eq!(said.mentioned_agent_ids, ids(expected), "{text}");
        let event = fixture.told(1).await.remove(0);
        assert_eq!(event.r#type, "board.memory_created");
        assert_eq!(event.board_id, Some(fixture.board.to_string()));
        assert_eq!(
            (
                event.agent_id.as_ref(),
                event.actor.as_ref().unwrap().name.as_str()
            ),
            (None, "Ada")
        );
        let payload = BoardMemoryCreated {
            memory: Some(said),
            board_name: "Launch".into(),
            command: None,
        };
        assert_eq!(on_board(&event), &payload);
    }
    // Nobody is looked up for a message that mentions nobody.
    let asked = fixture.agents.asked();
    fixture.chat(&fixture.worker(0), "done").await.unwrap();
    assert_eq!(fixture.agents.asked(), asked);
    let event = fixture.told(1).await.remove(0);
    assert_eq!(event.agent_id, Some(ALICE.to_string()));
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_message_stays_resolved_when_names_change(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    fixture.chat(&owner(), "@bob").await.unwrap();
    fixture.agents.remove(BOB);
    let listed = fixture.remembered(&owner(), Some(true)).await;
    assert_eq!(listed.items[0].mentioned_agent_ids, ids(&[BOB]));
    fixture.told(1).await;
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn admins_and_the_lead_pause_and_resume_by_chat(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let lead = fixture.lead();
    let before = fixture.board_now().await;
    assert!(!before.agents_paused);

    let said = fixture.chat(&owner(), "  /PAUSE ").await.unwrap();
    let told = fixture.told(2).await;
    assert_eq!(types(&told), ["board.memory_created", "board.paused"]);
    assert_eq!(on_board(&told[0]).command.as_deref(), Some("pause"));
    assert_eq!(on_board(&told[0]).memory, Some(said));
    let paused = fixture.board_now().await;
    assert!(paused.agents_paused && paused.paused_at.is_some());
    assert_eq!(paused.paused_by.as_ref().unwrap().name, "Ada");
    assert!(paused.version > before.version);

    // Once more it is said, and changes nothing.
    fixture.chat(&lead, "/pause").await.unwrap();
    let told = fixture.told(1).await;
    assert_eq!(on_board(&told[0]).command.as_deref(), Some("pause"));
    let again = fixture.board_now().await;
    assert_eq!(
        (again.paused_at, again.paused_by),
        (paused.paused_at, paused.paused_by)
    );
    assert_eq!(fixture.entries().await, 2);

    fixture.chat(&lead, "/Resume").await.unwrap();
    let told = fixture.told(2).await;
    assert_eq!(types(&told), ["board.memory_created", "board.resumed"]);
    assert_eq!(on_board(&told[0]).command.as_deref(), Some("resume"));
    assert_eq!(told[1].agent_id, Some(LEAD.to_string()));
    assert!(!fixture.board_now().await.agents_paused);
    fixture.chat(&lead, "/resume").await.unwrap();
    assert_eq!(types(&fixture.told(1).await), ["board.memory_created"]);
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_command_of_others_is_refused_and_leaves_nothing(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let no = says(Code::Forbidden, "PAUSE_REQUIRES_ADMIN");
    let main = agent(Uuid::from_u128(0x60), "Main", None, false);
    let others: [Caller; 3] = [fixture.writer(), fixture.worker(0), main];
    for caller in &others {
        for text in ["/pause", "/resume", " /Pause\n"] {
            assert_eq!(refused(fixture.chat(caller, text).await), no, "{caller:?}");
        }
    }
    assert_eq!(fixture.entries().await, 0);
    let reader = member(&[fixture.board], false);
    assert_eq!(
        refused(fixture.chat(&reader, "/pause").await),
        says(Code::Forbidden, "BOARD_WRITE_REQUIRED")
    );

    // What only looks like a command is an entry like any other.
    for (text, tags) in [
        ("/pause", &[][..]),
        ("/pause", &["Chat"]),
        ("/pauses", &["chat"]),
    ] {
        let request = entry(fixture.board, text, tags);
        fixture.remember(&others[0], request).await.unwrap();
    }
    for event in fixture.told(3).await {
        assert_eq!(on_board(&event).command, None);
    }
    assert!(!fixture.board_now().await.agents_paused);
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn of_many_who_pause_at_once_one_does(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    for round in 0..20 {
        let (text, expected) = if round % 2 == 0 {
            ("/pause", "board.paused")
        } else {
            ("/resume", "board.resumed")
        };
        let caller = owner();
        let said = join_all((0..5).map(|_| fixture.chat(&caller, text))).await;
        assert!(said.iter().all(Result::is_ok), "{said:?}");
        let told = fixture.told(6).await;
        let changes: Vec<_> = types(&told)
            .into_iter()
            .filter(|kind| *kind != "board.memory_created")
            .collect();
        assert_eq!(changes, [expected]);
    }
    fixture.stop().await;
}
