//! Packets that were sent, kept for retransmission.

use std::time::{Duration, Instant};

use crate::rtp::SeqNum;

/// First allocation; it doubles while a second of packets does not fit.
const INITIAL_BYTES: usize = 16 * 1024;
/// How much time of packets the memory grows to hold.
const HOLD: Duration = Duration::from_secs(1);
/// How many of the latest packets are looked through for one to probe with.
const PROBE_WINDOW: u16 = 8;
/// The least time between two answers for one packet.
const MIN_RESEND: Duration = Duration::from_millis(10);

/// Bounds of a [`PacketCache`].
#[derive(Clone, Copy, Debug)]
pub struct CacheConfig {
    /// Most packets kept; rounded up to a power of two.
    pub packets: usize,
    /// Most bytes kept.
    pub bytes: usize,
    /// Age at which a packet is no longer sent again.
    pub max_age: Duration,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            packets: 500,
            bytes: 256 * 1024,
            max_age: Duration::from_secs(15),
        }
    }
}

/// The answer to a request for a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resend<'a> {
    /// Send these bytes again.
    Packet(&'a [u8]),
    /// Sent again less than a round trip ago: the request crossed the answer.
    TooSoon,
    /// Not kept, or too old.
    Missing,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    seq: SeqNum,
    /// Where it was written, counted from the start of time; its place in the ring is this modulo
    /// the ring's size, and it is gone once the ring has been written over.
    at: u64,
    len: u16,
    sent: Instant,
    resent: Option<Instant>,
}

/// The latest packets of one outgoing SSRC: a ring of bytes and a table by sequence number. Takes
/// memory as packets come, up to its bounds, and then no more.
#[derive(Debug)]
pub struct PacketCache {
    config: CacheConfig,
    ring: Vec<u8>,
    written: u64,
    lap_started: Option<Instant>,
    table: Vec<Option<Entry>>,
    newest: SeqNum,
}

impl PacketCache {
    /// Empty.
    pub fn new(config: CacheConfig) -> Self {
        Self {
            config,
            ring: Vec::new(),
            written: 0,
            lap_started: None,
            table: Vec::new(),
            newest: SeqNum(0),
        }
    }

    /// Keeps a packet as it was sent, before encryption. One that is larger than the whole cache
    /// is not kept.
    pub fn insert(&mut self, seq: SeqNum, packet: &[u8], now: Instant) {
        let Ok(len) = u16::try_from(packet.len()) else {
            return;
        };
        let first = self.table.is_empty();
        if first {
            // A power of two divides the range of sequence numbers, so the table wraps with them.
            let packets = self.config.packets.clamp(1, 1 << 15).next_power_of_two();
            self.table = vec![None; packets];
            self.ring = vec![0; INITIAL_BYTES.min(self.config.bytes)];
            self.lap_started = Some(now);
        }
        let size = self.ring.len();
        if packet.len() > size {
            return;
        }
        let mut place = (self.written % size as u64) as usize;
        if place + packet.len() > size {
            self.end_lap(now);
            place = (self.written % self.ring.len() as u64) as usize;
        }
        self.ring[place..place + packet.len()].copy_from_slice(packet);
        let entry = Entry {
            seq,
            at: self.written,
            len,
            sent: now,
            resent: None,
        };
        self.written += packet.len() as u64;
        let slot = self.slot(seq);
        self.table[slot] = Some(entry);
        if first || seq.is_newer_than(self.newest) {
            self.newest = seq;
        }
    }

