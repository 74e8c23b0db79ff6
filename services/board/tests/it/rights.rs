//! What a caller may not see does not exist for it; what it may not change it is told.

use chassis::{Caller, Code};
use proto::board::v1::{
    AssignTaskRequest, DeleteTaskRequest, GetBoardRequest, GetTaskRequest, ListCommentsRequest,
    ListTasksRequest, Task,
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    callers::{GATEWAY, OTHER_GATEWAY, agent, member, owner, stranger, worker_id},
    fixture::{Fixture, fault, refused, says},
    request::{Naming, patch, task},
};

impl Fixture {
    async fn reads(&self, caller: &Caller, work: &Task) -> Vec<Option<(Code, String)>> {
        let (board_id, task_id) = (work.board_id.clone(), work.id.clone());
        let (mut boards, mut tasks, mut comments) = (
            self.boards(caller),
            self.tasks(caller),
            self.comments(caller),
        );
        let list = ListTasksRequest {
            board_id: Some(board_id.clone()),
            ..ListTasksRequest::default()
        };
        let thread = ListCommentsRequest {
            board_id: board_id.clone(),
            task_id: task_id.clone(),
            ..ListCommentsRequest::default()
        };
        let answers = [
            boards
                .get_board(GetBoardRequest {
                    board_id: board_id.clone(),
                })
                .await
                .map(drop),
            tasks.list_tasks(list).await.map(drop),
            tasks
                .get_task(GetTaskRequest {
                    board_id: Some(board_id),
                    task_id: task_id.clone(),
                })
                .await
                .map(drop),
            tasks
                .get_task(GetTaskRequest {
                    board_id: None,
                    task_id,
                })
                .await
                .map(drop),
            comments.list_comments(thread).await.map(drop),
        ];
        answers
            .into_iter()
            .map(|answer| answer.err().map(|status| refused(Err::<(), _>(status))))
            .collect()
    }

    async fn writes(&self, caller: &Caller, work: &Task) -> Vec<(Code, String)> {
        let assign = AssignTaskRequest {
            task_id: work.id.clone(),
            agent_id: worker_id(0).to_string(),
        };
        let delete = DeleteTaskRequest {
            board_id: None,
            task_id: work.id.clone(),
        };
        vec![
            refused(self.update(caller, patch(work).title("T")).await),
            refused(self.create(caller, task(self.board, "T")).await),
            refused(self.tasks(caller).assign_task(assign).await),
            refused(self.tasks(caller).delete_task(delete).await),
            refused(self.comment(caller, work, "hi").await),
        ]
    }
}

#[sqlx::test(migrations = false)]
async fn readers_read(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let work = fixture.task("Work").await;
    let main = agent(Uuid::from_u128(0x60), "Main", None, false);
    for caller in [
        owner(),
        member(&[fixture.board], false),
        fixture.lead(),
        fixture.worker(0),
        main,
    ] {
        assert_eq!(
            fixture.reads(&caller, &work).await,
            vec![None; 5],
            "{caller:?}"
        );
    }
}

#[sqlx::test(migrations = false)]
async fn for_all_others_there_is_nothing(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let work = fixture.task("Work").await;
    let (board, gone) = (
        says(Code::NotFound, "BOARD_NOT_FOUND"),
        says(Code::NotFound, "TASK_NOT_FOUND"),
    );
    let Caller::Agent(main) = agent(Uuid::from_u128(0x60), "Main", None, false) else {
        unreachable!()
    };
    assert_eq!(main.gateway_id, GATEWAY);
    let far_main = Caller::Agent(chassis::caller::Agent {
        gateway_id: OTHER_GATEWAY,
        ..main
    });
    let elsewhere = agent(
        Uuid::from_u128(0x70),
        "Else",
        Some(Uuid::from_u128(0x999)),
        false,
    );
    for caller in [stranger(), member(&[], true), elsewhere, far_main] {
        let expected = [&board, &board, &board, &gone, &board].map(|refusal| Some(refusal.clone()));
        assert_eq!(fixture.reads(&caller, &work).await, expected, "{caller:?}");
    }
    for caller in [stranger(), member(&[], true)] {
        let expected = [&board, &board, &gone, &gone, &board].map(Clone::clone);
        assert_eq!(fixture.writes(&caller, &work).await, expected, "{caller:?}");
    }
}

#[sqlx::test(migrations = false)]
async fn readers_do_not_write(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let work = fixture.task("Work").await;
    let refusals = fixture
        .writes(&member(&[fixture.board], false), &work)
        .await;
    assert_eq!(
        refusals,
        vec![says(Code::Forbidden, "BOARD_WRITE_REQUIRED"); 5]
    );
    // A right is judged before the body.
    let bad = fixture
        .update(&member(&[fixture.board], false), patch(&work).title(" "))
        .await;
    assert_eq!(refused(bad), says(Code::Forbidden, "BOARD_WRITE_REQUIRED"));
    assert_eq!(fixture.now(&work).await, work);
}

#[sqlx::test(migrations = false)]
async fn workers_neither_make_nor_delete_nor_assign(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let work = fixture.task("Work").await;
    let worker = fixture.worker(0);
    let assign = AssignTaskRequest {
        task_id: work.id.clone(),
        agent_id: worker_id(0).to_string(),
    };
    let delete = DeleteTaskRequest {
        board_id: None,
        task_id: work.id.clone(),
    };
    for fault in [
        fault(fixture.create(&worker, task(fixture.board, "T")).await),
        fault(fixture.tasks(&worker).assign_task(assign).await),
        fault(fixture.tasks(&worker).delete_task(delete).await),
    ] {
        assert_eq!(fault.code, Code::Forbidden);
    }
    let main = agent(Uuid::from_u128(0x60), "Main", None, false);
    assert_eq!(
        fault(fixture.update(&main, patch(&work).comment("hi")).await).code,
        Code::Forbidden
    );
    assert_eq!(
        fault(fixture.comment(&main, &work, "hi").await).code,
        Code::Forbidden
    );
}
