//! Counters of one worker, and the named reasons for which it drops packets.

use media::transport::DropReason as TransportDrop;

use crate::event::EndpointStatistics;
use crate::ids::WorkerId;

/// Why a packet goes no further. Each has a counter, and so has each reason of a transport's
/// ([`TransportDrop`]).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum DropReason {
    /// From an address that no endpoint of this worker has authenticated, and not an ICE check.
    UnknownAddress,
    /// An ICE check with a ufrag of no endpoint.
    UnknownUfrag,
    /// Too short, or of no protocol that shares the port (RFC 7983).
    NotDemultiplexed,
    /// Part of a DTLS handshake, and more of them wait for their turn already than may.
    HandshakesWaiting,
    /// The transport of its receiver cannot encrypt it.
    NotProtected,
    /// RTP or RTCP that does not parse.
    Malformed,
    /// An SSRC that no source of the sender has.
    UnknownSsrc,
    /// A payload type that was not negotiated.
    UnknownPayloadType,
    /// The sender is force-muted.
    ForceMuted,
    /// The sender is a visitor.
    Visitor,
    /// Seen before (a retransmission of what had arrived).
    Duplicate,
    /// Padding without media: for bandwidth estimation only.
    PaddingOnly,
    /// Audio that says of itself that it is silence, past the first few.
    Silence,
    /// Others are louder, and only the loudest are forwarded.
    NotLoudest,
    /// The receiver's layers do not include it.
    Layer,
    /// The receiver waits for a keyframe of this encoding.
    AwaitingKeyframe,
    /// Older than the switch that the receiver has made.
    BeforeSwitch,
    /// The receiver does not get its source.
    Unwanted,
    /// The receiver does not have its source in any slot.
    NoSlot,
    /// The receiver did not negotiate the codec.
    CodecNotNegotiated,
    /// The codec's descriptor in it does not parse.
    BadDescriptor,
    /// Larger than an outgoing packet may be.
    TooLarge,
    /// A queue to another worker was full.
    QueueFull,
}

impl DropReason {
    /// All, in the order of their counters.
    pub const ALL: [Self; 23] = [
        Self::UnknownAddress,
        Self::UnknownUfrag,
        Self::NotDemultiplexed,
        Self::HandshakesWaiting,
        Self::NotProtected,
        Self::Malformed,
        Self::UnknownSsrc,
        Self::UnknownPayloadType,
        Self::ForceMuted,
        Self::Visitor,
        Self::Duplicate,
        Self::PaddingOnly,
        Self::Silence,
        Self::NotLoudest,
        Self::Layer,
        Self::AwaitingKeyframe,
        Self::BeforeSwitch,
        Self::Unwanted,
        Self::NoSlot,
        Self::CodecNotNegotiated,
        Self::BadDescriptor,
        Self::TooLarge,
        Self::QueueFull,
    ];

    /// Name for metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::UnknownAddress => "unknown_address",
            Self::UnknownUfrag => "unknown_ufrag",
            Self::NotDemultiplexed => "not_demultiplexed",
            Self::HandshakesWaiting => "handshakes_waiting",
            Self::NotProtected => "not_protected",
            Self::Malformed => "malformed",
            Self::UnknownSsrc => "unknown_ssrc",
            Self::UnknownPayloadType => "unknown_payload_type",
            Self::ForceMuted => "force_muted",
            Self::Visitor => "visitor",
            Self::Duplicate => "duplicate",
            Self::PaddingOnly => "padding_only",
            Self::Silence => "silence",
            Self::NotLoudest => "not_loudest",
            Self::Layer => "layer",
            Self::AwaitingKeyframe => "awaiting_keyframe",
            Self::BeforeSwitch => "before_switch",
            Self::Unwanted => "unwanted",
            Self::NoSlot => "no_slot",
            Self::CodecNotNegotiated => "codec_not_negotiated",
            Self::BadDescriptor => "bad_descriptor",
            Self::TooLarge => "too_large",
            Self::QueueFull => "queue_full",
        }
    }
}

