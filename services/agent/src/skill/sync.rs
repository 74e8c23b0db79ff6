//! Reads the skills of packs out of their repositories.
//!
//! A sync is a delivery on the queue [`QUEUE`]; the pack says how far it is. `never` or an ended one becomes `running` with
//! the delivery, in one transaction; so of two who start one at once, one starts it and the other waits for the same. It
//! becomes `done` with its skills, or `failed` when it is given up, at its deadline at the latest.

use std::time::Duration;

use async_trait::async_trait;
use chassis::Clock;
use chrono::{DateTime, TimeDelta, Utc};
use delivery::{Attempt, Delivery, Policy, Sender, State};
use proto::event::v1::{Actor, Change};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{
    Counts, Pack, SyncState,
    address::Hosts,
    discovery::{self, Discovery, Warnings},
    git::{Failure, Git, Remote},
    index::Place,
};
use crate::{store, wire};

/// Queue of syncs; its targets are organizations.
pub(crate) const QUEUE: &str = "skill_sync";
/// Syncs at once: in this process, and of one organization over all processes.
const CONCURRENCY: usize = 4;
const PER_ORGANIZATION: usize = 2;
/// Pauses after an attempt that was lost, or whose pack was changed meanwhile. What git refuses is not tried again.
const SCHEDULE: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_secs(2),
    Duration::from_secs(10),
];
/// Time for everything but git.
const REST: Duration = Duration::from_secs(30);

/// Works syncs.
pub(crate) struct Syncer {
    pub pool: PgPool,
    pub clock: Clock,
    pub git: Git,
    pub hosts: Hosts,
}

/// How syncs are worked when git may take this long.
pub(crate) fn policy(git: Duration) -> Policy {
    Policy {
        schedule: SCHEDULE.to_vec(),
        concurrency: CONCURRENCY,
        per_target: PER_ORGANIZATION,
        timeout: git + REST,
    }
}

/// Starts a sync of a pack, unless one runs; answers the id of the one that runs. The pack is locked.
pub(crate) async fn start(
    conn: &mut PgConnection,
    pack: &Pack,
    git: Duration,
    now: DateTime<Utc>,
) -> sqlx::Result<Uuid> {
    if let Some(id) = pack.sync.id {
        let runs =
            pack.sync.state == SyncState::Running && delivery::find(conn, id).await?.is_some();
        if runs {
            return Ok(id);
        }
        delivery::discard_all(conn, &[id]).await?;
    }
    let id = Uuid::now_v7();
    store::packs::begin_sync(conn, pack.id, id).await?;
    let attempts = u32::try_from(SCHEDULE.len() + 1).unwrap_or(1);
    let patience = TimeDelta::from_std((git + REST) * attempts).ok();
    let new = delivery::New {
        id,
        queue: QUEUE,
        target: pack.organization_id.to_string(),
        payload: serde_json::json!({"pack_id": pack.id}),
        due_at: now,
        deadline_at: patience.and_then(|patience| now.checked_add_signed(patience)),
    };
    delivery::enqueue(conn, &[new]).await?;
    Ok(id)
}

const CHANGED: &str = "the pack was changed while it was read";

/// Whether a pack is not the one any more that was read.
fn is_another(pack: &Pack, read: &Pack) -> bool {
    (&pack.source_url, &pack.branch) != (&read.source_url, &read.branch)
}

#[async_trait]
impl Sender for Syncer {
    async fn send(&self, delivery: &Delivery) -> Attempt {
        match self.sync(delivery.id).await {
            Ok(attempt) => attempt,
            Err(error) => {
                tracing::error!(sync.id = %delivery.id, error = %chassis::fault::chain(&error), "a sync failed");
                Attempt::retry(
                    "internal: something failed inside of Mission Control; its log says what",
                )
            }
        }
    }

