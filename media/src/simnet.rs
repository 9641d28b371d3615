//! A simulated UDP network in virtual time, for tests: seeded, so that every run is the same.
//!
//! A [`SimNet`] carries datagrams between addresses. Each direction between two hosts is a
//! [`Link`] with latency, jitter, loss (alone or in bursts), reordering, duplication and a
//! bottleneck with a drop-tail queue, which several directions may share. A test sends with [`SimNet::send`], asks [`SimNet::poll_timeout`] when the
//! next datagram arrives, moves its clock there, and takes it with [`SimNet::poll_receive`].

use std::collections::BinaryHeap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rustc_hash::FxHashMap;

/// One direction between two hosts. The default is perfect: no delay, no loss, no limit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Link {
    /// One-way delay without queueing.
    pub latency: Duration,
    /// Each datagram is delayed by up to this much more; order is kept.
    pub jitter: Duration,
    /// Share of datagrams lost, 0 to 1.
    pub loss: f64,
    /// Losses come in bursts of so many datagrams on average; below 2 each comes alone.
    pub burst: f64,
    /// Share of datagrams held back by 5 to 30 ms, so that later ones overtake; 0 to 1.
    pub reorder: f64,
    /// Share of datagrams that arrive twice, 0 to 1.
    pub duplicate: f64,
    /// Bottleneck in bits per second, counting UDP payload and 28 bytes of header.
    pub bandwidth: Option<u64>,
    /// How long the bottleneck's queue may grow before it drops; 0 means 200 ms.
    pub queue: Duration,
}

impl Link {
    /// A link that delays and loses.
    pub fn new(latency: Duration, loss: f64) -> Self {
        Self {
            latency,
            loss,
            ..Self::default()
        }
    }

    /// A link that carries nothing.
    pub fn cut() -> Self {
        Self::new(Duration::ZERO, 1.0)
    }
}

/// A datagram that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Source.
    pub from: SocketAddr,
    /// Destination.
    pub to: SocketAddr,
    /// UDP payload.
    pub payload: Vec<u8>,
}

/// What became of a datagram that was handed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It will arrive, after so long in the bottleneck's queue.
    Queued(Duration),
    /// Lost by chance.
    Lost,
    /// Dropped by a full queue.
    Overflowed,
}

/// What a network did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SimStats {
    /// Datagrams handed in.
    pub sent: u64,
    /// Datagrams that arrived, duplicates counted.
    pub received: u64,
    /// Datagrams lost by chance.
    pub lost: u64,
    /// Datagrams dropped by a full queue.
    pub overflowed: u64,
}

struct InFlight {
    arrives: Instant,
    order: u64,
    datagram: Datagram,
}

impl PartialEq for InFlight {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for InFlight {}

impl PartialOrd for InFlight {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for InFlight {
    /// The heap's greatest is the earliest arrival.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.arrives, other.order).cmp(&(self.arrives, self.order))
    }
}

#[derive(Default)]
struct Wire {
    /// In the midst of a burst of losses.
    losing: bool,
    /// When the bottleneck has sent all that it queued.
    free_at: Option<Instant>,
    /// Latest arrival that kept its order.
    last_arrival: Option<Instant>,
}

/// The network.
pub struct SimNet {
    rng: SmallRng,
    default: Link,
    links: FxHashMap<(IpAddr, IpAddr), Link>,
    shared: FxHashMap<(IpAddr, IpAddr), (IpAddr, IpAddr)>,
    wires: FxHashMap<(IpAddr, IpAddr), Wire>,
    in_flight: BinaryHeap<InFlight>,
    order: u64,
    stats: SimStats,
}

impl SimNet {
    /// A network whose links are all `default` until set.
    pub fn new(seed: u64, default: Link) -> Self {
        Self {
            rng: SmallRng::seed_from_u64(seed),
            default,
            links: FxHashMap::default(),
            shared: FxHashMap::default(),
            wires: FxHashMap::default(),
            in_flight: BinaryHeap::new(),
            order: 0,
            stats: SimStats::default(),
        }
    }

    /// Changes what every link is that was not set by itself.
    pub fn set_default(&mut self, link: Link) {
        self.default = link;
    }

