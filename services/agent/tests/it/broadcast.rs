//! What a main agent tells the leads of its gateway, all at once.

use chassis::Caller;
use prost_types::{ListValue, Value, value::Kind};
use proto::{
    agent::v1::{
        Agent, AgentStatus, BroadcastResult, BroadcastToLeadsRequest, BroadcastToLeadsResponse,
        Gateway,
    },
    event::v1::{BoardPaused, BoardResumed, event::Payload},
};
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::{
    coordination::session,
    fixture::{World, reason, refusal, until},
    team::user,
};

impl World {
    async fn broadcast(
        &self,
        caller: Caller,
        board_ids: Option<Vec<String>>,
    ) -> Result<BroadcastToLeadsResponse, Status> {
        let request = BroadcastToLeadsRequest {
            content: "Freeze on Friday".into(),
            board_ids: board_ids.map(|ids| ListValue {
                values: ids
                    .into_iter()
                    .map(|id| Value {
                        kind: Some(Kind::StringValue(id)),
                    })
                    .collect(),
            }),
            ..BroadcastToLeadsRequest::default()
        };
        let answer = self
            .coordination(caller)
            .broadcast_to_leads(request)
            .await?;
        Ok(answer.into_inner())
    }

    async fn lab(&self) -> (Gateway, Agent) {
        let gateway = self.gateway("Lab").await;
        let main = self.main_agent(&gateway).await;
        self.until(&main.id, AgentStatus::Ready).await;
        (gateway, main)
    }

    async fn pause(&self, board: Uuid, pause: bool) {
        let told = Some(proto::board::v1::Board {
            id: board.to_string(),
            organization_id: self.organization.to_string(),
            ..proto::board::v1::Board::default()
        });
        let payload = if pause {
            Payload::BoardPaused(BoardPaused { board: told })
        } else {
            Payload::BoardResumed(BoardResumed { board: told })
        };
        let event = bus::event(user(), self.organization, self.clock.now(), payload);
        self.tell(event.board(board).build()).await;
        until("the pause is taken in", || async {
            let paused = "select count(*) from paused_board where board_id = $1";
            (self.tally(paused, board).await == i64::from(pause)).then_some(())
        })
        .await;
    }
}

fn strings(ids: &[Uuid]) -> Vec<String> {
    ids.iter().map(Uuid::to_string).collect()
}

fn errors(results: &[BroadcastResult]) -> Vec<Option<&str>> {
    results
        .iter()
        .map(|result| result.error.as_deref())
        .collect()
}

#[sqlx::test(migrations = false)]
async fn every_lead_of_the_gateway_is_told_and_nobody_else(pool: PgPool) {
    let world = World::start(pool).await;
    let (gateway, main) = world.lab().await;
    let other = world.gateway("Garage").await;
    let (led, bare, foreign) = (
        world.board(&gateway, 1),
        world.board(&gateway, 1),
        world.board(&other, 1),
    );
    let lena = world.lead(led, "Lena").await;
    world.lead(foreign, "Fay").await;
    let sent = world.broadcast(world.as_agent(&main), None).await.unwrap();
    assert_eq!((sent.ok, sent.sent, sent.failed), (true, 2, 0), "{sent:?}");
    let result = |board: Uuid| {
        let id = board.to_string();
        sent.results
            .iter()
            .find(|result| result.board_id == id)
            .unwrap()
    };
    let expected = BroadcastResult {
        board_id: led.to_string(),
        lead_agent_id: Some(lena.id.clone()),
        lead_agent_name: Some("Lena".into()),
        ok: true,
        error: None,
        notice_id: result(led).notice_id.clone(),
    };
    assert_eq!(result(led), &expected);
    assert!(expected.notice_id.is_some());
    assert_eq!(result(bare).lead_agent_name.as_deref(), Some("Lead Agent"));
    let made = result(bare).lead_agent_id.clone().unwrap();
    let made = world.until(&made, AgentStatus::Ready).await;
    for lead in [&lena, &made] {
        let sent = world.arrived(session(lead), "Freeze on Friday").await;
        assert!(sent.message.starts_with("GATEWAY MAIN QUESTION\n"));
        assert!(!sent.deliver);
    }
    world
        .until_heard("gateway.main.lead_broadcast.sent", 2)
        .await;
}

