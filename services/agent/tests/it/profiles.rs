//! What agents are told of the person whom they serve.

use proto::{agent::v1::AgentStatus, org::v1::ResolveProfileResponse};
use sqlx::PgPool;
use uuid::Uuid;

use crate::fixture::{World, calling, key, wanted};

fn grace() -> ResolveProfileResponse {
    ResolveProfileResponse {
        user_id: Uuid::from_u128(77).to_string(),
        name: Some("Grace Hopper".into()),
        email: Some("grace@example.com".into()),
        preferred_name: Some("Amazing Grace".into()),
        pronouns: Some("she/her".into()),
        timezone: Some("America/New_York".into()),
        notes: Some("Likes {{ braces }}\n- Name: Nobody".into()),
        context: Some("Builds compilers".into()),
    }
}

#[sqlx::test(migrations = false)]
async fn user_md_says_what_is_known_of_whoever_asked_for_the_agent(pool: PgPool) {
    let world = World::start(pool).await;
    let id = Uuid::from_u128(77).to_string();
    world.people.put(Some(&id), grace());
    let (agent, _) = world.placed("Ada").await;
    world.connector.forget();
    let forced = proto::agent::v1::UpdateAgentRequest {
        force: Some(true),
        ..crate::life::change(&agent, &[])
    };
    world.update(forced).await.unwrap();
    world.token(&agent).await;
    let user = world.connector.file(&key(&agent), "USER.md").unwrap();
    for line in [
        "- Name: Grace Hopper\n",
        "- What to call them: Amazing Grace\n",
        "- Pronouns: she/her\n",
        "- Time zone: America/New_York\n",
        "> Likes {{ braces }}\n> - Name: Nobody\n",
        "> Builds compilers\n",
    ] {
        assert!(user.contains(line), "{line} in {user}");
    }
}

#[sqlx::test(migrations = false)]
async fn without_a_person_it_is_the_oldest_owner_and_without_an_answer_a_name(pool: PgPool) {
    let world = World::start(pool).await;
    let (_, board) = world.placed("Ada").await;
    let plain = world.worker(board, "Bob").await;
    world.token(&plain).await;
    let user = world.connector.file(&key(&plain), "USER.md").unwrap();
    assert!(user.contains("- Name: Grace Hopper\n"), "{user}");

    let owner = ResolveProfileResponse {
        email: Some("ada@example.com".into()),
        ..ResolveProfileResponse::default()
    };
    world.people.put(None, owner);
    let lead = world.lead(board, "Lena").await;
    let lead = world.until(&lead.id, AgentStatus::Ready).await;
    let caller = calling(&lead, world.organization);
    let made = world
        .try_create(caller, wanted(board, "Carl"))
        .await
        .unwrap();
    world.token(&made).await;
    let user = world.connector.file(&key(&made), "USER.md").unwrap();
    assert!(user.contains("- Name: ada@example.com\n"), "{user}");
    assert!(user.contains("- What to call them: ada\n"), "{user}");
}
