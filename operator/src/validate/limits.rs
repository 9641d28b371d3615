//! What one address may use: what a cluster says, and what its front door can know.

use crate::crd::{FrontDoorExposure, JitsiClusterSpec, LimitsSpec, TrafficPolicy};

/// More than anything has.
const UNLIMITED: u32 = 1_000_000;

/// What one address may use; `None` leaves the part's own default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections of clients.
    pub connections: Option<u32>,
    /// People, those whose connection was lost a minute ago included.
    pub sessions: Option<u32>,
    /// Rooms with occupants.
    pub rooms: Option<u32>,
    /// Occupants of one room.
    pub occupants: Option<u32>,
    /// Rooms that nobody has asked for before, per hour.
    pub new_rooms: Option<u32>,
    /// Meetings that begin on a shard, per second.
    pub meetings: Option<u32>,
    /// Wrong passwords, per minute.
    pub login_attempts: Option<u32>,
}

impl Limits {
    /// Of a cluster. Where nodes hide their callers, an address is a crowd, and only limits that somebody chose for it hold.
    #[must_use]
    pub fn of(spec: &JitsiClusterSpec) -> Self {
        let hidden = spec.front_door.external_traffic_policy == Some(TrafficPolicy::Cluster)
            && matches!(
                spec.front_door.exposure,
                FrontDoorExposure::LoadBalancer | FrontDoorExposure::NodePort
            );
        let or = |own: Option<u32>| own.or(hidden.then_some(UNLIMITED));
        let LimitsSpec {
            connections_per_address,
            sessions_per_address,
            rooms_per_address,
            occupants_per_room_and_address,
            new_rooms_per_address_and_hour,
            new_rooms_per_address_and_second,
            login_attempts_per_address,
        } = spec.limits;
        Self {
            connections: or(connections_per_address),
            sessions: or(sessions_per_address),
            rooms: or(rooms_per_address),
            occupants: or(occupants_per_room_and_address),
            new_rooms: or(new_rooms_per_address_and_hour),
            meetings: or(new_rooms_per_address_and_second),
            // Passwords are of service accounts, which do not come through the front door: no crowd needs more.
            login_attempts: login_attempts_per_address,
        }
    }

    /// Connections for all that a client does: the page takes some of its own.
    #[must_use]
    pub fn all_connections(&self) -> Option<u32> {
        Some(self.connections? * 2)
    }
}
