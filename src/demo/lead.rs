//! The scripted lead: judges what is handed in, asks a person before anything goes out, and plans up to a bound.
//!
//! What to do next follows from the board alone, so a lead that was cut off anywhere goes on where it was.

use std::collections::HashSet;

use serde_json::json;

use super::{
    board::{Approval, Change, Comment, Desk, Task, newest},
    sample::{BOARD, NEEDS_APPROVAL, PIECES, title},
};

/// Tasks on the sample board, at most.
const MAX_TASKS: usize = 30;
/// Looks at a board on which everything is done, before the next issue begins.
const REST: u32 = 2;
/// How a comment begins that sends a task back.
const CHANGES: &str = "Changes requested:";
/// What the lead says first, and when it has planned enough.
const HELLO: &str = "Hello. All of us here are scripts, and what we hand in is made up; the rules that we work under are real. \
    Drag a card, decide the approval when it comes, write /pause and later /resume into this chat, or mention demo-lead or \
    demo-writer with an @.";
const ENOUGH: &str = "That is all that this demo plans. Reopen a task or create one of your own, and we go on with it.";

/// The lead's own memory; what must outlive it stands on the board.
#[derive(Debug, Default)]
pub(super) struct Lead {
    said: HashSet<&'static str>,
    /// Titles of tasks that it made: who deletes one does not get it again.
    made: HashSet<String>,
    idle: u32,
}

impl Lead {
    /// Takes one step; answers what was done, or nothing when there is nothing to do.
    pub(super) async fn step(&mut self, desk: &Desk) -> anyhow::Result<Option<String>> {
        let tasks = desk.tasks().await?;
        let approvals = desk.approvals().await?;
        let plans = desk.board_name == BOARD;
        let mut done = react(desk, &tasks, &approvals).await?;
        if done.is_none() && plans {
            done = self.see_to_approvals(desk, &tasks, &approvals).await?;
        }
        if done.is_none() {
            done = review(desk, &tasks).await?;
        }
        if done.is_none() && plans {
            done = self.plan(desk, &tasks, &approvals).await?;
        }
        if done.is_some() {
            self.idle = 0;
        }
        Ok(done)
    }

    /// On the sample board: makes the issues of the newsletter, one after the other.
    async fn plan(
        &mut self,
        desk: &Desk,
        tasks: &[Task],
        approvals: &[Approval],
    ) -> anyhow::Result<Option<String>> {
        if let Some(said) = self.say_once(desk, HELLO).await? {
            return Ok(Some(said));
        }
        let issue = current_issue(tasks);
        let next = next_piece(tasks, issue);
        if next < PIECES.len() && tasks.len() < MAX_TASKS {
            let title = title(issue, next);
            if !self.made.contains(&title) {
                return self.make(desk, tasks, issue, next).await;
            }
        }
        let goes_on = |task: &&Task| !task.is("done") && !waits_for_a_person(task, approvals);
        if tasks.iter().any(|task| goes_on(&task)) {
            return Ok(None);
        }
        if tasks.len() + PIECES.len() > MAX_TASKS {
            return self.say_once(desk, ENOUGH).await;
        }
        self.idle += 1;
        if self.idle <= REST {
            return Ok(None);
        }
        self.make(desk, tasks, issue + 1, 0).await
    }

    async fn say_once(
        &mut self,
        desk: &Desk,
        what: &'static str,
    ) -> anyhow::Result<Option<String>> {
        if self.said.contains(what) {
            return Ok(None);
        }
        let known = desk.was_said(what).await?;
        if !known {
            desk.say(what).await?;
        }
        self.said.insert(what);
        Ok((!known).then(|| "wrote into the chat".to_owned()))
    }

