//! `<bridge-session/>` names the session on a bridge; `<startmuted/>` tells a joiner to start
//! muted.

use crate::xml::{ElementExt, ParseError, element};
use crate::{Element, ns};

/// A `<bridge-session xmlns='http://jitsi.org/protocol/focus'/>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BridgeSession {
    /// Id of the session; a new one with each invitation.
    pub id: Option<String>,
    /// Region of the bridge, in an offer.
    pub region: Option<String>,
    /// The client asks for a new session after this session-terminate.
    pub restart: bool,
    /// The client asks, in a session-info, for a restart of ICE in place.
    pub ice_restart: bool,
}

impl TryFrom<&Element> for BridgeSession {
    type Error = ParseError;

    fn try_from(session: &Element) -> Result<Self, ParseError> {
        session.expect_is("bridge-session", ns::FOCUS)?;
        Ok(Self {
            id: session.optional("id"),
            region: session.optional("region"),
            restart: session.flag("restart")?.unwrap_or(false),
            ice_restart: session.flag("ice-restart")?.unwrap_or(false),
        })
    }
}

impl From<&BridgeSession> for Element {
    fn from(session: &BridgeSession) -> Self {
        element("bridge-session", ns::FOCUS)
            .with_opt("id", session.id.as_deref())
            .with_opt("region", session.region.as_deref())
            .with_flag("restart", session.restart)
            .with_flag("ice-restart", session.ice_restart)
    }
}

/// A `<startmuted xmlns='http://jitsi.org/jitmeet/start-muted'/>`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StartMuted {
    /// Start without sound.
    pub audio: bool,
    /// Start without picture.
    pub video: bool,
}

impl TryFrom<&Element> for StartMuted {
    type Error = ParseError;

    fn try_from(muted: &Element) -> Result<Self, ParseError> {
        muted.expect_is("startmuted", ns::START_MUTED)?;
        Ok(Self {
            audio: muted.flag("audio")?.unwrap_or(false),
            video: muted.flag("video")?.unwrap_or(false),
        })
    }
}

impl From<&StartMuted> for Element {
    fn from(muted: &StartMuted) -> Self {
        element("startmuted", ns::START_MUTED)
            .with_attr("audio", muted.audio)
            .with_attr("video", muted.video)
    }
}
