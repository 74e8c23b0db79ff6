//! Who sees a group, and who may do what with it.

use chassis::{Caller, Code};
use proto::board::v1::{
    ApplyGroupHeartbeatRequest, ApplyGroupHeartbeatResponse, DeleteBoardGroupRequest,
    GetBoardGroupRequest, ListBoardGroupsRequest, UpdateBoardGroupRequest,
};
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::{
    callers::{LEAD, admin, agent, all_boards, member, owner, stranger, worker_id},
    fixture::{Fixture, refused, says, violation, wrong},
    request::group,
};

impl Fixture {
    async fn visible_groups(&self, caller: &Caller) -> Vec<String> {
        let request = ListBoardGroupsRequest::default();
        let mut groups = self.groups(caller);
        let answer = groups
            .list_board_groups(request)
            .await
            .unwrap()
            .into_inner();
        let names: Vec<String> = answer.items.into_iter().map(|group| group.name).collect();
        assert_eq!(usize::try_from(answer.total).unwrap(), names.len());
        names
    }

    async fn finds_group(&self, caller: &Caller, id: Uuid) -> bool {
        let group_id = id.to_string();
        let answer = self
            .groups(caller)
            .get_board_group(GetBoardGroupRequest { group_id })
            .await;
        match answer {
            Ok(answer) => answer.into_inner().group.unwrap().id == id.to_string(),
            Err(status) => {
                let gone = says(Code::NotFound, "BOARD_GROUP_NOT_FOUND");
                assert_eq!(refused(Err::<(), _>(status)), gone);
                false
            }
        }
    }

    async fn pace(
        &self,
        caller: &Caller,
        group_id: Uuid,
        every: &str,
        include_board_leads: bool,
    ) -> Result<ApplyGroupHeartbeatResponse, Status> {
        let request = ApplyGroupHeartbeatRequest {
            group_id: group_id.to_string(),
            every: every.to_owned(),
            include_board_leads: Some(include_board_leads),
        };
        let answer = self.groups(caller).apply_group_heartbeat(request).await?;
        Ok(answer.into_inner())
    }
}

#[sqlx::test(migrations = false)]
async fn a_member_sees_the_groups_of_the_boards_that_it_reads(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let rockets = fixture.group_of_board().await;
    let empty = fixture
        .create_group(&owner(), group("Empty"))
        .await
        .unwrap();
    let empty: Uuid = empty.id.parse().unwrap();
    let other = fixture.board_called("Other").await;
    let both = ["Empty", "Rockets"].as_slice();
    for (caller, groups) in [
        (owner(), both),
        (admin(), both),
        (all_boards(false), both),
        (all_boards(true), both),
        (member(&[fixture.board], false), &["Rockets"]),
        (member(&[fixture.board], true), &["Rockets"]),
        (member(&[other], true), &[]),
        (member(&[], false), &[]),
        (stranger(), &[]),
    ] {
        assert_eq!(fixture.visible_groups(&caller).await, groups, "{caller:?}");
        for (name, id) in [("Empty", empty), ("Rockets", rockets)] {
            let visible = fixture.finds_group(&caller, id).await;
            assert_eq!(visible, groups.contains(&name), "{caller:?}");
        }
    }
    assert!(!fixture.finds_group(&owner(), Uuid::from_u128(5)).await);
}

#[sqlx::test(migrations = false)]
async fn groups_are_made_and_changed_by_admins_alone(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let rockets = fixture.group_of_board().await;
    let group_id = rockets.to_string();
    let lead = fixture.lead();
    for (caller, reason) in [
        (member(&[fixture.board], true), "ADMIN_REQUIRED"),
        (all_boards(true), "ADMIN_REQUIRED"),
        (lead, "CALLER_NOT_ADMITTED"),
    ] {
        let update = UpdateBoardGroupRequest {
            group_id: group_id.clone(),
            ..UpdateBoardGroupRequest::default()
        };
        let delete = DeleteBoardGroupRequest {
            group_id: group_id.clone(),
        };
        let mut groups = fixture.groups(&caller);
        for answer in [
            groups.create_board_group(group("G")).await.map(drop),
            groups.update_board_group(update).await.map(drop),
            groups.delete_board_group(delete).await.map(drop),
            fixture.pace(&caller, rockets, "5m", false).await.map(drop),
        ] {
            if let Err(status) = answer {
                let (code, found) = refused(Err::<(), _>(status));
                assert_eq!((code, found.as_str()), (Code::Forbidden, reason));
            } else {
                // The lead of one of its boards sets the pace.
                assert_eq!(reason, "CALLER_NOT_ADMITTED");
            }
        }
    }
    let gone = says(Code::NotFound, "BOARD_GROUP_NOT_FOUND");
    let update = UpdateBoardGroupRequest {
        group_id: group_id.clone(),
        ..UpdateBoardGroupRequest::default()
    };
    let mut groups = fixture.groups(&stranger());
    assert_eq!(refused(groups.update_board_group(update).await), gone);
    let delete = DeleteBoardGroupRequest { group_id };
    assert_eq!(refused(groups.delete_board_group(delete).await), gone);
    assert!(fixture.finds_group(&owner(), rockets).await);
}

