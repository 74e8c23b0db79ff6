use chassis::{Clock, caller::system_actor};
use proto::{
    agent::v1::{
        Agent, AgentStatus, ListAgentNoticesRequest, ListBoardNoticesRequest, Notice, NoticeState,
    },
    approval::v1::{Approval, ApprovalStatus},
    board::v1::{Comment, Task, TaskStatus},
    event::v1::{
        Actor, ApprovalResolved, TaskCommented, TaskCreated, TaskStatusChanged, TaskUpdated,
        event::Payload,
    },
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    fixture::{World, calling, person, reason, until},
    stand_in::Mood,
};

/// A board with a lead and two workers, all ready.
struct Team {
    world: World,
    board: Uuid,
    lead: Agent,
    ada: Agent,
    bob: Agent,
}

impl Team {
    async fn start(pool: PgPool, extra: &[&str]) -> Self {
        let world = World::start_with(pool, Clock::system(), extra).await;
        let gateway = world.gateway("Lab").await;
        let board = world.board(&gateway, 5);
        let (lead, ada, bob) = (
            world.lead(board, "Lena").await,
            world.worker(board, "Ada").await,
            world.worker(board, "Bob").await,
        );
        for agent in [&world.main_agent(&gateway).await, &lead, &ada, &bob] {
            world.until(&agent.id, AgentStatus::Ready).await;
        }
        world.connector.forget();
        Self {
            world,
            board,
            lead,
            ada,
            bob,
        }
    }

    fn task(&self, status: TaskStatus, assignee: Option<&Agent>) -> Task {
        Task {
            id: Uuid::from_u128(0x7a5).to_string(),
            board_id: self.board.to_string(),
            title: "Write it".into(),
            description: Some("With care".into()),
            status: status.into(),
            assigned_agent_id: assignee.map(|agent| agent.id.clone()),
            ..Task::default()
        }
    }

    async fn tell(&self, actor: Actor, payload: Payload) {
        let event = bus::event(
            actor,
            self.world.organization,
            self.world.clock.now(),
            payload,
        )
        .board(self.board);
        self.world.tell(event.build()).await;
    }

    async fn created(&self, actor: Actor, assignee: Option<&Agent>) {
        let task = Some(self.task(TaskStatus::Inbox, assignee));
        self.tell(
            actor,
            Payload::TaskCreated(TaskCreated {
                task,
                board_name: "Launch".into(),
            }),
        )
        .await;
    }

    /// What each agent was told, after this many messages arrived: name and first line.
    async fn told(&self, count: usize) -> Vec<(&'static str, String)> {
        let taken = until(&format!("{count} messages"), || async {
            Some(self.world.connector.taken()).filter(|taken| taken.len() >= count)
        })
        .await;
        let mut told: Vec<_> = taken
            .iter()
            .map(|sent| {
                let name = [("Lena", &self.lead), ("Ada", &self.ada), ("Bob", &self.bob)]
                    .into_iter()
                    .find(|(_, agent)| {
                        agent.openclaw_session_id.as_ref() == Some(&sent.session_key)
                    })
                    .map_or("?", |(name, _)| name);
                (name, sent.message.lines().next().unwrap().to_owned())
            })
            .collect();
        told.sort();
        told
    }

    async fn notices(&self, agent: &Agent) -> Vec<Notice> {
        let request = ListAgentNoticesRequest {
            agent_id: agent.id.clone(),
            ..Default::default()
        };
        self.world
            .notices(self.world.admin())
            .list_agent_notices(request)
            .await
            .unwrap()
            .into_inner()
            .items
    }

    async fn until_notice(&self, agent: &Agent, state: NoticeState) -> Notice {
        until(&format!("a notice is {state:?}"), || async {
            self.notices(agent)
                .await
                .into_iter()
                .find(|notice| notice.state() == state)
        })
        .await
    }
}

fn user() -> Actor {
    person(Uuid::from_u128(1), chassis::Role::Admin).event_actor()
}

fn by(agent: &Agent) -> Actor {
    calling(agent, Uuid::from_u128(1)).event_actor()
}

fn moved(task: Task, from: TaskStatus, previous: Option<&Agent>) -> TaskStatusChanged {
    TaskStatusChanged {
        from: from.into(),
        to: task.status,
        task: Some(task),
        board_name: "Launch".into(),
        previous_assignee_id: previous.map(|agent| agent.id.clone()),
        ..TaskStatusChanged::default()
    }
}

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
    };
    assert!(notice.created_at.is_some() && notice.sent_at.is_some());
    assert_eq!(notice, expected);
    let told = team.world.until_heard("notice.sent", 2).await;
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
    let told = team.world.until_heard("notice.dead", 1).await;
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
