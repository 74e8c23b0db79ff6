//! The device key, sealed.

use sqlx::PgConnection;

/// A device as it is kept.
#[derive(sqlx::FromRow)]
pub(crate) struct Device {
    pub id: String,
    pub key_sealed: Vec<u8>,
}

pub(crate) async fn find(connection: &mut PgConnection) -> sqlx::Result<Option<Device>> {
    sqlx::query_as("select id, key_sealed from device")
        .fetch_optional(connection)
        .await
}

/// Keeps the device, unless there is one. The row is the lock: of two replicas that start at once one comes first.
pub(crate) async fn insert(connection: &mut PgConnection, device: &Device) -> sqlx::Result<()> {
    sqlx::query(
        "insert into device (id, key_sealed) values ($1, $2) on conflict on constraint device_pkey do nothing",
    )
    .bind(&device.id)
    .bind(&device.key_sealed)
    .execute(connection)
    .await?;
    Ok(())
}
