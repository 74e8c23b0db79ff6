//! Sentences about what agents were told.

use proto::agent::v1::Notice;

use super::words::{quoted, words};

pub(super) fn sent(notice: Option<&Notice>) -> String {
    format!("{} was told {}.", agent(notice), news(notice))
}

pub(super) fn dead(notice: Option<&Notice>) -> String {
    format!("{} could not be told {}.", agent(notice), news(notice))
}

fn agent(notice: Option<&Notice>) -> String {
    match notice.and_then(|notice| notice.agent_name.as_deref()) {
        Some(name) => format!("The agent {}", quoted(Some(name))),
        None => "An agent".into(),
    }
}

/// What stands after "was told".
fn news(notice: Option<&Notice>) -> String {
    let kind = notice.map_or("", |notice| notice.kind.as_str());
    let news = match kind {
        "task_assigned" => "that a task is assigned to it",
        "task_created" => "of a new task",
        "task_ready_for_review" => "that a task waits for review",
        "task_changes_requested" => "that a task needs more work",
        "task_back_in_inbox" => "that a task is back in the inbox",
        "task_comment" => "of a comment",
        "approval_resolved" => "how an approval was decided",
        "board_updated" => "that the board was changed",
        "board_group_join" => "that a board joined the group",
        "board_group_leave" => "that a board left the group",
        "board_chat" => "what was written on the board",
        "board_command" => "a command to the board",
        "group_chat" => "what was written in the group",
        "group_broadcast" => "what everybody in the group is to know",
        "nudge" => "to look at its work",
        "ask_user" => "to ask a person",
        "lead_message" => "what the main agent has to say",
        "lead_broadcast" => "what the main agent has to say to all leads",
        "onboarding" => "of the onboarding",
        "skill_install" => "to install a skill",
        "skill_uninstall" => "to remove a skill",
        other => return format!("of {}", words(other)),
    };
    news.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(kind: &str, name: Option<&str>) -> Notice {
        Notice {
            kind: kind.into(),
            agent_name: name.map(str::to_owned),
            ..Notice::default()
        }
    }

    #[test]
    fn they_say_who_and_what() {
        let comment = notice("task_comment", Some("Ada"));
        assert_eq!(
            sent(Some(&comment)),
            "The agent \u{201c}Ada\u{201d} was told of a comment."
        );
        assert_eq!(
            dead(Some(&notice("nudge", None))),
            "An agent could not be told to look at its work."
        );
        let new = notice("a_later_kind", None);
        assert_eq!(sent(Some(&new)), "An agent was told of a later kind.");
    }
}
