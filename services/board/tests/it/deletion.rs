//! Deleting boards, with everything on them.

use chassis::{Caller, Code};
use proto::{
    board::v1::{DeleteBoardRequest, GetBoardRequest},
    event::v1::event::Payload,
};
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::{
    callers::{admin, all_boards, member, owner, stranger},
    fixture::{Fixture, refused, says},
    request::task,
};

impl Fixture {
    pub(crate) async fn delete_board(
        &self,
        caller: &Caller,
        board: Uuid,
        force: bool,
    ) -> Result<(), Status> {
        let request = DeleteBoardRequest {
            board_id: board.to_string(),
            force: Some(force),
        };
        let answer = self.boards(caller).delete_board(request).await?;
        assert!(answer.into_inner().ok);
        Ok(())
    }

    /// Puts at least one row into every table that has to do with a board: two tasks, one of them waiting for the other and
    /// deleted for its readers, a comment, a tag, a field, memory.
    pub(crate) async fn furnish(&self, board: Uuid, group: Uuid) {
        let (one, two) = (
            self.create(&owner(), task(board, "One")).await.unwrap(),
            self.create(&owner(), task(board, "Two")).await.unwrap(),
        );
        self.comment(&owner(), &one, "hello").await.unwrap();
        let ids = [one.id, two.id].map(|id| id.parse::<Uuid>().unwrap());
        for statement in [
            "insert into task_dependency (task_id, depends_on_task_id, position) select $3, $4, 0 where $1 <> $2",
            "update task set deleted_at = now() where id = $3 and $4 <> id and $1 <> $2",
            "insert into tag (id, organization_id, name, slug, color, created_at, updated_at)
             select $3, organization_id, 'T', $3::text, 'aabbcc', now(), now()
               from board where id = $1 and $2 <> $4",
            "insert into task_tag (task_id, tag_id) select $4, $3 where $1 <> $2",
            "insert into custom_field (
                 id, organization_id, field_key, label, field_type, ui_visibility, required, created_at, updated_at)
             select $3, organization_id, $3::text, 'F', 'text', 'always', false, now(), now()
               from board where id = $1 and $2 <> $4",
            "insert into custom_field_board (custom_field_id, board_id) select $3, $1 where $2 <> $4",
            "insert into board_memory (
                 id, organization_id, board_id, content, tags, is_chat, author_kind, author_id, author_name,
                 mentioned_agent_ids, created_at)
             select $3, organization_id, id, 'hi', '{chat}', true, 'user', '00000000-0000-0000-0000-000000000030', 'Ada',
                    '{}', now()
               from board where id = $1 and $2 <> $4",
            "insert into group_memory (
                 id, organization_id, board_group_id, board_id, content, tags, is_chat, author_kind, author_id, author_name,
                 mentioned_agent_ids, created_at)
             select $3, organization_id, $2, id, 'hi', '{}', false, 'user', '00000000-0000-0000-0000-000000000030', 'Ada',
                    '{}', now()
               from board where id = $1 and $2 <> $4",
        ] {
            let query = sqlx::query(statement).bind(board).bind(group);
            let done = query.bind(ids[0]).bind(ids[1]).execute(&self.pool).await;
            assert_eq!(done.unwrap().rows_affected(), 1, "{statement}");
        }
    }
}

/// How many rows of a table there are.
pub(crate) async fn count(pool: &PgPool, table: &str) -> i64 {
    let sql = format!("select count(*) from {table}");
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .fetch_one(pool)
        .await
        .unwrap()
}

