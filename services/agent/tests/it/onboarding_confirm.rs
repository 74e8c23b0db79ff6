//! Confirming: the goal reaches the board, and the draft its lead.

use futures::future::join_all;
use proto::{
    agent::v1::{Agent, AgentStatus, ListAgentsRequest},
    board::v1::{BoardType, GoalConfirmer},
    event::v1::{Event, event::Payload},
    onboarding::v1::{ConfirmOnboardingRequest, OnboardingLeadDraft, OnboardingStatus},
};
use serde_json::json;
use sqlx::PgPool;

use crate::{
    fixture::{key, reason, refusal, until},
    onboarding::Scene,
};

impl Scene {
    /// An onboarding whose agent has drafted this lead.
    async fn drafted(pool: PgPool, lead: OnboardingLeadDraft) -> Self {
        let scene = Self::start(pool).await;
        scene.begin().await;
        scene.say(scene.draft(lead)).await.unwrap();
        scene
    }

    fn goal(&self) -> ConfirmOnboardingRequest {
        ConfirmOnboardingRequest {
            board_id: self.board.to_string(),
            board_type: "goal".into(),
            objective: Some(" Ship it well ".into()),
            success_metrics: chassis::encode::to_struct(&json!({"shipped": "yes"})),
            target_date: None,
        }
    }

    async fn confirm(&self) -> Result<proto::board::v1::Board, tonic::Status> {
        self.confirm_as(self.world.admin(), self.goal()).await
    }

    async fn leads(&self) -> Vec<Agent> {
        let request = ListAgentsRequest {
            board_id: Some(self.board.to_string()),
            ..ListAgentsRequest::default()
        };
        let mut agents = self.world.agents(self.world.admin());
        let answer = agents.list_agents(request).await.unwrap();
        answer.into_inner().items
    }
}

fn nova() -> OnboardingLeadDraft {
    OnboardingLeadDraft {
        name: Some("Nova".into()),
        identity_profile: chassis::encode::to_struct(
            &json!({"role": "Captain", "purpose": "To fly"}),
        ),
        autonomy_level: Some("autonomous".into()),
        verbosity: Some("concise".into()),
        output_format: Some("bullets".into()),
        update_cadence: Some("daily".into()),
        custom_instructions: Some("Ask before you land.".into()),
    }
}

fn profile(agent: &Agent) -> serde_json::Value {
    chassis::encode::from_struct(agent.identity_profile.as_ref().unwrap())
}

#[sqlx::test(migrations = false)]
async fn the_board_gets_its_goal_and_the_drafted_lead(pool: PgPool) {
    let scene = Scene::drafted(pool, nova()).await;
    let board = scene.confirm().await.unwrap();
    assert!(board.goal_confirmed && !board.require_approval_for_done);
    let goals = scene.world.boards.goals();
    let goal = &goals[0];
    assert_eq!(goal.objective.as_deref(), Some("Ship it well"));
    assert_eq!(goal.board_type(), BoardType::Goal);
    assert_eq!(goal.goal_source, "lead_agent_onboarding");
    let grace = GoalConfirmer {
        id: uuid::Uuid::from_u128(77).to_string(),
        name: "Grace Hopper".into(),
    };
    assert_eq!(goal.confirmed_by, Some(grace));
    let shown = scene.get().await;
    assert_eq!(shown.status(), OnboardingStatus::Confirmed);

    let leads = scene.leads().await;
    assert_eq!(leads.len(), 1);
    let lead = scene.world.until(&leads[0].id, AgentStatus::Ready).await;
    assert_eq!((lead.name.as_str(), lead.is_board_lead), ("Nova", true));
    assert_eq!(
        profile(&lead),
        json!({
            "role": "Captain", "communication_style": "direct, concise, practical", "emoji": ":gear:",
            "autonomy_level": "autonomous", "verbosity": "concise", "output_format": "bullets",
            "update_cadence": "daily", "custom_instructions": "Ask before you land.", "purpose": "To fly",
        })
    );
    let identity = scene
        .world
        .connector
        .file(&key(&lead), "IDENTITY.md")
        .unwrap();
    for part in [
        "Captain",
        "To fly",
        "Ask before you land.",
        "concise",
        "daily",
    ] {
        assert!(identity.contains(part), "{part}: {identity}");
    }
    let told = scene.world.until_heard("onboarding.confirmed", 1).await;
    assert_eq!(told[0].actor.as_ref().unwrap().name, "Grace Hopper");
    let created = scene.world.until_heard("agent.created", 2).await;
    let by_grace = created
        .iter()
        .find(|event| event.agent_id.as_ref() == Some(&lead.id))
        .unwrap();
    assert_eq!(by_grace.actor.as_ref().unwrap().name, "Grace Hopper");

    let again = scene.confirm().await.unwrap_err();
    assert_eq!(
        refusal(&again),
        (409, "ONBOARDING_CLOSED".into(), String::new())
    );
    assert_eq!(scene.world.boards.goals().len(), 1);
}

