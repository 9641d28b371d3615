//! Payload formats: what a bridge reads from, and rewrites in, payloads that it never decodes.

pub mod av1;
pub mod h264;
pub mod opus;
pub mod vp8;
pub mod vp9;

/// Why a payload (or dependency descriptor) cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// It ends inside its descriptor.
    #[error("the payload ends inside its descriptor")]
    Truncated,
    /// Fields contradict each other or the format.
    #[error("the payload descriptor is malformed")]
    Malformed,
    /// The dependency descriptor refers to a template structure that was not seen.
    #[error("the template structure of the dependency descriptor is not known yet")]
    NoStructure,
}

/// The codecs that are forwarded, and the payload formats that carry them again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// RFC 7587.
    Opus,
    /// RFC 2198.
    Red,
    /// RFC 4733.
    TelephoneEvent,
    /// RFC 7741.
    Vp8,
    /// RFC 9628.
    Vp9,
    /// RFC 6184.
    H264,
    /// AV1 RTP specification.
    Av1,
    /// Retransmission, RFC 4588.
    Rtx,
    /// RFC 8627 or RFC 5109: not repaired here.
    Ulpfec,
}

impl Codec {
    /// From the encoding name of signalling, without regard to case.
    pub fn from_name(name: &str) -> Option<Self> {
        const NAMES: [(&str, Codec); 9] = [
            ("opus", Codec::Opus),
            ("red", Codec::Red),
            ("telephone-event", Codec::TelephoneEvent),
            ("vp8", Codec::Vp8),
            ("vp9", Codec::Vp9),
            ("h264", Codec::H264),
            ("av1", Codec::Av1),
            ("rtx", Codec::Rtx),
            ("ulpfec", Codec::Ulpfec),
        ];
        NAMES
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|&(_, codec)| codec)
    }

    /// True for codecs whose packets carry pictures.
    pub fn is_video(self) -> bool {
        matches!(self, Self::Vp8 | Self::Vp9 | Self::H264 | Self::Av1)
    }
}

/// A picture's size in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resolution {
    /// Pixels in a row.
    pub width: u32,
    /// Rows of pixels.
    pub height: u32,
}

#[cfg(test)]
mod tests {
    use rand::rngs::SmallRng;
    use rand::{Rng, RngCore, SeedableRng};

    use super::*;

    #[test]
    fn codec_names_are_read_without_regard_to_case() {
        assert_eq!(Codec::from_name("H264"), Some(Codec::H264));
        assert_eq!(Codec::from_name("h264"), Some(Codec::H264));
        assert_eq!(Codec::from_name("PCMU"), None);
    }

    #[test]
    fn hostile_payloads_never_panic() {
        let mut random = SmallRng::seed_from_u64(4);
        let mut bytes = [0; 64];
        for _ in 0..100_000 {
            random.fill_bytes(&mut bytes);
            let len = random.random_range(0..bytes.len());
            let payload = &mut bytes[..len];
            if let Ok(descriptor) = vp8::Vp8Descriptor::parse(payload) {
                descriptor.resolution(payload);
                descriptor.rewrite(payload, 0xffff, 0xff, 0xff);
            }
            if let Ok(descriptor) = vp9::Vp9Descriptor::parse(payload) {
                descriptor.rewrite(payload, 0xffff, 0xff);
            }
            h264::is_keyframe(payload);
            if let Some(first) = payload.first_mut() {
                *first = 0x67;
            }
            h264::resolution(payload);
            opus::duration(payload);
            let _ = av1::AggregationHeader::parse(payload);
            let _ = av1::DependencyDescriptor::parse(payload, None);
            av1::DependencyDescriptor::rewrite(payload, &av1::DescriptorEdit::default());
        }
    }
}