    async fn settled(&self, tx: &mut PgConnection, delivery: &Delivery) -> anyhow::Result<()> {
        if delivery.state != State::Dead {
            return Ok(());
        }
        let error = delivery.last_error.as_deref().unwrap_or("given up");
        if let Some(pack) = store::packs::fail_sync(tx, delivery.id, error).await? {
            self.tell(tx, &pack, Change::SyncFailed).await?;
        }
        Ok(())
    }
}

impl Syncer {
    async fn sync(&self, id: Uuid) -> sqlx::Result<Attempt> {
        let mut conn = self.pool.acquire().await?;
        // Ended already, or gone with its pack.
        let Some(pack) = store::packs::find_running(&mut conn, id).await? else {
            return Ok(Attempt::done());
        };
        drop(conn);
        match self.discover(&pack).await {
            Ok(discovery) => self.save(id, &pack, discovery).await,
            Err(failure) => {
                let mut conn = self.pool.acquire().await?;
                let now = store::packs::find_running(&mut conn, id).await?;
                if now.is_some_and(|now| is_another(&now, &pack)) {
                    return Ok(Attempt::retry(CHANGED));
                }
                tracing::info!(pack.id = %pack.id, error = %chassis::fault::chain(&failure), "a pack could not be read");
                Ok(Attempt::dead(failure.to_string()))
            }
        }
    }

    async fn discover(&self, pack: &Pack) -> Result<Discovery, Failure> {
        let remote = Remote {
            url: &pack.source_url,
            branch: &pack.branch,
        };
        let clone = self.git.clone(remote).await?;
        let mut warnings = Warnings::default();
        if let Some(instead) = &clone.instead {
            warnings.add(format!(
                "there is no branch `{}`; `{instead}` was read instead",
                pack.branch
            ));
        }
        let place = Place {
            repository: &pack.source_url,
            branch: clone.instead.as_deref().unwrap_or(&pack.branch),
            hosts: &self.hosts,
        };
        if let Some(list) = discovery::list(&clone.files, &mut warnings) {
            let bytes = clone.read(&[list]).await?;
            match discovery::from_list(place, bytes.first().map_or(&[], Vec::as_slice), warnings) {
                Ok(discovery) => return Ok(discovery),
                Err(so_far) => warnings = so_far,
            }
        }
        let (files, unread) = discovery::files(place, &clone.files, &mut warnings);
        let contents = clone.read(&files).await?;
        let files: Vec<_> = files.into_iter().zip(contents).collect();
        Ok(discovery::from_files(place, &files, unread, warnings))
    }

    async fn save(&self, id: Uuid, read: &Pack, found: Discovery) -> sqlx::Result<Attempt> {
        let (mut tx, now) = (self.pool.begin().await?, self.clock.now());
        let Some(pack) = store::packs::lock_running(&mut tx, id).await? else {
            return Ok(Attempt::done());
        };
        if is_another(&pack, read) {
            return Ok(Attempt::retry(CHANGED));
        }
        let urls: Vec<&str> = found
            .skills
            .iter()
            .map(|skill| skill.source_url.as_str())
            .chain(found.unread.iter().map(String::as_str))
            .collect();
        let (created, updated) =
            store::skills::upsert_found(&mut tx, &pack, &found.skills, now).await?;
        let counts = Counts {
            found: i32::try_from(found.skills.len()).unwrap_or(i32::MAX),
            created,
            updated,
            vanished: store::skills::mark_vanished(&mut tx, pack.id, &urls, now).await?,
        };
        let warnings = found.warnings.into_texts();
        let pack = store::packs::finish_sync(&mut tx, pack.id, &warnings, counts, now).await?;
        self.tell(&mut tx, &pack, Change::Synced).await?;
        tx.commit().await?;
        Ok(Attempt::done())
    }

    async fn tell(&self, conn: &mut PgConnection, pack: &Pack, change: Change) -> sqlx::Result<()> {
        let actor: Actor = chassis::caller::system_actor();
        let event = wire::skill::pack_changed(actor, pack, change, self.clock.now());
        bus::outbox::append(conn, event).await
    }
}
