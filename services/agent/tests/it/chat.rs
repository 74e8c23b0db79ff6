//! Who is told what of boards, groups and chat: each kind through the front door.

use proto::{
    agent::v1::{Agent, AgentStatus, NoticeState},
    board::v1::{Author, AuthorKind, Board, BoardGroup, BoardMemory, GroupMemory},
    event::v1::{
        Actor, BoardMemoryCreated, BoardRef, BoardUpdated, FieldChange, GroupMemoryCreated,
        GroupMove, event::Payload,
    },
};
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use crate::team::{Team, by, user};

const GROUP: Uuid = Uuid::from_u128(0x9409);

/// A second board of the same organization with a lead and a worker.
struct Neighbour {
    board: Uuid,
    lead: Agent,
    zoe: Agent,
}

impl Neighbour {
    async fn of(team: &Team) -> Self {
        let gateway = team.world.gateway("Garage").await;
        let board = team.world.board(&gateway, 5);
        let lead = team.world.lead(board, "Noor").await;
        let zoe = team.world.worker(board, "Zoe").await;
        for agent in [&team.world.main_agent(&gateway).await, &lead, &zoe] {
            team.world.until(&agent.id, AgentStatus::Ready).await;
        }
        team.world.connector.forget();
        Self { board, lead, zoe }
    }

    fn named(&self) -> BoardRef {
        BoardRef {
            id: self.board.to_string(),
            name: "Docs".into(),
        }
    }
}

fn board(team: &Team) -> Board {
    Board {
        id: team.board.to_string(),
        organization_id: team.world.organization.to_string(),
        name: "Launch".into(),
        ..Board::default()
    }
}

fn group() -> Option<BoardGroup> {
    Some(BoardGroup {
        id: GROUP.to_string(),
        name: "Ship".into(),
        ..BoardGroup::default()
    })
}

fn change(field: &str, old: &Value, new: &Value) -> FieldChange {
    FieldChange {
        field: field.into(),
        old: Some(chassis::encode::to_value(old)),
        new: Some(chassis::encode::to_value(new)),
    }
}

fn person() -> Option<Author> {
    Some(Author {
        kind: AuthorKind::User.into(),
        id: Uuid::from_u128(77).to_string(),
        name: "Grace Hopper".into(),
    })
}

fn chat(team: &Team, content: &str, mentioned: &[&Agent]) -> BoardMemoryCreated {
    BoardMemoryCreated {
        memory: Some(BoardMemory {
            id: Uuid::now_v7().to_string(),
            board_id: team.board.to_string(),
            content: content.into(),
            tags: vec!["chat".into()],
            source: Some("Somebody else".into()),
            is_chat: true,
            author: person(),
            mentioned_agent_ids: mentioned.iter().map(|agent| agent.id.clone()).collect(),
            ..BoardMemory::default()
        }),
        board_name: "Launch".into(),
        command: None,
    }
}

fn group_chat(
    team: &Team,
    near: &Neighbour,
    mentioned: &[&Agent],
    broadcast: bool,
) -> GroupMemoryCreated {
    GroupMemoryCreated {
        memory: Some(GroupMemory {
            id: Uuid::now_v7().to_string(),
            board_group_id: GROUP.to_string(),
            content: "Who has the keys?".into(),
            is_chat: true,
            author: person(),
            mentioned_agent_ids: mentioned.iter().map(|agent| agent.id.clone()).collect(),
            ..GroupMemory::default()
        }),
        group_name: "Ship".into(),
        boards: vec![
            BoardRef {
                id: team.board.to_string(),
                name: "Launch".into(),
            },
            near.named(),
        ],
        broadcast,
        notify: true,
    }
}

/// Tells it, waits for this many messages, and answers who got which: label and first line.
async fn hears(team: &Team, actor: Actor, payload: Payload, count: usize) -> Vec<(String, String)> {
    team.world.connector.forget();
    team.tell(actor, payload).await;
    team.told(count).await;
    // Whoever else is told something is told it by now.
    team.created(user(), None).await;
    team.told(count + 1).await;
    let taken = team.world.connector.taken();
    assert_eq!(taken.len(), count + 1, "{taken:?}");
    let mut heard: Vec<_> = taken
        .into_iter()
        .map(|sent| {
            let first = sent.message.lines().next().unwrap_or_default().to_owned();
            (sent.label, first)
        })
        .filter(|(_, first)| first != "NEW TASK")
        .collect();
    heard.sort();
    heard
}

