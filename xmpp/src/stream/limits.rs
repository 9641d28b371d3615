//! How much of anything a peer may send in one stanza.

/// Limits on one stanza (or stream header). A stanza that exceeds one ends the stream with
/// `policy-violation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes, from `<` to `>`. RFC 6120 §13.12 demands at least 10,000.
    pub stanza_bytes: usize,
    /// Depth of elements; the stanza itself is 1.
    pub depth: usize,
    /// Elements, the stanza itself and all inside.
    pub elements: usize,
    /// Attributes of one element.
    pub attributes: usize,
    /// Bytes of one element or attribute name.
    pub name_bytes: usize,
}

impl Limits {
    /// For peers that have not logged in: nothing large is needed before that.
    pub const UNAUTHENTICATED: Self = Self {
        stanza_bytes: 16 * 1024,
        depth: 8,
        elements: 64,
        attributes: 32,
        name_bytes: 128,
    };

    /// For participants. A session-accept with many sources has some 20 KB.
    pub const PARTICIPANT: Self = Self {
        stanza_bytes: 256 * 1024,
        depth: 32,
        elements: 4096,
        attributes: 64,
        name_bytes: 256,
    };

    /// For services (focus, bridges): sources of a large conference in the XML form.
    pub const SERVICE: Self = Self {
        stanza_bytes: 4 * 1024 * 1024,
        depth: 32,
        elements: 64 * 1024,
        attributes: 64,
        name_bytes: 256,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::PARTICIPANT
    }
}
