use proto::{
    event::v1::{UserCreated, event::Payload},
    webhook::v1::CreateWebhookEndpointRequest,
};
use sqlx::PgPool;

use crate::{
    boards::{BOARD, FOREIGN_ORGANIZATION, ORGANIZATION, OTHER_BOARD},
    fixture::{Fixture, asking, created, created_on, event, moved},
    receiver::Receiver,
};

/// What a receiver heard, in the order in which it came.
fn kinds(receiver: &Receiver) -> Vec<String> {
    receiver.calls().iter().map(|call| call.kind()).collect()
}

#[sqlx::test(migrations = false)]
async fn an_endpoint_hears_of_the_types_that_it_names(pool: PgPool) {
    let it = Fixture::start(&pool).await;
    let user_created = || {
        let payload = Payload::UserCreated(UserCreated { user: None });
        event(ORGANIZATION, None, payload)
    };
    let cases: [(&[&str], &[&str]); 6] = [
        (
            &["*"],
            &["task.created", "user.created", "task.status_changed"],
        ),
        (&["task.*"], &["task.created", "task.status_changed"]),
        (&["task.status_changed"], &["task.status_changed"]),
        (
            &["user.*", "task.created"],
            &["task.created", "user.created"],
        ),
        // Several patterns that admit one event are one delivery.
        (
            &["*", "user.*", "user.created"],
            &["task.created", "user.created", "task.status_changed"],
        ),
        (&["task", "task.status", "user.created.*"], &[]),
    ];
    let mut receivers = Vec::new();
    for (types, expected) in cases {
        let receiver = Receiver::start([]).await;
        it.subscribe(&receiver.url(), types).await;
        receivers.push((receiver, expected));
    }
    let last = Receiver::start([]).await;
    it.subscribe(&last.url(), &["*"]).await;
    it.tell([created("One"), user_created(), moved()]).await;

    last.heard(3).await;
    for (receiver, expected) in receivers {
        receiver.heard(expected.len()).await;
        assert_eq!(kinds(&receiver), expected);
    }
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn an_endpoint_of_a_board_hears_of_that_board_alone(pool: PgPool) {
    let it = Fixture::start(&pool).await;
    let (of_board, of_all) = (Receiver::start([]).await, Receiver::start([]).await);
    let request = CreateWebhookEndpointRequest {
        board_id: Some(BOARD.to_string()),
        ..asking(&of_board.url(), &["*"])
    };
    it.create(request).await.unwrap();
    it.subscribe(&of_all.url(), &["*"]).await;
    it.tell([
        created_on(ORGANIZATION, Some(OTHER_BOARD), "Elsewhere"),
        created_on(ORGANIZATION, None, "Nowhere"),
        // Another organization is another world, whatever it calls its board.
        created_on(FOREIGN_ORGANIZATION, Some(BOARD), "Abroad"),
        created("Here"),
    ])
    .await;
    let titles = |receiver: &Receiver| -> Vec<String> {
        let calls = receiver.calls();
        let titles = calls
            .iter()
            .map(|call| call.json()["data"]["payload"]["task"]["title"].clone());
        titles
            .map(|title| title.as_str().unwrap().to_owned())
            .collect()
    };
    of_all.heard(3).await;
    of_board.heard(1).await;
    assert_eq!(titles(&of_all), ["Elsewhere", "Nowhere", "Here"]);
    assert_eq!(titles(&of_board), ["Here"]);
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn events_reach_an_endpoint_in_their_order(pool: PgPool) {
    let it = Fixture::start(&pool).await;
    let receiver = Receiver::start([]).await;
    it.subscribe(&receiver.url(), &["task.*"]).await;
    let titles: Vec<_> = (0..60).map(|number| format!("Task {number}")).collect();
    it.tell(titles.iter().map(|title| created(title))).await;
    let calls = receiver.heard(60).await;
    let heard: Vec<_> = calls
        .iter()
        .map(|call| call.json()["data"]["payload"]["task"]["title"].clone())
        .collect();
    assert_eq!(heard, titles);
    it.stop().await;
}
