//! Transport-wide congestion control feedback
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).

use std::time::Duration;

use super::compound::{word, write_packet};
use crate::rtp::SeqNum;
use crate::units::Ssrc;

/// The unit of [`Arrival::time`].
pub const TICK: Duration = Duration::from_micros(250);

/// Ticks in a unit of [`TransportCc::reference`] (64 ms).
pub const REFERENCE_TICKS: i64 = 256;

/// What became of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Transport-wide sequence number.
    pub seq: SeqNum,
    /// Arrival on the receiver's clock, in [`TICK`]s since the feedback's reference time; `None`
    /// when the packet did not arrive.
    pub time: Option<i32>,
}

/// A feedback packet.
#[derive(Clone, Copy, Debug)]
pub struct TransportCc<'a> {
    /// Who reports.
    pub sender: Ssrc,
    /// The media source of the common header: any stream of the transport.
    pub media: Ssrc,
    /// First sequence number reported on.
    pub base: SeqNum,
    /// How many sequence numbers are reported on.
    pub count: u16,
    /// Reference time on the receiver's clock, in units of 64 ms; 24 bits, signed, wraps.
    pub reference: i32,
    /// Counts feedback packets, to detect lost ones.
    pub feedback_count: u8,
    chunks: &'a [u8],
    deltas: &'a [u8],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Lost,
    Small,
    Large,
    /// Arrived, and the time is not told.
    Untimed,
}

impl Status {
    fn from_bits(bits: u16) -> Self {
        match bits & 3 {
            0 => Self::Lost,
            1 => Self::Small,
            2 => Self::Large,
            _ => Self::Untimed,
        }
    }

    fn of(delta: Option<i32>) -> Self {
        match delta {
            None => Self::Lost,
            Some(0..=255) => Self::Small,
            Some(_) => Self::Large,
        }
    }

    fn bits(self) -> u16 {
        match self {
            Self::Lost => 0,
            Self::Small => 1,
            Self::Large => 2,
            Self::Untimed => 3,
        }
    }
}

/// The statuses that one chunk holds (§3.1.3, §3.1.4).
fn statuses(chunk: u16) -> impl Iterator<Item = Status> {
    let (len, status): (u16, fn(u16, u16) -> u16) = match chunk >> 14 {
        0 | 1 => (chunk & 0x1fff, |chunk, _| chunk >> 13),
        2 => (14, |chunk, i| chunk >> (13 - i) & 1),
        _ => (7, |chunk, i| chunk >> (12 - 2 * i)),
    };
    (0..len).map(move |i| Status::from_bits(status(chunk, i)))
}

