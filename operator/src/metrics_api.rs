//! The aggregated API `custom.metrics.k8s.io/v1beta2`: what HorizontalPodAutoscalers read of bridges.
//!
//! Pure: what is asked ([`request`]), by whom ([`caller`]), what is known ([`readings`]), and what is answered
//! ([`values`], [`discovery`]). Sockets, certificates and the API server are in `io/metrics_api`. What reads requests
//! ([`request`] and what it uses) knows no type of Kubernetes, so that it can be fuzzed without building those.
//!
//! Deliberately absent: objects other than bridges' pods, and `v1beta1`, which no HorizontalPodAutoscaler controller of
//! Kubernetes 1.31 or newer asks for.

pub mod caller;
pub mod discovery;
mod metric;
pub mod readings;
pub mod refusal;
pub mod request;
mod selector;
pub mod values;

pub use metric::{GROUP, Metric, VERSION};
pub use selector::Selector;
