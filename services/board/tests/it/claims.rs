//! Claiming: exactly one wins, and whoever comes late is told so.

use chassis::{Caller, Code};
use futures::future::join_all;
use proto::board::v1::{Task, TaskStatus};
use sqlx::PgPool;

use crate::{
    callers::{agent, owner, worker_id},
    fixture::{Fixture, refused, says},
    request::{Naming, patch, to},
};

fn late() -> (Code, String) {
    says(Code::Conflict, "TASK_ALREADY_CLAIMED")
}

impl Fixture {
    fn team(&self) -> Vec<Caller> {
        (0..8)
            .map(|n| {
                agent(
                    worker_id(n),
                    &format!("Worker {n}"),
                    Some(self.board),
                    false,
                )
            })
            .collect()
    }

    /// Everybody claims at once; the number of the winner.
    async fn race(&self, work: &Task, team: &[Caller]) -> usize {
        let answers = join_all(
            team.iter()
                .map(|worker| self.update(worker, to(work, TaskStatus::InProgress))),
        )
        .await;
        let won: Vec<usize> = (0..team.len()).filter(|n| answers[*n].is_ok()).collect();
        assert_eq!(won.len(), 1, "{answers:?}");
        for answer in answers.into_iter().filter(Result::is_err) {
            assert_eq!(refused(answer), late());
        }
        won[0]
    }
}

#[sqlx::test(migrations = false)]
async fn of_eight_claims_exactly_one_wins(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let team = fixture.team();
    for round in 0..20 {
        let work = fixture.task(&format!("Round {round}")).await;
        let winner = fixture.race(&work, &team).await;
        let owner = fixture.now(&work).await;
        assert_eq!(
            owner.assigned_agent_id,
            Some(worker_id(winner as u128).to_string())
        );
        assert_eq!((owner.version, owner.status()), (2, TaskStatus::InProgress));
    }
}

#[sqlx::test(migrations = false)]
async fn work_that_runs_with_nobody_assigned_is_taken_over_by_one(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let work = fixture.task_in(TaskStatus::InProgress).await;
    let winner = fixture.race(&work, &fixture.team()).await;
    let taken = fixture.now(&work).await;
    assert_eq!(
        taken.assigned_agent_id,
        Some(worker_id(winner as u128).to_string())
    );
    assert_eq!(taken.in_progress_at, work.in_progress_at);
}

#[sqlx::test(migrations = false)]
async fn a_late_claim_is_late_wherever_the_task_is(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let work = fixture.task("Work").await;
    let claim = || to(&work, TaskStatus::InProgress);
    fixture
        .update(&owner(), patch(&work).assignee(Some(worker_id(0))))
        .await
        .unwrap();
    assert_eq!(
        refused(fixture.update(&fixture.worker(1), claim()).await),
        late()
    );
    for status in [TaskStatus::InProgress, TaskStatus::Review, TaskStatus::Done] {
        fixture.update(&owner(), to(&work, status)).await.unwrap();
        assert_eq!(
            refused(fixture.update(&fixture.worker(1), claim()).await),
            late()
        );
    }
}
