//! Names and units: what is not a bare integer.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// Local id of a conference on this bridge: random, chosen by control, unique in the process.
/// Its 16 hex digits are the `CONFID` of a bridge channel's URL.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ConferenceKey(pub u64);

impl fmt::Display for ConferenceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Handle of one life of one endpoint: chosen by control, never reused in the process, so that
/// news of an expired endpoint cannot be taken for news of its successor of the same name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct EndpointKey(pub u64);

/// Name of an endpoint in its conference (the MUC nickname, usually eight hex digits).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct EndpointId(pub Arc<str>);

impl EndpointId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for EndpointId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<&str> for EndpointId {
    fn from(id: &str) -> Self {
        Self(id.into())
    }
}

impl fmt::Display for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Name of a source: `ENDPOINT-a0`, `ENDPOINT-v0`, `ENDPOINT-v1` …
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct SourceName(pub Arc<str>);

impl SourceName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for SourceName {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl SourceName {
    /// Longest accepted name, in bytes.
    pub const MAX_LEN: usize = 128;
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One source in one life of its endpoint. Its SSRCs may change, its number does not.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct SourceKey {
    /// Whose.
    pub owner: EndpointKey,
    /// Which of the owner's, counted by the owner's worker.
    pub number: u32,
}

/// One of the worker threads of this bridge, numbered from 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct WorkerId(pub u16);

/// Letters of an ICE ufrag (`ice-char`, RFC 8839 section 5.4) that carry no case ambiguity.
const UFRAG_ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

impl WorkerId {
    /// The worker as an index.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// A local ufrag that names its owner: two letters of worker, then `random` in thirteen
    /// letters. A connectivity check that arrives at another worker's socket is handed over by it.
    pub fn in_ufrag(self, random: u64) -> String {
        let mut ufrag = String::with_capacity(15);
        let mut push = |bits: u64| {
            let letter = UFRAG_ALPHABET[(bits & 31) as usize];
            ufrag.push(char::from(letter));
        };
        push(u64::from(self.0 >> 5));
        push(u64::from(self.0));
        for shift in 0..13 {
            push(random >> (shift * 5));
        }
        ufrag
    }

    /// The worker that a local ufrag names, or `None` when it is none of this bridge's.
    pub fn of_ufrag(ufrag: &[u8]) -> Option<Self> {
        let digit = |letter: u8| match letter {
            b'a'..=b'z' => Some(u16::from(letter - b'a')),
            b'2'..=b'7' => Some(u16::from(letter - b'2') + 26),
            _ => None,
        };
        match ufrag {
            [high, low, rest @ ..] if rest.len() == 13 => {
                Some(Self(digit(*high)? << 5 | digit(*low)?))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ufrag_names_its_worker() {
        for worker in [0, 1, 31, 32, 63, 1023].map(WorkerId) {
            let ufrag = worker.in_ufrag(0x0123_4567_89ab_cdef);
            assert!((4..=256).contains(&ufrag.len()));
            assert_eq!(WorkerId::of_ufrag(ufrag.as_bytes()), Some(worker));
        }
        assert_eq!(WorkerId::of_ufrag(b"aa"), None);
        assert_eq!(WorkerId::of_ufrag(b"AAaaaaaaaaaaaaa"), None);
    }
}
