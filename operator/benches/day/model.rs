//! A pool of bridges under traffic: the operator's own decisions and Kubernetes' autoscaler, in virtual time.

pub mod bridge;
pub mod cluster;
pub mod focus;
pub mod hpa;
pub mod operator;
pub mod simulation;
pub mod traffic;
