//! What control knows of a conference.

use std::sync::Arc;
use std::time::Instant;

use rustc_hash::FxHashMap;

use crate::command::Ssrc;
use crate::ids::{ConferenceKey, EndpointId, EndpointKey, WorkerId};

#[derive(Debug)]
pub(super) struct Conference {
    pub(super) key: ConferenceKey,
    pub(super) meeting_id: Arc<str>,
    pub(super) name: Option<Arc<str>>,
    pub(super) home: WorkerId,
    pub(super) created: Instant,
    /// When the last endpoint left, or the conference was created without one.
    pub(super) empty_since: Option<Instant>,
    pub(super) endpoints: FxHashMap<EndpointId, EndpointKey>,
    /// Whose each SSRC is, so that no endpoint can claim another's.
    pub(super) ssrcs: FxHashMap<Ssrc, EndpointKey>,
    /// SSRCs of the bridge's own feedback sources, told to clients as `jvb-a0` and `jvb-v0`.
    pub(super) feedback_audio: Ssrc,
    pub(super) feedback_video: Ssrc,
    pub(super) dominant_speaker: Option<EndpointId>,
}
