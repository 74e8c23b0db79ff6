//! From a credential to who it stands for.

use proto::org::v1::{
    AuthenticateRequest, AuthenticateResponse, identity_service_server::IdentityService,
};
use tonic::{Request, Response, Status};

use super::{Org, found};
use crate::{
    error::{Error, Result},
    event,
    identity::Identity,
    member::Member,
    organization::{Organization, PERSONAL},
    store::{identities, members, users},
    user::{LOCAL_SUBJECT, User},
    wire,
};

#[tonic::async_trait]
impl IdentityService for Org {
    async fn authenticate(
        &self,
        request: Request<AuthenticateRequest>,
    ) -> Result<Response<AuthenticateResponse>, Status> {
        if !self.token.is(&request.get_ref().token) {
            return Err(Error::CredentialInvalid.into());
        }
        let identity = match self.known(LOCAL_SUBJECT).await? {
            Some(identity) => identity,
            None => self.welcome(User::local()).await?,
        };
        Ok(Response::new(wire::identity(identity)))
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
            if is_new {
                let created = event::user_created(&user, personal.id, now);
                bus::outbox::append(&mut tx, created).await?;
            }
            let created = event::organization_created(event::actor(&user), &personal);
            bus::outbox::append(&mut tx, created).await?;
        }
        let identity = identities::find(&mut tx, &user.clerk_user_id).await?;
        tx.commit().await?;
        identity.ok_or(Error::UserNotFound)
    }
}
