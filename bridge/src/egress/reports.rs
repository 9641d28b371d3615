//! Sender reports: the sources' own clocks, moved onto the streams that carry them.

use std::time::{Duration, Instant};

use media::rtcp::{SenderInfo, SenderReport};
use media::rtp::Timestamp;

use super::stream::OutStream;
use crate::command::MediaKind;
use crate::conference::Conference;
use crate::ingress::stream::{AUDIO_CLOCK, VIDEO_CLOCK};

/// A stream of which nothing was sent for so long is not reported on.
const LIVE: Duration = Duration::from_secs(5);

/// Appends a report for each stream that is being sent and whose source reported.
pub fn write(streams: &mut [OutStream], conference: &Conference, now: Instant, out: &mut Vec<u8>) {
    for stream in streams {
        let live = stream
            .sent_at
            .is_some_and(|at| now.saturating_duration_since(at) < LIVE);
        let Some((key, slot)) = stream.source.filter(|_| live) else {
            continue;
        };
        let Some(encoding) = stream.projection.current_encoding() else {
            continue;
        };
        let Some(clock) = conference.source(slot).and_then(|s| s.clock(encoding)) else {
            continue;
        };
        let Some(timestamp) = stream.projection.timestamp(key, encoding, clock.timestamp) else {
            continue;
        };
        let passed = now.saturating_duration_since(clock.received);
        let rate = match stream.kind {
            MediaKind::Audio => AUDIO_CLOCK,
            MediaKind::Video => VIDEO_CLOCK,
        };
        let ticks = (passed.as_micros() * u128::from(rate) / 1_000_000) as u32;
        let info = SenderInfo {
            ssrc: stream.ssrc,
            ntp: clock.ntp.plus(passed),
            timestamp: Timestamp(timestamp.wrapping_add(ticks)),
            packets: stream.packets,
            bytes: stream.bytes,
        };
        stream.note_report(info.ntp.middle(), now);
        SenderReport::write(&info, &[], out);
    }
}
