//! The statistics by the names that Jitsi's focus and tools know. A name whose thing does not exist here (relays, peer to
//! peer) is left out, so that nobody takes a zero for a measurement.

use std::fmt;

use super::{Snapshot, timestamp};

/// As Jitsi's statistics write it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `true` or `false`.
    Flag(bool),
    /// Whole numbers.
    Count(u64),
    /// A measurement.
    Real(f64),
    /// In quotes, in JSON.
    Text(String),
}

impl Value {
    pub(super) fn json(self) -> serde_json::Value {
        match self {
            Self::Flag(flag) => flag.into(),
            Self::Count(count) => count.into(),
            Self::Real(real) => real.into(),
            Self::Text(text) => text.into(),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Count(count) => write!(f, "{count}"),
            Self::Real(real) => write!(f, "{real:?}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// Names and values, as in the presence of Jitsi's bridge.
#[must_use]
pub fn jitsi_stats(s: &Snapshot) -> Vec<(&'static str, Value)> {
    use Value::{Count, Flag, Real, Text};
    let size = |n: usize| Count(n as u64);
    let kilobits = |bits: f64| Count((bits / 1_000.0) as u64);
    let locals = s.endpoints - s.visitors.min(s.endpoints);
    let mut stats = vec![
        ("stress_level", Real(s.stress)),
        (
            "average_participant_stress",
            Real(s.average_participant_stress),
        ),
        ("healthy", Flag(s.healthy)),
        ("drain", Flag(s.drain)),
        ("graceful_shutdown", Flag(s.graceful_shutdown)),
        ("shutting_down", Flag(s.shutting_down)),
        ("instance_id", Text(s.instance_id.clone())),
        ("version", Text(s.version.clone())),
        ("current_timestamp", Text(timestamp(s.time))),
        ("colibri2", Flag(true)),
        ("conferences", size(s.conferences)),
        ("largest_conference", size(s.largest_conference)),
        ("participants", size(s.endpoints)),
        ("endpoints", size(s.endpoints)),
        ("local_endpoints", size(s.endpoints)),
        ("local_active_endpoints", size(locals)),
        ("visitors", size(s.visitors)),
        ("endpoints_sending_audio", size(s.endpoints_sending_audio)),
        ("endpoints_sending_video", size(s.endpoints_sending_video)),
        ("bit_rate_download", kilobits(s.rates.bits_in)),
        ("bit_rate_upload", kilobits(s.rates.bits_out)),
        ("packet_rate_download", Count(s.rates.packets_in as u64)),
        ("packet_rate_upload", Count(s.rates.packets_out as u64)),
        ("incoming_loss", Real(s.incoming_loss)),
        ("outgoing_loss", Real(s.outgoing_loss)),
        ("rtt_aggregate", Real(s.round_trip_ms)),
        (
            "total_conferences_created",
            Count(s.totals.conferences_created),
        ),
        (
            "total_conferences_completed",
            Count(s.totals.conferences_completed),
        ),
        (
            "total_conference_seconds",
            Count(s.totals.conference_seconds),
        ),
        ("total_participants", Count(s.totals.endpoints_created)),
        ("total_visitors", Count(s.totals.visitors_created)),
        ("total_ice_succeeded", Count(s.totals.ice_succeeded)),
        ("total_ice_failed", Count(s.totals.ice_failed)),
        ("endpoints_ice_failed", Count(s.totals.ice_failed)),
        ("dtls_failed_endpoints", Count(s.totals.dtls_failed)),
        (
            "total_dominant_speaker_changes",
            Count(s.totals.dominant_speaker_changes),
        ),
        ("total_bytes_received", Count(s.counters.bytes_received)),
        ("total_bytes_sent", Count(s.counters.bytes_sent)),
        (
            "total_packets_received",
            Count(s.counters.datagrams_received),
        ),
        ("total_packets_sent", Count(s.counters.datagrams_sent)),
        (
            "total_colibri_web_socket_messages_received",
            Count(s.websocket_messages_received),
        ),
        (
            "total_colibri_web_socket_messages_sent",
            Count(s.websocket_messages_sent),
        ),
        ("threads", Count(s.threads)),
        ("muc_clients_configured", size(s.shards)),
        ("muc_clients_connected", size(s.shards_connected)),
        ("mucs_configured", size(s.shards)),
        ("mucs_joined", size(s.breweries_joined)),
    ];
    if !s.region.is_empty() {
        stats.push(("region", Text(s.region.clone())));
    }
    if !s.release.is_empty() {
        stats.push(("release", Text(s.release.clone())));
    }
    stats
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::example;

    #[test]
    fn the_presence_has_what_the_focus_chooses_by_and_never_offers_relays() {
        let stats = example().brewery();
        assert_eq!(stats.stress_level(), Some(0.125));
        assert_eq!(stats.instance_id(), Some("5f0c"));
        assert_eq!(stats.average_participant_stress(), Some(0.01));
        assert_eq!(stats.healthy(), Some(true));
        assert_eq!(stats.drain(), Some(false));
        assert_eq!(stats.graceful_shutdown(), Some(false));
        assert_eq!(stats.shutting_down(), Some(false));
        assert_eq!(stats.region(), Some("region1"));
        assert_eq!(stats.full_version().as_deref(), Some("shoal-0.1.0"));
        assert_eq!(stats.relay_id(), None);
        assert_eq!(
            stats.get("current_timestamp"),
            Some("2026-11-22 11:51:01.615")
        );
        assert_eq!(stats.get("incoming_loss"), Some("0.25"));
        assert_eq!(stats.get("outgoing_loss"), Some("0.0"));
        assert_eq!(stats.get("participants"), Some("5"));
    }

    #[test]
    fn json_has_numbers_as_numbers() {
        let json = example().json();
        assert_eq!(json["conferences"], 2);
        assert_eq!(json["stress_level"], 0.125);
        assert_eq!(json["healthy"], true);
        assert_eq!(json["version"], "shoal-0.1.0");
    }
}
