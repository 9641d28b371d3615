//! Jingle (XEP-0166) between focus and client, and between two clients, as Jitsi speaks it.

pub mod bridge_session;
pub mod content;
pub mod ice;
pub mod reason;
pub mod rtp;
pub mod sources;

pub use bridge_session::{BridgeSession, StartMuted};
pub use content::{Content, Creator, Group, Senders};
pub use ice::{Candidate, Fingerprint, IceUdpTransport, SctpMap, Setup};
pub use reason::{Reason, ReasonCondition};
pub use rtp::{HdrExt, PayloadType, RtcpFb, RtpDescription};

use std::fmt;
use std::str::FromStr;

use crate::source::{ConferenceSources, json};
use crate::xml::{ElementExt, ParseError, element};
use crate::{Element, ns};

/// The largest accepted number of contents and of groups in one Jingle element.
const MAX_CONTENTS: usize = 64;

/// What a Jingle element asks for (XEP-0166 §7.2, and Jitsi's source actions).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Offers a session.
    SessionInitiate,
    /// Accepts it.
    SessionAccept,
    /// Ends it.
    SessionTerminate,
    /// Tells something about it.
    SessionInfo,
    /// Adds transport data, such as candidates or a restart of ICE.
    TransportInfo,
    /// Offers another transport.
    TransportReplace,
    /// Accepts it.
    TransportAccept,
    /// Refuses it.
    TransportReject,
    /// Adds media sources; `addsource` means the same.
    SourceAdd,
    /// Removes media sources; `removesource` means the same.
    SourceRemove,
    /// Brings more contents into the session.
    ContentAdd,
    /// Changes contents.
    ContentModify,
    /// Takes contents out of the session.
    ContentRemove,
    /// Any other.
    Other(String),
}

impl Action {
    /// The value on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::SessionInitiate => "session-initiate",
            Self::SessionAccept => "session-accept",
            Self::SessionTerminate => "session-terminate",
            Self::SessionInfo => "session-info",
            Self::TransportInfo => "transport-info",
            Self::TransportReplace => "transport-replace",
            Self::TransportAccept => "transport-accept",
            Self::TransportReject => "transport-reject",
            Self::SourceAdd => "source-add",
            Self::SourceRemove => "source-remove",
            Self::ContentAdd => "content-add",
            Self::ContentModify => "content-modify",
            Self::ContentRemove => "content-remove",
            Self::Other(action) => action,
        }
    }
}

impl From<&str> for Action {
    fn from(text: &str) -> Self {
        match text {
            "session-initiate" => Self::SessionInitiate,
            "session-accept" => Self::SessionAccept,
            "session-terminate" => Self::SessionTerminate,
            "session-info" => Self::SessionInfo,
            "transport-info" => Self::TransportInfo,
            "transport-replace" => Self::TransportReplace,
            "transport-accept" => Self::TransportAccept,
            "transport-reject" => Self::TransportReject,
            "source-add" | "addsource" => Self::SourceAdd,
            "source-remove" | "removesource" => Self::SourceRemove,
            "content-add" => Self::ContentAdd,
            "content-modify" => Self::ContentModify,
            "content-remove" => Self::ContentRemove,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// State of a client's ICE, in a session-info.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IceState {
    /// No pair of candidates works (any more).
    Failed,
    /// Any other.
    Other(String),
}

impl FromStr for IceState {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.trim() {
            "failed" => Self::Failed,
            other => Self::Other(other.to_owned()),
        })
    }
}

/// A `<jingle/>` element.
#[derive(Clone, Debug, PartialEq)]
pub struct Jingle {
    /// What it asks for.
    pub action: Action,
    /// Session id.
    pub sid: String,
    /// Full JID of the initiator, in session-initiate.
    pub initiator: Option<String>,
    /// Full JID of the responder, in session-accept.
    pub responder: Option<String>,
    /// Media contents.
    pub contents: Vec<Content>,
    /// Groups of contents (XEP-0338); Jitsi has one, BUNDLE.
    pub groups: Vec<Group>,
    /// Which bridge session this is about.
    pub bridge_session: Option<BridgeSession>,
    /// Whether the receiver is to start muted.
    pub start_muted: Option<StartMuted>,
    /// Why the session ends.
    pub reason: Option<Reason>,
    /// State of the client's ICE.
    pub ice_state: Option<IceState>,
    /// Sources in the JSON form; the XML form is in the contents. See [`Jingle::sources`].
    pub json_sources: Option<ConferenceSources>,
    /// All other children.
    pub other: Vec<Element>,
}

