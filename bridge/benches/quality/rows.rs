//! The links of the table, and what is to be had on each.

use std::time::{Duration, Instant};

use media::simnet::Link;

use super::Lab;
use super::camera::RATES;
use super::figures::Figures;
use super::peer::Traits;

pub const RECEIVER: usize = 2;
pub const CAMERA: u8 = 1;
/// What each figure has to be for a good sender-side estimator; see `docs/quality.md`.
pub const QUEUE_P95: f64 = 150.0;
pub const AUDIO_LOST: f64 = 0.5;
pub const USE: f64 = 0.85;
pub const FREEZE: f64 = 1.0;
pub const SWITCHES: f64 = 6.0;
/// Switches count from here on: before, the path is being found out.
const SETTLED: f64 = 20.0;

/// A change during the call.
pub type Change = (f64, Link);

/// A call: one who films, one who keeps all layers going, one or two behind the link.
#[derive(Clone)]
pub struct Row {
    pub name: &'static str,
    pub link: Link,
    pub seconds: f64,
    pub receiver: Traits,
    /// A second receiver is behind the same link.
    pub pair: bool,
    /// The camera's own link.
    pub uplink: Option<Link>,
    /// A TCP-like flow takes part, from and for so many seconds.
    pub rival: Option<(f64, f64)>,
    pub changes: Vec<Change>,
    /// The highest encoding that the link has room for, beside the voice; none: not even the lowest
    /// in full.
    pub best: Option<usize>,
    /// The share of it that is to be had.
    pub least: f64,
    /// Audio that the link itself loses, in per cent, and freezes that it causes.
    pub lossy: bool,
    pub trace: bool,
}

pub fn link(kbps: u64) -> Link {
    Link {
        latency: Duration::from_millis(20),
        bandwidth: Some(kbps * 1_000),
        queue: Duration::from_millis(200),
        ..Link::default()
    }
}

fn row(name: &'static str, link: Link, best: Option<usize>) -> Row {
    Row {
        name,
        link,
        seconds: 120.0,
        receiver: Traits::default(),
        pair: false,
        uplink: None,
        rival: None,
        changes: Vec::new(),
        best,
        least: USE,
        lossy: false,
        trace: false,
    }
}

