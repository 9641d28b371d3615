//! Retransmission packets (RFC 4588 §4).

use std::ops::Range;

use crate::rtp::{HeaderWriter, RtpLayout, RtpPacket, SeqNum, Stamps, WriteError, Written};
use crate::units::{PayloadType, Ssrc};

/// What an incoming RTX packet was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unwrapped {
    /// The original packet, restored in place: its bytes are this range of the buffer.
    Packet(Range<usize>),
    /// Padding without an original packet: a bandwidth probe.
    Probe,
}

/// Restores the original packet within the buffer of an RTX packet (decrypted): the header moves
/// two bytes back, the payload stays. Padding is kept.
pub fn unwrap(
    _packet: &mut [u8],
    _layout: RtpLayout,
    _payload_type: PayloadType,
    _ssrc: Ssrc,
) -> Unwrapped {
    todo!()
}

/// The outgoing side of one RTX stream.
#[derive(Clone, Copy, Debug)]
pub struct RtxStream {
    /// Payload type of RTX for the payload type that is repeated.
    pub payload_type: PayloadType,
    /// SSRC of the RTX stream.
    pub ssrc: Ssrc,
    /// Next sequence number.
    pub next: SeqNum,
}

impl RtxStream {
    /// Writes `original` (as it was sent) as RTX and takes the next sequence number.
    ///
    /// # Errors
    /// [`WriteError::BufferTooSmall`].
    pub fn wrap(
        &mut self,
        _writer: &HeaderWriter<'_>,
        _original: &RtpPacket<'_>,
        _stamps: &Stamps<'_>,
        _out: &mut [u8],
    ) -> Result<Written, WriteError> {
        todo!()
    }
}
