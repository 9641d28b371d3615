//! RTP packets (RFC 3550): a view without copies, edits in place, header extensions (RFC 8285),
//! counters that wrap, and reception statistics.

mod counter;
mod edit;
mod extension;
mod layers_allocation;
mod packet;
mod reception;
mod write;

pub use counter::{SeqNum, Timestamp, Unwrapper};
pub use edit::RtpPacketMut;
pub use extension::{
    AbsSendTime, AudioLevel, Extension, ExtensionMap, ExtensionMapError, ExtensionSet, Extensions,
};
pub use layers_allocation::{AllocatedLayer, LayersAllocation};
pub use packet::{RtpError, RtpLayout, RtpPacket};
pub use reception::{NtpTime, Reception, SenderReportTime, round_trip_time};
pub use write::{HeaderFields, HeaderWriter, Stamps, WriteError, Written};

/// Largest RTP or RTCP packet that is handled, in bytes: an Ethernet frame's payload.
pub const MAX_PACKET: usize = 1_500;
