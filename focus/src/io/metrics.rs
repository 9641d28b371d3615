//! Numbers for Prometheus, under our names and under those that dashboards for Jicofo use.

use std::fmt::Error;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};

use crate::conference::MoveReason;
use crate::context::Counters;
use crate::director::{BridgeSummary, Overview};

#[derive(Debug)]
struct Snapshot {
    overview: Overview,
    counters: Counters,
}

/// (our noun, Jicofo's noun, help, value)
type Row = (&'static str, &'static str, &'static str, u64);

impl Snapshot {
    fn gauges(&self) -> Vec<Row> {
        let o = &self.overview;
        vec![
            (
                "conferences",
                "conferences",
                "Conferences",
                o.conferences as u64,
            ),
            (
                "conferences_seconds",
                "conferences_seconds",
                "Age of all conferences together",
                o.conference_seconds,
            ),
            (
                "participants",
                "participants_current",
                "Participants",
                o.participants as u64,
            ),
            (
                "largest_conference_participants",
                "largest_conference",
                "Participants of the largest conference",
                o.largest_conference as u64,
            ),
            (
                "bridges",
                "bridge_selector_bridge_count",
                "Bridges known",
                o.bridges as u64,
            ),
            (
                "bridges_operational",
                "bridge_selector_bridge_count_operational",
                "Bridges that can be used",
                o.bridges_operational as u64,
            ),
            (
                "bridges_in_shutdown",
                "bridge_selector_bridge_count_in_shutdown",
                "Bridges that shut down",
                o.bridges_in_shutdown as u64,
            ),
            (
                "bridge_versions",
                "bridge_selector_bridge_version_count",
                "Different versions of bridges",
                o.bridge_versions as u64,
            ),
            (
                "online",
                "healthy",
                "1 while connected to the XMPP server",
                u64::from(o.online),
            ),
            (
                "iqs_waiting",
                "iqs_waiting",
                "Requests without an answer yet",
                o.iqs_waiting as u64,
            ),
        ]
    }

    fn counters(&self) -> Vec<Row> {
        let c = &self.counters;
        vec![
            (
                "conference_requests",
                "conference_requests",
                "Requests for a conference",
                c.conference_requests,
            ),
            (
                "conferences_created",
                "conference_requests_new",
                "Conferences begun",
                c.conferences_created,
            ),
            (
                "conferences_failed",
                "conferences_failed",
                "Conferences whose room could not be opened",
                c.conferences_failed,
            ),
            (
                "participants_joined",
                "participants",
                "Participants that came",
                c.participants,
            ),
            (
                "participants_moved",
                "participants_moved",
                "Participants invited again, for whatever reason",
                c.participants_moved,
            ),
            (
                "participants_ice_failed",
                "participants_ice_failed",
                "Reports of failed ICE",
                c.ice_failed,
            ),
            (
                "participants_restart_requested",
                "participants_restart_requested",
                "Requests for a new session",
                c.restart_requested,
            ),
            (
                "bridges_removed",
                "bridges_removed",
                "Bridges that conferences left",
                c.bridges_removed,
            ),
            (
                "bridges_lost",
                "bridge_selector_lost_bridges",
                "Bridges that left or failed",
                self.overview.bridges_lost,
            ),
            (
                "bridge_unavailable",
                "bridge_unavailable",
                "Conferences that found no bridge",
                c.bridge_unavailable,
            ),
            (
                "ice_restarts_requested",
                "ice_restarts_requested",
                "Requests for an ICE restart",
                c.ice_restarts_requested,
            ),
            (
                "ice_restarts_relayed",
                "ice_restarts_relayed",
                "ICE restarts begun",
                c.ice_restarts_relayed,
            ),
            (
                "ice_restarts_failed",
                "ice_restarts_failed",
                "ICE restarts that the bridge refused",
                c.ice_restarts_failed,
            ),
            (
                "ice_restarts_not_needed",
                "ice_restarts_not_needed",
                "ICE restarts before ICE was up",
                c.ice_restarts_not_needed,
            ),
            (
                "session_initiate_sent",
                "jingle_session_initiate_sent",
                "session-initiate sent",
                c.session_initiate_sent,
            ),
            (
                "session_accept_received",
                "jingle_session_accept_received",
                "session-accept received",
                c.session_accept_received,
            ),
            (
                "session_info_received",
                "jingle_session_info_received",
                "session-info received",
                c.session_info_received,
            ),
            (
                "session_terminate_received",
                "jingle_session_terminate_received",
                "session-terminate received",
                c.session_terminate_received,
            ),
            (
                "session_terminate_sent",
                "jingle_session_terminate_sent",
                "session-terminate sent",
                c.session_terminate_sent,
            ),
            (
                "source_add_received",
                "jingle_sourceadd_received",
                "source-add received",
                c.source_add_received,
            ),
            (
                "source_add_sent",
                "jingle_sourceadd_sent",
                "source-add sent",
                c.source_add_sent,
            ),
            (
                "source_remove_received",
                "jingle_sourceremove_received",
                "source-remove received",
                c.source_remove_received,
            ),
            (
                "source_remove_sent",
                "jingle_sourceremove_sent",
                "source-remove sent",
                c.source_remove_sent,
            ),
            (
                "disconnects",
                "xmpp_disconnects",
                "Losses of the connection to the XMPP server",
                c.disconnects,
            ),
            (
                "panics",
                "panics",
                "Conferences dropped after a broken invariant",
                c.panics,
            ),
            (
                "requests_dropped_full",
                "requests_dropped_full",
                "Requests not sent because too many waited",
                c.dropped_requests_full,
            ),
            (
                "stanzas_refused",
                "stanzas_refused",
                "Stanzas answered with an error or dropped",
                c.refused_stanzas,
            ),
        ]
    }
}

impl Snapshot {
    /// Moves from bridge to bridge by reason.
    fn encode_moves(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let moved = |reason| {
            self.counters
                .moved
                .get(&reason)
                .copied()
                .unwrap_or_default()
        };
        let participants: fn((u64, u64)) -> u64 = |(participants, _)| participants;
        for (name, help, pick) in [
            (
                "focus_participant_moves",
                "Participants moved to another bridge",
                participants,
            ),
            (
                "focus_conference_moves",
                "Conferences moved to another bridge",
                |(_, conferences)| conferences,
            ),
        ] {
            let kind = MetricType::Counter;
            let mut family = encoder.encode_descriptor(name, help, None, kind)?;
            for reason in MoveReason::ALL {
                let counter = ConstCounter::new(pick(moved(reason)));
                counter.encode(family.encode_family(&[("reason", reason.as_str())])?)?;
            }
        }
        Ok(())
    }
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        for (ours, jicofo, help, value) in self.gauges() {
            for name in [format!("focus_{ours}"), format!("jitsi_jicofo_{jicofo}")] {
                let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
                gauge.encode(encoder.encode_descriptor(
                    &name,
                    help,
                    None,
                    gauge.metric_type(),
                )?)?;
            }
        }
        for (ours, jicofo, help, value) in self.counters() {
            for name in [format!("focus_{ours}"), format!("jitsi_jicofo_{jicofo}")] {
                let counter = ConstCounter::new(value);
                counter.encode(encoder.encode_descriptor(
                    &name,
                    help,
                    None,
                    counter.metric_type(),
                )?)?;
            }
        }
        self.encode_moves(&mut encoder)
    }
}

