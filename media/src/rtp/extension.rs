//! RTP header extensions (RFC 8285): iteration, the uri ↔ id map, and the values read here.

use std::time::Duration;

const ONE_BYTE: u16 = 0xbede;
const TWO_BYTE: u16 = 0x1000;

/// Iterates over `(id, value)` of an extension block, one-byte (RFC 8285 §4.2) or two-byte (§4.3)
/// form; stops at the first element that does not fit.
#[derive(Clone, Debug)]
pub struct Extensions<'a> {
    rest: &'a [u8],
    form: Form,
}

#[derive(Clone, Copy, Debug)]
enum Form {
    OneByte,
    TwoByte,
}

impl<'a> Extensions<'a> {
    pub(super) fn new(profile: u16, block: &'a [u8]) -> Self {
        let (rest, form) = match profile {
            ONE_BYTE => (block, Form::OneByte),
            p if p & 0xfff0 == TWO_BYTE => (block, Form::TwoByte),
            _ => (&[][..], Form::OneByte),
        };
        Self { rest, form }
    }

    /// Bytes that were not iterated over yet.
    pub(super) fn remaining(&self) -> usize {
        self.rest.len()
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (&first, after) = self.rest.split_first()?;
            let (id, len, after) = match self.form {
                _ if first == 0 => {
                    self.rest = after;
                    continue;
                }
                Form::OneByte if first >> 4 == 15 => (0, usize::MAX, after),
                Form::OneByte => (first >> 4, usize::from(first & 0x0f) + 1, after),
                Form::TwoByte => {
                    let (&len, after) = after.split_first()?;
                    (first, usize::from(len), after)
                }
            };
            if len > after.len() {
                self.rest = &[];
                return None;
            }
            let (value, rest) = after.split_at(len);
            self.rest = rest;
            // Id 0 with a length is padding that carries one (RFC 8285 §4.2).
            if id != 0 {
                return Some((id, value));
            }
        }
    }
}

macro_rules! extensions {
    ($($(#[$doc:meta])* $name:ident = $uri:literal,)*) => {
        /// The header extensions that are known by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Extension { $($(#[$doc])* $name,)* }

        impl Extension {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The URI that signalling uses.
            pub const fn uri(self) -> &'static str {
                match self { $(Self::$name => $uri,)* }
            }

            /// The extension of a URI.
            pub fn from_uri(uri: &str) -> Option<Self> {
                match uri { $($uri => Some(Self::$name),)* _ => None }
            }
        }
    };
}

extensions! {
    /// Client-to-mixer audio level (RFC 6464).
    AudioLevel = "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    /// Departure time in 6.18 fixed-point seconds.
    AbsSendTime = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    /// Transport-wide sequence number (draft-holmer-rmcat-transport-wide-cc-extensions-01).
    TransportCc = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    /// Media identification (RFC 9143 §14).
    Mid = "urn:ietf:params:rtp-hdrext:sdes:mid",
    /// RTP stream id (RFC 8852).
    RtpStreamId = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    /// Repaired RTP stream id (RFC 8852).
    RepairedRtpStreamId = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
    /// AV1 dependency descriptor (AV1 RTP specification, appendix A).
    DependencyDescriptor = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
    /// What a sender sends of each layer, with the bitrates that it aims at.
    VideoLayersAllocation = "http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00",
    /// Transmission time offset (RFC 5450).
    TransmissionOffset = "urn:ietf:params:rtp-hdrext:toffset",
    /// Where a frame begins and ends, and its layers (draft-ietf-avtext-framemarking-07).
    FrameMarking = "http://tools.ietf.org/html/draft-ietf-avtext-framemarking-07",
    /// Coordination of video orientation (3GPP TS 26.114).
    VideoOrientation = "urn:3gpp:video-orientation",
    /// Limits on the playout delay.
    PlayoutDelay = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
    /// Screen share or camera.
    VideoContentType = "http://www.webrtc.org/experiments/rtp-hdrext/video-content-type",
    /// Timing of the encode and send steps.
    VideoTiming = "http://www.webrtc.org/experiments/rtp-hdrext/video-timing",
    /// Colour space of a key frame.
    ColorSpace = "http://www.webrtc.org/experiments/rtp-hdrext/color-space",
    /// Capture time at the original sender.
    AbsCaptureTime = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
}

const COUNT: usize = Extension::ALL.len();

/// Extensions, a bit for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtensionSet(u32);

impl ExtensionSet {
    /// None.
    pub const EMPTY: Self = Self(0);
    /// What is passed on to a receiving endpoint when both sides negotiated it: everything except
    /// what belongs to one hop (send time, transport sequence, toffset, mid, stream ids) and what
    /// only a bridge reads (layers allocation).
    pub const END_TO_END: Self = Self::EMPTY
        .with(Extension::AudioLevel)
        .with(Extension::DependencyDescriptor)
        .with(Extension::FrameMarking)
        .with(Extension::VideoOrientation)
        .with(Extension::PlayoutDelay)
        .with(Extension::VideoContentType)
        .with(Extension::VideoTiming)
        .with(Extension::ColorSpace)
        .with(Extension::AbsCaptureTime);
    /// What is passed on to another bridge: also the layers allocation.
    pub const RELAY: Self = Self::END_TO_END.with(Extension::VideoLayersAllocation);

    /// This set and one more.
    #[must_use]
    pub const fn with(self, extension: Extension) -> Self {
        Self(self.0 | 1 << extension as u8)
    }

    /// This set less one.
    #[must_use]
    pub const fn without(self, extension: Extension) -> Self {
        Self(self.0 & !(1 << extension as u8))
    }

    /// Membership.
    pub const fn contains(self, extension: Extension) -> bool {
        self.0 & 1 << extension as u8 != 0
    }
}

/// The negotiated ids of one endpoint's header extensions.
#[derive(Clone, Debug)]
pub struct ExtensionMap {
    by_id: [Option<Extension>; 256],
    by_extension: [u8; COUNT],
}

/// Why an id cannot be mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExtensionMapError {
    /// Ids 0 and 15 are reserved (RFC 8285 §4.2).
    #[error("header extension id {0} is reserved")]
    Reserved(u8),
}

