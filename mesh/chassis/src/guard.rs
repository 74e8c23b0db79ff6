//! What stands before every RPC: the caller is verified, kinds of caller that the contract does not admit are refused, and
//! the request's id and trace are in force while it is served.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use tracing::Instrument;

use crate::{Caller, Fault, Keyring, context, context::Context, keyring::CALLER_HEADER};

/// Services of the transport itself, which carry no `allow` option.
const OPEN: [&str; 2] = ["/grpc.health.v1.Health/", "/grpc.reflection."];

pub(crate) async fn guard(
    State(keyring): State<Keyring>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path().to_owned();
    if OPEN.iter().any(|open| path.starts_with(open)) {
        return next.run(request).await;
    }
    let caller = match admit(&keyring, &path, header(&request, CALLER_HEADER).as_deref()) {
        Ok(caller) => caller,
        Err(fault) => return tonic::Status::from(fault).into_http::<axum::body::Body>(),
    };
    request.extensions_mut().insert(caller);
    let context = Context {
        request_id: header(&request, context::REQUEST_ID_HEADER),
        traceparent: header(&request, context::TRACEPARENT_HEADER),
    };
    let span = tracing::info_span!(
        "rpc",
        rpc = %path,
        request.id = context.request_id.as_deref(),
        trace.id = tracing::field::Empty,
    );
    context::adopt(&span, context.traceparent.as_deref());
    context::scope(context, next.run(request))
        .instrument(span)
        .await
}

fn header(request: &Request, name: &str) -> Option<String> {
    request
        .headers()
        .get(name)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned)
}

fn admit(keyring: &Keyring, path: &str, token: Option<&str>) -> Result<Caller, Fault> {
    let rule = proto::access::rule(path)
        .ok_or_else(|| Fault::not_found("UNKNOWN_RPC", "the contract has no such method"))?;
    let caller = match token {
        None => Caller::Anonymous,
        Some(token) => keyring.verify(token).ok_or_else(|| {
            Fault::unauthenticated("CALLER_UNVERIFIED", "the caller's signature does not hold")
        })?,
    };
    caller.passes(rule)?;
    Ok(caller)
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::Code;

    #[test]
    fn being_inside_the_network_proves_nothing() {
        let keyring = Keyring::new(&SecretString::from("k".repeat(32)));
        let path = "/mission.org.v1.IdentityService/Authenticate";
        let internal = keyring.sign(&Caller::Internal {
            service: "edge".into(),
        });
        assert!(admit(&keyring, path, Some(&internal)).is_ok());
        assert_eq!(
            admit(&keyring, path, None).unwrap_err().code,
            Code::Unauthenticated
        );
        assert_eq!(
            admit(&keyring, path, Some("forged")).unwrap_err().code,
            Code::Unauthenticated
        );
        assert_eq!(
            admit(&keyring, "/mission.org.v1.Nope/Nope", Some(&internal))
                .unwrap_err()
                .code,
            Code::NotFound
        );
        let public = "/mission.org.v1.UserService/GetMe";
        assert_eq!(
            admit(&keyring, public, Some(&internal)).unwrap_err().code,
            Code::Forbidden
        );
    }
}
