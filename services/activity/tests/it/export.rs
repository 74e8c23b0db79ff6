//! The log as a file.

use chassis::{Caller, Code, Role};
use proto::{
    activity::v1::{
        ActivityEvent, ExportActivityRequest, ExportFormat, ListActivityRequest,
        activity_service_client::ActivityServiceClient,
    },
    board::v1::TaskStatus,
    event::v1::ActorKind,
};
use serde_json::Value as Json;
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::{
    fixture::{Fixture, fault, start_of_time, violation},
    story::{AGENT, BOARD, GATEWAY, ORGANIZATION, OTHER_BOARD, Teller, agent, owner, person},
};

/// The whole file, and its media type.
async fn export(
    fixture: &Fixture,
    caller: &Caller,
    request: ExportActivityRequest,
) -> Result<(String, String), Status> {
    let mut client = ActivityServiceClient::new(fixture.client(caller));
    let mut stream = client.export_activity(request).await?.into_inner();
    let (mut media_type, mut file) = (String::new(), Vec::new());
    while let Some(piece) = stream.message().await? {
        media_type = piece.content_type;
        file.extend_from_slice(&piece.data);
    }
    Ok((media_type, String::from_utf8(file).unwrap()))
}

fn as_table() -> ExportActivityRequest {
    ExportActivityRequest {
        format: ExportFormat::Csv.into(),
        ..ExportActivityRequest::default()
    }
}

/// Reads RFC 4180.
fn table(file: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut quoted = false;
    let mut chars = file.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {
                assert_eq!(chars.next(), Some('\n'));
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            char => cell.push(char),
        }
    }
    assert!(
        !quoted && cell.is_empty() && row.is_empty(),
        "it ends with a line"
    );
    rows
}

