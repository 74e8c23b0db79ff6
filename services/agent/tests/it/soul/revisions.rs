//! What agents have for a soul, and what they are given.

use chassis::{Caller, Peer, Role};
use futures::future::join_all;
use proto::{
    agent::v1::{
        Agent, AgentPhase, AgentStatus, CreateAgentRequest, GetAgentSoulRequest,
        ListSoulRevisionsRequest, SoulRevision, UpdateAgentRequest, UpdateAgentSoulRequest,
        UpdateAgentSoulResponse, soul_service_client::SoulServiceClient,
    },
    event::v1::event::Payload,
};
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::{
    fixture::{World, calling, key, person, reason, refusal, until, wanted},
    life::change,
    stand_in::Mood,
    team::Team,
};

const SOUL: &str = "# Soul\n\nBrief. {{ braces }} stay.";
const DIGEST: &str = "4948b705d1aa2fea7dbe59ecfddca5e88482ff66895a23c6a5e35204109724f3";

impl World {
    fn souls(&self, caller: Caller) -> SoulServiceClient<Peer> {
        SoulServiceClient::new(self.running.client(caller))
    }

    async fn soul(
        &self,
        caller: Caller,
        agent: &Agent,
        board: Option<Uuid>,
    ) -> Result<String, Status> {
        let request = GetAgentSoulRequest {
            agent_id: agent.id.clone(),
            board_id: board.map(|id| id.to_string()),
        };
        Ok(self
            .souls(caller)
            .get_agent_soul(request)
            .await?
            .into_inner()
            .content)
    }

    async fn give(
        &self,
        caller: Caller,
        agent: &Agent,
        board: Option<Uuid>,
        content: &str,
    ) -> Result<UpdateAgentSoulResponse, Status> {
        let request = UpdateAgentSoulRequest {
            agent_id: agent.id.clone(),
            board_id: board.map(|id| id.to_string()),
            content: content.into(),
            source_url: Some("https://souls.directory/souls/ada/writer".into()),
            reason: Some(" Too long ".into()),
        };
        Ok(self
            .souls(caller)
            .update_agent_soul(request)
            .await?
            .into_inner())
    }

    async fn revisions(&self, caller: Caller, agent: &Agent) -> Result<Vec<SoulRevision>, Status> {
        let request = ListSoulRevisionsRequest {
            agent_id: agent.id.clone(),
            ..ListSoulRevisionsRequest::default()
        };
        let answer = self.souls(caller).list_soul_revisions(request).await?;
        Ok(answer.into_inner().items)
    }
}

impl Team {
    fn as_agent(&self, agent: &Agent) -> Caller {
        calling(agent, self.world.organization)
    }

    async fn written(&self, agent: &Agent, soul: &str) {
        until("the soul is on the gateway", || async {
            let file = self.world.connector.file(&key(agent), "SOUL.md")?;
            (file.trim() == soul).then_some(())
        })
        .await;
        self.world.until(&agent.id, AgentStatus::Ready).await;
    }
}

