//! The aggregation header (AV1 RTP specification §4.4).

use crate::codec::CodecError;

/// First byte of every AV1 payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AggregationHeader {
    /// Z: the first OBU element continues one of the previous packet.
    pub continues: bool,
    /// Y: the last OBU element goes on in the next packet.
    pub continued: bool,
    /// W: number of OBU elements; 0 when each has a length.
    pub elements: u8,
    /// N: first packet of a coded video sequence, i.e. of a key frame.
    pub new_sequence: bool,
}

impl AggregationHeader {
    /// Reads the header at the start of an RTP payload.
    ///
    /// # Errors
    /// [`CodecError::Truncated`] when the payload is empty, [`CodecError::Malformed`] when N and
    /// Z are both set.
    pub fn parse(payload: &[u8]) -> Result<Self, CodecError> {
        let &byte = payload.first().ok_or(CodecError::Truncated)?;
        let header = Self {
            continues: byte & 0x80 != 0,
            continued: byte & 0x40 != 0,
            elements: byte >> 4 & 3,
            new_sequence: byte & 0x08 != 0,
        };
        if header.new_sequence && header.continues {
            return Err(CodecError::Malformed);
        }
        Ok(header)
    }
}
