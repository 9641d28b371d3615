//! SCTP and the bridge's data channel (RFC 8831, RFC 8832).

/// What the SCTP part of a transport does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SctpConfig {
    /// SCTP port of both sides; 5000 everywhere in Jitsi.
    pub port: u16,
    /// Open a data channel once connected (label, protocol). A bridge leaves this empty: Jitsi's
    /// clients open the channel.
    pub open: Option<(String, String)>,
}

impl Default for SctpConfig {
    fn default() -> Self {
        Self { port: 5000, open: None }
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
