//! What the edge costs: listing 200 of 1,000 tasks and creating one, through REST, beside the same statements run bare on the
//! same PostgreSQL in the same minute: the private one that the product starts, with all its durability. The ratio is what
//! remains of the database's own pace; creating includes telling everybody who listens. And what a check-in of an agent
//! costs when it is the only one, and when there are a thousand.

mod agents;
mod bare;
mod product;
mod rounds;

use std::time::Duration;

use bare::Bare;
use product::Product;
use rounds::{Figures, measure};

/// Callers at once. More only queue on two cores.
const CALLERS: usize = 8;
/// How long one round takes; yardstick and product take turns.
const ROUND: Duration = Duration::from_secs(4);
const ROUNDS: usize = 3;
/// Tasks on the board that is read.
const TASKS: usize = 1_000;

fn main() -> anyhow::Result<()> {
    // `cargo test` runs benches once to see that they work; there is nothing to see without a server.
    if std::env::args().any(|arg| arg == "--test" || arg == "--list") {
        return Ok(());
    }
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(run())
}

async fn run() -> anyhow::Result<()> {
    // Fails only when it is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let product = Product::start(TASKS).await?;
    let bare = Bare::connect(&product).await?;
    println!(
        "{CALLERS} callers, {ROUNDS} rounds of {} s each, taking turns\n",
        ROUND.as_secs()
    );
    println!(
        "{:<44} {:>10} {:>9} {:>9}",
        "", "per second", "p50 ms", "p99 ms"
    );

    lists(&product, &bare).await?;
    creations(&product, &bare).await?;
    agents::check_ins(&product).await?;
    product.stop().await
}

async fn lists(product: &Product, bare: &Bare) -> anyhow::Result<()> {
    let (mut sql, mut rest, mut cached) =
        (Figures::default(), Figures::default(), Figures::default());
    for _ in 0..ROUNDS {
        sql.add(measure(CALLERS, ROUND, || bare.list()).await?);
        rest.add(measure(CALLERS, ROUND, || product.list(None)).await?);
        let tag = product.etag().await?;
        cached.add(measure(CALLERS, ROUND, || product.list(Some(tag.clone()))).await?);
    }
    sql.print("list 200 of 1,000: bare SQL");
    rest.print("list 200 of 1,000: REST");
    cached.print("list 200 of 1,000: REST, If-None-Match");
    println!(
        "{:<44} {:>10.2} {:>10.2} with If-None-Match\n",
        "ratio",
        rest.over(&sql),
        cached.over(&sql)
    );

    Ok(())
}

async fn creations(product: &Product, bare: &Bare) -> anyhow::Result<()> {
    let (mut sql, mut rest) = (Figures::default(), Figures::default());
    for _ in 0..ROUNDS {
        sql.add(measure(CALLERS, ROUND, || bare.create()).await?);
        rest.add(measure(CALLERS, ROUND, || product.create()).await?);
    }
    sql.print("create a task: bare SQL, one transaction");
    rest.print("create a task: REST");
    println!("{:<44} {:>10.2}\n", "ratio", rest.over(&sql));
    Ok(())
}
