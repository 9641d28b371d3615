//! Numbers for Prometheus, under our names and under those that dashboards for Jicofo use.

use metrics::{Metric, render};
use serde_json::{Value, json};

use crate::conference::MoveReason;
use crate::context::Counters;
use crate::director::{BridgeSummary, Overview};

fn rows(o: &Overview, c: &Counters) -> Vec<Metric> {
    let moved = |pick: fn((u64, u64)) -> u64| {
        MoveReason::ALL.map(|reason| {
            let counts = c.moved.get(&reason).copied().unwrap_or_default();
            let labels = vec![("reason", reason.as_str().to_owned())];
            (labels, pick(counts))
        })
    };
    vec![
        listen::refusals(),
        Metric::gauge("conferences", "Conferences", o.conferences).stock("conferences"),
        Metric::gauge(
            "conferences_seconds",
            "Seconds that all conferences have lasted together",
            o.conference_seconds,
        )
        .stock("conferences_seconds"),
        Metric::gauge("participants", "Participants", o.participants).stock("participants_current"),
        Metric::gauge(
            "largest_conference_participants",
            "Participants of the largest conference",
            o.largest_conference,
        )
        .stock("largest_conference"),
        Metric::gauge("bridges", "Bridges known", o.bridges).stock("bridge_selector_bridge_count"),
        Metric::gauge(
            "bridges_operational",
            "Bridges that can be used",
            o.bridges_operational,
        )
        .stock("bridge_selector_bridge_count_operational"),
        Metric::gauge(
            "bridges_in_shutdown",
            "Bridges that shut down",
            o.bridges_in_shutdown,
        )
        .stock("bridge_selector_bridge_count_in_shutdown"),
        Metric::gauge(
            "bridge_versions",
            "Different versions of bridges",
            o.bridge_versions,
        )
        .stock("bridge_selector_bridge_version_count"),
        Metric::gauge("online", "1 while connected to the XMPP server", o.online).stock("healthy"),
        Metric::gauge(
            "iqs_waiting",
            "Requests without an answer yet",
            o.iqs_waiting,
        )
        .stock("iqs_waiting"),
        Metric::counter(
            "conference_requests",
            "Requests for a conference",
            c.conference_requests,
        )
        .stock("conference_requests"),
        Metric::counter(
            "conferences_created",
            "Conferences begun",
            c.conferences_created,
        )
        .stock("conference_requests_new"),
        Metric::counter(
            "conferences_failed",
            "Conferences whose room could not be opened",
            c.conferences_failed,
        )
        .stock("conferences_failed"),
        Metric::counter(
            "participants_joined",
            "Participants that came",
            c.participants,
        )
        .stock("participants"),
        Metric::counter(
            "participants_moved",
            "Participants invited again, for whatever reason",
            c.participants_moved,
        )
        .stock("participants_moved"),
        Metric::counter(
            "participants_ice_failed",
            "Reports of failed ICE",
            c.ice_failed,
        )
        .stock("participants_ice_failed"),
        Metric::counter(
            "participants_restart_requested",
            "Requests for a new session",
            c.restart_requested,
        )
        .stock("participants_restart_requested"),
        Metric::counter(
            "bridges_removed",
            "Bridges that conferences left",
            c.bridges_removed,
        )
        .stock("bridges_removed"),
        Metric::counter(
            "bridges_lost",
            "Bridges that left or failed",
            o.bridges_lost,
        )
        .stock("bridge_selector_lost_bridges"),
        Metric::counter(
            "bridge_unavailable",
            "Conferences that found no bridge",
            c.bridge_unavailable,
        )
        .stock("bridge_unavailable"),
        Metric::counter(
            "ice_restarts_requested",
            "Requests for an ICE restart",
            c.ice_restarts_requested,
        )
        .stock("ice_restarts_requested"),
        Metric::counter(
            "ice_restarts_relayed",
            "ICE restarts begun",
            c.ice_restarts_relayed,
        )
        .stock("ice_restarts_relayed"),
        Metric::counter(
            "ice_restarts_failed",
            "ICE restarts that the bridge refused",
            c.ice_restarts_failed,
        )
        .stock("ice_restarts_failed"),
        Metric::counter(
            "ice_restarts_not_needed",
            "ICE restarts before ICE was up",
            c.ice_restarts_not_needed,
        )
        .stock("ice_restarts_not_needed"),
        Metric::counter(
            "session_initiate_sent",
            "session-initiate sent",
            c.session_initiate_sent,
        )
        .stock("jingle_session_initiate_sent"),
        Metric::counter(
            "session_accept_received",
            "session-accept received",
            c.session_accept_received,
        )
        .stock("jingle_session_accept_received"),
        Metric::counter(
            "session_info_received",
            "session-info received",
            c.session_info_received,
        )
        .stock("jingle_session_info_received"),
        Metric::counter(
            "session_terminate_received",
            "session-terminate received",
            c.session_terminate_received,
        )
        .stock("jingle_session_terminate_received"),
        Metric::counter(
            "session_terminate_sent",
            "session-terminate sent",
            c.session_terminate_sent,
        )
        .stock("jingle_session_terminate_sent"),
        Metric::counter(
            "source_add_received",
            "source-add received",
            c.source_add_received,
        )
        .stock("jingle_sourceadd_received"),
        Metric::counter("source_add_sent", "source-add sent", c.source_add_sent)
            .stock("jingle_sourceadd_sent"),
        Metric::counter(
            "source_remove_received",
            "source-remove received",
            c.source_remove_received,
        )
        .stock("jingle_sourceremove_received"),
        Metric::counter(
            "source_remove_sent",
            "source-remove sent",
            c.source_remove_sent,
        )
        .stock("jingle_sourceremove_sent"),
        Metric::counter(
            "disconnects",
            "Losses of the connection to the XMPP server",
            c.disconnects,
        )
        .stock("xmpp_disconnects"),
        Metric::counter(
            "panics",
            "Conferences dropped after a broken invariant",
            c.panics,
        )
        .stock("panics"),
        Metric::counter(
            "requests_dropped_full",
            "Requests not sent because too many waited",
            c.dropped_requests_full,
        )
        .stock("requests_dropped_full"),
        Metric::counter(
            "stanzas_refused",
            "Stanzas answered with an error or dropped",
            c.refused_stanzas,
        )
        .stock("stanzas_refused"),
        Metric::counters(
            "participant_moves",
            "Participants moved to another bridge",
            moved(|(participants, _)| participants),
        ),
        Metric::counters(
            "conference_moves",
            "Conferences moved to another bridge",
            moved(|(_, conferences)| conferences),
        ),
    ]
}

/// The text of `/metrics`.
pub(super) fn text(overview: &Overview, counters: &Counters) -> String {
    render("focus", "jitsi_jicofo", rows(overview, counters))
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
        let text = text(&overview, &counters);
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

    #[test]
    fn names_meanings_and_units_are_as_all_parts_have_them() {
        let text = text(&Overview::default(), &Counters::default());
        assert_eq!(metrics::faults("focus", &text), [""; 0]);
    }
}
