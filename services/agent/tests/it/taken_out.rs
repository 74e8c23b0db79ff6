//! Keys that are taken out of an agent's heartbeat: its gateway is told until it has heard it, and never afterwards.

use futures::future::join_all;
use proto::agent::v1::{Agent, AgentPhase, AgentStatus, ApplyHeartbeatRequest, UpdateAgentRequest};
use serde_json::{Map, Value, json};
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::{
    fixture::{World, key, refusal, until},
    life::{change, renamed},
    stand_in::{Call, Mood},
};

impl World {
    async fn paced(&self, agent: &Agent, config: Value) -> Result<Agent, Status> {
        self.update(UpdateAgentRequest {
            heartbeat_config: chassis::encode::to_struct(&config),
            ..change(agent, &["heartbeat_config"])
        })
        .await
    }

    /// The heartbeats that the gateway was told, in order.
    fn told_paces(&self, agent: &Agent) -> Vec<Value> {
        let calls = self.connector.calls().into_iter();
        let ensured = calls.filter_map(|call| match call {
            Call::Ensure(ensure) if ensure.agent_key == key(agent) => ensure.heartbeat,
            _ => None,
        });
        ensured
            .map(|heartbeat| chassis::encode::from_struct(&heartbeat))
            .collect()
    }

    /// The heartbeat that a gateway has which was told all that, over what its owner wrote there by hand.
    fn on_gateway(&self, agent: &Agent) -> Value {
        let mut has = Map::from_iter([("ackMaxChars".to_owned(), json!(30))]);
        for told in self.told_paces(agent) {
            for (name, value) in told.as_object().unwrap() {
                match value {
                    Value::Null => has.remove(name),
                    value => has.insert(name.clone(), value.clone()),
                };
            }
        }
        Value::Object(has)
    }

