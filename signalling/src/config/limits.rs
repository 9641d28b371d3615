//! What one client, address or room may use.

use super::seconds;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Limits. Admin accounts are exempt from the rates and have the larger stanza size.
#[derive(Clone, Debug, JsonSchema, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Largest stanza of a guest, bytes.
    #[schemars(range(min = 4_096, max = 16_777_216))]
    pub stanza_bytes: usize,
    /// Largest presence of a guest in a room, bytes: everybody in the room gets a copy, and the room keeps it.
    #[schemars(range(min = 1_024, max = 1_048_576))]
    pub presence_bytes: usize,
    /// Largest stanza of a service account, bytes.
    #[schemars(range(min = 65_536, max = 268_435_456))]
    pub service_stanza_bytes: usize,
    /// Largest stanza before login, bytes.
    #[schemars(range(min = 1_024, max = 1_048_576))]
    pub unauthenticated_stanza_bytes: usize,
    /// Deepest element nesting of a stanza.
    #[schemars(range(min = 8, max = 512))]
    pub depth: usize,
    /// Bytes a guest may send per second on average; above it, reading pauses.
    #[schemars(range(min = 1_000, max = 1_000_000_000))]
    pub bytes_per_second: u64,
    /// Bytes a guest may send at once.
    #[schemars(range(min = 4_096, max = 1_000_000_000))]
    pub burst_bytes: u64,
    /// Stanzas a guest may send per second on average; above it, reading pauses.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub stanzas_per_second: u32,
    /// Stanzas a guest may send at once.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub burst_stanzas: u32,
    /// Connections per address (one IPv4 address or one IPv6 /64).
    #[schemars(range(min = 1, max = 1_000_000))]
    pub connections_per_address: usize,
    /// Sessions, hibernating ones included, per address.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub sessions_per_address: usize,
    /// Conference rooms in which one address has occupants.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub rooms_per_address: usize,
    /// Occupants of one room from one address.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub occupants_per_room_and_address: usize,
    /// Rooms that one guest may be in at the same time.
    #[schemars(range(min = 1, max = 10_000))]
    pub rooms_per_session: usize,
    /// Conference rooms in all.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub rooms: usize,
    /// Time to log in and bind.
    #[serde(with = "seconds")]
    #[schemars(with = "f64", extend("x-unit" = "seconds"), range(min = 1, max = 600))]
    pub unauthenticated: Duration,
    /// Time without a byte after which a connection is asked, and after twice of which it is given up.
    #[serde(with = "seconds")]
    #[schemars(with = "f64", extend("x-unit" = "seconds"), range(min = 1, max = 3600))]
    pub idle: Duration,
    /// The same for service accounts: short, so that a machine that vanished is noticed.
    #[serde(with = "seconds")]
    #[schemars(with = "f64", extend("x-unit" = "seconds"), range(min = 0.1, max = 3600))]
    pub service_idle: Duration,
    /// Stanzas that wait for one guest: not sent yet, or sent and not acknowledged.
    #[schemars(range(min = 16, max = 10_000_000))]
    pub queue_stanzas: usize,
    /// Bytes that wait for one guest.
    #[schemars(range(min = 65_536, max = 4_294_967_296u64))]
    pub queue_bytes: usize,
    /// Stanzas that wait for one service account.
    #[schemars(range(min = 16, max = 10_000_000))]
    pub service_queue_stanzas: usize,
    /// Bytes that wait for one service account.
    #[schemars(range(min = 65_536, max = 68_719_476_736u64))]
    pub service_queue_bytes: usize,
    /// Failed logins per connection.
    #[schemars(range(min = 1, max = 1_000))]
    pub login_attempts: u32,
    /// Failed logins with a password per address and minute, over all its connections; those over WebSocket and BOSH and
    /// those over TCP count apart.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub login_attempts_per_address: u32,
    /// Rooms that are not there yet and that the focus is asked for by stanza, per second and address, over all its sessions;
    /// four seconds' worth may come at once. Of requests over HTTP the focus has its own limit.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub new_rooms_per_second_and_address: u32,
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
            login_attempts_per_address: 30,
            new_rooms_per_second_and_address: 50,
        }
    }
}
