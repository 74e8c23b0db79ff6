//! An organization that holds something of everything is deleted, and then an account: no table keeps a row of them but the
//! log, whose content is gone.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection, Row};

use crate::{
    matrix::cast::join,
    rest::{Rest, text},
    steps::team::{check_in, create_gateway, until_placed},
    world::{Events, Layout, PATIENCE, Shape, World, eventually},
};

/// The log keeps the place of each event, and that the organization is gone, so that nothing of it is written down later.
const LOG: [&str; 2] = ["activity.event", "activity.retention"];

/// Tables of the mesh itself, which remember that an event was handled and not what it said, and ids of what is gone, which
/// are kept for a day against requests that were on their way. A session with a gateway is let go of some time later.
const OWN: [&str; 8] = [
    "outbox",
    "inbox",
    "_sqlx_migrations",
    "chain_head",
    "gone",
    "gone_gateway",
    "tombstone",
    "connector.lease",
];

pub(crate) async fn nothing_stays() {
    let world = World::start(Shape {
        layout: Layout::Together,
        events: Events::Postgres,
    })
    .await;
    let owner = Rest::user(&world.url, &world.token);
    let home = owner.get("/api/v1/organizations/me").await;
    // What comes to a new organization by its event is there before anything is counted.
    eventually("the first organization has its packs", || async {
        let packs = owner.get("/api/v1/skills/packs").await;
        packs
            .as_array()
            .is_some_and(|packs| !packs.is_empty())
            .then_some(())
    })
    .await;
    let mut database = world.database().await;
    let mut before = counts(&mut database).await;

    let doomed = owner
        .post("/api/v1/organizations", json!({"name": "Doomed"}))
        .await;
    let agent = furnish(&world, &owner).await;
    until_nothing_is_empty(&world).await;

    let (status, answer) = owner
        .call(Method::DELETE, "/api/v1/organizations/me", None)
        .await;
    assert_eq!((status, &answer["ok"]), (200, &json!(true)), "{answer:#}");
    // At once, not when the events have arrived.
    let organization = owner.get("/api/v1/organizations/me").await;
    assert_eq!(organization["id"], home["id"]);
    eventually("the agent's token works no longer", || async {
        let (status, _) = agent.call(Method::GET, "/api/v1/agent/healthz", None).await;
        (status == 401).then_some(())
    })
    .await;
    // A colleague is a person still, without an organization.
    before
        .entry("org.user_account".into())
        .and_modify(|count| *count += 1);
    until_as_before(&world, &before, "organization").await;

    let log: i64 =
        sqlx::query_scalar("select count(*) from activity.event where organization_id = $1::uuid")
            .bind(text(&doomed, "id"))
            .fetch_one(&mut database)
            .await
            .unwrap();
    assert!(log > 10, "the log keeps the places of {log} events");
    let listed = owner.get("/api/v1/activity").await;
    assert!(!listed.to_string().contains("Doomed"), "{listed:#}");

    let guest = join(&world, &owner, json!({"role": "admin"}), "guest").await;
    guest
        .post("/api/v1/organizations", json!({"name": "Of the guest"}))
        .await;
    let (status, answer) = guest.call(Method::DELETE, "/api/v1/users/me", None).await;
    assert_eq!((status, &answer["ok"]), (200, &json!(true)), "{answer:#}");
    let (status, _) = guest.call(Method::GET, "/api/v1/users/me", None).await;
    assert_eq!(status, 401);
    // The invite says that it was used, not by whom.
    before
        .entry("org.invite".into())
        .and_modify(|count| *count += 1);
    until_as_before(&world, &before, "account").await;

    owner
        .refused(
            Method::DELETE,
            "/api/v1/organizations/me/members/00000000-0000-4000-8000-000000000000",
            None,
            404,
            "member_not_found",
        )
        .await;
    world.stop().await;
}

