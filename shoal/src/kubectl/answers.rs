//! What focuses and bridges answer over HTTP, as far as it is needed here.

use serde::Deserialize;
use thiserror::Error;
use xmpp::room_name::{self, Place};

/// Why a pod said nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum Silence {
    /// Whoever asks may not.
    #[error(
        "you may not forward ports to pods in namespace {namespace} (verbs get and create on pods/portforward): \
         ask for ClusterRole shoal-on-call, which the chart makes with onCall.create=true"
    )]
    Forbidden {
        /// Where.
        namespace: String,
    },
    /// It was asked.
    #[error("{pod} did not answer at port {port}: {why}")]
    NoAnswer {
        /// Which pod.
        pod: String,
        /// Where it should have.
        port: u16,
        /// What came instead.
        why: String,
    },
}

/// What a pod says, or why it says nothing.
pub(super) type Heard<T> = Result<T, Silence>;

/// Statistics of a bridge (`/colibri/stats`).
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct BridgeStats {
    /// Load, 1 = full.
    #[serde(rename = "stress_level")]
    pub stress: f64,
    /// Meetings on it.
    pub conferences: u64,
    /// People on it.
    pub participants: u64,
    /// Kilobits per second, received.
    bit_rate_download: f64,
    /// Kilobits per second, sent.
    bit_rate_upload: f64,
    drain: bool,
    graceful_shutdown: bool,
    shutting_down: bool,
    /// Why it is unwell (`/about/health`).
    #[serde(skip)]
    pub unwell: Option<String>,
}

impl BridgeStats {
    /// Bytes per second, received and sent.
    pub(super) fn bytes_per_second(&self) -> f64 {
        (self.bit_rate_download + self.bit_rate_upload) * 125.0
    }

    /// Whether it takes no new meetings.
    pub(super) fn draining(&self) -> bool {
        self.drain || self.graceful_shutdown || self.shutting_down
    }
}

/// A meeting of a focus (`/debug/conferences-full`).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Conference {
    /// The room's address: `standup@conference.meet.example.org`.
    pub name: String,
    /// For how long this focus has had it, in seconds.
    pub seconds: Option<u64>,
    /// No bridge can be had.
    #[serde(default)]
    pub bridge_unavailable: bool,
    /// Bridges with the number of sessions on each.
    pub bridges: Vec<(String, u64)>,
    /// Who is in the room.
    pub participants: Vec<Participant>,
}

/// Somebody in a meeting.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Participant {
    /// Nickname.
    pub id: String,
    /// Session id, bridge and state.
    pub session: Option<(String, String, String)>,
}

impl Conference {
    /// Whether a person means this room: by its address or the local part of it, by a link to it, or by its name as it
    /// is typed on the start page. Blanks count, as in a link, or do not, as on the start page.
    pub(super) fn is_meant_by(&self, room: &str) -> bool {
        let written = room.trim().to_lowercase();
        self.name == written
            || self.short_name() == written
            || self.for_tenant().as_deref() == Some(&written)
            || self.short_name() == room_name::canonical(room.trim())
            || Place::read(room).is_ok_and(|place| self.is_at(&place))
    }

    fn is_at(&self, place: &Place) -> bool {
        let tenant = place.tenant.as_deref();
        self.short_name() == place.room && (tenant.is_none() || tenant == self.tenant())
    }

    /// What stands between the first label of the rooms' domain and the rest, which is a tenant or nothing.
    fn tenant(&self) -> Option<&str> {
        self.name.split_once('@')?.1.split('.').nth(1)
    }

    /// The address as servers write it among themselves: `[tenant]room@…`, up to the domain.
    fn for_tenant(&self) -> Option<String> {
        Some(format!("[{}]{}", self.tenant()?, self.short_name()))
    }

    /// The name without the domain.
    pub(super) fn short_name(&self) -> &str {
        self.name
            .split_once('@')
            .map_or(&self.name, |(name, _)| name)
    }
}

/// What a focus answers to an order to move people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Moved {
    /// Participants that are set moving.
    pub moved_endpoints: u64,
    /// Their meetings.
    pub conferences: u64,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use serde_json::json;

    #[test]
    fn a_bridges_statistics_are_read_as_it_writes_them() {
        let stats: BridgeStats = serde_json::from_value(json!({
            "stress_level": 0.25, "conferences": 2, "participants": 5, "bit_rate_download": 8,
            "bit_rate_upload": 16, "drain": false, "shutting_down": true, "version": "1",
        }))
        .unwrap();
        assert_eq!((stats.conferences, stats.participants), (2, 5));
        assert!((stats.bytes_per_second() - 3000.0).abs() < f64::EPSILON);
        assert!(stats.draining());
        assert!(!BridgeStats::default().draining());
    }

    #[test]
    fn a_meeting_is_read_as_a_focus_writes_it() {
        let meeting: Conference = serde_json::from_value(json!({
            "name": "standup@conference.meet.example.org", "meeting_id": "m", "started": true, "seconds": 61,
            "bridge_unavailable": false, "bridges": [["bridges-bridge-0", 2]],
            "participants": [{"id": "romeo", "session": ["sid", "bridges-bridge-0", "active"], "ssrcs": 3}, {"id": "juliet"}],
        }))
        .unwrap();
        assert_eq!(meeting.bridges, [("bridges-bridge-0".to_owned(), 2)]);
        assert_eq!(meeting.seconds, Some(61));
        assert_eq!(meeting.participants[1].session, None);
        for (room, meant) in [
            ("standup", true),
            ("StandUp", true),
            ("standup@conference.meet.example.org", true),
            ("stand", false),
            ("standup@conference.other.example.org", false),
        ] {
            assert_eq!(meeting.is_meant_by(room), meant, "{room}");
        }
    }

    fn meeting(name: String) -> Conference {
        Conference {
            name,
            seconds: None,
            bridge_unavailable: false,
            bridges: Vec::new(),
            participants: Vec::new(),
        }
    }

    #[test]
    fn a_meeting_is_meant_by_each_way_to_write_its_name_and_by_no_other() {
        let table: Vec<serde_json::Value> =
            serde_json::from_str(include_str!("../../../xmpp/tests/room_names.json")).unwrap();
        let rooms: Vec<(String, &serde_json::Value)> = table
            .iter()
            .filter_map(|case| {
                let tenant = case["tenant"].as_str();
                let tenant = tenant.map(|name| format!("{name}.")).unwrap_or_default();
                let room = case["room"].as_str()?;
                Some((format!("{room}@muc.{tenant}meet.example.org"), case))
            })
            .collect();
        for (address, case) in &rooms {
            for text in case["texts"].as_array().unwrap() {
                let text = text.as_str().unwrap();
                let meant = meeting(address.clone()).is_meant_by(text);
                assert!(meant, "{}: {text}", case["what"]);
            }
            for (other, _) in rooms.iter().filter(|(other, _)| other != address) {
                let meant = meeting(other.clone()).is_meant_by(address);
                assert!(!meant, "{other} by {address}");
            }
        }
    }

    #[test]
    fn a_tenants_meeting_is_meant_by_both_spellings() {
        let meeting = meeting("maths@muc.school.meet.example.org".into());
        for (room, meant) in [
            ("school/maths", true),
            ("https://meet.example.org/school/Maths", true),
            ("[school]maths", true),
            ("maths@muc.school.meet.example.org", true),
            ("maths", true),
            ("college/maths", false),
            ("[college]maths", false),
        ] {
            assert_eq!(meeting.is_meant_by(room), meant, "{room}");
        }
    }
}
