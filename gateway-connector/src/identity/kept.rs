//! The installation's own device: made once, kept sealed in the database, the same in every replica.

use anyhow::Context;
use chassis::Seal;
use sqlx::PgPool;

use super::Identity;
use crate::{
    Config,
    store::device::{self, Device},
};

/// Where the sealed key belongs.
const SEALED_AS: &str = "connector.device";

impl Identity {
    /// The device that the database keeps. When it keeps none: the one of an identity file, else a new one.
    ///
    /// # Errors
    /// A key that does not open, or a file that cannot be read, is an error: a new key would silently lose every approval
    /// that gateways gave to the old one.
    pub(crate) async fn of_installation(
        pool: &PgPool,
        seal: &Seal,
        config: &Config,
    ) -> anyhow::Result<Self> {
        let mut connection = pool.acquire().await?;
        if let Some(kept) = device::find(&mut connection).await? {
            return open(&kept, seal);
        }
        let (identity, origin) = match Self::of_files(config)? {
            Some(identity) => (identity, "taken over from a file"),
            None => (Self::ephemeral(), "made"),
        };
        let made = Device {
            id: identity.id.clone(),
            key_sealed: seal.close(&identity.seed(), SEALED_AS),
        };
        device::insert(&mut connection, &made).await?;
        // Another replica may have been faster: what the database says counts.
        let kept = device::find(&mut connection)
            .await?
            .context("the device key that was just kept is gone")?;
        if kept.id == made.id {
            tracing::info!(device.id = %kept.id, origin, "device key of this installation");
        }
        open(&kept, seal)
    }
}

fn open(kept: &Device, seal: &Seal) -> anyhow::Result<Identity> {
    let seed = seal.open(&kept.key_sealed, SEALED_AS).ok();
    let seed: Option<[u8; 32]> = seed.and_then(|seed| seed.try_into().ok());
    let identity = seed.map(Identity::from_seed);
    identity
        .filter(|identity| identity.id == kept.id)
        .with_context(|| {
            format!(
                "the device key {} in the database does not open with MC_SEAL_KEY: start with the key that it was sealed \
                 with. Only when that key is lost, delete the row of connector.device; every gateway then asks for approval \
                 again",
                kept.id
            )
        })
}
