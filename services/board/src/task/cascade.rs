//! What a change of one task does to the tasks that wait for it.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Status, Task, transition};

/// A task before and after what befell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) before: Task,
    pub(crate) after: Task,
}

fn change(before: Task, now: DateTime<Utc>, edit: impl FnOnce(&mut Task)) -> Option<Change> {
    let mut after = before.clone();
    edit(&mut after);
    if after == before {
        return None;
    }
    after.touch(now);
    Some(Change { before, after })
}

/// A task became done: whoever waited for it waits for one less.
pub(crate) fn closed(id: Uuid, dependents: Vec<Task>, now: DateTime<Utc>) -> Vec<Change> {
    let wait_less = |task: Task| {
        change(task, now, |task| {
            task.blocked_by.retain(|open| *open != id);
            task.stale_by.retain(|reopened| *reopened != id);
        })
    };
    dependents.into_iter().filter_map(wait_less).collect()
}

/// A task was deleted: nobody depends on it any longer.
pub(crate) fn removed(id: Uuid, dependents: Vec<Task>, now: DateTime<Utc>) -> Vec<Change> {
    let forget = |task: Task| {
        change(task, now, |task| {
            task.depends_on.retain(|dependency| *dependency != id);
            task.blocked_by.retain(|open| *open != id);
            task.stale_by.retain(|reopened| *reopened != id);
        })
    };
    dependents.into_iter().filter_map(forget).collect()
}

/// A task left `done`. Tasks that depend on it directly wait again, in the order of their lists. Work on it, however far
/// along the chain, goes back to the inbox; what is done stays done, and what depends on it directly is marked as stale.
pub(crate) fn reopened(id: Uuid, dependents: Vec<Task>, now: DateTime<Utc>) -> Vec<Change> {
    let back = |task: Task| {
        change(task, now, |task| {
            if matches!(task.status, Status::InProgress | Status::Review) {
                transition::retreat(task, now);
            }
            let noted = [&task.blocked_by[..], &task.stale_by].concat();
            let waits = |dependency: &&Uuid| **dependency == id || noted.contains(dependency);
            let open: Vec<Uuid> = task.depends_on.iter().filter(waits).copied().collect();
            task.wait_for(&open, now);
            if task.status == Status::Done {
                task.stale_by = open;
            }
        })
    };
    dependents.into_iter().filter_map(back).collect()
}

