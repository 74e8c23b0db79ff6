use chassis::Code;
use futures::future::join_all;
use proto::{
    approval::v1::{
        Approval, ApprovalChange, ApprovalStatus, CreateApprovalPolicyRequest,
        ListApprovalHistoryRequest,
    },
    event::v1::event::Payload,
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    boards::{BOARD, task},
    fixture::{Fixture, agent, asking, fault, owner, writer},
};

const PENDING: ApprovalStatus = ApprovalStatus::Pending;
const APPROVED: ApprovalStatus = ApprovalStatus::Approved;
const REJECTED: ApprovalStatus = ApprovalStatus::Rejected;

fn people(required: i32, forbid_self: bool) -> CreateApprovalPolicyRequest {
    CreateApprovalPolicyRequest {
        name: "several people".into(),
        required_approvals: Some(required),
        forbid_self_approval: Some(forbid_self),
        ..CreateApprovalPolicyRequest::default()
    }
}

fn voters(approval: &Approval) -> Vec<&str> {
    approval
        .approvals
        .iter()
        .map(|vote| vote.user_name.as_str())
        .collect()
}

#[sqlx::test(migrations = false)]
async fn several_people_have_to_approve_and_the_last_one_decides(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let policy = it.create_policy(people(3, false)).await.unwrap();
    let asked = it
        .create(&agent(Some(BOARD), false), asking(&[1]))
        .await
        .unwrap();
    assert_eq!(
        (asked.required_approvals, asked.policy_id.as_ref()),
        (3, Some(&policy.id))
    );
    it.told(2).await;

    for (n, note) in [(1, Some("fine")), (2, None)] {
        let voted = it
            .resolve(&writer(n), &asked.id, APPROVED, note)
            .await
            .unwrap();
        assert_eq!((voted.status(), voted.resolved_at), (PENDING, None));
        let count = usize::try_from(n).unwrap();
        assert_eq!(
            (voted.approvals.len(), voted.version),
            (count, i64::try_from(n).unwrap() + 1)
        );
        assert_eq!(voted.approvals[count - 1].note.as_deref(), note);
        let event = it.told(1).await.remove(0);
        assert_eq!(event.r#type, "approval.voted");
        let Some(Payload::ApprovalVoted(told)) = event.payload else {
            panic!("the event of another change");
        };
        assert_eq!(
            (told.approval, told.pending_approvals_count),
            (Some(voted), 1)
        );
        // The same person again counts once, and nobody is told.
        let again = it
            .resolve(&writer(n), &asked.id, APPROVED, Some("again"))
            .await;
        assert_eq!(again.unwrap(), it.get(&asked.id).await);
    }
    let gate = it.gate(task(1), 1).await;
    assert!(!gate.approved && gate.pending_approval_id.is_some());

    let decided = it
        .resolve(&writer(3), &asked.id, APPROVED, Some("go"))
        .await
        .unwrap();
    assert_eq!(
        (
            decided.status(),
            decided.resolved_by_name.as_deref(),
            decided.note.as_deref()
        ),
        (APPROVED, Some("Writer 3"), Some("go"))
    );
    assert_eq!(voters(&decided), ["Writer 1", "Writer 2", "Writer 3"]);
    assert_eq!(it.told_types(1).await, ["approval.resolved"]);
    assert!(it.gate(task(1), 1).await.approved);

    // Reopened, it counts from nothing, and those who approved may do so again.
    let reopened = it
        .resolve(&owner(), &asked.id, PENDING, None)
        .await
        .unwrap();
    assert!(reopened.approvals.is_empty());
    let voted = it
        .resolve(&writer(1), &asked.id, APPROVED, None)
        .await
        .unwrap();
    assert_eq!(
        (voters(&voted), voted.status()),
        (vec!["Writer 1"], PENDING)
    );
    it.told(2).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn one_rejection_is_enough(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    it.create_policy(people(2, false)).await.unwrap();
    let asked = it.create(&owner(), asking(&[1])).await.unwrap();
    it.resolve(&owner(), &asked.id, APPROVED, None)
        .await
        .unwrap();
    // One who approved may think again.
    let rejected = it
        .resolve(&owner(), &asked.id, REJECTED, Some("no"))
        .await
        .unwrap();
    assert_eq!(
        (rejected.status(), voters(&rejected)),
        (REJECTED, vec!["Ada"])
    );
    let fault = fault(it.resolve(&writer(1), &asked.id, APPROVED, None).await);
    assert_eq!(fault.reason, "APPROVAL_RESOLVED");
    let types = it.told_types(4).await;
    assert_eq!(types[2..], ["approval.voted", "approval.resolved"]);
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn who_asked_may_not_decide_where_that_is_forbidden(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    it.create_policy(people(1, true)).await.unwrap();
    let asked = it.create(&writer(1), asking(&[1])).await.unwrap();
    assert!(asked.self_approval_forbidden);
    for status in [APPROVED, REJECTED] {
        let fault = fault(it.resolve(&writer(1), &asked.id, status, None).await);
        assert_eq!(
            (fault.code, fault.reason.as_str()),
            (Code::Forbidden, "SELF_APPROVAL_FORBIDDEN")
        );
    }
    it.resolve(&writer(2), &asked.id, APPROVED, None)
        .await
        .unwrap();
    // What is so already may be repeated by anybody, and anybody who writes may reopen.
    it.resolve(&writer(1), &asked.id, APPROVED, None)
        .await
        .unwrap();
    it.resolve(&writer(1), &asked.id, PENDING, None)
        .await
        .unwrap();
    it.told(4).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn of_simultaneous_last_approvals_one_decides(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    it.create_policy(people(3, false)).await.unwrap();
    it.told(1).await;
    for round in 0..30 {
        let asked = it.create(&owner(), asking(&[1])).await.unwrap();
        it.resolve(&writer(1), &asked.id, APPROVED, None)
            .await
            .unwrap();
        // Two people, each of them several times, and more than are needed.
        let callers: Vec<_> = [2, 3, 2, 4, 3, 2].map(writer).into();
        let attempts = callers
            .iter()
            .map(|who| it.resolve(who, &asked.id, APPROVED, None));
        for answer in join_all(attempts).await {
            answer.unwrap();
        }
        let decided = it.get(&asked.id).await;
        assert_eq!(
            (decided.status(), decided.approvals.len(), decided.version),
            (APPROVED, 3, 4),
            "round {round}"
        );
        let mut ids: Vec<_> = decided
            .approvals
            .iter()
            .map(|vote| vote.user_id.clone().unwrap())
            .collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 3, "round {round}");
        let types = it.told_types(4).await;
        let expected = [
            "approval.created",
            "approval.voted",
            "approval.voted",
            "approval.resolved",
        ];
        assert_eq!(types, expected, "round {round}");
    }
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn of_the_last_approval_and_a_rejection_the_first_stands(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    it.create_policy(people(2, false)).await.unwrap();
    it.told(1).await;
    for round in 0..30 {
        let asked = it.create(&owner(), asking(&[1])).await.unwrap();
        it.resolve(&writer(1), &asked.id, APPROVED, None)
            .await
            .unwrap();
        let (two, three) = (writer(2), writer(3));
        let (approval, rejection) = futures::join!(
            it.resolve(&two, &asked.id, APPROVED, None),
            it.resolve(&three, &asked.id, REJECTED, None),
        );
        let (stands, refused) = match (approval, rejection) {
            (Ok(_), Err(refused)) => (APPROVED, refused),
            (Err(refused), Ok(_)) => (REJECTED, refused),
            both => panic!("round {round}: {both:?}"),
        };
        assert_eq!(chassis::fault::read(&refused).reason, "APPROVAL_RESOLVED");
        assert_eq!(it.get(&asked.id).await.status(), stands, "round {round}");
        it.told(3).await;
    }
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn history_is_paged_oldest_first(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let asked = it.create(&owner(), asking(&[1])).await.unwrap();
    for n in 0..3 {
        let status = if n % 2 == 0 { APPROVED } else { PENDING };
        it.resolve(&owner(), &asked.id, status, None).await.unwrap();
    }
    let request = |limit, offset, page_token| ListApprovalHistoryRequest {
        board_id: BOARD.to_string(),
        approval_id: asked.id.clone(),
        limit: Some(limit),
        offset,
        page_token,
    };
    let (mut changes, mut page_token) = (Vec::new(), None);
    loop {
        let answer = it
            .approvals(&owner())
            .list_approval_history(request(3, None, page_token))
            .await
            .unwrap()
            .into_inner();
        assert_eq!((answer.total, answer.limit, answer.offset), (4, 3, 0));
        changes.extend(answer.items.iter().map(|entry| entry.change()));
        page_token = answer.next_page_token;
        if page_token.is_none() {
            break;
        }
    }
    assert_eq!(
        changes,
        [
            ApprovalChange::Created,
            ApprovalChange::Approved,
            ApprovalChange::Reopened,
            ApprovalChange::Approved
        ]
    );
    let answer = it
        .approvals(&owner())
        .list_approval_history(request(10, Some(3), None))
        .await;
    assert_eq!(answer.unwrap().into_inner().items.len(), 1);
    let unknown = ListApprovalHistoryRequest {
        approval_id: Uuid::from_u128(1).to_string(),
        ..request(10, None, None)
    };
    let fault = fault(it.approvals(&owner()).list_approval_history(unknown).await);
    assert_eq!(fault.reason, "APPROVAL_NOT_FOUND");
    assert_eq!(it.history(&asked.id).await.len(), 4);
    it.told(4).await;
    it.stop().await;
}
