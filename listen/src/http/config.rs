//! What a person may set, for all listeners of HTTP.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Section `[http]`: what everybody may cost who connects to an HTTP listener. Durations are in seconds.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Time for the TLS handshake, from the moment of the connection.
    #[schemars(range(min = 0.1, max = 3600))]
    pub handshake_seconds: f64,
    /// Time for the head of the first request.
    #[schemars(range(min = 0.1, max = 3600))]
    pub head_seconds: f64,
    /// Time for the body of a request, from its head; also for a WebSocket message, from its first byte.
    #[schemars(range(min = 0.1, max = 3600))]
    pub body_seconds: f64,
    /// Time from an answer to the end of the next request's head.
    #[schemars(range(min = 0.1, max = 3600))]
    pub idle_seconds: f64,
    /// Time in which a peer must take something of what waits to be sent.
    #[schemars(range(min = 0.1, max = 3600))]
    pub send_seconds: f64,
    /// Connections of one address (one IPv4 address or one IPv6 /64). Behind proxies (`trust_forwarded_for`), requests that
    /// run. Never more than half of what the limit on open files allows.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub connections_per_address: usize,
    /// Bytes of unfinished requests and WebSocket messages in all, beside the first 4 KiB of each. One address (see
    /// `connections_per_address`) has at most a quarter of what it leaves for others, which is a fifth when nobody else has any.
    #[schemars(range(min = 2_097_152, max = 1_073_741_824))]
    pub unfinished_bytes: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            handshake_seconds: 10.0,
            head_seconds: 10.0,
            body_seconds: 20.0,
            idle_seconds: 75.0,
            send_seconds: 30.0,
            connections_per_address: 4_000,
            unfinished_bytes: 24 * 1024 * 1024,
        }
    }
}

impl Config {
    /// Time for the TLS handshake.
    #[must_use]
    pub fn handshake(&self) -> Duration {
        seconds(self.handshake_seconds)
    }

    /// Time for the head of the first request.
    #[must_use]
    pub fn head(&self) -> Duration {
        seconds(self.head_seconds)
    }

    /// Time for a body, or for a WebSocket message.
    #[must_use]
    pub fn body(&self) -> Duration {
        seconds(self.body_seconds)
    }

    /// Time between requests.
    #[must_use]
    pub fn idle(&self) -> Duration {
        seconds(self.idle_seconds)
    }

    /// Time for a peer to read.
    #[must_use]
    pub fn send(&self) -> Duration {
        seconds(self.send_seconds)
    }
}

fn seconds(value: f64) -> Duration {
    // The bounds above keep nonsense out.
    Duration::try_from_secs_f64(value).unwrap_or(Duration::ZERO)
}
