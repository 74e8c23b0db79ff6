//! Agents to which anything happens at any time, on gateways in changing moods: at every moment whatever passes is planned,
//! and in the end every agent is in a named state.

use chassis::Clock;
use chrono::{DateTime, TimeDelta};
use proto::agent::v1::{Agent, AgentStatus, RetryAgentRequest, UpdateAgentRequest};
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::{
    fixture::{World, reason},
    life::{change, moved, renamed},
    stand_in::Mood,
};

/// Chance that repeats: a seed and a step, well mixed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(bound).unwrap()).unwrap()
    }
}

/// What may be refused at any moment.
const REFUSALS: [&str; 8] = [
    "AGENT_LEAVING",
    "AGENT_NOT_FOUND",
    "AGENT_BUSY",
    "AGENT_NOT_FAILED",
    "AGENT_NOT_READY",
    "AGENT_NAME_TAKEN",
    "BOARD_PAUSED",
    "AGENT_TOKEN_INVALID",
];

fn lawful<T>(step: usize, answer: Result<T, Status>) {
    if let Err(status) = answer {
        assert!(
            REFUSALS.contains(&&*reason(&status)),
            "step {step}: {status}"
        );
    }
}

/// Agents of which something passes that nobody works on; each row says what.
const LOST: &str = "
    select 'no job: ' || agent.id || ' ' || phase from agent
    where phase in ('pending', 'provisioning', 'updating', 'deleting')
      and not exists (
          select from job join delivery using (id)
          where job.agent_id = agent.id and job.finished_at is null
            and (delivery.state in ('waiting', 'sending', 'failed')
                 or delivery.state = 'sent' and job.step = 'wake'
                    and exists (select from paused_board where paused_board.board_id = agent.board_id)))
    union all
    select 'a job too many: ' || agent.id || ' ' || phase from agent
    where phase in ('ready', 'failed') and exists (select from job where agent_id = agent.id and finished_at is null)
    union all
    select 'nobody looks: ' || agent.id from agent
    where checkin_deadline_at is not null
      and not exists (
          select from wake join delivery using (id)
          where wake.agent_id = agent.id and delivery.state in ('waiting', 'sending', 'failed'))
    union all
    select 'back to life: ' || id || ' ' || phase from agent
    where leaving_at is not null and phase not in ('deleting', 'failed')
    union all
    select 'a token of one that goes: ' || id from agent join agent_token on agent_id = id
    where leaving_at is not null and (current_hash is not null or next_hash is not null)";

async fn nothing_is_lost(world: &World, step: usize) {
    let lost: Vec<String> = sqlx::query_scalar(LOST)
        .fetch_all(&world.pool)
        .await
        .unwrap();
    assert!(lost.is_empty(), "step {step}: {lost:?}");
}

const STEPS: usize = 150;

