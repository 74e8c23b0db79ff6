//! Skills that gateways are asked to install and to remove.

use chassis::{Caller, Role};
use futures::future::join_all;
use proto::{
    agent::v1::{
        Agent, AgentStatus, DeleteSkillRequest, Gateway, InstallSkillRequest, ReportSkillRequest,
        Skill, SkillCard, SkillInstallState, UninstallSkillRequest,
    },
    event::v1::event::Payload,
    gateway::v1::SendMessageRequest,
};
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::{
    fixture::{World, calling, person, reason, refusal, until},
    stand_in::Mood,
};

/// A gateway whose main agent is in place, and a skill.
struct Shop {
    world: World,
    gateway: Gateway,
    main: Agent,
    skill: Skill,
}

const URL: &str = "https://github.com/o/r/tree/main/skills/pdf-tools";
/// Nobody asks the gateway.
const NEVER: [&str; 2] = ["--skill-check-schedule", "1h"];
const SOON: [&str; 2] = [
    "--skill-check-schedule",
    "50ms,100ms,100ms,100ms,100ms,100ms,100ms,100ms",
];

impl Shop {
    async fn open(pool: PgPool, extra: &[&str]) -> Self {
        let world = World::with_packs(pool, extra).await;
        let gateway = world.gateway("Lab").await;
        let main = world.main_agent(&gateway).await;
        world.until(&main.id, AgentStatus::Ready).await;
        world.connector.forget();
        let skill = world.skill(URL).await;
        Self {
            world,
            gateway,
            main,
            skill,
        }
    }

    async fn install_as(&self, caller: Caller) -> Result<(bool, SkillInstallState), Status> {
        let request = InstallSkillRequest {
            skill_id: self.skill.id.clone(),
            gateway_id: self.gateway.id.clone(),
        };
        let answer = self
            .world
            .skills(caller)
            .install_skill(request)
            .await?
            .into_inner();
        assert!(
            answer.ok && answer.skill_id == self.skill.id && answer.gateway_id == self.gateway.id
        );
        Ok((answer.installed, answer.install_state()))
    }

    async fn install(&self) -> (bool, SkillInstallState) {
        self.install_as(self.world.admin()).await.unwrap()
    }

    async fn uninstall(&self) -> (bool, SkillInstallState) {
        let request = UninstallSkillRequest {
            skill_id: self.skill.id.clone(),
            gateway_id: self.gateway.id.clone(),
        };
        let answer = self
            .world
            .skills(self.world.admin())
            .uninstall_skill(request)
            .await;
        let answer = answer.unwrap().into_inner();
        (answer.installed, answer.install_state())
    }

    async fn report(&self, installed: bool, error: Option<&str>) -> Result<(), Status> {
        let main = calling(&self.main, self.world.organization);
        self.report_as(main, installed, error).await
    }

    async fn report_as(
        &self,
        caller: Caller,
        installed: bool,
        error: Option<&str>,
    ) -> Result<(), Status> {
        let request = ReportSkillRequest {
            skill_id: self.skill.id.clone(),
            installed: Some(installed),
            error: error.map(str::to_owned),
        };
        self.world.skills(caller).report_skill(request).await?;
        Ok(())
    }

    async fn card(&self) -> SkillCard {
        self.world.card(&self.gateway, &self.skill).await
    }

    async fn until(&self, state: SkillInstallState) -> SkillCard {
        until(&format!("the skill is {state:?}"), || async {
            Some(self.card().await).filter(|card| card.install_state() == state)
        })
        .await
    }

    /// Messages to the main agent, once there are so many.
    async fn told(&self, count: usize) -> Vec<SendMessageRequest> {
        until(&format!("{count} messages"), || async {
            Some(self.world.connector.taken()).filter(|taken| taken.len() >= count)
        })
        .await
    }

    /// What was told about the installation.
    async fn heard(&self, count: usize) -> Vec<(SkillInstallState, Option<String>)> {
        let events = self.world.until_heard("skill.install_changed", count).await;
        events
            .into_iter()
            .map(|event| match event.payload {
                Some(Payload::SkillInstallChanged(p)) => (p.state(), p.error),
                other => panic!("{other:?}"),
            })
            .collect()
    }
}