#[sqlx::test(migrations = false)]
async fn a_lead_gives_a_worker_a_soul_that_stays(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let (world, lead) = (&team.world, team.as_agent(&team.lead));
    let given = world
        .give(
            lead.clone(),
            &team.ada,
            Some(team.board),
            &format!(" {SOUL}\n\n"),
        )
        .await
        .unwrap();
    assert!(given.ok && !given.written);
    team.written(&team.ada, SOUL).await;
    // Neither its token nor its session noticed.
    assert!(world.connector.taken().is_empty());
    assert!(!world.connector.names().contains(&"reset"));
    assert!(world.heard("agent.token_changed").is_empty());
    assert_eq!(
        world
            .soul(lead.clone(), &team.ada, None)
            .await
            .unwrap()
            .trim(),
        SOUL
    );
    assert_eq!(
        world.agent(&team.ada.id).await.soul_template.as_deref(),
        Some(SOUL)
    );

    let revisions = world.revisions(lead.clone(), &team.ada).await.unwrap();
    let expected = SoulRevision {
        id: given.revision_id.clone(),
        agent_id: team.ada.id.clone(),
        content: SOUL.into(),
        content_sha256: DIGEST.into(),
        source_url: Some("https://souls.directory/souls/ada/writer".into()),
        reason: Some("Too long".into()),
        author_name: "Lena".into(),
        created_at: revisions[0].created_at,
    };
    assert_eq!(revisions, [expected]);
    let event = world.until_heard("agent.soul.updated", 1).await.remove(0);
    assert_eq!(event.agent_id.as_ref(), Some(&team.ada.id));
    assert_eq!(event.board_id, Some(team.board.to_string()));
    let Some(Payload::AgentSoulUpdated(told)) = event.payload else {
        panic!("{event:?}")
    };
    assert_eq!(
        (told.revision_id, told.reason),
        (given.revision_id.clone(), Some("Too long".into()))
    );

    world.connector.forget();
    let same = world
        .give(lead.clone(), &team.ada, None, SOUL)
        .await
        .unwrap();
    assert_eq!(
        (same.written, &same.revision_id),
        (true, &given.revision_id)
    );
    world.until_quiet().await;
    assert!(world.connector.calls().is_empty());
    assert_eq!(world.heard("agent.soul.updated").len(), 1);
    // What was before may be given again, and is a revision of its own.
    world
        .give(lead.clone(), &team.ada, None, "Other")
        .await
        .unwrap();
    team.written(&team.ada, "Other").await;
    world
        .give(world.admin(), &team.ada, None, SOUL)
        .await
        .unwrap();
    team.written(&team.ada, SOUL).await;
    let revisions = world.revisions(world.admin(), &team.ada).await.unwrap();
    let history: Vec<_> = revisions
        .iter()
        .map(|r| (r.content.as_str(), r.author_name.as_str()))
        .collect();
    assert_eq!(
        history,
        [(SOUL, "Grace Hopper"), ("Other", "Lena"), (SOUL, "Lena")]
    );
}

#[sqlx::test(migrations = false)]
async fn nobody_reads_or_writes_beyond_its_reach(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let (world, board) = (&team.world, team.board);
    let gateway = team.gateway().await;
    let main = world.main_agent(&gateway).await;
    let other_board = world.board(&gateway, 5);
    let eve = world.worker(other_board, "Eve").await;
    let (lead, ada) = (team.as_agent(&team.lead), team.as_agent(&team.ada));
    let stranger = person(Uuid::from_u128(2), Role::Owner);

    // An agent reads its own soul as it is on the gateway, its lead reads it, and so do administrators.
    let own = "# As I am now\n";
    world
        .connector
        .runs(|runtime| runtime.put_file(&key(&team.ada), "SOUL.md", own));
    for caller in [ada.clone(), lead.clone(), world.admin()] {
        for asked in [Some(board), None] {
            let read = world.soul(caller.clone(), &team.ada, asked).await;
            assert_eq!(read.unwrap(), own);
        }
    }
    let refused = world.soul(ada.clone(), &team.bob, None).await.unwrap_err();
    assert_eq!(
        refusal(&refused),
        (403, "OTHER_AGENT".into(), String::new())
    );
    for (caller, agent, asked, expected) in [
        (&lead, &main, None, "AGENT_NOT_FOUND"),
        (&lead, &main, Some(board), "AGENT_NOT_FOUND"),
        (&lead, &eve, None, "AGENT_NOT_FOUND"),
        (&lead, &eve, Some(board), "AGENT_NOT_FOUND"),
        (&lead, &eve, Some(other_board), "BOARD_NOT_FOUND"),
        (&world.admin(), &eve, Some(board), "AGENT_NOT_FOUND"),
        (&world.admin(), &main, Some(board), "AGENT_NOT_FOUND"),
        (&stranger, &team.ada, None, "AGENT_NOT_FOUND"),
    ] {
        let read = world.soul(caller.clone(), agent, asked).await.unwrap_err();
        let write = world
            .give(caller.clone(), agent, asked, SOUL)
            .await
            .unwrap_err();
        assert_eq!(
            (reason(&read), reason(&write)),
            (expected.into(), expected.into()),
            "{}",
            agent.name
        );
    }
    let refused = world.revisions(stranger, &team.ada).await.unwrap_err();
    assert_eq!(reason(&refused), "AGENT_NOT_FOUND");
    for refused in [
        world
            .give(ada.clone(), &team.ada, None, SOUL)
            .await
            .unwrap_err(),
        world.revisions(ada, &team.ada).await.unwrap_err(),
        world
            .soul(team.as_agent(&main), &team.ada, None)
            .await
            .unwrap_err(),
        world
            .soul(person(world.organization, Role::Member), &team.ada, None)
            .await
            .unwrap_err(),
    ] {
        assert!(["CALLER_NOT_ADMITTED", "ADMIN_REQUIRED"].contains(&reason(&refused).as_str()));
    }
    // Administrators reach main agents.
    world.give(world.admin(), &main, None, SOUL).await.unwrap();
    team.written(&main, SOUL).await;
}

