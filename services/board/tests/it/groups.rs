//! Making, changing and deleting groups.

use chassis::Code;
use proto::{
    board::v1::{
        BoardGroup, CreateBoardGroupRequest, DeleteBoardGroupRequest, GetBoardRequest,
        ListBoardGroupsRequest, UpdateBoardGroupRequest,
    },
    event::v1::event::Payload,
};
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::{
    callers::{ORGANIZATION, owner, stranger},
    fixture::{Fixture, refused, says, start_of_time, violation, wrong},
    request::{board, board_patch, group, mask},
};

impl Fixture {
    pub(crate) async fn create_group(
        &self,
        caller: &chassis::Caller,
        request: CreateBoardGroupRequest,
    ) -> Result<BoardGroup, Status> {
        let answer = self.groups(caller).create_board_group(request).await?;
        Ok(answer.into_inner().group.unwrap())
    }

    /// A group, and the fixture's board in it.
    pub(crate) async fn group_of_board(&self) -> Uuid {
        let made = self.create_group(&owner(), group("Rockets")).await.unwrap();
        let group: Uuid = made.id.parse().unwrap();
        self.join(self.board, Some(group)).await;
        group
    }

    /// Puts a board into a group, or out of all.
    pub(crate) async fn join(&self, board: Uuid, group: Option<Uuid>) {
        let request = proto::board::v1::UpdateBoardRequest {
            board_group_id: group.map(|id| id.to_string()),
            ..board_patch(board, &["board_group_id"])
        };
        self.update_board(&owner(), request).await.unwrap();
    }

    pub(crate) async fn board_called(&self, name: &str) -> Uuid {
        let made = self.create_board(&owner(), board(name)).await.unwrap();
        made.id.parse().unwrap()
    }

    async fn update_group(&self, request: UpdateBoardGroupRequest) -> Result<BoardGroup, Status> {
        let answer = self.groups(&owner()).update_board_group(request).await?;
        Ok(answer.into_inner().group.unwrap())
    }

    async fn delete_group(&self, group_id: Uuid) -> Result<(), Status> {
        let request = DeleteBoardGroupRequest {
            group_id: group_id.to_string(),
        };
        let answer = self.groups(&owner()).delete_board_group(request).await?;
        assert!(answer.into_inner().ok);
        Ok(())
    }
}

fn patch(group: &BoardGroup, fields: &[&str]) -> UpdateBoardGroupRequest {
    UpdateBoardGroupRequest {
        group_id: group.id.clone(),
        update_mask: Some(mask(fields)),
        ..UpdateBoardGroupRequest::default()
    }
}

#[sqlx::test(migrations = false)]
async fn a_new_group_gets_a_slug_from_its_name(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let request = CreateBoardGroupRequest {
        description: Some("  ".into()),
        slug: Some(" ".into()),
        ..group("  Release / QA ")
    };
    let made = fixture.create_group(&owner(), request).await.unwrap();
    let now = Some(chassis::encode::time(start_of_time()));
    let expected = BoardGroup {
        id: made.id.clone(),
        organization_id: ORGANIZATION.to_string(),
        name: "Release / QA".into(),
        slug: "release-qa".into(),
        description: None,
        created_at: now,
        updated_at: now,
    };
    assert_eq!(made, expected);
    let told = fixture.told(1).await.remove(0);
    let Some(Payload::BoardGroupCreated(created)) = told.payload else {
        panic!("{told:?}")
    };
    assert_eq!(created.group, Some(made));
    for (name, slug) in [
        ("release qa", "release-qa-2"),
        ("***", "group"),
        ("!", "group-2"),
    ] {
        let made = fixture.create_group(&owner(), group(name)).await.unwrap();
        assert_eq!(made.slug, slug);
    }
    // Slugs are of one organization.
    let elsewhere = fixture
        .create_group(&stranger(), group("***"))
        .await
        .unwrap();
    assert_eq!(elsewhere.slug, "group");
    let given = CreateBoardGroupRequest {
        slug: Some("Release-QA".into()),
        ..group("Other")
    };
    assert_eq!(
        refused(fixture.create_group(&owner(), given).await),
        says(Code::AlreadyExists, "BOARD_GROUP_SLUG_TAKEN")
    );
}

#[sqlx::test(migrations = false)]
async fn what_is_wrong_with_a_group_is_named(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    let long = "x".repeat(10_001);
    for (request, field, reason) in [
        (group(" "), "name", "BLANK"),
        (group(&"x".repeat(201)), "name", "TOO_LONG"),
        (group("a\0b"), "name", "NUL_BYTE"),
        (
            CreateBoardGroupRequest {
                slug: Some("!?".into()),
                ..group("G")
            },
            "slug",
            "MALFORMED",
        ),
        (
            CreateBoardGroupRequest {
                description: Some(long),
                ..group("G")
            },
            "description",
            "TOO_LONG",
        ),
    ] {
        let answer = fixture.create_group(&owner(), request).await;
        assert_eq!(violation(answer), wrong(field, reason));
    }
    let answer = fixture
        .groups(&owner())
        .delete_board_group(DeleteBoardGroupRequest {
            group_id: "7".into(),
        })
        .await;
    assert_eq!(violation(answer), wrong("group_id", "NOT_A_UUID"));
}

