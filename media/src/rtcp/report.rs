//! Sender and receiver reports (RFC 3550 §6.4).

use super::compound::{word, write_packet};
use crate::rtp::{NtpTime, Timestamp};
use crate::units::Ssrc;

/// Bytes of one report block.
const BLOCK: usize = 24;

/// What a receiver says of one stream (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportBlock {
    /// The stream reported on.
    pub ssrc: Ssrc,
    /// Loss since the previous report, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost since the start; negative when there were duplicates. 24 bits.
    pub cumulative_lost: i32,
    /// Extended highest sequence number received.
    pub highest_seq: u32,
    /// Interarrival jitter in ticks of the RTP clock.
    pub jitter: u32,
    /// Middle 32 bits of the NTP time of the last sender report; 0 for none.
    pub last_sender_report: u32,
    /// Time since that report came, in 1/65536 s.
    pub delay_since_last_sender_report: u32,
}

impl ReportBlock {
    fn parse(b: &[u8]) -> Option<Self> {
        let lost = word(b, 4)?;
        Some(Self {
            ssrc: Ssrc(word(b, 0)?),
            fraction_lost: (lost >> 24) as u8,
            cumulative_lost: (lost << 8) as i32 >> 8,
            highest_seq: word(b, 8)?,
            jitter: word(b, 12)?,
            last_sender_report: word(b, 16)?,
            delay_since_last_sender_report: word(b, 20)?,
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        let lost = u32::from(self.fraction_lost) << 24 | self.cumulative_lost as u32 & 0xff_ffff;
        for value in [
            self.ssrc.0,
            lost,
            self.highest_seq,
            self.jitter,
            self.last_sender_report,
            self.delay_since_last_sender_report,
        ] {
            out.extend(value.to_be_bytes());
        }
    }
}

/// What a sender says of its own stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderInfo {
    /// The stream.
    pub ssrc: Ssrc,
    /// Wall clock at the sender.
    pub ntp: NtpTime,
    /// The same instant on the RTP clock.
    pub timestamp: Timestamp,
    /// Packets sent since the start, wrapping.
    pub packets: u32,
    /// Payload bytes sent since the start, wrapping.
    pub bytes: u32,
}

/// A sender report (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug)]
pub struct SenderReport<'a> {
    /// The sender's own part.
    pub info: SenderInfo,
    blocks: &'a [u8],
}

impl<'a> SenderReport<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Option<Self> {
        let info = SenderInfo {
            ssrc: Ssrc(word(body, 0)?),
            ntp: NtpTime(u64::from(word(body, 4)?) << 32 | u64::from(word(body, 8)?)),
            timestamp: Timestamp(word(body, 12)?),
            packets: word(body, 16)?,
            bytes: word(body, 20)?,
        };
        Some(Self {
            info,
            blocks: body.get(24..24 + BLOCK * usize::from(count))?,
        })
    }

    /// The report blocks, at most 31.
    pub fn blocks(&self) -> impl Iterator<Item = ReportBlock> + use<'a> {
        self.blocks
            .chunks_exact(BLOCK)
            .filter_map(ReportBlock::parse)
    }

    /// Appends a report; blocks after the 31st are left out.
    pub fn write(info: &SenderInfo, blocks: &[ReportBlock], out: &mut Vec<u8>) {
        let blocks = &blocks[..blocks.len().min(31)];
        write_packet(out, 200, blocks.len() as u8, |out| {
            out.extend(info.ssrc.0.to_be_bytes());
            out.extend(info.ntp.0.to_be_bytes());
            for value in [info.timestamp.0, info.packets, info.bytes] {
                out.extend(value.to_be_bytes());
            }
            blocks.iter().for_each(|block| block.write(out));
        });
    }
}

/// A receiver report (RFC 3550 §6.4.2).
#[derive(Clone, Copy, Debug)]
pub struct ReceiverReport<'a> {
    /// Who reports.
    pub ssrc: Ssrc,
    blocks: &'a [u8],
}

impl<'a> ReceiverReport<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Option<Self> {
        Some(Self {
            ssrc: Ssrc(word(body, 0)?),
            blocks: body.get(4..4 + BLOCK * usize::from(count))?,
        })
    }

    /// The report blocks, at most 31.
    pub fn blocks(&self) -> impl Iterator<Item = ReportBlock> + use<'a> {
        self.blocks
            .chunks_exact(BLOCK)
            .filter_map(ReportBlock::parse)
    }

    /// Appends a report; blocks after the 31st are left out.
    pub fn write(ssrc: Ssrc, blocks: &[ReportBlock], out: &mut Vec<u8>) {
        let blocks = &blocks[..blocks.len().min(31)];
        write_packet(out, 201, blocks.len() as u8, |out| {
            out.extend(ssrc.0.to_be_bytes());
            blocks.iter().for_each(|block| block.write(out));
        });
    }
}
