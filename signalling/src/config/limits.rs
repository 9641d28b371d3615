//! What one client, address or room may use.

use super::seconds;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Limits. Admin accounts are exempt from the rates and have the larger stanza size.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Largest stanza of a guest, bytes.
    pub stanza_bytes: usize,
    /// Largest presence of a guest in a room, bytes: everybody in the room gets a copy, and the room keeps it.
    pub presence_bytes: usize,
    /// Largest stanza of a service account, bytes.
    pub service_stanza_bytes: usize,
    /// Largest stanza before login, bytes.
    pub unauthenticated_stanza_bytes: usize,
    /// Deepest element nesting of a stanza.
    pub depth: usize,
    /// Bytes a guest may send per second on average; above it, reading pauses.
    pub bytes_per_second: u64,
    /// Bytes a guest may send at once.
    pub burst_bytes: u64,
    /// Stanzas a guest may send per second on average; above it, reading pauses.
    pub stanzas_per_second: u32,
    /// Stanzas a guest may send at once.
    pub burst_stanzas: u32,
    /// Connections per address (one IPv4 address or one IPv6 /64).
    pub connections_per_address: usize,
    /// Sessions, hibernating ones included, per address.
    pub sessions_per_address: usize,
    /// Conference rooms in which one address has occupants.
    pub rooms_per_address: usize,
    /// Occupants of one room from one address.
    pub occupants_per_room_and_address: usize,
    /// Rooms that one guest may be in at the same time.
    pub rooms_per_session: usize,
    /// Conference rooms in all.
    pub rooms: usize,
    /// Time to log in and bind.
    #[serde(with = "seconds")]
    pub unauthenticated: Duration,
    /// Time without a byte after which a connection is asked, and after twice of which it is given up.
    #[serde(with = "seconds")]
    pub idle: Duration,
    /// The same for service accounts: short, so that a machine that vanished is noticed.
    #[serde(with = "seconds")]
    pub service_idle: Duration,
    /// Stanzas that wait for one guest: not sent yet, or sent and not acknowledged.
    pub queue_stanzas: usize,
    /// Bytes that wait for one guest.
    pub queue_bytes: usize,
    /// Stanzas that wait for one service account.
    pub service_queue_stanzas: usize,
    /// Bytes that wait for one service account.
    pub service_queue_bytes: usize,
    /// Failed logins per connection.
    pub login_attempts: u32,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            stanza_bytes: 256 * 1024,
            presence_bytes: 32 * 1024,
            service_stanza_bytes: 10 * 1024 * 1024,
            unauthenticated_stanza_bytes: 16 * 1024,
            depth: 64,
            bytes_per_second: 20_000,
            burst_bytes: 512 * 1024,
            stanzas_per_second: 50,
            burst_stanzas: 500,
            connections_per_address: 2_000,
            sessions_per_address: 2_000,
            rooms_per_address: 500,
            occupants_per_room_and_address: 1_000,
            rooms_per_session: 20,
            rooms: 20_000,
            unauthenticated: Duration::from_secs(30),
            idle: Duration::from_secs(60),
            service_idle: Duration::from_secs(2),
            queue_stanzas: 4_000,
            queue_bytes: 16 * 1024 * 1024,
            service_queue_stanzas: 100_000,
            service_queue_bytes: 256 * 1024 * 1024,
            login_attempts: 5,
        }
    }
}
