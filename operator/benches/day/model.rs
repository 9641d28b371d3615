//! A pool of bridges under traffic: the operator's own decisions and Kubernetes' autoscaler, in virtual time.

pub(crate) mod bridge;
pub(crate) mod cluster;
pub(crate) mod focus;
pub(crate) mod hpa;
pub(crate) mod operator;
pub(crate) mod simulation;
pub(crate) mod traffic;
