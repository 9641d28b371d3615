//! `/metrics`: the statistics as Prometheus reads them, under the bridge's own names and, where Jitsi's bridge has an equal,
//! under its name too, so that dashboards made for it go on working.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

use super::Snapshot;

/// How a number behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Number {
    /// Only grows.
    Counter(u64),
    /// Goes up and down.
    Gauge(f64),
}

/// One metric: own name, name in Jitsi's bridge without prefix, help.
struct Metric(&'static str, Option<&'static str>, &'static str, Number);

fn metrics(s: &Snapshot) -> Vec<Metric> {
    use Number::{Counter, Gauge};
    let size = |n: usize| Gauge(n as f64);
    let flag = |flag: bool| Gauge(f64::from(u8::from(flag)));
    let (t, c) = (&s.totals, &s.counters);
    vec![
        Metric(
            "conferences",
            Some("conferences"),
            "Conferences",
            size(s.conferences),
        ),
        Metric(
            "largest_conference_endpoints",
            Some("largest_conference"),
            "Endpoints of the largest conference",
            size(s.largest_conference),
        ),
        Metric(
            "endpoints",
            Some("current_endpoints"),
            "Endpoints, visitors too",
            size(s.endpoints),
        ),
        Metric(
            "visitors",
            Some("current_visitors"),
            "Endpoints that are visitors",
            size(s.visitors),
        ),
        Metric(
            "audio_sender_endpoints",
            Some("endpoints_sending_audio"),
            "Endpoints that announce audio",
            size(s.endpoints_sending_audio),
        ),
        Metric(
            "video_sender_endpoints",
            Some("endpoints_sending_video"),
            "Endpoints that announce video",
            size(s.endpoints_sending_video),
        ),
        Metric(
            "channel_websockets",
            None,
            "Open bridge channels over WebSocket",
            size(s.channels),
        ),
        Metric(
            "stress_ratio",
            Some("stress"),
            "Load; 1 is the limit",
            Gauge(s.stress),
        ),
        Metric(
            "cpu_ratio",
            None,
            "Share of CPU in use: of the machine's, or of what the bridge may use of it, whichever is larger",
            Gauge(s.cpu),
        ),
        Metric(
            "healthy",
            Some("healthy"),
            "1 when the own health check passes",
            flag(s.healthy),
        ),
        Metric(
            "drain",
            Some("drain_mode"),
            "1 when the focus is asked to choose other bridges",
            flag(s.drain),
        ),
        Metric(
            "graceful_shutdown",
            Some("graceful_shutdown"),
            "1 when no new conferences are taken",
            flag(s.graceful_shutdown),
        ),
        Metric(
            "shutting_down",
            Some("shutting_down"),
            "1 when the focus shall move everybody",
            flag(s.shutting_down),
        ),
        Metric(
            "shards",
            Some("muc_clients_configured"),
            "Signalling servers configured",
            size(s.shards),
        ),
        Metric(
            "shards_connected",
            Some("muc_clients_connected"),
            "Signalling servers with a connection",
            size(s.shards_connected),
        ),
        Metric(
            "breweries_joined",
            Some("mucs_joined"),
            "Brewery rooms joined",
            size(s.breweries_joined),
        ),
        Metric(
            "incoming_bits_per_second",
            Some("incoming_bitrate"),
            "Bits received per second",
            Gauge(s.rates.bits_in),
        ),
        Metric(
            "outgoing_bits_per_second",
            Some("outgoing_bitrate"),
            "Bits sent per second",
            Gauge(s.rates.bits_out),
        ),
        Metric(
            "incoming_packets_per_second",
            Some("incoming_packet_rate"),
            "Packets received per second",
            Gauge(s.rates.packets_in),
        ),
        Metric(
            "outgoing_packets_per_second",
            Some("outgoing_packet_rate"),
            "Packets sent per second",
            Gauge(s.rates.packets_out),
        ),
        Metric(
            "incoming_loss_ratio",
            Some("incoming_loss_fraction"),
            "Of packets sent to the bridge, share lost",
            Gauge(s.incoming_loss),
        ),
        Metric(
            "outgoing_loss_ratio",
            Some("outgoing_loss_fraction"),
            "Of packets that the bridge sent, share lost",
            Gauge(s.outgoing_loss),
        ),
        Metric(
            "round_trip_milliseconds",
            Some("average_rtt"),
            "Mean round trip to endpoints",
            Gauge(s.round_trip_ms),
        ),
        Metric(
            "threads",
            Some("thread_count"),
            "Threads of the process",
            Gauge(s.threads as f64),
        ),
        Metric(
            "open_files",
            None,
            "Open file descriptors of the process",
            Gauge(s.open_files as f64),
        ),
        Metric(
            "uptime_seconds",
            None,
            "Seconds since the start",
            Gauge(s.uptime_seconds as f64),
        ),
        Metric(
            "conferences_created",
            None,
            "Conferences created",
            Counter(t.conferences_created),
        ),
        Metric(
            "conferences_completed",
            Some("conferences_completed"),
            "Conferences that ended",
            Counter(t.conferences_completed),
        ),
        Metric(
            "conference_seconds",
            Some("conference_seconds"),
            "Seconds that ended conferences lasted",
            Counter(t.conference_seconds),
        ),
        Metric(
            "endpoints_created",
            Some("endpoints"),
            "Endpoints created",
            Counter(t.endpoints_created),
        ),
        Metric(
            "visitors_created",
            Some("visitors"),
            "Visitors created",
            Counter(t.visitors_created),
        ),
        Metric(
            "ice_succeeded",
            Some("ice_succeeded"),
            "Endpoints whose ICE connected",
            Counter(t.ice_succeeded),
        ),
        Metric(
            "ice_failed",
            Some("ice_failed"),
            "Endpoints whose ICE failed",
            Counter(t.ice_failed),
        ),
        Metric(
            "dtls_failed",
            Some("endpoints_dtls_failed"),
            "Endpoints whose DTLS failed",
            Counter(t.dtls_failed),
        ),
        Metric(
            "endpoints_silent",
            None,
            "Endpoints expired because nothing was heard of them",
            Counter(t.endpoints_silent),
        ),
        Metric(
            "endpoints_never_connected",
            None,
            "Endpoints that left after 5 s or more without media",
            Counter(t.connects.never()),
        ),
        Metric(
            "ice_restarts",
            Some("ice_restarts_started"),
            "Restarts of ICE begun",
            Counter(t.ice_restarts),
        ),
        Metric(
            "requests_refused",
            None,
            "Colibri2 requests refused",
            Counter(t.requests_refused),
        ),
        Metric(
            "dominant_speaker_changes",
            Some("dominant_speaker_changes"),
            "Changes of dominant speaker",
            Counter(t.dominant_speaker_changes),
        ),
        Metric(
            "received_bytes",
            Some("bytes_received"),
            "Bytes received",
            Counter(c.bytes_received),
        ),
        Metric(
            "sent_bytes",
            Some("bytes_sent"),
            "Bytes sent",
            Counter(c.bytes_sent),
        ),
        Metric(
            "received_packets",
            Some("packets_received"),
            "Packets received",
            Counter(c.datagrams_received),
        ),
        Metric(
            "sent_packets",
            Some("packets_sent"),
            "Packets sent",
            Counter(c.datagrams_sent),
        ),
        Metric(
            "media_packets_received",
            None,
            "Media packets received and decrypted",
            Counter(c.media_packets_received),
        ),
        Metric(
            "media_packets_forwarded",
            None,
            "Media packets forwarded, one for each receiver",
            Counter(c.media_packets_forwarded),
        ),
        Metric(
            "retransmissions_sent",
            None,
            "Packets sent again on request",
            Counter(c.retransmissions_sent),
        ),
        Metric(
            "nacks_sent",
            None,
            "Packets asked again of senders",
            Counter(c.nacks_sent),
        ),
        Metric(
            "keyframes_requested",
            None,
            "Keyframes asked of senders",
            Counter(c.keyframes_requested),
        ),
        Metric(
            "probing_packets_sent",
            None,
            "Packets sent to measure bandwidth",
            Counter(c.probing_packets_sent),
        ),
        Metric(
            "packets_handed_over",
            None,
            "Packets that arrived at another worker than their sender's",
            Counter(c.datagrams_handed_over),
        ),
        Metric(
            "channel_messages_received",
            None,
            "Bridge channel messages received",
            Counter(c.channel_messages_received),
        ),
        Metric(
            "channel_messages_refused",
            None,
            "Bridge channel messages that were refused",
            Counter(c.channel_messages_refused),
        ),
        Metric(
            "websocket_messages_received",
            Some("colibri_web_socket_messages_received"),
            "Messages received over WebSockets",
            Counter(s.websocket_messages_received),
        ),
        Metric(
            "websocket_messages_sent",
            Some("colibri_web_socket_messages_sent"),
            "Messages sent over WebSockets",
            Counter(s.websocket_messages_sent),
        ),
        Metric(
            "websockets_too_slow",
            None,
            "WebSockets closed because their reader was too slow",
            Counter(s.websockets_too_slow),
        ),
        Metric(
            "xmpp_disconnects",
            Some("xmpp_disconnects"),
            "Connections to signalling that were lost",
            Counter(s.xmpp_disconnects),
        ),
        Metric(
            "worker_failures",
            None,
            "Broken invariants that cost a worker its state",
            Counter(s.worker_failures),
        ),
    ]
}

/// The text of `/metrics` (OpenMetrics 1.0, which Prometheus reads).
#[must_use]
pub fn render(snapshot: &Snapshot) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Metrics(snapshot.clone())));
    let mut text = String::new();
    // Writing to a String fails only when a metric's own encoding does, which would be a bug of ours.
    if prometheus_client::encoding::text::encode(&mut text, &registry).is_err() {
        tracing::error!("the metrics could not be encoded");
    }
    text
}

