//! Sessions on gateways: what they are, what was said there, and saying something.

use chassis::{Caller, Peer, Role};
use proto::agent::v1::{
    AgentStatus, Gateway, GetGatewaySessionRequest, GetSessionHistoryRequest,
    GetSessionHistoryResponse, ListGatewaySessionsRequest, SendSessionMessageRequest,
    gateway_session_service_client::GatewaySessionServiceClient,
};
use serde_json::Value;
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::fixture::{World, person, reason, refusal};

const KEY: &str = "agent:main:main";

impl World {
    fn sessions(&self, caller: Caller) -> GatewaySessionServiceClient<Peer> {
        GatewaySessionServiceClient::new(self.running.client(caller))
    }

    /// A gateway in peace with a session of so many messages.
    async fn talking(&self, messages: usize) -> Gateway {
        let gateway = self.gateway("Lab").await;
        let main = self.main_agent(&gateway).await;
        self.until(&main.id, AgentStatus::Ready).await;
        self.until_quiet().await;
        self.connector.forget();
        self.connector
            .runs(|runtime| runtime.open_session(KEY, messages));
        gateway
    }

    async fn page(
        &self,
        gateway: &Gateway,
        limit: i32,
        token: Option<String>,
    ) -> Result<GetSessionHistoryResponse, Status> {
        let request = GetSessionHistoryRequest {
            session_id: KEY.into(),
            gateway_id: Some(gateway.id.clone()),
            limit: Some(limit),
            page_token: token,
            ..GetSessionHistoryRequest::default()
        };
        let mut client = self.sessions(self.admin());
        Ok(client.get_session_history(request).await?.into_inner())
    }
}

fn texts(page: &GetSessionHistoryResponse) -> Vec<String> {
    let json = page.history.iter().map(chassis::encode::from_value);
    json.map(|message| message["content"].as_str().unwrap().to_owned())
        .collect()
}

fn message(gateway: &Gateway, content: &str, key: Option<&str>) -> SendSessionMessageRequest {
    SendSessionMessageRequest {
        session_id: KEY.into(),
        gateway_id: Some(gateway.id.clone()),
        content: content.into(),
        idempotency_key: key.map(str::to_owned),
        ..SendSessionMessageRequest::default()
    }
}

#[sqlx::test(migrations = false)]
async fn sessions_are_listed_and_found_by_gateway_and_by_board(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.talking(3).await;
    let board = world.board(&gateway, 1).to_string();
    let mut client = world.sessions(world.admin());
    for (gateway_id, board_id) in [
        (Some(gateway.id.clone()), None),
        (None, Some(board.clone())),
    ] {
        let list = ListGatewaySessionsRequest {
            gateway_id: gateway_id.clone(),
            board_id: board_id.clone(),
        };
        let list = client
            .list_gateway_sessions(list)
            .await
            .unwrap()
            .into_inner();
        assert_eq!((list.sessions.len(), list.main_session), (1, None));
        let get = |id: &str| GetGatewaySessionRequest {
            session_id: id.into(),
            gateway_id: gateway_id.clone(),
            board_id: board_id.clone(),
        };
        let session = client
            .get_gateway_session(get(KEY))
            .await
            .unwrap()
            .into_inner()
            .session;
        let session: Value = chassis::encode::from_value(&session.unwrap());
        assert_eq!(session["key"], KEY);
        let unknown = client
            .get_gateway_session(get("agent:nobody:main"))
            .await
            .unwrap_err();
        assert_eq!(
            refusal(&unknown),
            (404, "SESSION_NOT_FOUND".into(), String::new())
        );
    }
    let main = format!("agent:mc-gateway-{}:main", gateway.id);
    world
        .connector
        .runs(|runtime| runtime.open_session(&main, 0));
    let list = ListGatewaySessionsRequest {
        gateway_id: Some(gateway.id.clone()),
        board_id: None,
    };
    let list = client
        .list_gateway_sessions(list)
        .await
        .unwrap()
        .into_inner();
    let found = chassis::encode::from_value(&list.main_session.unwrap());
    assert_eq!(
        (list.sessions.len(), &found["key"]),
        (2, &Value::from(main))
    );
    let nowhere = client
        .list_gateway_sessions(ListGatewaySessionsRequest::default())
        .await;
    assert_eq!(reason(&nowhere.unwrap_err()), "GATEWAY_TARGET_REQUIRED");
    assert!(
        world
            .connector
            .names()
            .iter()
            .all(|name| *name == "sessions")
    );
}

