//! What leads and main agents tell each other through the front door.

use chassis::Caller;
use futures::future::join_all;
use proto::agent::v1::{
    Agent, AgentStatus, AskUserRequest, AskUserResponse, LeadMessageKind, MessageLeadRequest,
    MessageLeadResponse, NoticeState, NudgeAgentRequest, NudgeAgentResponse,
    coordination_service_client::CoordinationServiceClient,
};
use proto::gateway::v1::SendMessageRequest;
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::{
    fixture::{SHORT_DEADLINE, World, calling, reason, refusal, until},
    team::Team,
};

impl World {
    pub(crate) fn coordination(&self, caller: Caller) -> CoordinationServiceClient<chassis::Peer> {
        CoordinationServiceClient::new(self.running.client(caller))
    }

    pub(crate) fn as_agent(&self, agent: &Agent) -> Caller {
        calling(agent, self.organization)
    }

    async fn nudge(
        &self,
        caller: Caller,
        board: Uuid,
        agent: &str,
        message: &str,
    ) -> Result<NudgeAgentResponse, Status> {
        let request = NudgeAgentRequest {
            board_id: board.to_string(),
            agent_id: agent.into(),
            message: message.into(),
        };
        let answer = self.coordination(caller).nudge_agent(request).await?;
        Ok(answer.into_inner())
    }

    async fn ask(
        &self,
        caller: Caller,
        request: AskUserRequest,
    ) -> Result<AskUserResponse, Status> {
        let answer = self.coordination(caller).ask_user(request).await?;
        Ok(answer.into_inner())
    }

    pub(crate) async fn message(
        &self,
        main: &Agent,
        board: Uuid,
        content: &str,
    ) -> Result<MessageLeadResponse, Status> {
        let request = MessageLeadRequest {
            board_id: board.to_string(),
            content: content.into(),
            ..MessageLeadRequest::default()
        };
        let caller = self.as_agent(main);
        let answer = self.coordination(caller).message_lead(request).await?;
        Ok(answer.into_inner())
    }

    /// The first message in this session that contains a text.
    pub(crate) async fn arrived(&self, session_key: &str, text: &str) -> SendMessageRequest {
        until(&format!("`{text}` arrives"), || async {
            self.clock.advance(chrono::TimeDelta::milliseconds(20));
            let taken = self.connector.taken();
            taken
                .into_iter()
                .find(|sent| sent.session_key == session_key && sent.message.contains(text))
        })
        .await
    }

    pub(crate) async fn tally(&self, query: &'static str, id: Uuid) -> i64 {
        sqlx::query_scalar(query)
            .bind(id)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }
}

pub(crate) fn session(agent: &Agent) -> &str {
    agent.openclaw_session_id.as_deref().unwrap()
}

fn question(team: &Team) -> AskUserRequest {
    AskUserRequest {
        board_id: team.board.to_string(),
        content: "May we ship?".into(),
        ..AskUserRequest::default()
    }
}

#[sqlx::test(migrations = false)]
async fn a_nudge_reaches_a_worker_word_by_word(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let lead = team.world.as_agent(&team.lead);
    let nudge = team
        .world
        .nudge(lead, team.board, &team.ada.id, " Go on!\n```")
        .await
        .unwrap();
    assert!(nudge.ok);
    assert_eq!(nudge.state(), NoticeState::Waiting);
    let sent = team.world.arrived(session(&team.ada), "Go on!").await;
    assert_eq!(sent.message, "Go on!\n```");
    assert!(sent.deliver);
    assert_eq!(sent.idempotency_key, nudge.notice_id);
    let notice = team.until_notice(&team.ada, NoticeState::Sent).await;
    assert_eq!(
        (notice.id, notice.kind.as_str(), notice.from_agent_id),
        (nudge.notice_id, "nudge", Some(team.lead.id.clone()))
    );
    let told = team.world.until_heard("agent.nudge.sent", 1).await;
    assert_eq!(told[0].agent_id.as_ref(), Some(&team.lead.id));
    assert_eq!(told[0].board_id, Some(team.board.to_string()));
}

