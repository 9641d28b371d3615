//! What a participant can do: the focus's offer follows from this list.

use xmpp::disco::{Caps, Info};
use xmpp::ns::{self, feature};

/// The node that Jitsi's clients put in their capabilities (XEP-0115).
const NODE: &str = "https://jitsi.org/jitsi-meet";

/// The features of a current client: JSON sources, several video sources, SSRC rewriting, data
/// channel.
pub(super) fn info() -> Info {
    Info::new()
        .with_identity("client", "web", Some("Shoal load test"))
        .with_features([
            ns::CAPS,
            ns::DISCO_INFO,
            ns::JINGLE,
            ns::JINGLE_DTLS,
            ns::JINGLE_ICE_UDP,
            ns::JINGLE_RTP,
            ns::JINGLE_RTP_AUDIO,
            ns::JINGLE_RTP_VIDEO,
            ns::JINGLE_SCTP,
            feature::BUNDLE,
            feature::JSON_SOURCES,
            feature::MULTI_STREAM,
            feature::RTCP_MUX,
            feature::RTX,
            feature::SOURCE_NAMES,
            feature::SSRC_REWRITING,
            feature::TCC,
        ])
}

pub(super) fn caps(info: &Info) -> Caps {
    Caps::of(NODE, info)
}