impl Default for ExtensionMap {
    fn default() -> Self {
        Self {
            by_id: [None; 256],
            by_extension: [0; COUNT],
        }
    }
}

impl ExtensionMap {
    /// Without any extension.
    pub fn new() -> Self {
        Self::default()
    }

    /// Maps an extension to an id, replacing what either was mapped to.
    ///
    /// # Errors
    /// [`ExtensionMapError::Reserved`] for ids 0 and 15.
    pub fn insert(&mut self, extension: Extension, id: u8) -> Result<(), ExtensionMapError> {
        if id == 0 || id == 15 {
            return Err(ExtensionMapError::Reserved(id));
        }
        self.by_id[usize::from(self.by_extension[extension as usize])] = None;
        if let Some(previous) = self.by_id[usize::from(id)] {
            self.by_extension[previous as usize] = 0;
        }
        self.by_id[usize::from(id)] = Some(extension);
        self.by_extension[extension as usize] = id;
        Ok(())
    }

    /// Maps a URI to an id; an unknown URI changes nothing and is not an error.
    ///
    /// # Errors
    /// [`ExtensionMapError::Reserved`] for ids 0 and 15.
    pub fn insert_uri(&mut self, uri: &str, id: u8) -> Result<(), ExtensionMapError> {
        match Extension::from_uri(uri) {
            Some(extension) => self.insert(extension, id),
            None => Ok(()),
        }
    }

    /// 1 to 255, as negotiated; `None` where the peers do not have it.
    pub fn id(&self, extension: Extension) -> Option<u8> {
        match self.by_extension[extension as usize] {
            0 => None,
            id => Some(id),
        }
    }

    /// `None` where nothing was negotiated for this id.
    pub fn extension(&self, id: u8) -> Option<Extension> {
        self.by_id[usize::from(id)]
    }
}

/// The value of the audio level extension (RFC 6464 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioLevel {
    /// The sender's voice activity bit.
    pub voice: bool,
    /// In −dBov: 0 is loudest, 127 is silence.
    pub level: u8,
}

