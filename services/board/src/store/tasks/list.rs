//! Lists of tasks. A statement holds only the conditions that a reader asks for, so that each shape is planned for what it
//! is: with every condition in every statement, the plan sorts the whole board for each page.

use chassis::Page;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use super::columns;
use crate::task::{Priority, Status, Task};

/// Where the tasks of a list are.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Board(Uuid),
    /// Every board of the organization, or these.
    Boards {
        organization_id: Uuid,
        boards: Option<Vec<Uuid>>,
    },
}

/// Which tasks of a place a list holds.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    pub(crate) place: Place,
    /// Any of these; none stands for all.
    pub(crate) statuses: Option<Vec<Status>>,
    pub(crate) assignee: Option<Uuid>,
    pub(crate) unassigned: Option<bool>,
    /// Any of these; none stands for all.
    pub(crate) priorities: Option<Vec<Priority>>,
    /// Any of these; none stands for all.
    pub(crate) tags: Option<Vec<Uuid>>,
    /// Due at this moment or later.
    pub(crate) due_after: Option<DateTime<Utc>>,
    /// Due before this moment.
    pub(crate) due_before: Option<DateTime<Utc>>,
    /// Words that the title or the description has, each as a whole word or its beginning.
    pub(crate) words: Option<Words>,
}

/// Words to search for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Words(Vec<String>);

impl Words {
    /// The words of a text; none where there is nothing to search for. Punctuation parts words here as it does in the
    /// column that is searched, and none is left for the database to read as an operator.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let words: Vec<String> = text
            .split(|c: char| c.is_ascii_punctuation() || c.is_whitespace() || c.is_control())
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect();
        (!words.is_empty()).then_some(Self(words))
    }

    /// As the database wants a search put: every word quoted, each as a beginning.
    fn to_tsquery(&self) -> String {
        let words: Vec<String> = self.0.iter().map(|word| format!("'{word}':*")).collect();
        words.join(" & ")
    }
}

/// A page of tasks, newest first.
pub(crate) async fn list(
    conn: &mut PgConnection,
    filter: &Filter,
    page: &Page,
) -> sqlx::Result<Vec<Task>> {
    let mut query = matching(concat!("select ", columns!(), " from task t"), filter);
    if let Some(cursor) = page.after {
        query
            .push(" and (t.created_at, t.id) < (")
            .push_bind(cursor.at);
        query.push(", ").push_bind(cursor.id).push(")");
    }
    query
        .push(" order by t.created_at desc, t.id desc limit ")
        .push_bind(page.limit);
    query.push(" offset ").push_bind(page.offset);
    query.build_query_as().fetch_all(conn).await
}

/// How many tasks a list holds on all its pages.
pub(crate) async fn count(conn: &mut PgConnection, filter: &Filter) -> sqlx::Result<i64> {
    matching("select count(*) from task t", filter)
        .build_query_scalar()
        .fetch_one(conn)
        .await
}

fn matching(select: &'static str, filter: &Filter) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(select);
    query.push(" where t.deleted_at is null");
    match &filter.place {
        Place::Board(id) => {
            query.push(" and t.board_id = ").push_bind(*id);
        }
        Place::Boards {
            organization_id,
            boards,
        } => {
            query
                .push(" and t.organization_id = ")
                .push_bind(*organization_id);
            if let Some(boards) = boards {
                query
                    .push(" and t.board_id = any (")
                    .push_bind(boards.as_slice())
                    .push(")");
            }
        }
    }
    match filter.statuses.as_deref() {
        None => {}
        // By far the most frequent, and the one that an index gives in order.
        Some([status]) => {
            query.push(" and t.status = ").push_bind(status.as_str());
        }
        Some(statuses) => {
            let words: Vec<&str> = statuses.iter().map(|status| status.as_str()).collect();
            query
                .push(" and t.status = any (")
                .push_bind(words)
                .push(")");
        }
    }
    if let Some(assignee) = filter.assignee {
        query
            .push(" and t.assigned_agent_id = ")
            .push_bind(assignee);
    }
    match filter.unassigned {
        Some(true) => query.push(" and t.assigned_agent_id is null"),
        Some(false) => query.push(" and t.assigned_agent_id is not null"),
        None => &mut query,
    };
    narrow(&mut query, filter);
    query
}

fn narrow(query: &mut QueryBuilder<Postgres>, filter: &Filter) {
    if let Some(priorities) = &filter.priorities {
        let words: Vec<&str> = priorities
            .iter()
            .map(|priority| priority.as_str())
            .collect();
        query
            .push(" and t.priority = any (")
            .push_bind(words)
            .push(")");
    }
    if let Some(tags) = &filter.tags {
        query
            .push(" and t.id in (select tt.task_id from task_tag tt where tt.tag_id = any (")
            .push_bind(tags.clone())
            .push("))");
    }
    if let Some(after) = filter.due_after {
        query.push(" and t.due_at >= ").push_bind(after);
    }
    if let Some(before) = filter.due_before {
        query.push(" and t.due_at < ").push_bind(before);
    }
    if let Some(words) = &filter.words {
        query
            .push(" and t.search @@ to_tsquery('simple', ")
            .push_bind(words.to_tsquery())
            .push(")");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_searched_for_is_an_operator() {
        let query = |text: &str| Words::of(text).map(|words| words.to_tsquery());
        assert_eq!(
            query("login-page & | !' <-> don't:* \\"),
            Some("'login':* & 'page':* & 'don':* & 't':*".to_owned())
        );
        assert_eq!(query("größe"), Some("'größe':*".to_owned()));
        assert_eq!(query(" & "), None);
    }
}
