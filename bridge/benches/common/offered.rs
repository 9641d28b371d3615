//! What the clients of benchmarks can send and receive.

use bridge::command::{
    Codec, Feedback, HeaderExtension, MediaCapabilities, MediaKind, PayloadType,
};

/// Opus, and VP8 with RTX, all with transport-wide feedback.
pub(crate) fn capabilities(extensions: Vec<HeaderExtension>) -> MediaCapabilities {
    let payload = |id, kind, codec, associated| PayloadType {
        id,
        kind,
        codec,
        clock_rate: 90_000,
        associated,
        feedback: Feedback {
            nack: kind == MediaKind::Video,
            pli: kind == MediaKind::Video,
            transport_cc: true,
            ..Feedback::default()
        },
    };
    MediaCapabilities {
        payload_types: vec![
            payload(111, MediaKind::Audio, Codec::Opus, None),
            payload(100, MediaKind::Video, Codec::Vp8, None),
            payload(96, MediaKind::Video, Codec::Rtx, Some(100)),
        ],
        extensions,
    }
}
