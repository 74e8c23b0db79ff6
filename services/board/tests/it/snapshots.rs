//! Everything that a page shows of a board.

use std::collections::HashMap;

use chassis::{Caller, Code};
use proto::board::v1::{
    CreateTaskRequest, GetBoardSnapshotRequest, GetBoardSnapshotResponse, TaskStatus,
};
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::{
    bulk,
    callers::{
        GATEWAY, LEAD, OTHER_GATEWAY, agent, all_boards, member, owner, stranger, worker_id,
    },
    fixture::{Fixture, refused, says, violation, wrong},
    request::{Naming, patch, task, to},
};

impl Fixture {
    pub(crate) async fn snapshot(
        &self,
        caller: &Caller,
        done_limit: Option<i32>,
    ) -> Result<GetBoardSnapshotResponse, Status> {
        let request = GetBoardSnapshotRequest {
            board_id: self.board.to_string(),
            done_limit,
        };
        let answer = self.snapshots(caller).get_board_snapshot(request).await?;
        Ok(answer.into_inner())
    }
}

fn titles(snapshot: &GetBoardSnapshotResponse) -> Vec<&str> {
    let cards = snapshot.tasks.iter();
    cards.map(|card| card.title.as_str()).collect()
}

#[sqlx::test(migrations = false)]
async fn a_snapshot_shows_everything_of_a_board(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let first = fixture.task("First").await;
    let waiting = CreateTaskRequest {
        depends_on_task_ids: vec![first.id.clone()],
        ..task(fixture.board, "Waiting")
    };
    fixture.clock.advance(chrono::TimeDelta::seconds(1));
    let waiting = fixture.create(&owner(), waiting).await.unwrap();
    let first = fixture
        .update(&owner(), patch(&first).assignee(Some(worker_id(0))))
        .await
        .unwrap();
    fixture.gate.summarize(&first.id, 3, 1);
    sqlx::query(
        "insert into board_memory (
             id, organization_id, board_id, content, tags, is_chat, author_kind, author_name, mentioned_agent_ids,
             created_at)
         select gen_random_uuid(), organization_id, id, n::text, case when n % 2 = 0 then '{chat}'::text[] else '{}' end,
                n % 2 = 0, 'user', 'Ada', '{}', now() + n * interval '1 s'
           from board, generate_series(1, 420) n",
    )
    .execute(&fixture.pool)
    .await
    .unwrap();

    let snapshot = fixture.snapshot(&owner(), None).await.unwrap();
    assert_eq!(
        snapshot.board,
        Some(fixture.read_board(fixture.board).await)
    );
    assert_eq!(titles(&snapshot), ["Waiting", "First"]);
    let (second, card) = (&snapshot.tasks[0], &snapshot.tasks[1]);
    assert_eq!(
        (
            &second.blocked_by_task_ids,
            second.is_blocked,
            second.version
        ),
        (&vec![first.id.clone()], true, waiting.version)
    );
    assert_eq!(
        (
            card.assignee.as_deref(),
            card.approvals_count,
            card.approvals_pending_count
        ),
        (Some("Alice Cooper"), 3, 1)
    );
    assert_eq!(
        (second.assignee.as_ref(), second.approvals_count),
        (None, 0)
    );
    assert_eq!(
        (&card.created_by_user_id, card.created_at, card.updated_at),
        (
            &first.created_by_user_id,
            first.created_at,
            first.updated_at
        )
    );
    let agents: Vec<&str> = snapshot
        .agents
        .iter()
        .map(|agent| agent.name.as_str())
        .collect();
    assert_eq!(agents, ["Olga", "Alice Cooper", "Bob"]);
    assert_eq!(
        (snapshot.approvals.len(), snapshot.pending_approvals_count),
        (1, 1)
    );
    let chat: Vec<i32> = snapshot
        .chat_messages
        .iter()
        .map(|message| message.content.parse().unwrap())
        .collect();
    let newest: Vec<i32> = (11..=210).map(|n| n * 2).collect();
    assert_eq!(chat, newest);
    assert_eq!(snapshot.task_counts, HashMap::from([("inbox".into(), 2)]));
}

#[sqlx::test(migrations = false)]
async fn a_card_has_the_tags_and_values_of_its_task(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let group = fixture.group_of_board().await;
    fixture.furnish(fixture.board, group).await;
    let tag: Uuid = sqlx::query_scalar("select id from tag")
        .fetch_one(&fixture.pool)
        .await
        .unwrap();
    let request = CreateTaskRequest {
        tag_ids: vec![tag.to_string()],
        ..task(fixture.board, "Tagged")
    };
    let made = fixture.create(&owner(), request).await.unwrap();
    let snapshot = fixture.snapshot(&owner(), None).await.unwrap();
    let card = snapshot
        .tasks
        .iter()
        .find(|card| card.id == made.id)
        .unwrap();
    assert_eq!((card.tags.len(), &card.tags), (1, &made.tags));
    assert_eq!(card.custom_field_values, made.custom_field_values);
    assert_eq!(card.custom_field_values.as_ref().unwrap().fields.len(), 1);
}