impl<'a> TransportCc<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let range = word(body, 8)?;
        let reference = word(body, 12)?;
        let count = range as u16;
        let rest = &body[16..];
        let mut left = usize::from(count);
        let mut delta_bytes = 0;
        let mut chunks_end = 0;
        while left > 0 {
            let chunk = rest.get(chunks_end..chunks_end + 2)?;
            chunks_end += 2;
            let chunk = u16::from_be_bytes([chunk[0], chunk[1]]);
            let before = left;
            for status in statuses(chunk).take(left) {
                left -= 1;
                delta_bytes += match status {
                    Status::Small => 1,
                    Status::Large => 2,
                    Status::Lost | Status::Untimed => 0,
                };
            }
            if left == before {
                return None;
            }
        }
        let (chunks, deltas) = rest.split_at(chunks_end);
        Some(Self {
            sender: Ssrc(word(body, 0)?),
            media: Ssrc(word(body, 4)?),
            base: SeqNum((range >> 16) as u16),
            count,
            reference: reference as i32 >> 8,
            feedback_count: reference as u8,
            chunks,
            deltas: deltas.get(..delta_bytes)?,
        })
    }

    /// What became of each packet from `base` on, in order of sequence numbers. A packet whose
    /// status is "received without delta" is given the time of the one before.
    pub fn arrivals(&self) -> impl Iterator<Item = Arrival> + use<'a> {
        let mut deltas = self.deltas.iter();
        let mut time = 0_i32;
        let base = self.base;
        self.chunks
            .chunks_exact(2)
            .flat_map(|chunk| statuses(u16::from_be_bytes([chunk[0], chunk[1]])))
            .take(usize::from(self.count))
            .zip(0_u16..)
            .map(move |(status, index)| {
                let mut byte = || deltas.next().copied().unwrap_or(0);
                let delta = match status {
                    Status::Lost => None,
                    Status::Small => Some(i32::from(byte())),
                    Status::Large => Some(i32::from(i16::from_be_bytes([byte(), byte()]))),
                    Status::Untimed => Some(0),
                };
                // 65535 deltas of 16 bits cannot overflow 32.
                time += delta.unwrap_or(0);
                Arrival {
                    seq: base.plus(index),
                    time: delta.map(|_| time),
                }
            })
    }

    /// Appends a feedback packet. `times` are arrivals from `base` on, in ticks since the
    /// reference time (which counts units of 64 ms). Returns how many it took: fewer than all when
    /// two neighbours lie more than 8 s apart, which no delta expresses.
    pub fn write(
        (sender, media): (Ssrc, Ssrc),
        base: SeqNum,
        reference: i64,
        feedback_count: u8,
        times: &[Option<i32>],
        out: &mut Vec<u8>,
    ) -> usize {
        let expressible = |delta: &Option<i32>| delta.is_none_or(|d| i16::try_from(d).is_ok());
        let taken = deltas(times)
            .take(usize::from(u16::MAX))
            .take_while(expressible)
            .count();
        let times = &times[..taken];
        write_packet(out, 205, 15, |out| {
            out.extend(sender.0.to_be_bytes());
            out.extend(media.0.to_be_bytes());
            out.extend(base.0.to_be_bytes());
            out.extend((taken as u16).to_be_bytes());
            out.extend(((reference as u32) << 8 | u32::from(feedback_count)).to_be_bytes());
            write_chunks(times, out);
            for delta in deltas(times).flatten() {
                match u8::try_from(delta) {
                    Ok(small) => out.push(small),
                    Err(_) => out.extend((delta as i16).to_be_bytes()),
                }
            }
        });
        taken
    }
}

/// Differences between neighbours that arrived.
fn deltas(times: &[Option<i32>]) -> impl Iterator<Item = Option<i32>> {
    let mut last = 0;
    times
        .iter()
        .map(move |time| time.map(|time| time.wrapping_sub(std::mem::replace(&mut last, time))))
}

fn write_chunks(times: &[Option<i32>], out: &mut Vec<u8>) {
    let mut statuses = deltas(times).map(Status::of).peekable();
    // Fourteen statuses are the most that a vector holds; longer runs are counted.
    let mut window = arrayvec::ArrayVec::<Status, 14>::new();
    loop {
        while let Some(status) = statuses.next_if(|_| !window.is_full()) {
            window.push(status);
        }
        let Some(&first) = window.first() else { return };
        let same = window.iter().take_while(|&&s| s == first).count();
        let chunk = if same == window.len() {
            let mut run = same as u16;
            while run < 0x1fff && statuses.next_if(|&s| s == first).is_some() {
                run += 1;
            }
            window.clear();
            first.bits() << 13 | run
        } else if window.iter().all(|s| s.bits() < 2) {
            let symbols = window.drain(..).zip(0..);
            symbols.fold(0x8000, |chunk, (s, i)| chunk | s.bits() << (13 - i))
        } else if same >= 7 {
            window.drain(..same);
            first.bits() << 13 | same as u16
        } else {
            let len = window.len().min(7);
            let symbols = window.drain(..len).zip(0..);
            symbols.fold(0xc000, |chunk, (s, i)| chunk | s.bits() << (12 - 2 * i))
        };
        out.extend(chunk.to_be_bytes());
    }
}