    /// Makes a piece of an issue. The last one waits for the others.
    async fn make(
        &mut self,
        desk: &Desk,
        tasks: &[Task],
        issue: usize,
        piece: usize,
    ) -> anyhow::Result<Option<String>> {
        let what = &PIECES[piece];
        let before: Vec<&str> = if piece + 1 == PIECES.len() {
            let others: Vec<String> = (0..piece).map(|piece| title(issue, piece)).collect();
            let others = tasks.iter().filter(|task| others.contains(&task.title));
            others.map(|task| task.id.as_str()).collect()
        } else {
            Vec::new()
        };
        let body = json!({
            "title": title(issue, piece), "description": what.description, "priority": what.priority,
            "depends_on_task_ids": before,
        });
        let title = desk.create(body).await?;
        self.made.insert(title.clone());
        Ok(Some(format!("created \"{title}\"")))
    }

    /// Asks for one approval at a time, and has what was rejected revised before it asks again.
    async fn see_to_approvals(
        &mut self,
        desk: &Desk,
        tasks: &[Task],
        approvals: &[Approval],
    ) -> anyhow::Result<Option<String>> {
        let waiting = approvals.iter().any(|approval| approval.is("pending"));
        // The oldest first.
        let sendings = |task: &&Task| is_sending(desk, task) && task.is("inbox");
        for task in tasks.iter().rev().filter(sendings) {
            let rejected = newest(approvals, task).filter(|approval| approval.is("rejected"));
            if let Some(rejected) = rejected {
                match revision(tasks, task, rejected) {
                    Revision::Missing(title)
                        if tasks.len() < MAX_TASKS && !self.made.contains(&title) =>
                    {
                        let about = rejected.note.as_deref().unwrap_or("No note was left.");
                        let description = format!(
                            "Goal: what the note on the rejection asks for.\nThe note: {about}"
                        );
                        let body =
                            json!({"title": title, "description": description, "priority": "high"});
                        let title = desk.create(body).await?;
                        self.made.insert(title.clone());
                        return Ok(Some(format!("created \"{title}\"")));
                    }
                    Revision::Apart(id) => {
                        let body = json!({"add_depends_on_task_ids": [id]});
                        if desk.change(task, body).await? == Change::Made {
                            return Ok(Some(format!(
                                "let \"{}\" wait for its revision",
                                task.title
                            )));
                        }
                    }
                    Revision::Done if !waiting => return ask(desk, task).await,
                    Revision::UnderWay => return Ok(None),
                    Revision::Missing(_) | Revision::Done => {}
                }
                continue;
            }
            let unasked = newest(approvals, task).is_none_or(|approval| approval.is("expired"));
            if unasked && !waiting {
                return ask(desk, task).await;
            }
        }
        Ok(None)
    }
}

/// Whether a task is one of the lead's own that may not be begun without a person's word.
fn is_sending(desk: &Desk, task: &Task) -> bool {
    task.creator.as_ref() == Some(&desk.me) && task.description.contains(NEEDS_APPROVAL)
}

async fn ask(desk: &Desk, task: &Task) -> anyhow::Result<Option<String>> {
    let why =
        "It leaves this installation and cannot be taken back: a person should say yes first.";
    let asked = desk.ask(task, "newsletter.send", why).await?;
    Ok(asked.then(|| format!("asked for an approval of \"{}\"", task.title)))
}

/// How far the revision of a rejected task is.
enum Revision {
    /// With the title that it would have.
    Missing(String),
    /// It is there, and nothing waits for it.
    Apart(String),
    UnderWay,
    Done,
}

fn revision(tasks: &[Task], task: &Task, rejected: &Approval) -> Revision {
    let title = format!("Revise after {}: {}", short(&rejected.id), task.title);
    match tasks.iter().find(|other| other.title == title) {
        None => Revision::Missing(title),
        Some(found) if !task.depends_on.contains(&found.id) => Revision::Apart(found.id.clone()),
        Some(found) if found.is("done") => Revision::Done,
        Some(_) => Revision::UnderWay,
    }
}

/// The end of an id: ids made in one moment begin alike.
fn short(id: &str) -> &str {
    id.rsplit('-').next().unwrap_or(id)
}

