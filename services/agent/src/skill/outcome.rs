//! Writes down what became of an installation, and tells of it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use proto::event::v1::Actor;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    check,
    install::{self, Install, Next, State},
};
use crate::{
    store::{self, installs::Asked},
    wire,
};

/// Writes what an event made of an installation, unless it made nothing new of it.
pub(crate) async fn apply(
    conn: &mut PgConnection,
    asked: &Asked,
    next: Next,
    actor: Actor,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let install = &asked.install;
    let (state, error) = match next {
        Next::Stays => return Ok(()),
        Next::Becomes(state, error) if (state, &error) == (install.state, &install.error) => {
            return Ok(());
        }
        Next::Becomes(state, error) => {
            let installed_at = match state {
                State::Told | State::Confirmed => install.installed_at.or(Some(now)),
                State::Requested | State::Failed | State::Removing => install.installed_at,
            };
            let changed = Install {
                state,
                error,
                installed_at,
                updated_at: now,
                ..install.clone()
            };
            store::installs::update(conn, &changed).await?;
            (Some(state), changed.error)
        }
        Next::Goes => {
            store::installs::delete(conn, install.gateway_id, install.skill_id).await?;
            (None, None)
        }
    };
    let event = wire::skill::install_changed(actor, asked, state, error, now);
    bus::outbox::append(conn, event).await
}

/// After the message to the main agent was sent, or given up. When it was sent, the gateway is asked later what became of it.
pub(crate) async fn notice_settled(
    conn: &mut PgConnection,
    notice_id: Uuid,
    sent: Result<(), &str>,
    ask_after: Duration,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let Some(mut asked) = store::installs::lock_by_notice(conn, notice_id).await? else {
        return Ok(());
    };
    let waits = matches!(asked.install.state, State::Requested | State::Removing);
    if sent.is_ok() && waits {
        let due_at = TimeDelta::from_std(ask_after).map_or(now, |after| now + after);
        let new = check::due(asked.install.gateway_id, due_at);
        asked.install.check_id = Some(new.id);
        store::installs::update(conn, &asked.install).await?;
        delivery::enqueue(conn, &[new]).await?;
    }
    let next = install::settled(asked.install.state, sent);
    apply(conn, &asked, next, chassis::caller::system_actor(), now).await
}
