use std::sync::atomic::Ordering;

use chassis::{Code, encode};
use futures::future::join_all;
use proto::{
    approval::v1::{Approval, ApprovalStatus, CreateApprovalRequest, GetApprovalRequest},
    event::v1::{ActorKind, ApprovalCreated, event::Payload},
};
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    boards::{BOARD, ORGANIZATION, task},
    fixture::{
        Fixture, agent, asking, asking_with, counted, fault, member, owner, reason, start_of_time,
        violation,
    },
};

#[sqlx::test(migrations = false)]
async fn an_agent_asks_and_the_request_is_pending_in_its_name(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    it.boards.cycle.store(3, Ordering::SeqCst);
    let request = CreateApprovalRequest {
        action_type: "  task.close ".into(),
        task_id: Some(task(2).to_string()),
        payload: encode::to_struct(&json!({"reason": "tests pass", "n": 1, "taskIds": [task(3)]})),
        rubric_scores: [("clarity".to_owned(), 40), ("risk".to_owned(), 0)].into(),
        lead_reasoning: None,
        ..asking(&[1, 2, 1])
    };
    let approval = it
        .create(&agent(Some(BOARD), false), request.clone())
        .await
        .unwrap();
    assert_eq!(
        approval,
        Approval {
            id: approval.id.clone(),
            board_id: BOARD.to_string(),
            action_type: "task.close".into(),
            task_id: Some(task(2).to_string()),
            task_ids: [2, 1, 3].map(|n| task(n).to_string()).into(),
            task_titles: ["Task 2", "Task 1", "Task 3"].map(str::to_owned).into(),
            agent_id: Some(Uuid::from_u128(0xa9e).to_string()),
            payload: request.payload,
            confidence: 80.0,
            rubric_scores: request.rubric_scores,
            status: ApprovalStatus::Pending.into(),
            created_at: Some(encode::time(start_of_time())),
            version: 1,
            required_approvals: 1,
            ..Approval::default()
        }
    );

    let event = it.told(1).await.remove(0);
    assert_eq!(event.r#type, "approval.created");
    assert_eq!(event.organization_id, ORGANIZATION.to_string());
    assert_eq!(event.board_id, Some(BOARD.to_string()));
    assert_eq!(event.task_id, approval.task_id);
    assert_eq!(event.agent_id, approval.agent_id);
    assert_eq!(event.actor.as_ref().unwrap().kind(), ActorKind::Agent);
    let told = ApprovalCreated {
        approval: Some(approval),
        pending_approvals_count: 1,
        task_counts: counted(&[2, 1, 3], 1),
    };
    assert_eq!(event.payload, Some(Payload::ApprovalCreated(told)));

    let gate = it.gate(task(3), 3).await;
    assert!(!gate.approved && gate.pending_approval_id.is_some());
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_person_asks_without_any_task(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let approval = it.create(&member(true), asking(&[])).await.unwrap();
        assert_eq!(
            (approval.task_id, approval.task_ids, approval.agent_id),
            (None, vec![], None)
        );
        assert_eq!(
            approval.created_by_user_id,
            Some(Uuid::from_u128(0xbe4).to_string())
        );
        assert_eq!(approval.payload, reason("it is done"));
        ids.push(approval.id);
    }
    assert_ne!(ids[0], ids[1]);
    let event = it.told(2).await.remove(0);
    assert_eq!((event.task_id, event.agent_id), (None, None));
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn somebody_has_to_say_why(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    for payload in [
        json!({}),
        json!({"reason": "  "}),
        json!({"decision": {"reason": 7}}),
    ] {
        let request = CreateApprovalRequest {
            lead_reasoning: None,
            ..asking_with(&payload)
        };
        let fault = fault(it.create(&owner(), request).await);
        assert_eq!(
            (fault.code, fault.reason.as_str()),
            (Code::Invalid, "REASON_REQUIRED")
        );
    }
    let request = CreateApprovalRequest {
        lead_reasoning: Some(" \n".into()),
        ..asking(&[])
    };
    assert_eq!(
        fault(it.create(&owner(), request).await).reason,
        "REASON_REQUIRED"
    );
    assert_eq!(it.counts().await, (0, 0));

    let decided = json!({"decision": {"reason": "yes"}});
    let approval = it.create(&owner(), asking_with(&decided)).await.unwrap();
    assert_eq!(approval.payload, encode::to_struct(&decided));
    it.told(1).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn tasks_are_found_under_every_spelling(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let payload = json!({
        "reason": "x", "task_ids": [task(1), "nope", 5, null], "taskIds": [task(2)], "taskIDs": [task(3), task(1)],
        "task_id": task(4), "taskId": task(5), "taskID": task(6),
    });
    let approval = it.create(&owner(), asking_with(&payload)).await.unwrap();
    let expected: Vec<_> = (1..=6).map(|n| task(n).to_string()).collect();
    assert_eq!(approval.task_ids, expected);
    let request = GetApprovalRequest {
        board_id: BOARD.to_string(),
        approval_id: approval.id.clone(),
    };
    let stored = it.approvals(&owner()).get_approval(request).await.unwrap();
    assert_eq!(stored.into_inner().approval, Some(approval));
    it.told(1).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn every_task_has_to_be_of_the_board(pool: PgPool) {
    let it = Fixture::start(pool).await;
    let expected = json!([task(100), task(999)]);
    let payload = json!({"reason": "x", "taskID": task(999)});
    let requests = [
        asking(&[100, 1, 999]),
        CreateApprovalRequest {
            task_ids: asking(&[1, 100]).task_ids,
            ..asking_with(&payload)
        },
    ];
    for request in requests {
        let fault = fault(it.create(&owner(), request).await);
        assert_eq!(
            (fault.code, fault.reason.as_str()),
            (Code::NotFound, "TASK_NOT_FOUND")
        );
        assert_eq!(fault.facts["missing_task_ids"], expected);
    }
    assert_eq!(it.counts().await, (0, 0));
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn confidence_is_required_and_bounded(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let with = |confidence| CreateApprovalRequest {
        confidence,
        ..asking(&[])
    };
    for (confidence, reason) in [
        (None, "CONFIDENCE_REQUIRED"),
        (Some(-0.1), "CONFIDENCE_OUT_OF_RANGE"),
        (Some(100.1), "CONFIDENCE_OUT_OF_RANGE"),
        (Some(f64::NAN), "CONFIDENCE_OUT_OF_RANGE"),
        (Some(f64::INFINITY), "CONFIDENCE_OUT_OF_RANGE"),
        (Some(f64::NEG_INFINITY), "CONFIDENCE_OUT_OF_RANGE"),
    ] {
        let fault = fault(it.create(&owner(), with(confidence)).await);
        assert_eq!((fault.code, fault.reason.as_str()), (Code::Invalid, reason));
        assert_eq!(fault.fields[0].field, "confidence");
    }
    for confidence in [0.0, 100.0, 66.6] {
        let approval = it.create(&owner(), with(Some(confidence))).await.unwrap();
        assert!((approval.confidence - confidence).abs() < f64::EPSILON);
    }
    it.told(3).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn what_is_malformed_or_too_much_is_refused_with_its_field(pool: PgPool) {
    let it = Fixture::start(pool).await;
    let action = |text: &str| CreateApprovalRequest {
        action_type: text.into(),
        ..asking(&[])
    };
    let scores = |scores: Vec<(String, i32)>| CreateApprovalRequest {
        rubric_scores: scores.into_iter().collect(),
        ..asking(&[])
    };
    let many: Vec<u128> = (1..=51).collect();
    let listed: Vec<Uuid> = (1..=51).map(task).collect();
    let nan = prost_types::Value {
        kind: Some(prost_types::value::Kind::NumberValue(f64::NAN)),
    };
    let nan = prost_types::Struct {
        fields: [("a".to_owned(), nan)].into(),
    };
    let long = Some("x".repeat(10_001));
    let cases = [
        (action(""), "action_type", "BLANK"),
        (action(" "), "action_type", "BLANK"),
        (action("a\0"), "action_type", "NUL_BYTE"),
        (action(&"x".repeat(101)), "action_type", "TOO_LONG"),
        (
            CreateApprovalRequest {
                board_id: "nope".into(),
                ..asking(&[])
            },
            "board_id",
            "NOT_A_UUID",
        ),
        (
            CreateApprovalRequest {
                board_id: "\0".into(),
                ..asking(&[])
            },
            "board_id",
            "NOT_A_UUID",
        ),
        (
            CreateApprovalRequest {
                task_id: Some("x".into()),
                ..asking(&[])
            },
            "task_id",
            "NOT_A_UUID",
        ),
        (
            CreateApprovalRequest {
                task_ids: vec!["x".into()],
                ..asking(&[])
            },
            "task_ids[0]",
            "NOT_A_UUID",
        ),
        (asking(&many), "task_ids", "TOO_MANY"),
        (
            asking_with(&json!({"reason": "x", "task_ids": listed})),
            "task_ids",
            "TOO_MANY",
        ),
        (scores(vec![("a\0".into(), 1)]), "rubric_scores", "NUL_BYTE"),
        (scores(vec![(" ".into(), 1)]), "rubric_scores", "BLANK"),
        (
            scores(vec![("a".repeat(101), 1)]),
            "rubric_scores",
            "TOO_LONG",
        ),
        (
            scores(vec![("a".into(), -1)]),
            "rubric_scores.a",
            "OUT_OF_RANGE",
        ),
        (
            scores(vec![("a".into(), i32::MAX)]),
            "rubric_scores.a",
            "OUT_OF_RANGE",
        ),
        (
            scores((0..51).map(|n| (n.to_string(), 1)).collect()),
            "rubric_scores",
            "TOO_MANY",
        ),
        (
            asking_with(&json!({"reason": "x\0"})),
            "payload",
            "NUL_BYTE",
        ),
        (
            asking_with(&json!({"a": {"b\0": 1}})),
            "payload",
            "NUL_BYTE",
        ),
        (
            asking_with(&json!({"a": "x".repeat(70_000)})),
            "payload",
            "TOO_LARGE",
        ),
        (
            CreateApprovalRequest {
                payload: Some(nan),
                ..asking(&[])
            },
            "payload",
            "NOT_A_NUMBER",
        ),
        (
            CreateApprovalRequest {
                lead_reasoning: long,
                ..asking(&[])
            },
            "lead_reasoning",
            "TOO_LONG",
        ),
    ];
    for (request, field, reason) in cases {
        let found = violation(it.create(&owner(), request).await);
        assert_eq!(found, (field.to_owned(), reason.to_owned()));
    }
    assert_eq!(it.counts().await, (0, 0));
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_task_waits_for_one_decision_at_a_time(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let first = it.create(&owner(), asking(&[3, 1])).await.unwrap();
    let second = it.create(&owner(), asking(&[2])).await.unwrap();
    let fault = fault(
        it.create(&agent(Some(BOARD), true), asking(&[4, 3, 2, 1]))
            .await,
    );
    assert_eq!(
        (fault.code, fault.reason.as_str()),
        (Code::Conflict, "APPROVAL_PENDING")
    );
    assert_eq!(
        fault.facts["conflicts"],
        json!([
            {"task_id": task(1), "approval_id": first.id},
            {"task_id": task(2), "approval_id": second.id},
            {"task_id": task(3), "approval_id": first.id},
        ])
    );
    assert_eq!(it.counts().await, (2, 3));

    // Nothing of the refused request stayed behind; a decision makes room, in a rejection as well.
    it.create(&owner(), asking(&[4])).await.unwrap();
    it.resolve(&owner(), &first.id, ApprovalStatus::Rejected, None)
        .await
        .unwrap();
    it.create(&owner(), asking(&[1, 3])).await.unwrap();
    it.told(5).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn of_two_simultaneous_requests_about_a_task_exactly_one_wins(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    for n in 1..=40 {
        // Overlapping sets in opposite orders: the second half must not deadlock either.
        let (one, two) = (asking(&[n, n + 1, n + 2]), asking(&[n + 2, n + 1, n]));
        let callers = [owner(), agent(Some(BOARD), false), owner(), member(true)];
        let requests = [one.clone(), two.clone(), two, one];
        let attempts = callers
            .iter()
            .zip(requests)
            .map(|(who, what)| it.create(who, what));
        let (won, lost): (Vec<_>, Vec<_>) = join_all(attempts)
            .await
            .into_iter()
            .partition(Result::is_ok);
        assert_eq!(won.len(), 1, "round {n}: {lost:?}");
        let winner = won.into_iter().next().unwrap().unwrap();
        for refusal in lost {
            let fault = fault(refusal);
            assert_eq!(fault.reason, "APPROVAL_PENDING", "round {n}");
            let conflict = |n| json!({"task_id": task(n), "approval_id": winner.id});
            let conflicts = json!([conflict(n), conflict(n + 1), conflict(n + 2)]);
            assert_eq!(fault.facts["conflicts"], conflicts);
        }
        it.resolve(&owner(), &winner.id, ApprovalStatus::Approved, None)
            .await
            .unwrap();
    }
    it.told(80).await;
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_request_beside_a_decision_succeeds_or_names_what_is_in_its_way(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    for _ in 0..40 {
        let first = it.create(&owner(), asking(&[1])).await.unwrap();
        let who = owner();
        let (decided, next) = futures::join!(
            it.resolve(&who, &first.id, ApprovalStatus::Approved, None),
            it.create(&who, asking(&[1])),
        );
        decided.unwrap();
        match next {
            Ok(next) => {
                it.resolve(&owner(), &next.id, ApprovalStatus::Rejected, None)
                    .await
                    .unwrap();
                it.told(4).await;
            }
            Err(refusal) => {
                let fault = chassis::fault::read(&refusal);
                let conflicts = json!([{"task_id": task(1), "approval_id": first.id}]);
                assert_eq!(fault.facts["conflicts"], conflicts);
                it.told(2).await;
            }
        }
    }
    it.stop().await;
}

#[sqlx::test(migrations = false)]
async fn each_request_tells_how_many_are_pending_after_it(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let who = owner();
    for answer in join_all((1..=40).map(|n| it.create(&who, asking(&[n])))).await {
        answer.unwrap();
    }
    let counts: Vec<i32> = it
        .told(40)
        .await
        .into_iter()
        .map(|event| match event.payload {
            Some(Payload::ApprovalCreated(told)) => told.pending_approvals_count,
            _ => panic!("the event of another change"),
        })
        .collect();
    assert_eq!(counts, (1..=40).collect::<Vec<_>>());
    it.stop().await;
}