    /// Changes the direction from one host to another, from the next datagram on.
    pub fn set_link(&mut self, from: IpAddr, to: IpAddr, link: Link) {
        self.links.insert((from, to), link);
    }

    /// Changes both directions between two hosts.
    pub fn set_link_both_ways(&mut self, one: IpAddr, other: IpAddr, link: Link) {
        self.set_link(one, other, link.clone());
        self.set_link(other, one, link);
    }

    /// One direction goes through the bottleneck of another one, and has its link.
    pub fn share(&mut self, from: IpAddr, to: IpAddr, with: (IpAddr, IpAddr)) {
        self.shared.insert((from, to), with);
    }

    /// What the network did so far.
    pub fn stats(&self) -> SimStats {
        self.stats
    }

    /// Hands in a datagram.
    pub fn send(&mut self, now: Instant, from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Fate {
        self.stats.sent += 1;
        let key = (from.ip(), to.ip());
        let key = self.shared.get(&key).copied().unwrap_or(key);
        let link = self.links.get(&key).unwrap_or(&self.default).clone();
        if self.loses(key, &link) {
            self.stats.lost += 1;
            return Fate::Lost;
        }
        let Some(departs) = self.through_bottleneck(key, &link, now, payload.len()) else {
            self.stats.overflowed += 1;
            return Fate::Overflowed;
        };
        let mut arrives = departs + link.latency + link.jitter.mul_f64(self.rng.random::<f64>());
        if self.chance(link.reorder) {
            arrives += Duration::from_micros(self.rng.random_range(5_000..30_000));
        } else {
            let wire = self.wires.entry(key).or_default();
            arrives = wire.last_arrival.map_or(arrives, |last| last.max(arrives));
            wire.last_arrival = Some(arrives);
        }
        let datagram = Datagram {
            from,
            to,
            payload: payload.to_vec(),
        };
        if self.chance(link.duplicate) {
            let later = arrives + Duration::from_micros(self.rng.random_range(0..10_000));
            self.push(later, datagram.clone());
        }
        self.push(arrives, datagram);
        Fate::Queued(departs.saturating_duration_since(now))
    }

    /// Alone, or in bursts as a chain of two states has them (Gilbert).
    fn loses(&mut self, key: (IpAddr, IpAddr), link: &Link) -> bool {
        if link.burst < 2.0 || link.loss >= 1.0 {
            return self.chance(link.loss);
        }
        let losing = self.wires.entry(key).or_default().losing;
        let begins = link.loss / ((1.0 - link.loss) * link.burst);
        let losing = if losing {
            !self.chance(1.0 / link.burst)
        } else {
            self.chance(begins)
        };
        self.wires.entry(key).or_default().losing = losing;
        losing
    }

    /// When the next datagram arrives.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.in_flight.peek().map(|next| next.arrives)
    }

    /// The next datagram that arrived by `now`.
    pub fn poll_receive(&mut self, now: Instant) -> Option<Datagram> {
        if self.poll_timeout()? > now {
            return None;
        }
        let arrived = self.in_flight.pop()?;
        self.stats.received += 1;
        Some(arrived.datagram)
    }

    /// When the datagram leaves the bottleneck; `None` when its queue is full.
    fn through_bottleneck(
        &mut self,
        key: (IpAddr, IpAddr),
        link: &Link,
        now: Instant,
        len: usize,
    ) -> Option<Instant> {
        const HEADERS: usize = 28;
        let Some(bandwidth) = link.bandwidth else {
            return Some(now);
        };
        let queue = if link.queue.is_zero() {
            Duration::from_millis(200)
        } else {
            link.queue
        };
        let wire = self.wires.entry(key).or_default();
        let starts = wire.free_at.map_or(now, |at| at.max(now));
        if starts.saturating_duration_since(now) > queue {
            return None;
        }
        let bits = (len + HEADERS) as f64 * 8.0;
        let done = starts + Duration::from_secs_f64(bits / bandwidth.max(1) as f64);
        wire.free_at = Some(done);
        Some(done)
    }

    fn push(&mut self, arrives: Instant, datagram: Datagram) {
        self.order += 1;
        self.in_flight.push(InFlight {
            arrives,
            order: self.order,
            datagram,
        });
    }