impl Jingle {
    /// An element with an action and a session id.
    pub fn new(action: Action, sid: impl Into<String>) -> Self {
        Self {
            action,
            sid: sid.into(),
            initiator: None,
            responder: None,
            contents: Vec::new(),
            groups: Vec::new(),
            bridge_session: None,
            start_muted: None,
            reason: None,
            ice_state: None,
            json_sources: None,
            other: Vec::new(),
        }
    }

    /// The first content of that name.
    pub fn content(&self, name: &str) -> Option<&Content> {
        self.contents.iter().find(|content| content.name == name)
    }

    /// The first transport of any content: with BUNDLE all are the same.
    pub fn transport(&self) -> Option<&IceUdpTransport> {
        self.contents
            .iter()
            .find_map(|content| content.transport.as_ref())
    }

    /// Puts all contents into one BUNDLE group.
    pub fn bundle(&mut self) {
        self.groups = vec![Group {
            semantics: "BUNDLE".to_owned(),
            contents: self.contents.iter().map(|c| c.name.clone()).collect(),
        }];
    }
}

impl TryFrom<&Element> for Jingle {
    type Error = ParseError;

    fn try_from(jingle: &Element) -> Result<Self, ParseError> {
        jingle.expect_is("jingle", ns::JINGLE)?;
        let mut out = Self::new(
            Action::from(jingle.required("action")?),
            jingle.required("sid")?,
        );
        out.initiator = jingle.optional("initiator");
        out.responder = jingle.optional("responder");
        out.contents = jingle.views("content", ns::JINGLE, MAX_CONTENTS)?;
        out.groups = jingle.views("group", ns::JINGLE_GROUPING, MAX_CONTENTS)?;
        out.bridge_session = jingle.view("bridge-session", ns::FOCUS)?;
        out.start_muted = jingle.view("startmuted", ns::START_MUTED)?;
        out.reason = jingle.view("reason", ns::JINGLE)?;
        for child in jingle.children() {
            if child.is("ice-state", ns::FOCUS) {
                out.ice_state = child.text().parse().ok();
            } else if child.is("json-message", ns::JITMEET) && out.json_sources.is_none() {
                match json::from_element(child)? {
                    Some(sources) => out.json_sources = Some(sources),
                    None => out.other.push(child.clone()),
                }
            } else if !is_known(child) {
                out.other.push(child.clone());
            }
        }
        Ok(out)
    }
}

fn is_known(child: &Element) -> bool {
    child.is("content", ns::JINGLE)
        || child.is("reason", ns::JINGLE)
        || child.is("group", ns::JINGLE_GROUPING)
        || child.is("bridge-session", ns::FOCUS)
        || child.is("startmuted", ns::START_MUTED)
}

impl From<&Jingle> for Element {
    fn from(jingle: &Jingle) -> Self {
        let mut out = element("jingle", ns::JINGLE)
            .with_attr("action", &jingle.action)
            .with_opt("initiator", jingle.initiator.as_deref())
            .with_opt("responder", jingle.responder.as_deref())
            .with_attr("sid", &jingle.sid)
            .with_children(&jingle.contents)
            .with_children(&jingle.groups)
            .with_children(&jingle.bridge_session)
            .with_children(&jingle.start_muted)
            .with_children(&jingle.reason);
        if let Some(state) = &jingle.ice_state {
            out.append_child(element("ice-state", ns::FOCUS).with_text(match state {
                IceState::Failed => "failed",
                IceState::Other(other) => other,
            }));
        }
        if let Some(sources) = &jingle.json_sources {
            out.append_child(json::to_element(sources));
        }
        out.with_children(jingle.other.iter().cloned())
    }
}
