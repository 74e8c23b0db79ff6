use chassis::{conditional, testing::statements};
use chrono::TimeDelta;
use proto::board::v1::{
    Author, AuthorKind, BoardMemory, ListBoardGroupMemoryRequest, ListBoardMemoryRequest,
    ListGroupMemoryRequest,
};
use sqlx::PgPool;
use tonic::Request;
use uuid::Uuid;

use super::entry;
use crate::{
    callers::{LEAD, ORGANIZATION, OWNER, owner},
    fixture::{Fixture, start_of_time},
};

#[sqlx::test(migrations = false)]
async fn a_board_remembers_what_is_written_and_by_whom(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let mut request = entry(fixture.board, "  The launch is on Friday. ", &[]);
    request.tags = ["plan", " plan ", "", "Chat"].map(Into::into).into();
    request.source = Some(" calendar ".into());
    let noted = fixture.remember(&owner(), request.clone()).await.unwrap();
    let expected = BoardMemory {
        id: noted.id.clone(),
        board_id: fixture.board.to_string(),
        content: "The launch is on Friday.".into(),
        tags: vec!["plan".into(), "Chat".into()],
        source: Some("calendar".into()),
        is_chat: false,
        created_at: Some(chassis::encode::time(start_of_time())),
        author: Some(Author {
            kind: AuthorKind::User.into(),
            id: OWNER.to_string(),
            name: "Ada".into(),
        }),
        mentioned_agent_ids: Vec::new(),
    };
    assert_eq!(noted, expected);

    // Chat bears the name of its author, whoever it says that it is.
    fixture.clock.advance(TimeDelta::seconds(1));
    request.tags = vec!["chat".into()];
    request.source = Some("Ada".into());
    let said = fixture.remember(&fixture.lead(), request).await.unwrap();
    assert_eq!((said.is_chat, said.source.as_deref()), (true, Some("Olga")));
    let author = Author {
        kind: AuthorKind::Agent.into(),
        id: LEAD.to_string(),
        name: "Olga".into(),
    };
    assert_eq!(said.author, Some(author));

    let listed = fixture.remembered(&fixture.worker(0), None).await;
    assert_eq!((listed.total, listed.limit, listed.offset), (2, 200, 0));
    assert_eq!(listed.items, [said.clone(), noted.clone()]);
    let chat = fixture.remembered(&owner(), Some(true)).await;
    assert_eq!((chat.total, chat.items), (1, vec![said]));
    let notes = fixture.remembered(&owner(), Some(false)).await;
    assert_eq!((notes.total, notes.items), (1, vec![noted]));
    fixture.told(2).await;
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn memory_reads_from_the_newest_in_pages_that_stay_true(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    for n in 0..5 {
        let request = entry(fixture.board, &format!("{n}"), &["chat"]);
        fixture.remember(&owner(), request).await.unwrap();
        // Some are of the same moment.
        fixture.clock.advance(TimeDelta::seconds(n % 2));
    }
    let (mut texts, mut page_token) = (Vec::new(), None);
    loop {
        let request = ListBoardMemoryRequest {
            board_id: fixture.board.to_string(),
            is_chat: Some(true),
            limit: Some(2),
            offset: None,
            page_token,
        };
        let answer = fixture.memory(&owner()).list_board_memory(request).await;
        let answer = answer.unwrap().into_inner();
        texts.extend(answer.items.into_iter().map(|memory| memory.content));
        page_token = answer.next_page_token;
        if page_token.is_none() {
            break;
        }
        // What comes meanwhile moves nothing.
        let late = entry(fixture.board, "late", &["chat"]);
        fixture.clock.advance(TimeDelta::seconds(1));
        fixture.remember(&owner(), late).await.unwrap();
    }
    assert_eq!(texts, ["4", "3", "2", "1", "0"]);
    let request = ListBoardMemoryRequest {
        board_id: fixture.board.to_string(),
        limit: Some(2),
        offset: Some(5),
        ..ListBoardMemoryRequest::default()
    };
    let answer = fixture.memory(&owner()).list_board_memory(request).await;
    let answer = answer.unwrap().into_inner();
    let texts: Vec<_> = answer.items.iter().map(|m| m.content.as_str()).collect();
    assert_eq!((texts, answer.total), (vec!["1", "0"], 7));
}

#[sqlx::test(migrations = false)]
async fn a_copy_holds_until_something_is_written(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let ask = |tag: Option<String>| {
        let mut request = Request::new(ListBoardMemoryRequest {
            board_id: fixture.board.to_string(),
            ..ListBoardMemoryRequest::default()
        });
        if let Some(tag) = tag {
            let value = tag.parse().unwrap();
            request
                .metadata_mut()
                .insert(conditional::IF_NONE_MATCH, value);
        }
        request
    };
    let tag_of = |metadata: &tonic::metadata::MetadataMap| {
        let tag = metadata.get(conditional::ETAG).unwrap();
        tag.to_str().unwrap().to_owned()
    };
    let mut client = fixture.memory(&owner());
    let first = client.list_board_memory(ask(None)).await.unwrap();
    let tag = tag_of(first.metadata());
    let again = client.list_board_memory(ask(Some(tag.clone()))).await;
    assert!(
        again
            .unwrap()
            .metadata()
            .contains_key(conditional::NOT_MODIFIED)
    );
    fixture.chat(&owner(), "hello").await.unwrap();
    let later = client.list_board_memory(ask(Some(tag.clone()))).await;
    let later = later.unwrap();
    assert_ne!(tag_of(later.metadata()), tag);
    assert_eq!(later.into_inner().total, 1);
}

#[sqlx::test(migrations = false)]
async fn a_thousand_entries_cost_as_many_statements_as_ten(pool: PgPool) {
    statements();
    let mut fixture = Fixture::start(pool).await;
    let group = fixture.group_of("Fleet", &[fixture.board]).await;
    let mut costs = Vec::new();
    for (more, expected) in [(10, 10), (990, 200)] {
        fill(&fixture.pool, fixture.board, group, more).await;
        let before = statements();
        let board = fixture.remembered(&owner(), None).await;
        let chat = fixture.remembered(&owner(), Some(true)).await;
        let mut client = fixture.memory(&owner());
        let request = ListGroupMemoryRequest {
            group_id: group.to_string(),
            ..ListGroupMemoryRequest::default()
        };
        let by_group = client.list_group_memory(request).await.unwrap();
        let request = ListBoardGroupMemoryRequest {
            board_id: fixture.board.to_string(),
            ..ListBoardGroupMemoryRequest::default()
        };
        let through = client.list_board_group_memory(request).await.unwrap();
        costs.push(statements() - before);
        let (by_group, through) = (by_group.into_inner(), through.into_inner());
        for found in [
            board.items.len(),
            chat.items.len(),
            by_group.items.len(),
            through.items.len(),
        ] {
            assert_eq!(found, expected);
        }
        assert_eq!(by_group.items, through.items);
    }
    assert!(costs[0] > 0, "statements are counted");
    assert_eq!(costs[0], costs[1]);
    fixture.stop().await;
}

async fn fill(pool: &PgPool, board_id: Uuid, group_id: Uuid, count: i32) {
    for (table, column, id) in [
        ("board_memory", "board_id", board_id),
        ("group_memory", "board_group_id", group_id),
    ] {
        let insert = format!(
            "insert into {table} (
                 id, organization_id, {column}, content, tags, is_chat, author_kind, author_name, mentioned_agent_ids,
                 created_at)
             select gen_random_uuid(), $1, $2, 'x', '{{chat}}', true, 'user', 'Ada', '{{}}', $3
               from generate_series(1, $4)"
        );
        sqlx::query(sqlx::AssertSqlSafe(insert))
            .bind(ORGANIZATION)
            .bind(id)
            .bind(start_of_time())
            .bind(count)
            .execute(pool)
            .await
            .unwrap();
    }
}
