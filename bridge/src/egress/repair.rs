//! Loss repair towards the receiver: what it asks again is sent again.

use std::time::{Duration, Instant};

use media::cache::Resend;
use media::rtp::SeqNum;
use media::srtp::MAX_OVERHEAD;
use media::units::{Bitrate, Ssrc};

use super::write::{MAX_PLAIN, Negotiated, Stamp};
use super::{Egress, HEADERS, Link};
use crate::conference::Conference;

/// Packets asked again that wait to be sent, at most.
const MAX_RESENDS: usize = 512;
/// Packets sent again lately that are remembered, so that crossing requests are answered once.
const REMEMBERED_RESENDS: usize = 64;
/// Round trip before one is measured.
const DEFAULT_RTT: Duration = Duration::from_millis(100);

/// Share of the estimate (or of what is sent, where there is none) that repair may take …
const SHARE: f64 = 0.25;
/// … but always this much …
const LEAST: Bitrate = Bitrate::from_kbps(50);
/// … and what of it may go at once.
const BURST: Duration = Duration::from_millis(600);

/// How much may be sent again: on a path that loses because it is full, repair is what fills it.
#[derive(Debug, Default)]
pub struct RepairBudget {
    rate: Bitrate,
    /// Bytes.
    left: f64,
    filled: Option<Instant>,
}

impl RepairBudget {
    /// The rate of which repair may take its share.
    pub fn set_rate(&mut self, rate: Bitrate, now: Instant) {
        self.fill(now);
        self.rate = (rate * SHARE).max(LEAST);
    }

    /// Whether a packet may be sent again.
    pub fn admits(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.left > 0.0
    }

    /// One of so many bytes was.
    pub fn handle_sent(&mut self, len: usize) {
        self.left -= len as f64;
    }

    fn fill(&mut self, now: Instant) {
        let rate = self.rate.max(LEAST).as_f64() / 8.0;
        let passed = self
            .filled
            .replace(now)
            .map_or(BURST, |at| now.saturating_duration_since(at));
        self.left = (self.left + rate * passed.as_secs_f64()).min(rate * BURST.as_secs_f64());
    }
}

impl Egress {
    /// The receiver misses packets of one of its streams.
    pub fn handle_nack(&mut self, ssrc: Ssrc, missing: impl Iterator<Item = SeqNum>) {
        let Some(index) = self.by_ssrc.get(&ssrc).copied() else {
            return;
        };
        for seq in missing {
            if self.resends.len() < MAX_RESENDS && !self.resends.contains(&(index, seq)) {
                self.resends.push_back((index, seq));
            }
        }
    }

    /// Sends again what was asked for. `false` when the batch is full.
    pub fn send_again(&mut self, conference: &Conference, link: &mut Link<'_>) -> bool {
        while let Some((index, seq)) = self.resends.front().copied() {
            if !link.batch.has_room() {
                return false;
            }
            self.resends.pop_front();
            // It is asked for again if it is still missed then.
            if !self.repair_budget.admits(link.now) {
                continue;
            }
            let before = link.batch.bytes().len();
            if !self.payloads.has_rtx() {
                if self.send_sealed_again(index, seq, link) {
                    self.note_repair(link.batch.bytes().len() - before, link);
                }
                continue;
            }
            let patience = self.congestion.rtt().unwrap_or(DEFAULT_RTT);
            let crossed = self.resent.iter().any(|(i, s, at)| {
                (*i, *s) == (index, seq) && link.now.saturating_duration_since(*at) < patience
            });
            if crossed {
                continue;
            }
            if self.send_one_again(index, seq, None, conference, link) {
                self.note_repair(link.batch.bytes().len() - before, link);
                if self.resent.len() == REMEMBERED_RESENDS {
                    self.resent.pop_front();
                }
                self.resent.push_back((index, seq, link.now));
            }
        }
        true
    }

    fn note_repair(&mut self, len: usize, link: &mut Link<'_>) {
        link.counters.retransmissions_sent += 1;
        self.repair_budget.handle_sent(len + HEADERS);
        self.reserve.handle_repair(len + HEADERS, link.now);
    }

