//! What one address may use.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// What one address (IPv4, or IPv6 /64) may use of each shard and each front door. A school or an office has one address, so
/// these are many people's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LimitsSpec {
    /// Connections to a shard; a front door takes twice as many, for the page's sake. 2000 when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self >= 1 && self <= 1000000")
        .message("spec.limits.connectionsPerAddress must be between 1 and 1000000"))]
    pub connections_per_address: Option<u32>,
    /// People on a shard, those who lost their connection a minute ago included. 2000 when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self >= 1 && self <= 1000000")
        .message("spec.limits.sessionsPerAddress must be between 1 and 1000000"))]
    pub sessions_per_address: Option<u32>,
    /// Rooms of a shard in which there are people from the address. 500 when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self >= 1 && self <= 1000000")
        .message("spec.limits.roomsPerAddress must be between 1 and 1000000"))]
    pub rooms_per_address: Option<u32>,
    /// People of one room. 1000 when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self >= 1 && self <= 1000000")
        .message("spec.limits.occupantsPerRoomAndAddress must be between 1 and 1000000"))]
    pub occupants_per_room_and_address: Option<u32>,
    /// Rooms that nobody has asked a front door for in the last 24 hours, per hour. 10000 when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self >= 1 && self <= 1000000")
        .message("spec.limits.newRoomsPerAddressAndHour must be between 1 and 1000000"))]
    pub new_rooms_per_address_and_hour: Option<u32>,
    /// Meetings that begin on a shard, per second; four times as many for a moment. 50 when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self >= 1 && self <= 1000000")
        .message("spec.limits.newRoomsPerAddressAndSecond must be between 1 and 1000000"))]
    pub new_rooms_per_address_and_second: Option<u32>,
    /// Wrong passwords, per minute. 30 when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self >= 1 && self <= 1000000")
        .message("spec.limits.loginAttemptsPerAddress must be between 1 and 1000000"))]
    pub login_attempts_per_address: Option<u32>,
}

impl LimitsSpec {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