#[sqlx::test(migrations = false)]
async fn only_a_lead_nudges_and_only_agents_of_its_board(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let world = &team.world;
    let gateway = team.gateway().await;
    let main = world.main_agent(&gateway).await;
    let other = world.board(&gateway, 5);
    let zoe = world.worker(other, "Zoe").await;
    let lead = || world.as_agent(&team.lead);
    for agent in [&main.id, &zoe.id, &Uuid::now_v7().to_string()] {
        let refused = world.nudge(lead(), team.board, agent, "Go").await;
        assert_eq!(reason(&refused.unwrap_err()), "AGENT_NOT_FOUND");
    }
    let elsewhere = world.nudge(lead(), other, &zoe.id, "Go").await;
    assert_eq!(reason(&elsewhere.unwrap_err()), "BOARD_NOT_FOUND");
    for caller in [
        world.as_agent(&team.bob),
        world.as_agent(&main),
        world.admin(),
    ] {
        let refused = world.nudge(caller, team.board, &team.ada.id, "Go").await;
        assert_eq!(reason(&refused.unwrap_err()), "CALLER_NOT_ADMITTED");
    }
    let long = "x".repeat(10_001);
    for message in [" ", "a\0b", &long] {
        let refused = world.nudge(lead(), team.board, &team.ada.id, message).await;
        let (status, _, field) = refusal(&refused.unwrap_err());
        assert_eq!((status, field.as_str()), (422, "message"));
    }
    let malformed = world.nudge(lead(), team.board, "x", "Go").await;
    assert_eq!(refusal(&malformed.unwrap_err()).2, "agent_id");
    assert!(team.notices(&team.ada).await.is_empty());
}

#[sqlx::test(migrations = false)]
async fn an_agent_that_leaves_is_nudged_before_or_not_at_all(pool: PgPool) {
    let team = &Team::start(pool, &[]).await;
    let world = &team.world;
    let nudges = (0..40).map(|n| async move {
        let lead = world.as_agent(&team.lead);
        if n == 10 {
            world.delete_board(team.board, false).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(n * 10)).await;
        world.nudge(lead, team.board, &team.ada.id, "Go on").await
    });
    let answers = join_all(nudges).await;
    for answer in &answers {
        if let Err(status) = answer {
            let reason = reason(status);
            assert!(
                ["AGENT_LEAVING", "AGENT_NOT_FOUND"].contains(&reason.as_str()),
                "{status:?}"
            );
        }
    }
    assert!(answers[0].is_ok());
    let ada = team.ada.id.parse().unwrap();
    until("nothing is left for the agent", || async {
        let left = world.tally("select count(*) from notice where agent_id = $1", ada);
        (left.await == 0).then_some(())
    })
    .await;
    let late = world
        .nudge(
            world.as_agent(&team.lead),
            team.board,
            &team.ada.id,
            "Go on",
        )
        .await;
    assert!(["AGENT_LEAVING", "AGENT_NOT_FOUND"].contains(&reason(&late.unwrap_err()).as_str()));
}