    async fn waiting(&self, agent: &Agent) -> Vec<String> {
        sqlx::query_scalar("select heartbeat_removed from agent where id = $1::uuid")
            .bind(&agent.id)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    /// Waits until nothing of the agent is under way; what people see of its heartbeat then.
    async fn settled(&self, agent: &Agent) -> Value {
        until("the jobs of the agent are done", || async {
            let ready = self.agent(&agent.id).await.phase() == AgentPhase::Ready;
            (ready && self.planned("lifecycle").await == 0).then_some(())
        })
        .await;
        shown(&self.agent(&agent.id).await)
    }
}

fn shown(agent: &Agent) -> Value {
    chassis::encode::from_struct(agent.heartbeat_config.as_ref().unwrap())
}

fn over_defaults(config: Value) -> Value {
    let mut all = json!({"every": "10m", "target": "last", "includeReasoning": false});
    all.as_object_mut()
        .unwrap()
        .extend(config.as_object().unwrap().clone());
    all
}

fn with_the_owners(mut config: Value) -> Value {
    config["ackMaxChars"] = json!(30);
    config
}

#[sqlx::test(migrations = false)]
async fn what_was_taken_out_is_told_once(pool: PgPool) {
    let world = World::start(pool).await;
    let (agent, _) = world.placed("Ada").await;
    let full = json!({"every": "5m", "model": "small", "prompt": "Look around."});
    world.paced(&agent, full.clone()).await.unwrap();
    assert_eq!(world.settled(&agent).await, over_defaults(full));
    let less = json!({"every": "5m", "model": "small"});
    let after = world.paced(&agent, less.clone()).await.unwrap();
    assert_eq!(
        shown(&after),
        over_defaults(less.clone()),
        "people see what they wrote"
    );
    assert_eq!(world.settled(&agent).await, over_defaults(less.clone()));
    let told = world.told_paces(&agent);
    assert_eq!(told.last().unwrap()["prompt"], Value::Null);
    assert!(
        told.last()
            .unwrap()
            .as_object()
            .unwrap()
            .contains_key("prompt")
    );
    assert!(world.waiting(&agent).await.is_empty());
    assert_eq!(
        world.on_gateway(&agent),
        with_the_owners(over_defaults(less.clone()))
    );
    // From now on it is the owner's.
    world.update(renamed(&agent, "Ada L")).await.unwrap();
    world.settled(&agent).await;
    let told = world.told_paces(&agent);
    assert_eq!(told.len(), 3);
    assert_eq!(told[2], over_defaults(less));
}

#[sqlx::test(migrations = false)]
async fn several_updates_before_the_gateway_listens_add_up(pool: PgPool) {
    let world = World::start(pool).await;
    let (agent, board) = world.placed("Ada").await;
    let full = json!({"model": "small", "prompt": "Look.", "session": "main", "to": "x"});
    world.paced(&agent, full).await.unwrap();
    world.settled(&agent).await;
    world.connector.be(Mood::Failing {
        times: 100_000,
        reason: "GATEWAY_BUSY",
    });
    for config in [
        json!({"prompt": "Look.", "session": "main", "to": "x"}),
        json!({"session": "main", "to": "x"}),
        json!({"session": "main", "model": "large"}),
        json!({"model": "large"}),
    ] {
        world.paced(&agent, config).await.unwrap();
    }
    assert_eq!(world.waiting(&agent).await, ["prompt", "session", "to"]);
    // The pace of a group takes the same way.
    let pace = ApplyHeartbeatRequest {
        organization_id: world.organization.to_string(),
        board_ids: vec![board.to_string()],
        every: "7m".into(),
        ..ApplyHeartbeatRequest::default()
    };
    let answer = world.directory().apply_heartbeat(pace).await.unwrap();
    let updated = answer.into_inner().updated_agent_ids;
    assert_eq!(updated, std::slice::from_ref(&agent.id));
    world.connector.be(Mood::Well);
    let expected = over_defaults(json!({"every": "7m", "model": "large"}));
    assert_eq!(world.settled(&agent).await, expected);
    assert_eq!(world.on_gateway(&agent), with_the_owners(expected));
    assert!(world.waiting(&agent).await.is_empty());
}

#[sqlx::test(migrations = false)]
async fn what_was_taken_out_survives_a_kill_and_jobs_that_are_given_up(pool: PgPool) {
    let world = World::start(pool).await;
    let (agent, _) = world.placed("Ada").await;
    let full = json!({"model": "small", "prompt": "Look."});
    world.paced(&agent, full).await.unwrap();
    world.settled(&agent).await;

    world.connector.fail(1, "GATEWAY_UNAUTHORIZED");
    world
        .paced(&agent, json!({"prompt": "Look."}))
        .await
        .unwrap();
    world.until(&agent.id, AgentStatus::Failed).await;
    assert_eq!(world.waiting(&agent).await, ["model"]);

    world.connector.forget();
    world.connector.be(Mood::HangingOn("ensure"));
    world.update(renamed(&agent, "Ada L")).await.unwrap();
    until("the gateway is told", || async {
        (!world.told_paces(&agent).is_empty()).then_some(())
    })
    .await;
    // The job under way has not heard of it.
    world.paced(&agent, json!({})).await.unwrap();
    assert_eq!(world.waiting(&agent).await, ["model", "prompt"]);
    let world = world.restart(&[]).await;
    world.connector.forget();
    world.connector.be(Mood::Well);
    assert_eq!(world.settled(&agent).await, over_defaults(json!({})));
    let told = world.told_paces(&agent);
    let gone = json!({"model": null, "prompt": null});
    assert_eq!(told[0], over_defaults(gone.clone()));
    assert_eq!(*told.last().unwrap(), over_defaults(gone));
    assert!(world.waiting(&agent).await.is_empty());
}

#[sqlx::test(migrations = false)]
async fn of_changes_at_once_the_gateway_has_what_people_see(pool: PgPool) {
    let world = World::start(pool).await;
    let (agent, _) = world.placed("Ada").await;
    for round in 0..10 {
        let configs = [
            json!({"model": format!("m{round}")}),
            json!({"prompt": "p", "session": "main"}),
            json!({"model": "m", "to": "x"}),
            json!({}),
        ];
        let changes = configs
            .into_iter()
            .map(|config| world.paced(&agent, config));
        for changed in join_all(changes).await {
            changed.unwrap();
        }
        let seen = world.settled(&agent).await;
        assert_eq!(
            world.on_gateway(&agent),
            with_the_owners(seen),
            "round {round}"
        );
        assert!(world.waiting(&agent).await.is_empty());
    }
}

#[sqlx::test(migrations = false)]
async fn the_keys_that_wait_are_bounded(pool: PgPool) {
    let world = World::start(pool).await;
    let (agent, _) = world.placed("Ada").await;
    world.connector.be(Mood::Failing {
        times: 100_000,
        reason: "GATEWAY_BUSY",
    });
    let mut refused = None;
    for _ in 0..20 {
        let many = (0..80).map(|_| (Uuid::new_v4().to_string(), json!(1)));
        let many = Value::Object(many.collect());
        if let Err(status) = world.paced(&agent, many).await {
            refused = Some(refusal(&status));
            break;
        }
    }
    let (code, reason, _) = refused.unwrap();
    assert_eq!((code, reason.as_str()), (409, "HEARTBEAT_KEYS_WAIT"));
    // What is left as it is waits for nothing.
    world.update(renamed(&agent, "Ada L")).await.unwrap();
    world.connector.be(Mood::Well);
    world.settled(&agent).await;
    world.paced(&agent, json!({})).await.unwrap();
    assert_eq!(world.settled(&agent).await, over_defaults(json!({})));
}
