//! Who sees what, in lists and in the feed.

use chassis::{Caller, Role};
use proto::{
    activity::v1::{ListActivityRequest, WatchRequest},
    board::v1::TaskStatus,
    event::v1::event::Payload,
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    fixture::{Fixture, fault, start_of_time},
    story::{
        AGENT, BOARD, FOREIGN, FOREIGN_BOARD, GATEWAY, ORGANIZATION, OTHER_BOARD, OTHER_GATEWAY,
        Teller, agent, internal, owner, person,
    },
};

/// One event of each kind of place: positions 1 to 9.
async fn everything(fixture: &Fixture) {
    let here = Teller::new(start_of_time());
    let other = here.on(ORGANIZATION, OTHER_BOARD);
    let foreign = here.on(FOREIGN, FOREIGN_BOARD);
    let events = vec![
        here.board(GATEWAY, None),
        other.board(OTHER_GATEWAY, None),
        foreign.board(GATEWAY, None),
        here.created(1, TaskStatus::Inbox),
        other.created(2, TaskStatus::Inbox),
        foreign.created(3, TaskStatus::Inbox),
        here.gateway(),
        here.agent_created(AGENT, false),
        here.by_agent().commented(1, Uuid::from_u128(1), "done"),
    ];
    fixture.log(events, 9).await;
}

async fn listed(fixture: &Fixture, caller: &Caller) -> Vec<i64> {
    fixture
        .all(caller)
        .await
        .iter()
        .rev()
        .map(|item| item.sequence)
        .collect()
}

/// What a replay from the beginning shows, up to a marker that everybody of the organization's board sees.
async fn watched(fixture: &Fixture, caller: &Caller) -> Vec<i64> {
    let head = fixture.head().await;
    let request = WatchRequest {
        after_sequence: Some(0),
        ..WatchRequest::default()
    };
    let mut viewing = fixture.watch(caller, request).await.unwrap();
    assert_eq!(viewing.ready().await, 0);
    let mut seen = Vec::new();
    // Keep-alives tell that the replay is over.
    while viewing.position < head {
        let message = viewing.next().await.unwrap();
        seen.extend(message.event.map(|_| message.sequence));
    }
    seen
}

#[sqlx::test(migrations = false)]
async fn a_person_sees_the_boards_that_it_reads_and_admins_see_the_rest(pool: PgPool) {
    let fixture = quick(pool).await;
    everything(&fixture).await;
    let cases: [(Caller, &[i64]); 5] = [
        (owner(), &[1, 2, 4, 5, 7, 8, 9]),
        (
            person(ORGANIZATION, Role::Admin, &[]),
            &[1, 2, 4, 5, 7, 8, 9],
        ),
        (person(ORGANIZATION, Role::Member, &[BOARD]), &[1, 4, 9]),
        (person(ORGANIZATION, Role::Member, &[FOREIGN_BOARD]), &[]),
        (person(FOREIGN, Role::Owner, &[]), &[3, 6]),
    ];
    for (caller, expected) in cases {
        assert_eq!(listed(&fixture, &caller).await, expected, "{caller:?}");
        assert_eq!(watched(&fixture, &caller).await, expected, "{caller:?}");
    }
    let Caller::User(mut reader) = person(ORGANIZATION, Role::Member, &[]) else {
        unreachable!()
    };
    reader.all_boards_read = true;
    let reader = Caller::User(reader);
    assert_eq!(listed(&fixture, &reader).await, [1, 2, 4, 5, 9]);
    assert_eq!(watched(&fixture, &reader).await, [1, 2, 4, 5, 9]);
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn an_agent_lists_its_own_and_watches_its_boards(pool: PgPool) {
    let fixture = quick(pool).await;
    everything(&fixture).await;
    assert_eq!(listed(&fixture, &agent(Some(BOARD))).await, [8, 9]);
    assert_eq!(watched(&fixture, &agent(Some(BOARD))).await, [1, 4, 8, 9]);
    assert_eq!(
        watched(&fixture, &agent(Some(OTHER_BOARD))).await,
        [2, 5, 8]
    );
    // The main agent of a gateway watches the boards on it.
    assert_eq!(watched(&fixture, &agent(None)).await, [1, 4, 8, 9]);
    assert_eq!(
        watched(&fixture, &internal()).await,
        [1, 2, 3, 4, 5, 6, 7, 8, 9]
    );
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_board_that_one_does_not_see_does_not_exist(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    everything(&fixture).await;
    let member = person(ORGANIZATION, Role::Member, &[BOARD]);
    for (caller, board) in [
        (owner(), FOREIGN_BOARD),
        (owner(), Uuid::from_u128(0xdead)),
        (member, OTHER_BOARD),
        (agent(Some(BOARD)), OTHER_BOARD),
        (agent(None), OTHER_BOARD),
        (person(FOREIGN, Role::Owner, &[BOARD]), BOARD),
    ] {
        let board_id = Some(board.to_string());
        let request = ListActivityRequest {
            board_id: board_id.clone(),
            ..Default::default()
        };
        let refused = fault(fixture.list(&caller, request).await);
        assert_eq!(
            (refused.code, refused.reason.as_str()),
            (chassis::Code::NotFound, "BOARD_NOT_FOUND")
        );
        let request = WatchRequest {
            board_id,
            ..Default::default()
        };
        let refused = fault(fixture.watch(&caller, request).await);
        assert_eq!(
            (refused.code, refused.reason.as_str()),
            (chassis::Code::NotFound, "BOARD_NOT_FOUND")
        );
    }
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_board_may_be_watched_while_its_creation_is_on_its_way(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let request = WatchRequest {
        board_id: Some(BOARD.to_string()),
        ..Default::default()
    };
    let caller = owner();
    let (viewing, ()) = tokio::join!(fixture.watch(&caller, request), async {
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
        fixture
            .tell(vec![Teller::new(start_of_time()).board(GATEWAY, None)])
            .await;
    });
    viewing.unwrap().ready().await;
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn why_an_agent_failed_is_for_admins(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let teller = Teller::new(start_of_time());
    fixture
        .log(
            vec![teller.board(GATEWAY, None), teller.agent_failed(AGENT)],
            2,
        )
        .await;
    let reasons = async |caller: &Caller| {
        let item = fixture.all(caller).await.remove(0);
        assert!(!item.message.unwrap().contains("10.0.0.1"));
        let payload = chassis::encode::from_struct(&item.payload.unwrap());
        let request = WatchRequest {
            after_sequence: Some(1),
            ..Default::default()
        };
        let mut viewing = fixture.watch(caller, request).await.unwrap();
        let (_, event) = viewing.event().await;
        let Some(Payload::AgentProvisionFailed(told)) = event.payload else {
            panic!("{event:?}")
        };
        let agent = told.agent.unwrap();
        assert_eq!(
            payload["agent"]["last_error"].as_str(),
            agent.last_error.as_deref()
        );
        assert_eq!(payload["reason"], told.reason);
        (agent.last_error, told.reason)
    };
    let why = "gateway ws://10.0.0.1 refused".to_owned();
    assert_eq!(reasons(&owner()).await, (Some(why.clone()), why));
    assert_eq!(
        reasons(&person(ORGANIZATION, Role::Member, &[BOARD])).await,
        (None, String::new())
    );
    fixture.stop().await;
}

/// Streams that say often where they stand.
async fn quick(pool: PgPool) -> Fixture {
    let config = activity::Config {
        feed_keep_alive: std::time::Duration::from_millis(50),
        ..crate::fixture::config()
    };
    Fixture::start_with(pool, config).await
}
