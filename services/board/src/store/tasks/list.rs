//! Lists of tasks. A statement holds only the conditions that a reader asks for, so that each shape is planned for what it
//! is: with every condition in every statement, the plan sorts the whole board for each page.

use chassis::Page;
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use super::columns;
use crate::task::{Status, Task};

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
    query
}
