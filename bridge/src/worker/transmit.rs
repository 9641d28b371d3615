//! Filling the send batch.

use std::time::Instant;

use ::media::srtp::MAX_OVERHEAD;
use ::media::units::Ssrc;

use super::Worker;
use super::timers::CONTROL_INTERVAL;
use crate::egress::Link;
use crate::endpoint::Endpoint;
use crate::send_batch::SendBatch;
use crate::statistics::{Counters, DropReason, Drops};

/// Most bytes of RTCP in one datagram.
const MAX_RTCP: usize = 1_200;

/// How far the pass over the receivers of the first busy conference has come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pass {
    receiver: usize,
    packet: usize,
    /// The packets of this pass; what comes later is the next one's.
    packets: usize,
}

impl Worker {
    /// Media, receiver by receiver. `false` when the batch is full.
    pub(super) fn transmit_media(&mut self, batch: &mut SendBatch, now: Instant) -> bool {
        while let Some(index) = self.busy.front().copied() {
            if !self.transmit_conference(index, batch, now) {
                return false;
            }
            self.pass = Pass::default();
            self.busy.pop_front();
            if self
                .conferences
                .get(index)
                .is_some_and(|c| !c.pending.is_empty())
            {
                self.busy.push_back(index);
            }
        }
        true
    }

    fn transmit_conference(&mut self, index: usize, batch: &mut SendBatch, now: Instant) -> bool {
        let Some(conference) = self.conferences.get_mut(index) else {
            return true;
        };
        if self.pass.packets == 0 {
            self.pass.packets = conference.pending.len();
        }
        self.pass.packets = self.pass.packets.min(conference.pending.len());
        let mut mapped = arrayvec::ArrayVec::<usize, 64>::new();
        let mut room = true;
        while let Some(receiver) = conference.local.get(self.pass.receiver).copied() {
            if let Some(endpoint) = self.endpoints.get_mut(receiver)
                && endpoint.connected
            {
                let mut link = Link {
                    transport: &mut endpoint.transport,
                    batch,
                    drops: &mut self.drops,
                    counters: &mut self.counters,
                    now,
                };
                while let Some(pending) = conference
                    .pending
                    .get(self.pass.packet)
                    .filter(|_| self.pass.packet < self.pass.packets)
                {
                    if pending.packet.meta().source.owner != endpoint.key
                        && let Some(source) = conference.source(pending.slot)
                    {
                        if !link.batch.has_room() {
                            room = false;
                            break;
                        }
                        endpoint.egress.forward(source, pending, &mut link);
                    }
                    self.pass.packet += 1;
                }
                if endpoint.resting && endpoint.egress.sent_at == Some(now) {
                    endpoint.resting = false;
                    self.timers
                        .schedule(receiver, endpoint, now + CONTROL_INTERVAL);
                }
                if let Some(due) = endpoint.egress.pacing_timeout(now) {
                    self.timers.schedule(receiver, endpoint, due);
                }
                if !endpoint.egress.changed_audio.is_empty() && mapped.try_push(receiver).is_err() {
                    room = false;
                }
            }
            if !room {
                break;
            }
            self.pass.packet = 0;
            self.pass.receiver += 1;
        }
        if room {
            for pending in conference.pending.drain(..self.pass.packets) {
                self.packets.release(pending.packet);
            }
        }
        for receiver in mapped {
            self.send_audio_map(receiver, now);
        }
        room
    }

