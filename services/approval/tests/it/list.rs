use chassis::encode;
use chrono::TimeDelta;
use proto::approval::v1::{
    ApprovalStatus, CreateApprovalRequest, ListApprovalsRequest, ListApprovalsResponse,
};
use sqlx::PgPool;

use crate::{
    boards::{BOARD, OTHER_BOARD},
    fixture::{Fixture, asking, member, owner, start_of_time, violation},
};

fn on_board() -> ListApprovalsRequest {
    ListApprovalsRequest {
        board_id: BOARD.to_string(),
        ..ListApprovalsRequest::default()
    }
}

async fn list(it: &Fixture, request: ListApprovalsRequest) -> ListApprovalsResponse {
    it.approvals(&member(false))
        .list_approvals(request)
        .await
        .unwrap()
        .into_inner()
}

fn ids(page: &ListApprovalsResponse) -> Vec<String> {
    page.items
        .iter()
        .map(|approval| approval.id.clone())
        .collect()
}

#[sqlx::test(migrations = false)]
async fn approvals_are_listed_newest_first_with_their_tasks(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let mut newest_first = Vec::new();
    for n in 1..=3 {
        newest_first.insert(0, it.create(&owner(), asking(&[n, n + 10])).await.unwrap());
        it.clock.advance(TimeDelta::seconds(1));
    }
    let mut elsewhere = asking(&[100]);
    elsewhere.board_id = OTHER_BOARD.to_string();
    it.create(&owner(), elsewhere).await.unwrap();

    let page = list(&it, on_board()).await;
    let expected = ListApprovalsResponse {
        items: newest_first,
        total: 3,
        limit: 200,
        offset: 0,
        next_page_token: None,
    };
    assert_eq!(page, expected);
    it.told(4).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_status_narrows_the_list(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let mut made = Vec::new();
    for n in 1..=3 {
        made.push(it.create(&owner(), asking(&[n])).await.unwrap().id);
    }
    it.resolve(&owner(), &made[0], ApprovalStatus::Approved, None)
        .await
        .unwrap();
    it.resolve(&owner(), &made[1], ApprovalStatus::Rejected, None)
        .await
        .unwrap();
    let expiring = CreateApprovalRequest {
        expires_at: Some(encode::time(start_of_time() + TimeDelta::seconds(1))),
        ..asking(&[])
    };
    made.push(it.create(&owner(), expiring).await.unwrap().id);
    it.clock.advance(TimeDelta::seconds(1));
    it.told(7).await;
    for (status, expected) in [
        (ApprovalStatus::Expired, &made[3]),
        (ApprovalStatus::Approved, &made[0]),
        (ApprovalStatus::Rejected, &made[1]),
        (ApprovalStatus::Pending, &made[2]),
    ] {
        let request = ListApprovalsRequest {
            status: Some(status.into()),
            ..on_board()
        };
        let page = list(&it, request).await;
        assert_eq!((ids(&page), page.total), (vec![expected.clone()], 1));
    }
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn pages_by_offset_and_by_token_cover_everything_once(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let mut newest_first = Vec::new();
    // All in one moment: the id tells them apart.
    for _ in 0..5 {
        newest_first.insert(0, it.create(&owner(), asking(&[])).await.unwrap().id);
    }
    let all = ListApprovalsRequest {
        limit: Some(5),
        ..on_board()
    };
    assert_eq!(list(&it, all).await.next_page_token, None);
    let by_offset = ListApprovalsRequest {
        limit: Some(2),
        offset: Some(3),
        ..on_board()
    };
    let page = list(&it, by_offset).await;
    assert_eq!(
        (ids(&page), page.total, page.offset),
        (newest_first[3..].to_vec(), 5, 3)
    );

    let (mut seen, mut page_token) = (Vec::new(), None);
    loop {
        let page = list(
            &it,
            ListApprovalsRequest {
                limit: Some(2),
                page_token,
                ..on_board()
            },
        )
        .await;
        seen.extend(ids(&page));
        page_token = page.next_page_token;
        if page_token.is_none() {
            break;
        }
        // What is asked for meanwhile does not shift the pages that follow.
        it.create(&owner(), asking(&[])).await.unwrap();
    }
    assert_eq!(seen, newest_first);
    it.told(7).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn bounds_of_a_page_are_judged(pool: PgPool) {
    let it = Fixture::start(pool).await;
    for (request, field) in [
        (
            ListApprovalsRequest {
                limit: Some(0),
                ..on_board()
            },
            "limit",
        ),
        (
            ListApprovalsRequest {
                limit: Some(201),
                ..on_board()
            },
            "limit",
        ),
        (
            ListApprovalsRequest {
                offset: Some(-1),
                ..on_board()
            },
            "offset",
        ),
        (
            ListApprovalsRequest {
                page_token: Some("nope".into()),
                ..on_board()
            },
            "page_token",
        ),
        (
            ListApprovalsRequest {
                status: Some(9),
                ..on_board()
            },
            "status",
        ),
        (
            ListApprovalsRequest {
                board_id: "nope".into(),
                ..on_board()
            },
            "board_id",
        ),
    ] {
        assert_eq!(
            violation(it.approvals(&owner()).list_approvals(request).await).0,
            field
        );
    }
    it.stop().await;
}
