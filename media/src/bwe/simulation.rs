//! The estimator over simulated links: capacity steps, loss, jitter, and an application that does
//! not use what it could.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::{Config, Estimator};
use crate::probing::{Need, Prober};
use crate::rtcp::{Compound, RtcpPacket};
use crate::rtp::SeqNum;
use crate::twcc::{FeedbackGenerator, SendHistory};
use crate::units::{Bitrate, Ssrc};

const MS: Duration = Duration::from_millis(1);
const PACKET: usize = 1_200;

#[derive(Clone, Copy)]
struct Link {
    kbps: u64,
    delay: Duration,
    loss: f64,
    jitter: Duration,
    /// What the queue before the link holds, in time.
    queue: Duration,
}

impl Link {
    fn new(kbps: u64) -> Self {
        let (delay, queue) = (30 * MS, 400 * MS);
        Self {
            kbps,
            delay,
            loss: 0.0,
            jitter: Duration::ZERO,
            queue,
        }
    }
}

struct Call {
    start: Instant,
    now: Instant,
    link: Link,
    random: SmallRng,
    link_free: Instant,
    last_arrival: Instant,
    in_flight: VecDeque<(Instant, SeqNum)>,
    feedback: VecDeque<(Instant, Vec<u8>)>,
    history: SendHistory,
    generator: FeedbackGenerator,
    estimator: Estimator,
    prober: Prober,
    /// What media uses at most; padding may fill up to `ideal`.
    media: Bitrate,
    ideal: Bitrate,
    media_owed: f64,
    /// Sum of queueing delay in seconds, and packets.
    queued: (f64, u64),
}

impl Call {
    fn new(link: Link, seed: u64) -> Self {
        let start = Instant::now();
        Self {
            start,
            now: start,
            link,
            random: SmallRng::seed_from_u64(seed),
            link_free: start,
            last_arrival: start,
            in_flight: VecDeque::new(),
            feedback: VecDeque::new(),
            history: SendHistory::new(),
            generator: FeedbackGenerator::new(),
            estimator: Estimator::new(Config::default()),
            prober: Prober::new(),
            media: Bitrate::MAX,
            ideal: Bitrate::MAX,
            media_owed: 0.0,
            queued: (0.0, 0),
        }
    }

    fn send(&mut self, len: usize) {
        let cluster = self.prober.handle_sent(len);
        let seq = self.history.handle_sent(len, cluster, self.now);
        self.estimator.handle_sent(len, self.now);
        let waits = self.link_free.saturating_duration_since(self.now);
        if waits > self.link.queue || self.random.random_bool(self.link.loss) {
            return;
        }
        self.queued = (self.queued.0 + waits.as_secs_f64(), self.queued.1 + 1);
        let time = Bitrate::from_kbps(self.link.kbps).time_for(len as u64);
        self.link_free = self.link_free.max(self.now) + time;
        let jitter = self.link.jitter.mul_f64(self.random.random_range(0.0..1.0));
        // Links delay unevenly but keep the order.
        self.last_arrival = self
            .last_arrival
            .max(self.link_free + self.link.delay + jitter);
        self.in_flight.push_back((self.last_arrival, seq));
    }

    fn step(&mut self) {
        self.now += MS;
        let estimate = self.estimator.estimate();
        let target = self.media.min(estimate);
        self.media_owed += target.as_f64() / 8e3;
        while self.media_owed >= PACKET as f64 {
            self.media_owed -= PACKET as f64;
            self.send(PACKET);
        }
        let tick = (self.now - self.start).as_millis().is_multiple_of(15);
        if tick || self.prober.is_in_cluster() {
            if let Some(cluster) = self.estimator.poll_probe(self.ideal, self.now) {
                self.prober.handle_cluster(cluster, self.now);
            }
            let need = Need {
                target,
                ideal: self.ideal,
                wanting: self.ideal > target,
            };
            let mut padding = self.prober.poll(need, estimate, self.now).bytes;
            while padding > 0 {
                let len = padding.min(PACKET);
                padding -= len;
                self.prober.handle_padding_sent(len);
                self.send(len);
            }
        }
        while self
            .in_flight
            .front()
            .is_some_and(|&(at, _)| at <= self.now)
        {
            let (at, seq) = self.in_flight.pop_front().unwrap();
            self.generator.handle_packet(seq, Ssrc(1), at);
        }
        let mut out = Vec::new();
        while self.generator.poll(Ssrc(2), self.now, &mut out) {
            self.feedback
                .push_back((self.now + self.link.delay, std::mem::take(&mut out)));
        }
        while self.feedback.front().is_some_and(|&(at, _)| at <= self.now) {
            let (_, bytes) = self.feedback.pop_front().unwrap();
            let packet = Compound::new(&bytes).next().unwrap().unwrap();
            let RtcpPacket::TransportCc(feedback) = packet else {
                panic!()
            };
            let mut results = Vec::new();
            self.history.handle_feedback(&feedback, &mut results);
            self.estimator.handle_feedback(&results, self.now);
        }
        if (self.now - self.start).as_millis().is_multiple_of(100) {
            self.estimator.handle_timeout(self.now);
        }
    }