#[sqlx::test(migrations = false)]
async fn a_question_to_a_person_goes_to_the_main_agent(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let world = &team.world;
    let main = world.main_agent(&team.gateway().await).await;
    let lead = || world.as_agent(&team.lead);
    let request = AskUserRequest {
        correlation_id: Some("c-7".into()),
        preferred_channel: Some("slack".into()),
        reply_tags: vec!["urgent".into()],
        reply_source: Some("phone".into()),
        ..question(&team)
    };
    let asked = world.ask(lead(), request).await.unwrap();
    let expected = AskUserResponse {
        ok: true,
        board_id: team.board.to_string(),
        main_agent_id: Some(main.id.clone()),
        main_agent_name: Some("Lab Gateway Agent".into()),
        notice_id: asked.notice_id.clone(),
        state: NoticeState::Waiting.into(),
    };
    assert_eq!(asked, expected);
    let sent = world.arrived(session(&main), "May we ship?").await;
    assert!(sent.deliver);
    for part in [
        "LEAD REQUEST: ASK USER\nBoard: Launch\n",
        "From: Lena (lead)",
        "Correlation ID: c-7",
        "Channel: slack",
        &format!(
            "POST http://127.0.0.1:8000/api/v1/agent/boards/{}/memory",
            team.board
        ),
        r#""tags":["urgent"],"source":"phone"}"#,
    ] {
        assert!(sent.message.contains(part), "{part}: {}", sent.message);
    }
    let told = world.until_heard("gateway.lead.ask_user.sent", 1).await;
    assert_eq!(told[0].agent_id.as_ref(), Some(&team.lead.id));
    assert_eq!(told[0].board_id, Some(team.board.to_string()));

    let bad = AskUserRequest {
        reply_tags: vec!["x".into(), "y".repeat(51)],
        ..question(&team)
    };
    let (status, _, field) = refusal(&world.ask(lead(), bad).await.unwrap_err());
    assert_eq!((status, field.as_str()), (422, "reply_tags[1]"));
    let many = AskUserRequest {
        reply_tags: vec!["x".into(); 11],
        ..question(&team)
    };
    let (status, _, field) = refusal(&world.ask(lead(), many).await.unwrap_err());
    assert_eq!((status, field.as_str()), (422, "reply_tags"));

    sqlx::query("delete from agent where board_id is null")
        .execute(&world.pool)
        .await
        .unwrap();
    let nobody = world.ask(lead(), question(&team)).await.unwrap_err();
    assert_eq!(
        refusal(&nobody),
        (409, "GATEWAY_MAIN_MISSING".into(), String::new())
    );
}

