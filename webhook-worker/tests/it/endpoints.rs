use base64::{Engine, engine::general_purpose::STANDARD};
use chassis::{Clock, encode};
use chrono::TimeDelta;
use prost_types::FieldMask;
use proto::webhook::v1::{
    CreateWebhookEndpointRequest, GetWebhookEndpointRequest, ListWebhookEndpointsRequest,
    ListWebhookEndpointsResponse, UpdateWebhookEndpointRequest, WebhookEndpoint,
};
use sqlx::PgPool;

use crate::{
    boards::{BOARD, ORGANIZATION, OTHER_BOARD},
    fixture::{Fixture, Setup, asking, then, violation},
};

async fn get(it: &Fixture, id: &str) -> WebhookEndpoint {
    let request = GetWebhookEndpointRequest {
        webhook_endpoint_id: id.to_owned(),
    };
    let answer = it.owner().get_webhook_endpoint(request).await.unwrap();
    answer.into_inner().webhook_endpoint.unwrap()
}

async fn list(it: &Fixture, request: ListWebhookEndpointsRequest) -> ListWebhookEndpointsResponse {
    let answer = it.owner().list_webhook_endpoints(request).await.unwrap();
    answer.into_inner()
}

#[sqlx::test(migrations = false)]
async fn an_endpoint_is_what_was_asked_for(pool: PgPool) {
    let clock = Clock::fixed(then());
    let setup = Setup {
        clock: clock.clone(),
        ..Setup::default()
    };
    let it = Fixture::start_with(&pool, setup).await;
    let asked = CreateWebhookEndpointRequest {
        url: " https://example.com/hook?a=b ".into(),
        description: Some(" The bot. ".into()),
        board_id: Some(BOARD.to_string()),
        event_types: vec!["task.*".into(), "*".into(), "task.*".into()],
        enabled: Some(false),
    };
    let created = it.create(asked).await.unwrap();
    let expected = WebhookEndpoint {
        id: created.id.clone(),
        organization_id: ORGANIZATION.to_string(),
        url: "https://example.com/hook?a=b".into(),
        description: Some("The bot.".into()),
        board_id: Some(BOARD.to_string()),
        event_types: vec!["task.*".into(), "*".into()],
        enabled: false,
        secret: created.secret.clone(),
        created_at: Some(encode::time(then())),
        updated_at: Some(encode::time(then())),
    };
    assert_eq!(created, expected);
    let plain = it
        .create(asking("http://example.com", &["*"]))
        .await
        .unwrap();
    assert!(plain.enabled && plain.description.is_none() && plain.board_id.is_none());
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn the_secret_is_shown_once_and_kept_sealed(pool: PgPool) {
    let it = Fixture::start(&pool).await;
    let created = it.subscribe("http://example.com", &["*"]).await;
    let secret = created.secret.clone().unwrap();
    let bytes = STANDARD
        .decode(secret.strip_prefix("whsec_").unwrap())
        .unwrap();
    assert_eq!(bytes.len(), 32);

    let shown = WebhookEndpoint {
        secret: None,
        ..created.clone()
    };
    assert_eq!(get(&it, &created.id).await, shown);
    let page = list(&it, ListWebhookEndpointsRequest::default()).await;
    assert_eq!(page.items, [shown]);
    let request = UpdateWebhookEndpointRequest {
        webhook_endpoint_id: created.id.clone(),
        enabled: Some(true),
        ..UpdateWebhookEndpointRequest::default()
    };
    let answer = it.owner().update_webhook_endpoint(request).await.unwrap();
    assert_eq!(answer.into_inner().webhook_endpoint.unwrap().secret, None);

    let row: String = sqlx::query_scalar("select webhook_endpoint::text from webhook_endpoint")
        .fetch_one(&it.pool)
        .await
        .unwrap();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(!row.contains(&hex) && !row.contains(&secret["whsec_".len()..]));
    let other = it.subscribe("http://example.com", &["*"]).await;
    assert_ne!(other.secret, created.secret);
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn an_update_changes_what_it_names(pool: PgPool) {
    let clock = Clock::fixed(then());
    let setup = Setup {
        clock: clock.clone(),
        ..Setup::default()
    };
    let it = Fixture::start_with(&pool, setup).await;
    let created = it
        .create(CreateWebhookEndpointRequest {
            description: Some("Before".into()),
            ..asking("http://example.com/a", &["*"])
        })
        .await
        .unwrap();
    let id = created.id.clone();
    let update = async |paths: &[&str], request: UpdateWebhookEndpointRequest| {
        let request = UpdateWebhookEndpointRequest {
            webhook_endpoint_id: id.clone(),
            update_mask: Some(FieldMask {
                paths: paths.iter().map(|&path| path.to_owned()).collect(),
            }),
            ..request
        };
        let answer = it.owner().update_webhook_endpoint(request).await?;
        Ok(answer.into_inner().webhook_endpoint.unwrap())
    };
    let everything = || UpdateWebhookEndpointRequest {
        url: Some("http://example.com/b".into()),
        description: Some("After".into()),
        event_types: vec!["task.created".into()],
        enabled: Some(false),
        ..UpdateWebhookEndpointRequest::default()
    };
    let mut expected = WebhookEndpoint {
        secret: None,
        ..created.clone()
    };

    clock.advance(TimeDelta::seconds(1));
    // What the mask does not name does not count.
    assert_eq!(update(&[], everything()).await.unwrap(), expected);
    expected.url = "http://example.com/b".into();
    expected.updated_at = Some(encode::time(clock.now()));
    assert_eq!(update(&["url"], everything()).await.unwrap(), expected);
    expected.event_types = vec!["task.created".into()];
    expected.enabled = false;
    let named = update(&["event_types", "enabled"], everything()).await;
    assert_eq!(named.unwrap(), expected);
    // Null empties what may be empty.
    expected.description = None;
    let null = UpdateWebhookEndpointRequest::default;
    let emptied = update(&["description"], null()).await;
    assert_eq!(emptied.unwrap(), expected);
    for field in ["url", "event_types", "enabled"] {
        let refused: Result<_, tonic::Status> = update(&[field], null()).await;
        assert_eq!(
            violation(refused),
            (field.to_owned(), "REQUIRED".to_owned())
        );
    }
    assert_eq!(get(&it, &created.id).await, expected);
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn endpoints_are_listed_newest_first_in_pages(pool: PgPool) {
    let clock = Clock::fixed(then());
    let setup = Setup {
        clock: clock.clone(),
        ..Setup::default()
    };
    let it = Fixture::start_with(&pool, setup).await;
    let mut newest_first = Vec::new();
    for number in 0..5 {
        // The last three in one moment: the id tells them apart.
        if number < 3 {
            clock.advance(TimeDelta::seconds(1));
        }
        let board = if number == 1 { OTHER_BOARD } else { BOARD };
        let asked = CreateWebhookEndpointRequest {
            board_id: Some(board.to_string()),
            ..asking("http://example.com", &["*"])
        };
        let created = it.create(asked).await.unwrap();
        newest_first.insert(
            0,
            WebhookEndpoint {
                secret: None,
                ..created
            },
        );
    }
    let all = list(&it, ListWebhookEndpointsRequest::default()).await;
    let expected = ListWebhookEndpointsResponse {
        items: newest_first.clone(),
        total: 5,
        limit: 200,
        offset: 0,
        next_page_token: None,
    };
    assert_eq!(all, expected);

    let of_board = ListWebhookEndpointsRequest {
        board_id: Some(OTHER_BOARD.to_string()),
        ..ListWebhookEndpointsRequest::default()
    };
    let page = list(&it, of_board).await;
    assert_eq!((page.total, page.items), (1, vec![newest_first[3].clone()]));

    let by_offset = ListWebhookEndpointsRequest {
        limit: Some(2),
        offset: Some(3),
        ..ListWebhookEndpointsRequest::default()
    };
    assert_eq!(list(&it, by_offset).await.items, newest_first[3..]);
    let (mut seen, mut page_token) = (Vec::new(), None);
    loop {
        let request = ListWebhookEndpointsRequest {
            limit: Some(2),
            page_token,
            ..ListWebhookEndpointsRequest::default()
        };
        let page = list(&it, request).await;
        seen.extend(page.items);
        page_token = page.next_page_token;
        if page_token.is_none() {
            break;
        }
    }
    assert_eq!(seen, newest_first);
    it.stop().await;
}
