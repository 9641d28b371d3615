//! The packets of one sender.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use media::rtcp::{SenderInfo, SenderReport};
use media::rtp::{NtpTime, Timestamp};
use media::srtp::MAX_OVERHEAD;
use media::units::Ssrc;

use crate::shape::{Media, Shape};

/// Payload types and header extensions, the same for every server.
pub(crate) const OPUS: u8 = 111;
pub(crate) const VP8: u8 = 100;
pub(crate) const RTX: u8 = 101;
pub(crate) const AUDIO_LEVEL: u8 = 1;
pub(crate) const TRANSPORT_CC: u8 = 5;

/// A stream on its way to the server: bursts at even intervals, each packet stamped when it leaves.
pub(crate) struct Outgoing {
    pub(crate) ssrc: u32,
    pub(crate) media: Media,
    len: usize,
    burst: u32,
    interval: Duration,
    next: Instant,
    seq: u16,
    timestamp: u32,
    picture: u16,
    transport_cc: u16,
    keyframe: bool,
    packets: u32,
}

impl Outgoing {
    /// `phase` (0 to 1) shifts its bursts against those of others.
    pub(crate) fn new(shape: &Shape, ssrc: u32, phase: f64) -> Self {
        Self {
            ssrc,
            media: shape.media,
            len: shape.len,
            burst: shape.burst,
            interval: shape.interval(),
            next: Instant::now() + shape.interval().mul_f64(phase),
            seq: 0,
            timestamp: 0,
            picture: 0,
            transport_cc: 0,
            keyframe: true,
            packets: 0,
        }
    }

    /// When the next burst is due.
    pub(crate) fn due(&self) -> Instant {
        self.next
    }

    /// The next picture shall be a keyframe.
    pub(crate) fn refresh(&mut self) {
        self.keyframe = true;
    }

    /// Writes the due burst, packet by packet: `send` gets a buffer with room for encryption, and the packet's length.
    pub(crate) fn burst(
        &mut self,
        now: Instant,
        buf: &mut [u8],
        mut send: impl FnMut(&mut [u8], usize),
    ) {
        self.next += self.interval;
        // After a pause (others connect meanwhile) nothing is made up for.
        if self.next < now {
            self.next = now + self.interval;
        }
        let clock = match self.media {
            Media::Audio => 48_000.0,
            Media::Video => 90_000.0,
        };
        self.timestamp = self
            .timestamp
            .wrapping_add((self.interval.as_secs_f64() * clock) as u32);
        self.picture = (self.picture + 1) & 0x7fff;
        for part in 0..self.burst {
            let len = self.packet(part, &mut buf[..]);
            send(&mut buf[..len + MAX_OVERHEAD], len);
        }
        self.keyframe = false;
    }

    fn packet(&mut self, part: u32, buf: &mut [u8]) -> usize {
        self.seq = self.seq.wrapping_add(1);
        self.transport_cc = self.transport_cc.wrapping_add(1);
        self.packets = self.packets.wrapping_add(1);
        let (payload_type, marker) = match self.media {
            Media::Audio => (OPUS, false),
            Media::Video => (VP8, part + 1 == self.burst),
        };
        let mut header = [0_u8; 38];
        header[0] = 0x90;
        header[1] = payload_type | u8::from(marker) << 7;
        header[2..4].copy_from_slice(&self.seq.to_be_bytes());
        header[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        header[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        header[12..16].copy_from_slice(&[0xbe, 0xde, 0, 2]);
        header[16] = TRANSPORT_CC << 4 | 1;
        header[17..19].copy_from_slice(&self.transport_cc.to_be_bytes());
        header[19..21].copy_from_slice(&[AUDIO_LEVEL << 4, 30]);
        let mut at = 24;
        if self.media == Media::Video {
            // RFC 7741 section 4.2: picture id of 15 bits, TL0PICIDX, TID; then the frame tag and a keyframe's size.
            let start = if part == 0 { 0x90 } else { 0x80 };
            let id = (0x8000 | self.picture).to_be_bytes();
            header[24..30].copy_from_slice(&[start, 0xe0, id[0], id[1], self.picture as u8, 0]);
            header[30..38].copy_from_slice(&[
                u8::from(!self.keyframe),
                0,
                0,
                0x9d,
                0x01,
                0x2a,
                0,
                5,
            ]);
            at = 38;
        }
        buf[..at].copy_from_slice(&header[..at]);
        buf[at..self.len].fill(0x55);
        buf[self.len - 8..self.len].copy_from_slice(&nanoseconds().to_be_bytes());
        self.len
    }

    /// Tells the server what was sent.
    pub(crate) fn report(&self, out: &mut Vec<u8>) {
        let since_epoch = Duration::from_nanos(nanoseconds());
        let seconds = since_epoch.as_secs() + 2_208_988_800;
        let fraction = (u64::from(since_epoch.subsec_nanos()) << 32) / 1_000_000_000;
        let info = SenderInfo {
            ssrc: Ssrc(self.ssrc),
            ntp: NtpTime(seconds << 32 | fraction),
            timestamp: Timestamp(self.timestamp),
            packets: self.packets,
            bytes: self.packets.wrapping_mul(self.len as u32),
        };
        SenderReport::write(&info, &[], out);
    }
}

/// The wall clock, as the kernel stamps arrivals.
pub(crate) fn nanoseconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos() as u64)
}
