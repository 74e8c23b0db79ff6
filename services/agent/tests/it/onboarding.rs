//! Onboarding of a board through the front door: who says what to whom, and what is kept of it.

use chassis::{BoardRight, Caller, Clock, Role, caller};
use chrono::{DateTime, TimeDelta, Utc};
use proto::{
    agent::v1::{Agent, AgentStatus, NoticeState},
    onboarding::v1::{
        AnswerOnboardingRequest, CancelOnboardingRequest, ConfirmOnboardingRequest,
        GetOnboardingRequest, Onboarding, OnboardingLeadDraft, OnboardingMessage, OnboardingOption,
        OnboardingStatus, OnboardingTurn, OnboardingUserProfile, StartOnboardingRequest,
        UpdateOnboardingRequest, onboarding_service_client::OnboardingServiceClient,
    },
};
use serde_json::{Value, json};
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::{
    coordination::session,
    fixture::{World, calling, person, reason, refusal, until},
    stand_in::Mood,
};

/// A main agent in place, and a board on its gateway without any agent.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) main: Agent,
    pub(crate) board: Uuid,
}

pub(crate) fn beginning() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

impl Scene {
    pub(crate) async fn start(pool: PgPool) -> Self {
        Self::start_at(pool, Clock::system()).await
    }

    pub(crate) async fn start_at(pool: PgPool, clock: Clock) -> Self {
        Self::start_with(pool, clock, &[]).await
    }

    async fn start_with(pool: PgPool, clock: Clock, extra: &[&str]) -> Self {
        let world = World::start_with(pool, clock, extra).await;
        let gateway = world.gateway("Lab").await;
        let main = world.main_agent(&gateway).await;
        world.until(&main.id, AgentStatus::Ready).await;
        world.connector.forget();
        let board = world.board(&gateway, 1);
        Self { world, main, board }
    }

    pub(crate) fn client(&self, caller: Caller) -> OnboardingServiceClient<chassis::Peer> {
        OnboardingServiceClient::new(self.world.running.client(caller))
    }

    pub(crate) fn main_caller(&self) -> Caller {
        calling(&self.main, self.world.organization)
    }

    /// A member with a right on the board.
    pub(crate) fn member(&self, can_write: bool) -> Caller {
        let Caller::User(user) = person(self.world.organization, Role::Member) else {
            unreachable!("a person is a user")
        };
        Caller::User(caller::User {
            boards: vec![BoardRight {
                board_id: self.board,
                can_write,
            }],
            ..user
        })
    }

    pub(crate) async fn get_as(&self, caller: Caller) -> Result<Onboarding, Status> {
        let request = GetOnboardingRequest {
            board_id: self.board.to_string(),
        };
        let answer = self.client(caller).get_onboarding(request).await?;
        Ok(answer.into_inner().onboarding.unwrap())
    }

    pub(crate) async fn get(&self) -> Onboarding {
        self.get_as(self.world.admin()).await.unwrap()
    }

    pub(crate) async fn begin_as(&self, caller: Caller) -> Result<Onboarding, Status> {
        let request = StartOnboardingRequest {
            board_id: self.board.to_string(),
        };
        let answer = self.client(caller).start_onboarding(request).await?;
        Ok(answer.into_inner().onboarding.unwrap())
    }

    pub(crate) async fn begin(&self) -> Onboarding {
        self.begin_as(self.world.admin()).await.unwrap()
    }

    pub(crate) async fn answer(&self, answer: &str) -> Result<Onboarding, Status> {
        let request = AnswerOnboardingRequest {
            board_id: self.board.to_string(),
            answer: answer.into(),
            other_text: None,
        };
        let mut client = self.client(self.world.admin());
        let answer = client.answer_onboarding(request).await?;
        Ok(answer.into_inner().onboarding.unwrap())
    }

    pub(crate) async fn say(&self, request: UpdateOnboardingRequest) -> Result<Onboarding, Status> {
        let mut client = self.client(self.main_caller());
        let answer = client.update_onboarding(request).await?;
        Ok(answer.into_inner().onboarding.unwrap())
    }

    pub(crate) async fn confirm_as(
        &self,
        caller: Caller,
        request: ConfirmOnboardingRequest,
    ) -> Result<proto::board::v1::Board, Status> {
        let answer = self.client(caller).confirm_onboarding(request).await?;
        Ok(answer.into_inner().board.unwrap())
    }

    pub(crate) async fn cancel(&self) -> Result<Onboarding, Status> {
        let request = CancelOnboardingRequest {
            board_id: self.board.to_string(),
        };
        let mut client = self.client(self.world.admin());
        let answer = client.cancel_onboarding(request).await?;
        Ok(answer.into_inner().onboarding.unwrap())
    }

