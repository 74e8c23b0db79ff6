//! Many approvals at once, past the RPCs: what lists and summaries are measured on.

use proto::approval::v1::{
    CheckGateRequest, ListApprovalHistoryRequest, ListApprovalsRequest, SummarizeBoardRequest,
    SummarizeBoardResponse,
};
use sqlx::PgPool;

use crate::{
    boards::{BOARD, ORGANIZATION, task},
    fixture::{Fixture, asking, board_service, counted, fault, owner, start_of_time, violation},
};

/// Approved approvals of the board, each about a task of its own, with a vote and history. Older than the test.
pub(crate) async fn approvals(pool: &PgPool, count: i32) {
    for statement in [
        "insert into approval (id, organization_id, board_id, action_type, confidence, rubric_scores, status, requester,
             created_at, opened_at, round, version, required_approvals, self_approval_forbidden,
             resolved_by_name, resolved_at)
         select ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, $2, $3, 'task.close', 50, '{}', 'approved',
             'worker', $4 - make_interval(secs => n * 0.001), $4 - make_interval(secs => n * 0.001), 1, 2, 1, false, 'Ada', $4
         from generate_series(1, $1) n",
        "insert into approval_task (approval_id, task_id, position, cycle, title, pending)
         select id, gen_random_uuid(), 0, 1, 'Task', false from approval
         where $1 > 0 and organization_id = $2 and board_id = $3 and created_at < $4",
        "insert into approval_vote (id, approval_id, round, user_id, user_name, at)
         select gen_random_uuid(), id, 1, gen_random_uuid(), 'Ada', $4 from approval
         where $1 > 0 and organization_id = $2 and board_id = $3 and created_at < $4",
    ] {
        sqlx::query(statement)
            .bind(count)
            .bind(ORGANIZATION)
            .bind(BOARD)
            .bind(start_of_time())
            .execute(pool)
            .await
            .unwrap();
    }
}

async fn summary(it: &Fixture, limit: i32) -> SummarizeBoardResponse {
    let request = SummarizeBoardRequest {
        board_id: BOARD.to_string(),
        limit,
    };
    it.gates(board_service())
        .summarize_board(request)
        .await
        .unwrap()
        .into_inner()
}

#[sqlx::test(migrations = false)]
async fn a_summary_holds_the_newest_approvals_and_exact_counts(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    assert_eq!(summary(&it, 200).await, SummarizeBoardResponse::default());
    let mut newest_first = Vec::new();
    for n in 1..=4 {
        let asked = it.create(&owner(), asking(&[n, n + 10])).await.unwrap();
        newest_first.insert(0, asked);
    }
    let approved = proto::approval::v1::ApprovalStatus::Approved;
    let oldest = newest_first[3].id.clone();
    newest_first[3] = it.resolve(&owner(), &oldest, approved, None).await.unwrap();
    let again = it.create(&owner(), asking(&[1])).await.unwrap();
    newest_first.insert(0, again);

    let mut tasks = counted(&[1, 2, 3, 4, 11, 12, 13, 14], 1);
    tasks[0].approvals_count = 2;
    tasks[4].approvals_pending_count = 0;
    let expected = SummarizeBoardResponse {
        approvals: newest_first.clone(),
        pending_count: 4,
        tasks,
    };
    assert_eq!(summary(&it, 200).await, expected);
    // The counts are those of all, however few are shown.
    let short = SummarizeBoardResponse {
        approvals: newest_first[..2].to_vec(),
        ..expected.clone()
    };
    assert_eq!(summary(&it, 2).await, short);
    for limit in [-1, 201] {
        let request = SummarizeBoardRequest {
            board_id: BOARD.to_string(),
            limit,
        };
        let answer = it.gates(board_service()).summarize_board(request).await;
        assert_eq!(violation(answer).0, "limit");
    }
    let request = SummarizeBoardRequest {
        board_id: BOARD.to_string(),
        limit: 1,
    };
    let refused = fault(it.gates(owner()).summarize_board(request).await);
    assert_eq!(refused.reason, "CALLER_NOT_ADMITTED");
    it.told(6).await;
    it.stop().await;
}

/// Statements of each read.
async fn statements(it: &Fixture) -> Vec<u64> {
    let mut counts = Vec::new();
    let mut before = chassis::testing::statements();
    let mut count = |counts: &mut Vec<u64>| {
        let now = chassis::testing::statements();
        counts.push(now - before);
        before = now;
    };
    let list = ListApprovalsRequest {
        board_id: BOARD.to_string(),
        ..ListApprovalsRequest::default()
    };
    let page = it.approvals(&owner()).list_approvals(list).await.unwrap();
    count(&mut counts);
    let shown = summary(it, 200).await;
    count(&mut counts);
    assert_eq!(shown.approvals, page.into_inner().items);
    let gate = CheckGateRequest {
        board_id: BOARD.to_string(),
        task_id: task(1).to_string(),
        cycle: 1,
    };
    it.gates(board_service()).check_gate(gate).await.unwrap();
    count(&mut counts);
    let history = ListApprovalHistoryRequest {
        board_id: BOARD.to_string(),
        approval_id: shown.approvals[0].id.clone(),
        ..ListApprovalHistoryRequest::default()
    };
    it.approvals(&owner())
        .list_approval_history(history)
        .await
        .unwrap();
    count(&mut counts);
    counts
}

#[sqlx::test(migrations = false)]
async fn no_read_issues_more_statements_for_a_thousand_rows_than_for_ten(pool: PgPool) {
    chassis::testing::statements();
    let it = Fixture::start(pool).await;
    approvals(&it.pool, 10).await;
    let few = statements(&it).await;
    sqlx::query("delete from approval")
        .execute(&it.pool)
        .await
        .unwrap();
    approvals(&it.pool, 1_000).await;
    let many = statements(&it).await;
    assert!(few.iter().all(|count| *count > 0), "{few:?}");
    assert_eq!(many, few);
    let shown = summary(&it, 200).await;
    assert_eq!((shown.approvals.len(), shown.tasks.len()), (200, 1_000));
    it.stop().await;
}
