//! The packs that a new organization begins with.

use chrono::{DateTime, Utc};
use proto::event::v1::Change;
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Counts, Pack, Sync, SyncState,
    address::{self, Hosts},
};
use crate::{departure, store, wire};

const PACKS: [(&str, &str); 2] = [
    (
        "Antigravity Awesome Skills",
        "https://github.com/sickn33/antigravity-awesome-skills",
    ),
    (
        "AI Marketing Skills",
        "https://github.com/BrianRWagner/ai-marketing-skills",
    ),
];
/// Branch of a pack where nobody named one.
pub(crate) const BRANCH: &str = "main";

/// A pack that was never synced.
pub(crate) fn pack(
    organization_id: Uuid,
    name: String,
    source_url: String,
    now: DateTime<Utc>,
) -> Pack {
    Pack {
        id: Uuid::now_v7(),
        organization_id,
        name,
        description: None,
        repository: address::repository(&source_url),
        source_url,
        branch: BRANCH.to_owned(),
        metadata: json!({}),
        skill_count: 0,
        sync: Sync {
            state: SyncState::Never,
            id: None,
            at: None,
            error: None,
            warnings: Vec::new(),
            counts: Counts::default(),
        },
        created_at: now,
        updated_at: now,
    }
}

/// Gives a new organization its packs, those of hosts that are allowed. They are read when somebody says so.
pub(crate) async fn plant(
    conn: &mut PgConnection,
    organization_id: Uuid,
    hosts: &Hosts,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    if departure::is_any_gone(conn, &[organization_id]).await? {
        return Ok(());
    }
    let packs: Vec<Pack> = PACKS
        .iter()
        .filter_map(|(name, url)| Some((name, hosts.pack(url).ok()?)))
        .map(|(name, url)| pack(organization_id, (*name).to_owned(), url, now))
        .collect();
    let events = store::packs::insert_missing(conn, &packs)
        .await?
        .iter()
        .map(|pack| {
            let actor = chassis::caller::system_actor();
            wire::skill::pack_changed(actor, pack, Change::Created, now)
        })
        .collect();
    bus::outbox::append_all(conn, events).await
}
