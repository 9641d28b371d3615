//! What a client can do, from its disco#info (XEP-0030).

use serde::{Deserialize, Serialize};
use xmpp::ns;

/// The features that change what the focus sends to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Features {
    /// Receives audio.
    pub audio: bool,
    /// Receives video.
    pub video: bool,
    /// Can open a data channel (XEP-0343).
    pub sctp: bool,
    /// Understands retransmission streams (RFC 4588).
    pub rtx: bool,
    /// Receiver-side bandwidth estimation.
    pub remb: bool,
    /// Transport-wide congestion control.
    pub tcc: bool,
    /// Redundant Opus (RFC 2198).
    pub opus_red: bool,
    /// Reads sources in the compact JSON form.
    pub json_sources: bool,
    /// Learns sources from the bridge instead of from Jingle.
    pub ssrc_rewriting: bool,
    /// Tells streams apart by MID.
    pub mid_demux: bool,
}

impl Features {
    /// What is assumed of a client that does not answer discovery.
    pub const UNKNOWN: Self = Self {
        audio: true,
        video: true,
        sctp: true,
        rtx: false,
        remb: false,
        tcc: false,
        opus_red: false,
        json_sources: false,
        ssrc_rewriting: false,
        mid_demux: false,
    };

    /// Reads the `var`s of a disco#info answer.
    pub fn from_vars<'a>(vars: impl IntoIterator<Item = &'a str>) -> Self {
        let mut features = Self::default();
        for var in vars {
            match var {
                ns::JINGLE_RTP_AUDIO => features.audio = true,
                ns::JINGLE_RTP_VIDEO => features.video = true,
                ns::JINGLE_SCTP => features.sctp = true,
                ns::feature::RTX => features.rtx = true,
                ns::feature::REMB => features.remb = true,
                ns::feature::TCC => features.tcc = true,
                ns::feature::OPUS_RED => features.opus_red = true,
                ns::feature::JSON_SOURCES => features.json_sources = true,
                ns::feature::SSRC_REWRITING => features.ssrc_rewriting = true,
                ns::feature::RTP_MID_DEMUX => features.mid_demux = true,
                _ => {}
            }
        }
        features
    }
}