#[sqlx::test(migrations = false)]
async fn a_history_is_read_to_its_beginning_while_it_grows(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.talking(12).await;
    let newest = world.page(&gateway, 5, None).await.unwrap();
    assert_eq!(texts(&newest), ["m8", "m9", "m10", "m11", "m12"]);
    world.connector.runs(|runtime| {
        for n in 0..150 {
            runtime.append(KEY, &format!("new {n}"));
        }
    });
    let older = world
        .page(&gateway, 5, newest.next_page_token.clone())
        .await
        .unwrap();
    assert_eq!(texts(&older), ["m3", "m4", "m5", "m6", "m7"]);
    world
        .connector
        .runs(|runtime| runtime.append(KEY, "newest"));
    let oldest = world
        .page(&gateway, 5, older.next_page_token)
        .await
        .unwrap();
    assert_eq!(
        (texts(&oldest), oldest.next_page_token),
        (vec!["m1".into(), "m2".into()], None)
    );

    // The session began anew meanwhile: nothing is passed off as what came before.
    world.connector.runs(|runtime| runtime.open_session(KEY, 2));
    let stale = world
        .page(&gateway, 5, newest.next_page_token)
        .await
        .unwrap_err();
    assert_eq!(
        refusal(&stale),
        (422, "INVALID_REQUEST".into(), "page_token".into())
    );
    for (limit, token, field) in [
        (0, None, "limit"),
        (201, None, "limit"),
        (5, Some("x".to_owned()), "page_token"),
    ] {
        let refused = world.page(&gateway, limit, token).await.unwrap_err();
        assert_eq!(refusal(&refused).2, field);
    }
    let whole = world.page(&gateway, 200, None).await.unwrap();
    assert_eq!((texts(&whole).len(), whole.next_page_token), (2, None));
}

#[sqlx::test(migrations = false)]
async fn a_message_is_taken_once_by_each_key_of_each_person(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.talking(0).await;
    let mut client = world.sessions(world.admin());
    for (text, key) in [
        ("one", Some("k")),
        ("one", Some("k")),
        ("two", None),
        ("two", None),
    ] {
        let sent = client
            .send_session_message(message(&gateway, text, key))
            .await;
        assert!(sent.unwrap().into_inner().ok);
    }
    let Caller::User(user) = world.admin() else {
        unreachable!()
    };
    let other = Caller::User(chassis::caller::User {
        id: Uuid::from_u128(78),
        ..user
    });
    let theirs = message(&gateway, "theirs", Some("k"));
    world
        .sessions(other)
        .send_session_message(theirs)
        .await
        .unwrap();
    let taken = world.connector.taken();
    let texts: Vec<_> = taken.iter().map(|sent| sent.message.as_str()).collect();
    assert_eq!(texts, ["one", "two", "two", "theirs"]);
    assert!(
        taken
            .iter()
            .all(|sent| !sent.deliver && sent.session_key == KEY && sent.label.is_empty())
    );
}

#[sqlx::test(migrations = false)]
async fn a_message_needs_a_session_a_text_and_a_gateway_that_answers(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.talking(0).await;
    let mut client = world.sessions(world.admin());
    let elsewhere = SendSessionMessageRequest {
        session_id: "agent:nobody:main".into(),
        ..message(&gateway, "hello", None)
    };
    let refused = client.send_session_message(elsewhere).await.unwrap_err();
    assert_eq!(reason(&refused), "SESSION_NOT_FOUND");
    let (long, long_key) = ("x".repeat(20_001), "k".repeat(201));
    for (request, field) in [
        (message(&gateway, " ", None), "content"),
        (message(&gateway, &long, None), "content"),
        (message(&gateway, "a\0b", None), "content"),
        (
            message(&gateway, "hello", Some(&long_key)),
            "idempotency_key",
        ),
    ] {
        let refused = client.send_session_message(request).await.unwrap_err();
        assert_eq!(
            refusal(&refused),
            (422, "INVALID_REQUEST".into(), field.into())
        );
    }
    // No gateway is asked about a key that none can have.
    let mut nowhere = message(&gateway, "hello", None);
    nowhere.session_id = "s".repeat(301);
    let refused = client.send_session_message(nowhere).await.unwrap_err();
    assert_eq!(
        refusal(&refused),
        (422, "INVALID_REQUEST".into(), "session_id".into())
    );
    for (word, http) in [
        ("GATEWAY_UNREACHABLE", 503),
        ("GATEWAY_BUSY", 503),
        ("GATEWAY_UNAUTHORIZED", 409),
        ("GATEWAY_SCOPE_MISSING", 409),
    ] {
        world.connector.fail(1, word);
        let refused = client
            .send_session_message(message(&gateway, "hello", None))
            .await;
        let fault = chassis::fault::read(&refused.unwrap_err());
        assert_eq!((fault.reason.as_str(), fault.code.http()), (word, http));
        assert_eq!(fault.retry_after.is_some(), http == 503);
    }
    let mut stranger = world.sessions(person(Uuid::from_u128(2), Role::Owner));
    let refused = stranger
        .send_session_message(message(&gateway, "hello", None))
        .await;
    assert_eq!(reason(&refused.unwrap_err()), "GATEWAY_NOT_FOUND");
    let member = person(world.organization, Role::Member);
    let refused = world
        .sessions(member)
        .send_session_message(message(&gateway, "hello", None))
        .await;
    assert_eq!(refused.unwrap_err().code(), tonic::Code::PermissionDenied);
    assert!(world.connector.taken().is_empty());
}