#[sqlx::test(migrations = false)]
async fn an_empty_list_is_nobody_and_what_is_unknown_is_named(pool: PgPool) {
    let world = World::start(pool).await;
    let (gateway, main) = world.lab().await;
    let foreign = world.board(&world.gateway("Garage").await, 1);
    let (led, silent) = (world.board(&gateway, 1), world.board(&gateway, 1));
    world.lead(led, "Lena").await;
    let main = || world.as_agent(&main);
    let nobody = world.broadcast(main(), Some(Vec::new())).await.unwrap();
    assert_eq!(
        (nobody.sent, nobody.failed, nobody.results.len()),
        (0, 0, 0)
    );

    let unknown = Uuid::now_v7();
    let asked = strings(&[unknown, led, foreign, led]);
    let sent = world.broadcast(main(), Some(asked)).await.unwrap();
    assert_eq!((sent.sent, sent.failed), (1, 2));
    assert_eq!(
        errors(&sent.results),
        [Some("board_not_found"), None, Some("board_not_found")]
    );
    let notices = "select count(*) from notice where board_id = $1";
    assert_eq!(world.tally(notices, silent).await, 0);

    let many = strings(&(0..201).map(|_| Uuid::now_v7()).collect::<Vec<_>>());
    for (ids, field) in [(many, "board_ids"), (vec!["x".into()], "board_ids[0]")] {
        let refused = world.broadcast(main(), Some(ids)).await.unwrap_err();
        let (status, _, named) = refusal(&refused);
        assert_eq!((status, named.as_str()), (422, field));
    }
    let person = world.broadcast(world.admin(), None).await.unwrap_err();
    assert_eq!(reason(&person), "CALLER_NOT_ADMITTED");
}

#[sqlx::test(migrations = false)]
async fn a_lead_that_goes_and_a_board_that_is_gone_do_not_keep_the_others(pool: PgPool) {
    let world = World::start(pool).await;
    let (gateway, main) = world.lab().await;
    let boards: Vec<Uuid> = (0..30).map(|_| world.board(&gateway, 1)).collect();
    let lena = world.lead(boards[0], "Lena").await;
    sqlx::query("update agent set leaving_at = now(), phase = 'deleting' where id = $1::uuid")
        .bind(&lena.id)
        .execute(&world.pool)
        .await
        .unwrap();
    // The board service still knows it.
    world.delete_board(boards[1], false).await;
    until("the board is gone", || async {
        let gone = "select count(*) from gone where id = $1";
        (world.tally(gone, boards[1]).await == 1).then_some(())
    })
    .await;
    let asked = Some(strings(&boards));
    let sent = world.broadcast(world.as_agent(&main), asked).await.unwrap();
    assert_eq!((sent.sent, sent.failed), (28, 2));
    assert_eq!(
        errors(&sent.results)[..3],
        [Some("agent_leaving"), Some("board_not_found"), None]
    );
    let names: std::collections::BTreeSet<_> = sent.results[2..]
        .iter()
        .map(|result| result.lead_agent_name.clone().unwrap())
        .collect();
    assert_eq!(names.len(), 28, "{names:?}");
}

#[sqlx::test(migrations = false)]
async fn a_paused_lead_is_told_when_its_board_is_resumed(pool: PgPool) {
    let world = World::start(pool).await;
    let (gateway, main) = world.lab().await;
    let (board, awake) = (world.board(&gateway, 1), world.board(&gateway, 1));
    let lena = world.lead(board, "Lena").await;
    let nora = world.lead(awake, "Nora").await;
    for lead in [&lena, &nora] {
        world.until(&lead.id, AgentStatus::Ready).await;
    }
    world.pause(board, true).await;
    world.broadcast(world.as_agent(&main), None).await.unwrap();
    world.arrived(session(&nora), "Freeze").await;
    world.until_quiet().await;
    let taken = world.connector.taken();
    assert!(
        !taken
            .iter()
            .any(|sent| sent.session_key == session(&lena) && sent.message.contains("Freeze"))
    );
    world.pause(board, false).await;
    world.arrived(session(&lena), "Freeze").await;
}
