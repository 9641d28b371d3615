//! What comes out.

use std::net::SocketAddr;

use crate::srtp::SrtpProfile;

/// An ICE, DTLS or SCTP datagram to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Destination.
    pub to: SocketAddr,
    /// The local candidate to send from.
    pub from: SocketAddr,
    /// The UDP payload.
    pub payload: Vec<u8>,
}

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// An RTP packet; the plaintext is the first so many bytes of the buffer.
    Rtp(usize),
    /// A compound RTCP packet; the plaintext is the first so many bytes of the buffer.
    Rtcp(usize),
    /// STUN or DTLS, dealt with here.
    Handled,
}

/// What happened on a transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// ICE found a working pair, for the first time or after [`Event::IceFailed`].
    IceConnected {
        /// The peer's address.
        remote: SocketAddr,
    },
    /// Media goes another way from here on. Also follows `IceConnected`, and an ICE restart
    /// that cut over.
    RouteChanged {
        /// The peer's address.
        remote: SocketAddr,
        /// The local candidate to send from.
        local: SocketAddr,
    },
    /// No pair works, or consent ran out (RFC 7675). A restart may bring the transport back, and
    /// so may the peer, when its checks arrive again.
    IceFailed,
    /// An ICE restart found no working pair in time; the old route stays as it is.
    RestartFailed,
    /// The handshake finished and the peer's certificate is the signalled one; media can flow.
    DtlsConnected {
        /// The negotiated protection profile.
        profile: SrtpProfile,
    },
    /// The handshake failed for good; the text is for a log.
    DtlsFailed(String),
    /// The data channel is open.
    ChannelOpen {
        /// As the peer wrote it in `DATA_CHANNEL_OPEN` (RFC 8832 §5.1).
        label: String,
        /// Its sub-protocol; `http://jitsi.org/protocols/colibri` from Jitsi's clients.
        protocol: String,
    },
    /// A text message arrived on the data channel.
    ChannelText(String),
    /// A binary message arrived on the data channel.
    ChannelBinary(Vec<u8>),
    /// The data channel is gone.
    ChannelClosed,
    /// The peer closed the DTLS association; nothing more will come.
    Closed,
}