#[sqlx::test(migrations = false)]
async fn there_is_nothing_to_confirm_without_a_draft_or_half_a_goal(pool: PgPool) {
    let scene = Scene::start(pool).await;
    scene.begin().await;
    let early = scene.confirm().await.unwrap_err();
    assert_eq!(
        refusal(&early),
        (409, "ONBOARDING_NOT_COMPLETED".into(), String::new())
    );
    scene.say(scene.draft(nova())).await.unwrap();
    let half = ConfirmOnboardingRequest {
        success_metrics: chassis::encode::to_struct(&json!({})),
        ..scene.goal()
    };
    let refused = scene.confirm_as(scene.world.admin(), half).await;
    assert_eq!(
        refusal(&refused.unwrap_err()),
        (422, "GOAL_INCOMPLETE".into(), "success_metrics".into())
    );
    let reader = scene.confirm_as(scene.member(false), scene.goal()).await;
    assert_eq!(reason(&reader.unwrap_err()), "BOARD_WRITE_REQUIRED");
    assert!(scene.world.boards.goals().is_empty());
    let general = ConfirmOnboardingRequest {
        board_id: scene.board.to_string(),
        board_type: "general".into(),
        ..ConfirmOnboardingRequest::default()
    };
    let board = scene
        .confirm_as(scene.world.admin(), general)
        .await
        .unwrap();
    assert_eq!(board.board_type(), BoardType::General);
}

#[sqlx::test(migrations = false)]
async fn of_several_who_confirm_at_once_one_does(pool: PgPool) {
    let scene = Scene::start(pool).await;
    for round in 0..5 {
        scene.begin().await;
        scene.say(scene.draft(nova())).await.unwrap();
        let before = scene.world.boards.goals().len();
        let answers = join_all((0..8).map(|_| scene.confirm())).await;
        let done = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(done, 1, "round {round}: {answers:?}");
        for answer in answers {
            if let Err(status) = answer {
                let reason = reason(&status);
                assert!(
                    ["ONBOARDING_BUSY", "ONBOARDING_CLOSED"].contains(&reason.as_str()),
                    "{status:?}"
                );
            }
        }
        assert_eq!(scene.world.boards.goals().len() - before, 1);
        assert_eq!(scene.leads().await.len(), 1, "round {round}");
        assert_eq!(scene.get().await.status(), OnboardingStatus::Confirmed);
    }
    let told = scene.world.until_heard("onboarding.confirmed", 5).await;
    assert_eq!(told.len(), 5);
}

#[sqlx::test(migrations = false)]
async fn what_fails_on_the_way_can_be_repeated(pool: PgPool) {
    let scene = Scene::drafted(pool, nova()).await;
    scene.world.boards.refuse_goals(1);
    let refused = scene.confirm().await.unwrap_err();
    assert_eq!(refusal(&refused).0, 503);
    assert_eq!(scene.get().await.status(), OnboardingStatus::Completed);
    assert!(scene.leads().await.is_empty());
    // Nobody has it for themselves any more: it can be answered, and confirmed.
    scene.answer("One thing more").await.unwrap();
    scene.confirm().await.unwrap();
    assert_eq!(scene.leads().await.len(), 1);
}

#[sqlx::test(migrations = false)]
async fn a_lead_that_is_there_gets_the_profile_and_keeps_its_name(pool: PgPool) {
    let scene = Scene::drafted(pool, nova()).await;
    let world = &scene.world;
    let lena = world.lead(scene.board, "Lena").await;
    world.until(&lena.id, AgentStatus::Ready).await;
    sqlx::query("update agent set identity_profile = $2 where id = $1::uuid")
        .bind(&lena.id)
        .bind(json!({"role": "Boss", "skills": "all"}))
        .execute(&world.pool)
        .await
        .unwrap();
    world.connector.forget();
    scene.confirm().await.unwrap();
    let identity = until("the files are written again", || async {
        world.connector.file(&key(&lena), "IDENTITY.md")
    })
    .await;
    assert!(identity.contains("Captain"), "{identity}");
    let lead = world.until(&lena.id, AgentStatus::Ready).await;
    assert_eq!(lead.name, "Lena");
    let profile = profile(&lead);
    assert_eq!(
        (&profile["role"], &profile["skills"]),
        (&json!("Captain"), &json!("all"))
    );
    assert_eq!(scene.leads().await.len(), 1);
    until("its profile is told", || async {
        let tells = |event: &Event| {
            matches!(&event.payload, Some(Payload::AgentUpdated(updated))
                if updated.changed_fields.iter().any(|field| field == "identity_profile"))
        };
        world.heard("agent.updated").iter().any(tells).then_some(())
    })
    .await;
}

