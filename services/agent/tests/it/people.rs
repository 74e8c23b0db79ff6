//! A stand-in for the owner of people, who is asked what agents may know of them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use chassis::Fault;
use proto::org::v1::{
    AuthenticateRequest, AuthenticateResponse, ResolveProfileRequest, ResolveProfileResponse,
    identity_service_server::IdentityService,
};
use tonic::{Request, Response, Status};

/// Profiles by person; the one without an id is the oldest owner's.
#[derive(Clone, Default)]
pub(crate) struct People(Arc<Mutex<BTreeMap<Option<String>, ResolveProfileResponse>>>);

impl People {
    pub(crate) fn put(&self, user_id: Option<&str>, profile: ResolveProfileResponse) {
        let key = user_id.map(str::to_owned);
        self.0.lock().unwrap().insert(key, profile);
    }
}

#[tonic::async_trait]
impl IdentityService for People {
    async fn authenticate(
        &self,
        _: Request<AuthenticateRequest>,
    ) -> Result<Response<AuthenticateResponse>, Status> {
        Err(Status::unimplemented("nobody here signs in"))
    }

    async fn resolve_profile(
        &self,
        request: Request<ResolveProfileRequest>,
    ) -> Result<Response<ResolveProfileResponse>, Status> {
        let known = self.0.lock().unwrap();
        match known.get(&request.get_ref().user_id) {
            Some(profile) => Ok(Response::new(profile.clone())),
            None => Err(Fault::not_found("USER_NOT_FOUND", "there is no such person").into()),
        }
    }
}
