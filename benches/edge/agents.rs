//! What a check-in costs an agent, alone and among a thousand. Each has a token of its own; calls go round all of them.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sqlx::{PgPool, postgres::PgPoolOptions};
use uuid::Uuid;

use crate::{
    ROUND, ROUNDS,
    product::Product,
    rounds::{Figures, measure},
};

/// Agents in the end.
const AGENTS: usize = 1_000;
/// One caller: the cost of a call, not of waiting for others.
const CALLERS: usize = 1;
/// What stored hashes of tokens cost, as the product makes them.
const HASH_COST: u32 = 10;

pub(crate) async fn check_ins(product: &Product) -> anyhow::Result<()> {
    let mut crowd = Crowd::gather(product).await?;
    println!(
        "1 caller, {ROUNDS} rounds of {} s each, taking turns",
        ROUND.as_secs()
    );
    crowd.grow(1).await?;
    let (mut sql_alone, mut alone) = crowd.measure(product).await?;
    sql_alone.print("check in, 1 agent: bare SQL");
    alone.print("check in, 1 agent: REST");
    println!("{:<44} {:>10.2}", "ratio", alone.over(&sql_alone));

    crowd.grow(AGENTS).await?;
    let (mut sql, mut among) = crowd.measure(product).await?;
    sql.print("check in, 1,000 agents: bare SQL");
    among.print("check in, 1,000 agents: REST");
    println!("{:<44} {:>10.2}", "ratio", among.over(&sql));
    println!(
        "{:<44} {:>10.2} {:>10.2} by the yardstick of its minute",
        "cost of a check-in, 1,000 agents : 1 agent",
        alone.over(&among),
        alone.over(&sql_alone) / among.over(&sql),
    );
    Ok(())
}

/// Agents in the database of the product.
struct Crowd {
    pool: PgPool,
    ids: Vec<Uuid>,
    /// The same for all, so that its hash is made once.
    secret: String,
    hash: String,
    next: AtomicUsize,
}

impl Crowd {
    async fn gather(product: &Product) -> anyhow::Result<Self> {
        let options: sqlx::postgres::PgConnectOptions = product.database.parse()?;
        let pool = PgPoolOptions::new()
            .max_connections(u32::try_from(CALLERS)?)
            .connect_with(options.options([("search_path", "agent")]))
            .await?;
        let secret = BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        Ok(Self {
            pool,
            ids: Vec::new(),
            hash: bcrypt::non_truncating_hash(&secret, HASH_COST)?,
            secret,
            next: AtomicUsize::new(0),
        })
    }

    /// Puts agents there until there are so many, and lets each call once: a token that was never seen is compared with its
    /// hash, which takes a while on purpose.
    async fn grow(&mut self, count: usize) -> anyhow::Result<()> {
        let new: Vec<Uuid> = (self.ids.len()..count).map(|_| Uuid::now_v7()).collect();
        // Workers beside the gateway's main agent, alike in everything else.
        sqlx::query(
            "insert into agent
             select (jsonb_populate_record(main, jsonb_build_object('id', new.id, 'name', 'Bench ' || new.id,
                 'board_id', gen_random_uuid(), 'phase', 'ready', 'provisioned_at', now()))).*
             from agent main, unnest($1::uuid[]) as new (id) where main.board_id is null",
        )
        .bind(&new)
        .execute(&self.pool)
        .await?;
        sqlx::query("insert into agent_token (agent_id, current_hash) select id, $2 from unnest($1::uuid[]) as new (id)")
            .bind(&new)
            .bind(&self.hash)
            .execute(&self.pool)
            .await?;
        self.ids.extend(new);
        Ok(())
    }

    async fn measure(&self, product: &Product) -> anyhow::Result<(Figures, Figures)> {
        let began = Instant::now();
        for id in &self.ids {
            product.check_in(&self.token(*id)).await?;
        }
        let count = u32::try_from(self.ids.len())?;
        println!(
            "{:<44} {:>20.2}",
            format!("first call of each of {count}, average ms"),
            (began.elapsed() / count).as_secs_f64() * 1e3
        );
        let (mut sql, mut rest) = (Figures::default(), Figures::default());
        for _ in 0..ROUNDS {
            sql.add(measure(CALLERS, ROUND, || self.touch()).await?);
            rest.add(
                measure(CALLERS, ROUND, || async {
                    product.check_in(&self.token(self.turn())).await
                })
                .await?,
            );
        }
        Ok((sql, rest))
    }

    fn turn(&self) -> Uuid {
        self.ids[self.next.fetch_add(1, Ordering::Relaxed) % self.ids.len()]
    }

    fn token(&self, id: Uuid) -> String {
        format!("mca_{}_{}", id.simple(), self.secret)
    }

    /// The yardstick: notes the call in one transaction, and reads the agent.
    async fn touch(&self) -> anyhow::Result<()> {
        let id = self.turn();
        let mut tx = self.pool.begin().await?;
        sqlx::query(
            "with before as (select id, last_seen_at from agent where id = $1 for no key update)
             update agent set last_seen_at = now() from before where before.id = agent.id
             returning agent.*, before.last_seen_at as before_seen_at",
        )
        .bind(id)
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        sqlx::query("select * from agent where id = $1")
            .bind(id)
            .fetch_one(&self.pool)
            .await?;
        Ok(())
    }
}
