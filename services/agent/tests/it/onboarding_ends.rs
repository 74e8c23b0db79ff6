//! Ways in which an onboarding ends without a goal.

use chassis::Clock;
use chrono::TimeDelta;
use proto::{
    agent::v1::{AgentStatus, NoticeState},
    event::v1::{OrganizationDeleted, event::Payload},
    onboarding::v1::{ConfirmOnboardingRequest, OnboardingStatus, OnboardingTurn},
};
use sqlx::PgPool;

use crate::{
    fixture::{reason, until},
    onboarding::{Scene, beginning},
    stand_in::Mood,
    team::user,
};

impl Scene {
    async fn until_forgotten(&self) {
        until("the onboarding is forgotten", || async {
            (self.counts().await == (0, 0)).then_some(())
        })
        .await;
    }
}

#[sqlx::test(migrations = false)]
async fn a_person_ends_it_and_what_was_not_sent_never_is(pool: PgPool) {
    let scene = Scene::start(pool).await;
    let world = &scene.world;
    world.connector.fail(usize::MAX, "GATEWAY_UNREACHABLE");
    let begun = scene.begin().await;
    until("an attempt failed", || async {
        (scene.get().await.delivery_state() == NoticeState::Failed).then_some(())
    })
    .await;
    // While an attempt is under way, nothing can be taken back.
    let cancelled = scene.cancel().await.unwrap();
    assert_eq!(cancelled.id, begun.id);
    assert_eq!(cancelled.status(), OnboardingStatus::Cancelled);
    assert_eq!(cancelled.turn(), OnboardingTurn::None);
    assert_eq!(cancelled.expires_at, None);
    let confirm = ConfirmOnboardingRequest {
        board_id: scene.board.to_string(),
        board_type: "general".into(),
        ..ConfirmOnboardingRequest::default()
    };
    let closed = [
        scene.cancel().await.unwrap_err(),
        scene.answer("Yes").await.unwrap_err(),
        scene.say(scene.question("Why?")).await.unwrap_err(),
        scene.confirm_as(world.admin(), confirm).await.unwrap_err(),
    ];
    for status in closed {
        assert_eq!(reason(&status), "ONBOARDING_CLOSED");
    }
    assert_eq!(world.until_heard("onboarding.cancelled", 1).await.len(), 1);
    world.connector.be(Mood::Well);
    let next = scene.begin().await;
    assert_ne!(next.id, begun.id);
    assert_eq!(scene.get().await.id, next.id);
    scene.until_told("BOARD ONBOARDING").await;
}

#[sqlx::test(migrations = false)]
async fn seven_days_of_silence_end_it(pool: PgPool) {
    let scene = Scene::start_at(pool, Clock::fixed(beginning())).await;
    let world = &scene.world;
    let begun = scene.begin().await;
    scene.until_told("BOARD ONBOARDING").await;
    world.clock.advance(TimeDelta::days(6));
    scene.say(scene.question("What for?")).await.unwrap();
    world.clock.advance(TimeDelta::days(6));
    assert_eq!(scene.get().await.status(), OnboardingStatus::Active);
    world.clock.advance(TimeDelta::days(1));
    // Whoever looks before anybody has noticed sees it all the same.
    assert_eq!(scene.get().await.status(), OnboardingStatus::Expired);
    let late = scene.answer("To fly").await.unwrap_err();
    assert_eq!(reason(&late), "ONBOARDING_CLOSED");
    let told = world.until_heard("onboarding.expired", 1).await;
    assert_eq!(told[0].actor.as_ref().unwrap().name, "Mission Control");
    assert_eq!(told[0].board_id, Some(scene.board.to_string()));
    assert_ne!(scene.begin().await.id, begun.id);
    assert_eq!(world.heard("onboarding.expired").len(), 1);
}

#[sqlx::test(migrations = false)]
async fn it_goes_with_its_board(pool: PgPool) {
    let scene = Scene::start(pool).await;
    scene.world.connector.be(Mood::HangingOn("send"));
    scene.begin().await;
    scene.answer("To fly").await.unwrap();
    scene
        .world
        .connector
        .fail(usize::MAX, "GATEWAY_UNREACHABLE");
    until("both wait for another attempt", || async {
        let open = "select count(*) from delivery d join notice n on n.id = d.id
                    where n.board_id = $1 and d.state = 'failed'";
        (scene.world.tally(open, scene.board).await == 2).then_some(())
    })
    .await;
    // Attempts come and go every few moments: whatever is under way when the board goes ends without a trace later.
    scene.world.delete_board(scene.board, false).await;
    until("the onboarding is forgotten", || async {
        (scene.counts().await.0 == 0).then_some(())
    })
    .await;
    let late = scene.begin_as(scene.world.admin()).await.unwrap_err();
    assert_eq!(reason(&late), "BOARD_NOT_FOUND");
}

#[sqlx::test(migrations = false)]
async fn it_goes_with_its_organization(pool: PgPool) {
    let scene = Scene::start(pool).await;
    scene.begin().await;
    let payload = Payload::OrganizationDeleted(OrganizationDeleted::default());
    let world = &scene.world;
    let event = bus::event(user(), world.organization, world.clock.now(), payload);
    world.tell(event.build()).await;
    scene.until_forgotten().await;
}

#[sqlx::test(migrations = false)]
async fn a_board_that_moves_to_another_gateway_begins_anew(pool: PgPool) {
    let scene = Scene::start(pool).await;
    let world = &scene.world;
    let begun = scene.begin().await;
    let garage = world.gateway("Garage").await;
    let main = world.main_agent(&garage).await;
    world.until(&main.id, AgentStatus::Ready).await;
    world.boards.put(proto::board::v1::Board {
        id: scene.board.to_string(),
        organization_id: world.organization.to_string(),
        name: "Launch".into(),
        gateway_id: Some(garage.id.clone()),
        ..proto::board::v1::Board::default()
    });
    let nobody = scene.answer("To fly").await.unwrap_err();
    assert_eq!(reason(&nobody), "ONBOARDING_CLOSED");
    let next = scene.begin().await;
    assert_ne!(next.id, begun.id);
    assert_eq!(Some(&next.session_key), main.openclaw_session_id.as_ref());
    world.until_heard("onboarding.cancelled", 1).await;
}

#[sqlx::test(migrations = false)]
async fn one_that_was_begun_by_a_clock_that_is_behind_is_the_latest(pool: PgPool) {
    let scene = Scene::start_at(pool, Clock::fixed(beginning())).await;
    scene.begin().await;
    scene.cancel().await.unwrap();
    scene.world.clock.advance(TimeDelta::milliseconds(-500));
    let second = scene.begin().await;
    assert_eq!(scene.get().await.id, second.id);
    assert_eq!(scene.begin().await.id, second.id);
    scene.answer("Yes").await.unwrap();
}
