//! One encoding of a source: an SSRC, and that of its retransmissions.

use std::time::{Duration, Instant};

use media::nack::NackGenerator;
use media::rtp::{Reception, Unwrapper};
use media::units::Ssrc;

use super::analysis::Analysis;
use super::keyframes::KeyframeRequests;
use super::layers::LayerRates;
use crate::command::MediaKind;

/// RTP clock of video, Hz.
pub const VIDEO_CLOCK: u32 = 90_000;
/// RTP clock of audio, Hz.
pub const AUDIO_CLOCK: u32 = 48_000;

/// See the module.
#[derive(Debug)]
pub struct IncomingEncoding {
    /// Under which its packets come.
    pub ssrc: Ssrc,
    pub(super) seq: Unwrapper<16>,
    pub(super) nack: NackGenerator,
    pub(super) reception: Reception,
    pub(super) rates: LayerRates,
    /// Its descriptors.
    pub analysis: Analysis,
    /// What it is asked for.
    pub keyframes: KeyframeRequests,
    pub(super) fir_command: u8,
    pub(super) fraction_lost: u8,
    /// When the last packet came.
    pub last_packet: Option<Instant>,
    /// Frames of its source, of all encodings, up to then.
    pub last_frame: u32,
    /// Bit i: the sender says that it sends spatial layer i. All, unless it says otherwise.
    pub allocated: u8,
}

impl IncomingEncoding {
    /// Nothing came yet.
    pub fn new(ssrc: Ssrc, kind: MediaKind, rtt: Option<Duration>) -> Self {
        let mut nack = NackGenerator::new();
        if let Some(rtt) = rtt {
            nack.handle_rtt(rtt);
        }
        let clock = match kind {
            MediaKind::Audio => AUDIO_CLOCK,
            MediaKind::Video => VIDEO_CLOCK,
        };
        Self {
            ssrc,
            seq: Unwrapper::new(),
            nack,
            reception: Reception::new(clock),
            rates: LayerRates::default(),
            analysis: Analysis::default(),
            keyframes: KeyframeRequests::default(),
            fir_command: 0,
            fraction_lost: 0,
            last_packet: None,
            last_frame: 0,
            allocated: u8::MAX,
        }
    }
}
