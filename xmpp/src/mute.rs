//! Mute by a moderator: `<mute/>` in an IQ set, from a client to the focus (with `jid`, the
//! target) and from the focus to the target (with `actor`).

use crate::source::VideoType;
use crate::xml::{ElementExt, ParseError, element, parse_bool};
use crate::{Element, ns};

/// What is muted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MuteKind {
    /// Microphone.
    Audio,
    /// Camera.
    Video,
    /// Screen sharing.
    Desktop,
}

impl MuteKind {
    /// The namespace that tells the kinds apart.
    pub fn namespace(self) -> &'static str {
        match self {
            Self::Audio => ns::JITMEET_AUDIO,
            Self::Video => ns::JITMEET_VIDEO,
            Self::Desktop => ns::JITMEET_DESKTOP,
        }
    }

    /// The name that A/V moderation uses: `audio`, `video`, `desktop`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Desktop => VideoType::Desktop.as_str(),
        }
    }
}

/// A `<mute/>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mute {
    /// What is muted.
    pub kind: MuteKind,
    /// Occupant JID of the target; absent: the sender itself.
    pub jid: Option<String>,
    /// Occupant JID of who asked.
    pub actor: Option<String>,
    /// Mute or unmute; `None` only asks for the state.
    pub mute: Option<bool>,
}

impl Mute {
    /// A request to mute an occupant.
    pub fn request(kind: MuteKind, target: impl Into<String>, mute: bool) -> Self {
        Self {
            kind,
            jid: Some(target.into()),
            actor: None,
            mute: Some(mute),
        }
    }

    /// What the focus tells the target.
    pub fn order(kind: MuteKind, actor: impl Into<String>, mute: bool) -> Self {
        Self {
            kind,
            jid: None,
            actor: Some(actor.into()),
            mute: Some(mute),
        }
    }

    /// Whether the payload is a `<mute/>` of any kind.
    pub fn is(payload: &Element) -> bool {
        payload.name() == "mute"
            && (payload.has_ns(ns::JITMEET_AUDIO)
                || payload.has_ns(ns::JITMEET_VIDEO)
                || payload.has_ns(ns::JITMEET_DESKTOP))
    }
}

impl TryFrom<&Element> for Mute {
    type Error = ParseError;

    fn try_from(mute: &Element) -> Result<Self, ParseError> {
        let kind = [MuteKind::Audio, MuteKind::Video, MuteKind::Desktop]
            .into_iter()
            .find(|kind| mute.is("mute", kind.namespace()));
        let Some(kind) = kind else {
            mute.expect_is("mute", ns::JITMEET_AUDIO)?;
            return Err(ParseError::content(mute, "unknown namespace"));
        };
        let text = mute.text();
        let value = match text.trim() {
            "" => None,
            text => Some(
                parse_bool(text).ok_or_else(|| ParseError::content(mute, "not true or false"))?,
            ),
        };
        Ok(Self {
            kind,
            jid: mute.optional("jid"),
            actor: mute.optional("actor"),
            mute: value,
        })
    }
}

impl From<&Mute> for Element {
    fn from(mute: &Mute) -> Self {
        let out = element("mute", mute.kind.namespace())
            .with_opt("actor", mute.actor.as_deref())
            .with_opt("jid", mute.jid.as_deref());
        match mute.mute {
            Some(value) => out.with_text(value.to_string()),
            None => out,
        }
    }
}
