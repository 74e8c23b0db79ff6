//! A job ends and its follower begins while something is changed that the follower may have read already.

use proto::agent::v1::{Agent, UpdateGatewayRequest};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::{fixture::until, gateways::mask, team::Team};

/// A job that nobody works.
const JOB: &str = "insert into job (id, agent_id, kind, step, created_at)
    values ($1, $2::uuid, 'pace', 'ensure', now())";

async fn put(conn: &mut PgConnection, job: Uuid, agent: &Agent) {
    let put = sqlx::query(JOB).bind(job).bind(&agent.id);
    put.execute(conn).await.unwrap();
}

/// While `change` waits for the job under way, that one ends and another follows it; whether that one is followed in turn,
/// by a whole job and by one that tells the pace.
async fn follower<T>(team: &Team, agent: &Agent, change: impl Future<Output = T>) -> (bool, bool) {
    let pool = &team.world.pool;
    let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
    let mut conn = pool.acquire().await.unwrap();
    put(&mut conn, first, agent).await;
    sqlx::query("update agent set phase = 'updating' where id = $1::uuid")
        .bind(&agent.id)
        .execute(&mut *conn)
        .await
        .unwrap();
    drop(conn);
    let mut tx = pool.begin().await.unwrap();
    sqlx::query("update job set finished_at = now() where id = $1")
        .bind(first)
        .execute(&mut *tx)
        .await
        .unwrap();
    let settle = async {
        until("the change waits", || async {
            let waiting = "select count(*) from pg_stat_activity
                           where datname = current_database() and wait_event_type = 'Lock'";
            let waiting: i64 = sqlx::query_scalar(waiting).fetch_one(pool).await.unwrap();
            (waiting > 0).then_some(())
        })
        .await;
        put(&mut tx, second, agent).await;
        tx.commit().await.unwrap();
    };
    tokio::join!(settle, change);
    sqlx::query_as("select again, pace_again from job where id = $1")
        .bind(second)
        .fetch_one(pool)
        .await
        .unwrap()
}

#[sqlx::test(migrations = false)]
async fn a_new_pace_is_told_after_a_job_that_began_meanwhile(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let set = async {
        let answer = team.set(team.pace("7m", false)).await.unwrap();
        assert!(answer.updated_agent_ids.contains(&team.ada.id));
    };
    assert_eq!(follower(&team, &team.ada, set).await, (false, true));
}

#[sqlx::test(migrations = false)]
async fn new_paths_are_written_after_a_job_that_began_meanwhile(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let request = UpdateGatewayRequest {
        gateway_id: team.ada.gateway_id.clone(),
        update_mask: mask(&["workspace_root"]),
        workspace_root: Some("/srv".into()),
        ..UpdateGatewayRequest::default()
    };
    let save = async {
        let mut gateways = team.world.gateways(team.world.admin());
        gateways.update_gateway(request).await.unwrap();
    };
    assert_eq!(follower(&team, &team.ada, save).await, (true, false));
}