#[sqlx::test(migrations = false)]
async fn an_installation_is_told_and_confirmed_by_the_agent(pool: PgPool) {
    let shop = Shop::open(pool, &NEVER).await;
    assert_eq!(shop.install().await, (false, SkillInstallState::Requested));
    let told = shop.until(SkillInstallState::Told).await;
    assert!(told.installed && told.installed_at.is_some());
    let sent = shop.told(1).await;
    assert!(sent[0].deliver);
    assert_eq!(
        Some(&sent[0].session_key),
        shop.main.openclaw_session_id.as_ref()
    );
    let text = &sent[0].message;
    for line in [
        "MISSION CONTROL SKILL INSTALL REQUEST".to_owned(),
        "skill_name: pdf tools".to_owned(),
        format!("source_url: {URL}"),
        "install_dir: ~/.openclaw/skills".to_owned(),
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    let path = format!(
        "http://127.0.0.1:8000/api/v1/agent/gateway/skills/{}/report",
        shop.skill.id
    );
    assert!(text.contains(&path), "{text}");

    shop.report(true, None).await.unwrap();
    shop.report(true, None).await.unwrap();
    let card = shop.card().await;
    assert_eq!(
        (card.installed, card.install_state()),
        (true, SkillInstallState::Confirmed)
    );
    assert_eq!(card.installed_at, told.installed_at);
    shop.world.until_quiet().await;
    assert_eq!(
        shop.heard(3).await,
        [
            (SkillInstallState::Requested, None),
            (SkillInstallState::Told, None),
            (SkillInstallState::Confirmed, None),
        ]
    );
    shop.world.until_heard("skill.install.sent", 1).await;
}

#[sqlx::test(migrations = false)]
async fn of_many_who_ask_one_has_the_agent_told(pool: PgPool) {
    let shop = Shop::open(pool, &NEVER).await;
    shop.world.connector.be(Mood::HangingOn("send"));
    for answer in join_all((0..8).map(|_| shop.install())).await {
        assert_eq!(answer, (false, SkillInstallState::Requested));
    }
    shop.world.connector.be(Mood::Well);
    shop.until(SkillInstallState::Told).await;
    shop.world.until_quiet().await;
    assert_eq!(shop.told(1).await.len(), 1);
    assert_eq!(shop.heard(2).await.len(), 2);
}

#[sqlx::test(migrations = false)]
async fn a_message_that_is_given_up_is_a_failure_that_can_be_tried_again(pool: PgPool) {
    let extra = [NEVER[0], NEVER[1], "--notice-retry-schedule", "10ms"];
    let shop = Shop::open(pool, &extra).await;
    shop.world.connector.fail(1_000, "GATEWAY_UNREACHABLE");
    shop.install().await;
    let failed = shop.until(SkillInstallState::Failed).await;
    assert!(!failed.installed);
    let told = failed.install_error.unwrap();
    assert!(
        told.starts_with("gateway_unreachable: the gateway said no"),
        "{told}"
    );
    shop.world.connector.be(Mood::Well);
    assert_eq!(shop.install().await.1, SkillInstallState::Requested);
    let told = shop.until(SkillInstallState::Told).await;
    assert_eq!(told.install_error, None);
    shop.world.until_heard("skill.install.failed", 1).await;
}

#[sqlx::test(migrations = false)]
async fn what_nobody_wants_any_more_is_not_told(pool: PgPool) {
    let extra = [NEVER[0], NEVER[1], "--notice-retry-schedule", "2s,2s"];
    let shop = Shop::open(pool, &extra).await;
    shop.world.connector.fail(1, "GATEWAY_UNREACHABLE");
    shop.install().await;
    until("the gateway said no", || async {
        shop.world.connector.names().contains(&"send").then_some(())
    })
    .await;
    assert_eq!(shop.uninstall().await, (false, SkillInstallState::Removing));
    shop.world.until_heard("skill.uninstall.sent", 1).await;
    shop.world.connector.fail(1, "GATEWAY_UNREACHABLE");
    shop.install().await;
    until("the gateway said no again", || async {
        let tries = shop.world.connector.names();
        (tries.iter().filter(|name| **name == "send").count() == 3).then_some(())
    })
    .await;
    let request = DeleteSkillRequest {
        skill_id: shop.skill.id.clone(),
    };
    let admin = shop.world.admin();
    let deleted = shop.world.skills(admin).delete_skill(request).await;
    assert!(deleted.unwrap().into_inner().ok);
    let unsent: i64 = sqlx::query_scalar(
        "select count(*) from delivery where queue = 'notice' and state not in ('sent', 'dead')",
    )
    .fetch_one(&shop.world.pool)
    .await
    .unwrap();
    assert_eq!(unsent, 0);
    let told = shop.world.connector.taken();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].message.contains("SKILL UNINSTALL REQUEST"));
}