    fn chance(&mut self, share: f64) -> bool {
        share > 0.0 && self.rng.random::<f64>() < share
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn host(n: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, n], 5000))
    }

    fn arrivals(net: &mut SimNet) -> Vec<(Instant, Vec<u8>)> {
        let mut all = Vec::new();
        while let Some(at) = net.poll_timeout() {
            all.push((at, net.poll_receive(at).unwrap().payload));
        }
        all
    }

    #[test]
    fn a_perfect_link_delivers_at_once_and_in_order() {
        let start = Instant::now();
        let mut net = SimNet::new(1, Link::default());
        for n in 0..10u8 {
            net.send(start, host(1), host(2), &[n]);
        }
        let got = arrivals(&mut net);
        assert_eq!(got, (0..10u8).map(|n| (start, vec![n])).collect::<Vec<_>>());
    }

    #[test]
    fn loss_reordering_and_duplication_happen_at_their_rates_and_the_same_way_every_time() {
        let run = || {
            let start = Instant::now();
            let mut net = SimNet::new(
                7,
                Link {
                    latency: Duration::from_millis(20),
                    loss: 0.1,
                    reorder: 0.1,
                    duplicate: 0.1,
                    ..Link::default()
                },
            );
            for n in 0..2000u16 {
                let now = start + Duration::from_millis(u64::from(n));
                net.send(now, host(1), host(2), &n.to_be_bytes());
            }
            let stats = net.stats();
            let got: Vec<_> = arrivals(&mut net).into_iter().map(|(_, p)| p).collect();
            (stats, got)
        };
        let (stats, got) = run();
        assert!((150..250).contains(&stats.lost), "{stats:?}");
        let extra = got.len() as u64 + stats.lost - 2000;
        assert!((130..230).contains(&extra), "{extra} duplicates");
        assert!(got.windows(2).any(|pair| pair[0] > pair[1]));
        assert_eq!(run().1, got);
    }

    #[test]
    fn a_bottleneck_spaces_datagrams_and_drops_when_its_queue_is_full() {
        let start = Instant::now();
        let mut net = SimNet::new(
            1,
            Link {
                bandwidth: Some(8 * 1000 * 100),
                queue: Duration::from_millis(50),
                ..Link::default()
            },
        );
        for n in 0..20u8 {
            net.send(start, host(1), host(2), &[n; 972]);
        }
        let got = arrivals(&mut net);
        assert_eq!(got[0].0, start + Duration::from_millis(10));
        assert_eq!(got[1].0, start + Duration::from_millis(20));
        assert_eq!(got.len(), 6);
        assert_eq!(net.stats().overflowed, 14);
    }

    #[test]
    fn losses_come_in_bursts_at_their_rate() {
        let start = Instant::now();
        let link = Link {
            burst: 8.0,
            ..Link::new(Duration::ZERO, 0.05)
        };
        let mut net = SimNet::new(3, link);
        let fates: Vec<_> = (0..20_000)
            .map(|_| net.send(start, host(1), host(2), &[0]) == Fate::Lost)
            .collect();
        let lost = fates.iter().filter(|lost| **lost).count();
        let bursts = fates.windows(2).filter(|pair| !pair[0] && pair[1]).count();
        assert!((700..1_300).contains(&lost), "{lost}");
        assert!((6..10).contains(&(lost / bursts)), "{lost} in {bursts}");
    }

    #[test]
    fn directions_that_share_a_bottleneck_wait_for_each_other() {
        let start = Instant::now();
        let link = Link {
            bandwidth: Some(800_000),
            ..Link::default()
        };
        let mut net = SimNet::new(1, link);
        net.share(host(1).ip(), host(3).ip(), (host(1).ip(), host(2).ip()));
        net.send(start, host(1), host(2), &[0; 972]);
        let fate = net.send(start, host(1), host(3), &[0; 972]);
        assert_eq!(fate, Fate::Queued(Duration::from_millis(20)));
    }

    #[test]
    fn a_cut_link_is_cut_in_its_direction_only() {
        let start = Instant::now();
        let mut net = SimNet::new(1, Link::default());
        net.set_link(host(1).ip(), host(2).ip(), Link::cut());
        net.send(start, host(1), host(2), b"lost");
        net.send(start, host(2), host(1), b"kept");
        assert_eq!(arrivals(&mut net).len(), 1);
    }
}
