//! How long what agents were told and what was done for them is kept.

use std::collections::BTreeSet;

use chassis::Role;
use proto::{
    agent::v1::{
        Agent, AgentStatus, InstallSkillRequest, ListAgentJobsRequest, ListAgentNoticesRequest,
        Notice, NoticeState, SkillInstallState,
    },
    event::v1::{OrganizationDeleted, OrganizationSettingsChanged, TaskCreated, event::Payload},
    org::v1::{Organization, OrganizationSettings},
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    fixture::{World, person, until},
    onboarding::Scene,
    stand_in::Mood,
    team::{Team, by, user},
};

impl World {
    /// An organization says how many days it keeps things, and is heard.
    async fn keep(&self, organization: Uuid, days: Option<i32>) {
        let settings = OrganizationSettings {
            payload_retention_days: days,
            ..OrganizationSettings::default()
        };
        let payload = Payload::OrganizationSettingsChanged(OrganizationSettingsChanged {
            settings: Some(settings),
            changed_fields: vec!["payload_retention_days".into()],
        });
        let event = bus::event(user(), organization, self.clock.now(), payload);
        self.tell(event.build()).await;
        self.until_noted(organization, days).await;
    }

    async fn until_noted(&self, organization: Uuid, days: Option<i32>) {
        until("the setting is noted", || async {
            let noted: Option<i32> = sqlx::query_scalar(
                "select days from delivery_retention where organization_id = $1",
            )
            .bind(organization)
            .fetch_optional(&self.pool)
            .await
            .unwrap();
            (noted == days).then_some(())
        })
        .await;
    }

    /// Everything there is was this many days earlier.
    async fn age(&self, days: i32) {
        for sql in [
            "update notice set created_at = created_at - make_interval(days => $1)",
            "update job set created_at = created_at - make_interval(days => $1),
                            finished_at = finished_at - make_interval(days => $1)",
            "update template_sync set created_at = created_at - make_interval(days => $1),
                                      finished_at = finished_at - make_interval(days => $1)",
            "update delivery set created_at = created_at - make_interval(days => $1)",
            "update delivery_attempt set started_at = started_at - make_interval(days => $1)",
        ] {
            sqlx::query(sql)
                .bind(days)
                .execute(&self.pool)
                .await
                .unwrap();
        }
    }