#[sqlx::test(migrations = false)]
async fn what_is_not_there_is_not_removed(pool: PgPool) {
    let shop = Shop::open(pool, &NEVER).await;
    assert_eq!(
        shop.uninstall().await,
        (false, SkillInstallState::Unspecified)
    );
    shop.world.until_quiet().await;
    assert!(shop.world.connector.taken().is_empty());
    assert!(shop.world.heard("skill.install_changed").is_empty());
}

#[sqlx::test(migrations = false)]
async fn a_removal_ends_when_the_agent_says_so(pool: PgPool) {
    let shop = Shop::open(pool, &NEVER).await;
    shop.install().await;
    shop.until(SkillInstallState::Told).await;
    assert_eq!(shop.uninstall().await, (false, SkillInstallState::Removing));
    let sent = shop.told(2).await;
    assert!(
        sent[1]
            .message
            .starts_with("MISSION CONTROL SKILL UNINSTALL REQUEST\n")
    );
    shop.world.until_heard("skill.uninstall.sent", 1).await;
    assert_eq!(
        shop.card().await.install_state(),
        SkillInstallState::Removing
    );
    shop.report(true, Some("read-only")).await.unwrap();
    let failed = shop.until(SkillInstallState::Failed).await;
    assert_eq!(failed.install_error.as_deref(), Some("read-only"));
    assert_eq!(shop.uninstall().await.1, SkillInstallState::Removing);
    shop.report(false, None).await.unwrap();
    shop.report(false, None).await.unwrap();
    let card = shop.card().await;
    assert_eq!(
        (card.installed, card.install_state()),
        (false, SkillInstallState::Unspecified)
    );
    assert_eq!(
        shop.heard(6).await[5],
        (SkillInstallState::Unspecified, None)
    );
}

#[sqlx::test(migrations = false)]
async fn the_gateway_is_asked_what_it_has(pool: PgPool) {
    let shop = Shop::open(pool, &SOON).await;
    shop.install().await;
    until("the gateway was asked", || async {
        shop.world
            .connector
            .names()
            .contains(&"skills")
            .then_some(())
    })
    .await;
    shop.world
        .connector
        .runs(|runtime| runtime.skills = vec!["other".into(), "PDF-Tools".into()]);
    let card = shop.until(SkillInstallState::Confirmed).await;
    assert!(card.installed);
    shop.uninstall().await;
    shop.told(2).await;
    shop.world.connector.runs(|runtime| runtime.skills.clear());
    shop.until(SkillInstallState::Unspecified).await;
}

#[sqlx::test(migrations = false)]
async fn a_removal_that_nobody_confirms_is_a_failure(pool: PgPool) {
    let shop = Shop::open(pool, &["--skill-check-schedule", "50ms,50ms"]).await;
    shop.world
        .connector
        .runs(|runtime| runtime.skills = vec!["pdf tools".into()]);
    shop.install().await;
    shop.until(SkillInstallState::Confirmed).await;
    shop.uninstall().await;
    let failed = shop.until(SkillInstallState::Failed).await;
    assert!(failed.install_error.unwrap().starts_with("unconfirmed: "));
}

