//! Every kind of caller, in one installation.

use std::collections::HashMap;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    rest::{Rest, text},
    steps::team::{check_in, create_gateway, until_placed},
    world::World,
};

/// A kind of caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Who {
    Anonymous,
    Owner,
    Admin,
    /// A member who writes the board.
    Writer,
    /// A member who reads the board.
    Reader,
    /// A member without a board.
    Member,
    /// The lead of the board.
    Lead,
    /// A worker on the board.
    Worker,
    /// A worker on another board of the organization.
    Elsewhere,
    /// The main agent of the board's gateway.
    Main,
    /// The owner of another organization.
    Stranger,
    /// The main agent of a gateway of another organization.
    ForeignMain,
}

/// What somebody has of the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Grant {
    Read,
    Write,
    Admin,
}

impl Who {
    pub(super) const ALL: [Self; 12] = [
        Self::Anonymous,
        Self::Stranger,
        Self::ForeignMain,
        Self::Elsewhere,
        Self::Member,
        Self::Reader,
        Self::Writer,
        Self::Main,
        Self::Worker,
        Self::Lead,
        Self::Admin,
        Self::Owner,
    ];

    pub(super) fn is_foreign(self) -> bool {
        matches!(self, Self::Stranger | Self::ForeignMain)
    }

    /// Agents that an RPC admits have all of their board.
    pub(super) fn grant(self) -> Option<Grant> {
        match self {
            Self::Owner | Self::Admin | Self::Lead | Self::Worker | Self::Main => {
                Some(Grant::Admin)
            }
            Self::Writer => Some(Grant::Write),
            Self::Reader => Some(Grant::Read),
            Self::Anonymous
            | Self::Member
            | Self::Elsewhere
            | Self::Stranger
            | Self::ForeignMain => None,
        }
    }
}

/// The callers, and the ids that routes are filled with.
pub(super) struct Cast {
    clients: HashMap<Who, Rest>,
    pub(super) organization: String,
    pub(super) foreign_organization: String,
    pub(super) gateway: String,
    pub(super) board: String,
    pub(super) worker: String,
    pub(super) reader_member: String,
}

impl Cast {
    pub(super) fn client(&self, who: Who) -> &Rest {
        &self.clients[&who]
    }

    pub(super) async fn assemble(world: &World) -> Self {
        let owner = Rest::user(&world.url, &world.token);
        let mut clients = HashMap::from([(Who::Anonymous, Rest::anonymous(&world.url))]);

        let foreign = owner
            .post("/api/v1/organizations", json!({"name": "Strangers"}))
            .await;
        let stranger = join(world, &owner, json!({"role": "owner"}), "stranger").await;
        let home = owner
            .get("/api/v1/organizations/me/list")
            .await
            .as_array()
            .and_then(|all| all.iter().find(|one| one["name"] == "Personal").cloned())
            .expect("the first organization is there");
        let organization = text(&home, "id").to_owned();
        owner
            .patch(
                "/api/v1/organizations/me/active",
                json!({"organization_id": organization}),
            )
            .await;

        let gateway = create_gateway(world, &owner).await;
        let (board, elsewhere) = (
            board(&owner, &gateway, "Here").await,
            board(&owner, &gateway, "There").await,
        );
        let lead = agent(&owner, &board, "Lena", true).await;
        let worker = agent(&owner, &board, "Walt", false).await;
        let other = agent(&owner, &elsewhere, "Olga", false).await;
        let foreign_gateway = create_gateway(world, &stranger).await;
        for id in [&lead, &worker, &other] {
            until_placed(&owner, id).await;
        }
        let main = main_of(&owner, &gateway).await;
        let foreign_main = main_of(&stranger, &foreign_gateway).await;
        let seats = [
            (Who::Lead, &owner, format!("lead-{board}"), &lead),
            (Who::Worker, &owner, format!("mc-{worker}"), &worker),
            (Who::Elsewhere, &owner, format!("mc-{other}"), &other),
            (Who::Main, &owner, format!("mc-gateway-{gateway}"), &main),
            (
                Who::ForeignMain,
                &stranger,
                format!("mc-gateway-{foreign_gateway}"),
                &foreign_main,
            ),
        ];
        for (who, user, key, id) in seats {
            clients.insert(who, check_in(world, user, &key, id).await);
        }

        let right =
            |write: bool| json!({"board_access": [{"board_id": board, "can_write": write}]});
        let people = [
            (Who::Admin, json!({"role": "admin"}), "admin"),
            (Who::Writer, right(true), "writer"),
            (Who::Reader, right(false), "reader"),
            (Who::Member, json!({}), "member"),
        ];
        for (who, invite, name) in people {
            clients.insert(who, join(world, &owner, invite, name).await);
        }
        let reader_member = clients[&Who::Reader]
            .get("/api/v1/organizations/me/member")
            .await;
        clients.insert(Who::Owner, owner);
        clients.insert(Who::Stranger, stranger);
        Self {
            clients,
            organization,
            foreign_organization: text(&foreign, "id").to_owned(),
            gateway,
            board,
            worker,
            reader_member: text(&reader_member, "id").to_owned(),
        }
    }
}

/// Invites somebody to the inviter's organization and lets them join.
pub(crate) async fn join(world: &World, inviter: &Rest, invite: Value, name: &str) -> Rest {
    let mut body = json!({"invited_email": format!("{name}@example.com")});
    let (body_fields, more) = (body.as_object_mut().unwrap(), invite);
    body_fields.extend(more.as_object().unwrap().clone());
    let invite = inviter.post("/api/v1/organizations/me/invites", body).await;
    let (status, joined) = Rest::anonymous(&world.url)
        .call(
            Method::POST,
            "/api/v1/auth/redeem-invite",
            Some(json!({"token": invite["token"], "name": name})),
        )
        .await;
    assert_eq!(status, 200, "{joined:#}");
    Rest::user(&world.url, text(&joined["api_token"], "token"))
}

async fn board(owner: &Rest, gateway: &str, name: &str) -> String {
    let body = json!({
        "name": name, "description": "A board.", "gateway_id": gateway, "board_type": "general", "max_agents": 100,
    });
    text(&owner.post("/api/v1/boards", body).await, "id").to_owned()
}

async fn agent(owner: &Rest, board: &str, name: &str, lead: bool) -> String {
    let body = json!({"board_id": board, "name": name, "is_board_lead": lead});
    text(&owner.post("/api/v1/agents", body).await, "id").to_owned()
}

async fn main_of(admin: &Rest, gateway: &str) -> String {
    let agents = admin.get("/api/v1/agents").await;
    agents["items"]
        .as_array()
        .and_then(|all| {
            all.iter()
                .find(|one| one["is_gateway_main"] == true && one["gateway_id"] == gateway)
        })
        .map(|main| text(main, "id").to_owned())
        .expect("a gateway has a main agent")
}
