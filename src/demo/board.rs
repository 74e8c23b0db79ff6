//! A board through the eyes of one of its agents.

use anyhow::Context;
use serde_json::{Value, json};

use crate::rest::{Refusal, Rest, items, text};

/// An agent at work on its board.
pub(super) struct Desk {
    pub(super) rest: Rest,
    pub(super) board: String,
    pub(super) board_name: String,
    /// Who works here.
    pub(super) me: String,
    pub(super) name: String,
}

/// A task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Task {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) status: String,
    pub(super) priority: String,
    pub(super) assignee: Option<String>,
    pub(super) creator: Option<String>,
    pub(super) is_blocked: bool,
    pub(super) depends_on: Vec<String>,
}

/// A remark on a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Comment {
    /// The agent that wrote it, when one did.
    pub(super) agent: Option<String>,
    pub(super) message: String,
}

/// A request to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Approval {
    pub(super) id: String,
    pub(super) task: Option<String>,
    pub(super) status: String,
    pub(super) by: Option<String>,
    pub(super) note: Option<String>,
}

impl Desk {
    /// The newest 200 tasks, newest first.
    pub(super) async fn tasks(&self) -> anyhow::Result<Vec<Task>> {
        let list = self.rest.get(&self.path("tasks?limit=200")).await?;
        items(&list)?.iter().map(Task::read).collect()
    }

    /// The newest approvals, newest first.
    pub(super) async fn approvals(&self) -> anyhow::Result<Vec<Approval>> {
        let list = self.rest.get(&self.path("approvals?limit=100")).await?;
        items(&list)?.iter().map(Approval::read).collect()
    }

    /// What was said on a task, oldest first.
    pub(super) async fn comments(&self, task: &Task) -> anyhow::Result<Vec<Comment>> {
        let path = self.path(&format!("tasks/{}/comments?limit=200", task.id));
        let list = self.rest.get(&path).await?;
        Ok(items(&list)?.iter().map(Comment::read).collect())
    }

    pub(super) async fn comment(&self, task: &str, message: &str) -> anyhow::Result<()> {
        let path = self.path(&format!("tasks/{task}/comments"));
        self.rest.post(&path, json!({"message": message})).await?;
        Ok(())
    }

    /// Creates a task; answers its title.
    pub(super) async fn create(&self, body: Value) -> anyhow::Result<String> {
        text(&self.rest.post(&self.path("tasks"), body).await?, "title")
    }

    /// Changes a task. False when somebody was quicker, or a rule of the board stands against it.
    pub(super) async fn change(&self, task: &Task, body: Value) -> anyhow::Result<Change> {
        let path = self.path(&format!("tasks/{}", task.id));
        match self.rest.patch(&path, body).await {
            Ok(_) => Ok(Change::Made),
            Err(error) => match Refusal::of(&error) {
                Some(refusal) if matches!(refusal.status.as_u16(), 403 | 404 | 409) => {
                    Ok(Change::Refused(refusal.code.clone()))
                }
                _ => Err(error),
            },
        }
    }

    /// Asks a person to approve something about a task. False when the task waits for an answer already.
    pub(super) async fn ask(&self, task: &Task, action: &str, why: &str) -> anyhow::Result<bool> {
        let body = json!({"action_type": action, "task_id": task.id, "confidence": 80, "lead_reasoning": why});
        match self.rest.post(&self.path("approvals"), body).await {
            Ok(_) => Ok(true),
            Err(error) => match Refusal::of(&error) {
                Some(refusal) if matches!(refusal.status.as_u16(), 404 | 409) => Ok(false),
                _ => Err(error),
            },
        }
    }

    /// Writes into the board's chat.
    pub(super) async fn say(&self, content: &str) -> anyhow::Result<()> {
        let body = json!({"content": content, "tags": ["chat"], "source": self.name});
        self.rest.post(&self.path("memory"), body).await?;
        Ok(())
    }

    /// Whether the newest chat has this message.
    pub(super) async fn was_said(&self, content: &str) -> anyhow::Result<bool> {
        let list = self
            .rest
            .get(&self.path("memory?is_chat=true&limit=200"))
            .await?;
        Ok(items(&list)?
            .iter()
            .any(|entry| entry["content"] == content))
    }

    /// Whether an agent of the board has this name.
    pub(super) async fn is_colleague(&self, name: &str) -> anyhow::Result<bool> {
        let list = self.rest.get("/api/v1/agent/agents?limit=200").await?;
        Ok(items(&list)?.iter().any(|agent| agent["name"] == name))
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/v1/agent/boards/{}/{rest}", self.board)
    }
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Made,
    /// With the code of the refusal.
    Refused(String),
}

impl Task {
    fn read(value: &Value) -> anyhow::Result<Self> {
        let optional = |field: &str| value[field].as_str().map(str::to_owned);
        let depends_on = value["depends_on_task_ids"]
            .as_array()
            .into_iter()
            .flatten();
        Ok(Self {
            id: text(value, "id")?,
            title: text(value, "title")?,
            description: optional("description").unwrap_or_default(),
            status: text(value, "status")?,
            priority: optional("priority").unwrap_or_default(),
            assignee: optional("assigned_agent_id"),
            creator: optional("created_by_agent_id"),
            is_blocked: value["is_blocked"]
                .as_bool()
                .context("is_blocked is missing")?,
            depends_on: depends_on
                .filter_map(|id| Some(id.as_str()?.to_owned()))
                .collect(),
        })
    }

    pub(super) fn is(&self, status: &str) -> bool {
        self.status == status
    }

    /// Higher is sooner.
    pub(super) fn urgency(&self) -> usize {
        let known = ["low", "medium", "high", "urgent"];
        known
            .iter()
            .position(|word| *word == self.priority)
            .unwrap_or(1)
    }
}

impl Comment {
    fn read(value: &Value) -> Self {
        Self {
            agent: value["agent_id"].as_str().map(str::to_owned),
            message: value["message"].as_str().unwrap_or_default().to_owned(),
        }
    }

    pub(super) fn is_by(&self, agent: &str) -> bool {
        self.agent.as_deref() == Some(agent)
    }
}

impl Approval {
    fn read(value: &Value) -> anyhow::Result<Self> {
        let optional = |field: &str| value[field].as_str().map(str::to_owned);
        Ok(Self {
            id: text(value, "id")?,
            task: optional("task_id"),
            status: text(value, "status")?,
            by: optional("resolved_by_name"),
            note: optional("note").filter(|note| !note.trim().is_empty()),
        })
    }

    pub(super) fn is(&self, status: &str) -> bool {
        self.status == status
    }
}

/// The newest approval about a task.
pub(super) fn newest<'a>(approvals: &'a [Approval], task: &Task) -> Option<&'a Approval> {
    approvals
        .iter()
        .find(|approval| approval.task.as_ref() == Some(&task.id))
}