fn waits_for_a_person(task: &Task, approvals: &[Approval]) -> bool {
    let decision = newest(approvals, task);
    task.is("inbox")
        && task.description.contains(NEEDS_APPROVAL)
        && decision.is_none_or(|approval| !approval.is("approved"))
}

/// The newest issue of which there is anything.
fn current_issue(tasks: &[Task]) -> usize {
    let has = |issue: &usize| {
        (0..PIECES.len()).any(|piece| {
            let title = title(*issue, piece);
            tasks.iter().any(|task| task.title == title)
        })
    };
    (1..=MAX_TASKS).rev().find(has).unwrap_or(1)
}

/// What comes after the last piece that is there; one in between that is missing was deleted by somebody.
fn next_piece(tasks: &[Task], issue: usize) -> usize {
    let has = |piece: &usize| {
        let title = title(issue, *piece);
        tasks.iter().any(|task| task.title == title)
    };
    (0..PIECES.len()).rev().find(has).map_or(0, |last| last + 1)
}

/// Says on a task of its own, once, what a decision means for it.
async fn react(
    desk: &Desk,
    tasks: &[Task],
    approvals: &[Approval],
) -> anyhow::Result<Option<String>> {
    // Whoever waited for a yes may have begun already; nobody but the lead closes it.
    let open = |task: &&Task| is_sending(desk, task) && !task.is("done");
    for task in tasks.iter().filter(open) {
        let Some(decision) = newest(approvals, task).filter(|found| !found.is("pending")) else {
            continue;
        };
        let mark = format!("(approval {})", short(&decision.id));
        let comments = desk.comments(task).await?;
        let said = |comment: &Comment| comment.is_by(&desk.me) && comment.message.contains(&mark);
        if comments.iter().any(said) {
            continue;
        }
        let by = decision.by.as_deref().unwrap_or("somebody");
        let text = match decision.status.as_str() {
            "approved" => format!(
                "Approved by {by} {mark}.\nNext: whoever is free takes it as soon as nothing stands before it."
            ),
            "rejected" => {
                format!("Rejected by {by} {mark}.\nNext: it is revised, and then I ask again.")
            }
            _ => format!("Nobody decided in time {mark}.\nNext: I ask again."),
        };
        desk.comment(&task.id, &text).await?;
        return Ok(Some(format!(
            "said what became of the approval of \"{}\"",
            task.title
        )));
    }
    Ok(None)
}

/// Judges what was handed in: the oldest first.
async fn review(desk: &Desk, tasks: &[Task]) -> anyhow::Result<Option<String>> {
    for task in tasks.iter().rev().filter(|task| task.is("review")) {
        let comments = desk.comments(task).await?;
        match verdict(task, &comments, &desk.me) {
            Verdict::Criticize => {
                let text = format!(
                    "{CHANGES} the proof does not say how it was checked. Once more, please."
                );
                desk.comment(&task.id, &text).await?;
                return Ok(Some(format!("asked for changes to \"{}\"", task.title)));
            }
            Verdict::SendBack => {
                if desk.change(task, json!({"status": "inbox"})).await? == Change::Made {
                    return Ok(Some(format!("sent \"{}\" back", task.title)));
                }
            }
            Verdict::Praise => {
                desk.comment(&task.id, "Seen and checked: this is what was asked for.")
                    .await?;
                return Ok(Some(format!("reviewed \"{}\"", task.title)));
            }
            Verdict::Close => match desk.change(task, json!({"status": "done"})).await? {
                Change::Made => return Ok(Some(format!("closed \"{}\"", task.title))),
                // A rule of the board that somebody turned on.
                Change::Refused(code) if code == "task_approval_required" => {
                    if desk
                        .ask(
                            task,
                            "task.close",
                            "The board closes nothing without an approval.",
                        )
                        .await?
                    {
                        return Ok(Some(format!(
                            "asked whether \"{}\" may be closed",
                            task.title
                        )));
                    }
                }
                Change::Refused(_) => {}
            },
        }
    }
    Ok(None)
}

