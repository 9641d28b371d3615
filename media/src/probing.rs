//! How much to send on top of media, to find out whether the path carries more.
//!
//! Two reasons to send padding: a probe cluster, a short burst at a set rate; and a receiver that
//! gets less than it could, where padding fills what lies between the forwarded layers and the
//! estimate, so that the estimate can grow until the next layer fits.

use std::time::{Duration, Instant};

use crate::units::Bitrate;

/// How often to ask [`Prober::poll`].
pub const TICK: Duration = Duration::from_millis(15);

/// Padding for more than this long is not made up for: the caller was late, the path is not to
/// get a burst.
const MAX_CATCH_UP: Duration = Duration::from_millis(45);
/// No single answer is larger.
const MAX_BYTES: usize = 64 * 1_024;

/// A burst at a set rate whose arrival shows whether the path carries that rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeCluster {
    /// Carried in [`crate::twcc::PacketResult::cluster`].
    pub id: u32,
    /// The rate to send at, media included.
    pub rate: Bitrate,
    /// For how long.
    pub duration: Duration,
}

/// What allocation has decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Need {
    /// The rate of the layers that are forwarded.
    pub target: Bitrate,
    /// The rate of the layers that would be, had the path room.
    pub ideal: Bitrate,
    /// Some source is below its ideal layer.
    pub wanting: bool,
}

/// What to send now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Padding {
    /// Bytes of RTX or padding to send; 0 for none.
    pub bytes: usize,
    /// The cluster to mark the packets with.
    pub cluster: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Running {
    cluster: ProbeCluster,
    started: Instant,
    sent: usize,
}

/// Decides on padding, in bytes per tick.
#[derive(Debug, Default)]
pub struct Prober {
    running: Option<Running>,
    last: Option<Instant>,
    /// Bytes of padding owed from earlier ticks, less than worth a packet; negative: paid beforehand.
    owed: f64,
}

impl Prober {
    /// Idle.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a cluster; one that is running ends.
    pub fn handle_cluster(&mut self, cluster: ProbeCluster, now: Instant) {
        self.running = Some(Running {
            cluster,
            started: now,
            sent: 0,
        });
    }

    /// Takes in a packet of `len` bytes that is sent, media or padding; the cluster to mark it
    /// with.
    pub fn handle_sent(&mut self, len: usize) -> Option<u32> {
        let running = self.running.as_mut()?;
        running.sent += len;
        Some(running.cluster.id)
    }

    /// How much to send now. While a cluster runs, ask again after a few milliseconds; else every
    /// [`TICK`].
    pub fn poll(&mut self, need: Need, estimate: Bitrate, now: Instant) -> Padding {
        let elapsed = self
            .last
            .replace(now)
            .map_or(TICK, |last| now.saturating_duration_since(last))
            .min(MAX_CATCH_UP);
        if let Some(running) = self.running {
            if let Some(padding) = running.padding(now) {
                return padding;
            }
            self.running = None;
        }
        let missing = need.ideal - need.target;
        if !need.wanting || missing == Bitrate::ZERO || need.ideal <= estimate {
            self.owed = self.owed.min(0.0);
            return Padding::default();
        }
        let rate = missing.min(estimate - need.target);
        self.owed += rate.as_f64() / 8.0 * elapsed.as_secs_f64();
        // Less than this is all header.
        if self.owed < MIN_PADDING {
            return Padding::default();
        }
        Padding {
            bytes: (self.owed as usize).min(MAX_BYTES),
            cluster: None,
        }
    }

    /// Padding of so many bytes was sent: packets are whole, so that it may be more than was due, which
    /// is taken off what comes next.
    pub fn handle_padding_sent(&mut self, len: usize) {
        if self.running.is_none() {
            self.owed = (self.owed - len as f64).max(-MAX_DEBT);
        }
    }

    /// True while a cluster runs.
    pub fn is_in_cluster(&self) -> bool {
        self.running.is_some()
    }
}

/// The least padding that is worth a packet.
const MIN_PADDING: f64 = 50.0;
/// What was paid beforehand is remembered up to this.
const MAX_DEBT: f64 = 3_000.0;

