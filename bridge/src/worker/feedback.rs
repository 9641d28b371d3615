//! RTCP that an endpoint sends, and keyframes that are asked of it.

use std::time::Instant;

use ::media::rtcp::{Compound, RtcpPacket};

use super::Worker;
use crate::ids::SourceKey;
use crate::message::{ConferenceMessage, SenderClock};
use crate::statistics::DropReason;

impl Worker {
    pub(super) fn receive_rtcp(&mut self, index: usize, datagram: &[u8], now: Instant) {
        let mut wanted = std::mem::take(&mut self.scratch.wanted);
        let Some(endpoint) = self.endpoints.get_mut(index) else {
            return;
        };
        let conference = endpoint.conference;
        let mut clocks = arrayvec::ArrayVec::<(SourceKey, u8, SenderClock), 8>::new();
        for packet in Compound::new(datagram) {
            let Ok(packet) = packet else {
                self.drops.count(DropReason::Malformed);
                continue;
            };
            match packet {
                RtcpPacket::SenderReport(report) => {
                    let role = endpoint.ingress.handle_sender_report(&report.info, now);
                    if let Some((source, encoding)) = role {
                        let clock = SenderClock {
                            ntp: report.info.ntp,
                            timestamp: report.info.timestamp.0,
                            received: now,
                        };
                        let key = endpoint.ingress.sources.list[source].key;
                        let _ = clocks.try_push((key, encoding, clock));
                    }
                    for block in report.blocks() {
                        if let Some(rtt) = endpoint.egress.handle_report(&block, now) {
                            endpoint.ingress.handle_rtt(rtt);
                        }
                    }
                }
                RtcpPacket::ReceiverReport(report) => {
                    for block in report.blocks() {
                        if let Some(rtt) = endpoint.egress.handle_report(&block, now) {
                            endpoint.ingress.handle_rtt(rtt);
                        }
                    }
                }
                RtcpPacket::Nack(nack) => {
                    endpoint
                        .egress
                        .handle_nack(nack.media, nack.sequence_numbers());
                }
                RtcpPacket::Pli(pli) => {
                    wanted.extend(endpoint.egress.handle_keyframe_request(pli.media, now));
                }
                RtcpPacket::Fir(fir) => {
                    for (ssrc, _) in fir.entries() {
                        wanted.extend(endpoint.egress.handle_keyframe_request(ssrc, now));
                    }
                }
                RtcpPacket::Remb(remb) => endpoint.egress.congestion.handle_remb(remb.bitrate, now),
                RtcpPacket::TransportCc(feedback) => {
                    endpoint.egress.congestion.handle_feedback(&feedback, now);
                }
                RtcpPacket::SourceDescription(_)
                | RtcpPacket::Bye(_)
                | RtcpPacket::Unknown { .. } => {}
            }
        }
        for (source, encoding, clock) in clocks {
            self.tell_clock(conference, source, encoding, clock, now);
        }
        for (source, encoding) in wanted.drain(..) {
            self.ask_keyframe(conference, source, encoding, now);
        }
        self.scratch.wanted = wanted;
    }

    fn tell_clock(
        &mut self,
        conference: usize,
        source: SourceKey,
        encoding: u8,
        clock: SenderClock,
        now: Instant,
    ) {
        let Some(replica) = self.conferences.get(conference) else {
            return;
        };
        let key = replica.key();
        for at in 0..replica.other_workers().len() {
            let Some(worker) = self
                .conferences
                .get(conference)
                .and_then(|c| c.other_workers().get(at).copied())
            else {
                break;
            };
            self.send_to(
                worker,
                key,
                ConferenceMessage::SenderReport(source, encoding, clock),
            );
        }
        self.hear(
            key,
            ConferenceMessage::SenderReport(source, encoding, clock),
            now,
        );
    }

    /// Asks the worker of a source for a keyframe.
    pub(super) fn ask_keyframe(
        &mut self,
        conference: usize,
        source: SourceKey,
        encoding: u8,
        now: Instant,
    ) {
        let Some(replica) = self.conferences.get(conference) else {
            return;
        };
        let Some(owner) = replica.member(source.owner).map(|m| m.info.worker) else {
            return;
        };
        let key = replica.key();
        let message = ConferenceMessage::KeyframeWanted(source, encoding);
        if owner == self.id {
            self.hear(key, message, now);
        } else {
            self.send_to(owner, key, message);
        }
    }

    /// Somebody cannot go on without a keyframe of one of this worker's sources.
    pub(super) fn keyframe_wanted(&mut self, source: SourceKey, encoding: u8, now: Instant) {
        let Some(index) = self.by_key.get(&source.owner).copied() else {
            return;
        };
        let Some(endpoint) = self.endpoints.get_mut(index) else {
            return;
        };
        let sources = &mut endpoint.ingress.sources;
        let Some(at) = sources.position(source) else {
            return;
        };
        let Some(stream) = sources.list[at].encodings.get_mut(usize::from(encoding)) else {
            return;
        };
        stream.keyframes.handle_request(now);
        let due = stream.keyframes.poll_timeout().unwrap_or(now);
        if endpoint.connected && due <= now {
            endpoint
                .ingress
                .poll_feedback(now, &mut endpoint.rtcp, &mut self.counters);
            self.make_ready(index);
        } else {
            self.schedule(index, due);
        }
    }
}