    /// Notices to an agent that were given up ten days ago.
    async fn backlog(&self, agent: &Agent, count: i32) {
        sqlx::query(
            "with old as (
                 insert into delivery (id, queue, target, payload, state, created_at)
                 select gen_random_uuid(), 'notice', gateway_id::text, '{}', 'dead', now() - interval '10 days'
                 from agent, generate_series(1, $2) where agent.id = $1::uuid
                 returning id)
             insert into notice (id, event_id, organization_id, board_id, agent_id, kind, message, held, created_at)
             select old.id, old.id, organization_id, board_id, agent.id, 'nudge', 'Wake up', false,
                    now() - interval '10 days'
             from agent, old where agent.id = $1::uuid",
        )
        .bind(&agent.id)
        .bind(count)
        .execute(&self.pool)
        .await
        .unwrap();
    }

    /// The newest notices to an agent, and how many there are said to be.
    async fn notices_to(&self, agent: &Agent) -> (Vec<Notice>, i64) {
        let request = ListAgentNoticesRequest {
            agent_id: agent.id.clone(),
            limit: Some(200),
            ..ListAgentNoticesRequest::default()
        };
        let organization = self.organization_of(agent).await;
        let answer = self
            .notices(person(organization, Role::Admin))
            .list_agent_notices(request)
            .await
            .unwrap()
            .into_inner();
        (answer.items, answer.total)
    }

    async fn organization_of(&self, agent: &Agent) -> Uuid {
        sqlx::query_scalar("select organization_id from agent where id = $1::uuid")
            .bind(&agent.id)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    async fn until_told(&self, agent: &Agent, count: i64) {
        until(&format!("{count} notices are left"), || async {
            (self.notices_to(agent).await.1 == count).then_some(())
        })
        .await;
    }

    /// A delivery to an agent's gateway that was settled ten days ago.
    async fn trace(&self, agent: &Agent, queue: &str) -> Uuid {
        sqlx::query_scalar(
            "insert into delivery (id, queue, target, payload, state, created_at)
             values (gen_random_uuid(), $1, $2, '{}', 'sent', now() - interval '10 days')
             returning id",
        )
        .bind(queue)
        .bind(&agent.gateway_id)
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }

    /// A job of an agent that ended so many days ago, with a delivery or without.
    async fn old_job(&self, agent: &Agent, kind: &str, days: i32, delivered: bool) -> Uuid {
        let id: Uuid = sqlx::query_scalar(
            "insert into job (id, agent_id, kind, step, error, created_at, finished_at)
             select gen_random_uuid(), $1::uuid, $2, 'done', 'given up', at, at
             from (select now() - make_interval(days => $3)) as ended (at)
             returning id",
        )
        .bind(&agent.id)
        .bind(kind)
        .bind(days)
        .fetch_one(&self.pool)
        .await
        .unwrap();
        if delivered {
            sqlx::query(
                "insert into delivery (id, queue, target, payload, state) values ($1, 'lifecycle', $2, '{}', 'dead')",
            )
            .bind(id)
            .bind(&agent.gateway_id)
            .execute(&self.pool)
            .await
            .unwrap();
        }
        id
    }

    async fn job_ids(&self, agent: &Agent) -> BTreeSet<Uuid> {
        let request = ListAgentJobsRequest {
            agent_id: agent.id.clone(),
            ..ListAgentJobsRequest::default()
        };
        let mut client = self.agents(self.admin());
        let answer = client.list_agent_jobs(request).await.unwrap().into_inner();
        assert_eq!(i64::try_from(answer.items.len()), Ok(answer.total));
        let ids = answer.items.iter().map(|job| job.id.parse().unwrap());
        ids.collect()
    }

    /// Those of these deliveries that are still there.
    async fn deliveries(&self, ids: &[Uuid]) -> BTreeSet<Uuid> {
        let found: Vec<Uuid> = sqlx::query_scalar("select id from delivery where id = any($1)")
            .bind(ids)
            .fetch_all(&self.pool)
            .await
            .unwrap();
        found.into_iter().collect()
    }
}

#[sqlx::test(migrations = false)]
async fn what_agents_were_told_is_kept_as_long_as_the_organization_wants(pool: PgPool) {
    let mut team = Team::start(pool, &["--notice-retry-schedule", "1h"]).await;
    let ada = team.ada.clone();
    let event = bus::event(
        user(),
        team.world.organization,
        team.world.clock.now(),
        Payload::TaskCreated(TaskCreated {
            task: Some(team.task(proto::board::v1::TaskStatus::Inbox, Some(&ada))),
            board_name: "Launch".into(),
        }),
    )
    .build();
    team.world.tell(event.clone()).await;
    team.told(2).await;
    let sent = team.until_notice(&ada, NoticeState::Sent).await;
    team.world.connector.be(Mood::Failing {
        times: 1,
        reason: "GATEWAY_REFUSED",
    });
    team.created(by(&team.lead), Some(&ada)).await;
    let dead = team.until_notice(&ada, NoticeState::Dead).await;
    team.world.connector.be(Mood::Failing {
        times: 1,
        reason: "GATEWAY_UNREACHABLE",
    });
    team.created(by(&team.lead), Some(&ada)).await;
    let failed = team.until_notice(&ada, NoticeState::Failed).await;
    // Old as it is, it was sent only now.
    team.created(by(&team.lead), Some(&ada)).await;
    let late = until("the last one is sent", || async {
        let mut notices = team.notices(&ada).await;
        notices.retain(|it| it.state() == NoticeState::Sent && it.id != sent.id);
        notices.pop()
    })
    .await;
    team.world.pause_board(team.board).await;
    team.created(by(&team.lead), Some(&ada)).await;
    // The one that failed waits for the board now, too.
    let held = until("one waits for its board", || async {
        let mut notices = team.notices(&ada).await;
        notices.retain(|it| it.state() == NoticeState::Waiting && it.id != failed.id);
        notices.pop()
    })
    .await;
    team.world.age(3).await;
    sqlx::query("update delivery_attempt set started_at = now() where delivery_id = $1::uuid")
        .bind(&late.id)
        .execute(&team.world.pool)
        .await
        .unwrap();

    // To the day it is kept.
    team.world.keep(team.world.organization, Some(4)).await;
    team.world.backlog(&team.bob, 1).await;
    team.world = team.world.restart(&[]).await;
    team.world.until_told(&team.bob, 0).await;
    assert_eq!(team.world.notices_to(&ada).await.0.len(), 5);

    team.world.keep(team.world.organization, Some(2)).await;
    team.world = team.world.restart(&[]).await;
    team.world.until_told(&ada, 3).await;
    let left: BTreeSet<String> = team
        .notices(&ada)
        .await
        .into_iter()
        .map(|it| it.id)
        .collect();
    assert_eq!(left, BTreeSet::from([failed.id, late.id, held.id]));
    let gone: Vec<Uuid> = vec![sent.id.parse().unwrap(), dead.id.parse().unwrap()];
    assert!(team.world.deliveries(&gone).await.is_empty());

    // Told once, told for ever.
    team.world.tell(event).await;
    team.created(by(&team.lead), Some(&ada)).await;
    team.world.until_told(&ada, 4).await;
    team.world.until_quiet().await;
    assert_eq!(team.world.notices_to(&ada).await.0.len(), 4);
}

