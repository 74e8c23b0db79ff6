//! Souls by role: a worker that nobody gave a soul may get the one of the public directory that fits what it is for. Looked
//! up once; what was found is its soul from then on, whatever the directory says later.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context;
use chassis::Clock;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgPool;

use super::{
    directory::Directory,
    history::{self, Origin},
    sitemap::Ref,
};
use crate::{
    agent::{Agent, Role},
    store, wire,
};

/// How long the directory may take altogether; the agent waits.
const BUDGET: Duration = Duration::from_secs(5);
/// How long nobody asks a directory that has failed.
const REST: TimeDelta = TimeDelta::minutes(1);

/// Gives workers the souls of their roles.
pub(crate) struct RoleSouls {
    pub pool: PgPool,
    pub clock: Clock,
    /// Absent where nobody wants this.
    pub directory: Option<Directory>,
    /// How long an attempt at a job may take: this takes a fraction of it.
    pub attempt: Duration,
    /// Until when nobody asks.
    pub rests_until: Mutex<Option<DateTime<Utc>>>,
}

impl RoleSouls {
    /// The agent with the soul of its role, if it has none and there is one. That there is none is no reason for anything to
    /// fail.
    pub(crate) async fn given(&self, agent: &Agent) -> Agent {
        let (Some(directory), Some(role)) = (&self.directory, wanted(agent)) else {
            return agent.clone();
        };
        if self.rests() {
            return agent.clone();
        }
        let budget = BUDGET.min(self.attempt / 4);
        let found = tokio::time::timeout(budget, find(directory, role)).await;
        if !matches!(found, Ok(Ok(_))) {
            let until = self.clock.now().checked_add_signed(REST);
            *self
                .rests_until
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = until;
        }
        let pinned = match found {
            Ok(Ok(Some((soul, content)))) => {
                let source_url = directory.page_url(&soul);
                self.pin(agent, role, content, source_url).await
            }
            Ok(Ok(None)) => return agent.clone(),
            Ok(Err(error)) => Err(error),
            Err(late) => Err(late.into()),
        };
        pinned.unwrap_or_else(|error| {
            tracing::info!(agent.id = %agent.id, error = format!("{error:#}"), "an agent goes without a soul of its role");
            agent.clone()
        })
    }

    fn rests(&self) -> bool {
        let until = self
            .rests_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| self.clock.now() < until)
    }

    async fn pin(
        &self,
        agent: &Agent,
        role: &str,
        content: String,
        source_url: String,
    ) -> anyhow::Result<Agent> {
        let (mut tx, now) = (self.pool.begin().await?, self.clock.now());
        let Some(changed) = store::souls::give_first(&mut tx, agent.id, &content, now).await?
        else {
            // Somebody was faster, or the agent goes.
            let current = store::agents::find(&mut tx, agent.id).await?;
            return current.context("the agent is gone");
        };
        let actor = chassis::caller::system_actor();
        let reason = format!("the soul of the role `{}`", crate::quote::line(role, 200));
        let origin = Origin {
            source_url: Some(&source_url),
            reason: Some(&reason),
        };
        let added = history::add(&mut tx, &changed, &actor, origin, now).await?;
        let revision = added.context("the agent has a soul now")?;
        let event = wire::soul::updated(actor, &changed, &revision, now);
        bus::outbox::append(&mut tx, event).await?;
        tx.commit().await?;
        Ok(changed)
    }
}

/// The role for which an agent wants a soul.
fn wanted(agent: &Agent) -> Option<&str> {
    let wants = agent.role() == Role::Worker && agent.soul_template.is_none();
    let role = agent.identity_profile.as_ref()?.get("role")?;
    role.as_str()
        .filter(|role| wants && !role.trim().is_empty())
}

async fn find(directory: &Directory, role: &str) -> anyhow::Result<Option<(Ref, String)>> {
    let list = directory.list().await?;
    let Some(soul) = choose(role, &list) else {
        return Ok(None);
    };
    let content = directory.read(soul).await?.trim().to_owned();
    anyhow::ensure!(
        !content.is_empty() && content.chars().count() <= super::MAX,
        "the soul is empty or longer than {} characters",
        super::MAX
    );
    Ok(Some((soul.clone(), content)))
}

/// The soul that fits a role: of this very name; or else the shortest name that begins with it; or that contains it; or the
/// one with most words of the role, two at least. Of several the first by name.
fn choose<'a>(role: &str, souls: &'a [Ref]) -> Option<&'a Ref> {
    let role = role.to_lowercase();
    let words: Vec<&str> = role
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let name = words.join("-");
    if name.is_empty() {
        return None;
    }
    let shortest = |fits: &dyn Fn(&str) -> bool| {
        let fitting = souls.iter().filter(|soul| fits(&soul.slug.to_lowercase()));
        fitting.min_by_key(|soul| (soul.slug.len(), &soul.slug, &soul.handle))
    };
    let begins = format!("{name}-");
    shortest(&|slug| slug == name)
        .or_else(|| shortest(&|slug| slug.starts_with(&begins)))
        .or_else(|| shortest(&|slug| slug.contains(&name)))
        .or_else(|| {
            let hits = |soul: &Ref| {
                let whole = format!("{}-{}", soul.handle, soul.slug).to_lowercase();
                words.iter().filter(|word| whole.contains(**word)).count()
            };
            let fitting = souls.iter().filter(|soul| hits(soul) >= 2);
            fitting.min_by_key(|soul| {
                (
                    std::cmp::Reverse(hits(soul)),
                    soul.slug.len(),
                    &soul.slug,
                    &soul.handle,
                )
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(role: &str, names: &[&str]) -> Option<String> {
        let souls: Vec<Ref> = names
            .iter()
            .map(|name| {
                let (handle, slug) = name.split_once('/').unwrap();
                Ref {
                    handle: handle.into(),
                    slug: slug.into(),
                }
            })
            .collect();
        choose(role, &souls).map(|soul| format!("{}/{}", soul.handle, soul.slug))
    }

    #[test]
    fn the_closest_name_is_chosen() {
        let names = [
            "a/senior-data-engineer",
            "b/data-engineer-pro",
            "c/Data-Engineer",
            "d/data-engineer-x",
            "e/writer",
        ];
        assert_eq!(
            chosen(" Data  Engineer! ", &names),
            Some("c/Data-Engineer".into())
        );
        let without = [names[0], names[1], names[3], names[4]];
        assert_eq!(
            chosen("data engineer", &without),
            Some("d/data-engineer-x".into())
        );
        assert_eq!(
            chosen("data engineer", &names[..1]),
            Some("a/senior-data-engineer".into())
        );
    }

    #[test]
    fn words_count_when_the_name_does_not_fit() {
        let names = [
            "data/lake-keeper",
            "x/engineer-of-data-flows",
            "y/data-engineer2-of-very-much",
            "z/data",
        ];
        assert_eq!(
            chosen("engineer, data", &names),
            Some("x/engineer-of-data-flows".into())
        );
        assert_eq!(
            chosen("lake data guard", &names),
            Some("data/lake-keeper".into())
        );
        assert_eq!(chosen("guard", &names), None);
        assert_eq!(chosen("big guard", &names), None);
        assert_eq!(chosen("!!", &names), None);
        assert_eq!(chosen("data", &[]), None);
    }

    #[test]
    fn of_equals_the_first_by_name() {
        assert_eq!(chosen("cook", &["b/cook", "a/cook"]), Some("a/cook".into()));
    }
}
