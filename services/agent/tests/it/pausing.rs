//! Boards that are paused: what their agents are to be told waits, survives, and goes out in its order.

use proto::{
    agent::v1::{AgentStatus, NoticeState},
    board::v1::{Board, BoardMemory},
    event::v1::{BoardMemoryCreated, BoardPaused, BoardResumed, event::Payload},
};
use sqlx::PgPool;

use crate::{
    fixture::until,
    stand_in::Mood,
    team::{Team, user},
};

impl Team {
    fn own_board(&self) -> Option<Board> {
        Some(Board {
            id: self.board.to_string(),
            organization_id: self.world.organization.to_string(),
            name: "Launch".into(),
            ..Board::default()
        })
    }

    async fn pause(&self) {
        let board = self.own_board();
        self.tell(user(), Payload::BoardPaused(BoardPaused { board }))
            .await;
        until("the pause is known", || async {
            (self.paused().await == 1).then_some(())
        })
        .await;
    }

    async fn resume(&self) {
        let board = self.own_board();
        self.tell(user(), Payload::BoardResumed(BoardResumed { board }))
            .await;
        until("the board is resumed", || async {
            (self.paused().await == 0).then_some(())
        })
        .await;
    }

    async fn paused(&self) -> i64 {
        sqlx::query_scalar("select count(*) from paused_board")
            .fetch_one(&self.world.pool)
            .await
            .unwrap()
    }

    async fn say(&self, content: &str, command: Option<&str>) {
        let memory = BoardMemory {
            board_id: self.board.to_string(),
            content: content.into(),
            is_chat: true,
            ..BoardMemory::default()
        };
        let created = BoardMemoryCreated {
            memory: Some(memory),
            board_name: "Launch".into(),
            command: command.map(str::to_owned),
        };
        self.tell(user(), Payload::BoardMemoryCreated(created))
            .await;
    }

    /// What the lead was told in chat, in the order in which it arrived.
    fn chat_to_lead(&self) -> Vec<String> {
        let taken = self.world.connector.taken();
        taken
            .iter()
            .filter(|sent| sent.label == "Lena" && sent.message.starts_with("BOARD CHAT"))
            .map(|sent| sent.message.lines().nth(6).unwrap().to_owned())
            .collect()
    }
}

#[sqlx::test(migrations = false)]
async fn what_is_said_while_a_board_is_paused_waits_and_goes_out_in_order(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    team.pause().await;
    let said: Vec<String> = (0..20).map(|n| format!("message {n}")).collect();
    for content in &said {
        team.say(content, None).await;
    }
    until("everything is written", || async {
        (team.notices(&team.lead).await.len() == said.len()).then_some(())
    })
    .await;
    team.world.until_quiet().await;
    for notice in team.notices(&team.lead).await {
        assert_eq!(
            (notice.state(), notice.attempts, notice.next_attempt_at),
            (NoticeState::Waiting, 0, None)
        );
    }
    assert!(team.world.connector.names().is_empty());

    let world = team.world.restart(&[]).await;
    let team = Team { world, ..team };
    team.world.until_quiet().await;
    assert!(team.world.connector.names().is_empty());

    team.resume().await;
    team.told(said.len()).await;
    assert_eq!(team.chat_to_lead(), said);
    until("all are sent", || async {
        team.notices(&team.lead)
            .await
            .iter()
            .all(|notice| notice.state() == NoticeState::Sent)
            .then_some(())
    })
    .await;
}

#[sqlx::test(migrations = false)]
async fn what_waits_already_is_held_too_and_keeps_its_history(pool: PgPool) {
    let pauses = ["--notice-retry-schedule", "200ms,200ms,200ms,200ms,1h"];
    let team = Team::start(pool, &pauses).await;
    team.world.connector.be(Mood::Failing {
        times: 1_000,
        reason: "GATEWAY_BUSY",
    });
    team.say("first", None).await;
    let failed = team.until_notice(&team.lead, NoticeState::Failed).await;
    team.pause().await;
    let held = until("the notice is held", || async {
        let notice = team.notices(&team.lead).await.pop().unwrap();
        (notice.state() == NoticeState::Waiting).then_some(notice)
    })
    .await;
    assert_eq!(held.next_attempt_at, None);
    assert!(held.attempts >= failed.attempts, "{held:?}");
    assert_eq!(held.last_error, failed.last_error);
    team.say("second", None).await;
    team.world.until_quiet().await;
    team.world.connector.forget();
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    assert!(team.world.connector.names().is_empty());

    let world = team.world.restart(&pauses).await;
    let team = Team { world, ..team };
    team.world.connector.be(Mood::Well);
    team.resume().await;
    team.told(2).await;
    assert_eq!(team.chat_to_lead(), ["first", "second"]);
    let sent = team.notices(&team.lead).await.pop().unwrap();
    assert!(sent.attempts > failed.attempts, "{sent:?}");
}