    pub(crate) fn question(&self, text: &str) -> UpdateOnboardingRequest {
        UpdateOnboardingRequest {
            board_id: self.board.to_string(),
            question: Some(text.into()),
            options: vec![OnboardingOption {
                id: "a".into(),
                label: "A".into(),
            }],
            ..UpdateOnboardingRequest::default()
        }
    }

    pub(crate) fn draft(&self, lead: OnboardingLeadDraft) -> UpdateOnboardingRequest {
        UpdateOnboardingRequest {
            board_id: self.board.to_string(),
            status: Some("complete".into()),
            board_type: Some("goal".into()),
            objective: Some("Ship it".into()),
            success_metrics: chassis::encode::to_struct(&json!({"shipped": "yes"})),
            user_profile: Some(OnboardingUserProfile {
                preferred_name: Some("Grace".into()),
                ..OnboardingUserProfile::default()
            }),
            lead_agent: Some(lead),
            ..UpdateOnboardingRequest::default()
        }
    }

    /// How many onboardings and notices about onboardings there are.
    pub(crate) async fn counts(&self) -> (i64, i64) {
        let sessions = "select count(*) from onboarding where board_id = $1";
        let notices = "select count(*) from notice where board_id = $1 and kind = 'onboarding'";
        (
            self.world.tally(sessions, self.board).await,
            self.world.tally(notices, self.board).await,
        )
    }

    /// Waits until the agent was told this, and the notice says so.
    pub(crate) async fn until_told(&self, text: &str) {
        self.world.arrived(session(&self.main), text).await;
        until("the notice is sent", || async {
            let sent = self.get().await.delivery_state() == NoticeState::Sent;
            sent.then_some(())
        })
        .await;
    }
}

fn said(onboarding: &Onboarding) -> Vec<(&str, &str)> {
    let heading = |message: &'_ OnboardingMessage| message.content.starts_with("BOARD ONBOARDING");
    onboarding
        .messages
        .iter()
        .map(|message| {
            let content = if heading(message) {
                "prompt"
            } else {
                message.content.as_str()
            };
            (message.role.as_str(), content)
        })
        .collect()
}

#[sqlx::test(migrations = false)]
async fn the_agent_asks_and_the_person_answers(pool: PgPool) {
    let scene = Scene::start(pool).await;
    let begun = scene.begin().await;
    assert_eq!(begun.status(), OnboardingStatus::Active);
    assert_eq!(begun.turn(), OnboardingTurn::Agent);
    assert_eq!(begun.delivery_state(), NoticeState::Waiting);
    assert_eq!(begun.session_key, session(&scene.main));
    assert!(!begun.is_stalled && begun.expires_at.is_some() && begun.draft_goal.is_none());
    assert_eq!(said(&begun), [("user", "prompt")]);

    let sent = scene
        .world
        .arrived(session(&scene.main), "BOARD ONBOARDING")
        .await;
    assert_eq!(sent.message, begun.messages[0].content);
    assert!(!sent.deliver);
    let token = scene
        .world
        .connector
        .file(&crate::fixture::key(&scene.main), "TOOLS.md");
    if let Some(token) = token {
        let token = token
            .lines()
            .find_map(|line| line.strip_prefix("AUTH_TOKEN="))
            .unwrap()
            .to_owned();
        assert!(!sent.message.contains(&token));
    }
    for part in [
        "Board: Launch",
        "Ship it",
        &format!(
            "http://127.0.0.1:8000/api/v1/agent/boards/{}/onboarding",
            scene.board
        ),
    ] {
        assert!(sent.message.contains(part), "{part}: {}", sent.message);
    }

    let asked = scene.say(scene.question("What for?")).await.unwrap();
    assert_eq!(asked.turn(), OnboardingTurn::User);
    let expected = r#"{"question":"What for?","options":[{"id":"a","label":"A"}]}"#;
    assert_eq!(said(&asked)[1], ("assistant", expected));
    let request = AnswerOnboardingRequest {
        board_id: scene.board.to_string(),
        answer: "Other".into(),
        other_text: Some("```\nto fly".into()),
    };
    let mut client = scene.client(scene.member(true));
    let answered = client.answer_onboarding(request).await.unwrap();
    let answered = answered.into_inner().onboarding.unwrap();
    assert_eq!(answered.turn(), OnboardingTurn::Agent);
    assert_eq!(said(&answered)[2], ("user", "Other: ```\nto fly"));
    let sent = scene.world.arrived(session(&scene.main), "to fly").await;
    assert!(
        sent.message
            .starts_with("BOARD ONBOARDING ANSWER\nBoard: Launch\n"),
        "{}",
        sent.message
    );

    let lead = OnboardingLeadDraft {
        name: Some("Nova".into()),
        ..OnboardingLeadDraft::default()
    };
    let drafted = scene.say(scene.draft(lead)).await.unwrap();
    assert_eq!(drafted.status(), OnboardingStatus::Completed);
    assert_eq!(drafted.turn(), OnboardingTurn::User);
    let draft = drafted.draft_goal.as_ref().unwrap();
    assert_eq!(draft.board_type, "goal");
    let name = draft.user_profile.as_ref().unwrap().preferred_name.clone();
    assert_eq!(name.as_deref(), Some("Grace"));
    let kept: Value = serde_json::from_str(&drafted.messages[3].content).unwrap();
    assert_eq!(
        kept,
        json!({
            "status": "complete", "board_type": "goal", "objective": "Ship it", "success_metrics": {"shipped": "yes"},
            "user_profile": {"preferred_name": "Grace"}, "lead_agent": {"name": "Nova"},
        })
    );
    // More to say after the draft: it stays, and the agent may hand in another.
    let more = scene.answer("And be quick").await.unwrap();
    assert_eq!(more.status(), OnboardingStatus::Completed);
    assert_eq!(more.turn(), OnboardingTurn::Agent);
    assert!(more.draft_goal.is_some());
    scene.until_told("And be quick").await;
    assert_eq!(scene.get().await.messages.len(), 5);
    let world = &scene.world;
    for (told, count) in [
        ("onboarding.started", 1),
        ("onboarding.asked", 1),
        ("onboarding.answered", 2),
        ("onboarding.completed", 1),
        ("onboarding.prompt.sent", 3),
    ] {
        let events = world.until_heard(told, count).await;
        assert_eq!(events.len(), count, "{told}");
        for event in events {
            assert_eq!(event.board_id, Some(scene.board.to_string()), "{told}");
            assert!(!format!("{event:?}").contains("to fly"), "{told}");
        }
    }
}