/// All rows.
pub fn table() -> Vec<Row> {
    let (low, middle, high) = (Some(0), Some(1), Some(2));
    let queue = |kbps, ms| Link {
        queue: Duration::from_millis(ms),
        ..link(kbps)
    };
    let latency = |kbps, ms| Link {
        latency: Duration::from_millis(ms),
        ..link(kbps)
    };
    let lossy = |name, kbps, loss, burst, best| Row {
        lossy: true,
        ..row(
            name,
            Link {
                loss,
                burst,
                ..link(kbps)
            },
            best,
        )
    };
    let steps = |name, first, second| Row {
        changes: vec![(40.0, link(second)), (80.0, link(first))],
        least: 0.0,
        ..row(name, link(first), None)
    };
    let pair = |name, kbps, best| Row {
        pair: true,
        ..row(name, link(kbps), best)
    };
    let of = |name, kbps, best, receiver| Row {
        receiver,
        ..row(name, link(kbps), best)
    };
    let remb = Traits {
        transport_cc: false,
        ..Traits::default()
    };
    let bare = Traits {
        rtx: false,
        ..Traits::default()
    };
    let deaf = Traits {
        nack: false,
        ..Traits::default()
    };
    vec![
        row("250 kbit/s", link(250), None),
        row("300 kbit/s", link(300), None),
        row("400 kbit/s", link(400), low),
        row("500 kbit/s", link(500), low),
        row("700 kbit/s", link(700), middle),
        row("1 Mbit/s", link(1_000), middle),
        row("1.5 Mbit/s", link(1_500), middle),
        row("2 Mbit/s", link(2_000), high),
        row("3 Mbit/s", link(3_000), high),
        row("10 Mbit/s", link(10_000), high),
        row("1 Mbit/s, queue of 50 ms", queue(1_000, 50), middle),
        row("2.5 Mbit/s, queue of 50 ms", queue(2_500, 50), high),
        row("1 Mbit/s, queue of 1 s", queue(1_000, 1_000), middle),
        row("2 Mbit/s, queue of 2 s", queue(2_000, 2_000), high),
        row("2 Mbit/s, round trip of 240 ms", latency(2_000, 220), high),
        Row {
            link: Link {
                jitter: Duration::from_millis(30),
                ..link(2_500)
            },
            ..row("2.5 Mbit/s, jitter of 30 ms", link(2_500), high)
        },
        Row {
            link: Link {
                reorder: 0.02,
                ..link(3_000)
            },
            ..row("3 Mbit/s, 2 % reordered", link(3_000), high)
        },
        lossy("3 Mbit/s, 1 % lost", 3_000, 0.01, 0.0, high),
        lossy("3 Mbit/s, 5 % lost", 3_000, 0.05, 0.0, high),
        lossy("3 Mbit/s, 10 % lost", 3_000, 0.10, 0.0, high),
        lossy("1 Mbit/s, 5 % lost", 1_000, 0.05, 0.0, middle),
        lossy("3 Mbit/s, 2 % lost in bursts of 8", 3_000, 0.02, 8.0, high),
        steps("3 Mbit/s, 500 kbit/s, 3 Mbit/s", 3_000, 500),
        steps("2 Mbit/s, 1 Mbit/s, 2 Mbit/s", 2_000, 1_000),
        steps("1 Mbit/s, 300 kbit/s, 1 Mbit/s", 1_000, 300),
        Row {
            rival: Some((30.0, 60.0)),
            least: 0.0,
            lossy: true,
            ..row(
                "3 Mbit/s, a minute beside a TCP-like flow",
                link(3_000),
                high,
            )
        },
        pair("two behind 1 Mbit/s", 1_000, low),
        pair("two behind 2 Mbit/s", 2_000, middle),
        pair("two behind 4 Mbit/s", 4_000, high),
        Row {
            uplink: Some(link(1_000)),
            ..row("uplink of 1 Mbit/s", link(10_000), middle)
        },
        of("1 Mbit/s, REMB only", 1_000, middle, remb),
        of("3 Mbit/s, REMB only", 3_000, high, remb),
        of("500 kbit/s, no RTX", 500, low, bare),
        of("1 Mbit/s, no RTX", 1_000, middle, bare),
        of("3 Mbit/s, no RTX", 3_000, high, bare),
        Row {
            receiver: deaf,
            ..lossy("3 Mbit/s, 1 % lost, no NACK", 3_000, 0.01, 0.0, high)
        },
    ]
}

/// What came of a row.
pub struct Outcome {
    pub figures: Figures,
    /// Share of the best that the link has room for.
    pub used: f64,
    /// After 20 s.
    pub switches: f64,
    /// What the two behind one link were sent, the greater over the smaller.
    pub unfair: Option<f64>,
    /// After a step down: the wait in the queue (95th percentile) from 2 to 7 s after, in ms; after one up: seconds until nine tenths
    /// of the frames of two seconds are of the encoding of before.
    pub steps: Option<(f64, Option<f64>)>,
}

impl Row {
    /// Runs the call; returns the lab at its end, and when the receiver was connected.
    pub fn run(&self, seed: u64) -> (Lab, Instant) {
        let mut lab = Lab::new(seed);
        let camera = Traits {
            camera: 3,
            ..Traits::default()
        };
        let silent = Traits {
            microphone: false,
            ..Traits::default()
        };
        lab.join(camera, None);
        lab.join(silent, None);
        if let Some(uplink) = &self.uplink {
            lab.set_uplink(0, uplink.clone());
        }
        lab.run_until(10.0, |l| l.peers.iter().all(|p| p.connected.is_some()));
        lab.watch(1, "peer1-v0", 720);
        lab.run_for(6.0);
        let receiver = Traits {
            microphone: false,
            ..self.receiver
        };
        lab.join(receiver, Some(self.link.clone()));
        if self.pair {
            lab.join(receiver, None);
            lab.share_downlink(RECEIVER + 1, RECEIVER);
        }
        if let Some((from, seconds)) = self.rival {
            lab.add_rival(RECEIVER, from, seconds);
        }
        lab.run_until(30.0, |l| l.peers.iter().all(|p| p.connected.is_some()));
        for peer in RECEIVER..lab.peers.len() {
            lab.watch(peer, "peer1-v0", 720);
        }
        let start = lab.now;
        let mut at = 0.0;
        for (when, link) in &self.changes {
            self.pass(&mut lab, when - at);
            at = *when;
            lab.set_downlink(RECEIVER, link.clone());
        }
        self.pass(&mut lab, self.seconds - at);
        (lab, start)
    }

