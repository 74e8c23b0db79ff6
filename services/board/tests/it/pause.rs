//! Pausing and resuming the agents of a board.

use chassis::{Caller, Code};
use proto::{
    board::v1::{AuthorKind, Board, PauseBoardRequest, ResumeBoardRequest},
    event::v1::event::Payload,
};
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::{
    callers::{LEAD, OWNER, admin, agent, all_boards, member, owner, stranger, worker_id},
    fixture::{Fixture, refused, says, start_of_time},
};

impl Fixture {
    pub(crate) async fn pause(&self, caller: &Caller, board: Uuid) -> Result<Board, Status> {
        let request = PauseBoardRequest {
            board_id: board.to_string(),
        };
        let answer = self.boards(caller).pause_board(request).await?;
        Ok(answer.into_inner().board.unwrap())
    }

    async fn resume(&self, caller: &Caller, board: Uuid) -> Result<Board, Status> {
        let request = ResumeBoardRequest {
            board_id: board.to_string(),
        };
        let answer = self.boards(caller).resume_board(request).await?;
        Ok(answer.into_inner().board.unwrap())
    }
}

#[sqlx::test(migrations = false)]
async fn a_board_is_paused_until_somebody_resumes_it(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    assert!(!fixture.read_board(fixture.board).await.agents_paused);
    let untouched = fixture.resume(&owner(), fixture.board).await.unwrap();
    assert_eq!(untouched.version, 1);

    let paused = fixture.pause(&owner(), fixture.board).await.unwrap();
    assert_eq!((paused.agents_paused, paused.version), (true, 2));
    assert_eq!(
        paused.paused_at,
        Some(chassis::encode::time(start_of_time()))
    );
    let by = paused.paused_by.clone().unwrap();
    assert_eq!(
        (by.kind(), by.id, by.name.as_str()),
        (AuthorKind::User, OWNER.to_string(), "Ada")
    );
    fixture.clock.advance(chrono::TimeDelta::minutes(1));
    let again = fixture.pause(&fixture.lead(), fixture.board).await.unwrap();
    assert_eq!(again, paused);
    assert_eq!(fixture.read_board(fixture.board).await, paused);

    let resumed = fixture
        .resume(&fixture.lead(), fixture.board)
        .await
        .unwrap();
    assert_eq!(
        (resumed.agents_paused, resumed.paused_at, &resumed.paused_by),
        (false, None, &None)
    );
    let told = fixture.told(2).await;
    let (Some(Payload::BoardPaused(first)), Some(Payload::BoardResumed(second))) =
        (&told[0].payload, &told[1].payload)
    else {
        panic!("{told:?}")
    };
    assert_eq!(
        (&first.board, &second.board),
        (&Some(paused), &Some(resumed))
    );
    assert_eq!(told[1].agent_id, Some(LEAD.to_string()));
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn admins_and_the_lead_of_the_board_pause_it(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let other = fixture.board_called("Other").await;
    for caller in [owner(), admin(), fixture.lead()] {
        assert!(
            fixture
                .pause(&caller, fixture.board)
                .await
                .unwrap()
                .agents_paused
        );
        assert!(
            !fixture
                .resume(&caller, fixture.board)
                .await
                .unwrap()
                .agents_paused
        );
    }
    let (admin_required, not_admitted, gone) = (
        says(Code::Forbidden, "ADMIN_REQUIRED"),
        says(Code::Forbidden, "CALLER_NOT_ADMITTED"),
        says(Code::NotFound, "BOARD_NOT_FOUND"),
    );
    for (caller, refusal) in [
        (member(&[fixture.board], true), &admin_required),
        (all_boards(true), &admin_required),
        (fixture.worker(0), &not_admitted),
        (agent(worker_id(9), "Main", None, false), &not_admitted),
        (agent(LEAD, "Olga", Some(other), true), &gone),
        (stranger(), &gone),
    ] {
        let answer = fixture.pause(&caller, fixture.board).await;
        assert_eq!(&refused(answer), refusal, "{caller:?}");
        let answer = fixture.resume(&caller, fixture.board).await;
        assert_eq!(&refused(answer), refusal, "{caller:?}");
    }
    assert!(!fixture.read_board(fixture.board).await.agents_paused);
}

#[sqlx::test(migrations = false)]
async fn of_many_who_pause_at_once_one_does(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    for round in 1..=10 {
        let pauses =
            (0..8).map(|_| async { fixture.pause(&owner(), fixture.board).await.unwrap() });
        let boards = futures::future::join_all(pauses).await;
        assert!(boards.iter().all(|board| board.version == 2 * round));
        let resumes =
            (0..8).map(|_| async { fixture.resume(&owner(), fixture.board).await.unwrap() });
        futures::future::join_all(resumes).await;
        let kinds: Vec<String> = fixture
            .told(2)
            .await
            .into_iter()
            .map(|event| event.r#type)
            .collect();
        assert_eq!(kinds, ["board.paused", "board.resumed"]);
    }
    fixture.stop().await;
}