/// How many packets were dropped, by reason: ours and a transport's.
#[derive(Clone, Copy, Default, Debug)]
pub struct Drops {
    own: [u64; DropReason::ALL.len()],
    transport: [u64; TransportDrop::ALL.len()],
}

impl Drops {
    /// One more for this reason.
    pub fn count(&mut self, reason: DropReason) {
        self.own[reason as usize] += 1;
    }

    /// Counts one that a transport refused.
    pub fn count_refused(&mut self, reason: TransportDrop) {
        self.transport[reason.index()] += 1;
    }

    /// How many for this reason.
    pub fn get(&self, reason: DropReason) -> u64 {
        self.own[reason as usize]
    }

    /// How many a transport refused for this reason.
    pub fn refused(&self, reason: TransportDrop) -> u64 {
        self.transport[reason.index()]
    }

    /// Name and count of each reason.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let own = DropReason::ALL.iter().map(|r| (r.name(), self.get(*r)));
        let refused = TransportDrop::ALL.iter();
        own.chain(refused.map(|r| (r.name(), self.refused(*r))))
    }
}

/// Monotonic counters of a worker since its start.
#[derive(Clone, Copy, Default, Debug)]
pub struct Counters {
    /// UDP datagrams received.
    pub datagrams_received: u64,
    /// Their bytes.
    pub bytes_received: u64,
    /// UDP datagrams sent.
    pub datagrams_sent: u64,
    /// Their bytes.
    pub bytes_sent: u64,
    /// Media packets received and decrypted.
    pub media_packets_received: u64,
    /// Those of them that nothing was wrong with: received is accepted and dropped.
    pub media_packets_accepted: u64,
    /// Media packets that came to their turn, for each receiver that is connected: offered is
    /// forwarded and dropped.
    pub media_packets_offered: u64,
    /// Media packets forwarded (one for each receiver).
    pub media_packets_forwarded: u64,
    /// Packets sent again on NACK.
    pub retransmissions_sent: u64,
    /// Packets asked again upstream.
    pub nacks_sent: u64,
    /// Keyframes asked of senders.
    pub keyframes_requested: u64,
    /// Padding packets and probing retransmissions sent.
    pub probing_packets_sent: u64,
    /// Datagrams that arrived at a worker that does not own their sender.
    pub datagrams_handed_over: u64,
    /// Bridge channel messages received.
    pub channel_messages_received: u64,
    /// Bridge channel messages that did not parse or came too fast.
    pub channel_messages_refused: u64,
    /// Changes of dominant speaker (home conferences).
    pub dominant_speaker_changes: u64,
    /// Endpoints that connected.
    pub endpoints_connected: u64,
    /// Endpoints that failed in ICE.
    pub endpoints_ice_failed: u64,
    /// Endpoints that failed in DTLS.
    pub endpoints_dtls_failed: u64,
}

/// Snapshot of a worker.
#[derive(Clone, Debug)]
pub struct WorkerStatistics {
    /// Whose.
    pub worker: WorkerId,
    /// Conferences whose home it is.
    pub conferences: usize,
    /// Endpoints that it owns.
    pub endpoints: usize,
    /// Since the start of the worker.
    pub counters: Counters,
    /// Dropped packets.
    pub drops: Drops,
    /// By endpoint, if asked.
    pub by_endpoint: Vec<EndpointStatistics>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_own_counter_and_name() {
        let mut drops = Drops::default();
        for (index, reason) in DropReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index);
            drops.count(reason);
        }
        for reason in TransportDrop::ALL {
            drops.count_refused(reason);
        }
        let mut names: Vec<_> = drops.iter().map(|(name, _)| name).collect();
        assert!(drops.iter().all(|(_, count)| count == 1));
        names.sort_unstable();
        names.dedup();
        assert_eq!(
            names.len(),
            DropReason::ALL.len() + TransportDrop::ALL.len()
        );
    }
}