#[sqlx::test(migrations = false)]
async fn what_is_no_soul_is_refused(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let world = &team.world;
    let long = "\u{e4}".repeat(19_001);
    for (content, why) in [
        (" \n", "BLANK"),
        (long.as_str(), "TOO_LONG"),
        ("a\0b", "NUL_BYTE"),
    ] {
        let refused = world
            .give(world.admin(), &team.ada, None, content)
            .await
            .unwrap_err();
        let fault = chassis::fault::read(&refused);
        assert_eq!(
            (
                fault.fields[0].field.as_str(),
                fault.fields[0].reason.as_str()
            ),
            ("content", why)
        );
    }
    let longest = "\u{e4}".repeat(19_000);
    world
        .give(world.admin(), &team.ada, None, &longest)
        .await
        .unwrap();
    team.written(&team.ada, &longest).await;
    let malformed = Agent {
        id: "nope".into(),
        ..team.ada.clone()
    };
    let refused = world
        .soul(world.admin(), &malformed, None)
        .await
        .unwrap_err();
    assert_eq!(refusal(&refused).2, "agent_id");
}

#[sqlx::test(migrations = false)]
async fn a_gateway_that_is_away_is_told_and_a_soul_waits_for_it(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let world = &team.world;
    world.connector.be(Mood::Failing {
        times: 1,
        reason: "GATEWAY_UNREACHABLE",
    });
    let refused = world
        .soul(world.admin(), &team.ada, None)
        .await
        .unwrap_err();
    assert_eq!(
        refusal(&refused),
        (503, "GATEWAY_UNREACHABLE".into(), String::new())
    );
    // The stand-in has forgotten what it was told to write.
    let refused = world.soul(world.admin(), &team.ada, None).await;
    assert_eq!(reason(&refused.unwrap_err()), "SOUL_NOT_FOUND");
    world.connector.fail(5, "GATEWAY_UNREACHABLE");
    assert!(
        !world
            .give(world.admin(), &team.ada, None, SOUL)
            .await
            .unwrap()
            .written
    );
    team.written(&team.ada, SOUL).await;
    // What was given up is tried again with the soul.
    world.connector.fail(10_000, "GATEWAY_UNAUTHORIZED");
    world
        .give(world.admin(), &team.ada, None, "A")
        .await
        .unwrap();
    until("the job is given up", || async {
        (world.agent(&team.ada.id).await.phase() == AgentPhase::Failed).then_some(())
    })
    .await;
    world.connector.be(Mood::Well);
    world
        .give(world.admin(), &team.ada, None, "B")
        .await
        .unwrap();
    team.written(&team.ada, "B").await;
}

