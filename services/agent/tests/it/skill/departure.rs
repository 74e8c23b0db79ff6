//! An organization that is deleted leaves no skill, no pack and nothing under way.

use proto::{
    agent::v1::{
        AgentStatus, DeleteGatewayRequest, InstallSkillRequest, SkillInstallState,
        SyncSkillPackRequest,
    },
    event::v1::{OrganizationDeleted, event::Payload},
    org::v1::Organization,
};
use sqlx::PgPool;

use crate::{
    fixture::{World, reason, until},
    team::user,
};

#[sqlx::test(migrations = false)]
async fn nothing_of_it_is_left(pool: PgPool) {
    let world = World::with_packs(pool, &[]).await;
    let gateway = world.gateway("Lab").await;
    let main = world.main_agent(&gateway).await;
    world.until(&main.id, AgentStatus::Ready).await;
    let skill = world.skill("https://example.com/a").await;
    let install = InstallSkillRequest {
        skill_id: skill.id.clone(),
        gateway_id: gateway.id.clone(),
    };
    world
        .skills(world.admin())
        .install_skill(install)
        .await
        .unwrap();
    until("it is told", || async {
        let card = world.card(&gateway, &skill).await;
        (card.install_state() == SkillInstallState::Told).then_some(())
    })
    .await;
    let hanging = tokio::net::TcpListener::bind(test_ports::free_addr())
        .await
        .unwrap();
    let url = format!("http://{}/org/hangs", hanging.local_addr().unwrap());
    let sync = SyncSkillPackRequest {
        pack_id: world.pack(&url, None).await.id,
        wait_seconds: Some(0),
    };
    world
        .skills(world.admin())
        .sync_skill_pack(sync)
        .await
        .unwrap();

    let organization = Some(Organization {
        id: world.organization.to_string(),
        ..Organization::default()
    });
    let payload = Payload::OrganizationDeleted(OrganizationDeleted { organization });
    let event = bus::event(user(), world.organization, world.clock.now(), payload);
    world.tell(event.build()).await;
    until("nothing is left", || async {
        let left: i64 = sqlx::query_scalar(
            "select (select count(*) from skill) + (select count(*) from skill_pack)
                  + (select count(*) from skill_install) + (select count(*) from delivery)",
        )
        .fetch_one(&world.pool)
        .await
        .unwrap();
        (left == 0).then_some(())
    })
    .await;
    let late = proto::agent::v1::CreateSkillRequest {
        source_url: "https://example.com/late".into(),
        ..Default::default()
    };
    let refused = world.skills(world.admin()).create_skill(late).await;
    assert_eq!(reason(&refused.unwrap_err()), "ORGANIZATION_NOT_FOUND");
}

#[sqlx::test(migrations = false)]
async fn a_gateway_takes_its_installations_with_it(pool: PgPool) {
    let world = World::with_packs(pool, &[]).await;
    let gateway = world.gateway("Lab").await;
    let main = world.main_agent(&gateway).await;
    world.until(&main.id, AgentStatus::Ready).await;
    let skill = world.skill("https://example.com/a").await;
    let install = InstallSkillRequest {
        skill_id: skill.id.clone(),
        gateway_id: gateway.id.clone(),
    };
    world
        .skills(world.admin())
        .install_skill(install)
        .await
        .unwrap();
    until("it is told", || async {
        let card = world.card(&gateway, &skill).await;
        (card.install_state() == SkillInstallState::Told).then_some(())
    })
    .await;
    let delete = DeleteGatewayRequest {
        gateway_id: gateway.id.clone(),
        force: Some(true),
    };
    world
        .gateways(world.admin())
        .delete_gateway(delete)
        .await
        .unwrap();
    until("nothing is left", || async {
        let left: i64 = sqlx::query_scalar(
            "select (select count(*) from gateway) + (select count(*) from skill_install)
                  + (select count(*) from delivery where queue = 'skill_check')",
        )
        .fetch_one(&world.pool)
        .await
        .unwrap();
        (left == 0).then_some(())
    })
    .await;
    let other = world.gateway("Other").await;
    assert_eq!(world.cards(&other).await.len(), 1);
}
