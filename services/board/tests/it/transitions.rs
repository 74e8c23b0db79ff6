//! Every move of every actor, lawful or not, as the contract has it.

use proto::board::v1::{Task, TaskStatus};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    callers::{LEAD, owner, worker_id},
    fixture::{Fixture, refused},
    request::{Naming, patch, to},
};
use TaskStatus::{Done, InProgress, Inbox, Review};

const STATUSES: [TaskStatus; 4] = [Inbox, InProgress, Review, Done];

/// Who moves what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Actor {
    Person,
    /// Alice, of a task that she works on, or did until it was reviewed or done.
    Worker,
    /// Bob, of a task of Alice's.
    OtherWorker,
    /// Bob, of a task that nobody has.
    Volunteer,
    Lead,
    /// The lead, naming Bob.
    LeadNaming,
}

use Actor::{Lead, LeadNaming, OtherWorker, Person, Volunteer, Worker};

/// For each status from which, to each: `.` stays as it is; a letter is who has the task after the move (`a`lice, `b`ob,
/// the `l`ead, `-` nobody); `M` is not its own, `C` claimed already, `R` no reopening, `T` no such target out of review,
/// `S` not a status that the lead moves.
#[rustfmt::skip]
const TABLE: [(Actor, [&str; 4]); 6] = [
    //              inbox   progress review  done      from
    (Person,      [".ala", "-.la",  "-l.l", "-al."]),
    (Worker,      [".ala", "-.la",  "MCMM", "RRR."]),
    (OtherWorker, ["MCMM", "MCMM",  "MCMM", "MCMM"]),
    (Volunteer,   [".blb", "-blb",  "-b.b", "RRR."]),
    (Lead,        ["SSSS", "SSSS",  "aTTl", "SSSS"]),
    (LeadNaming,  ["SbSS", "SSSS",  "aTTb", "SSSS"]),
];

impl Fixture {
    /// A task as somebody left it in a status: Alice's, or the lead's once she had it reviewed; or nobody's.
    async fn left_in(&self, status: TaskStatus, nobodys: bool) -> Task {
        let work = self.task("Work").await;
        if nobodys {
            self.update(&owner(), to(&work, status)).await.unwrap();
            return self
                .update(&owner(), patch(&work).assignee(None))
                .await
                .unwrap();
        }
        let alice = self.worker(0);
        match status {
            Inbox => self
                .update(&owner(), patch(&work).assignee(Some(worker_id(0))))
                .await
                .unwrap(),
            InProgress => self.update(&alice, to(&work, InProgress)).await.unwrap(),
            Review | Done | TaskStatus::Unspecified => {
                self.update(&alice, to(&work, InProgress)).await.unwrap();
                self.update(&alice, to(&work, status)).await.unwrap()
            }
        }
    }
}

fn assignee(mark: char) -> Option<String> {
    let id: Option<Uuid> = match mark {
        'a' => Some(worker_id(0)),
        'b' => Some(worker_id(1)),
        'l' => Some(LEAD),
        _ => None,
    };
    id.map(|id| id.to_string())
}

const fn reason(mark: char) -> &'static str {
    match mark {
        'M' => "TASK_ASSIGNEE_MISMATCH",
        'C' => "TASK_ALREADY_CLAIMED",
        'R' => "TASK_REOPEN_FORBIDDEN",
        'T' => "LEAD_TARGET_FORBIDDEN",
        _ => "LEAD_STATUS_REQUIRES_REVIEW",
    }
}

#[sqlx::test(migrations = false)]
async fn every_move_is_as_the_table_says(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    for (actor, rows) in TABLE {
        let caller = match actor {
            Person => owner(),
            Worker => fixture.worker(0),
            OtherWorker | Volunteer => fixture.worker(1),
            Lead | LeadNaming => fixture.lead(),
        };
        for (from, row) in STATUSES.into_iter().zip(rows) {
            for (target, mark) in STATUSES.into_iter().zip(row.chars()) {
                let before = fixture.left_in(from, actor == Volunteer).await;
                let request = match actor {
                    LeadNaming => to(&before, target).assignee(Some(worker_id(1))),
                    _ => to(&before, target),
                };
                let answer = fixture.update(&caller, request).await;
                let case = format!("{actor:?} {from:?} -> {target:?}");
                if mark.is_ascii_uppercase() {
                    assert_eq!(refused(answer).1, reason(mark), "{case}");
                    assert_eq!(fixture.now(&before).await, before, "{case}");
                    continue;
                }
                let after = answer.unwrap();
                if mark == '.' {
                    assert_eq!(after, before, "{case}");
                    continue;
                }
                assert_eq!(
                    (after.status(), &after.assigned_agent_id),
                    (target, &assignee(mark)),
                    "{case}"
                );
                assert_eq!(
                    after.in_progress_at.is_some(),
                    target == InProgress,
                    "{case}"
                );
                assert_eq!(
                    after.cycle,
                    1 + i32::from(from == Done && target != Done),
                    "{case}"
                );
                assert_eq!(after.version, before.version + 1, "{case}");
            }
        }
    }
}