    /// Looks a packet up to send it again, and marks it as sent at `now`.
    pub fn resend(&mut self, seq: SeqNum, rtt: Duration, now: Instant) -> Resend<'_> {
        let Some(mut entry) = self.entry(seq, now) else {
            return Resend::Missing;
        };
        // The first request always counts: it cannot have crossed an answer.
        let since = entry
            .resent
            .map(|resent| now.saturating_duration_since(resent));
        if since.is_some_and(|since| since < rtt.max(MIN_RESEND)) {
            return Resend::TooSoon;
        }
        entry.resent = Some(now);
        let slot = self.slot(seq);
        self.table[slot] = Some(entry);
        Resend::Packet(self.bytes(&entry))
    }

    /// The largest of the latest packets that has at most `max_len` bytes, to probe with.
    pub fn probe(&self, max_len: usize, now: Instant) -> Option<&[u8]> {
        let entry = (0..PROBE_WINDOW)
            .filter_map(|back| self.entry(self.newest.minus(back), now))
            .filter(|entry| usize::from(entry.len) <= max_len)
            .max_by_key(|entry| entry.len)?;
        Some(self.bytes(&entry))
    }

    /// Bytes of memory held.
    pub fn memory(&self) -> usize {
        self.ring.capacity() + self.table.capacity() * size_of::<Option<Entry>>()
    }

    fn slot(&self, seq: SeqNum) -> usize {
        usize::from(seq.0) & (self.table.len() - 1)
    }

    fn entry(&self, seq: SeqNum, now: Instant) -> Option<Entry> {
        if self.table.is_empty() {
            return None;
        }
        let kept = |entry: &Entry| {
            entry.seq == seq
                && entry.at + self.ring.len() as u64 >= self.written
                && now.saturating_duration_since(entry.sent) <= self.config.max_age
        };
        self.table[self.slot(seq)].filter(kept)
    }

    fn bytes(&self, entry: &Entry) -> &[u8] {
        let place = (entry.at % self.ring.len() as u64) as usize;
        &self.ring[place..place + usize::from(entry.len)]
    }

    /// Skips the rest of the ring. When the lap was short, the ring doubles instead of being
    /// written over: what the lap wrote keeps its place.
    fn end_lap(&mut self, now: Instant) {
        let size = self.ring.len() as u64;
        self.written = self.written.next_multiple_of(size);
        let lap = self
            .lap_started
            .replace(now)
            .map(|start| now.saturating_duration_since(start));
        let larger = (self.ring.len() * 2).min(self.config.bytes);
        if lap.is_some_and(|lap| lap < HOLD) && larger > self.ring.len() {
            let lap_start = self.written - size;
            for slot in &mut self.table {
                *slot = slot.and_then(|entry| {
                    Some(Entry {
                        at: entry.at.checked_sub(lap_start)?,
                        ..entry
                    })
                });
            }
            self.written = size;
            self.ring.resize(larger, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const RTT: Duration = Duration::from_millis(50);

    fn packet(seq: u16) -> Vec<u8> {
        let len = 800 + usize::from(seq % 300);
        seq.to_be_bytes().into_iter().cycle().take(len).collect()
    }

    #[test]
    fn a_packet_is_sent_again_at_most_once_a_round_trip() {
        let start = Instant::now();
        let mut cache = PacketCache::new(CacheConfig::default());
        assert_eq!(cache.resend(SeqNum(7), RTT, start), Resend::Missing);
        cache.insert(SeqNum(7), &packet(7), start);
        assert_eq!(
            cache.resend(SeqNum(7), RTT, start + MS),
            Resend::Packet(&packet(7))
        );
        assert_eq!(
            cache.resend(SeqNum(7), RTT, start + 40 * MS),
            Resend::TooSoon
        );
        assert_eq!(
            cache.resend(SeqNum(7), RTT, start + 51 * MS),
            Resend::Packet(&packet(7))
        );
    }

    #[test]
    fn every_packet_is_itself_or_missing_and_the_latest_are_there() {
        for per_packet in [MS / 10, MS, 20 * MS] {
            let mut now = Instant::now();
            let mut cache = PacketCache::new(CacheConfig::default());
            for i in 0..10_000_u32 {
                let seq = SeqNum((i + 60_000) as u16);
                now += per_packet;
                cache.insert(seq, &packet(seq.0), now);
                for back in [0, 10, 100, 400, 900] {
                    let asked = seq.minus(back);
                    match cache.resend(asked, Duration::ZERO, now + MS * 20) {
                        Resend::Packet(bytes) => assert_eq!(bytes, packet(asked.0)),
                        answer => {
                            let back = u32::from(back);
                            assert!(
                                back > i
                                    || back >= 400
                                    || per_packet * back > HOLD
                                    || answer == Resend::TooSoon,
                                "{i} {back} {answer:?}"
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn memory_stays_bounded_and_small_for_slow_streams() {
        let mut now = Instant::now();
        let mut cache = PacketCache::new(CacheConfig::default());
        for seq in 0..5_000 {
            now += 100 * MS;
            cache.insert(SeqNum(seq), &packet(seq), now);
        }
        assert_eq!(cache.ring.len(), INITIAL_BYTES);
        for seq in 5_000..20_000 {
            now += MS / 10;
            cache.insert(SeqNum(seq), &packet(seq), now);
        }
        assert_eq!(cache.ring.len(), CacheConfig::default().bytes);
        assert!(cache.memory() < 300 * 1024);
    }

    #[test]
    fn packets_older_than_fifteen_seconds_are_not_sent_again() {
        let start = Instant::now();
        let mut cache = PacketCache::new(CacheConfig::default());
        cache.insert(SeqNum(1), &packet(1), start);
        let late = start + Duration::from_secs(16);
        assert_eq!(cache.resend(SeqNum(1), RTT, late), Resend::Missing);
    }

    #[test]
    fn probes_take_the_largest_recent_packet_that_fits() {
        let start = Instant::now();
        let mut cache = PacketCache::new(CacheConfig::default());
        assert_eq!(cache.probe(1_000, start), None);
        for (seq, len) in [(1, 1_200), (2, 300), (3, 700)] {
            cache.insert(SeqNum(seq), &vec![seq as u8; len], start);
        }
        assert_eq!(cache.probe(1_500, start).unwrap().len(), 1_200);
        assert_eq!(cache.probe(1_000, start).unwrap().len(), 700);
        assert_eq!(cache.probe(100, start), None);
    }
}
