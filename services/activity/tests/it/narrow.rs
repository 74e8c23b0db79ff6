//! Every filter of the list, alone and together.

use std::collections::HashMap;

use chassis::encode;
use chrono::TimeDelta;
use prost_types::Timestamp;
use proto::{activity::v1::ListActivityRequest, board::v1::TaskStatus};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    fixture::{Fixture, start_of_time, violation},
    story::{AGENT, ANN, BOARD, GATEWAY, ORGANIZATION, OTHER_BOARD, Teller, agent, owner, task_id},
    tales::GROUP,
};

fn ago(hours: i64) -> Option<Timestamp> {
    Some(encode::time(start_of_time() - TimeDelta::hours(hours)))
}

#[sqlx::test(migrations = false)]
async fn filters_hold_together(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let teller = Teller::new(start_of_time());
    let other = teller.on(ORGANIZATION, OTHER_BOARD);
    let by_agent = teller.by_agent();
    fixture
        .log(
            vec![
                teller.ago(9).board(GATEWAY, None),
                other.ago(9).board(GATEWAY, None),
                teller.ago(5).created(1, TaskStatus::Inbox),
                by_agent.ago(4).updated(1, 2),
                by_agent.ago(3).commented(1, Uuid::from_u128(1), "x"),
                other.by_agent().ago(2).created(2, TaskStatus::Inbox),
                teller.ago(1).agent_created(AGENT, true),
                teller.gateway(),
            ],
            8,
        )
        .await;
    let of = async |request: ListActivityRequest| {
        let found = fixture.list(&owner(), request).await.unwrap();
        let sequences: Vec<_> = found.items.iter().map(|item| item.sequence).collect();
        assert_eq!(found.total, i64::try_from(sequences.len()).unwrap());
        sequences
    };
    let none = ListActivityRequest::default;
    let id = |id: Uuid| Some(id.to_string());
    let types = |types: &[&str]| {
        types
            .iter()
            .map(|kind| (*kind).to_owned())
            .collect::<Vec<_>>()
    };

    assert_eq!(
        of(ListActivityRequest {
            actor_id: id(AGENT),
            ..none()
        })
        .await,
        [6, 5, 4]
    );
    assert_eq!(
        of(ListActivityRequest {
            actor_id: id(ANN),
            ..none()
        })
        .await,
        [8, 7, 3, 2, 1]
    );
    assert_eq!(
        of(ListActivityRequest {
            agent_id: id(AGENT),
            ..none()
        })
        .await,
        [7]
    );
    // At or after, and before.
    assert_eq!(
        of(ListActivityRequest {
            since: ago(4),
            ..none()
        })
        .await,
        [8, 7, 6, 5, 4]
    );
    assert_eq!(
        of(ListActivityRequest {
            until: ago(4),
            ..none()
        })
        .await,
        [3, 2, 1]
    );
    assert_eq!(
        of(ListActivityRequest {
            since: ago(5),
            until: ago(3),
            ..none()
        })
        .await,
        [4, 3]
    );
    assert_eq!(
        of(ListActivityRequest {
            since: ago(1),
            until: ago(2),
            ..none()
        })
        .await,
        [0_i64; 0]
    );
    // One family, one type, several types, types and families.
    let typed = |kinds: &[&str]| ListActivityRequest {
        event_type: types(kinds),
        ..none()
    };
    assert_eq!(of(typed(&["task.*"])).await, [6, 5, 4, 3]);
    assert_eq!(of(typed(&["task.created"])).await, [6, 3]);
    assert_eq!(
        of(typed(&["task.created", "gateway.created"])).await,
        [8, 6, 3]
    );
    assert_eq!(of(typed(&["task.created", "board.*"])).await, [6, 3, 2, 1]);
    let together = ListActivityRequest {
        board_id: id(BOARD),
        task_id: id(task_id(1)),
        actor_id: id(AGENT),
        event_type: types(&["task.*"]),
        since: ago(4),
        until: ago(3),
        ..none()
    };
    assert_eq!(of(together.clone()).await, [4]);
    assert_eq!(
        of(ListActivityRequest {
            board_id: id(OTHER_BOARD),
            ..together
        })
        .await,
        [0_i64; 0]
    );
    // An agent's own: what it did and what concerns it, narrowed the same way.
    let request = ListActivityRequest {
        until: ago(1),
        ..none()
    };
    let own = fixture.list(&agent(Some(BOARD)), request).await.unwrap();
    let own: Vec<_> = own.items.iter().map(|item| item.sequence).collect();
    assert_eq!(own, [6, 5, 4]);

    let request = ListActivityRequest {
        since: Some(Timestamp {
            seconds: i64::MAX,
            nanos: 0,
        }),
        ..none()
    };
    assert_eq!(violation(fixture.list(&owner(), request).await).0, "since");
    let request = ListActivityRequest {
        actor_id: Some("me".into()),
        ..none()
    };
    assert_eq!(
        violation(fixture.list(&owner(), request).await).0,
        "actor_id"
    );
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn every_kind_of_event_leads_to_its_page(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let teller = Teller::new(start_of_time());
    fixture
        .log(
            vec![
                teller.board(GATEWAY, None),
                teller.noted(1, true),
                teller.approval_is("voted", 1, 2),
                teller.untold(1),
                teller.deleted(1, 2),
                teller.agent_deleted(AGENT, true),
                teller.group(GROUP),
                teller.ann_sees(&[BOARD]),
            ],
            8,
        )
        .await;
    let mut places: Vec<_> = fixture
        .all(&owner())
        .await
        .into_iter()
        .map(|item| (item.event_type, item.route_name, item.route_params))
        .collect();
    places.reverse();
    let with = |params: &[(&str, String)]| {
        params
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect::<HashMap<_, _>>()
    };
    let board = || ("boardId", BOARD.to_string());
    let chat = with(&[board(), ("panel", "chat".into())]);
    let task = with(&[board(), ("taskId", task_id(1).to_string())]);
    let expected = [
        ("board.created", "board", chat.clone()),
        ("board.memory_created", "board", chat),
        ("approval.voted", "board.approvals", with(&[board()])),
        ("task.comment_notify_failed", "board", task.clone()),
        ("task.deleted", "board", task),
        ("agent.deleted", "board", with(&[board()])),
    ];
    for ((kind, name, params), expected) in places.iter().zip(expected) {
        assert_eq!((kind.as_str(), name.as_str(), params.clone()), expected);
    }
    for (kind, name, params) in &places[6..] {
        assert_eq!((name.as_str(), &params["eventType"]), ("activity", kind));
        let mut names: Vec<_> = params.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["createdAt", "eventId", "eventType"]);
    }
    fixture.stop().await;
}
