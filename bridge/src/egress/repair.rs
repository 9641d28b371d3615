//! Loss repair towards the receiver: what it asks again is sent again.

use std::time::Duration;

use media::cache::Resend;
use media::rtp::SeqNum;
use media::srtp::MAX_OVERHEAD;
use media::units::Ssrc;

use super::write::{MAX_PLAIN, Negotiated, Stamp};
use super::{Egress, Link};
use crate::conference::Conference;

/// Packets asked again that wait to be sent, at most.
const MAX_RESENDS: usize = 512;
/// Packets sent again lately that are remembered, so that crossing requests are answered once.
const REMEMBERED_RESENDS: usize = 64;
/// Round trip before one is measured.
const DEFAULT_RTT: Duration = Duration::from_millis(100);

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
            if !self.payloads.has_rtx() {
                link.counters.retransmissions_sent +=
                    u64::from(self.send_sealed_again(index, seq, link));
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
                link.counters.retransmissions_sent += 1;
                if self.resent.len() == REMEMBERED_RESENDS {
                    self.resent.pop_front();
                }
                self.resent.push_back((index, seq, link.now));
            }
        }
        true
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
        let stamp = self.stamp(mid.as_deref(), true, link.now);
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
        self.sent(protected, cluster, true, link);
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
        link.batch.push(from, to, packet)
    }
}
