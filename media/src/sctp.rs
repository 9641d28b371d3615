//! SCTP over DTLS and the bridge's one data channel (RFC 8831, RFC 8832).
//!
//! The protocol is the `sctp-proto` crate's: sans-IO, and hardened against hostile peers
//! (`rtc-sctp`, of the same origin, panics on an error cause longer than its chunk). Of the data
//! channel protocol there are two messages, which are ours ([`dcep`]). What a peer can make us keep is bounded: one
//! association (and a few that are still shaking hands), one channel, one receive window.
//!
//! Both sides begin the association (RFC 8841 §9.3), a side that opens no channel a moment later:
//! some peers wait. An association that is lost is told to the peer, and begun anew.
//!
//! # Deliberately absent
//! Partial reliability on what we send, channels without DCEP, more than one channel at once: one of
//! the bridge channel's protocol replaces an earlier one, as Jitsi's bridge has it, others are
//! acknowledged and not heard.

mod abort;
mod association;
mod dcep;

#[cfg(test)]
mod tests;

pub use association::MAX_MESSAGE;
pub(crate) use association::{Sctp, SctpEvent};

/// The sub-protocol of the bridge channel.
pub const BRIDGE_CHANNEL: &str = "http://jitsi.org/protocols/colibri";

/// What the SCTP part of a transport does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SctpConfig {
    /// SCTP port of both sides; 5000 everywhere in Jitsi.
    pub port: u16,
    /// Open a data channel once connected (label, protocol), as a client does. A bridge leaves
    /// this empty: Jitsi's clients open the channel.
    pub open: Option<(String, String)>,
}

impl Default for SctpConfig {
    fn default() -> Self {
        Self {
            port: 5000,
            open: None,
        }
    }
}

/// A message was not queued on the data channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// No data channel is open.
    #[error("no data channel is open")]
    NotOpen,
    /// The peer does not read as fast as we write.
    #[error("the data channel's send queue is full")]
    Full,
    /// Longer than one message may be.
    #[error("the message is longer than the data channel carries")]
    TooLong,
}