#[sqlx::test(migrations = false)]
async fn an_attempt_that_fails_while_the_board_is_being_paused_is_not_repeated(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    team.world.connector.be(Mood::HangingOn("send"));
    team.say("first", None).await;
    until("the attempt is under way", || async {
        team.world.connector.names().contains(&"send").then_some(())
    })
    .await;
    team.pause().await;
    let held = until("the attempt has failed", || async {
        let notice = team.notices(&team.lead).await.pop().unwrap();
        notice.last_error.is_some().then_some(notice)
    })
    .await;
    assert_eq!(
        (held.state(), held.attempts, held.next_attempt_at),
        (NoticeState::Waiting, 1, None)
    );
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(team.world.connector.names(), ["send"]);
    team.world.connector.be(Mood::Well);
    team.resume().await;
    team.told(1).await;
}

#[sqlx::test(migrations = false)]
async fn a_command_is_sent_even_while_the_board_is_paused(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    team.pause().await;
    team.say("/pause", Some("pause")).await;
    team.say("hello", None).await;
    assert_eq!(
        team.told(3).await,
        [
            ("Ada", "/pause".to_owned()),
            ("Bob", "/pause".to_owned()),
            ("Lena", "/pause".to_owned())
        ]
    );
    team.world.until_quiet().await;
    assert_eq!(team.world.connector.taken().len(), 3);
    // Repeating either changes nothing.
    team.pause().await;
    team.resume().await;
    team.resume().await;
    team.told(4).await;
    assert_eq!(team.chat_to_lead(), ["hello"]);
}

#[sqlx::test(migrations = false)]
async fn nobody_is_woken_while_the_board_is_paused(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    team.pause().await;
    let carl = team.world.worker(team.board, "Carl").await;
    team.created(user(), Some(&carl)).await;
    let waits = until("only the wake is left", || async {
        let agent = team.world.agent(&carl.id).await;
        agent.last_error.clone().map(|_| agent)
    })
    .await;
    assert_eq!(waits.status(), AgentStatus::Provisioning);
    assert!(waits.last_error.unwrap().starts_with("board_paused: "));
    assert_eq!(team.world.connector.names(), ["ensure", "write"]);
    let world = team.world.restart(&[]).await;
    let team = Team { world, ..team };
    team.world.until_quiet().await;
    assert!(team.world.connector.taken().is_empty());

    team.resume().await;
    let ready = team.world.until(&carl.id, AgentStatus::Ready).await;
    assert_eq!(ready.last_error, None);
    team.until_notice(&carl, NoticeState::Sent).await;
    let taken = team.world.connector.taken();
    let to_carl: Vec<_> = taken
        .iter()
        .filter(|sent| sent.label == "Carl")
        .map(|sent| sent.message.lines().next().unwrap())
        .collect();
    assert!(to_carl[0].starts_with("Hello Carl"), "{to_carl:?}");
    assert_eq!(to_carl[1..], ["TASK ASSIGNED"]);
}

#[sqlx::test(migrations = false)]
async fn other_boards_of_the_gateway_go_on(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let gateway = team.world.gateway("Garage").await;
    let other = team.world.board(&gateway, 1);
    let zoe = team.world.lead(other, "Zoe").await;
    for agent in [&zoe, &team.world.main_agent(&gateway).await] {
        team.world.until(&agent.id, AgentStatus::Ready).await;
    }
    team.world.connector.forget();
    team.pause().await;
    team.say("held", None).await;
    let memory = BoardMemory {
        board_id: other.to_string(),
        content: "not held".into(),
        is_chat: true,
        ..BoardMemory::default()
    };
    let created = BoardMemoryCreated {
        memory: Some(memory),
        board_name: "Other".into(),
        command: None,
    };
    team.tell(user(), Payload::BoardMemoryCreated(created))
        .await;
    team.told(1).await;
    assert_eq!(team.world.connector.taken()[0].label, "Zoe");
    team.world.until_quiet().await;
    assert_eq!(team.world.connector.taken().len(), 1);
}
