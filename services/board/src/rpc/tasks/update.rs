//! Changing a task: judge what can be judged, ask others what it hangs on, then hold the board, judge again and write.

use bus::outbox;
use chassis::Caller;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    super::{Desk, comments, scene},
    edges,
    labels::{self, Labels},
};
use crate::{
    board::Board,
    comment::Comment,
    error::Error,
    events::{DEPENDENCY_ADDED, DEPENDENCY_REOPENED},
    mention,
    roster::Roster,
    store,
    task::{
        Status, Task, cascade,
        change::{self, Facts, Intent},
        gate::Approvals,
        patch::Patch,
        revision::Revision,
        transition::Mover,
    },
};

/// How often a task may change between asking others and holding its board in such a way that more must be asked.
const ATTEMPTS: usize = 3;

/// A change that somebody wants.
pub(super) struct Update<'a> {
    pub(super) desk: &'a Desk,
    pub(super) caller: &'a Caller,
    pub(super) mover: Mover,
    pub(super) patch: &'a Patch,
}

/// What others said.
#[derive(Default)]
struct Known {
    roster: Option<Roster>,
    /// With the cycle that it is about.
    approvals: Option<(i32, Approvals)>,
}

impl Known {
    fn covers(&self, intent: &Intent, mentions: bool, task: &Task) -> bool {
        let roster = !(intent.needs_roster || mentions) || self.roster.is_some();
        let approvals =
            !intent.needs_approvals || self.approvals.is_some_and(|(cycle, _)| cycle == task.cycle);
        roster && approvals
    }
}