#[sqlx::test(migrations = false)]
async fn a_lead_under_way_is_followed_by_another_job(pool: PgPool) {
    let scene = Scene::drafted(pool, nova()).await;
    let world = &scene.world;
    world
        .connector
        .be(crate::stand_in::Mood::HangingOn("ensure"));
    let lena = world.lead(scene.board, "Lena").await;
    world.until(&lena.id, AgentStatus::Provisioning).await;
    scene.confirm().await.unwrap();
    world.connector.be(crate::stand_in::Mood::Well);
    until("its files say what was drafted", || async {
        let identity = world.connector.file(&key(&lena), "IDENTITY.md")?;
        identity.contains("Ask before you land.").then_some(())
    })
    .await;
    world.until(&lena.id, AgentStatus::Ready).await;
}

#[sqlx::test(migrations = false)]
async fn a_lead_that_goes_has_to_be_gone_first(pool: PgPool) {
    let scene = Scene::drafted(pool, nova()).await;
    let lena = scene.world.lead(scene.board, "Lena").await;
    scene.world.until(&lena.id, AgentStatus::Ready).await;
    sqlx::query("update agent set leaving_at = now(), phase = 'deleting' where id = $1::uuid")
        .bind(&lena.id)
        .execute(&scene.world.pool)
        .await
        .unwrap();
    let refused = scene.confirm().await.unwrap_err();
    assert_eq!(
        refusal(&refused),
        (409, "AGENT_LEAVING".into(), String::new())
    );
    assert!(scene.world.boards.goals().is_empty());
    assert_eq!(scene.get().await.status(), OnboardingStatus::Completed);
}

#[sqlx::test(migrations = false)]
async fn only_an_administrator_relaxes_the_rules_of_the_board(pool: PgPool) {
    let scene = Scene::drafted(pool, nova()).await;
    let mut board = scene.world.boards.get(&scene.board.to_string()).unwrap();
    board.require_approval_for_done = true;
    scene.world.boards.put(board);
    let board = scene
        .confirm_as(scene.member(true), scene.goal())
        .await
        .unwrap();
    assert!(board.require_approval_for_done);
}

#[sqlx::test(migrations = false)]
async fn a_careful_lead_asks_before_a_task_is_done(pool: PgPool) {
    let lead = OnboardingLeadDraft {
        autonomy_level: Some("ask_first".into()),
        ..OnboardingLeadDraft::default()
    };
    let scene = Scene::drafted(pool, lead).await;
    assert!(scene.confirm().await.unwrap().require_approval_for_done);
    assert_eq!(scene.leads().await[0].name, "Lead Agent");
}

#[sqlx::test(migrations = false)]
async fn the_lead_comes_to_live_where_the_board_does_now(pool: PgPool) {
    let scene = Scene::drafted(pool, nova()).await;
    let world = &scene.world;
    let other = world.gateway("Other").await;
    let mut board = world.boards.get(&scene.board.to_string()).unwrap();
    board.gateway_id = None;
    world.boards.put(board.clone());
    let refused = scene.confirm().await.unwrap_err();
    assert_eq!(
        refusal(&refused),
        (422, "GATEWAY_REQUIRED".into(), "board_id".into())
    );
    board.gateway_id = Some(other.id.clone());
    world.boards.put(board);
    scene.confirm().await.unwrap();
    assert_eq!(scene.leads().await[0].gateway_id, other.id);
}

#[sqlx::test(migrations = false)]
async fn a_lead_that_only_has_its_pace_told_is_followed_by_another_job(pool: PgPool) {
    let scene = Scene::drafted(pool, nova()).await;
    let world = &scene.world;
    let lena = world.lead(scene.board, "Lena").await;
    world.until(&lena.id, AgentStatus::Ready).await;
    // As it is between the plan of such a job and its start.
    let planned =
        "with waits as (update agent set phase = 'pending' where id = $1::uuid returning id)
                   insert into job (id, agent_id, kind, step, created_at)
                   select gen_random_uuid(), id, 'pace', 'ensure', now() from waits";
    sqlx::query(planned)
        .bind(&lena.id)
        .execute(&world.pool)
        .await
        .unwrap();
    scene.confirm().await.unwrap();
    let follows: bool =
        sqlx::query_scalar("select again from job where agent_id = $1::uuid and kind = 'pace'")
            .bind(&lena.id)
            .fetch_one(&world.pool)
            .await
            .unwrap();
    assert!(follows, "nothing would write what was drafted");
}
