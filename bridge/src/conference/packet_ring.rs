//! The latest packets of one encoding, for receivers that ask again.

use std::time::{Duration, Instant};

use crate::packet::{PacketPool, SharedPacket};

/// Packets kept at most.
const CAPACITY: usize = 512;
/// How long a packet is kept. A receiver that asks later has a frozen picture already.
const MAX_AGE: Duration = Duration::from_millis(1_000);

/// Indexed by sequence number.
#[derive(Debug, Default)]
pub struct PacketRing {
    packets: Vec<Option<SharedPacket>>,
    newest: i64,
    oldest: i64,
}

impl PacketRing {
    /// Keeps a packet, and lets those go that are too old.
    pub fn insert(&mut self, packet: SharedPacket, pool: &mut PacketPool) {
        let (seq, now) = (packet.meta().seq, packet.meta().arrival);
        if self.packets.is_empty() {
            self.packets.resize(CAPACITY, None);
            (self.oldest, self.newest) = (seq, seq - 1);
        }
        if seq > self.newest + CAPACITY as i64 || seq <= self.newest - CAPACITY as i64 {
            self.clear(pool);
            (self.oldest, self.newest) = (seq, seq - 1);
        }
        self.newest = self.newest.max(seq);
        self.oldest = self.oldest.min(seq).max(self.newest - CAPACITY as i64 + 1);
        if let Some(before) = self.packets[Self::index(seq)].replace(packet) {
            pool.release(before);
        }
        self.expire(now, pool);
    }

    /// Lets those go that are too old.
    pub fn expire(&mut self, now: Instant, pool: &mut PacketPool) {
        while self.oldest <= self.newest && !self.packets.is_empty() {
            let entry = &mut self.packets[Self::index(self.oldest)];
            let fresh = entry.as_ref().is_some_and(|p| {
                p.meta().seq == self.oldest
                    && now.saturating_duration_since(p.meta().arrival) <= MAX_AGE
            });
            if fresh {
                break;
            }
            if entry.as_ref().is_some_and(|p| p.meta().seq <= self.oldest)
                && let Some(packet) = entry.take()
            {
                pool.release(packet);
            }
            self.oldest += 1;
        }
    }

    /// The packet of this number.
    pub fn get(&self, seq: i64) -> Option<&SharedPacket> {
        let packet = self.packets.get(Self::index(seq))?.as_ref()?;
        (packet.meta().seq == seq).then_some(packet)
    }

    /// The newest packets first.
    pub fn latest(&self) -> impl Iterator<Item = &SharedPacket> {
        (self.oldest..=self.newest)
            .rev()
            .filter_map(|seq| self.get(seq))
    }

    /// Lets all go.
    pub fn clear(&mut self, pool: &mut PacketPool) {
        for entry in &mut self.packets {
            if let Some(packet) = entry.take() {
                pool.release(packet);
            }
        }
    }

    fn index(seq: i64) -> usize {
        seq.rem_euclid(CAPACITY as i64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::MediaKind;
    use crate::ids::{EndpointKey, SourceKey};
    use crate::packet::{Frame, PacketMeta, share};
    use media::codec::Codec;
    use media::rtp::RtpLayout;

    fn insert(ring: &mut PacketRing, pool: &mut PacketPool, seq: i64, at: Instant) {
        let bytes = [0x80, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 9];
        let layout = RtpLayout::parse(&bytes).expect("well-formed");
        let meta = PacketMeta {
            source: SourceKey {
                owner: EndpointKey(1),
                number: 0,
            },
            kind: MediaKind::Video,
            encoding: 0,
            codec: Codec::H264,
            seq,
            timestamp: 0,
            marker: false,
            arrival: at,
            level: None,
            frame: Frame::Opaque { keyframe: false },
        };
        let packet = share(pool, &bytes, layout, meta);
        ring.insert(packet, pool);
    }

    #[test]
    fn packets_are_found_by_number_until_they_are_too_old() {
        let start = Instant::now();
        let (mut ring, mut pool) = (PacketRing::default(), PacketPool::default());
        for seq in 0..300 {
            insert(
                &mut ring,
                &mut pool,
                seq - 5,
                start + Duration::from_millis(seq as u64 * 5),
            );
        }
        assert!(ring.get(294).is_some() && ring.get(100).is_some());
        assert!(ring.get(90).is_none() && ring.get(295).is_none());
        assert_eq!(ring.latest().next().map(|p| p.meta().seq), Some(294));
    }

    #[test]
    fn a_late_packet_is_kept_and_a_jump_starts_anew() {
        let now = Instant::now();
        let (mut ring, mut pool) = (PacketRing::default(), PacketPool::default());
        insert(&mut ring, &mut pool, 10, now);
        insert(&mut ring, &mut pool, 12, now);
        insert(&mut ring, &mut pool, 11, now);
        insert(&mut ring, &mut pool, 8, now);
        assert_eq!(ring.latest().count(), 4);
        insert(&mut ring, &mut pool, 70_000, now);
        assert!(ring.get(11).is_none() && ring.get(70_000).is_some());
        assert_eq!(ring.latest().count(), 1);
    }
}
