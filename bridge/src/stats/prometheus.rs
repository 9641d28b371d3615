//! `/metrics`: the statistics as Prometheus reads them, under the bridge's own names and, where Jitsi's bridge has an equal,
//! under its name too, so that dashboards made for it go on working.

use metrics::Metric;

use super::Snapshot;

fn rows(s: &Snapshot) -> Vec<Metric> {
    let (t, c) = (&s.totals, &s.counters);
    let dropped = s.drops.iter();
    let dropped = dropped.map(|(reason, count)| (vec![("reason", (*reason).to_owned())], *count));
    let busy = s.worker_busy.iter().enumerate();
    let busy = busy.map(|(worker, share)| (vec![("worker", worker.to_string())], *share));
    let build = vec![("version", s.version.clone()), ("region", s.region.clone())];
    vec![
        Metric::gauge("conferences", "Conferences", s.conferences).stock("conferences"),
        Metric::gauge(
            "largest_conference_endpoints",
            "Endpoints of the largest conference",
            s.largest_conference,
        )
        .stock("largest_conference"),
        Metric::gauge("endpoints", "Endpoints, visitors too", s.endpoints)
            .stock("current_endpoints"),
        Metric::gauge("visitors", "Endpoints that are visitors", s.visitors)
            .stock("current_visitors"),
        Metric::gauge(
            "audio_sender_endpoints",
            "Endpoints that announce audio",
            s.endpoints_sending_audio,
        )
        .stock("endpoints_sending_audio"),
        Metric::gauge(
            "video_sender_endpoints",
            "Endpoints that announce video",
            s.endpoints_sending_video,
        )
        .stock("endpoints_sending_video"),
        Metric::gauge(
            "channel_websockets",
            "Open bridge channels over WebSocket",
            s.channels,
        ),
        Metric::gauge("stress_ratio", "Load as a share of the limit", s.stress).stock("stress"),
        Metric::gauge(
            "cpu_ratio",
            "Share of CPU in use: of the machine's, or of what the bridge may use of it, whichever is larger",
            s.cpu,
        ),
        Metric::gauge("healthy", "1 when the own health check passes", s.healthy).stock("healthy"),
        Metric::gauge(
            "drain",
            "1 when the focus is asked to choose other bridges",
            s.drain,
        )
        .stock("drain_mode"),
        Metric::gauge(
            "graceful_shutdown",
            "1 when no new conferences are taken",
            s.graceful_shutdown,
        )
        .stock("graceful_shutdown"),
        Metric::gauge(
            "shutting_down",
            "1 when the focus shall move everybody",
            s.shutting_down,
        )
        .stock("shutting_down"),
        Metric::gauge("shards", "Signalling servers configured", s.shards)
            .stock("muc_clients_configured"),
        Metric::gauge(
            "shards_connected",
            "Signalling servers with a connection",
            s.shards_connected,
        )
        .stock("muc_clients_connected"),
        Metric::gauge(
            "breweries_joined",
            "Brewery rooms joined",
            s.breweries_joined,
        )
        .stock("mucs_joined"),
        Metric::gauge(
            "incoming_bits_per_second",
            "Bits received per second",
            s.rates.bits_in,
        )
        .stock("incoming_bitrate"),
        Metric::gauge(
            "outgoing_bits_per_second",
            "Bits sent per second",
            s.rates.bits_out,
        )
        .stock("outgoing_bitrate"),
        Metric::gauge(
            "incoming_packets_per_second",
            "Packets received per second",
            s.rates.packets_in,
        )
        .stock("incoming_packet_rate"),
        Metric::gauge(
            "outgoing_packets_per_second",
            "Packets sent per second",
            s.rates.packets_out,
        )
        .stock("outgoing_packet_rate"),
        Metric::gauge(
            "incoming_loss_ratio",
            "Of packets sent to the bridge, share lost",
            s.incoming_loss,
        )
        .stock("incoming_loss_fraction"),
        Metric::gauge(
            "outgoing_loss_ratio",
            "Of packets that the bridge sent, share lost",
            s.outgoing_loss,
        )
        .stock("outgoing_loss_fraction"),
        Metric::gauge(
            "round_trip_milliseconds",
            "Mean round trip to endpoints in milliseconds",
            s.round_trip_ms,
        )
        .stock("average_rtt"),
        Metric::gauge("threads", "Threads of the process", s.threads).stock("thread_count"),
        Metric::gauge(
            "open_files",
            "Open file descriptors of the process",
            s.open_files,
        ),
        Metric::gauge(
            "uptime_seconds",
            "Seconds since the start",
            s.uptime_seconds,
        ),
        Metric::counter(
            "conferences_created",
            "Conferences created",
            t.conferences_created,
        ),
        Metric::counter(
            "conferences_completed",
            "Conferences that ended",
            t.conferences_completed,
        )
        .stock("conferences_completed"),
        Metric::counter(
            "conference_seconds",
            "Seconds that ended conferences lasted",
            t.conference_seconds,
        )
        .stock("conference_seconds"),
        Metric::counter(
            "endpoints_created",
            "Endpoints created",
            t.endpoints_created,
        )
        .stock("endpoints"),
        Metric::counter("visitors_created", "Visitors created", t.visitors_created)
            .stock("visitors"),
        Metric::counter(
            "ice_succeeded",
            "Endpoints whose ICE connected",
            t.ice_succeeded,
        )
        .stock("ice_succeeded"),
        Metric::counter("ice_failed", "Endpoints whose ICE failed", t.ice_failed)
            .stock("ice_failed"),
        Metric::counter("dtls_failed", "Endpoints whose DTLS failed", t.dtls_failed)
            .stock("endpoints_dtls_failed"),
        Metric::counter(
            "endpoints_silent",
            "Endpoints expired because nothing was heard of them",
            t.endpoints_silent,
        ),
        Metric::counter(
            "endpoints_never_connected",
            "Endpoints that left after 5 s or more without media",
            t.connects.never(),
        ),
        Metric::counter("ice_restarts", "Restarts of ICE begun", t.ice_restarts)
            .stock("ice_restarts_started"),
        Metric::counter(
            "requests_refused",
            "Colibri2 requests refused",
            t.requests_refused,
        ),
        Metric::counter(
            "dominant_speaker_changes",
            "Changes of dominant speaker",
            t.dominant_speaker_changes,
        )
        .stock("dominant_speaker_changes"),
        Metric::counter("received_bytes", "Bytes received", c.bytes_received)
            .stock("bytes_received"),
        Metric::counter("sent_bytes", "Bytes sent", c.bytes_sent).stock("bytes_sent"),
        Metric::counter("received_packets", "Packets received", c.datagrams_received)
            .stock("packets_received"),
        Metric::counter("sent_packets", "Packets sent", c.datagrams_sent).stock("packets_sent"),
        Metric::counter(
            "media_packets_received",
            "Media packets received and decrypted",
            c.media_packets_received,
        ),
        Metric::counter(
            "media_packets_accepted",
            "Those of them that nothing was wrong with; the others are dropped, each with its reason",
            c.media_packets_accepted,
        ),
        Metric::counter(
            "media_packets_offered",
            "Accepted media packets, for each connected receiver: forwarded, or dropped with a reason",
            c.media_packets_offered,
        ),
        Metric::counter(
            "media_packets_forwarded",
            "Media packets forwarded, one for each receiver",
            c.media_packets_forwarded,
        ),
        Metric::counter(
            "retransmissions_sent",
            "Packets sent again on request",
            c.retransmissions_sent,
        ),
        Metric::counter("nacks_sent", "Packets asked again of senders", c.nacks_sent),
        Metric::counter(
            "keyframes_requested",
            "Keyframes asked of senders",
            c.keyframes_requested,
        ),
        Metric::counter(
            "probing_packets_sent",
            "Packets sent to measure bandwidth",
            c.probing_packets_sent,
        ),
        Metric::counter(
            "packets_handed_over",
            "Packets that arrived at another worker than their sender's",
            c.datagrams_handed_over,
        ),
        Metric::counter(
            "channel_messages_received",
            "Bridge channel messages received",
            c.channel_messages_received,
        ),
        Metric::counter(
            "channel_messages_refused",
            "Bridge channel messages that were refused",
            c.channel_messages_refused,
        ),
        Metric::counter(
            "websocket_messages_received",
            "Messages received over WebSockets",
            s.websocket_messages_received,
        )
        .stock("colibri_web_socket_messages_received"),
        Metric::counter(
            "websocket_messages_sent",
            "Messages sent over WebSockets",
            s.websocket_messages_sent,
        )
        .stock("colibri_web_socket_messages_sent"),
        Metric::counter(
            "websockets_too_slow",
            "WebSockets closed because their reader was too slow",
            s.websockets_too_slow,
        ),
        Metric::counter(
            "xmpp_disconnects",
            "Connections to signalling that were lost",
            s.xmpp_disconnects,
        )
        .stock("xmpp_disconnects"),
        Metric::counter(
            "worker_failures",
            "Broken invariants that cost a worker its state",
            s.worker_failures,
        ),
        Metric::counters("packets_dropped", "Packets dropped, by reason", dropped),
        Metric::histogram(
            "endpoint_connect_seconds",
            "Seconds from an endpoint's creation to its DTLS being up",
            t.connects.seconds(),
            t.connects.buckets(),
        ),
        Metric::gauges(
            "worker_busy_ratio",
            "Share of its time that a worker was busy",
            busy,
        ),
        Metric::gauges("build", "Version and region; always 1", [(build, true)]),
        listen::refusals(),
    ]
}

/// The text of `/metrics`.
#[must_use]
pub fn render(snapshot: &Snapshot) -> String {
    metrics::render("bridge", "jitsi_jvb", rows(snapshot))
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn metrics_have_own_names_and_jitsis() {
        let text = render(&example());
        for line in [
            "bridge_conferences 2",
            "jitsi_jvb_conferences 2",
            "bridge_sent_bytes_total 1234",
            "jitsi_jvb_bytes_sent_total 1234",
            "jitsi_jvb_stress 0.125",
            "bridge_packets_dropped_total{reason=\"unknown_address\"} 3",
            "bridge_worker_busy_ratio{worker=\"1\"} 0.2",
            "bridge_build{version=\"shoal-0.1.0\",region=\"region1\"} 1",
            "bridge_endpoint_connect_seconds_bucket{le=\"+Inf\"} 0",
            "# EOF",
        ] {
            assert!(
                text.lines().any(|one| one == line),
                "{line} is missing in\n{text}"
            );
        }
    }

    #[test]
    fn names_meanings_and_units_are_as_all_parts_have_them() {
        assert_eq!(metrics::faults("bridge", &render(&example())), [""; 0]);
    }
}