/// What the lead does with a task in review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Criticize,
    SendBack,
    Praise,
    Close,
}

fn verdict(task: &Task, comments: &[Comment], me: &str) -> Verdict {
    let is_criticism =
        |comment: &Comment| comment.is_by(me) && comment.message.starts_with(CHANGES);
    let last = comments.last();
    if last.is_some_and(is_criticism) {
        return Verdict::SendBack;
    }
    let has_spoken = last.is_some_and(|last| last.is_by(me));
    if is_doubtful(task) && !comments.iter().any(is_criticism) {
        Verdict::Criticize
    } else if is_doubtful(task) && !has_spoken {
        Verdict::Praise
    } else {
        Verdict::Close
    }
}

/// Every third piece is sent back once, and of what others create about as much.
fn is_doubtful(task: &Task) -> bool {
    let is = |piece: &str| task.title.to_lowercase().ends_with(&piece.to_lowercase());
    if let Some(at) = (0..PIECES.len()).find(|at| is(&title(1, *at))) {
        return at == 2;
    }
    task.id
        .bytes()
        .map(usize::from)
        .sum::<usize>()
        .is_multiple_of(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(title: &str, status: &str) -> Task {
        Task {
            id: title.into(),
            title: title.into(),
            description: String::new(),
            status: status.into(),
            priority: "medium".into(),
            assignee: None,
            creator: None,
            is_blocked: false,
            depends_on: Vec::new(),
        }
    }

    fn comment(agent: &str, message: &str) -> Comment {
        Comment {
            agent: Some(agent.into()),
            message: message.into(),
        }
    }

    #[test]
    fn a_doubtful_task_is_sent_back_once() {
        let doubtful = task(&title(2, 2), "review");
        let mut comments = vec![comment("worker", "Proof")];
        let mut seen = Vec::new();
        for said in ["Changes requested: more", "", "worker", "Seen", ""] {
            seen.push(verdict(&doubtful, &comments, "lead"));
            match said {
                "" => {}
                "worker" => comments.push(comment("worker", "Proof again")),
                words => comments.push(comment("lead", words)),
            }
        }
        assert_eq!(
            seen,
            [
                Verdict::Criticize,
                Verdict::SendBack,
                Verdict::SendBack,
                Verdict::Praise,
                Verdict::Close
            ]
        );
        assert_eq!(
            verdict(&task(&title(1, 0), "review"), &[], "lead"),
            Verdict::Close
        );
    }

    #[test]
    fn issues_are_made_in_order_and_what_was_deleted_stays_so() {
        let mut tasks: Vec<Task> = (0..4).map(|at| task(&title(1, at), "inbox")).collect();
        assert_eq!((current_issue(&tasks), next_piece(&tasks, 1)), (1, 4));
        tasks.remove(1);
        assert_eq!(next_piece(&tasks, 1), 4);
        tasks.push(task(&title(2, 0), "inbox"));
        assert_eq!((current_issue(&tasks), next_piece(&tasks, 2)), (2, 1));
        assert_eq!((current_issue(&[]), next_piece(&[], 1)), (1, 0));
    }

    #[test]
    fn a_rejection_is_followed_by_a_revision_that_the_task_waits_for() {
        let rejected = Approval {
            id: "0-0-abc".into(),
            task: Some("send".into()),
            status: "rejected".into(),
            by: None,
            note: None,
        };
        let mut send = task("send", "inbox");
        let mut tasks = vec![send.clone()];
        let Revision::Missing(title) = revision(&tasks, &send, &rejected) else {
            panic!("there is one already");
        };
        tasks.push(task(&title, "inbox"));
        assert!(matches!(revision(&tasks, &send, &rejected), Revision::Apart(id) if id == title));
        send.depends_on.push(title.clone());
        assert!(matches!(
            revision(&tasks, &send, &rejected),
            Revision::UnderWay
        ));
        tasks[1].status = "done".into();
        assert!(matches!(revision(&tasks, &send, &rejected), Revision::Done));
    }
}
