//! The signed-in person.

use chassis::{Caller, Mask, decode};
use proto::org::v1::{
    self as pb, BootstrapRequest, BootstrapResponse, DeleteMeRequest, DeleteMeResponse,
    GetMeRequest, GetMeResponse, UpdateMeRequest, UpdateMeResponse,
    user_service_server::UserService,
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{Org, input, person};
use crate::{
    error::{Error, Result},
    event::Act,
    store::{members, users},
    user::Profile,
    wire,
};

#[tonic::async_trait]
impl UserService for Org {
    /// Authentication has created what was missing: what remains is to say who the person is.
    async fn bootstrap(
        &self,
        request: Request<BootstrapRequest>,
    ) -> Result<Response<BootstrapResponse>, Status> {
        let user = self.me(Caller::of(&request)?).await?;
        Ok(Response::new(BootstrapResponse { user: Some(user) }))
    }

    async fn get_me(
        &self,
        request: Request<GetMeRequest>,
    ) -> Result<Response<GetMeResponse>, Status> {
        let user = self.me(Caller::of(&request)?).await?;
        Ok(Response::new(GetMeResponse { user: Some(user) }))
    }

    async fn update_me(
        &self,
        request: Request<UpdateMeRequest>,
    ) -> Result<Response<UpdateMeResponse>, Status> {
        let caller = Caller::of(&request)?;
        let act = self.act(caller.event_actor());
        let id = person(caller)?.id;
        let mut request = request.into_inner();
        let mask = decode::mask(request.update_mask.take());
        let given = Profile {
            name: input::line("name", request.name.as_deref())?,
            preferred_name: input::line("preferred_name", request.preferred_name.as_deref())?,
            pronouns: input::line("pronouns", request.pronouns.as_deref())?,
            timezone: input::timezone(request.timezone.as_deref())?,
            notes: input::page("notes", request.notes.as_deref())?,
            context: input::page("context", request.context.as_deref())?,
        };

        let user = Some(self.change_profile(id, given, &mask, &act).await?);
        Ok(Response::new(UpdateMeResponse { user }))
    }

    async fn delete_me(
        &self,
        request: Request<DeleteMeRequest>,
    ) -> Result<Response<DeleteMeResponse>, Status> {
        let caller = Caller::of(&request)?;
        let act = self.act(caller.event_actor());
        self.delete_account(person(caller)?.id, &act).await?;
        Ok(Response::new(DeleteMeResponse { ok: true }))
    }
}

impl Org {
    async fn me(&self, caller: Caller) -> Result<pb::User> {
        let person = person(caller)?;
        let mut conn = self.conn().await?;
        let user = users::find(&mut conn, person.id)
            .await?
            .ok_or(Error::UserNotFound)?;
        Ok(wire::user(user))
    }

    /// Changes the named fields of a profile and tells every organization of the person when one of them is another.
    async fn change_profile(
        &self,
        id: Uuid,
        given: Profile,
        mask: &Mask,
        act: &Act,
    ) -> Result<pb::User> {
        let mut tx = self.pool.begin().await?;
        let mut user = users::find_locked(&mut tx, id)
            .await?
            .ok_or(Error::UserNotFound)?;
        let changed = user.profile.change(given, |field| mask.has(field));
        if !changed.is_empty() {
            users::update_profile(&mut tx, &user, act.at).await?;
            let memberships = members::list_of_user(&mut tx, id).await?;
            let events = memberships
                .iter()
                .map(|(member, _)| act.user_updated(&user, &changed, member.organization_id));
            bus::outbox::append_all(&mut tx, events.collect()).await?;
        }
        tx.commit().await?;
        Ok(wire::user(user))
    }
}
