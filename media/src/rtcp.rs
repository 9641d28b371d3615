//! RTCP (RFC 3550 §6, RFC 4585, RFC 5104): compound packets in, single packets out.
//!
//! Parsing is by [`Compound`], without copies. Building appends to a `Vec<u8>` that the caller
//! keeps, so a warm buffer costs no allocation; several packets one after the other are a compound.

mod bye;
mod compound;
mod fir;
mod nack;
mod pli;
mod remb;
mod report;
mod source_description;
mod transport_cc;

pub use bye::Bye;
pub use compound::{Compound, RtcpError, RtcpPacket};
pub use fir::Fir;
pub use nack::Nack;
pub use pli::Pli;
pub use remb::Remb;
pub use report::{ReceiverReport, ReportBlock, SenderInfo, SenderReport};
pub use source_description::{SourceDescription, cname};
pub use transport_cc::{Arrival, REFERENCE_TICKS, TICK, TransportCc};

/// True when a datagram that came on the media port is RTCP and not RTP (RFC 5761 §4).
pub fn is_rtcp(packet: &[u8]) -> bool {
    packet.len() >= 2 && packet[0] >> 6 == 2 && (192..=223).contains(&packet[1])
}

/// SSRC of the sender of an SRTCP or RTCP packet, which stays in clear; `None` when too short.
pub fn sender_ssrc(packet: &[u8]) -> Option<crate::units::Ssrc> {
    let b = packet.get(4..8)?;
    Some(crate::units::Ssrc(u32::from_be_bytes([
        b[0], b[1], b[2], b[3],
    ])))
}

#[cfg(test)]
mod tests;
