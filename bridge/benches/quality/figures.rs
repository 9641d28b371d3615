//! What a receiver had of a call, in numbers.

use std::time::{Duration, Instant};

use media::simnet::Fate;

use super::camera::RATES;
use super::{Lab, Sent};

/// What happens to audio that was spoken this shortly before the end is not known yet.
const UNDER_WAY: Duration = Duration::from_millis(700);

#[derive(Clone, Debug, Default)]
pub struct Figures {
    pub sent_kbps: f64,
    pub queue_p95: f64,
    pub overflow: f64,
    /// Share of the frames' time by encoding: 180, 360, 720 lines.
    pub layers: [f64; 3],
    pub fps: f64,
    /// Bits per second of the frames that were shown, by their encoding's usual rate.
    pub shown_bps: f64,
    pub freezes: usize,
    pub longest_freeze: f64,
    pub switches_per_minute: f64,
    pub audio_lost: f64,
    /// From the connection to the first frame of 720 lines.
    pub to_720: Option<f64>,
}

impl Lab {
    /// What a peer had of `owner`'s picture and voice from `since` until now.
    pub fn figures(&self, peer: usize, owner: u8, since: Instant) -> Figures {
        let receiver = &self.peers[peer];
        let seconds = (self.now - since).as_secs_f64();
        let sent: Vec<_> = self.sent[peer].iter().filter(|s| s.at >= since).collect();
        let bytes: usize = sent.iter().map(|s| s.len).sum();
        let overflowed = sent.iter().filter(|s| s.fate == Fate::Overflowed).count();

        let mut shown: Vec<_> = receiver
            .video
            .values()
            .flat_map(|d| &d.shown)
            .filter(|s| s.owner == owner)
            .collect();
        shown.sort_by_key(|s| s.at);
        let to_720 = shown
            .iter()
            .find(|s| s.encoding == 2)
            .zip(receiver.connected)
            .map(|(s, connected)| (s.at - connected).as_secs_f64());
        let shown: Vec<_> = shown.into_iter().filter(|s| s.at >= since).collect();
        let mut layers = [0.0; 3];
        for frame in &shown {
            layers[usize::from(frame.encoding).min(2)] += 1.0 / shown.len() as f64;
        }
        let switches = shown
            .windows(2)
            .filter(|w| w[0].encoding != w[1].encoding)
            .count();
        let freezes = receiver.video.values().flat_map(|d| &d.freezes);
        let mut freezes: Vec<_> = freezes
            .filter(|f| f.from >= since)
            .map(|f| f.length.as_secs_f64())
            .collect();
        // A picture that never came back.
        if let Some(last) = shown.last()
            && self.now - last.at > Duration::from_millis(300)
        {
            freezes.push((self.now - last.at).as_secs_f64());
        }

        let until = self.now - UNDER_WAY;
        let spoken = self.peers.iter().find(|p| p.tag == owner).map_or(0, |p| {
            let during = |at: &&Instant| **at >= since && **at < until;
            p.spoken.iter().filter(during).count()
        });
        let latency = Duration::from_millis(45);
        let heard = receiver.heard.get(&owner).map_or(0, |heard| {
            let during = |at: &&Instant| **at >= since + latency && **at < until + latency;
            heard.iter().filter(during).count()
        });
        Figures {
            sent_kbps: bytes as f64 * 8.0 / 1e3 / seconds,
            queue_p95: queue_p95(sent.iter().copied()),
            overflow: overflowed as f64 / sent.len().max(1) as f64 * 100.0,
            layers,
            fps: shown.len() as f64 / seconds,
            shown_bps: shown
                .iter()
                .map(|s| RATES[usize::from(s.encoding).min(2)].1 / 30.0)
                .sum::<f64>()
                / seconds,
            freezes: freezes.len(),
            longest_freeze: freezes.iter().copied().fold(0.0, f64::max),
            switches_per_minute: switches as f64 / seconds * 60.0,
            audio_lost: (1.0 - heard as f64 / spoken.max(1) as f64).max(0.0) * 100.0,
            to_720,
        }
    }

    /// How long datagrams to a peer waited in its queue: the 95th percentile, in ms.
    pub fn queue_p95(&self, peer: usize, from: Instant, to: Instant) -> f64 {
        let sent = self.sent[peer].iter();
        queue_p95(sent.filter(|s| s.at >= from && s.at < to))
    }
}

fn queue_p95<'a>(sent: impl Iterator<Item = &'a Sent>) -> f64 {
    let mut queues: Vec<_> = sent
        .filter_map(|s| match s.fate {
            Fate::Queued(time) => Some(time.as_secs_f64() * 1e3),
            _ => None,
        })
        .collect();
    queues.sort_by(f64::total_cmp);
    let at = queues.len() * 95 / 100;
    queues.get(at).copied().unwrap_or(0.0)
}