#[sqlx::test(migrations = false)]
async fn the_last_of_many_souls_is_the_one_on_the_gateway(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let world = &team.world;
    for round in 0..4 {
        let souls: Vec<String> = (0..5).map(|n| format!("Soul {round}.{n}")).collect();
        let given = souls
            .iter()
            .map(|soul| world.give(world.admin(), &team.ada, None, soul));
        for answer in join_all(given).await {
            answer.unwrap();
        }
        let last = world.agent(&team.ada.id).await.soul_template.unwrap();
        team.written(&team.ada, &last).await;
    }
    assert_eq!(
        world
            .revisions(world.admin(), &team.ada)
            .await
            .unwrap()
            .len(),
        20
    );
}

#[sqlx::test(migrations = false)]
async fn revisions_come_in_pages_and_the_oldest_are_forgotten(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let world = &team.world;
    sqlx::query(
        "insert into soul_revision (id, agent_id, content, content_sha256, author_name, created_at)
         select gen_random_uuid(), $1, 'Soul ' || n, 'x', 'Ada', now() - interval '1 hour' + n * interval '1 second'
         from generate_series(1, 200) as n",
    )
    .bind(team.ada.id.parse::<Uuid>().unwrap())
    .execute(&world.pool)
    .await
    .unwrap();
    world
        .give(world.admin(), &team.ada, None, SOUL)
        .await
        .unwrap();
    let mut seen = Vec::new();
    let mut token = None;
    loop {
        let request = ListSoulRevisionsRequest {
            agent_id: team.ada.id.clone(),
            limit: Some(90),
            page_token: token,
            ..ListSoulRevisionsRequest::default()
        };
        let page = world
            .souls(world.admin())
            .list_soul_revisions(request)
            .await
            .unwrap()
            .into_inner();
        assert_eq!(page.total, 200);
        seen.extend(page.items.into_iter().map(|revision| revision.content));
        token = page.next_page_token;
        if token.is_none() {
            break;
        }
    }
    let newest_first = (2..=200).rev().map(|n| format!("Soul {n}"));
    let expected: Vec<String> = std::iter::once(SOUL.to_owned())
        .chain(newest_first)
        .collect();
    assert_eq!(seen, expected);
}

#[sqlx::test(migrations = false)]
async fn one_that_goes_gets_no_soul(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    sqlx::query("update agent set leaving_at = now(), phase = 'deleting' where id = $1")
        .bind(team.ada.id.parse::<Uuid>().unwrap())
        .execute(&team.world.pool)
        .await
        .unwrap();
    let refused = team
        .world
        .give(team.world.admin(), &team.ada, None, SOUL)
        .await
        .unwrap_err();
    assert_eq!(
        refusal(&refused),
        (409, "AGENT_LEAVING".into(), String::new())
    );
    assert!(team.world.heard("agent.soul.updated").is_empty());
}

#[sqlx::test(migrations = false)]
async fn what_an_agent_is_made_and_changed_with_is_in_its_history(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.gateway("Lab").await;
    let request = CreateAgentRequest {
        soul_template: Some("First".into()),
        ..wanted(world.board(&gateway, 5), "Ada")
    };
    let ada = world.try_create(world.admin(), request).await.unwrap();
    world.until(&ada.id, AgentStatus::Ready).await;
    for soul in [Some("Second"), None] {
        let request = UpdateAgentRequest {
            soul_template: soul.map(str::to_owned),
            ..change(&ada, &["soul_template"])
        };
        world.update(request).await.unwrap();
    }
    // The same as the last one, and yet another: it had none in between.
    world
        .give(world.admin(), &ada, None, "Second")
        .await
        .unwrap();
    let revisions = world.revisions(world.admin(), &ada).await.unwrap();
    let history: Vec<_> = revisions
        .iter()
        .map(|r| (r.content.as_str(), r.reason.as_deref()))
        .collect();
    let expected = [
        ("Second", Some("Too long")),
        ("Second", None),
        ("First", None),
    ];
    assert_eq!(history, expected);
}
