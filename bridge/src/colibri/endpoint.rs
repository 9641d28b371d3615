//! What control knows of an endpoint.

use std::time::Instant;

use crate::command::{ForceMute, IceCredentials, Setup, Ssrc};
use crate::ids::{ConferenceKey, EndpointId, EndpointKey, WorkerId};

#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) key: EndpointKey,
    pub(super) conference: ConferenceKey,
    pub(super) id: EndpointId,
    pub(super) owner: WorkerId,
    pub(super) created: Instant,
    pub(super) visitor: bool,
    /// Password of the bridge channel.
    pub(super) channel_pwd: String,
    pub(super) local_ice: IceCredentials,
    /// How often ICE was restarted.
    pub(super) generation: u32,
    pub(super) remote_setup: Option<Setup>,
    pub(super) ice_connected: bool,
    pub(super) connected: bool,
    pub(super) force_mute: ForceMute,
    pub(super) ssrcs: Vec<Ssrc>,
    pub(super) sends_audio: bool,
    pub(super) sends_video: bool,
}