#[derive(Debug)]
struct Metrics(Snapshot);

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let all = metrics(&self.0);
        for Metric(name, _, help, number) in &all {
            write(&mut encoder, &format!("bridge_{name}"), help, *number)?;
        }
        for Metric(_, jitsi, help, number) in &all {
            if let Some(jitsi) = jitsi {
                write(&mut encoder, &format!("jitsi_jvb_{jitsi}"), help, *number)?;
            }
        }
        families(&mut encoder, &self.0)
    }
}

fn write(encoder: &mut DescriptorEncoder, name: &str, help: &str, number: Number) -> fmt::Result {
    match number {
        Number::Counter(count) => {
            let metric = ConstCounter::new(count);
            let encoder = encoder.encode_descriptor(
                name,
                help,
                None::<&Unit>,
                prometheus_client::metrics::MetricType::Counter,
            )?;
            metric.encode(encoder)
        }
        Number::Gauge(value) => {
            let metric = ConstGauge::new(value);
            let encoder = encoder.encode_descriptor(
                name,
                help,
                None::<&Unit>,
                prometheus_client::metrics::MetricType::Gauge,
            )?;
            metric.encode(encoder)
        }
    }
}

/// Metrics with a label.
fn families(encoder: &mut DescriptorEncoder, s: &Snapshot) -> fmt::Result {
    use prometheus_client::metrics::MetricType;
    let mut drops = encoder.encode_descriptor(
        "bridge_packets_dropped",
        "Packets dropped, by reason",
        None,
        MetricType::Counter,
    )?;
    for (reason, count) in &s.drops {
        ConstCounter::new(*count).encode(drops.encode_family(&[("reason", *reason)])?)?;
    }
    let connects = &s.totals.connects;
    let mut times = encoder.encode_descriptor(
        "bridge_endpoint_connect_seconds",
        "From an endpoint's creation to its DTLS being up",
        None,
        MetricType::Histogram,
    )?;
    times.encode_histogram::<NoLabelSet>(
        connects.seconds(),
        connects.count(),
        &connects.buckets(),
        None,
    )?;
    let mut busy = encoder.encode_descriptor(
        "bridge_worker_busy_ratio",
        "Share of its time that a worker was busy",
        None,
        MetricType::Gauge,
    )?;
    for (worker, share) in s.worker_busy.iter().enumerate() {
        ConstGauge::new(*share).encode(busy.encode_family(&[("worker", worker.to_string())])?)?;
    }
    let labels = [
        ("version", s.version.as_str()),
        ("region", s.region.as_str()),
    ];
    let mut info = encoder.encode_descriptor(
        "bridge_build",
        "Version and region; always 1",
        None,
        MetricType::Gauge,
    )?;
    ConstGauge::new(1_i64).encode(info.encode_family(&labels)?)
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
            let found = text
                .lines()
                .any(|l| l == line || l.strip_suffix(".0") == Some(line));
            assert!(found, "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn each_metric_is_there_once_and_says_its_unit() {
        let all = metrics(&example());
        let mut names: Vec<&str> = all.iter().map(|metric| metric.0).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(names.iter().all(|name| !name.ends_with("_total")));
    }
}
