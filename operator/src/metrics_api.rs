//! The aggregated API `custom.metrics.k8s.io/v1beta2`: what HorizontalPodAutoscalers read of bridges.
//!
//! Pure: what is asked ([`request`]), by whom ([`caller`]), what is known ([`readings`]), and what is answered
//! ([`values`], [`discovery`]). Sockets, certificates and the API server are in `io/metrics_api`.
//!
//! Deliberately absent: objects other than bridges' pods, and `v1beta1`, which no HorizontalPodAutoscaler controller of
//! Kubernetes 1.31 or newer asks for.

pub mod caller;
pub mod discovery;
pub mod readings;
pub mod refusal;
pub mod request;
mod selector;
pub mod values;

/// The API's group.
pub const GROUP: &str = "custom.metrics.k8s.io";
/// The API's version.
pub const VERSION: &str = "v1beta2";

/// What can be asked of a bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Bytes per second, received and sent.
    NetworkBytesPerSecond,
    /// Load, 1 is full.
    Stress,
}

impl Metric {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::NetworkBytesPerSecond, Self::Stress];

    /// As HorizontalPodAutoscalers write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NetworkBytesPerSecond => "bridge_network_bytes_per_second",
            Self::Stress => "bridge_stress",
        }
    }
}
