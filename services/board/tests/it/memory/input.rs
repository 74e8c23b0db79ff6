use chassis::Code;
use proto::board::v1::{
    CreateBoardGroupMemoryRequest, CreateBoardMemoryRequest, CreateGroupMemoryRequest,
    ListBoardGroupMemoryRequest, ListBoardMemoryRequest, ListGroupMemoryRequest,
};
use sqlx::PgPool;

use super::{entry, words};
use crate::{
    callers::{member, owner},
    fixture::{Fixture, fault, refused, says, violation, wrong},
};

#[sqlx::test(migrations = false)]
async fn an_entry_has_bounds_wherever_it_is_written(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let board_id = fixture.board.to_string();
    let group_id = fixture
        .group_of("Fleet", &[fixture.board])
        .await
        .to_string();
    let long = |count: usize| "ü".repeat(count);
    let many = |count: usize| vec!["x".to_owned(); count];
    let good = || entry(fixture.board, "x", &["a"]);
    let with_content = |content: String| CreateBoardMemoryRequest { content, ..good() };
    let with_tags = |tags: Vec<String>| CreateBoardMemoryRequest { tags, ..good() };
    let with_source = |source: String| CreateBoardMemoryRequest {
        source: Some(source),
        ..good()
    };
    let cases = [
        (with_content(" \n ".into()), wrong("content", "BLANK")),
        (with_content("a\0b".into()), wrong("content", "NUL_BYTE")),
        (with_content(long(50_001)), wrong("content", "TOO_LONG")),
        (with_tags(many(51)), wrong("tags", "TOO_MANY")),
        (
            with_tags(vec!["a".into(), long(101)]),
            wrong("tags[1]", "TOO_LONG"),
        ),
        (with_tags(words(&["a\0"])), wrong("tags[0]", "NUL_BYTE")),
        (with_source(long(201)), wrong("source", "TOO_LONG")),
        (with_source("a\0b".into()), wrong("source", "NUL_BYTE")),
    ];
    let mut client = fixture.memory(&owner());
    for (bad, expected) in cases {
        let in_group = CreateGroupMemoryRequest {
            group_id: group_id.clone(),
            content: bad.content.clone(),
            tags: bad.tags.clone(),
            source: bad.source.clone(),
        };
        let through = CreateBoardGroupMemoryRequest {
            board_id: board_id.clone(),
            content: bad.content.clone(),
            tags: bad.tags.clone(),
            source: bad.source.clone(),
        };
        assert_eq!(violation(client.create_board_memory(bad).await), expected);
        assert_eq!(
            violation(client.create_group_memory(in_group).await),
            expected
        );
        assert_eq!(
            violation(client.create_board_group_memory(through).await),
            expected
        );
    }
    let largest = CreateBoardMemoryRequest {
        board_id,
        content: long(50_000),
        tags: (0..50).map(|n| format!("{n:0>100}")).collect(),
        source: Some(long(200)),
    };
    let kept = fixture.remember(&owner(), largest.clone()).await.unwrap();
    assert_eq!((kept.content, kept.tags), (largest.content, largest.tags));
    fixture.told(1).await;
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn ids_and_pages_are_judged(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let mut client = fixture.memory(&owner());
    let request = CreateBoardMemoryRequest {
        board_id: "nope".into(),
        ..entry(fixture.board, "x", &[])
    };
    let malformed = wrong("board_id", "NOT_A_UUID");
    assert_eq!(
        violation(client.create_board_memory(request).await),
        malformed
    );
    let request = ListBoardMemoryRequest {
        board_id: "nope".into(),
        ..ListBoardMemoryRequest::default()
    };
    assert_eq!(
        violation(client.list_board_memory(request).await),
        malformed
    );
    let request = ListBoardGroupMemoryRequest {
        board_id: "nope".into(),
        ..ListBoardGroupMemoryRequest::default()
    };
    assert_eq!(
        violation(client.list_board_group_memory(request).await),
        malformed
    );
    let request = ListGroupMemoryRequest {
        group_id: "nope".into(),
        ..ListGroupMemoryRequest::default()
    };
    assert_eq!(
        violation(client.list_group_memory(request).await),
        wrong("group_id", "NOT_A_UUID")
    );
    let page = |limit, offset, token: Option<&str>| ListBoardMemoryRequest {
        board_id: fixture.board.to_string(),
        is_chat: None,
        limit,
        offset,
        page_token: token.map(Into::into),
    };
    for (request, field) in [
        (page(Some(0), None, None), "limit"),
        (page(Some(201), None, None), "limit"),
        (page(None, Some(-1), None), "offset"),
        (page(None, None, Some("x")), "page_token"),
    ] {
        let fault = fault(client.list_board_memory(request).await);
        assert_eq!(
            (fault.code, fault.fields[0].field.as_str()),
            (Code::Invalid, field)
        );
    }
    // A right is judged before the body.
    let reader = member(&[fixture.board], false);
    let blank = fixture.remember(&reader, entry(fixture.board, " ", &[]));
    assert_eq!(
        refused(blank.await),
        says(Code::Forbidden, "BOARD_WRITE_REQUIRED")
    );
    fixture.stop().await;
}
