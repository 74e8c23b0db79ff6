//! One task from its creation to its end, with the race for it.

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::team::Team;
use crate::{
    rest::{Rest, text},
    world::{World, eventually},
};

/// 4. A task is created through the flat route and assigned; the agent is told through its gateway session.
pub(super) async fn assign(world: &World, user: &Rest, team: &Team) -> String {
    let task = user
        .post(
            "/api/v1/tasks",
            json!({"board_id": team.board, "title": "Write the launch note", "priority": "high"}),
        )
        .await;
    assert_eq!(
        (&task["status"], &task["version"]),
        (&json!("inbox"), &json!(1))
    );
    let id = text(&task, "id").to_owned();
    let assigned = user
        .post(
            &format!("/api/v1/tasks/{id}/assign-agent"),
            json!({"agent_id": team.worker_id}),
        )
        .await;
    assert_eq!(assigned["assigned_agent_id"], json!(team.worker_id));

    let session = format!("agent:mc-{}:main", team.worker_id);
    eventually("the worker is told through its gateway session", || async {
        let told = world.gateway.messages();
        told.iter()
            .any(|m| m.session_key == session && m.text.contains("Write the launch note"))
            .then_some(())
    })
    .await;
    eventually("the notice reads as sent", || async {
        let notices = user
            .get(&format!("/api/v1/agents/{}/notices", team.worker_id))
            .await;
        let notice = notices["items"]
            .as_array()?
            .iter()
            .find(|n| n["task_id"] == json!(id))?
            .clone();
        (notice["state"] == "sent" && notice["sent_at"].is_string()).then_some(())
    })
    .await;
    id
}

/// 5, the race: of two workers that claim at once exactly one wins; the other is told so, however late it came.
pub(super) async fn claim_exactly_once(user: &Rest, team: &Team) {
    for round in 0..8 {
        let path = format!("/api/v1/boards/{}/tasks", team.board);
        let task = user
            .post(&path, json!({"title": format!("Race {round}")}))
            .await;
        let path = format!(
            "/api/v1/agent/boards/{}/tasks/{}",
            team.board,
            text(&task, "id")
        );
        let claim = |agent: &Rest| {
            let (agent, path) = (agent.clone(), path.clone());
            async move {
                agent
                    .call(Method::PATCH, &path, Some(json!({"status": "in_progress"})))
                    .await
            }
        };
        let answers = join_all([claim(&team.worker), claim(&team.rival)]).await;
        let won = answers.iter().filter(|(status, _)| *status == 200).count();
        assert_eq!(won, 1, "{answers:#?}");
        let lost = answers.iter().find(|(status, _)| *status != 200).unwrap();
        assert_eq!(
            (lost.0, &lost.1["code"]),
            (409, &json!("task_already_claimed")),
            "{answers:#?}"
        );
        let loser = if answers[0].0 == 200 {
            &team.rival
        } else {
            &team.worker
        };
        let claim = Some(json!({"status": "in_progress"}));
        loser
            .refused(Method::PATCH, &path, claim, 409, "task_already_claimed")
            .await;
        user.call(
            Method::DELETE,
            &format!("/api/v1/tasks/{}", text(&task, "id")),
            None,
        )
        .await;
    }
}

/// 5. The worker finds its task, claims it, comments and moves it to review, where the lead has it.
pub(super) async fn work(team: &Team, task: &str) {
    let tasks = format!("/api/v1/agent/boards/{}/tasks", team.board);
    let mine = team
        .worker
        .get(&format!(
            "{tasks}?assigned_agent_id={}&status=inbox",
            team.worker_id
        ))
        .await;
    assert_eq!(
        (&mine["total"], &mine["items"][0]["id"]),
        (&json!(1), &json!(task)),
        "{mine:#}"
    );
    let path = format!("{tasks}/{task}");
    let claimed = team
        .worker
        .patch(&path, json!({"status": "in_progress"}))
        .await;
    assert!(claimed["in_progress_at"].is_string());
    let comment = team
        .worker
        .post(
            &format!("{path}/comments"),
            json!({"message": "Draft is in the wiki."}),
        )
        .await;
    assert_eq!(
        (&comment["author_name"], &comment["author_kind"]),
        (&json!("Walt"), &json!("agent"))
    );
    let reviewed = team
        .worker
        .patch(
            &path,
            json!({"status": "review", "comment": "Ready to read."}),
        )
        .await;
    assert_eq!(
        (&reviewed["status"], &reviewed["in_progress_at"]),
        (&json!("review"), &Value::Null)
    );
    let forbidden = Some(json!({"title": "Mine now"}));
    team.worker
        .refused(
            Method::PATCH,
            &path,
            forbidden,
            403,
            "task_update_field_forbidden",
        )
        .await;
}

/// 6. Done is refused until a person has approved.
pub(super) async fn close_with_approval(user: &Rest, team: &Team, task: &str) {
    let path = format!("/api/v1/boards/{}/tasks/{task}", team.board);
    let done = || Some(json!({"status": "done"}));
    user.refused(Method::PATCH, &path, done(), 409, "task_approval_required")
        .await;
    let ask = json!({
        "action_type": "task.close", "task_id": task, "confidence": 90, "status": "approved",
        "lead_reasoning": "The note was read by two people.",
    });
    let approvals = format!("/api/v1/agent/boards/{}/approvals", team.board);
    let approval = team.lead.post(&approvals, ask.clone()).await;
    assert_eq!(
        approval["status"], "pending",
        "nobody approves their own request by asking"
    );
    let conflict = team
        .worker
        .refused(Method::POST, &approvals, Some(ask), 409, "approval_pending")
        .await;
    assert_eq!(
        conflict["conflicts"],
        json!([{"task_id": task, "approval_id": approval["id"]}])
    );
    user.refused(Method::PATCH, &path, done(), 409, "task_approval_required")
        .await;
    let decide = format!(
        "/api/v1/boards/{}/approvals/{}",
        team.board,
        text(&approval, "id")
    );
    let (status, _) = team
        .lead
        .call(Method::PATCH, &decide, Some(json!({"status": "approved"})))
        .await;
    assert_eq!(status, 403, "an agent decides nothing");
    let decided = user
        .patch(&decide, json!({"status": "approved", "note": "Go."}))
        .await;
    assert_eq!(decided["status"], "approved");
    let closed = user.patch(&path, json!({"status": "done"})).await;
    assert_eq!(closed["status"], "done");
}