fn each(names: &[&str], first: &str) -> Vec<(String, String)> {
    let mut each: Vec<_> = names
        .iter()
        .map(|name| ((*name).to_owned(), first.to_owned()))
        .collect();
    each.sort();
    each
}

#[sqlx::test(migrations = false)]
async fn a_changed_board_is_told_to_its_lead_with_both_values(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let updated = BoardUpdated {
        board: Some(board(&team)),
        changed_fields: vec!["name".into(), "max_agents".into()],
        changes: vec![
            change("name", &json!("Old\nname"), &json!("Launch")),
            change("max_agents", &json!(1), &json!(5)),
        ],
        ..BoardUpdated::default()
    };
    let heard = hears(&team, user(), Payload::BoardUpdated(updated.clone()), 1).await;
    assert_eq!(heard, each(&["Lena"], "BOARD UPDATED"));
    let taken = team.world.connector.taken();
    let message = &taken
        .iter()
        .find(|sent| sent.message.starts_with("BOARD"))
        .unwrap()
        .message;
    assert!(
        message.contains("```text\nmax_agents: 1 -> 5\nname: Old name -> Launch\n```"),
        "{message}"
    );
    let unchanged = BoardUpdated {
        changes: Vec::new(),
        ..updated
    };
    let heard = hears(&team, user(), Payload::BoardUpdated(unchanged), 0).await;
    assert!(heard.is_empty(), "{heard:?}");
    team.world.until_heard("board.lead_notified", 1).await;
}

#[sqlx::test(migrations = false)]
async fn a_move_between_groups_is_told_to_everybody_it_concerns(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let (left, joined) = (Neighbour::of(&team).await, {
        let gateway = team.world.gateway("Attic").await;
        // Its main agent is woken too: that message is not one of those counted below.
        let main = team.world.main_agent(&gateway).await;
        team.world.until(&main.id, AgentStatus::Ready).await;
        team.world.board(&gateway, 1)
    });
    let anna = team.world.worker(joined, "Anna").await;
    team.world.until(&anna.id, AgentStatus::Ready).await;
    let updated = BoardUpdated {
        board: Some(board(&team)),
        changed_fields: vec!["board_group_id".into()],
        changes: vec![change("board_group_id", &json!("a"), &json!("b"))],
        left_group: Some(GroupMove {
            group: group(),
            boards: vec![left.named()],
        }),
        joined_group: Some(GroupMove {
            group: group(),
            boards: vec![BoardRef {
                id: joined.to_string(),
                name: "Attic".into(),
            }],
        }),
    };
    let event = bus::event(
        user(),
        team.world.organization,
        team.world.clock.now(),
        Payload::BoardUpdated(updated),
    )
    .board(team.board)
    .build();
    team.world.connector.forget();
    team.world.tell(event.clone()).await;
    team.world.tell(event).await;
    team.told(10).await;
    let (leave, join, update) = (
        "BOARD LEFT A GROUP",
        "BOARD JOINED A GROUP",
        "BOARD UPDATED",
    );
    let of = |label: &str| -> Vec<String> {
        let taken = team.world.connector.taken();
        taken
            .iter()
            .filter(|sent| sent.label == label)
            .map(|sent| sent.message.lines().next().unwrap().to_owned())
            .collect()
    };
    assert_eq!(of("Lena"), [leave, join, update]);
    assert_eq!(of("Ada"), [leave, join]);
    assert_eq!(of("Bob"), [leave, join]);
    assert_eq!(of("Noor"), [leave]);
    assert_eq!(of("Zoe"), [leave]);
    assert_eq!(of("Anna"), [join]);
    assert_eq!(team.world.connector.taken().len(), 10);
    let told = team.notices(&left.zoe).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].kind, "board_group_leave");
    let events = team
        .world
        .until_heard("board.group.leave.notified", 5)
        .await;
    let boards: Vec<_> = events
        .iter()
        .filter(|event| event.agent_id.as_ref() == Some(&left.zoe.id))
        .map(|event| event.board_id.clone())
        .collect();
    assert_eq!(boards, [Some(left.board.to_string())]);
    team.world.until_heard("board.group.join.notified", 4).await;
}