#[sqlx::test(migrations = false)]
async fn a_board_without_an_onboarding_has_none(pool: PgPool) {
    let scene = Scene::start(pool).await;
    let refused = [
        scene.get_as(scene.world.admin()).await.unwrap_err(),
        scene.answer("Yes").await.unwrap_err(),
        scene.cancel().await.unwrap_err(),
        scene.say(scene.question("Why?")).await.unwrap_err(),
    ];
    for status in refused {
        assert_eq!(
            refusal(&status),
            (404, "ONBOARDING_NOT_FOUND".into(), String::new())
        );
    }
    let confirm = ConfirmOnboardingRequest {
        board_id: scene.board.to_string(),
        board_type: "general".into(),
        ..ConfirmOnboardingRequest::default()
    };
    let refused = scene.confirm_as(scene.world.admin(), confirm).await;
    assert_eq!(reason(&refused.unwrap_err()), "ONBOARDING_NOT_FOUND");
}

#[sqlx::test(migrations = false)]
async fn whoever_may_not_write_the_board_only_looks_on(pool: PgPool) {
    let scene = Scene::start(pool).await;
    scene.begin_as(scene.member(true)).await.unwrap();
    scene.get_as(scene.member(false)).await.unwrap();
    let reader = scene.begin_as(scene.member(false)).await.unwrap_err();
    assert_eq!(
        refusal(&reader),
        (403, "BOARD_WRITE_REQUIRED".into(), String::new())
    );
    let stranger = person(Uuid::from_u128(2), Role::Owner);
    let hidden = scene.get_as(stranger).await.unwrap_err();
    assert_eq!(reason(&hidden), "BOARD_NOT_FOUND");

    let garage = scene.world.gateway("Garage").await;
    let other = scene.world.main_agent(&garage).await;
    for (caller, expected) in [
        (calling(&other, scene.world.organization), "BOARD_NOT_FOUND"),
        (scene.world.admin(), "CALLER_NOT_ADMITTED"),
    ] {
        let mut client = scene.client(caller);
        let refused = client.update_onboarding(scene.question("Why?")).await;
        assert_eq!(reason(&refused.unwrap_err()), expected);
    }
    let malformed = UpdateOnboardingRequest {
        options: Vec::new(),
        ..scene.question("Why?")
    };
    let (status, _, field) = refusal(&scene.say(malformed).await.unwrap_err());
    assert_eq!((status, field.as_str()), (422, "options"));
    let bare = UpdateOnboardingRequest {
        objective: None,
        ..scene.draft(OnboardingLeadDraft::default())
    };
    assert_eq!(
        refusal(&scene.say(bare).await.unwrap_err()),
        (422, "GOAL_INCOMPLETE".into(), "objective".into())
    );
    assert_eq!(scene.get().await.messages.len(), 1);
}