#[sqlx::test(migrations = false)]
async fn the_jobs_that_say_why_an_agent_is_as_it_is_stay(pool: PgPool) {
    let mut team = Team::start(pool, &[]).await;
    let sync = team.sync(team.wanted()).await;
    team.until_synced(&sync).await;
    let (ada, bob) = (team.ada.clone(), team.bob.clone());
    assert_eq!(team.world.job_ids(&ada).await.len(), 2);
    team.world.age(3).await;
    // One that could not be removed shows what it was to do before.
    let provisioned = team.world.job_ids(&bob).await;
    let old = [
        team.world.old_job(&bob, "delete", 2, true).await,
        team.world.old_job(&bob, "update", 10, true).await,
        team.world.old_job(&bob, "pace", 10, false).await,
    ];
    let last = team.world.old_job(&bob, "delete", 1, true).await;
    // What has no row any more, and what has one.
    let traces = [
        team.world.trace(&ada, "checkin").await,
        team.world.trace(&ada, "teardown").await,
        team.world.trace(&ada, "skill_check").await,
    ];
    let held = team.world.trace(&ada, "checkin").await;
    sqlx::query("delete from wake where agent_id = $1::uuid")
        .bind(&ada.id)
        .execute(&team.world.pool)
        .await
        .unwrap();
    sqlx::query(
        "insert into wake (id, agent_id, is_first, is_held, created_at) values ($1, $2::uuid, true, true, now())",
    )
    .bind(held)
    .bind(&ada.id)
    .execute(&team.world.pool)
    .await
    .unwrap();

    team.world.keep(team.world.organization, Some(1)).await;
    team.world = team.world.restart(&[]).await;
    until("the sync is gone", || async {
        let seen = team.world.template_sync(&sync.gateway_id, sync.id()).await;
        seen.is_err().then_some(())
    })
    .await;
    assert_eq!(team.world.job_ids(&ada).await.len(), 1);
    let left = team.world.job_ids(&bob).await;
    assert_eq!(left.len(), 2);
    assert!(left.contains(&last) && left.intersection(&provisioned).count() == 1);
    let ids: Vec<Uuid> = [&old[..], &traces, &[held, last]].concat();
    assert_eq!(
        team.world.deliveries(&ids).await,
        BTreeSet::from([held, last])
    );
    // Those that stay can be read whole: the delivery is there too.
    let kept: Vec<Uuid> = left.into_iter().collect();
    assert_eq!(team.world.deliveries(&kept).await.len(), 2);
}

