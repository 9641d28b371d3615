//! A browser's own congestion control: what it may send, and when each packet goes.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use media::bwe::{Config, Estimator};
use media::probing::{Need, Prober};
use media::rtcp::TransportCc;
use media::rtp::SeqNum;
use media::twcc::SendHistory;
use media::units::Bitrate;

/// What is paced goes out at so many times the rate.
const PACING: f64 = 2.5;
const TICK: Duration = Duration::from_millis(5);

/// A packet before its transport-wide number is stamped and it is encrypted.
pub struct Waiting {
    pub bytes: Vec<u8>,
    pub audio: bool,
}

pub struct Uplink {
    estimator: Estimator,
    history: SendHistory,
    prober: Prober,
    queue: VecDeque<Waiting>,
    owed: f64,
    last: Instant,
    pub next: Instant,
    transport_cc: bool,
    remb: Option<Bitrate>,
    results: Vec<media::twcc::PacketResult>,
}

impl Uplink {
    pub fn new(transport_cc: bool, now: Instant) -> Self {
        let config = Config {
            initial: Bitrate::from_kbps(800),
            ..Config::default()
        };
        Self {
            estimator: Estimator::new(config),
            history: SendHistory::new(),
            prober: Prober::new(),
            queue: VecDeque::new(),
            owed: 0.0,
            last: now,
            next: now,
            transport_cc,
            remb: None,
            results: Vec::new(),
        }
    }

    pub fn estimate(&self) -> Bitrate {
        if self.transport_cc {
            self.estimator.estimate()
        } else {
            self.remb.unwrap_or(Bitrate::from_kbps(800))
        }
    }

    pub fn handle_feedback(&mut self, feedback: &TransportCc<'_>, now: Instant) {
        self.results.clear();
        self.history.handle_feedback(feedback, &mut self.results);
        self.estimator.handle_feedback(&self.results, now);
    }

    pub fn handle_remb(&mut self, bitrate: Bitrate) {
        self.remb = Some(bitrate);
    }

    pub fn push(&mut self, packet: Waiting) {
        if packet.audio {
            self.queue.push_front(packet);
        } else {
            self.queue.push_back(packet);
        }
    }

    pub fn handle_padding_sent(&mut self, len: usize) {
        self.prober.handle_padding_sent(len);
    }

    /// The number of the packet that is sent now.
    pub fn stamp(&mut self, len: usize, now: Instant) -> u16 {
        let cluster = self.prober.handle_sent(len);
        self.estimator.handle_sent(len, now);
        let SeqNum(seq) = self.history.handle_sent(len, cluster, now);
        seq
    }

    /// Packets to send now, and how much padding, while `wanted` could be sent and `target` is.
    pub fn poll(
        &mut self,
        wanted: Bitrate,
        target: Bitrate,
        now: Instant,
    ) -> (Vec<Waiting>, usize) {
        if now < self.next {
            return (Vec::new(), 0);
        }
        self.next = now + TICK;
        self.estimator.handle_timeout(now);
        let elapsed = (now - self.last).as_secs_f64();
        self.last = now;
        let rate = target.max(Bitrate::from_kbps(300)).as_f64() * PACING / 8.0;
        self.owed = (self.owed + rate * elapsed).min(rate * 0.01);
        let mut out = Vec::new();
        while let Some(front) = self.queue.front() {
            if !front.audio && self.owed <= 0.0 {
                break;
            }
            self.owed -= front.bytes.len() as f64;
            out.extend(self.queue.pop_front());
        }
        let mut padding = 0;
        if self.transport_cc {
            if let Some(cluster) = self.estimator.poll_probe(wanted, now) {
                self.prober.handle_cluster(cluster, now);
            }
            let need = Need {
                target,
                ideal: wanted,
                wanting: wanted > target,
            };
            padding = self.prober.poll(need, self.estimator.estimate(), now).bytes;
        }
        (out, padding)
    }
}