#[sqlx::test(migrations = false)]
async fn the_pace_of_a_group_is_set_for_all_of_its_boards(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let rockets = fixture.group_of_board().await;
    let apollo = fixture.board_called("Apollo").await;
    fixture.join(apollo, Some(rockets)).await;
    let outside = fixture.board_called("Outside").await;
    fixture
        .agents
        .add(worker_id(2), "Cleo", Some(apollo), false);
    fixture
        .agents
        .add(worker_id(3), "Dan", Some(outside), false);

    let answer = fixture
        .pace(&owner(), rockets, " 05m ", false)
        .await
        .unwrap();
    let requested = answer.requested.unwrap();
    assert_eq!(
        (
            answer.board_group_id,
            requested.every.as_str(),
            requested.include_board_leads
        ),
        (rockets.to_string(), "5m", false)
    );
    let ids = |numbers: &[u128]| -> Vec<String> {
        numbers.iter().map(|n| worker_id(*n).to_string()).collect()
    };
    assert_eq!(answer.updated_agent_ids, ids(&[0, 2]));
    assert_eq!(answer.unchanged_agent_ids, ids(&[1]));
    assert!(answer.failed_agent_ids.is_empty());

    let answer = fixture
        .pace(&fixture.lead(), rockets, "24h", true)
        .await
        .unwrap();
    assert!(answer.updated_agent_ids.contains(&LEAD.to_string()));
    let asked = fixture.agents.paces();
    let by = asked[1].requested_by.clone().unwrap();
    assert_eq!(
        (by.kind.as_str(), by.id, by.name.as_str()),
        ("agent", LEAD.to_string(), "Olga")
    );
    assert_eq!(asked[0].requested_by.as_ref().unwrap().kind, "user");
}

#[sqlx::test(migrations = false)]
async fn a_lead_sets_the_pace_of_the_group_of_its_own_board(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let rockets = fixture.group_of_board().await;
    let boats = fixture
        .create_group(&owner(), group("Boats"))
        .await
        .unwrap();
    let boats: Uuid = boats.id.parse().unwrap();
    let other = fixture.board_called("Other").await;
    let gone = says(Code::NotFound, "BOARD_GROUP_NOT_FOUND");
    let foreign = agent(LEAD, "Olga", Some(other), true);
    for (caller, id) in [
        (fixture.lead(), boats),
        (foreign, rockets),
        (stranger(), rockets),
        (owner(), Uuid::from_u128(5)),
    ] {
        assert_eq!(refused(fixture.pace(&caller, id, "5m", false).await), gone);
    }
    for caller in [fixture.worker(0), agent(worker_id(9), "Main", None, false)] {
        let refusal = refused(fixture.pace(&caller, rockets, "5m", false).await);
        assert_eq!(refusal, says(Code::Forbidden, "CALLER_NOT_ADMITTED"));
    }
    for every in ["", "banana", "29s", "25h"] {
        let refusal = violation(fixture.pace(&owner(), rockets, every, false).await);
        assert_eq!(refusal, wrong("every", "HEARTBEAT_INVALID"));
    }
    assert_eq!(fixture.agents.paces(), []);
    // Nobody is there to be told.
    let answer = fixture.pace(&owner(), boats, "5m", true).await.unwrap();
    assert!(answer.updated_agent_ids.is_empty() && answer.unchanged_agent_ids.is_empty());
    assert_eq!(fixture.agents.paces(), []);
}
