//! The operator: turns `JitsiCluster`, `JitsiShard` and `BridgePool` into what Kubernetes runs.
//!
//! Each reconcile is a pipeline of five steps: dereference (reads the cluster into a [`world`]), validate, build (one
//! Kubernetes kind per file), apply, update status. Only the first and the last two see the API server.

pub mod build;
pub mod config;
pub mod controller;
pub mod crd;
pub mod desired;
pub mod haproxy;
pub mod io;
mod metrics;
pub mod metrics_api;
mod probe;
pub mod scale;
pub mod secrets;
mod status;
pub mod validate;
pub mod world;