/// Tables that go with a board, directly or through others, by the foreign keys that say so.
async fn dependants(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar(
        "with recursive dependant (id) as (
             select 'board'::regclass::oid
              union
             select c.conrelid from pg_constraint c join dependant d on c.confrelid = d.id
              where c.contype = 'f' and c.confdeltype = 'c')
         select id::regclass::text from dependant order by 1",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

#[sqlx::test(migrations = false)]
async fn everything_on_a_board_goes_with_it(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let group = fixture.group_of_board().await;
    fixture.furnish(fixture.board, group).await;

    let unbound: Vec<String> = sqlx::query_scalar(
        "select c.table_name::text from information_schema.columns c
          where c.table_schema = 'public' and c.column_name = 'board_id'
            and not exists (
                select from pg_constraint f join pg_attribute a on a.attrelid = f.conrelid and a.attnum = any (f.conkey)
                 where f.contype = 'f' and f.confrelid = 'board'::regclass and f.confdeltype in ('c', 'n')
                   and f.conrelid = c.table_name::regclass and a.attname = 'board_id')",
    )
    .fetch_all(&fixture.pool)
    .await
    .unwrap();
    assert!(
        unbound.is_empty(),
        "nothing takes these with the board: {unbound:?}"
    );
    let tables = dependants(&fixture.pool).await;
    assert!(tables.len() >= 7, "{tables:?}");
    for table in &tables {
        assert!(count(&fixture.pool, table).await > 0, "{table} is empty");
    }

    fixture
        .delete_board(&owner(), fixture.board, false)
        .await
        .unwrap();
    for table in &tables {
        assert_eq!(count(&fixture.pool, table).await, 0, "{table}");
    }
    // What the group remembers stays, without the board through which it was written.
    let kept: Vec<Option<Uuid>> = sqlx::query_scalar("select board_id from group_memory")
        .fetch_all(&fixture.pool)
        .await
        .unwrap();
    assert_eq!(kept, [None]);
    assert_eq!(count(&fixture.pool, "tag").await, 1);
    assert_eq!(count(&fixture.pool, "custom_field").await, 1);
}

#[sqlx::test(migrations = false)]
async fn a_deleted_board_is_told_whole_and_is_gone(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let other = fixture.board_called("Other").await;
    fixture.told(1).await;
    let gone = says(Code::NotFound, "BOARD_NOT_FOUND");
    for (board, force) in [(fixture.board, false), (other, true)] {
        let before = fixture.read_board(board).await;
        fixture.delete_board(&admin(), board, force).await.unwrap();
        let again = fixture.delete_board(&admin(), board, force).await;
        assert_eq!(refused(again), gone);
        let request = GetBoardRequest {
            board_id: board.to_string(),
        };
        assert_eq!(
            refused(fixture.boards(&owner()).get_board(request).await),
            gone
        );
        assert_eq!(
            refused(fixture.create(&owner(), task(board, "T")).await),
            gone
        );
        let told = fixture.told(1).await.remove(0);
        let Some(Payload::BoardDeleted(deleted)) = &told.payload else {
            panic!("{told:?}")
        };
        assert_eq!(
            (deleted.board.as_ref(), deleted.force),
            (Some(&before), force)
        );
        assert_eq!(told.board_id, Some(board.to_string()));
    }
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn boards_are_deleted_by_admins_alone(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let (admin_required, not_admitted) = (
        says(Code::Forbidden, "ADMIN_REQUIRED"),
        says(Code::Forbidden, "CALLER_NOT_ADMITTED"),
    );
    for (caller, refusal) in [
        (member(&[fixture.board], true), &admin_required),
        (all_boards(true), &admin_required),
        (fixture.lead(), &not_admitted),
        (fixture.worker(0), &not_admitted),
        (stranger(), &says(Code::NotFound, "BOARD_NOT_FOUND")),
    ] {
        let answer = fixture.delete_board(&caller, fixture.board, true).await;
        assert_eq!(&refused(answer), refusal, "{caller:?}");
    }
    fixture.read_board(fixture.board).await;
}

#[sqlx::test(migrations = false)]
async fn a_task_is_made_before_its_board_is_deleted_or_not_at_all(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let gone = says(Code::NotFound, "BOARD_NOT_FOUND");
    for round in 0..20 {
        let board = fixture.board_called(&format!("Round {round}")).await;
        let create = || async {
            let answer = fixture.create(&owner(), task(board, "T")).await;
            answer.is_ok() || refused(answer) == gone
        };
        let delete = || async {
            let answer = fixture.delete_board(&owner(), board, false).await;
            match answer {
                Ok(()) => true,
                Err(status) => {
                    assert_eq!(refused(Err::<(), _>(status)), gone);
                    false
                }
            }
        };
        let (made, deleted, made_too, deleted_too) =
            futures::join!(create(), delete(), create(), delete());
        assert!(made && made_too);
        assert!(
            deleted != deleted_too,
            "one deletes it, the other finds nothing"
        );
    }
    assert_eq!(count(&fixture.pool, "task").await, 0);
    assert_eq!(count(&fixture.pool, "board").await, 1);
}