#[sqlx::test(migrations = false)]
async fn who_is_not_asked_has_nothing_to_report(pool: PgPool) {
    let shop = Shop::open(pool, &NEVER).await;
    let unasked = shop.report(true, None).await.unwrap_err();
    assert_eq!(
        refusal(&unasked),
        (404, "SKILL_NOT_FOUND".into(), String::new())
    );
    shop.report(false, None).await.unwrap();
    shop.install().await;
    let other = shop.world.gateway("Other").await;
    let other = shop.world.main_agent(&other).await;
    let other = calling(&other, shop.world.organization);
    let refused = shop.report_as(other, true, None).await.unwrap_err();
    assert_eq!(reason(&refused), "SKILL_NOT_FOUND");
    let stranger = calling(&shop.main, Uuid::from_u128(2));
    let refused = shop.report_as(stranger, true, None).await.unwrap_err();
    assert_eq!(reason(&refused), "SKILL_NOT_FOUND");
    let refused = shop
        .report_as(shop.world.admin(), true, None)
        .await
        .unwrap_err();
    assert_eq!(reason(&refused), "CALLER_NOT_ADMITTED");
    let long = "x".repeat(2_001);
    let refused = shop.report(false, Some(&long)).await.unwrap_err();
    assert_eq!(
        refusal(&refused),
        (422, "INVALID_REQUEST".into(), "error".into())
    );
    let refused = shop.report(false, Some("a\0b")).await.unwrap_err();
    assert_eq!(refusal(&refused).2, "error");
    let nothing = ReportSkillRequest {
        skill_id: shop.skill.id.clone(),
        ..ReportSkillRequest::default()
    };
    let main = calling(&shop.main, shop.world.organization);
    let refused = shop.world.skills(main).report_skill(nothing).await;
    assert_eq!(refusal(&refused.unwrap_err()).2, "installed");
}

#[sqlx::test(migrations = false)]
async fn gateways_and_skills_of_others_do_not_exist(pool: PgPool) {
    let shop = Shop::open(pool, &NEVER).await;
    let refused = shop
        .install_as(person(Uuid::from_u128(2), Role::Owner))
        .await;
    assert_eq!(reason(&refused.unwrap_err()), "GATEWAY_NOT_FOUND");
    let install = |skill_id: &str, gateway_id: &str| InstallSkillRequest {
        skill_id: skill_id.into(),
        gateway_id: gateway_id.into(),
    };
    let unknown = Uuid::now_v7().to_string();
    let mut admin = shop.world.skills(shop.world.admin());
    for (request, expected) in [
        (
            install(&unknown, &shop.gateway.id),
            (404, "SKILL_NOT_FOUND", ""),
        ),
        (
            install(&shop.skill.id, &unknown),
            (404, "GATEWAY_NOT_FOUND", ""),
        ),
        (
            install("x", &shop.gateway.id),
            (422, "INVALID_REQUEST", "skill_id"),
        ),
        (
            install(&shop.skill.id, ""),
            (422, "INVALID_REQUEST", "gateway_id"),
        ),
    ] {
        let refused = refusal(&admin.install_skill(request).await.unwrap_err());
        assert_eq!(
            (refused.0, refused.1.as_str(), refused.2.as_str()),
            expected
        );
    }
    let theirs = uuid_of_a_foreign_skill(&shop).await;
    let refused = admin
        .install_skill(install(&theirs, &shop.gateway.id))
        .await;
    assert_eq!(reason(&refused.unwrap_err()), "SKILL_NOT_FOUND");
}

async fn uuid_of_a_foreign_skill(shop: &Shop) -> String {
    let request = proto::agent::v1::CreateSkillRequest {
        source_url: URL.into(),
        ..Default::default()
    };
    let stranger = person(Uuid::from_u128(2), Role::Owner);
    let made = shop.world.skills(stranger).create_skill(request).await;
    made.unwrap().into_inner().skill.unwrap().id
}

#[sqlx::test(migrations = false)]
async fn a_gateway_without_a_main_agent_cannot_be_asked(pool: PgPool) {
    let shop = Shop::open(pool, &NEVER).await;
    shop.install().await;
    shop.until(SkillInstallState::Told).await;
    sqlx::query("update agent set leaving_at = now(), phase = 'deleting' where id = $1")
        .bind(shop.main.id.parse::<Uuid>().unwrap())
        .execute(&shop.world.pool)
        .await
        .unwrap();
    let refused = shop.install_as(shop.world.admin()).await.unwrap_err();
    assert_eq!(
        refusal(&refused),
        (409, "GATEWAY_MAIN_MISSING".into(), String::new())
    );
}
