//! What becomes of notices: they wait, survive, arrive once or are given up, and all of it can be read.

use proto::{
    agent::v1::{AgentStatus, ListBoardNoticesRequest, NoticeState},
    board::v1::TaskStatus,
    event::v1::{TaskCreated, event::Payload},
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    fixture::{person, reason, until},
    stand_in::Mood,
    team::{Team, by, user},
};

#[sqlx::test(migrations = false)]
async fn an_event_that_comes_twice_tells_once(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let payload = Payload::TaskCreated(TaskCreated {
        task: Some(team.task(TaskStatus::Inbox, Some(&team.ada))),
        board_name: "Launch".into(),
    });
    let event = bus::event(
        user(),
        team.world.organization,
        team.world.clock.now(),
        payload,
    )
    .build();
    team.world.tell(event.clone()).await;
    team.world.tell(event).await;
    team.created(user(), None).await;
    team.told(3).await;
    assert_eq!(team.notices(&team.ada).await.len(), 1);
    assert_eq!(team.notices(&team.lead).await.len(), 2);
}

#[sqlx::test(migrations = false)]
async fn a_notice_waits_for_its_agent(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    team.world.connector.be(Mood::Failing {
        times: 1_000,
        reason: "GATEWAY_BUSY",
    });
    let carl = team.world.worker(team.board, "Carl").await;
    team.created(user(), Some(&carl)).await;
    let waiting = team.until_notice(&carl, NoticeState::Waiting).await;
    assert_eq!(
        (
            waiting.attempts,
            waiting.last_error,
            waiting.next_attempt_at
        ),
        (0, None, None)
    );
    team.world.connector.forget();
    team.world.connector.be(Mood::Well);
    team.world.until(&carl.id, AgentStatus::Ready).await;
    let sent = team.until_notice(&carl, NoticeState::Sent).await;
    assert_eq!((sent.id, sent.attempts), (waiting.id, 1));
    let to_carl: Vec<_> = team
        .world
        .connector
        .taken()
        .into_iter()
        .filter(|sent| sent.label == "Carl")
        .collect();
    assert!(to_carl[0].message.starts_with("Hello Carl"), "{to_carl:?}");
    assert!(
        to_carl[1].message.starts_with("TASK ASSIGNED"),
        "{to_carl:?}"
    );
}

#[sqlx::test(migrations = false)]
async fn a_gateway_that_is_down_delays_notices_and_loses_none(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    team.world.connector.be(Mood::Failing {
        times: 1_000,
        reason: "GATEWAY_UNREACHABLE",
    });
    for _ in 0..5 {
        team.created(user(), Some(&team.ada)).await;
    }
    let failed = team.until_notice(&team.ada, NoticeState::Failed).await;
    assert_eq!(
        failed.last_error.as_deref(),
        Some("gateway_unreachable: the gateway said no")
    );
    assert!(failed.attempts >= 1 && failed.sent_at.is_none());

    let world = team.world.restart(&[]).await;
    let team = Team { world, ..team };
    team.world.connector.be(Mood::Well);
    team.told(10).await;
    until("everything is sent", || async {
        let notices = team.notices(&team.ada).await;
        (notices.len() == 5
            && notices
                .iter()
                .all(|notice| notice.state() == NoticeState::Sent))
        .then_some(())
    })
    .await;
    assert_eq!(team.world.connector.taken().len(), 10);
}

#[sqlx::test(migrations = false)]
async fn a_notice_that_nobody_takes_is_given_up_and_said_so(pool: PgPool) {
    let team = Team::start(pool, &["--notice-retry-schedule", "10ms,10ms"]).await;
    team.world.connector.be(Mood::Failing {
        times: 1_000,
        reason: "GATEWAY_UNAUTHORIZED",
    });
    team.created(by(&team.lead), Some(&team.ada)).await;
    let dead = team.until_notice(&team.ada, NoticeState::Dead).await;
    assert_eq!(dead.attempts, 3);
    assert!(dead.last_error.unwrap().starts_with("gateway_unauthorized"));
    let told = team
        .world
        .until_heard("task.assignee_notify_failed", 1)
        .await;
    assert_eq!(told[0].agent_id.as_deref(), Some(team.ada.id.as_str()));
    let refused = || async { team.world.connector.names().len() };
    let before = refused().await;
    team.world.connector.be(Mood::Failing {
        times: 1,
        reason: "GATEWAY_REFUSED",
    });
    team.created(by(&team.lead), Some(&team.bob)).await;
    let dead = team.until_notice(&team.bob, NoticeState::Dead).await;
    assert_eq!((dead.attempts, refused().await - before), (1, 1));
}

#[sqlx::test(migrations = false)]
async fn notices_are_listed_by_board_for_those_who_see_it(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    team.created(user(), Some(&team.ada)).await;
    team.told(2).await;
    let request = || ListBoardNoticesRequest {
        board_id: team.board.to_string(),
        limit: Some(1),
        ..Default::default()
    };
    let mut client = team.world.notices(team.world.admin());
    let first = client
        .list_board_notices(request())
        .await
        .unwrap()
        .into_inner();
    assert_eq!((first.items.len(), first.total), (1, 2));
    let next = ListBoardNoticesRequest {
        page_token: first.next_page_token.clone(),
        ..request()
    };
    let second = client.list_board_notices(next).await.unwrap().into_inner();
    assert_ne!(first.items[0].id, second.items[0].id);
    let member = person(team.world.organization, chassis::Role::Member);
    let error = team
        .world
        .notices(member)
        .list_board_notices(request())
        .await
        .unwrap_err();
    assert_eq!(reason(&error), "BOARD_NOT_FOUND");
}

#[sqlx::test(migrations = false)]
async fn agents_of_another_organization_are_never_told(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let payload = Payload::TaskCreated(TaskCreated {
        task: Some(team.task(TaskStatus::Inbox, Some(&team.ada))),
        board_name: "Launch".into(),
    });
    let foreign = bus::event(user(), Uuid::from_u128(2), team.world.clock.now(), payload).build();
    team.world.tell(foreign).await;
    team.created(user(), None).await;
    assert_eq!(team.told(1).await, [("Lena", "NEW TASK".into())]);
    assert!(team.notices(&team.ada).await.is_empty());
}