    /// Runs for some seconds; the estimate's least, mean and greatest over the last half.
    fn run(&mut self, seconds: u32) -> [u64; 3] {
        self.queued = (0.0, 0);
        let (mut least, mut sum, mut greatest) = (u64::MAX, 0, 0);
        let steps = seconds * 1_000;
        for step in 0..steps {
            self.step();
            if step >= steps / 2 {
                let kbps = self.estimator.estimate().as_kbps();
                least = least.min(kbps);
                greatest = greatest.max(kbps);
                sum += kbps;
            }
        }
        [least, sum / u64::from(steps - steps / 2), greatest]
    }

    fn mean_queue(&self) -> Duration {
        Duration::from_secs_f64(self.queued.0 / self.queued.1.max(1) as f64)
    }
}

#[track_caller]
fn assert_within([least, mean, greatest]: [u64; 3], capacity: u64) {
    let shown = format!("{least}..{mean}..{greatest} kbps of {capacity}");
    assert!(least >= capacity / 2, "collapsed: {shown}");
    assert!(
        mean >= capacity * 70 / 100 && mean <= capacity * 108 / 100,
        "off: {shown}"
    );
    assert!(greatest <= capacity * 130 / 100, "overshot: {shown}");
}

#[test]
fn the_estimate_follows_steps_of_capacity() {
    for seed in 0..4 {
        let mut call = Call::new(Link::new(300), seed);
        assert_within(call.run(20), 300);
        call.link.kbps = 1_000;
        assert_within(call.run(40), 1_000);
        call.link.kbps = 500;
        assert_within(call.run(20), 500);
        assert!(call.mean_queue() < 150 * MS, "{:?}", call.mean_queue());
    }
}

#[test]
fn a_fall_of_capacity_is_followed_within_three_seconds() {
    let mut call = Call::new(Link::new(2_000), 1);
    call.run(30);
    call.link.kbps = 500;
    call.run(3);
    let estimate = call.estimator.estimate().as_kbps();
    assert!(estimate <= 600, "{estimate}");
}

#[test]
fn a_wide_path_is_found_in_seconds_by_probing() {
    let mut call = Call::new(Link::new(15_000), 1);
    call.ideal = Bitrate::from_kbps(9_000);
    call.media = Bitrate::from_kbps(600);
    call.run(3);
    let estimate = call.estimator.estimate().as_kbps();
    assert!(estimate >= 8_000, "{estimate}");
}

#[test]
fn two_percent_of_random_loss_costs_little() {
    for seed in 0..4 {
        let mut call = Call::new(
            Link {
                loss: 0.02,
                ..Link::new(1_000)
            },
            seed,
        );
        assert_within(call.run(60), 1_000);
    }
}

#[test]
fn ten_percent_of_random_loss_does_not_make_it_collapse() {
    for seed in 0..4 {
        let mut call = Call::new(
            Link {
                loss: 0.1,
                ..Link::new(1_000)
            },
            seed,
        );
        let [least, mean, greatest] = call.run(60);
        assert!(
            least >= 400 && mean >= 600 && greatest <= 1_300,
            "{least}..{mean}..{greatest}"
        );
    }
}

#[test]
fn jitter_is_not_taken_for_congestion() {
    for seed in 0..4 {
        let mut call = Call::new(
            Link {
                jitter: 15 * MS,
                ..Link::new(1_000)
            },
            seed,
        );
        assert_within(call.run(60), 1_000);
    }
}

#[test]
fn a_short_queue_that_drops_is_bounded_by_loss() {
    let mut call = Call::new(
        Link {
            queue: 20 * MS,
            ..Link::new(1_000)
        },
        1,
    );
    let [least, mean, greatest] = call.run(60);
    assert!(
        least >= 400 && mean >= 650 && greatest <= 1_300,
        "{least}..{mean}..{greatest}"
    );
}

#[test]
fn an_application_that_sends_little_keeps_its_estimate() {
    let mut call = Call::new(Link::new(3_000), 1);
    call.ideal = Bitrate::from_kbps(200);
    call.media = Bitrate::from_kbps(200);
    let [least, _, _] = call.run(60);
    assert!(least >= 2_000, "{least}");
}

#[test]
fn a_path_that_goes_silent_lowers_the_estimate_and_recovers() {
    let mut call = Call::new(Link::new(1_000), 1);
    call.run(20);
    call.link.loss = 1.0;
    call.run(5);
    let silent = call.estimator.estimate().as_kbps();
    assert!(silent < 300, "{silent}");
    call.link.loss = 0.0;
    assert_within(call.run(40), 1_000);
}
