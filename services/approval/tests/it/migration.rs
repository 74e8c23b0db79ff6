use std::borrow::Cow;

use proto::approval::v1::{ApprovalChange, ApprovalStatus, GetApprovalRequest};
use sqlx::{PgPool, migrate::Migrator};
use uuid::Uuid;

use crate::{
    boards::{BOARD, ORGANIZATION},
    fixture::{Fixture, member, start_of_time},
};

#[sqlx::test(migrations = false)]
async fn approvals_from_before_there_were_versions_are_kept(pool: PgPool) {
    let first: Vec<_> = approval::MIGRATOR
        .iter()
        .filter(|migration| migration.version == 1)
        .cloned()
        .collect();
    let first = Migrator {
        migrations: Cow::Owned(first),
        ..Migrator::DEFAULT
    };
    first.run(&pool).await.unwrap();
    let (pending, approved) = (Uuid::from_u128(1), Uuid::from_u128(2));
    sqlx::query(
        "insert into approval (id, organization_id, board_id, action_type, confidence, rubric_scores, status,
             created_by_user_id, created_by_agent_id, created_at, resolved_by_user_id, resolved_by_name, note, resolved_at)
         values ($1, $3, $4, 'task.close', 50, '{}', 'pending', null, $5, $6, null, null, null, null),
                ($2, $3, $4, 'task.close', 50, '{}', 'approved', $5, null, $6, $5, 'Ben', 'fine', $6)",
    )
    .bind(pending)
    .bind(approved)
    .bind(ORGANIZATION)
    .bind(BOARD)
    .bind(Uuid::from_u128(0xbe4))
    .bind(start_of_time())
    .execute(&pool)
    .await
    .unwrap();

    let mut it = Fixture::start(pool).await;
    let open = it.get(&pending.to_string()).await;
    assert_eq!(
        (
            open.status(),
            open.version,
            open.required_approvals,
            open.approvals.len()
        ),
        (ApprovalStatus::Pending, 1, 1, 0)
    );
    let request = GetApprovalRequest {
        board_id: BOARD.to_string(),
        approval_id: approved.to_string(),
    };
    let answer = it.approvals(&member(false)).get_approval(request).await;
    let decided = answer.unwrap().into_inner().approval.unwrap();
    assert_eq!(
        (decided.status(), decided.version),
        (ApprovalStatus::Approved, 2)
    );
    assert_eq!(decided.approvals[0].user_name, "Ben");
    let changes: Vec<_> = it
        .history(&decided.id)
        .await
        .iter()
        .map(|entry| (entry.change(), entry.actor_name.clone()))
        .collect();
    let ben = || "Ben".to_owned();
    let expected = [
        (ApprovalChange::Created, ben()),
        (ApprovalChange::Approved, ben()),
    ];
    assert_eq!(changes, expected);

    // Both live on.
    let (no, again) = (ApprovalStatus::Rejected, ApprovalStatus::Pending);
    let rejected = it.resolve(&member(true), &open.id, no, None).await.unwrap();
    let reopened = it
        .resolve(&member(true), &decided.id, again, None)
        .await
        .unwrap();
    assert_eq!((rejected.version, reopened.version), (2, 3));
    it.told(2).await;
    it.stop().await;
}