impl Update<'_> {
    /// Changes a task that the caller may write, as it was seen a moment ago.
    pub(super) async fn run(&self, board: Board, task: Task) -> Result<Task, Error> {
        let mut seen = (board, task);
        for _ in 0..ATTEMPTS {
            let known = self.ask(&seen.0, &seen.1).await?;
            match self.attempt(&known, &seen.1).await? {
                Attempt::Done(task) => return Ok(*task),
                Attempt::AskAgain(now) => seen = *now,
            }
        }
        Err(Error::Busy)
    }

    /// A person learns of tags that are not there first, a lead after what is wrong with dependencies.
    const fn judges_tags_first(&self) -> bool {
        matches!(self.mover, Mover::User(_))
    }

    fn mentions(&self) -> bool {
        self.patch
            .comment
            .as_deref()
            .is_some_and(|text| !mention::words(text).is_empty())
    }

    /// Asks what the change hangs on. What can be refused already is refused before anybody is asked.
    async fn ask(&self, board: &Board, task: &Task) -> Result<Known, Error> {
        let rules = &board.governance.rules;
        change::admit(self.mover, rules, task, self.patch)?;
        if let Some(revision) = self
            .patch
            .tags
            .as_ref()
            .filter(|_| self.judges_tags_first())
        {
            let mut conn = self.desk.pool.acquire().await?;
            labels::foresee(&mut conn, board.organization_id, revision.named()).await?;
        }
        let intent = change::plan(self.mover, rules, task, self.patch)?;
        let mut known = Known::default();
        if intent.needs_roster || self.mentions() {
            known.roster = Some(
                self.desk
                    .peers
                    .roster(&board.scope(), self.patch.named_assignee())
                    .await?,
            );
        }
        if intent.needs_approvals {
            let approvals = self
                .desk
                .peers
                .approvals(board.id, task.id, task.cycle)
                .await?;
            known.approvals = Some((task.cycle, approvals));
        }
        Ok(known)
    }

    async fn attempt(&self, known: &Known, seen: &Task) -> Result<Attempt, Error> {
        let mut tx = self.desk.pool.begin().await?;
        let named = self.patch.tags.as_ref().map_or(&[][..], Revision::named);
        let labels = Labels::hold(&mut tx, seen.organization_id, named).await?;
        let board = store::boards::lock(&mut tx, seen.board_id)
            .await?
            .ok_or(Error::BoardNotFound)?;
        let before = store::tasks::find(&mut tx, seen.id)
            .await?
            .ok_or(Error::TaskNotFound)?;
        let rules = &board.governance.rules;
        change::admit(self.mover, rules, &before, self.patch)?;
        if self.judges_tags_first() {
            labels.judge()?;
        }
        let intent = change::plan(self.mover, rules, &before, self.patch)?;
        if !known.covers(&intent, self.mentions(), &before) {
            return Ok(Attempt::AskAgain(Box::new((board, before))));
        }
        let now = self.desk.clock.now();
        let open = edges::open(&mut tx, &before, self.patch).await?;
        labels.judge()?;
        let tags = match &self.patch.tags {
            Some(revision) => Some(labels.after(&before, revision)?),
            None => None,
        };
        let fields = match self.patch.values {
            Some(_) => store::custom_fields::list_of_board(&mut tx, board.id).await?,
            None => Vec::new(),
        };
        let roster = known.roster.clone().unwrap_or_default();
        let facts = Facts {
            roster: &roster,
            approvals: known
                .approvals
                .map(|(_, approvals)| approvals)
                .unwrap_or_default(),
            open: &open,
            commented: intent.needs_comments && self.commented(&mut tx, &before).await?,
            tags: tags.as_deref(),
            fields: &fields,
        };
        let after = change::decide(self.mover, rules, &before, self.patch, &intent, &facts, now)?;
        let cause = change::was_reset(&before, &after, &intent).then_some(DEPENDENCY_ADDED);
        let change = Change {
            board: &board,
            before: &before,
            after: &after,
            cause,
            now,
        };
        if self.write(&mut tx, &change, &roster).await? {
            tx.commit().await?;
        }
        Ok(Attempt::Done(Box::new(after)))
    }

    /// Whether the mover or the assignee commented in this cycle.
    async fn commented(&self, conn: &mut PgConnection, task: &Task) -> Result<bool, Error> {
        let mover = self.mover.agent_id().or(self.mover.user_id());
        let authors: Vec<_> = mover.into_iter().chain(task.assigned_agent_id).collect();
        // A task that leaves `done` begins a new cycle, in which nobody has said anything yet.
        let cycle = if task.status == Status::Done {
            task.cycle + 1
        } else {
            task.cycle
        };
        Ok(store::comments::exists_by(conn, task.id, cycle, &authors).await?)
    }

    /// Writes a change, the comment that came with it, what it does to others, and the events; false when there is
    /// nothing to write.
    async fn write(
        &self,
        conn: &mut PgConnection,
        change: &Change<'_>,
        roster: &Roster,
    ) -> Result<bool, Error> {
        let Change {
            board,
            before,
            after,
            cause,
            now,
        } = *change;
        let scene = scene(self.caller, board, now);
        let comment = self.comment(after, roster, now);
        if before == after && comment.is_none() {
            return Ok(false);
        }
        let mut events = Vec::new();
        if let Some(comment) = &comment {
            store::comments::insert(conn, comment).await?;
            events.push(scene.commented(comment, after));
        }
        if before != after {
            store::tasks::save(conn, &[after]).await?;
            if before.depends_on != after.depends_on {
                store::dependencies::replace(conn, after.id, &after.depends_on).await?;
            }
            if !before.tag_ids().eq(after.tag_ids()) {
                let tags: Vec<Uuid> = after.tag_ids().collect();
                store::tags::assign(conn, after.id, &tags).await?;
            }
            events.extend(scene.changed(before, after, cause, self.patch.comment.as_deref()));
        }
        let (changes, cause) = cascade(conn, before, after, now).await?;
        events.extend(scene.cascaded(&changes, cause));
        outbox::append_all(conn, events).await?;
        store::boards::touch(conn, board.id).await?;
        Ok(true)
    }

    fn comment(&self, task: &Task, roster: &Roster, now: DateTime<Utc>) -> Option<Comment> {
        let message = self.patch.comment.clone()?;
        comments::write(self.caller, self.mover, task, message, roster, now)
    }
}

/// How an attempt ended.
enum Attempt {
    Done(Box<Task>),
    /// The task is not what it was when others were asked.
    AskAgain(Box<(Board, Task)>),
}

/// A change that was decided.
#[derive(Clone, Copy)]
struct Change<'a> {
    board: &'a Board,
    before: &'a Task,
    after: &'a Task,
    /// Why the system moved the task, when it did.
    cause: Option<&'static str>,
    now: DateTime<Utc>,
}

/// What the change does to tasks that wait for this one, and why they move when they do.
async fn cascade(
    conn: &mut PgConnection,
    before: &Task,
    after: &Task,
    now: DateTime<Utc>,
) -> Result<(Vec<cascade::Change>, Option<&'static str>), Error> {
    if !before.crosses_done(after) {
        return Ok((Vec::new(), None));
    }
    let (changes, cause) = if after.status == Status::Done {
        let dependents = store::tasks::list_dependents(conn, after.id).await?;
        (cascade::closed(after.id, dependents, now), None)
    } else {
        let dependents = store::tasks::list_unsettled(conn, after.id).await?;
        (
            cascade::reopened(after.id, dependents, now),
            Some(DEPENDENCY_REOPENED),
        )
    };
    let tasks: Vec<_> = changes.iter().map(|change| &change.after).collect();
    store::tasks::save(conn, &tasks).await?;
    Ok((changes, cause))
}
