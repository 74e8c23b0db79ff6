//! Packs of skills.

use std::time::Duration;

use chassis::{Caller, decode};
use proto::{
    agent::v1::{CreateSkillPackRequest, UpdateSkillPackRequest},
    event::v1::Change,
};
use sqlx::PgConnection;
use tokio::time::Instant;
use tonic::Request;
use uuid::Uuid;

use super::{Shelf, input};
use crate::{
    departure,
    error::Error,
    rpc::organization,
    skill::{MAX_PACKS, Pack, SyncState, address, seed, sync},
    store, wire,
};

/// How often to look whether a sync has ended.
const LOOK: Duration = Duration::from_millis(100);
/// What is left of a caller's time when it gets its answer.
const MARGIN: Duration = Duration::from_secs(2);

/// How long the caller waits for an answer, less what the answer takes. One that does not say waits for ever.
pub(super) fn patience<T>(request: &Request<T>) -> Duration {
    let header = request.metadata().get("grpc-timeout");
    let told = header.and_then(|value| timeout(value.to_str().ok()?));
    told.map_or(Duration::MAX, |told| told.saturating_sub(MARGIN))
}

/// A timeout as gRPC writes it: a number and a unit.
fn timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number.checked_mul(3_600)?),
        "M" => Duration::from_secs(number.checked_mul(60)?),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

impl Shelf {
    pub(super) async fn pack(&self, organization_id: Uuid, id: Uuid) -> Result<Pack, Error> {
        let mut conn = self.pool.acquire().await?;
        store::packs::find(&mut conn, organization_id, id)
            .await?
            .ok_or(Error::SkillPackNotFound)
    }

    /// Adds a pack, or changes the one of the same repository: what is given is taken.
    pub(super) async fn put_pack(
        &self,
        caller: &Caller,
        request: &CreateSkillPackRequest,
    ) -> Result<Pack, Error> {
        let (organization_id, now) = (organization(caller)?, self.clock.now());
        let source_url = input::pack_url(&self.hosts, &request.source_url)?;
        let name = input::name(request.name.as_deref())?;
        let description = input::description(request.description.as_deref())?;
        let branch = input::branch(request.branch.as_deref())?;
        let metadata = input::metadata(request.metadata.as_ref())?;
        let mut tx = self.pool.begin().await?;
        if departure::is_any_gone(&mut tx, &[organization_id]).await? {
            return Err(Error::OrganizationGone);
        }
        // Of two who add the same, one sees that of the other.
        let count = store::packs::count(&mut tx, organization_id).await?;
        let repository = address::repository(&source_url);
        let known = store::packs::find_of_repository(&mut tx, organization_id, &repository).await?;
        let pack = match known {
            Some(known) => {
                let changed = Pack {
                    name: name.unwrap_or_else(|| known.name.clone()),
                    description: description.or_else(|| known.description.clone()),
                    branch,
                    metadata,
                    ..known.clone()
                };
                self.save(&mut tx, caller, &known, changed).await?
            }
            None if count >= MAX_PACKS => return Err(Error::TooManyPacks),
            None => {
                let name = name.unwrap_or_else(|| address::name(&source_url));
                let new = Pack {
                    description,
                    branch,
                    metadata,
                    ..seed::pack(organization_id, name, source_url, now)
                };
                let inserted = store::packs::insert_missing(&mut tx, &[new]).await?;
                // The lock under which they are counted keeps everybody else from adding it.
                let pack = inserted.into_iter().next().ok_or(Error::PackUrlTaken)?;
                self.tell_pack(&mut tx, caller, &pack, Change::Created)
                    .await?;
                pack
            }
        };
        tx.commit().await?;
        Ok(pack)
    }

