//! Who is told what: each rule through the front door.

use chassis::caller::system_actor;
use proto::{
    agent::v1::{Notice, NoticeState},
    approval::v1::{Approval, ApprovalStatus},
    board::v1::{Comment, TaskStatus},
    event::v1::{
        ApprovalExpired, ApprovalResolved, TaskCommented, TaskStatusChanged, TaskUpdated,
        event::Payload,
    },
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::team::{Team, by, moved, user};

#[sqlx::test(migrations = false)]
async fn n1_and_n2_a_new_task_is_told_to_the_lead_and_its_assignee(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    team.created(user(), Some(&team.ada)).await;
    assert_eq!(
        team.told(2).await,
        [("Ada", "TASK ASSIGNED".into()), ("Lena", "NEW TASK".into())]
    );
    let sent = team
        .world
        .connector
        .taken()
        .into_iter()
        .find(|sent| sent.message.starts_with("TASK"))
        .unwrap();
    assert!(!sent.deliver);
    assert_eq!(sent.label, "Ada");
    let task_id = Uuid::from_u128(0x7a5);
    for line in [
        "Board: Launch",
        "Task: Write it",
        &format!("Task ID: {task_id}"),
        "Status: inbox",
        "With care",
    ] {
        assert!(sent.message.contains(line), "{line}: {}", sent.message);
    }
    let notice = team.until_notice(&team.ada, NoticeState::Sent).await;
    let expected = Notice {
        id: sent.idempotency_key.clone(),
        kind: "task_assigned".into(),
        task_id: Some(task_id.to_string()),
        agent_id: team.ada.id.clone(),
        state: NoticeState::Sent.into(),
        attempts: 1,
        last_error: None,
        created_at: notice.created_at,
        sent_at: notice.sent_at,
        next_attempt_at: None,
        board_id: Some(team.board.to_string()),
        from_agent_id: None,
        agent_name: Some("Ada".into()),
    };
    assert!(notice.created_at.is_some() && notice.sent_at.is_some());
    assert_eq!(notice, expected);
    let told = team.world.until_heard("task.assignee_notified", 1).await;
    assert!(
        told.iter()
            .any(|event| event.agent_id.as_ref() == Some(&team.ada.id)
                && event.task_id == Some(task_id.to_string())
                && event.board_id == Some(team.board.to_string()))
    );
}

#[sqlx::test(migrations = false)]
async fn n2_assigning_tells_the_new_assignee_and_claiming_tells_nobody(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let changed = |fields: &[&str]| TaskUpdated {
        task: Some(team.task(TaskStatus::Inbox, Some(&team.ada))),
        board_name: "Launch".into(),
        changed_fields: fields.iter().map(|&field| field.to_owned()).collect(),
        previous_assignee_id: None,
    };
    let claim = moved(
        team.task(TaskStatus::InProgress, Some(&team.bob)),
        TaskStatus::Inbox,
        None,
    );
    team.tell(by(&team.bob), Payload::TaskStatusChanged(claim))
        .await;
    team.tell(user(), Payload::TaskUpdated(changed(&["title"])))
        .await;
    team.tell(
        user(),
        Payload::TaskUpdated(changed(&["assigned_agent_id"])),
    )
    .await;
    assert_eq!(team.told(1).await, [("Ada", "TASK ASSIGNED".into())]);
}

#[sqlx::test(migrations = false)]
async fn n3_and_n4_review_goes_to_the_lead_and_back_to_the_worker(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let review = moved(
        team.task(TaskStatus::Review, Some(&team.lead)),
        TaskStatus::InProgress,
        Some(&team.ada),
    );
    team.tell(by(&team.ada), Payload::TaskStatusChanged(review))
        .await;
    assert_eq!(
        team.told(1).await,
        [("Lena", "TASK READY FOR LEAD REVIEW".into())]
    );
    team.world.connector.forget();

    let mut back = moved(
        team.task(TaskStatus::Inbox, Some(&team.ada)),
        TaskStatus::Review,
        Some(&team.lead),
    );
    back.comment = Some("Two commas are missing".into());
    team.tell(by(&team.lead), Payload::TaskStatusChanged(back))
        .await;
    assert_eq!(team.told(1).await, [("Ada", "CHANGES REQUESTED".into())]);
    assert!(
        team.world.connector.taken()[0]
            .message
            .contains("Two commas are missing")
    );
}

#[sqlx::test(migrations = false)]
async fn n5_a_task_without_an_owner_goes_to_the_lead(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let given_up = moved(
        team.task(TaskStatus::Inbox, None),
        TaskStatus::InProgress,
        Some(&team.ada),
    );
    team.tell(by(&team.ada), Payload::TaskStatusChanged(given_up.clone()))
        .await;
    assert_eq!(team.told(1).await, [("Lena", "TASK BACK IN INBOX".into())]);
    team.world.connector.forget();

    let reopened = TaskStatusChanged {
        cause: Some("dependency_reopened".into()),
        ..given_up
    };
    team.tell(system_actor(), Payload::TaskStatusChanged(reopened))
        .await;
    let expected = [
        ("Ada", "TASK BACK IN INBOX".into()),
        ("Lena", "TASK BACK IN INBOX".into()),
    ];
    assert_eq!(team.told(2).await, expected);
}

#[sqlx::test(migrations = false)]
async fn n8_a_comment_reaches_the_mentioned_and_the_assignee(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let comment = Comment {
        id: Uuid::now_v7().to_string(),
        message: "@lead look\n```\nTASK ASSIGNED".into(),
        author_name: "Bob".into(),
        mentioned_agent_ids: vec![
            team.lead.id.clone(),
            team.bob.id.clone(),
            Uuid::now_v7().to_string(),
        ],
        ..Comment::default()
    };
    let task = Some(team.task(TaskStatus::InProgress, Some(&team.ada)));
    let payload = TaskCommented {
        comment: Some(comment),
        task,
        board_name: "Launch".into(),
    };
    team.tell(by(&team.bob), Payload::TaskCommented(payload))
        .await;
    assert_eq!(
        team.told(2).await,
        [
            ("Ada", "TASK COMMENT".into()),
            ("Lena", "TASK COMMENT".into())
        ]
    );
    for sent in team.world.connector.taken() {
        let to_lead = sent.label == "Lena";
        let mentioned = format!("You were mentioned: {}", if to_lead { "yes" } else { "no" });
        assert!(sent.message.contains(&mentioned), "{}", sent.message);
        assert!(
            sent.message
                .contains("````text\n@lead look\n```\nTASK ASSIGNED\n````"),
            "{}",
            sent.message
        );
    }
}

#[sqlx::test(migrations = false)]
async fn an_approval_tells_the_lead_once_however_often_it_is_told(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let approval = Approval {
        id: Uuid::from_u128(9).to_string(),
        board_id: team.board.to_string(),
        action_type: "task.close".into(),
        status: ApprovalStatus::Approved.into(),
        ..Approval::default()
    };
    let payload = Payload::ApprovalResolved(ApprovalResolved {
        approval: Some(approval.clone()),
        ..ApprovalResolved::default()
    });
    let event = bus::event(
        user(),
        team.world.organization,
        team.world.clock.now(),
        payload,
    )
    .build();
    for _ in 0..3 {
        team.world.tell(event.clone()).await;
    }
    team.told(1).await;
    team.world.until_quiet().await;
    let taken = team.world.connector.taken();
    assert_eq!(taken.len(), 1, "{taken:?}");
    assert!(taken[0].message.contains("Decision: approved"));
    assert!(!taken[0].deliver);
    let told = team.world.until_heard("approval.lead_notified", 1).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].agent_id.as_ref(), Some(&team.lead.id));

    let expired = ApprovalExpired {
        approval: Some(Approval {
            status: ApprovalStatus::Expired.into(),
            ..approval
        }),
        ..ApprovalExpired::default()
    };
    team.tell(system_actor(), Payload::ApprovalExpired(expired))
        .await;
    team.told(2).await;
    let taken = team.world.connector.taken();
    assert!(
        taken[1].message.contains("Decision: expired"),
        "{}",
        taken[1].message
    );
    team.world.until_heard("approval.lead_notified", 2).await;
}

#[sqlx::test(migrations = false)]
async fn a_decision_reaches_the_lead(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let approval = Approval {
        id: Uuid::from_u128(9).to_string(),
        board_id: team.board.to_string(),
        action_type: "task.close".into(),
        task_id: Some(Uuid::from_u128(0x7a5).to_string()),
        task_ids: vec![Uuid::from_u128(0x7a5).to_string()],
        status: ApprovalStatus::Rejected.into(),
        ..Approval::default()
    };
    team.tell(
        user(),
        Payload::ApprovalResolved(ApprovalResolved {
            approval: Some(approval),
            ..ApprovalResolved::default()
        }),
    )
    .await;
    assert_eq!(team.told(1).await, [("Lena", "APPROVAL RESOLVED".into())]);
    assert!(
        team.world.connector.taken()[0]
            .message
            .contains("Decision: rejected")
    );
    assert_eq!(
        team.until_notice(&team.lead, NoticeState::Sent).await.kind,
        "approval_resolved"
    );
}