async fn live(pool: PgPool, seed: u64) {
    let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let extra = [
        "--lifecycle-timeout",
        "300ms",
        "--lifecycle-deadline",
        "3m",
        "--lifecycle-retry-schedule",
        "1s,2s,5s,10s,20s,30s",
    ];
    let world = World::start_with(pool, Clock::fixed(at), &extra).await;
    let (first, second) = (world.gateway("First").await, world.gateway("Second").await);
    let boards = [
        world.board(&first, 9),
        world.board(&first, 9),
        world.board(&second, 9),
    ];
    let mut agents: Vec<Agent> = Vec::new();
    for (n, board) in boards.iter().enumerate() {
        agents.push(world.lead(*board, &format!("Lead {n}")).await);
        agents.push(world.worker(*board, &format!("Worker {n}")).await);
    }
    let mut chance = Chance(seed);
    for step in 0..STEPS {
        let agent = agents[chance.below(agents.len())].clone();
        let board: Uuid = boards[chance.below(boards.len())];
        match chance.below(16) {
            0..=2 => lawful(
                step,
                world.update(renamed(&agent, &format!("Name {step}"))).await,
            ),
            3 => {
                let forced = UpdateAgentRequest {
                    force: Some(true),
                    ..change(&agent, &[])
                };
                lawful(step, world.update(forced).await);
            }
            4 if !agent.is_board_lead => lawful(step, world.update(moved(&agent, board)).await),
            5 => lawful(step, world.rotate(&agent, chance.below(2) == 0).await),
            6 | 7 => lawful(step, world.wake(&agent).await),
            8 => {
                let retry = RetryAgentRequest {
                    agent_id: agent.id.clone(),
                };
                lawful(step, world.agents(world.admin()).retry_agent(retry).await);
            }
            9 if chance.below(6) == 0 => {
                let force = chance.below(3) == 0;
                lawful(step, world.delete(world.admin(), &agent.id, force).await);
            }
            10 => {
                let moods = [
                    Mood::Well,
                    Mood::Failing {
                        times: 5,
                        reason: "GATEWAY_UNREACHABLE",
                    },
                    Mood::Failing {
                        times: 2,
                        reason: "GATEWAY_UNAUTHORIZED",
                    },
                    Mood::HangingOn("write"),
                    Mood::HangingOn("send"),
                    Mood::HangingOn("remove"),
                ];
                world.connector.be(moods[chance.below(moods.len())].clone());
            }
            11 => world.pause_or_resume(boards[0]).await,
            12 => {
                let caller = crate::fixture::calling(&agent, world.organization);
                let beat = proto::agent::v1::HeartbeatRequest {};
                lawful(step, world.agents(caller).heartbeat(beat).await);
            }
            13 => {
                world.clock.advance(TimeDelta::minutes(3));
            }
            _ => {
                world.clock.advance(TimeDelta::seconds(2));
                tokio::time::sleep(std::time::Duration::from_millis(30)).await;
            }
        }
        nothing_is_lost(&world, step).await;
    }
    settle(&world, &boards).await;
}

/// The moods turn well, boards go on, and time passes: everybody ends in a named state.
async fn settle(world: &World, boards: &[Uuid]) {
    world.connector.be(Mood::Well);
    if world.is_paused().await {
        world.resume_board(boards[0]).await;
    }
    let mut open = i64::MAX;
    for _ in 0..600 {
        world.clock.advance(TimeDelta::seconds(20));
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        nothing_is_lost(world, STEPS).await;
        open = 0;
        for queue in ["lifecycle", "checkin", "teardown"] {
            open += world.planned(queue).await;
        }
        if open == 0 {
            break;
        }
    }
    assert_eq!(open, 0, "something is never done");
    let ids: Vec<String> = sqlx::query_scalar("select id::text from agent")
        .fetch_all(&world.pool)
        .await
        .unwrap();
    for id in ids {
        let agent = world.agent(&id).await;
        let named = [
            AgentStatus::Ready,
            AgentStatus::Online,
            AgentStatus::Offline,
            AgentStatus::Failed,
        ];
        assert!(named.contains(&agent.status()), "{agent:?}");
        if agent.status() == AgentStatus::Failed {
            assert!(agent.last_error.is_some(), "{agent:?}");
        }
    }
}

impl World {
    async fn is_paused(&self) -> bool {
        sqlx::query_scalar("select exists (select from paused_board)")
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    async fn pause_or_resume(&self, board: Uuid) {
        if self.is_paused().await {
            self.resume_board(board).await;
        } else {
            self.pause_board(board).await;
        }
    }
}

#[sqlx::test(migrations = false)]
async fn whatever_happens_everybody_ends_in_a_named_state(pool: PgPool) {
    live(pool, 1).await;
}

#[sqlx::test(migrations = false)]
async fn whatever_else_happens_everybody_ends_in_a_named_state(pool: PgPool) {
    live(pool, 20).await;
}

#[sqlx::test(migrations = false)]
async fn and_whatever_may_happen_besides(pool: PgPool) {
    live(pool, 300).await;
}
