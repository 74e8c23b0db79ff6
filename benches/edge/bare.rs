//! The yardstick: the statements that the product runs for the same work, with nothing around them.

use sqlx::{PgPool, postgres::PgPoolOptions};
use uuid::Uuid;

use crate::{CALLERS, product::Product};

pub(crate) struct Bare {
    pool: PgPool,
    board: Uuid,
    organization: Uuid,
}

impl Bare {
    /// Connects to the database that the product works on.
    pub(crate) async fn connect(product: &Product) -> anyhow::Result<Self> {
        let options: sqlx::postgres::PgConnectOptions = product.database.parse()?;
        let pool = PgPoolOptions::new()
            .max_connections(u32::try_from(CALLERS)?)
            .connect_with(options.options([("search_path", "board")]))
            .await?;
        let board = product.board.parse()?;
        let organization = sqlx::query_scalar("select organization_id from board where id = $1")
            .bind(board)
            .fetch_one(&pool)
            .await?;
        sqlx::query("create table bench_outbox (like outbox including all)")
            .execute(&pool)
            .await?;
        Ok(Self {
            pool,
            board,
            organization,
        })
    }

    /// The rights and version of the board, the newest 200 tasks, and how many there are.
    pub(crate) async fn list(&self) -> anyhow::Result<()> {
        let mut conn = self.pool.acquire().await?;
        sqlx::query("select id, organization_id, gateway_id, version from board where id = $1")
            .bind(self.board)
            .fetch_one(&mut *conn)
            .await?;
        let rows = sqlx::query(
            "select t.id, t.organization_id, t.board_id, t.title, t.description, t.status, t.priority, t.due_at,
                    t.assigned_agent_id, t.created_by_user_id, t.created_by_agent_id, t.in_progress_at, t.started_at,
                    t.status_changed_at, t.last_worker_id, t.depends_on_ids, t.blocked_by_ids, t.cycle, t.version,
                    t.created_at, t.updated_at
             from task t where t.board_id = $1 and t.deleted_at is null
             order by t.created_at desc, t.id desc limit 200",
        )
        .bind(self.board)
        .fetch_all(&mut *conn)
        .await?;
        anyhow::ensure!(rows.len() == 200, "a page has 200 rows");
        sqlx::query("select count(*) from task t where t.board_id = $1 and t.deleted_at is null")
            .bind(self.board)
            .fetch_one(&mut *conn)
            .await?;
        Ok(())
    }

    /// Holds the board, inserts the task and its event, moves the board's version.
    pub(crate) async fn create(&self) -> anyhow::Result<()> {
        let mut tx = self.pool.begin().await?;
        sqlx::query(
            "select id, organization_id, gateway_id, version from board where id = $1 for update",
        )
        .bind(self.board)
        .fetch_one(&mut *tx)
        .await?;
        sqlx::query(
            "insert into task (id, organization_id, board_id, title, description, status, priority, status_changed_at,
                               created_at, updated_at)
             values ($1, $2, $3, 'Measure this', 'A task of ordinary size, as agents write them.', 'inbox', 'medium',
                     now(), now(), now())",
        )
        .bind(Uuid::now_v7())
        .bind(self.organization)
        .bind(self.board)
        .execute(&mut *tx)
        .await?;
        sqlx::query("update board set version = version + 1 where id = $1")
            .bind(self.board)
            .execute(&mut *tx)
            .await?;
        // A table of its own, so that the yardstick makes no work for the product.
        sqlx::query(
            "insert into bench_outbox (event_id, topic, payload) values ($1, 'task.created', $2)",
        )
        .bind(Uuid::now_v7())
        .bind(vec![0_u8; 400])
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }
}
