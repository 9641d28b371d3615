//! What the bridge tells of itself: one [`Snapshot`], in three tongues (the brewery's presence, JSON, Prometheus).

mod jitsi;
mod load;
mod prometheus;
mod rates;
mod timestamp;

pub use jitsi::{Value, jitsi_stats};
pub use load::{CpuTimes, Stress};
pub use prometheus::render;
pub use rates::{Rates, Sampler, Traffic};
pub use timestamp::timestamp;

use std::time::SystemTime;

use xmpp::brewery::BridgeStats;

use crate::colibri::Totals;
use crate::statistics::{Counters, Drops};

/// Everything that is told, at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// When.
    pub time: SystemTime,
    /// Tells this process from the one that had the bridge's name before.
    pub instance_id: String,
    /// Version, release and region; empty when none.
    pub version: String,
    /// See `version`.
    pub release: String,
    /// See `version`.
    pub region: String,
    /// Conferences at this moment.
    pub conferences: usize,
    /// Endpoints of the largest.
    pub largest_conference: usize,
    /// Endpoints, visitors too.
    pub endpoints: usize,
    /// Endpoints that only receive.
    pub visitors: usize,
    /// Endpoints that announce audio.
    pub endpoints_sending_audio: usize,
    /// Endpoints that announce video.
    pub endpoints_sending_video: usize,
    /// Endpoints with an open WebSocket.
    pub channels: usize,
    /// Control's counts since the start.
    pub totals: Totals,
    /// The workers' counters, summed.
    pub counters: Counters,
    /// The workers' dropped packets, summed by name.
    pub drops: Vec<(&'static str, u64)>,
    /// Traffic per second.
    pub rates: Rates,
    /// Of packets sent to us, fraction lost, 0 to 1.
    pub incoming_loss: f64,
    /// Of packets that we sent, fraction lost, 0 to 1.
    pub outgoing_loss: f64,
    /// Mean round trip in milliseconds.
    pub round_trip_ms: f64,
    /// Load; 1 is the limit.
    pub stress: f64,
    /// See [`crate::config::Load`].
    pub average_participant_stress: f64,
    /// Share of CPU in use, 0 to 1, as [`crate::config::Load::cpu_threshold`] has it.
    pub cpu: f64,
    /// Share of its time that each worker was busy, 0 to 1.
    pub worker_busy: Vec<f64>,
    /// Asked not to be chosen.
    pub drain: bool,
    /// Takes no new conferences.
    pub graceful_shutdown: bool,
    /// The focus shall move everybody.
    pub shutting_down: bool,
    /// The own health check passes.
    pub healthy: bool,
    /// Shards configured.
    pub shards: usize,
    /// Shards to whose signalling there is a connection.
    pub shards_connected: usize,
    /// Brewery rooms joined.
    pub breweries_joined: usize,
    /// Connections to signalling that were lost.
    pub xmpp_disconnects: u64,
    /// Messages that came over WebSockets.
    pub websocket_messages_received: u64,
    /// Messages sent over WebSockets.
    pub websocket_messages_sent: u64,
    /// WebSockets closed because their reader was too slow.
    pub websockets_too_slow: u64,
    /// Broken invariants that cost a worker its state.
    pub worker_failures: u64,
    /// Threads of the process.
    pub threads: u64,
    /// Open file descriptors of the process.
    pub open_files: u64,
    /// Seconds since the start.
    pub uptime_seconds: u64,
}

impl Snapshot {
    /// The presence's `<stats/>`.
    #[must_use]
    pub fn brewery(&self) -> BridgeStats {
        let mut stats = BridgeStats::new();
        for (name, value) in jitsi_stats(self) {
            stats.set(name, value);
        }
        stats
    }

    /// `/colibri/stats`.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        let entries = jitsi_stats(self).into_iter();
        let entries = entries.map(|(name, value)| (name.to_owned(), value.json()));
        serde_json::Value::Object(entries.collect())
    }
}

/// Sums what workers report.
#[must_use]
pub fn sum_counters<'a>(all: impl Iterator<Item = &'a Counters>) -> Counters {
    all.fold(Counters::default(), |sum, one| Counters {
        datagrams_received: sum.datagrams_received + one.datagrams_received,
        bytes_received: sum.bytes_received + one.bytes_received,
        datagrams_sent: sum.datagrams_sent + one.datagrams_sent,
        bytes_sent: sum.bytes_sent + one.bytes_sent,
        media_packets_received: sum.media_packets_received + one.media_packets_received,
        media_packets_accepted: sum.media_packets_accepted + one.media_packets_accepted,
        media_packets_offered: sum.media_packets_offered + one.media_packets_offered,
        media_packets_forwarded: sum.media_packets_forwarded + one.media_packets_forwarded,
        retransmissions_sent: sum.retransmissions_sent + one.retransmissions_sent,
        nacks_sent: sum.nacks_sent + one.nacks_sent,
        keyframes_requested: sum.keyframes_requested + one.keyframes_requested,
        probing_packets_sent: sum.probing_packets_sent + one.probing_packets_sent,
        datagrams_handed_over: sum.datagrams_handed_over + one.datagrams_handed_over,
        channel_messages_received: sum.channel_messages_received + one.channel_messages_received,
        channel_messages_refused: sum.channel_messages_refused + one.channel_messages_refused,
        dominant_speaker_changes: sum.dominant_speaker_changes + one.dominant_speaker_changes,
        endpoints_connected: sum.endpoints_connected + one.endpoints_connected,
        endpoints_ice_failed: sum.endpoints_ice_failed + one.endpoints_ice_failed,
        endpoints_dtls_failed: sum.endpoints_dtls_failed + one.endpoints_dtls_failed,
    })
}

/// Sums dropped packets by name.
#[must_use]
pub fn sum_drops<'a>(all: impl Iterator<Item = &'a Drops>) -> Vec<(&'static str, u64)> {
    let mut sum: Vec<(&'static str, u64)> = Drops::default().iter().collect();
    for drops in all {
        for (entry, (_, count)) in sum.iter_mut().zip(drops.iter()) {
            entry.1 += count;
        }
    }
    sum
}

#[cfg(test)]
pub(crate) fn example() -> Snapshot {
    Snapshot {
        time: SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(1_795_348_261_615),
        instance_id: "5f0c".into(),
        version: "shoal-0.1.0".into(),
        release: String::new(),
        region: "region1".into(),
        conferences: 2,
        largest_conference: 3,
        endpoints: 5,
        visitors: 1,
        endpoints_sending_audio: 4,
        endpoints_sending_video: 2,
        channels: 5,
        totals: Totals {
            conferences_created: 7,
            ..Totals::default()
        },
        counters: Counters {
            bytes_sent: 1_234,
            ..Counters::default()
        },
        drops: vec![("unknown_address", 3)],
        rates: Rates::default(),
        incoming_loss: 0.25,
        outgoing_loss: 0.0,
        round_trip_ms: 20.0,
        stress: 0.125,
        average_participant_stress: 0.01,
        cpu: 0.1,
        worker_busy: vec![0.1, 0.2],
        drain: false,
        graceful_shutdown: false,
        shutting_down: false,
        healthy: true,
        shards: 1,
        shards_connected: 1,
        breweries_joined: 1,
        xmpp_disconnects: 0,
        websocket_messages_received: 12,
        websocket_messages_sent: 16,
        websockets_too_slow: 0,
        worker_failures: 0,
        threads: 9,
        open_files: 20,
        uptime_seconds: 60,
    }
}