#[sqlx::test(migrations = false)]
async fn without_a_main_agent_nobody_can_ask(pool: PgPool) {
    let scene = Scene::start(pool).await;
    sqlx::query("delete from agent where id = $1::uuid")
        .bind(&scene.main.id)
        .execute(&scene.world.pool)
        .await
        .unwrap();
    let refused = scene.begin_as(scene.world.admin()).await.unwrap_err();
    assert_eq!(
        refusal(&refused),
        (409, "GATEWAY_MAIN_MISSING".into(), String::new())
    );
    let lost = Uuid::now_v7();
    scene.world.boards.put(proto::board::v1::Board {
        id: lost.to_string(),
        organization_id: scene.world.organization.to_string(),
        name: "Nowhere".into(),
        ..proto::board::v1::Board::default()
    });
    let request = StartOnboardingRequest {
        board_id: lost.to_string(),
    };
    let mut client = scene.client(scene.world.admin());
    let refused = client.start_onboarding(request).await.unwrap_err();
    assert_eq!(reason(&refused), "GATEWAY_REQUIRED");
}

#[sqlx::test(migrations = false)]
async fn starting_again_sends_what_was_not_answered_and_only_that(pool: PgPool) {
    let scene = Scene::start_at(pool, Clock::fixed(beginning())).await;
    let world = &scene.world;
    world.connector.be(Mood::Failing {
        times: usize::MAX,
        reason: "GATEWAY_UNREACHABLE",
    });
    let first = scene.begin().await;
    // What is on its way is not sent twice.
    world.clock.advance(TimeDelta::seconds(2));
    assert_eq!(scene.begin().await.id, first.id);
    assert_eq!(scene.counts().await, (1, 1));
    world.connector.be(Mood::Well);
    scene.until_told("BOARD ONBOARDING").await;
    world.connector.forget();

    world.clock.advance(TimeDelta::seconds(2));
    let again = scene.begin().await;
    assert_eq!(
        (again.id.as_str(), again.messages.len()),
        (first.id.as_str(), 1)
    );
    assert_eq!(scene.counts().await, (1, 2));
    let sent = world
        .arrived(session(&scene.main), "BOARD ONBOARDING")
        .await;
    assert_eq!(sent.message, first.messages[0].content);
    scene.until_told("BOARD ONBOARDING").await;

    // It is the person's turn: there is nothing to send.
    scene.say(scene.question("What for?")).await.unwrap();
    world.clock.advance(TimeDelta::seconds(2));
    scene.begin().await;
    assert_eq!(scene.counts().await, (1, 2));

    scene.answer("To fly").await.unwrap();
    scene.answer("High").await.unwrap();
    scene.until_told("High").await;
    world.connector.forget();
    world.clock.advance(TimeDelta::seconds(2));
    scene.begin().await;
    let sent = world.arrived(session(&scene.main), "To fly").await;
    assert!(sent.message.contains("High"), "{}", sent.message);
    assert!(!sent.message.contains("6 to 10"), "{}", sent.message);
    assert_eq!(scene.counts().await, (1, 5));
    assert_eq!(scene.get().await.messages.len(), 4);
}

#[sqlx::test(migrations = false)]
async fn an_agent_that_is_silent_for_ten_minutes_is_stuck(pool: PgPool) {
    let scene = Scene::start_at(pool, Clock::fixed(beginning())).await;
    let world = &scene.world;
    let begun = scene.begin().await;
    scene.until_told("BOARD ONBOARDING").await;
    world.clock.advance(TimeDelta::minutes(11));
    let stalled = scene.get().await;
    assert!(stalled.is_stalled);
    assert_eq!(stalled.updated_at, begun.updated_at);
    assert!(!scene.begin().await.is_stalled);
    scene.until_told("BOARD ONBOARDING").await;
    scene.say(scene.question("What for?")).await.unwrap();
    world.clock.advance(TimeDelta::hours(1));
    assert!(!scene.get().await.is_stalled);
}

#[sqlx::test(migrations = false)]
async fn what_could_not_be_delivered_is_shown_and_sent_again(pool: PgPool) {
    let scene =
        Scene::start_with(pool, Clock::system(), &["--notice-retry-schedule", "20ms"]).await;
    let world = &scene.world;
    world.connector.fail(usize::MAX, "GATEWAY_UNREACHABLE");
    scene.begin().await;
    let shown = until("it is given up", || async {
        let shown = scene.get().await;
        (shown.delivery_state() == NoticeState::Dead).then_some(shown)
    })
    .await;
    assert!(
        shown
            .delivery_error
            .is_some_and(|error| error.contains("gateway_unreachable"))
    );
    world.connector.be(Mood::Well);
    let again = scene.begin().await;
    assert_eq!(again.delivery_state(), NoticeState::Waiting);
    scene.until_told("BOARD ONBOARDING").await;
}