    /// Runs on; each second goes to standard error where somebody wants to look on.
    fn pass(&self, lab: &mut Lab, mut seconds: f64) {
        while self.trace && seconds > 0.0 {
            let (from, step) = (lab.now, seconds.min(1.0));
            lab.run_for(step);
            seconds -= step;
            for peer in RECEIVER..lab.peers.len() {
                lab.trace(peer, from);
            }
        }
        lab.run_for(seconds);
    }

    pub fn outcome(&self, seed: u64) -> Outcome {
        let (lab, start) = self.run(seed);
        let at = |seconds| start + Duration::from_secs_f64(seconds);
        let figures = lab.figures(RECEIVER, CAMERA, start);
        let settled = lab.figures(RECEIVER, CAMERA, at(SETTLED));
        let best = self.best.map_or(RATES[0].1, |best| RATES[best].1);
        let unfair = self.pair.then(|| {
            let [one, other] = [0, 1].map(|n| lab.figures(RECEIVER + n, CAMERA, at(SETTLED)));
            let (a, b) = (one.sent_kbps, other.sent_kbps);
            a.max(b) / a.min(b).max(1.0)
        });
        let steps = (self.changes.len() == 2).then(|| {
            let down = lab.queue_p95(RECEIVER, at(42.0), at(47.0));
            let top = |from: f64, to: f64| {
                let shown = lab.peers[RECEIVER].video.values().flat_map(|d| &d.shown);
                let during = shown.filter(|s| s.at >= at(from) && s.at < at(to));
                let (mut of_best, mut all) = (0, 0);
                let best = if self.link.bandwidth >= Some(2_000_000) {
                    2
                } else {
                    1
                };
                for frame in during {
                    all += 1;
                    of_best += usize::from(frame.encoding == best);
                }
                f64::from(of_best as u32) / f64::from(all.max(1))
            };
            let tenths = (800..1_180).map(|t| f64::from(t) / 10.0);
            let mut full = tenths.filter(|from| top(*from, from + 2.0) >= 0.9);
            (down, full.next().map(|from| from - 80.0))
        });
        Outcome {
            used: settled.shown_bps / best,
            switches: settled.switches_per_minute,
            figures,
            unfair,
            steps,
        }
    }

    /// The goals that were missed, in words.
    pub fn missed(&self, outcome: &Outcome) -> Vec<String> {
        let f = &outcome.figures;
        let mut missed = Vec::new();
        let mut goal = |met: bool, what: String| {
            if !met {
                missed.push(what);
            }
        };
        let lost =
            AUDIO_LOST + self.link.loss * 100.0 * if self.link.loss > 0.0 { 1.3 } else { 0.0 };
        goal(
            f.audio_lost <= lost,
            format!("{:.2} % of audio lost", f.audio_lost),
        );
        let queue = if self.rival.is_some() {
            f64::MAX
        } else {
            QUEUE_P95
        };
        goal(
            f.queue_p95 <= queue,
            format!("queue of {:.0} ms", f.queue_p95),
        );
        let used = self.best.is_none() || outcome.used >= self.least;
        goal(used, format!("{:.0} % used", outcome.used * 100.0));
        goal(
            f.longest_freeze <= FREEZE || self.link.burst > 0.0,
            format!("a freeze of {:.1} s", f.longest_freeze),
        );
        let changes = self.changes.is_empty() && self.rival.is_none();
        goal(
            !changes || outcome.switches <= SWITCHES,
            format!("{:.1} switches a minute", outcome.switches),
        );
        if self.link.bandwidth >= Some(3_000_000)
            && !self.pair
            && self.receiver.transport_cc
            && self.uplink.is_none()
            && self.receiver.rtx
        {
            let soon = f.to_720.is_some_and(|seconds| seconds <= 3.0);
            goal(soon, format!("720p after {:?} s", f.to_720));
        }
        if let Some(unfair) = outcome.unfair {
            goal(unfair <= 1.2, format!("{unfair:.2} : 1"));
        }
        if let Some((queue, back)) = outcome.steps {
            goal(
                queue <= 100.0,
                format!("{queue:.0} ms in the queue from 2 s after the step"),
            );
            let soon = back.is_some_and(|seconds| seconds <= 10.0);
            goal(soon, format!("back after {back:?} s"));
        }
        missed
    }
}