/// The OpenMetrics text.
pub(super) fn encode(overview: Overview, counters: Counters) -> Result<String, Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Snapshot { overview, counters }));
    let mut out = String::new();
    text::encode(&mut out, &registry)?;
    Ok(out)
}

/// The JSON of `/stats`.
pub(super) fn stats(overview: &Overview, bridges: &[BridgeSummary], counters: &Counters) -> Value {
    json!({
        "conferences": overview.conferences,
        "participants": overview.participants,
        "largest_conference": overview.largest_conference,
        "total_conferences_created": counters.conferences_created,
        "total_participants": counters.participants,
        "bridge_selector": {
            "bridge_count": overview.bridges,
            "operational_bridge_count": overview.bridges_operational,
            "in_shutdown_bridge_count": overview.bridges_in_shutdown,
            "lost_bridges": overview.bridges_lost,
        },
        "bridges": bridges,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn numbers_appear_under_our_names_and_jicofo_s() {
        let overview = Overview {
            participants: 7,
            ..Overview::default()
        };
        let counters = Counters {
            session_initiate_sent: 9,
            moved: [(MoveReason::Drain, (5, 2))].into(),
            ..Counters::default()
        };
        let text = encode(overview, counters).unwrap();
        for line in [
            "focus_participants 7",
            "jitsi_jicofo_participants_current 7",
            "focus_session_initiate_sent_total 9",
            "jitsi_jicofo_jingle_session_initiate_sent_total 9",
            "focus_participant_moves_total{reason=\"drain\"} 5",
            "focus_participant_moves_total{reason=\"hot\"} 0",
            "focus_conference_moves_total{reason=\"drain\"} 2",
        ] {
            assert!(
                text.lines().any(|l| l == line),
                "{line} is missing in\n{text}"
            );
        }
    }
}