    /// Replaces everything about a pack; what is absent gets its default.
    pub(super) async fn replace_pack(
        &self,
        caller: &Caller,
        request: &UpdateSkillPackRequest,
    ) -> Result<Pack, Error> {
        let organization_id = organization(caller)?;
        let id = decode::id("pack_id", &request.pack_id)?;
        let mut tx = self.pool.begin().await?;
        let known = store::packs::find_for_update(&mut tx, organization_id, id)
            .await?
            .ok_or(Error::SkillPackNotFound)?;
        let source_url = input::pack_url(&self.hosts, &request.source_url)?;
        let name = input::name(request.name.as_deref())?;
        let changed = Pack {
            name: name.unwrap_or_else(|| address::name(&source_url)),
            description: input::description(request.description.as_deref())?,
            repository: address::repository(&source_url),
            source_url,
            branch: input::branch(request.branch.as_deref())?,
            metadata: input::metadata(request.metadata.as_ref())?,
            ..known.clone()
        };
        self.save(&mut tx, caller, &known, changed).await?;
        // Another repository holds other skills.
        let pack = store::packs::find(&mut tx, organization_id, id).await?;
        tx.commit().await?;
        pack.ok_or(Error::SkillPackNotFound)
    }

    /// Saves a changed pack, if it is changed.
    async fn save(
        &self,
        conn: &mut PgConnection,
        caller: &Caller,
        known: &Pack,
        changed: Pack,
    ) -> Result<Pack, Error> {
        if changed == *known {
            return Ok(changed);
        }
        let changed = Pack {
            updated_at: self.clock.now(),
            ..changed
        };
        store::packs::update(conn, &changed).await?;
        self.tell_pack(conn, caller, &changed, Change::Updated)
            .await?;
        Ok(changed)
    }

    /// Deletes a pack; a sync under way ends without a trace.
    pub(super) async fn delete_pack(&self, caller: &Caller, id: Uuid) -> Result<(), Error> {
        let organization_id = organization(caller)?;
        let pack = self.pack(organization_id, id).await?;
        let mut tx = self.pool.begin().await?;
        // Deliveries are changed before what they are about, as whoever settles one does it.
        delivery::discard_all(&mut tx, pack.sync.id.as_slice()).await?;
        if !store::packs::delete(&mut tx, organization_id, id).await? {
            return Err(Error::SkillPackNotFound);
        }
        self.tell_pack(&mut tx, caller, &pack, Change::Deleted)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Starts a sync, or joins the one that runs, and waits for its end.
    pub(super) async fn sync(
        &self,
        organization_id: Uuid,
        id: Uuid,
        wait: Duration,
    ) -> Result<Pack, Error> {
        let mut tx = self.pool.begin().await?;
        let pack = store::packs::find_for_update(&mut tx, organization_id, id)
            .await?
            .ok_or(Error::SkillPackNotFound)?;
        // Hosts may have been taken from the list since.
        input::pack_url(&self.hosts, &pack.source_url)?;
        let sync_id = sync::start(&mut tx, &pack, self.git_timeout, self.clock.now()).await?;
        tx.commit().await?;
        let until = Instant::now().checked_add(wait);
        loop {
            let pack = self.pack(organization_id, id).await?;
            let runs = pack.sync.state == SyncState::Running && pack.sync.id == Some(sync_id);
            if !runs || until.is_some_and(|until| until <= Instant::now()) {
                return Ok(pack);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn tell_pack(
        &self,
        conn: &mut PgConnection,
        caller: &Caller,
        pack: &Pack,
        change: Change,
    ) -> Result<(), Error> {
        let event = wire::skill::pack_changed(caller.event_actor(), pack, change, self.clock.now());
        Ok(bus::outbox::append(conn, event).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caller_gets_its_answer_before_it_gives_up() {
        let patience = |header: Option<&str>| {
            let mut request = Request::new(());
            if let Some(header) = header {
                let value = header.parse().unwrap();
                request.metadata_mut().insert("grpc-timeout", value);
            }
            patience(&request)
        };
        assert_eq!(patience(Some("30S")), Duration::from_secs(28));
        assert_eq!(patience(Some("30000000u")), Duration::from_secs(28));
        assert_eq!(patience(Some("1S")), Duration::ZERO);
        for other in [None, Some("S"), Some("3x"), Some("")] {
            assert_eq!(patience(other), Duration::MAX);
        }
    }
}
