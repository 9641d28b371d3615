//! Contents of a session (XEP-0166 §7.3) and their grouping (XEP-0338).

use std::fmt;
use std::str::FromStr;

use super::{IceUdpTransport, RtpDescription};
use crate::xml::{ElementExt, ParseError, element};
use crate::{Element, ns};

/// The largest accepted number of contents in a group.
const MAX_MEMBERS: usize = 64;

/// Which party made a content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Creator {
    /// The one that offered the session.
    #[default]
    Initiator,
    /// The one that answered.
    Responder,
}

impl Creator {
    /// The value on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Initiator => "initiator",
            Self::Responder => "responder",
        }
    }
}

/// Who sends media of a content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Senders {
    /// Both parties.
    #[default]
    Both,
    /// The one that offered the session.
    Initiator,
    /// The one that answered.
    Responder,
    /// Nobody.
    None,
}

impl Senders {
    /// The value on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Initiator => "initiator",
            Self::Responder => "responder",
            Self::None => "none",
        }
    }
}

impl fmt::Display for Senders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Senders {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Ok(match text {
            "both" => Self::Both,
            "initiator" => Self::Initiator,
            "responder" => Self::Responder,
            "none" => Self::None,
            _ => return Err(()),
        })
    }
}

/// A `<content/>`.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// Which party made it.
    pub creator: Creator,
    /// `audio`, `video` or `data`.
    pub name: String,
    /// Who sends; absent where the sender left it out.
    pub senders: Option<Senders>,
    /// The media.
    pub description: Option<RtpDescription>,
    /// ICE, DTLS and SCTP; absent where nothing changes.
    pub transport: Option<IceUdpTransport>,
    /// How many video streams the client wants at first, in the video content of a
    /// session-accept. −1: no limit.
    pub initial_last_n: Option<i32>,
}

impl Content {
    /// A content without description and transport.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            creator: Creator::Initiator,
            name: name.into(),
            senders: None,
            description: None,
            transport: None,
            initial_last_n: None,
        }
    }
}

impl TryFrom<&Element> for Content {
    type Error = ParseError;

    fn try_from(content: &Element) -> Result<Self, ParseError> {
        content.expect_is("content", ns::JINGLE)?;
        // A content without creator is the initiator's: some clients leave it out of
        // source-add.
        let creator = match content.attr("creator") {
            None | Some("initiator") => Creator::Initiator,
            Some("responder") => Creator::Responder,
            Some(_) => return Err(ParseError::invalid(content, "creator")),
        };
        let initial_last_n = match content.get_child("initial-last-n", ns::COLIBRI2) {
            Some(child) => Some(child.required_as("value")?),
            None => None,
        };
        Ok(Self {
            creator,
            name: content.required("name")?.to_owned(),
            senders: content.optional_as("senders")?,
            description: content.view("description", ns::JINGLE_RTP)?,
            transport: content.view("transport", ns::JINGLE_ICE_UDP)?,
            initial_last_n,
        })
    }
}

impl From<&Content> for Element {
    fn from(content: &Content) -> Self {
        let mut out = element("content", ns::JINGLE)
            .with_attr("creator", content.creator.as_str())
            .with_attr("name", &content.name)
            .with_opt("senders", content.senders)
            .with_children(&content.description)
            .with_children(&content.transport);
        if let Some(value) = content.initial_last_n {
            out.append_child(element("initial-last-n", ns::COLIBRI2).with_attr("value", value));
        }
        out
    }
}

/// A `<group/>` of contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// `BUNDLE`: all contents share one transport (RFC 9143).
    pub semantics: String,
    /// Names of the contents.
    pub contents: Vec<String>,
}

impl TryFrom<&Element> for Group {
    type Error = ParseError;

    fn try_from(group: &Element) -> Result<Self, ParseError> {
        group.expect_is("group", ns::JINGLE_GROUPING)?;
        let mut contents = Vec::new();
        for content in group.children_named("content", ns::JINGLE_GROUPING) {
            if contents.len() == MAX_MEMBERS {
                return Err(ParseError::TooMany {
                    element: "group".to_owned(),
                    child: "content",
                    limit: MAX_MEMBERS,
                });
            }
            contents.push(content.required("name")?.to_owned());
        }
        Ok(Self {
            semantics: group.required("semantics")?.to_owned(),
            contents,
        })
    }
}

impl From<&Group> for Element {
    fn from(group: &Group) -> Self {
        element("group", ns::JINGLE_GROUPING)
            .with_attr("semantics", &group.semantics)
            .with_children(
                group
                    .contents
                    .iter()
                    .map(|name| element("content", ns::JINGLE_GROUPING).with_attr("name", name)),
            )
    }
}
