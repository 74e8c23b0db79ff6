//! The signed-in person.

use chassis::Caller;
use proto::org::v1::{
    self as pb, BootstrapRequest, BootstrapResponse, GetMeRequest, GetMeResponse,
    user_service_server::UserService,
};
use tonic::{Request, Response, Status};

use super::{Org, person};
use crate::{
    error::{Error, Result},
    store::users,
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
}