    /// Everything but media.
    pub(super) fn transmit_ready(&mut self, batch: &mut SendBatch, now: Instant) {
        while let Some(index) = self.ready.front().copied() {
            let Some(endpoint) = self.endpoints.get_mut(index) else {
                self.ready.pop_front();
                continue;
            };
            while batch.has_room() {
                let Some(transmit) = endpoint.transport.poll_transmit() else {
                    break;
                };
                if !batch.push(transmit.from, transmit.to, &transmit.payload) {
                    self.drops.count(DropReason::TooLarge);
                }
            }
            if !batch.has_room() {
                return;
            }
            send_rtcp(endpoint, batch, &mut self.drops);
            if endpoint.connected
                && endpoint.egress.has_extra()
                && let Some(conference) = self.conferences.get(endpoint.conference)
            {
                let mut link = link(
                    &mut endpoint.transport,
                    batch,
                    &mut self.drops,
                    &mut self.counters,
                    now,
                );
                let sent = endpoint.egress.send_again(conference, &mut link)
                    && endpoint.egress.send_paced(conference, &mut link)
                    && endpoint.egress.send_padding(conference, &mut link);
                if !sent {
                    return;
                }
            }
            endpoint.ready = false;
            self.ready.pop_front();
        }
    }
}

fn link<'a>(
    transport: &'a mut ::media::transport::Transport,
    batch: &'a mut SendBatch,
    drops: &'a mut Drops,
    counters: &'a mut Counters,
    now: Instant,
) -> Link<'a> {
    Link {
        transport,
        batch,
        drops,
        counters,
        now,
    }
}

/// Encrypts the RTCP that has gathered, whole packets to a datagram, each datagram beginning with a
/// report (RFC 3550 section 6.1).
fn send_rtcp(endpoint: &mut Endpoint, batch: &mut SendBatch, drops: &mut Drops) {
    if endpoint.rtcp.is_empty() {
        return;
    }
    let Some((from, to)) = endpoint.transport.route().filter(|_| endpoint.connected) else {
        return endpoint.rtcp.clear();
    };
    let mut rtcp = std::mem::take(&mut endpoint.rtcp);
    let mut start = 0;
    while start < rtcp.len() {
        let mut end = start;
        while let Some(len) = packet_len(&rtcp[end..])
            && (end == start || end + len - start <= MAX_RTCP)
        {
            end += len;
        }
        let Some(out) = batch.slot() else { break };
        let mut len = 0;
        if !matches!(rtcp.get(start + 1), Some(200 | 201)) {
            let sender = rtcp.get(start + 4..start + 8);
            let sender = sender
                .and_then(|b| b.try_into().ok())
                .map_or(0, u32::from_be_bytes);
            len = empty_report(Ssrc(sender), out);
        }
        let chunk = &rtcp[start..end.max(start + 1)];
        if end == start || len + chunk.len() + MAX_OVERHEAD > out.len() {
            drops.count(DropReason::TooLarge);
            break;
        }
        out[len..len + chunk.len()].copy_from_slice(chunk);
        len += chunk.len();
        match endpoint.transport.protect_rtcp(out, len) {
            Ok(len) => batch.commit(from, to, len),
            Err(_) => drops.count(DropReason::NotProtected),
        }
        start = end;
    }
    rtcp.clear();
    endpoint.rtcp = rtcp;
}

fn packet_len(bytes: &[u8]) -> Option<usize> {
    let words = bytes.get(2..4)?;
    let len = 4 + 4 * usize::from(u16::from_be_bytes([words[0], words[1]]));
    (len <= bytes.len()).then_some(len)
}

/// A receiver report without blocks.
fn empty_report(sender: Ssrc, out: &mut [u8]) -> usize {
    const LEN: usize = 8;
    out[..4].copy_from_slice(&[0x80, 201, 0, 1]);
    out[4..LEN].copy_from_slice(&sender.0.to_be_bytes());
    LEN
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::media::rtcp::ReceiverReport;

    #[test]
    fn the_empty_report_is_what_the_rtcp_writer_writes() {
        let mut out = [0; 64];
        let len = empty_report(Ssrc(0x0102_0304), &mut out);
        let mut expected = Vec::new();
        ReceiverReport::write(Ssrc(0x0102_0304), &[], &mut expected);
        assert_eq!(out[..len], expected);
        assert_eq!(packet_len(&out), Some(8));
        assert_eq!(packet_len(&[0x80, 201, 0, 9]), None);
    }
}
