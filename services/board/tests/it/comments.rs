//! The conversation on a task.

use chassis::Code;
use chrono::TimeDelta;
use proto::board::v1::{AuthorKind, Comment, ListCommentsRequest, TaskStatus};
use sqlx::PgPool;

use crate::{
    callers::{LEAD, OWNER, owner, worker_id},
    fixture::{Fixture, refused, says, start_of_time, violation, wrong},
    request::{Naming, patch, task, to},
};

#[sqlx::test(migrations = false)]
async fn a_comment_knows_its_author_and_whom_it_mentions(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let work = fixture.task("Work").await;
    let said = fixture
        .comment(
            &owner(),
            &work,
            "  @alice and @lead, mail me at x@bob.example ",
        )
        .await
        .unwrap();
    let expected = Comment {
        id: said.id.clone(),
        task_id: work.id.clone(),
        message: "@alice and @lead, mail me at x@bob.example".into(),
        agent_id: None,
        user_id: Some(OWNER.to_string()),
        author_kind: AuthorKind::User.into(),
        author_name: "Ada".into(),
        created_at: Some(chassis::encode::time(start_of_time())),
        mentioned_agent_ids: vec![LEAD.to_string(), worker_id(0).to_string()],
    };
    assert_eq!(said, expected);
    let asked = fixture.agents.asked();
    let plain = fixture
        .comment(&fixture.worker(1), &work, "ok")
        .await
        .unwrap();
    assert_eq!(
        (plain.agent_id, plain.author_name.as_str()),
        (Some(worker_id(1).to_string()), "Bob")
    );
    assert_eq!(
        fixture.agents.asked(),
        asked,
        "nobody is looked up for a comment that mentions nobody"
    );
    assert_eq!(fixture.now(&work).await, work);
}

#[sqlx::test(migrations = false)]
async fn a_conversation_reads_from_the_oldest_in_pages(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let work = fixture.task("Work").await;
    for n in 0..5 {
        fixture
            .comment(&owner(), &work, &format!("{n}"))
            .await
            .unwrap();
        fixture.clock.advance(TimeDelta::seconds(n % 2));
    }
    let (mut texts, mut page_token) = (Vec::new(), None);
    loop {
        let request = ListCommentsRequest {
            board_id: work.board_id.clone(),
            task_id: work.id.clone(),
            limit: Some(2),
            offset: None,
            page_token,
        };
        let answer = fixture
            .comments(&fixture.worker(0))
            .list_comments(request)
            .await
            .unwrap()
            .into_inner();
        assert_eq!(answer.total, 5);
        texts.extend(answer.items.into_iter().map(|comment| comment.message));
        page_token = answer.next_page_token;
        if page_token.is_none() {
            break;
        }
    }
    assert_eq!(texts, ["0", "1", "2", "3", "4"]);
}

#[sqlx::test(migrations = false)]
async fn the_lead_speaks_in_review_when_mentioned_and_on_its_own_tasks(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let (lead, forbidden) = (
        fixture.lead(),
        says(Code::Forbidden, "LEAD_COMMENT_FORBIDDEN"),
    );
    let work = fixture.task("Work").await;
    fixture
        .update(&owner(), patch(&work).assignee(Some(LEAD)))
        .await
        .unwrap();
    assert_eq!(
        refused(fixture.comment(&lead, &work, "mine").await),
        forbidden
    );
    fixture
        .comment(&owner(), &work, "mail x@lead.example")
        .await
        .unwrap();
    assert_eq!(
        refused(fixture.comment(&lead, &work, "I read mail").await),
        forbidden
    );
    fixture
        .comment(&fixture.worker(0), &work, "@lead?")
        .await
        .unwrap();
    fixture.comment(&lead, &work, "yes").await.unwrap();

    let review = fixture.task_in(TaskStatus::Review).await;
    fixture.comment(&lead, &review, "looks good").await.unwrap();
    fixture
        .update(&lead, to(&review, TaskStatus::Done))
        .await
        .unwrap();
    assert_eq!(
        refused(fixture.comment(&lead, &review, "by the way").await),
        forbidden
    );

    let own = fixture
        .create(&lead, task(fixture.board, "Own"))
        .await
        .unwrap();
    assert_eq!(
        (
            own.created_by_agent_id.as_deref(),
            own.created_by_user_id.as_ref()
        ),
        (Some(LEAD.to_string().as_str()), None)
    );
    fixture.comment(&lead, &own, "how to").await.unwrap();
}

#[sqlx::test(migrations = false)]
async fn an_inline_comment_is_a_comment_like_any_other(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let work = fixture.task("Work").await;
    let request = to(&work, TaskStatus::InProgress).comment(" on it, @bob ");
    fixture.update(&fixture.worker(0), request).await.unwrap();
    let request = ListCommentsRequest {
        board_id: work.board_id.clone(),
        task_id: work.id.clone(),
        ..ListCommentsRequest::default()
    };
    let said = fixture
        .comments(&owner())
        .list_comments(request)
        .await
        .unwrap()
        .into_inner()
        .items;
    assert_eq!(said.len(), 1);
    assert_eq!(
        (said[0].message.as_str(), &said[0].agent_id),
        ("on it, @bob", &Some(worker_id(0).to_string()))
    );
    assert_eq!(said[0].mentioned_agent_ids, [worker_id(1).to_string()]);
}

#[sqlx::test(migrations = false)]
async fn a_comment_says_something_and_not_too_much(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let work = fixture.task("Work").await;
    for (text, reason) in [
        (" ".to_owned(), "BLANK"),
        ("a\0b".to_owned(), "NUL_BYTE"),
        ("x".repeat(20_001), "TOO_LONG"),
    ] {
        assert_eq!(
            violation(fixture.comment(&owner(), &work, &text).await),
            wrong("message", reason)
        );
        if reason != "BLANK" {
            let inline = fixture.update(&owner(), patch(&work).comment(&text)).await;
            assert_eq!(violation(inline), wrong("comment", reason));
        }
    }
    fixture
        .comment(&owner(), &work, &"ü".repeat(20_000))
        .await
        .unwrap();
}
