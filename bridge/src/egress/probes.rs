//! Probes: packets on top of media, by whose arrival the receiver's path is measured.

use std::time::{Duration, Instant};

use media::codec::Codec;
use media::probing::{Need, TICK};
use media::rtp::{HeaderFields, SeqNum, Timestamp};
use media::srtp::MAX_OVERHEAD;
use media::units::{PayloadType, Ssrc};

use super::write::Negotiated;
use super::{Egress, HEADERS, Link};
use crate::command::MediaKind;
use crate::conference::Conference;

/// How often padding is looked at during a burst of probes.
const CLUSTER_TICK: Duration = Duration::from_millis(5);

/// Padding of at least so many bytes is paid with a packet of video.
const WORTH_A_PACKET: usize = 1_000;

/// Padding without a video stream to repeat goes out on the bridge's own video SSRC.
#[derive(Debug)]
pub struct PaddingStream {
    /// The bridge's own.
    pub ssrc: Ssrc,
    /// Next extended sequence number.
    pub next: u64,
}

impl Egress {
    /// When to look whether padding is due.
    pub fn padding_timeout(&self) -> Option<Instant> {
        self.next_padding
    }

    /// Looks whether padding is due.
    pub fn handle_padding(&mut self, need: Need, connected: bool, now: Instant) {
        if !connected || !self.congestion.may_probe() {
            self.next_padding = None;
            return;
        }
        if self.next_padding.is_some_and(|due| now < due) {
            return;
        }
        let rest = self.reserve.rate();
        let need = Need {
            target: need.target + rest,
            ideal: need.ideal + rest,
            ..need
        };
        let padding = self.congestion.poll_padding(need, now);
        if padding.bytes > 0 {
            self.padding = Some((padding.bytes, padding.cluster));
        }
        // Who wants nothing is looked at with its other timers.
        self.next_padding = if self.congestion.is_in_cluster() {
            Some(now + CLUSTER_TICK)
        } else if padding.bytes > 0 || need.wanting {
            Some(now + TICK)
        } else {
            None
        };
    }

    /// Whether something waits besides media.
    pub fn has_extra(&self) -> bool {
        self.padding.is_some() || !self.resends.is_empty() || self.pacer.is_waiting()
    }

    /// Sends the padding that is due: packets of video again, or else empty ones. `false` when the
    /// batch is full.
    pub fn send_padding(&mut self, conference: &Conference, link: &mut Link<'_>) -> bool {
        let Some((padding, cluster)) = self.padding else {
            return true;
        };
        let mut left = padding;
        let recent = self.streams.iter().position(|s| {
            s.kind == MediaKind::Video
                && s.rtx.is_some()
                && s.sent_at.is_some_and(|at| {
                    link.now.saturating_duration_since(at) < Duration::from_millis(500)
                })
        });
        let mut back = 0;
        while left > 0 {
            if !link.batch.has_room() {
                self.padding = Some((left, cluster));
                return false;
            }
            let before = link.batch.bytes().len();
            // A whole packet of video only for as much: what is due is not to be exceeded much.
            let recent = recent.filter(|_| left >= WORTH_A_PACKET);
            let newest = recent.and_then(|i| self.streams[i].projection.newest_seq());
            let done = match (recent, newest) {
                (Some(index), Some(newest)) if back < 16 => {
                    let seq = SeqNum((newest as u16).wrapping_sub(back));
                    back += 1;
                    self.send_one_again(index, seq, cluster, conference, link)
                        || self.send_empty(cluster, link)
                }
                _ => self.send_empty(cluster, link),
            };
            if !done {
                break;
            }
            link.counters.probing_packets_sent += 1;
            let len = link.batch.bytes().len() - before + HEADERS;
            self.congestion.handle_padding_sent(len);
            left = left.saturating_sub(len);
        }
        self.padding = None;
        true
    }

    pub(super) fn send_empty(&mut self, cluster: Option<u32>, link: &mut Link<'_>) -> bool {
        let unknown = PayloadType::from_header_byte(100);
        let payload = [Codec::Vp8, Codec::Vp9, Codec::Av1, Codec::H264]
            .into_iter()
            .find_map(|codec| self.payloads.of(codec, unknown));
        // The SSRC is signalled as one of the bridge's own, on which there is never a picture.
        let Some(payload_type) = payload.map(|p| p.rtx.unwrap_or(p.media)) else {
            return false;
        };
        let seq = self.padding_stream.next;
        let fields = HeaderFields {
            marker: false,
            payload_type,
            sequence_number: SeqNum(seq as u16),
            timestamp: Timestamp(0),
            ssrc: self.padding_stream.ssrc,
        };
        let stamp = self.stamp(None, link.now);
        let negotiated = Negotiated {
            extensions: &self.extensions,
            payloads: &self.payloads,
        };
        let Some(out) = link.batch.slot() else {
            return false;
        };
        let room = out.len() - MAX_OVERHEAD;
        let Ok(len) = negotiated.write_padding(&fields, &stamp, &mut out[..room]) else {
            return false;
        };
        let Ok(protected) = link.transport.protect_rtp_at(out, len, seq) else {
            return false;
        };
        self.padding_stream.next += 1;
        self.sent(protected, cluster, link);
        true
    }
}
