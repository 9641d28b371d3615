//! One endpoint: its transport, what it sends, what it is sent, and its bridge channel.

pub mod channel_state;
pub mod remote;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use media::transport::{Transport, TransportConfig};

use crate::allocation::Allocation;
use crate::allocation::effective::ReceiverConstraints;
use crate::allocation::steadiness::{Room, Steadiness};
use crate::command::CreateEndpoint;
use crate::egress::{Egress, EgressConfig};
use crate::ids::{ConferenceKey, EndpointId, EndpointKey, SourceKey};
use crate::ingress::{FeedbackSsrcs, Ingress};
use crate::settings::WorkerSettings;
use channel_state::ChannelState;
use media::sctp::SctpConfig;
use media::transport::{DEFAULT_MAX_SSRCS, Setup};
use remote::Remote;

/// Looked at so often while its media arrives: feedback is due.
pub const RECEIVING_TICK: Duration = Duration::from_millis(20);
/// Its media arrives until nothing came for so long.
const RECEIVING_FOR: Duration = Duration::from_millis(200);
/// Looked at so often while it is sent media: bandwidth, allocation.
const SENT_TO_TICK: Duration = Duration::from_millis(100);
/// It rests when nothing was sent for so long.
const RESTS_AFTER: Duration = Duration::from_secs(1);
/// Looked at so often while it rests.
const RESTING_TICK: Duration = Duration::from_millis(500);

/// See the module. Its parts know nothing of each other; the worker joins them.
pub struct Endpoint {
    /// Handle.
    pub key: EndpointKey,
    /// Name.
    pub id: EndpointId,
    /// Its conference's local id.
    pub conference_key: ConferenceKey,
    /// Its conference's index at this worker.
    pub conference: usize,
    /// Sends nothing, is not announced.
    pub visitor: bool,
    /// ICE, DTLS, SRTP, SCTP.
    pub transport: Transport,
    /// What the remote said of its transport.
    pub remote: Remote,
    /// What it sends.
    pub ingress: Ingress,
    /// What it is sent.
    pub egress: Egress,
    /// Its bridge channel.
    pub channel: ChannelState,
    /// What it wants to see.
    pub constraints: ReceiverConstraints,
    /// What it gets.
    pub allocation: Allocation<SourceKey>,
    /// Room for which that was decided, and when.
    pub allocated: Option<(Room, Instant)>,
    /// Keeps that from going up and down.
    pub steadiness: Steadiness,
    /// It is to be made a new allocation at the next occasion.
    pub reallocate: bool,
    /// The client has said what it wants.
    pub constrained: bool,
    /// Video sources that it was last told it is sent, sorted.
    pub told_forwarded: Option<Vec<SourceKey>>,
    /// RTCP to be sent.
    pub rtcp: Vec<u8>,
    /// Addresses that its checks came from.
    pub addresses: Vec<SocketAddr>,
    /// Its local ufrags.
    pub ufrags: Vec<String>,
    /// When it came to be.
    pub created: Instant,
    /// When anything authentic was last received.
    pub heard: Option<Instant>,
    /// When RTP was last received.
    pub heard_media: Option<Instant>,
    /// Bytes of its messages on the data channel that lack the rest.
    pub unfinished: usize,
    /// Media can flow.
    pub connected: bool,
    /// Others were told that its packets arrive.
    pub active: bool,
    /// Its client has said that it is gone.
    pub closed: bool,
    /// Control was told that it failed.
    pub failed: bool,
    /// Nothing is going on: its timers are looked at rarely.
    pub resting: bool,
    /// When its timers are looked at next.
    pub scheduled: Option<Instant>,
    /// Timers.
    pub ticks: Ticks,
    /// In the list of those with something to send.
    pub ready: bool,
}

/// When what was last done.
#[derive(Clone, Copy, Debug)]
pub struct Ticks {
    /// Bandwidth, allocation.
    pub control: Instant,
    /// Sender reports, connectivity, layers.
    pub second: Instant,
    /// `ConnectionStats`.
    pub stats: Instant,
}

impl Endpoint {
    /// From control's order, with the addresses at which its datagrams may arrive. `seed` feeds its random choices.
    pub fn new(
        create: &CreateEndpoint,
        conference: usize,
        settings: &WorkerSettings,
        local_addresses: Vec<SocketAddr>,
        seed: u64,
        now: Instant,
    ) -> Self {
        let config = TransportConfig {
            local: create.local_ice.clone(),
            ice_controlling: create.ice_controlling,
            certificate: settings.certificate.clone(),
            local_candidates: local_addresses,
            setup: Setup::Actpass,
            max_ssrcs: DEFAULT_MAX_SSRCS,
            sctp: create.sctp_port.map(|port| SctpConfig {
                port,
                ..SctpConfig::default()
            }),
        };
        let feedback = FeedbackSsrcs {
            audio: create.feedback_audio_ssrc,
            video: create.feedback_video_ssrc,
        };
        let egress = EgressConfig {
            rewriting: create.ssrc_rewriting,
            mid_demux: create.mid_demux,
            padding_ssrc: create.feedback_video_ssrc,
            seed: seed.rotate_left(17),
        };
        let constraints = ReceiverConstraints {
            last_n: create.initial_last_n.and_then(|n| usize::try_from(n).ok()),
            ..ReceiverConstraints::default()
        };
        Self {
            key: create.endpoint,
            id: create.id.clone(),
            conference_key: create.conference,
            conference,
            visitor: create.visitor,
            transport: Transport::new(config, seed, now),
            remote: Remote::default(),
            ingress: Ingress::new(
                feedback,
                create.visitor,
                settings.forwarded_silence_packets,
                now,
            ),
            egress: Egress::new(egress, settings, now),
            channel: ChannelState::new(now),
            constraints,
            allocation: Allocation::default(),
            allocated: None,
            reallocate: false,
            steadiness: Steadiness::default(),
            constrained: false,
            told_forwarded: None,
            rtcp: Vec::new(),
            addresses: Vec::new(),
            ufrags: vec![create.local_ice.ufrag.clone()],
            created: now,
            heard: None,
            heard_media: None,
            unfinished: 0,
            connected: false,
            active: true,
            closed: false,
            failed: false,
            resting: false,
            scheduled: None,
            ticks: Ticks {
                control: now,
                second: now,
                stats: now,
            },
            ready: false,
        }
    }

    /// When one of its timers is due exactly.
    pub fn poll_timeout(&mut self, now: Instant) -> Option<Instant> {
        let timeouts = [
            self.transport.poll_timeout(),
            self.egress.padding_timeout(),
            self.egress.pacing_timeout(now),
        ];
        timeouts.into_iter().flatten().min()
    }

    /// How long it may be left alone otherwise. One that is sent nothing and sends nothing rests.
    pub fn pause(&mut self, now: Instant) -> Duration {
        let within = |at: Option<Instant>, time: Duration| {
            at.is_some_and(|at| now.saturating_duration_since(at) < time)
        };
        let sent_to = within(self.egress.sent_at, RESTS_AFTER);
        self.resting = false;
        if within(self.heard_media, RECEIVING_FOR) {
            RECEIVING_TICK
        } else if self.connected && sent_to {
            SENT_TO_TICK
        } else {
            self.resting = self.connected;
            RESTING_TICK
        }
    }
}
