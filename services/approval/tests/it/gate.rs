use std::sync::atomic::Ordering;

use chassis::{Caller, Code};
use proto::approval::v1::{ApprovalStatus, CheckGateRequest, CheckGateResponse};
use sqlx::PgPool;

use crate::{
    boards::{BOARD, OTHER_BOARD, task},
    fixture::{Fixture, agent, asking, fault, owner, violation},
};

fn says(approved: bool, pending: Option<&str>) -> CheckGateResponse {
    CheckGateResponse {
        approved,
        pending_approval_id: pending.map(str::to_owned),
    }
}

#[sqlx::test(migrations = false)]
async fn an_approval_opens_the_cycle_in_which_it_was_asked_for(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    assert_eq!(it.gate(task(1), 1).await, says(false, None));

    let first = it.create(&owner(), asking(&[2, 1])).await.unwrap();
    assert_eq!(it.gate(task(1), 1).await, says(false, Some(&first.id)));
    it.resolve(&owner(), &first.id, ApprovalStatus::Approved, None)
        .await
        .unwrap();
    for n in [1, 2] {
        assert_eq!(it.gate(task(n), 1).await, says(true, None));
        assert_eq!(it.gate(task(n), 2).await, says(false, None));
    }

    // The next cycle asks again; what it asks for says nothing about the one before.
    it.boards.cycle.store(2, Ordering::SeqCst);
    let second = it.create(&owner(), asking(&[1])).await.unwrap();
    assert_eq!(it.gate(task(1), 2).await, says(false, Some(&second.id)));
    assert_eq!(it.gate(task(1), 1).await, says(true, Some(&second.id)));
    it.resolve(&owner(), &second.id, ApprovalStatus::Rejected, None)
        .await
        .unwrap();
    assert_eq!(it.gate(task(1), 2).await, says(false, None));

    let third = it.create(&owner(), asking(&[1])).await.unwrap();
    it.resolve(&owner(), &third.id, ApprovalStatus::Approved, None)
        .await
        .unwrap();
    assert_eq!(it.gate(task(1), 2).await, says(true, None));
    it.told(6).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn only_components_ask_and_only_about_the_board_of_the_task(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let asked = it.create(&owner(), asking(&[1])).await.unwrap();
    it.resolve(&owner(), &asked.id, ApprovalStatus::Approved, None)
        .await
        .unwrap();
    let request = |board: String, task: String| CheckGateRequest {
        board_id: board,
        task_id: task,
        cycle: 1,
    };
    let here = request(BOARD.to_string(), task(1).to_string());
    for caller in [owner(), agent(Some(BOARD), true)] {
        assert_eq!(
            fault(it.gates(caller).check_gate(here.clone()).await).code,
            Code::Forbidden
        );
    }
    let board = || {
        it.gates(Caller::Internal {
            service: "board".into(),
        })
    };
    let elsewhere = request(OTHER_BOARD.to_string(), task(1).to_string());
    let answer = board().check_gate(elsewhere).await.unwrap().into_inner();
    assert_eq!(answer, says(false, None));
    for (request, field) in [
        (request("x".into(), task(1).to_string()), "board_id"),
        (request(BOARD.to_string(), String::new()), "task_id"),
    ] {
        assert_eq!(violation(board().check_gate(request).await).0, field);
    }
    it.told(2).await;
    it.stop().await;
}
