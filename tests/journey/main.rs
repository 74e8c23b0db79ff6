//! One piece of work travels through all of Mission Control: real processes, real PostgreSQL, real RabbitMQ, a simulated
//! gateway, a webhook receiver, and clients over REST, SSE, native gRPC and grpc-web.
//!
//! The same body runs four times: every role in one process and every role in a process of its own, events over PostgreSQL and
//! over RabbitMQ.

#![expect(clippy::unwrap_used, reason = "a step that fails says where by itself")]

mod deletion;
mod grpc;
mod matrix;
mod receiver;
mod rest;
mod steps;
mod watch;
mod world;

use world::{Events, Layout, Shape};

#[tokio::test(flavor = "multi_thread")]
async fn together_with_events_over_postgres() {
    steps::journey(Shape {
        layout: Layout::Together,
        events: Events::Postgres,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn together_with_events_over_rabbitmq() {
    steps::journey(Shape {
        layout: Layout::Together,
        events: Events::RabbitMq,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn apart_with_events_over_postgres() {
    steps::journey(Shape {
        layout: Layout::Apart,
        events: Events::Postgres,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn apart_with_events_over_rabbitmq() {
    steps::journey(Shape {
        layout: Layout::Apart,
        events: Events::RabbitMq,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_the_middle_of_provisioning_loses_nothing_and_repeats_nothing() {
    steps::killed_and_restarted(Shape {
        layout: Layout::Together,
        events: Events::Postgres,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rpc_admits_whom_the_contract_says() {
    matrix::matrix().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_organization_and_a_deleted_account_leave_nothing_behind() {
    deletion::nothing_stays().await;
}