#[sqlx::test(migrations = false)]
async fn chat_reaches_the_lead_and_the_mentioned_but_not_its_author(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let plain = chat(&team, "Good morning", &[]);
    let heard = hears(&team, user(), Payload::BoardMemoryCreated(plain.clone()), 1).await;
    assert_eq!(heard, each(&["Lena"], "BOARD CHAT"));
    let taken = team.world.connector.taken();
    let sent = taken
        .iter()
        .find(|sent| sent.message.starts_with("BOARD"))
        .unwrap();
    assert!(!sent.deliver);
    let expected = format!(
        "BOARD CHAT\nBoard: Launch\nBoard ID: {0}\nFrom: Grace Hopper\n\n```text\nGood morning\n```\n\n\
         Reply if an answer is needed: POST http://127.0.0.1:8000/api/v1/agent/boards/{0}/memory\n\
         Body: {{\"content\": \"...\", \"tags\": [\"chat\"]}}",
        team.board
    );
    assert_eq!(sent.message, expected);

    let heard = hears(
        &team,
        user(),
        Payload::BoardMemoryCreated(chat(&team, "@ada @bob look", &[&team.ada, &team.bob])),
        3,
    )
    .await;
    let mut expected = each(&["Ada", "Bob"], "BOARD CHAT MENTION");
    expected.extend(each(&["Lena"], "BOARD CHAT"));
    assert_eq!(heard, expected);

    let by_ada = chat(&team, "@lead and @ada", &[&team.lead, &team.ada]);
    let heard = hears(&team, by(&team.ada), Payload::BoardMemoryCreated(by_ada), 1).await;
    assert_eq!(heard, each(&["Lena"], "BOARD CHAT MENTION"));
    let by_lead = Payload::BoardMemoryCreated(plain.clone());
    assert!(hears(&team, by(&team.lead), by_lead, 0).await.is_empty());

    let mut silent = plain;
    silent.memory.as_mut().unwrap().is_chat = false;
    let silent = Payload::BoardMemoryCreated(silent);
    assert!(hears(&team, user(), silent, 0).await.is_empty());
    team.world.until_heard("board.chat_notified", 5).await;
}

#[sqlx::test(migrations = false)]
async fn a_command_reaches_every_agent_of_the_board_as_it_is(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let command = BoardMemoryCreated {
        command: Some("pause".into()),
        ..chat(&team, " /PAUSE ", &[])
    };
    let payload = Payload::BoardMemoryCreated(command);
    let heard = hears(&team, user(), payload.clone(), 3).await;
    assert_eq!(heard, each(&["Ada", "Bob", "Lena"], "/pause"));
    let taken = team.world.connector.taken();
    assert!(
        taken
            .iter()
            .filter(|sent| sent.message == "/pause")
            .all(|sent| sent.deliver)
    );
    let heard = hears(&team, by(&team.lead), payload, 2).await;
    assert_eq!(heard, each(&["Ada", "Bob"], "/pause"));
    assert_eq!(
        team.until_notice(&team.ada, NoticeState::Sent).await.kind,
        "board_command"
    );
}

#[sqlx::test(migrations = false)]
async fn a_group_hears_chat_by_its_leads_and_a_broadcast_whole(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let near = Neighbour::of(&team).await;
    let plain = Payload::GroupMemoryCreated(group_chat(&team, &near, &[], false));
    let heard = hears(&team, user(), plain, 2).await;
    assert_eq!(heard, each(&["Lena", "Noor"], "GROUP CHAT"));
    let taken = team.world.connector.taken();
    let to_noor = &taken
        .iter()
        .find(|sent| sent.label == "Noor")
        .unwrap()
        .message;
    let reply = format!("/api/v1/agent/boards/{}/group-memory\n", near.board);
    for part in [
        "Group: Ship\n",
        "From: Grace Hopper\n",
        "Who has the keys?",
        &reply,
    ] {
        assert!(to_noor.contains(part), "{part}: {to_noor}");
    }

    let mention = Payload::GroupMemoryCreated(group_chat(&team, &near, &[&near.zoe], false));
    let heard = hears(&team, by(&team.lead), mention, 2).await;
    let expected = [
        ("Noor".to_owned(), "GROUP CHAT".to_owned()),
        ("Zoe".to_owned(), "GROUP CHAT MENTION".to_owned()),
    ];
    assert_eq!(heard, expected);

    let broadcast = Payload::GroupMemoryCreated(group_chat(&team, &near, &[&team.ada], true));
    let heard = hears(&team, by(&near.lead), broadcast, 4).await;
    assert_eq!(
        heard,
        each(&["Ada", "Bob", "Lena", "Zoe"], "GROUP BROADCAST")
    );

    let silent = GroupMemoryCreated {
        notify: false,
        ..group_chat(&team, &near, &[&team.ada], false)
    };
    let silent = Payload::GroupMemoryCreated(silent);
    assert!(hears(&team, user(), silent, 0).await.is_empty());
    team.world.until_heard("board.group.chat_notified", 8).await;
}
