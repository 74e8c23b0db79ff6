//! From a credential to who it stands for, and from a person to what agents may know of them.

use chassis::decode;
use proto::org::v1::{
    AuthenticateRequest, AuthenticateResponse, ResolveProfileRequest, ResolveProfileResponse,
    identity_service_server::IdentityService,
};
use tonic::{Request, Response, Status};

use super::{Org, found};
use crate::{
    error::{Error, Result},
    event::{self, Act},
    identity::Identity,
    member::Member,
    organization::{Organization, PERSONAL},
    store::{identities, members, users},
    token::{Kind, Token},
    user::{LOCAL_SUBJECT, User},
    wire,
};

#[tonic::async_trait]
impl IdentityService for Org {
    async fn authenticate(
        &self,
        request: Request<AuthenticateRequest>,
    ) -> Result<Response<AuthenticateResponse>, Status> {
        let text = request.get_ref().token.as_str();
        let identity = if self.token.is(text) {
            match self.known(LOCAL_SUBJECT).await? {
                Some(identity) => identity,
                None => self.welcome(User::local()).await?,
            }
        } else {
            let token = Token::parse(Kind::Api, text).ok_or(Error::CredentialInvalid)?;
            self.doorkeeper.admit(&token).await?
        };
        Ok(Response::new(wire::identity(identity)))
    }

    async fn resolve_profile(
        &self,
        request: Request<ResolveProfileRequest>,
    ) -> Result<Response<ResolveProfileResponse>, Status> {
        let request = request.into_inner();
        let organization_id = decode::id("organization_id", &request.organization_id)?;
        let user_id = decode::optional_id("user_id", request.user_id.as_deref())?;
        let mut conn = self.conn().await?;
        let user = users::find_in(&mut conn, organization_id, user_id)
            .await?
            .ok_or(Error::ProfileNotFound)?;
        Ok(Response::new(wire::profile(user)))
    }
}

impl Org {
    async fn known(&self, subject: &str) -> Result<Option<Identity>> {
        let mut conn = self.conn().await?;
        identities::find(&mut conn, subject).await
    }

    /// Creates what a person lacks to act: themselves, and an organization when they belong to none. Of many simultaneous
    /// first visits the unique subject lets one create; the others wait for it and find everything in place.
    async fn welcome(&self, newcomer: User) -> Result<Identity> {
        let now = self.clock.now();
        let mut tx = self.pool.begin().await?;
        let is_new = users::insert(&mut tx, &newcomer, now).await?;
        let user = users::lock_by_subject(&mut tx, &newcomer.clerk_user_id)
            .await?
            .ok_or(Error::UserNotFound)?;
        if members::count_of_user(&mut tx, user.id).await? == 0 {
            let personal = Organization::new(PERSONAL, now);
            found(
                &mut tx,
                &personal,
                &Member::owner(personal.id, user.id, now),
            )
            .await?;
            let act = Act {
                actor: event::actor(&user),
                at: now,
            };
            let created = is_new.then(|| act.user_created(&user, personal.id));
            let events = created
                .into_iter()
                .chain([act.organization_created(&personal)]);
            bus::outbox::append_all(&mut tx, events.collect()).await?;
        }
        let identity = identities::find(&mut tx, &user.clerk_user_id).await?;
        tx.commit().await?;
        identity.ok_or(Error::UserNotFound)
    }
}