/// Fills the active organization with something of everything; answers a client of its worker.
async fn furnish(world: &World, owner: &Rest) -> Rest {
    let gateway = create_gateway(world, owner).await;
    let group = owner
        .post("/api/v1/board-groups", json!({"name": "Group", "slug": ""}))
        .await;
    let board = owner
        .post(
            "/api/v1/boards",
            json!({"name": "Board", "description": "x", "gateway_id": gateway, "board_type": "general",
                "board_group_id": group["id"], "max_agents": 5}),
        )
        .await;
    let board = text(&board, "id").to_owned();
    let on_board = |rest: &str| format!("/api/v1/boards/{board}/{rest}");
    let mut ids = Vec::new();
    for (name, lead) in [("Lena", true), ("Walt", false)] {
        let body = json!({"board_id": board, "name": name, "is_board_lead": lead});
        ids.push(text(&owner.post("/api/v1/agents", body).await, "id").to_owned());
    }
    for id in &ids {
        until_placed(owner, id).await;
    }
    let worker = check_in(world, owner, &format!("mc-{}", ids[1]), &ids[1]).await;

    owner
        .post(
            "/api/v1/webhook-endpoints",
            json!({"url": "http://127.0.0.1:9/", "event_types": ["task.created"]}),
        )
        .await;
    let tag = owner.post("/api/v1/tags", json!({"name": "Tag"})).await;
    owner
        .post(
            "/api/v1/organizations/me/custom-fields",
            json!({"field_key": "size", "board_ids": [board]}),
        )
        .await;
    let first = owner
        .post(
            &on_board("tasks"),
            json!({"title": "First", "assigned_agent_id": ids[1]}),
        )
        .await;
    owner
        .post(
            &on_board("tasks"),
            json!({"title": "Second", "depends_on_task_ids": [first["id"]], "tag_ids": [tag["id"]],
                "custom_field_values": {"size": "L"}}),
        )
        .await;
    let comments = format!("{}/{}/comments", on_board("tasks"), text(&first, "id"));
    owner
        .post(&comments, json!({"message": "Go on, @Walt"}))
        .await;
    owner
        .post(
            "/api/v1/approval-policies",
            json!({"name": "Two", "required_approvals": 2}),
        )
        .await;
    let approval = owner
        .post(
            &on_board("approvals"),
            json!({"action_type": "task.close", "confidence": 80, "lead_reasoning": "done",
                "task_ids": [first["id"]]}),
        )
        .await;
    let approval = format!("{}/{}", on_board("approvals"), text(&approval, "id"));
    owner.patch(&approval, json!({"status": "approved"})).await;
    for path in [on_board("memory"), on_board("group-memory")] {
        owner
            .post(&path, json!({"content": "Remember", "tags": ["chat"]}))
            .await;
    }
    owner
        .patch(
            "/api/v1/organizations/me/settings",
            json!({"event_retention_days": 30, "payload_retention_days": 30, "memory_retention_days": 30}),
        )
        .await;
    owner
        .post(
            "/api/v1/organizations/me/invites",
            json!({"invited_email": "late@example.com", "board_access": [{"board_id": board}]}),
        )
        .await;
    owner
        .post("/api/v1/users/me/api-tokens", json!({"name": "script"}))
        .await;
    let right = json!({"board_access": [{"board_id": board, "can_write": true}]});
    join(world, owner, right, "colleague").await;
    let claim = format!("{}/{}", on_board("tasks"), text(&first, "id"));
    worker.patch(&claim, json!({"status": "in_progress"})).await;
    crew(owner, &gateway, &board, &ids[1]).await;
    owner.post(&on_board("pause"), json!({})).await;
    worker
}

/// What hangs on agents and gateways.
async fn crew(owner: &Rest, gateway: &str, board: &str, agent: &str) {
    owner
        .post(
            &format!("/api/v1/boards/{board}/onboarding/start"),
            json!({}),
        )
        .await;
    let skills = "/api/v1/skills/marketplace";
    let body = json!({"source_url": "https://example.com/skill"});
    let skill = owner.post(skills, body).await;
    let put = |path: String, body: Value| async move {
        let (status, answer) = owner.call(Method::PUT, &path, Some(body)).await;
        assert_eq!(status, 200, "{path}: {answer:#}");
    };
    put(
        format!("/api/v1/agents/{agent}/soul"),
        json!({"content": "Be kind."}),
    )
    .await;
    for path in [
        format!(
            "{skills}/{}/install?gateway_id={gateway}",
            text(&skill, "id")
        ),
        format!("/api/v1/gateways/{gateway}/templates/sync?wait_seconds=0"),
    ] {
        let (status, answer) = owner.call(Method::POST, &path, None).await;
        assert_eq!(status, 200, "{path}: {answer:#}");
    }
}

/// Tables that are filled only while something is under way.
fn is_transient(table: &str) -> bool {
    OWN.iter().any(|own| table.ends_with(own)) || table.starts_with("bus.")
}

/// Rows per table, in every schema of the product.
async fn counts(database: &mut PgConnection) -> BTreeMap<String, i64> {
    let tables = sqlx::query(
        "select table_schema || '.' || table_name from information_schema.tables
         where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema', 'public')",
    )
    .fetch_all(&mut *database)
    .await
    .unwrap();
    let mut counts = BTreeMap::new();
    for table in tables {
        let table: String = table.get(0);
        let query = AssertSqlSafe(format!("select count(*) from {table}"));
        let count: i64 = sqlx::query_scalar(query)
            .fetch_one(&mut *database)
            .await
            .unwrap();
        counts.insert(table, count);
    }
    counts
}

/// Waits until what was furnished has arrived everywhere: only then does an empty table mean that something is missing.
async fn until_nothing_is_empty(world: &World) {
    let mut database = world.database().await;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let empty: Vec<_> = counts(&mut database)
            .await
            .into_iter()
            .filter(|(table, count)| *count == 0 && !is_transient(table))
            .map(|(table, _)| table)
            .collect();
        if empty.is_empty() {
            return;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "the organization has no row in {empty:?}"
        );
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}

/// Waits until no table has more rows than before, the log apart.
async fn until_as_before(world: &World, before: &BTreeMap<String, i64>, what: &str) {
    let mut database = world.database().await;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let more: Vec<Value> = counts(&mut database)
            .await
            .into_iter()
            .filter(|(table, count)| {
                *count > before[table] && !is_transient(table) && !LOG.contains(&table.as_str())
            })
            .map(|(table, count)| json!([table, count]))
            .collect();
        if more.is_empty() {
            return;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "of the {what} there is still {more:?}"
        );
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}