#[sqlx::test(migrations = false)]
async fn pages_of_groups_follow_each_other_by_name(pool: PgPool) {
    let fixture = Fixture::start(pool).await;
    for name in ["b", "a", "B", "c"] {
        fixture.create_group(&owner(), group(name)).await.unwrap();
    }
    let (mut names, mut page_token) = (Vec::new(), None);
    loop {
        let request = ListBoardGroupsRequest {
            limit: Some(2),
            page_token,
            ..ListBoardGroupsRequest::default()
        };
        let mut groups = fixture.groups(&owner());
        let answer = groups
            .list_board_groups(request)
            .await
            .unwrap()
            .into_inner();
        assert_eq!(answer.total, 4);
        names.extend(answer.items.into_iter().map(|group| group.name));
        page_token = answer.next_page_token;
        if page_token.is_none() {
            break;
        }
    }
    assert_eq!(names, ["a", "B", "b", "c"]);
    let beyond = ListBoardGroupsRequest {
        limit: Some(201),
        ..ListBoardGroupsRequest::default()
    };
    assert_eq!(
        violation(fixture.groups(&owner()).list_board_groups(beyond).await),
        wrong("limit", "OUT_OF_RANGE")
    );
}

#[sqlx::test(migrations = false)]
async fn only_what_changes_in_a_group_is_written_and_told(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let made = fixture
        .create_group(&owner(), group("Rockets"))
        .await
        .unwrap();
    fixture
        .create_group(&owner(), group("Boats"))
        .await
        .unwrap();
    fixture.told(2).await;
    fixture.clock.advance(chrono::TimeDelta::minutes(1));
    for untouched in [
        patch(&made, &[]),
        UpdateBoardGroupRequest {
            name: Some(" Rockets ".into()),
            ..patch(&made, &["name"])
        },
        // Its own slug is free for it.
        patch(&made, &["slug"]),
    ] {
        assert_eq!(fixture.update_group(untouched).await.unwrap(), made);
    }
    let renamed = UpdateBoardGroupRequest {
        name: Some("Big Boats".into()),
        description: Some("not named".into()),
        ..patch(&made, &["name"])
    };
    let renamed = fixture.update_group(renamed).await.unwrap();
    assert_eq!(
        (
            renamed.name.as_str(),
            renamed.slug.as_str(),
            &renamed.description
        ),
        ("Big Boats", "rockets", &None)
    );
    assert_eq!(
        renamed.updated_at.unwrap().seconds,
        made.updated_at.unwrap().seconds + 60
    );
    let told = fixture.told(1).await.remove(0);
    let Some(Payload::BoardGroupUpdated(updated)) = told.payload else {
        panic!("{told:?}")
    };
    assert_eq!(updated.changed_fields, ["name"]);
    assert_eq!(updated.group, Some(renamed));

    // A blank or null slug is built anew, from the new name where there is one.
    let rebuilt = fixture.update_group(patch(&made, &["slug"])).await.unwrap();
    assert_eq!(rebuilt.slug, "big-boats");
    let both = UpdateBoardGroupRequest {
        name: Some("Boats".into()),
        slug: Some(" ".into()),
        ..patch(&made, &["name", "slug"])
    };
    assert_eq!(fixture.update_group(both).await.unwrap().slug, "boats-2");
    fixture.told(2).await;
    let taken = UpdateBoardGroupRequest {
        slug: Some("boats".into()),
        ..patch(&made, &["slug"])
    };
    assert_eq!(
        refused(fixture.update_group(taken).await),
        says(Code::AlreadyExists, "BOARD_GROUP_SLUG_TAKEN")
    );
    assert_eq!(
        violation(fixture.update_group(patch(&made, &["name"])).await),
        wrong("name", "REQUIRED")
    );
    fixture.stop().await;
}

#[sqlx::test(migrations = false)]
async fn the_boards_of_a_deleted_group_stay_and_are_told(pool: PgPool) {
    let mut fixture = Fixture::start(pool).await;
    let group_id = fixture.group_of_board().await;
    let other = fixture.board_called("Apollo").await;
    fixture.join(other, Some(group_id)).await;
    fixture.told(4).await;
    let before = fixture.read_board(fixture.board).await;
    fixture.clock.advance(chrono::TimeDelta::minutes(1));

    fixture.delete_group(group_id).await.unwrap();
    let gone = says(Code::NotFound, "BOARD_GROUP_NOT_FOUND");
    assert_eq!(refused(fixture.delete_group(group_id).await), gone);
    let after = fixture.read_board(fixture.board).await;
    assert_eq!(
        (after.board_group_id.as_ref(), after.version),
        (None, before.version + 1)
    );
    assert_eq!(
        after.updated_at.unwrap().seconds,
        before.updated_at.unwrap().seconds + 60
    );

    let told = fixture.told(3).await;
    let kinds: Vec<&str> = told.iter().map(|event| event.r#type.as_str()).collect();
    assert_eq!(
        kinds,
        ["board.updated", "board.updated", "board_group.deleted"]
    );
    let Some(Payload::BoardUpdated(left)) = &told[1].payload else {
        panic!("{told:?}")
    };
    assert_eq!(left.board, Some(after));
    assert_eq!(left.changed_fields, ["board_group_id"]);
    let (group, peers) = {
        let left = left.left_group.clone().unwrap();
        (left.group.unwrap(), left.boards)
    };
    assert_eq!(group.id, group_id.to_string());
    let peers: Vec<&str> = peers.iter().map(|board| board.name.as_str()).collect();
    assert_eq!(peers, ["Apollo"]);
    let Some(Payload::BoardGroupDeleted(deleted)) = &told[2].payload else {
        panic!("{told:?}")
    };
    let boards: Vec<&str> = deleted
        .boards
        .iter()
        .map(|board| board.name.as_str())
        .collect();
    assert_eq!(boards, ["Apollo", "Launch"]);
    fixture.stop().await;
}

impl Fixture {
    pub(crate) async fn read_board(&self, id: Uuid) -> proto::board::v1::Board {
        let request = GetBoardRequest {
            board_id: id.to_string(),
        };
        let answer = self.boards(&owner()).get_board(request).await.unwrap();
        answer.into_inner().board.unwrap()
    }
}
