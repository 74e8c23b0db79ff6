use std::sync::atomic::Ordering;

use chassis::{Caller, Code, Fault};
use proto::approval::v1::{
    ApprovalStatus, CreateApprovalRequest, GetApprovalRequest, ListApprovalsRequest,
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    boards::{BOARD, FOREIGN_BOARD, OTHER_BOARD},
    fixture::{Fixture, agent, asking, fault, member, owner, stranger},
};

fn not_found(fault: &Fault) -> bool {
    (fault.code, fault.reason.as_str()) == (Code::NotFound, "BOARD_NOT_FOUND")
}

#[sqlx::test(migrations = false)]
async fn who_does_not_see_the_board_finds_nothing(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let asked = it.create(&owner(), asking(&[1])).await.unwrap();
    let mut elsewhere = member(true);
    if let Caller::User(user) = &mut elsewhere {
        user.boards[0].board_id = OTHER_BOARD;
    }
    let mut other_gateway = agent(None, false);
    if let Caller::Agent(agent) = &mut other_gateway {
        agent.gateway_id = Uuid::from_u128(1);
    }
    for who in [
        stranger(),
        elsewhere,
        agent(Some(OTHER_BOARD), true),
        other_gateway,
    ] {
        let mut client = it.approvals(&who);
        let list = ListApprovalsRequest {
            board_id: BOARD.to_string(),
            ..Default::default()
        };
        assert!(
            not_found(&fault(client.list_approvals(list).await)),
            "{who:?}"
        );
        let get = GetApprovalRequest {
            board_id: BOARD.to_string(),
            approval_id: asked.id.clone(),
        };
        assert!(not_found(&fault(client.get_approval(get).await)), "{who:?}");
        // A main agent is refused before the board is looked at.
        let create = fault(client.create_approval(asking(&[2])).await);
        let main = matches!(&who, Caller::Agent(agent) if agent.board_id.is_none());
        assert!(
            if main {
                create.code == Code::Forbidden
            } else {
                not_found(&create)
            },
            "{who:?}"
        );
        if matches!(who, Caller::User(_)) {
            let answer = it
                .resolve(&who, &asked.id, ApprovalStatus::Approved, None)
                .await;
            assert!(not_found(&fault(answer)), "{who:?}");
        }
    }
    // Nor does anybody see a board that is foreign or does not exist.
    for board_id in [FOREIGN_BOARD, Uuid::from_u128(1)] {
        let request = CreateApprovalRequest {
            board_id: board_id.to_string(),
            ..asking(&[])
        };
        assert!(not_found(&fault(it.create(&owner(), request).await)));
    }
    it.told(1).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_reader_reads_and_neither_asks_nor_decides(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let asked = it.create(&owner(), asking(&[1])).await.unwrap();
    let reader = member(false);
    let get = GetApprovalRequest {
        board_id: BOARD.to_string(),
        approval_id: asked.id.clone(),
    };
    let answer = it.approvals(&reader).get_approval(get).await.unwrap();
    assert_eq!(answer.into_inner().approval, Some(asked.clone()));
    for fault in [
        fault(it.create(&reader, asking(&[2])).await),
        fault(
            it.resolve(&reader, &asked.id, ApprovalStatus::Approved, None)
                .await,
        ),
    ] {
        assert_eq!(
            (fault.code, fault.reason.as_str()),
            (Code::Forbidden, "BOARD_WRITE_REQUIRED")
        );
    }
    it.told(1).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn agents_of_the_board_and_its_main_agent_read(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let asked = it
        .create(&agent(Some(BOARD), false), asking(&[1]))
        .await
        .unwrap();
    for who in [
        agent(Some(BOARD), false),
        agent(Some(BOARD), true),
        agent(None, false),
    ] {
        let get = GetApprovalRequest {
            board_id: BOARD.to_string(),
            approval_id: asked.id.clone(),
        };
        let answer = it.approvals(&who).get_approval(get).await.unwrap();
        assert_eq!(answer.into_inner().approval, Some(asked.clone()));
        let list = ListApprovalsRequest {
            board_id: BOARD.to_string(),
            ..Default::default()
        };
        let answer = it.approvals(&who).list_approvals(list).await.unwrap();
        assert_eq!(answer.into_inner().items, std::slice::from_ref(&asked));
    }
    it.told(1).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn an_unknown_approval_is_not_found(pool: PgPool) {
    let it = Fixture::start(pool).await;
    let unknown = Uuid::from_u128(1).to_string();
    let get = GetApprovalRequest {
        board_id: BOARD.to_string(),
        approval_id: unknown,
    };
    let fault = fault(it.approvals(&owner()).get_approval(get).await);
    assert_eq!(
        (fault.code, fault.reason.as_str()),
        (Code::NotFound, "APPROVAL_NOT_FOUND")
    );
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn rights_are_judged_before_the_rest_of_the_request(pool: PgPool) {
    let it = Fixture::start(pool).await;
    let bad = || CreateApprovalRequest {
        action_type: String::new(),
        ..asking(&[])
    };
    assert!(not_found(&fault(it.create(&stranger(), bad()).await)));
    assert_eq!(
        fault(it.create(&member(false), bad()).await).code,
        Code::Forbidden
    );
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_board_service_that_fails_is_not_the_callers_fault(pool: PgPool) {
    let it = Fixture::start(pool).await;
    for (peer, code) in [
        (tonic::Code::Unavailable, Code::Unavailable),
        (tonic::Code::DeadlineExceeded, Code::Unavailable),
        (tonic::Code::PermissionDenied, Code::Internal),
        (tonic::Code::NotFound, Code::Internal),
        (tonic::Code::Internal, Code::Internal),
    ] {
        it.boards.failure.store(peer as i32, Ordering::SeqCst);
        assert_eq!(
            fault(it.create(&owner(), asking(&[1])).await).code,
            code,
            "{peer:?}"
        );
    }
    assert_eq!(it.counts().await, (0, 0));
    it.stop().await;
}
