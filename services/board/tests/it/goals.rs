//! Goals that people confirm through an onboarding.

use chassis::{Caller, Code, encode};
use chrono::TimeDelta;
use futures::future::join_all;
use proto::{
    board::v1::{Board, BoardType, ConfirmGoalRequest, GoalConfirmer},
    event::v1::{Actor, ActorKind, event::Payload},
};
use serde_json::json;
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::{
    callers::{FOREIGN_ORGANIZATION, ORGANIZATION, OWNER, owner},
    fixture::{Fixture, fault, refused, says, start_of_time, violation, wrong},
};

fn service() -> Caller {
    Caller::Internal {
        service: "agent".into(),
    }
}

fn goal(board: Uuid) -> ConfirmGoalRequest {
    ConfirmGoalRequest {
        organization_id: ORGANIZATION.to_string(),
        board_id: board.to_string(),
        board_type: BoardType::Goal.into(),
        objective: Some(" Fly ".into()),
        success_metrics: encode::to_struct(&json!({"height": 100})),
        target_date: Some(encode::time(start_of_time() + TimeDelta::days(30))),
        goal_source: "lead_agent_onboarding".into(),
        require_approval_for_done: false,
        confirmed_by: Some(GoalConfirmer {
            id: OWNER.to_string(),
            name: "Ada".into(),
        }),
    }
}

impl Fixture {
    async fn confirm(&self, request: ConfirmGoalRequest) -> Result<Board, Status> {
        let answer = self.directory(&service()).confirm_goal(request).await?;
        Ok(answer.into_inner().board.unwrap())
    }
}

#[sqlx::test(migrations = false)]
async fn a_goal_is_written_once_on_behalf_of_the_person(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let request = goal(fixture.board);
    let board = fixture.confirm(request.clone()).await.unwrap();
    let expected = Board {
        board_type: BoardType::Goal.into(),
        objective: Some("Fly".into()),
        success_metrics: request.success_metrics.clone(),
        target_date: request.target_date,
        goal_confirmed: true,
        goal_source: Some("lead_agent_onboarding".into()),
        require_approval_for_done: false,
        version: 2,
        ..board.clone()
    };
    assert_eq!(board, expected);

    let again = join_all((0..8).map(|_| fixture.confirm(request.clone()))).await;
    assert!(again.into_iter().all(|again| again.unwrap() == board));

    let told = fixture.told(1).await.remove(0);
    assert_eq!(told.r#type, "board.updated");
    let ada = Actor {
        kind: ActorKind::User.into(),
        id: Some(OWNER.to_string()),
        name: "Ada".into(),
    };
    assert_eq!(told.actor, Some(ada));
    let Some(Payload::BoardUpdated(updated)) = told.payload else {
        panic!("a board was updated")
    };
    assert_eq!(updated.board, Some(board));
    assert!(
        updated
            .changed_fields
            .iter()
            .any(|field| field == "goal_source")
    );
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn a_goal_needs_an_objective_and_something_to_measure_it_by(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let bare = ConfirmGoalRequest {
        objective: Some("  ".into()),
        success_metrics: encode::to_struct(&json!({})),
        ..goal(fixture.board)
    };
    let incomplete = fault(fixture.confirm(bare.clone()).await);
    assert_eq!(
        (incomplete.code, incomplete.reason.as_str()),
        (Code::Invalid, "GOAL_INCOMPLETE")
    );
    let fields: Vec<_> = incomplete
        .fields
        .iter()
        .map(|violation| violation.field.as_str())
        .collect();
    assert_eq!(fields, ["objective", "success_metrics"]);

    let general = ConfirmGoalRequest {
        board_type: BoardType::General.into(),
        ..bare
    };
    let board = fixture.confirm(general).await.unwrap();
    assert!(board.goal_confirmed && board.objective.is_none());
    fixture.told(1).await;
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn what_is_no_board_of_the_organization_gets_no_goal(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    for request in [
        goal(Uuid::from_u128(1)),
        ConfirmGoalRequest {
            organization_id: FOREIGN_ORGANIZATION.to_string(),
            ..goal(fixture.board)
        },
    ] {
        assert_eq!(
            refused(fixture.confirm(request).await),
            says(Code::NotFound, "BOARD_NOT_FOUND")
        );
    }
    for (request, field, reason) in [
        (
            ConfirmGoalRequest {
                confirmed_by: None,
                ..goal(fixture.board)
            },
            "confirmed_by",
            "REQUIRED",
        ),
        (
            ConfirmGoalRequest {
                goal_source: "\0".into(),
                ..goal(fixture.board)
            },
            "goal_source",
            "NUL_BYTE",
        ),
        (
            ConfirmGoalRequest {
                success_metrics: encode::to_struct(&json!({"a": "x".repeat(300_000)})),
                ..goal(fixture.board)
            },
            "success_metrics",
            "TOO_LONG",
        ),
    ] {
        assert_eq!(
            violation(fixture.confirm(request).await),
            wrong(field, reason)
        );
    }
    let person = fixture
        .directory(&owner())
        .confirm_goal(goal(fixture.board))
        .await;
    assert_eq!(fault(person).code, Code::Forbidden);
    fixture.stop().await;
}