/// The agent that has these tasks is gone. Work goes back to the inbox; the rest stays where it is and is nobody's.
pub(crate) fn orphaned(tasks: Vec<Task>, now: DateTime<Utc>) -> Vec<Change> {
    let release = |task: Task| {
        change(task, now, |task| {
            if task.status == Status::InProgress {
                transition::retreat(task, now);
            }
            task.assigned_agent_id = None;
        })
    };
    tasks.into_iter().filter_map(release).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        roster::Roster,
        task::{
            change::{self, Facts},
            gate::{Approvals, Rules},
            patch::Patch,
            revision::Revision,
            transition::Mover,
            walk::{assert_sound, new_task},
        },
    };

    const OPEN_BOARD: Rules = Rules {
        require_approval_for_done: false,
        require_review_before_done: false,
        comment_required_for_review: false,
        block_status_changes_with_pending_approval: false,
        only_lead_can_change_status: false,
    };

    /// A board in memory, with the look-ups that the store makes.
    struct Board(BTreeMap<Uuid, Task>);

    impl Board {
        fn open(&self, task: &Task) -> Vec<Uuid> {
            let open = |id: &&Uuid| self.0[*id].status != Status::Done;
            task.depends_on.iter().filter(open).copied().collect()
        }

        fn dependents(&self, id: Uuid) -> Vec<Task> {
            self.0
                .values()
                .filter(|task| task.depends_on.contains(&id))
                .cloned()
                .collect()
        }

        fn all_dependents(&self, id: Uuid) -> Vec<Task> {
            let (mut found, mut next) = (BTreeSet::new(), vec![id]);
            while let Some(id) = next.pop() {
                next.extend(
                    self.dependents(id)
                        .iter()
                        .map(|task| task.id)
                        .filter(|id| found.insert(*id)),
                );
            }
            found.iter().map(|id| self.0[id].clone()).collect()
        }

        fn apply(&mut self, id: Uuid, patch: &Patch, now: DateTime<Utc>) {
            let by = Mover::User(Uuid::nil());
            let before = self.0[&id].clone();
            let Ok(intent) = change::authorize(by, &OPEN_BOARD, &before, patch) else {
                return;
            };
            let listed = Task {
                depends_on: match &patch.depends_on {
                    Some(revision) => revision.of(before.depends_on.iter().copied()),
                    None => before.depends_on.clone(),
                },
                ..before.clone()
            };
            let facts = Facts {
                roster: &Roster::default(),
                approvals: Approvals::default(),
                open: &self.open(&listed),
                commented: true,
                tags: None,
                fields: &[],
            };
            let Ok(after) = change::decide(by, &OPEN_BOARD, &before, patch, &intent, &facts, now)
            else {
                return;
            };
            self.0.insert(id, after.clone());
            let changes = match (before.crosses_done(&after), after.status) {
                (false, _) => Vec::new(),
                (true, Status::Done) => closed(id, self.dependents(id), now),
                (true, _) => reopened(id, self.all_dependents(id), now),
            };
            for change in changes {
                assert_eq!(
                    change.before.status == Status::Done,
                    change.after.status == Status::Done
                );
                self.0.insert(change.after.id, change.after);
            }
        }
    }

    fn id(number: usize) -> Uuid {
        Uuid::from_u128(number as u128)
    }

    proptest! {
        #[test]
        fn a_board_always_knows_what_waits_for_what(
            steps in prop::collection::vec((0..6_usize, prop::option::of(0..4_usize), prop::collection::vec(0..6_usize, 0..3)), 1..60),
        ) {
            let mut now = DateTime::UNIX_EPOCH;
            let mut board = Board((0..6).map(|n| (id(n), new_task(n as u128, Vec::new(), &[], now))).collect());
            for (number, to, edges) in steps {
                now += TimeDelta::seconds(1);
                // Edges only from higher to lower numbers: no circles, which the store judges.
                let edges: BTreeSet<usize> = edges.into_iter().filter(|edge| *edge < number).collect();
                let depends_on = to.is_none().then(|| Revision::Whole(edges.into_iter().map(id).collect()));
                let patch = Patch { status: to.map(|to| Status::ALL[to]), depends_on, ..Patch::default() };
                board.apply(id(number), &patch, now);
                for task in board.0.values() {
                    assert_sound(task);
                    let (noted, other) = match task.status {
                        Status::Done => (&task.stale_by, &task.blocked_by),
                        _ => (&task.blocked_by, &task.stale_by),
                    };
                    prop_assert_eq!(noted, &board.open(task));
                    prop_assert!(other.is_empty());
                }
            }
        }
    }

    /// `c` depends on `b`, `b` on `a`; each in the status given.
    fn chain(a: Status, b: Status, c: Status) -> [Task; 3] {
        let now = DateTime::UNIX_EPOCH;
        let mut tasks = [
            new_task(1, Vec::new(), &[], now),
            new_task(2, vec![id(1)], &[], now),
            new_task(3, vec![id(2)], &[], now),
        ];
        for (task, status) in tasks.iter_mut().zip([a, b, c]) {
            transition::enter(task, status, Some(id(50)), Mover::User(id(9)), now);
        }
        tasks
    }

    #[test]
    fn reopening_stops_work_all_along_the_chain_and_leaves_what_is_done() {
        let [_, b, c] = chain(Status::Inbox, Status::Done, Status::InProgress);
        let changes = reopened(
            id(1),
            vec![b, c],
            DateTime::UNIX_EPOCH + TimeDelta::seconds(9),
        );
        let [stale, change] = changes.as_slice() else {
            panic!("{changes:?}")
        };
        assert_eq!(
            (stale.after.status, &stale.after.stale_by),
            (Status::Done, &vec![id(1)])
        );
        let healed = closed(id(1), vec![stale.after.clone()], DateTime::UNIX_EPOCH);
        assert!(healed[0].after.stale_by.is_empty());
        assert_eq!(
            (change.after.id, change.after.status),
            (id(3), Status::Inbox)
        );
        assert_eq!(
            (change.after.assigned_agent_id, &change.after.blocked_by),
            (None, &Vec::new())
        );
    }

    #[test]
    fn reopening_takes_a_waiting_inbox_task_from_its_assignee() {
        let [_, b, _] = chain(Status::Inbox, Status::Inbox, Status::Inbox);
        let changes = reopened(id(1), vec![b], DateTime::UNIX_EPOCH);
        assert_eq!(changes[0].before.assigned_agent_id, Some(id(50)));
        assert_eq!(
            (
                changes[0].after.assigned_agent_id,
                &changes[0].after.blocked_by
            ),
            (None, &vec![id(1)])
        );
    }
}
