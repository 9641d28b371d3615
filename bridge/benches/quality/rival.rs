//! A TCP-like flow that shares a bottleneck: slow start, additive increase, halving on loss.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const SEGMENT: usize = 1_400;
const RTO: Duration = Duration::from_millis(600);

pub struct Rival {
    pub from: SocketAddr,
    pub to: SocketAddr,
    /// Of the way back.
    pub return_latency: Duration,
    pub start: Instant,
    pub end: Instant,
    pub delivered: usize,
    window: f64,
    threshold: f64,
    next: u64,
    acked: u64,
    recover: u64,
    acks: VecDeque<(Instant, u64)>,
    heard: Instant,
}

impl Rival {
    pub fn new(
        from: SocketAddr,
        to: SocketAddr,
        return_latency: Duration,
        start: Instant,
        end: Instant,
    ) -> Self {
        Self {
            from,
            to,
            return_latency,
            start,
            end,
            delivered: 0,
            window: 10.0,
            threshold: f64::MAX,
            next: 0,
            acked: 0,
            recover: 0,
            acks: VecDeque::new(),
            heard: start,
        }
    }

    pub fn poll_timeout(&self) -> Instant {
        let ack = self.acks.front().map_or(self.end, |(at, _)| *at);
        if self.next == 0 {
            self.start
        } else {
            ack.min(self.heard + RTO)
        }
    }

    /// A segment arrived at the other end.
    pub fn handle_segment(&mut self, payload: &[u8], now: Instant) {
        let number = payload
            .get(..8)
            .and_then(|b| b.try_into().ok())
            .map_or(0, u64::from_be_bytes);
        self.delivered += payload.len();
        self.acks.push_back((now + self.return_latency, number));
    }

    /// Acknowledgements come back; the segments to send now.
    pub fn handle_timeout(&mut self, now: Instant) -> Vec<Vec<u8>> {
        if now < self.start || now >= self.end {
            return Vec::new();
        }
        while let Some((_, number)) = self.acks.front().copied().filter(|(at, _)| *at <= now) {
            self.acks.pop_front();
            self.heard = now;
            // The path keeps the order: what is skipped is lost.
            if number > self.acked && self.acked >= self.recover {
                self.threshold = (self.window / 2.0).max(2.0);
                self.window = self.threshold;
                self.recover = self.next;
            }
            self.acked = self.acked.max(number + 1);
            self.window += if self.window < self.threshold {
                1.0
            } else {
                1.0 / self.window
            };
        }
        if now >= self.heard + RTO {
            self.heard = now;
            self.threshold = (self.window / 2.0).max(2.0);
            self.window = 2.0;
            self.acked = self.next;
            self.recover = self.next;
        }
        let mut segments = Vec::new();
        while ((self.next - self.acked) as f64) < self.window {
            let mut segment = self.next.to_be_bytes().to_vec();
            segment.resize(SEGMENT, 0);
            segments.push(segment);
            self.next += 1;
        }
        segments
    }
}
