/// Why a datagram was dropped. Dropped datagrams have no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(usize)]
pub enum DropReason {
    /// None of STUN, DTLS, RTP and RTCP (RFC 7983).
    UnknownProtocol,
    /// STUN that does not parse, or is for nobody here: a wrong username, an unknown
    /// transaction, a method that ICE does not use.
    UnknownStun,
    /// STUN whose MESSAGE-INTEGRITY is missing or wrong.
    BadIntegrity,
    /// Arrived at an address that is no local candidate.
    UnknownLocalAddress,
    /// DTLS from an address that no authenticated check came from, or before the peer's
    /// fingerprint is known.
    UnexpectedDtls,
    /// Records that no DTLS 1.2 peer sends.
    MalformedDtls,
    /// Media before the DTLS handshake finished.
    BeforeDtls,
    /// RTP or RTCP whose header does not hold together.
    MalformedMedia,
    /// SRTP or SRTCP whose authentication tag is wrong.
    SrtpAuth,
    /// An SRTP or SRTCP packet index that was received before, or is too old to tell.
    SrtpReplay,
    /// More SSRCs than one peer may send.
    TooManySsrcs,
    /// Checks from, or claims about, more addresses than one peer may have.
    TooManyAddresses,
    /// The transport is closed or failed.
    Closed,
}

impl DropReason {
    /// All reasons, in the order of [`Self::index`]: for a table of counters.
    pub const ALL: [Self; 13] = [
        Self::UnknownProtocol,
        Self::UnknownStun,
        Self::BadIntegrity,
        Self::UnknownLocalAddress,
        Self::UnexpectedDtls,
        Self::MalformedDtls,
        Self::BeforeDtls,
        Self::MalformedMedia,
        Self::SrtpAuth,
        Self::SrtpReplay,
        Self::TooManySsrcs,
        Self::TooManyAddresses,
        Self::Closed,
    ];

    /// Position in [`Self::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// Label value of the counter.
    pub fn name(self) -> &'static str {
        match self {
            Self::UnknownProtocol => "unknown_protocol",
            Self::UnknownStun => "unknown_stun",
            Self::BadIntegrity => "bad_integrity",
            Self::UnknownLocalAddress => "unknown_local_address",
            Self::UnexpectedDtls => "unexpected_dtls",
            Self::MalformedDtls => "malformed_dtls",
            Self::BeforeDtls => "before_dtls",
            Self::MalformedMedia => "malformed_media",
            Self::SrtpAuth => "srtp_auth",
            Self::SrtpReplay => "srtp_replay",
            Self::TooManySsrcs => "too_many_ssrcs",
            Self::TooManyAddresses => "too_many_addresses",
            Self::Closed => "closed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_reasons_is_in_the_order_of_their_index() {
        for (at, reason) in DropReason::ALL.into_iter().enumerate() {
            assert_eq!(reason.index(), at);
        }
    }
}
