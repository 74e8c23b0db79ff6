//! A scripted worker: claims, does as if, says what it has done, hands in.

use serde_json::json;

use super::{
    board::{Approval, Change, Desk, Task, newest},
    sample::NEEDS_APPROVAL,
};

/// Takes one step; answers what was done, or nothing when there is nothing to do.
pub(super) async fn step(desk: &Desk) -> anyhow::Result<Option<String>> {
    let tasks = desk.tasks().await?;
    let mine = |task: &&Task| task.assignee.as_ref() == Some(&desk.me);
    if let Some(task) = tasks
        .iter()
        .find(|task| task.is("in_progress") && mine(task))
    {
        return work(desk, task).await;
    }
    let approvals = desk.approvals().await?;
    let mut open: Vec<&Task> = tasks
        .iter()
        .filter(|task| task.assignee.is_none() || mine(task))
        .filter(|task| task.is("inbox") || task.is("in_progress"))
        .filter(|task| may_begin(task, &approvals))
        .collect();
    // What was given to it first, then what is urgent, then what is old; the list begins with the newest.
    open.reverse();
    open.sort_by_key(|task| (task.assignee.is_none(), std::cmp::Reverse(task.urgency())));
    for task in open {
        if desk.change(task, json!({"status": "in_progress"})).await? == Change::Made {
            return Ok(Some(format!("claimed \"{}\"", task.title)));
        }
    }
    Ok(None)
}

/// Whether a task may be begun: nothing stands before it, and a person has approved what needs it.
fn may_begin(task: &Task, approvals: &[Approval]) -> bool {
    let decision = newest(approvals, task);
    let is_approved = decision.is_some_and(|approval| approval.is("approved"));
    !task.is_blocked
        && (is_approved || (decision.is_none() && !task.description.contains(NEEDS_APPROVAL)))
}

/// Says once how it goes, then hands in with the proof.
async fn work(desk: &Desk, task: &Task) -> anyhow::Result<Option<String>> {
    let comments = desk.comments(task).await?;
    let has_reported = comments.last().is_some_and(|last| last.is_by(&desk.me));
    let before = comments
        .iter()
        .filter(|comment| comment.is_by(&desk.me))
        .count();
    if !has_reported {
        desk.comment(&task.id, &report(task, before)).await?;
        return Ok(Some(format!("reported on \"{}\"", task.title)));
    }
    let body = json!({"status": "review", "comment": proof(task, before)});
    Ok(match desk.change(task, body).await? {
        Change::Made => Some(format!("handed \"{}\" in for review", task.title)),
        Change::Refused(_) => None,
    })
}

fn report(task: &Task, before: usize) -> String {
    if before > 0 {
        return "Update: I read what is missing and mend that.\nNext: the proof, and review again."
            .to_owned();
    }
    format!(
        "Update: I have begun with \"{}\".\nProof: notes in `memory/today.md` of my workspace.\nNext: the result, in a moment.",
        task.title
    )
}

fn proof(task: &Task, before: usize) -> String {
    let found = match before {
        0 | 1 => "done as described, checked once",
        _ => "mended as asked, checked twice",
    };
    format!(
        "Update: \"{}\" is {found}.\nProof: `out/{}.md` in my workspace (simulated: this agent is a script).\n\
         Next: the lead's review.",
        task.title,
        &task.id[..8.min(task.id.len())]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(description: &str, is_blocked: bool) -> Task {
        Task {
            id: "t".into(),
            title: "T".into(),
            description: description.into(),
            status: "inbox".into(),
            priority: "medium".into(),
            assignee: None,
            creator: None,
            is_blocked,
            depends_on: Vec::new(),
        }
    }

    fn approval(status: &str) -> Approval {
        Approval {
            id: "a".into(),
            task: Some("t".into()),
            status: status.into(),
            by: None,
            note: None,
        }
    }

    #[test]
    fn what_needs_a_person_waits_for_one() {
        let plain = task("", false);
        let send = task(&format!("It {NEEDS_APPROVAL}."), false);
        assert!(may_begin(&plain, &[]));
        assert!(!may_begin(&task("", true), &[]));
        assert!(!may_begin(&send, &[]));
        for status in ["pending", "rejected", "expired"] {
            assert!(!may_begin(&plain, &[approval(status)]), "{status}");
            assert!(!may_begin(&send, &[approval(status)]), "{status}");
        }
        // Newest first.
        assert!(may_begin(
            &send,
            &[approval("approved"), approval("rejected")]
        ));
        assert!(!may_begin(
            &send,
            &[approval("rejected"), approval("approved")]
        ));
    }
}
