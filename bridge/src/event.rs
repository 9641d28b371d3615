//! What a worker tells control.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use media::units::Bitrate;

use crate::ids::{ConferenceKey, EndpointId, EndpointKey};
use crate::statistics::WorkerStatistics;

/// One piece of news from a worker to control.
#[derive(Debug)]
pub enum Event {
    /// A bridge channel message to send over the endpoint's WebSocket. Only after
    /// [`crate::command::Command::ChannelOpened`].
    ChannelText(EndpointKey, Arc<str>),
    /// A pair of addresses works, first time or again.
    IceConnected {
        /// Whose.
        endpoint: EndpointKey,
        /// The remote address in use.
        remote: SocketAddr,
    },
    /// DTLS is done: media can flow.
    DtlsConnected(EndpointKey),
    /// ICE or DTLS failed for good, or the endpoint was silent too long: control should expire it.
    EndpointFailed {
        /// Whose.
        endpoint: EndpointKey,
        /// Why.
        reason: FailureReason,
    },
    /// Answer to [`crate::command::Command::RestartIce`].
    IceRestarted {
        /// Whose.
        endpoint: EndpointKey,
        /// `false`: ICE is not connected yet, the credentials in use stay.
        started: bool,
    },
    /// The conference's dominant speaker changed.
    DominantSpeaker {
        /// Where.
        conference: ConferenceKey,
        /// Who; `None` in silence.
        endpoint: Option<EndpointId>,
    },
    /// Answer to [`crate::command::Command::CollectStatistics`].
    Statistics(Box<WorkerStatistics>),
}

/// Why an endpoint cannot go on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FailureReason {
    /// No pair of addresses works.
    Ice,
    /// The handshake failed, or the certificate is not the one announced.
    Dtls,
    /// Nothing was heard for the expiry time after it had been connected.
    Silent,
    /// It never connected.
    NeverConnected,
}

/// How one endpoint fares.
#[derive(Clone, Debug)]
pub struct EndpointStatistics {
    /// Handle.
    pub endpoint: EndpointKey,
    /// Where it happens.
    pub conference: ConferenceKey,
    /// Name.
    pub id: EndpointId,
    /// Connected: ICE and DTLS are up.
    pub connected: bool,
    /// Round trip, by RTCP; `None` before the first measurement.
    pub round_trip: Option<Duration>,
    /// Received from it in the last second.
    pub bitrate_received: Bitrate,
    /// Sent to it in the last second.
    pub bitrate_sent: Bitrate,
    /// What it can take; `None` without an estimate.
    pub bandwidth_estimate: Option<Bitrate>,
    /// Packets received from it, in all.
    pub packets_received: u64,
    /// Packets sent to it, in all.
    pub packets_sent: u64,
    /// Of those it sent, fraction lost on the way to us since the last snapshot, 0..=1.
    pub loss_received: f32,
    /// Of those we sent, fraction that it reported lost, 0..=1.
    pub loss_sent: f32,
    /// Video sources forwarded to it.
    pub forwarded_sources: usize,
    /// Whether it announces any microphone.
    pub sends_audio: bool,
    /// Whether it announces any camera or screen.
    pub sends_video: bool,
}
