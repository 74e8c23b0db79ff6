//! Skills, their packs, and what gateways were asked to install.

mod departure;
mod git_host;
mod installs;
mod market;
mod packs;
mod syncs;

use chassis::{Caller, Clock, Peer};
use proto::agent::v1::{
    CreateSkillPackRequest, CreateSkillRequest, Gateway, ListSkillsRequest, Skill, SkillCard,
    SkillPack, skill_service_client::SkillServiceClient,
};
use sqlx::PgPool;

use crate::fixture::World;

/// Packs are read of this machine, over http.
pub(crate) const LOCAL: [&str; 2] = ["--skill-pack-allow-insecure-hosts", "127.0.0.1"];

impl World {
    pub(crate) async fn with_packs(pool: PgPool, extra: &[&str]) -> Self {
        let words: Vec<&str> = LOCAL.iter().chain(extra).copied().collect();
        Self::start_with(pool, Clock::system(), &words).await
    }

    pub(crate) fn skills(&self, caller: Caller) -> SkillServiceClient<Peer> {
        SkillServiceClient::new(self.running.client(caller))
    }

    pub(crate) async fn skill(&self, source_url: &str) -> Skill {
        let request = CreateSkillRequest {
            source_url: source_url.into(),
            ..CreateSkillRequest::default()
        };
        let answer = self.skills(self.admin()).create_skill(request).await;
        answer.unwrap().into_inner().skill.unwrap()
    }

    pub(crate) async fn pack(&self, source_url: &str, branch: Option<&str>) -> SkillPack {
        let request = CreateSkillPackRequest {
            source_url: source_url.into(),
            branch: branch.map(str::to_owned),
            ..CreateSkillPackRequest::default()
        };
        let answer = self.skills(self.admin()).create_skill_pack(request).await;
        answer.unwrap().into_inner().pack.unwrap()
    }

    pub(crate) async fn cards(&self, gateway: &Gateway) -> Vec<SkillCard> {
        let request = ListSkillsRequest {
            gateway_id: gateway.id.clone(),
            ..ListSkillsRequest::default()
        };
        let answer = self.skills(self.admin()).list_skills(request).await;
        answer.unwrap().into_inner().items
    }

    pub(crate) async fn card(&self, gateway: &Gateway, skill: &Skill) -> SkillCard {
        let cards = self.cards(gateway).await;
        cards.into_iter().find(|card| card.id == skill.id).unwrap()
    }
}
