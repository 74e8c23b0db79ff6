//! Groups and slugs under many hands at once.

use chassis::Code;
use proto::board::v1::{
    CreateBoardGroupRequest, CreateBoardRequest, DeleteBoardGroupRequest, UpdateBoardRequest,
};
use sqlx::PgPool;

use crate::{
    callers::owner,
    fixture::{Fixture, refused, says},
    request::{board, board_patch, group},
};

#[sqlx::test(migrations = false)]
async fn of_many_who_want_one_slug_one_gets_it(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    for round in 0..10 {
        let slug = Some(format!("round-{round}"));
        let boards = (0..6).map(|_| {
            let request = CreateBoardRequest {
                slug: slug.clone(),
                ..board("B")
            };
            async { fixture.create_board(&owner(), request).await.map(drop) }
        });
        let groups = (0..6).map(|_| {
            let request = CreateBoardGroupRequest {
                slug: slug.clone(),
                ..group("G")
            };
            async { fixture.create_group(&owner(), request).await.map(drop) }
        });
        let (boards, groups) = futures::join!(
            futures::future::join_all(boards),
            futures::future::join_all(groups)
        );
        for (answers, reason) in [
            (boards, "BOARD_SLUG_TAKEN"),
            (groups, "BOARD_GROUP_SLUG_TAKEN"),
        ] {
            let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
            assert_eq!((won.len(), lost.len()), (1, 5));
            for answer in lost {
                assert_eq!(refused(answer), says(Code::AlreadyExists, reason));
            }
        }
    }
}

#[sqlx::test(migrations = false)]
async fn groups_of_one_name_made_at_once_all_get_a_slug(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let made = (0..12).map(|_| async { fixture.create_group(&owner(), group("Same")).await });
    let slugs: std::collections::HashSet<String> = futures::future::join_all(made)
        .await
        .into_iter()
        .map(|group| group.unwrap().slug)
        .collect();
    assert_eq!(slugs.len(), 12);
    assert!(
        slugs.iter().all(|slug| slug.starts_with("same")),
        "{slugs:?}"
    );
}

#[sqlx::test(migrations = false)]
async fn a_board_joins_a_group_before_it_is_deleted_or_not_at_all(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let other = fixture.board_called("Other").await;
    for _ in 0..15 {
        let (one, two) = (
            fixture.create_group(&owner(), group("One")).await.unwrap(),
            fixture.create_group(&owner(), group("Two")).await.unwrap(),
        );
        fixture
            .join(fixture.board, Some(one.id.parse().unwrap()))
            .await;
        fixture.join(other, Some(two.id.parse().unwrap())).await;
        let join = async |board, group: &str| {
            let request = UpdateBoardRequest {
                board_group_id: Some(group.to_owned()),
                ..board_patch(board, &["board_group_id"])
            };
            match fixture.update_board(&owner(), request).await {
                Ok(_) => {}
                Err(status) => assert_eq!(
                    refused(Err::<(), _>(status)),
                    says(Code::Invalid, "BOARD_GROUP_INVALID")
                ),
            }
        };
        let delete = async |group: &str| {
            let request = DeleteBoardGroupRequest {
                group_id: group.to_owned(),
            };
            fixture
                .groups(&owner())
                .delete_board_group(request)
                .await
                .unwrap();
        };
        // Boards change places while both groups go: nobody waits for somebody who waits for them.
        futures::join!(
            join(fixture.board, &two.id),
            delete(&one.id),
            join(other, &one.id),
            delete(&two.id)
        );
        for board in [fixture.board, other] {
            assert_eq!(fixture.read_board(board).await.board_group_id, None);
        }
    }
}