impl AudioLevel {
    /// From the extension's value; `None` when it is empty.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let &byte = value.first()?;
        Some(Self {
            voice: byte & 0x80 != 0,
            level: byte & 0x7f,
        })
    }
}

/// The value of the abs-send-time extension: 24 bits of 6.18 fixed-point seconds, wrapping at 64 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbsSendTime(u32);

impl AbsSendTime {
    /// From a monotonic time since an epoch of the caller's choice.
    pub fn from_time(since_epoch: Duration) -> Self {
        let units = (since_epoch.as_nanos() << 18) / 1_000_000_000;
        Self((units & 0x00ff_ffff) as u32)
    }

    /// From the extension's value; `None` when it is not three bytes.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let &[a, b, c] = value else { return None };
        Some(Self(u32::from_be_bytes([0, a, b, c])))
    }

    /// The three bytes of the extension's value.
    pub fn to_bytes(self) -> [u8; 3] {
        let [_, a, b, c] = self.0.to_be_bytes();
        [a, b, c]
    }

    /// Time within the 64 s period.
    pub fn as_duration(self) -> Duration {
        Duration::from_nanos((u64::from(self.0) * 1_000_000_000) >> 18)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn one_byte_elements_are_iterated_over_padding() {
        let block = [0x10, 0xaa, 0, 0, 0x32, 1, 2, 3, 0xf0, 9, 9, 9];
        let all: Vec<_> = Extensions::new(ONE_BYTE, &block).collect();
        assert_eq!(all, [(1, &[0xaa][..]), (3, &[1, 2, 3][..])]);
    }

    #[test]
    fn two_byte_elements_may_be_empty_or_long() {
        let mut block = vec![7, 0, 200, 20];
        block.extend([5; 20]);
        let all: Vec<_> = Extensions::new(0x1003, &block).collect();
        assert_eq!(all, [(7, &[][..]), (200, &[5; 20][..])]);
    }

    #[test]
    fn an_element_beyond_the_block_ends_the_iteration() {
        assert_eq!(Extensions::new(ONE_BYTE, &[0x1f, 1, 2]).count(), 0);
        assert_eq!(Extensions::new(TWO_BYTE, &[1, 9, 1]).count(), 0);
        assert_eq!(Extensions::new(TWO_BYTE, &[1]).count(), 0);
        assert_eq!(Extensions::new(0x1234, &[0x10, 1]).count(), 0);
    }

    #[test]
    fn a_map_follows_renegotiation() {
        let mut map = ExtensionMap::new();
        map.insert(Extension::Mid, 3).unwrap();
        map.insert(Extension::TransportCc, 3).unwrap();
        assert_eq!(map.id(Extension::Mid), None);
        assert_eq!(map.extension(3), Some(Extension::TransportCc));
        map.insert(Extension::TransportCc, 5).unwrap();
        assert_eq!(map.extension(3), None);
        assert_eq!(
            map.insert(Extension::Mid, 15),
            Err(ExtensionMapError::Reserved(15))
        );
        map.insert_uri("urn:example:nothing", 9).unwrap();
        assert_eq!(map.extension(9), None);
    }

    #[test]
    fn every_uri_leads_back_to_its_extension() {
        for &extension in Extension::ALL {
            assert_eq!(Extension::from_uri(extension.uri()), Some(extension));
        }
    }

    #[test]
    fn audio_levels_are_read() {
        assert_eq!(
            AudioLevel::parse(&[0x8a]),
            Some(AudioLevel {
                voice: true,
                level: 10
            })
        );
        assert_eq!(AudioLevel::parse(&[]), None);
    }

    #[test]
    fn abs_send_time_wraps_at_64_seconds() {
        assert_eq!(
            AbsSendTime::from_time(Duration::from_secs(1)).to_bytes(),
            [4, 0, 0]
        );
        assert_eq!(
            AbsSendTime::from_time(Duration::from_millis(64_500)).as_duration(),
            Duration::from_millis(500)
        );
        assert_eq!(
            AbsSendTime::parse(&[4, 0, 0]).unwrap().as_duration(),
            Duration::from_secs(1)
        );
    }
}