#[sqlx::test(migrations = false)]
async fn an_assignee_of_another_board_has_no_name_here(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let work = fixture.task("Work").await;
    fixture
        .update(&owner(), patch(&work).assignee(Some(worker_id(0))))
        .await
        .unwrap();
    fixture.agents.remove(worker_id(0));
    let other = Some(Uuid::from_u128(0x999));
    fixture
        .agents
        .add(worker_id(0), "Alice Cooper", other, false);
    let snapshot = fixture.snapshot(&owner(), None).await.unwrap();
    let card = &snapshot.tasks[0];
    assert_eq!(
        (card.assigned_agent_id.clone(), &card.assignee),
        (Some(worker_id(0).to_string()), &None)
    );
}

#[sqlx::test(migrations = false)]
async fn done_tasks_come_as_many_as_are_asked_for(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    bulk::tasks(&fixture.pool, fixture.board, "done", 0..300).await;
    bulk::tasks(&fixture.pool, fixture.board, "in_progress", 100..102).await;
    let gone = fixture.task_in(TaskStatus::Inbox).await;
    sqlx::query("update task set deleted_at = now() where id = $1::uuid")
        .bind(&gone.id)
        .execute(&fixture.pool)
        .await
        .unwrap();
    let counts = HashMap::from([("done".into(), 300), ("in_progress".into(), 2)]);
    for (limit, cards) in [(None, 202), (Some(0), 2), (Some(1_000), 302)] {
        let snapshot = fixture.snapshot(&owner(), limit).await.unwrap();
        assert_eq!(
            (snapshot.tasks.len(), &snapshot.task_counts),
            (cards, &counts)
        );
    }
    let snapshot = fixture.snapshot(&owner(), Some(1)).await.unwrap();
    assert_eq!(
        titles(&snapshot),
        ["done 299", "in_progress 101", "in_progress 100"]
    );
    for limit in [-1, 1_001] {
        let answer = fixture.snapshot(&owner(), Some(limit)).await;
        assert_eq!(violation(answer), wrong("done_limit", "OUT_OF_RANGE"));
    }
}

#[sqlx::test(migrations = false)]
async fn of_very_many_open_tasks_the_newest_come(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    bulk::tasks(&fixture.pool, fixture.board, "inbox", 0..1_500).await;
    bulk::tasks(&fixture.pool, fixture.board, "review", 1_000..2_500).await;
    let snapshot = fixture.snapshot(&owner(), Some(0)).await.unwrap();
    assert_eq!(snapshot.tasks.len(), 2_000);
    assert_eq!(titles(&snapshot)[0], "review 2499");
    // The last of 2,000: 1,000 reviews above the inbox, then both in turn.
    let oldest = titles(&snapshot)[1_999];
    assert!(oldest.ends_with(" 1000"), "{oldest}");
    assert_eq!(snapshot.task_counts["inbox"], 1_500);
}

#[sqlx::test(migrations = false)]
async fn a_snapshot_is_for_those_who_read_the_board(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let main = |gateway_id| {
        let Caller::Agent(main) = agent(Uuid::from_u128(0x60), "Main", None, false) else {
            unreachable!()
        };
        Caller::Agent(chassis::caller::Agent { gateway_id, ..main })
    };
    for caller in [
        owner(),
        all_boards(false),
        member(&[fixture.board], false),
        fixture.lead(),
        fixture.worker(0),
        main(GATEWAY),
    ] {
        let snapshot = fixture.snapshot(&caller, None).await;
        assert!(snapshot.is_ok(), "{caller:?}");
    }
    let other = fixture.board_called("Other").await;
    for caller in [
        stranger(),
        member(&[other], true),
        agent(LEAD, "Olga", Some(other), true),
        main(OTHER_GATEWAY),
    ] {
        // What is not there has no wrong fields either.
        let answer = fixture.snapshot(&caller, Some(-1)).await;
        assert_eq!(
            refused(answer),
            says(Code::NotFound, "BOARD_NOT_FOUND"),
            "{caller:?}"
        );
    }
}

#[sqlx::test(migrations = false)]
async fn a_snapshot_waits_for_services_that_are_away(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let work = fixture.task("Work").await;
    fixture
        .update(&owner(), to(&work, TaskStatus::InProgress))
        .await
        .unwrap();
    fixture.gate.go_away();
    assert_eq!(
        refused(fixture.snapshot(&owner(), None).await),
        says(Code::Unavailable, "PEER_UNAVAILABLE")
    );
}