#[sqlx::test(migrations = false)]
async fn a_main_agent_asks_the_lead_of_a_board(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let world = &team.world;
    let main = world.main_agent(&team.gateway().await).await;
    let asked = world.message(&main, team.board, "How far?").await.unwrap();
    let expected = MessageLeadResponse {
        ok: true,
        board_id: team.board.to_string(),
        lead_agent_id: Some(team.lead.id.clone()),
        lead_agent_name: Some("Lena".into()),
        lead_created: false,
        notice_id: asked.notice_id.clone(),
        state: NoticeState::Waiting.into(),
    };
    assert_eq!(asked, expected);
    let sent = world.arrived(session(&team.lead), "How far?").await;
    assert!(
        sent.message.starts_with("GATEWAY MAIN QUESTION\n"),
        "{}",
        sent.message
    );
    assert!(
        sent.message
            .contains(r#""tags":["gateway_main","lead_reply"],"source":"lead_to_gateway_main"}"#)
    );
    assert!(!sent.deliver);
    world.until_heard("gateway.main.lead_message.sent", 1).await;

    let work = MessageLeadRequest {
        board_id: team.board.to_string(),
        kind: LeadMessageKind::Handoff.into(),
        content: "Write the press release".into(),
        ..MessageLeadRequest::default()
    };
    let caller = world.as_agent(&main);
    world.coordination(caller).message_lead(work).await.unwrap();
    let sent = world.arrived(session(&team.lead), "press release").await;
    assert!(sent.message.starts_with("GATEWAY MAIN HANDOFF\n"));

    let other = world.main_agent(&world.gateway("Garage").await).await;
    let foreign = world.message(&other, team.board, "Hello").await;
    assert_eq!(reason(&foreign.unwrap_err()), "BOARD_NOT_FOUND");
}

#[sqlx::test(migrations = false)]
async fn a_board_without_a_lead_gets_one_that_is_told_when_it_is_in_place(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.gateway("Lab").await;
    let main = world.main_agent(&gateway).await;
    let (board, other) = (world.board(&gateway, 1), world.board(&gateway, 1));
    world.worker(other, "LEAD agent").await;
    let first = world.message(&main, board, "How far?").await.unwrap();
    assert!(first.lead_created);
    assert_eq!(first.lead_agent_name.as_deref(), Some("Lead Agent 2"));
    let again = world.message(&main, board, "Still there?").await.unwrap();
    assert!(!again.lead_created);
    assert_eq!(again.lead_agent_id, first.lead_agent_id);

    let lead = world
        .until(first.lead_agent_id.as_deref().unwrap(), AgentStatus::Ready)
        .await;
    assert!(lead.is_board_lead);
    let profile = lead.identity_profile.as_ref().unwrap();
    let role = profile.fields["role"].kind.clone();
    assert_eq!(
        role,
        Some(prost_types::value::Kind::StringValue("Board Lead".into()))
    );
    world.arrived(session(&lead), "How far?").await;
    world.arrived(session(&lead), "Still there?").await;
    let messages: Vec<_> = world
        .connector
        .taken()
        .into_iter()
        .filter(|sent| sent.session_key == session(&lead))
        .map(|sent| sent.idempotency_key)
        .collect();
    assert_eq!(messages[1..], [first.notice_id, again.notice_id]);
    let created = world.until_heard("agent.created", 3).await;
    let by_main = created
        .iter()
        .find(|event| event.agent_id.as_ref() == Some(&lead.id))
        .unwrap();
    assert_eq!(by_main.actor.as_ref().unwrap().id.as_ref(), Some(&main.id));
}

#[sqlx::test(migrations = false)]
async fn of_many_who_need_a_lead_one_makes_it(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.gateway("Lab").await;
    let main = world.main_agent(&gateway).await;
    for round in 0..6 {
        let board = world.board(&gateway, 1);
        let asked = (0..8).map(|_| world.message(&main, board, "How far?"));
        let answers: Vec<_> = join_all(asked)
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        let made = answers.iter().filter(|answer| answer.lead_created).count();
        assert_eq!(made, 1, "round {round}");
        let lead = &answers[0].lead_agent_id;
        assert!(
            answers.iter().all(|answer| &answer.lead_agent_id == lead),
            "round {round}: {answers:?}"
        );
        let leads = "select count(*) from agent where board_id = $1 and is_board_lead";
        assert_eq!(world.tally(leads, board).await, 1, "round {round}");
        let notices = "select count(*) from notice where board_id = $1";
        assert_eq!(world.tally(notices, board).await, 8, "round {round}");
        let jobs = "select count(*) from job join agent on agent.id = job.agent_id where agent.board_id = $1";
        assert_eq!(world.tally(jobs, board).await, 1, "round {round}");
    }
}

#[sqlx::test(migrations = false)]
async fn a_lead_that_failed_is_tried_again_and_one_that_goes_is_not(pool: PgPool) {
    let world = World::start_with(pool, chassis::Clock::system(), &SHORT_DEADLINE).await;
    let gateway = world.gateway("Lab").await;
    let main = world.main_agent(&gateway).await;
    world.until(&main.id, AgentStatus::Ready).await;
    let board = world.board(&gateway, 1);
    world.connector.fail(usize::MAX, "GATEWAY_UNAUTHORIZED");
    let lead = world.lead(board, "Lena").await;
    world.until(&lead.id, AgentStatus::Failed).await;
    world.connector.be(crate::stand_in::Mood::Well);
    let asked = world.message(&main, board, "How far?").await.unwrap();
    assert!(!asked.lead_created);
    assert_eq!(asked.lead_agent_name.as_deref(), Some("Lena"));
    world.until(&lead.id, AgentStatus::Ready).await;
    world.arrived(session(&lead), "How far?").await;

    sqlx::query("update agent set leaving_at = now(), phase = 'deleting' where id = $1::uuid")
        .bind(&lead.id)
        .execute(&world.pool)
        .await
        .unwrap();
    let gone = world.message(&main, board, "Hello?").await.unwrap_err();
    assert_eq!(refusal(&gone), (409, "AGENT_LEAVING".into(), String::new()));
}