#[sqlx::test(migrations = false)]
async fn a_backlog_goes_whole_and_switched_off_nothing_goes(pool: PgPool) {
    let mut team = Team::start(pool, &[]).await;
    let (home, abroad) = (team.world.organization, Uuid::from_u128(2));
    team.world.organization = abroad;
    let foreign = team.world.gateway("Abroad").await;
    let stranger = team.world.main_agent(&foreign).await;
    team.world.until(&stranger.id, AgentStatus::Ready).await;
    team.world.organization = home;
    // More than one batch.
    team.world.backlog(&team.ada, 1_200).await;
    team.world.backlog(&stranger, 2).await;

    team.world.keep(home, Some(1)).await;
    team.world.keep(home, None).await;
    team.world.keep(abroad, Some(1)).await;
    team.world = team.world.restart(&[]).await;
    team.world.until_told(&stranger, 0).await;
    let (page, total) = team.world.notices_to(&team.ada).await;
    assert_eq!((page.len(), total), (200, 1_200));

    // What somebody holds is not waited for.
    let mut tx = team.world.pool.begin().await.unwrap();
    let busy: Uuid = sqlx::query_scalar(
        "select delivery.id from delivery join notice using (id) limit 1 for update of delivery",
    )
    .fetch_one(&mut *tx)
    .await
    .unwrap();
    team.world.keep(home, Some(9)).await;
    team.world = team.world.restart(&[]).await;
    team.world.until_told(&team.ada, 1).await;
    tx.commit().await.unwrap();
    assert_eq!(team.notices(&team.ada).await[0].id, busy.to_string());
    team.world = team.world.restart(&[]).await;
    team.world.until_told(&team.ada, 0).await;
    assert!(team.world.deliveries(&[busy]).await.is_empty());

    // The setting goes with its organization.
    let deleted = Payload::OrganizationDeleted(OrganizationDeleted {
        organization: Some(Organization {
            id: home.to_string(),
            ..Organization::default()
        }),
    });
    let event = bus::event(user(), home, team.world.clock.now(), deleted);
    team.world.tell(event.build()).await;
    team.world.until_noted(home, None).await;
}

#[sqlx::test(migrations = false)]
async fn the_notices_of_an_open_onboarding_stay(pool: PgPool) {
    let mut scene = Scene::start(pool).await;
    scene.begin().await;
    let sent = until("the main agent is told", || async {
        let notices = scene.world.notices_to(&scene.main).await.0;
        notices
            .into_iter()
            .find(|it| it.state() == NoticeState::Sent)
    })
    .await;
    scene.world.age(3).await;
    scene.world.backlog(&scene.main, 1).await;
    scene.world.keep(scene.world.organization, Some(1)).await;
    scene.world = scene.world.restart(&[]).await;
    scene.world.until_told(&scene.main, 1).await;
    assert_eq!(scene.world.notices_to(&scene.main).await.0[0].id, sent.id);

    scene.cancel().await.unwrap();
    scene.world = scene.world.restart(&[]).await;
    scene.world.until_told(&scene.main, 0).await;
}

#[sqlx::test(migrations = false)]
async fn the_last_request_about_a_skill_stays(pool: PgPool) {
    let never = ["--skill-check-schedule", "1h"];
    let mut world = World::with_packs(pool, &never).await;
    let gateway = world.gateway("Lab").await;
    let main = world.main_agent(&gateway).await;
    world.until(&main.id, AgentStatus::Ready).await;
    let skill = world
        .skill("https://github.com/o/r/tree/main/skills/pdf-tools")
        .await;
    let request = InstallSkillRequest {
        skill_id: skill.id.clone(),
        gateway_id: gateway.id.clone(),
    };
    let mut client = world.skills(world.admin());
    client.install_skill(request).await.unwrap();
    until("the main agent is told", || async {
        let card = world.card(&gateway, &skill).await;
        (card.install_state() == SkillInstallState::Told).then_some(())
    })
    .await;
    world.age(3).await;
    world.backlog(&main, 1).await;
    world.keep(world.organization, Some(1)).await;
    world = world.restart(&never).await;
    world.until_told(&main, 1).await;

    sqlx::query("delete from skill_install")
        .execute(&world.pool)
        .await
        .unwrap();
    world = world.restart(&never).await;
    world.until_told(&main, 0).await;
}
