//! One port for REST, SSE, gRPC and grpc-web in front of the mesh, generic over the contract.
//!
//! A request becomes a call in four steps: the routing table, compiled from the contract, says which RPC it means; the
//! identity layer says who calls; transcoding turns JSON into the bytes of the request; the component that owns the RPC is
//! called with the caller's signature. The answer's bytes become JSON on the way back. gRPC and grpc-web skip transcoding.
//! There is no handler per route, and nothing durable here: what is remembered has a lifetime and is forgotten by event.

mod call;
pub mod config;
mod edge;
mod front;
mod grpc;
mod identity;
mod openapi;
mod pages;
mod problem;
mod rest;
pub mod route;
mod serve;
mod streams;
pub mod transcode;

use std::{net::SocketAddr, sync::Arc};

use axum::{Router, middleware};
use chassis::Server;
use tower_http::compression::{
    CompressionLayer, CompressionLevel, Predicate,
    predicate::{DefaultPredicate, SizeAbove},
};

pub use config::Config;
use edge::Edge;
use front::Front;
use identity::Identity;

/// The name of this component.
pub const ROLE: &str = "api-edge";

/// Answers smaller than this are not worth compressing, bytes.
const COMPRESSED_ABOVE: u64 = 2_048;

/// What the routes share.
#[derive(Clone)]
pub(crate) struct App {
    edge: Arc<Edge>,
    /// Reflection and health.
    own_grpc: Router,
}

/// Binds the port and adds the edge to a process; answers the address, which differs from the configured one when that
/// has port 0.
pub async fn register(server: &mut Server, config: Config) -> anyhow::Result<SocketAddr> {
    let listener = chassis::server::listen(config.http_addr, "MC_HTTP_ADDR").await?;
    let address = listener.local_addr()?;
    let identity = Arc::new(Identity::new(
        server.peer("org"),
        server.peer("agent"),
        server.clock(),
        &config,
    ));
    let front = Arc::new(Front::new(&config));
    let edge = Arc::new(Edge::new(server, Arc::clone(&identity), config)?);
    let own_grpc = grpc::own_services(&edge)?;

    let small = DefaultPredicate::new().and(SizeAbove::new(COMPRESSED_ABOVE));
    let app = pages::routes(App { edge, own_grpc })
        .layer(
            CompressionLayer::new()
                .quality(CompressionLevel::Fastest)
                .compress_when(small),
        )
        .layer(middleware::from_fn_with_state(front, front::layer));

    server.spawn_front("edge.http", move |stop| serve::serve(listener, app, stop));
    let (activity, agents) = (server.peer("activity"), server.peer("agent"));
    server.spawn("edge.feed", {
        let identity = Arc::clone(&identity);
        |stop| async move {
            identity.follow(activity, stop).await;
            Ok(())
        }
    });
    server.spawn("edge.presence", |stop| async move {
        identity.report(agents, stop).await;
        Ok(())
    });
    Ok(address)
}
