//! What can be asked, and where.

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