    pub(super) fn send_one_again(
        &mut self,
        index: usize,
        seq: SeqNum,
        cluster: Option<u32>,
        conference: &Conference,
        link: &mut Link<'_>,
    ) -> bool {
        let stream = &self.streams[index];
        let found = || {
            let (_, slot) = stream.source?;
            let (_, encoding, number) = stream.projection.origin(seq.0)?;
            let source = conference.source(slot)?;
            let packet = source.packet(encoding, number)?;
            Some((source, packet, stream.projection.again(packet.meta())?))
        };
        let Some((source, packet, rewrite)) = found() else {
            return false;
        };
        let (ssrc, rtx, mid, mut rtx_next) = (stream.ssrc, stream.rtx, stream.mid, stream.rtx_next);
        let Some(rtx) = rtx else { return false };
        let negotiated = Negotiated {
            extensions: &self.extensions,
            payloads: &self.payloads,
        };
        let incoming = &source.info.extensions;
        let Some(out) = link.batch.slot() else {
            return false;
        };
        let room = out.len() - MAX_OVERHEAD;
        let mut plain = [0; MAX_PLAIN];
        let bare = Stamp {
            mid: mid.as_deref(),
            ..Stamp::default()
        };
        let written = negotiated.write_media(packet, incoming, ssrc, &rewrite, &bare, &mut plain);
        let Ok(len) = written else { return false };
        let stamp = self.stamp(mid.as_deref(), link.now);
        let codec = packet.meta().codec;
        let again = negotiated.write_rtx(
            codec,
            &plain[..len],
            rtx,
            &mut rtx_next,
            &stamp,
            &mut out[..room],
        );
        let Ok(len) = again else { return false };
        let Ok(protected) = link.transport.protect_rtp(out, len) else {
            return false;
        };
        self.streams[index].rtx_next = rtx_next;
        self.sent(protected, cluster, link);
        true
    }

    /// Sends the very same datagram again.
    pub(super) fn send_sealed_again(
        &mut self,
        index: usize,
        seq: SeqNum,
        link: &mut Link<'_>,
    ) -> bool {
        let rtt = self.congestion.rtt().unwrap_or(DEFAULT_RTT);
        let Some(sealed) = &mut self.streams[index].sealed else {
            return false;
        };
        let Resend::Packet(packet) = sealed.resend(seq, rtt, link.now) else {
            return false;
        };
        let Some((from, to)) = link.transport.route() else {
            return false;
        };
        let len = packet.len();
        if !link.batch.push(from, to, packet) {
            return false;
        }
        self.pacer.handle_sent(len + HEADERS);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// kbit/s that are sent again over ten seconds when everything is asked for again.
    fn repaired(rate: Bitrate) -> u64 {
        let start = Instant::now();
        let mut budget = RepairBudget::default();
        budget.set_rate(rate, start);
        let mut bytes = 0;
        for ms in 0..10_000 {
            let now = start + Duration::from_millis(ms);
            while budget.admits(now) {
                budget.handle_sent(1_200);
                bytes += 1_200;
            }
        }
        bytes * 8 / 10_000
    }

    #[test]
    fn repair_takes_a_quarter_however_much_is_asked_for() {
        let narrow = repaired(Bitrate::from_kbps(500));
        assert!((125..=140).contains(&narrow), "{narrow}");
        let wide = repaired(Bitrate::from_kbps(4_000));
        assert!((1_000..=1_100).contains(&wide), "{wide}");
        let unknown = repaired(Bitrate::ZERO);
        assert!((50..=60).contains(&unknown), "{unknown}");
    }

    #[test]
    fn a_burst_of_losses_is_repaired_at_once() {
        let now = Instant::now();
        let mut budget = RepairBudget::default();
        budget.set_rate(Bitrate::from_kbps(2_000), now);
        let now = now + BURST;
        let mut packets = 0;
        while budget.admits(now) {
            budget.handle_sent(1_200);
            packets += 1;
        }
        assert!(packets >= 8, "{packets}");
    }
}