impl Running {
    /// What the cluster lacks by now; `None` when it has ended.
    fn padding(&self, now: Instant) -> Option<Padding> {
        let total = self.cluster.rate.bytes_in(self.cluster.duration) as usize;
        let elapsed = now.saturating_duration_since(self.started);
        if self.sent >= total || elapsed > self.cluster.duration * 4 {
            return None;
        }
        // A packet's worth at the start, so that the burst begins at once.
        let due = self.cluster.rate.bytes_in(elapsed) as usize + START_BYTES;
        let bytes = due.min(total).saturating_sub(self.sent).min(MAX_BYTES);
        Some(Padding {
            bytes,
            cluster: Some(self.cluster.id),
        })
    }
}

const START_BYTES: usize = 1_200;

#[cfg(test)]
mod tests {
    use super::*;

    const KBPS: fn(u64) -> Bitrate = Bitrate::from_kbps;
    const MS: Duration = Duration::from_millis(1);

    fn per_second(need: Need, estimate: Bitrate) -> u64 {
        per_second_in(20, need, estimate)
    }

    /// kbit/s of padding, when it is paid in packets of so many bytes.
    fn per_second_in(packet: usize, need: Need, estimate: Bitrate) -> u64 {
        let start = Instant::now();
        let mut prober = Prober::new();
        let mut bytes = 0;
        for i in 0..1_000 / 15 {
            let mut due = prober.poll(need, estimate, start + TICK * i).bytes;
            while due > 0 {
                prober.handle_padding_sent(packet);
                bytes += packet;
                due = due.saturating_sub(packet);
            }
        }
        bytes as u64 * 8 / 1_000
    }

    #[test]
    fn what_whole_packets_pay_too_much_is_taken_off_what_comes_next() {
        let need = Need {
            target: KBPS(500),
            ideal: KBPS(2_500),
            wanting: true,
        };
        for packet in [100, 300, 1_200] {
            let kbps = per_second_in(packet, need, KBPS(600));
            assert!(
                (88..=112).contains(&kbps),
                "{kbps} kbit/s in packets of {packet}"
            );
        }
    }

    #[test]
    fn padding_fills_what_lies_between_the_target_and_the_estimate() {
        let need = Need {
            target: KBPS(500),
            ideal: KBPS(2_500),
            wanting: true,
        };
        assert!((480..=505).contains(&per_second(need, KBPS(1_000))));
        let need = Need {
            ideal: KBPS(1_100),
            ..need
        };
        assert!((480..=505).contains(&per_second(need, KBPS(1_000))));
    }

    #[test]
    fn a_receiver_that_has_all_it_wants_or_could_gets_no_padding() {
        let need = Need {
            target: KBPS(500),
            ideal: KBPS(2_500),
            wanting: true,
        };
        assert_eq!(
            per_second(
                Need {
                    wanting: false,
                    ..need
                },
                KBPS(1_000)
            ),
            0
        );
        assert_eq!(per_second(need, KBPS(2_500)), 0);
        assert_eq!(per_second(need, KBPS(400)), 0);
        assert_eq!(
            per_second(
                Need {
                    target: KBPS(2_500),
                    ..need
                },
                KBPS(1_000)
            ),
            0
        );
    }

    #[test]
    fn small_amounts_are_saved_up_for_a_packet() {
        let need = Need {
            target: KBPS(500),
            ideal: KBPS(520),
            wanting: true,
        };
        assert!(
            (15..=20).contains(&per_second(need, KBPS(510))) || per_second(need, KBPS(510)) >= 8
        );
    }

    #[test]
    fn a_cluster_goes_out_at_its_rate_media_included() {
        let start = Instant::now();
        let mut prober = Prober::new();
        let cluster = ProbeCluster {
            id: 4,
            rate: KBPS(8_000),
            duration: 15 * MS,
        };
        prober.handle_cluster(cluster, start);
        assert_eq!(prober.handle_sent(1_000), Some(4));
        let mut sent = 1_000;
        for i in 0..10 {
            let padding = prober.poll(Need::default(), KBPS(500), start + MS * 5 * i);
            if padding.bytes > 0 {
                assert_eq!(padding.cluster, Some(4));
                assert!(sent + padding.bytes <= 1_200 + 5_000 * i as usize);
                prober.handle_sent(padding.bytes);
                sent += padding.bytes;
            }
        }
        assert_eq!(sent, 15_000);
        assert!(!prober.is_in_cluster());
        assert_eq!(prober.handle_sent(1_000), None);
    }
}