fn lines(file: &str) -> Vec<Json> {
    assert!(file.ends_with('\n'));
    file.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

async fn told(pool: PgPool) -> Fixture {
    let fixture = Fixture::start(pool).await;
    let teller = Teller::new(start_of_time());
    let other = teller.on(ORGANIZATION, OTHER_BOARD);
    fixture
        .log(
            vec![
                teller.ago(2).board(GATEWAY, None),
                other.board(GATEWAY, None),
                teller.ago(1).created(1, TaskStatus::Inbox),
                teller
                    .by_agent()
                    .commented(1, Uuid::from_u128(1), "=1+1, \"quoted\"\r\nand more"),
                teller.agent_failed(AGENT),
                teller.gateway(),
            ],
            6,
        )
        .await;
    fixture
}

#[sqlx::test(migrations = false)]
async fn lines_say_what_the_list_says_oldest_first(pool: PgPool) {
    let fixture = told(pool).await;
    let (media_type, file) = export(&fixture, &owner(), ExportActivityRequest::default())
        .await
        .unwrap();
    assert_eq!(media_type, "application/x-ndjson");
    let mut lines = lines(&file);
    assert_eq!(lines.pop(), Some(serde_json::json!({"exported": 6})));
    let listed = fixture.all(&owner()).await;
    assert_eq!(lines.len(), listed.len());
    for (line, item) in lines.iter().zip(listed.iter().rev()) {
        let ActivityEvent { actor, .. } = item.clone();
        let actor = actor.unwrap();
        let kind = match actor.kind() {
            ActorKind::User => "user",
            ActorKind::Agent => "agent",
            ActorKind::System | ActorKind::Unspecified => "system",
        };
        assert_eq!(line["sequence"], item.sequence);
        assert_eq!(line["id"], *item.id);
        assert_eq!(line["event_type"], *item.event_type);
        assert_eq!(line["message"].as_str(), item.message.as_deref());
        assert_eq!(line["board_id"].as_str(), item.board_id.as_deref());
        assert_eq!(line["task_id"].as_str(), item.task_id.as_deref());
        assert_eq!(line["agent_id"].as_str(), item.agent_id.as_deref());
        assert_eq!(line["actor"]["kind"], kind);
        assert_eq!(line["actor"]["id"].as_str(), actor.id.as_deref());
        assert_eq!(line["actor"]["name"], *actor.name);
        assert_eq!(line["route_name"], *item.route_name);
        assert_eq!(
            line["route_params"]["boardId"].as_str(),
            item.board_id.as_deref()
        );
        assert_eq!(
            line["payload"],
            chassis::encode::from_struct(item.payload.as_ref().unwrap())
        );
        assert_eq!(line["hash"], *item.hash);
    }
    assert_eq!(lines[2]["created_at"], "2026-11-22T09:30:00Z");
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_table_reads_back_and_holds_no_formula(pool: PgPool) {
    let fixture = told(pool).await;
    let (media_type, file) = export(&fixture, &owner(), as_table()).await.unwrap();
    assert!(media_type.starts_with("text/csv"));
    let mut rows = table(&file);
    assert_eq!(rows.pop(), Some(vec!["# exported 6".to_owned()]));
    let header = rows.remove(0);
    assert_eq!(header[..4], ["sequence", "id", "created_at", "event_type"]);
    let listed = fixture.all(&owner()).await;
    assert_eq!(rows.len(), listed.len());
    for (row, item) in rows.iter().zip(listed.iter().rev()) {
        assert_eq!(row.len(), header.len());
        assert_eq!(row[0], item.sequence.to_string());
        assert_eq!(
            (&row[1], &row[3], &row[12]),
            (&item.id, &item.event_type, &item.hash)
        );
        assert_eq!(row[10], item.message());
        let payload: Json = serde_json::from_str(&row[11]).unwrap();
        assert_eq!(
            payload,
            chassis::encode::from_struct(item.payload.as_ref().unwrap())
        );
        assert!(
            row.iter()
                .all(|cell| !cell.starts_with(['=', '+', '-', '@'])),
            "{row:?}"
        );
    }
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn an_export_is_narrowed_and_limited_like_the_list(pool: PgPool) {
    let fixture = told(pool).await;
    let sequences = async |caller: Caller, request: ExportActivityRequest| {
        let (_, file) = export(&fixture, &caller, request).await.unwrap();
        let mut lines = lines(&file);
        let count = lines.pop().unwrap()["exported"].as_u64().unwrap();
        assert_eq!(count, u64::try_from(lines.len()).unwrap());
        lines
            .iter()
            .map(|line| line["sequence"].as_i64().unwrap())
            .collect::<Vec<_>>()
    };
    let none = ExportActivityRequest::default;
    let member = || person(ORGANIZATION, Role::Member, &[BOARD]);
    assert_eq!(sequences(member(), none()).await, [1, 3, 4, 5]);
    let request = ExportActivityRequest {
        event_type: vec!["task.*".into()],
        actor_id: Some(AGENT.to_string()),
        ..none()
    };
    assert_eq!(sequences(owner(), request).await, [4]);
    let request = ExportActivityRequest {
        since: Some(chassis::encode::time(
            start_of_time() - chrono::TimeDelta::hours(2),
        )),
        until: Some(chassis::encode::time(start_of_time())),
        ..none()
    };
    assert_eq!(sequences(owner(), request).await, [1, 3]);
    let request = ExportActivityRequest {
        board_id: Some(OTHER_BOARD.to_string()),
        ..none()
    };
    assert_eq!(sequences(owner(), request.clone()).await, [2]);
    let refused = fault(export(&fixture, &member(), request).await);
    assert_eq!(
        (refused.code, refused.reason.as_str()),
        (Code::NotFound, "BOARD_NOT_FOUND")
    );

    // Reasons are for admins.
    let (_, file) = export(&fixture, &owner(), none()).await.unwrap();
    assert!(file.contains("10.0.0.1"));
    let (_, file) = export(&fixture, &member(), none()).await.unwrap();
    assert!(!file.contains("10.0.0.1"));

    let refused = fault(export(&fixture, &agent(Some(BOARD)), none()).await);
    assert_eq!(refused.code, Code::Forbidden);
    let request = ExportActivityRequest {
        format: 7,
        ..none()
    };
    assert_eq!(
        violation(export(&fixture, &owner(), request).await).0,
        "format"
    );
    let request = ExportActivityRequest {
        event_type: vec!["%".into()],
        ..none()
    };
    assert_eq!(
        violation(export(&fixture, &owner(), request).await).0,
        "event_type[0]"
    );
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn an_export_has_what_was_there_when_it_began(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let teller = Teller::new(start_of_time());
    fixture
        .log(vec![teller.created(1, TaskStatus::Inbox)], 1)
        .await;
    fixture.multiply(1, 1_199).await;
    let mut client = ActivityServiceClient::new(fixture.client(&owner()));
    let mut stream = client
        .export_activity(as_table())
        .await
        .unwrap()
        .into_inner();
    let mut file = stream.message().await.unwrap().unwrap().data.to_vec();
    let mut pieces = 1;
    fixture.multiply(1, 50).await;
    while let Some(piece) = stream.message().await.unwrap() {
        file.extend_from_slice(&piece.data);
        pieces += 1;
    }
    // 500, 500, and the rest with the last line.
    assert_eq!(pieces, 3);
    let rows = table(&String::from_utf8(file).unwrap());
    assert_eq!(rows.len(), 1_202);
    assert_eq!(rows[1_201], ["# exported 1200"]);
    let sequences: Vec<i64> = rows[1..1_201]
        .iter()
        .map(|row| row[0].parse().unwrap())
        .collect();
    assert_eq!(sequences, (1..=1_200).collect::<Vec<_>>());
    assert_eq!(
        fixture
            .list(&owner(), ListActivityRequest::default())
            .await
            .unwrap()
            .total,
        1_250
    );
    fixture.stop().await;
}
