//! The elements of stream management.

use crate::xml::{ElementExt, ParseError, element};
use crate::{Element, ns};

/// An element of stream management.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nonza {
    /// Client: turn it on.
    Enable {
        /// The session shall be resumable.
        resume: bool,
        /// Seconds to keep it.
        max: Option<u32>,
    },
    /// Server: it is on.
    Enabled {
        /// Id for resumption; a bearer secret.
        id: Option<String>,
        /// The session is resumable.
        resume: bool,
        /// Seconds that it is kept.
        max: Option<u32>,
    },
    /// Client: go on with an earlier session.
    Resume {
        /// Id of that session.
        previd: String,
        /// Stanzas that the client has handled.
        h: u32,
    },
    /// Server: the session goes on.
    Resumed {
        /// Id of the session.
        previd: String,
        /// Stanzas that the server has handled.
        h: u32,
    },
    /// Server: neither turned on nor resumed.
    Failed {
        /// Stanzas that the server had handled, if it still knows.
        h: Option<u32>,
        /// Name of the stanza error condition.
        condition: Option<String>,
    },
    /// Acknowledges stanzas.
    Ack {
        /// Stanzas that were handled.
        h: u32,
    },
    /// Asks for an acknowledgement.
    Request,
}

impl TryFrom<&Element> for Nonza {
    type Error = ParseError;

    fn try_from(nonza: &Element) -> Result<Self, ParseError> {
        if !nonza.has_ns(crate::ns::SM) {
            nonza.expect_is("a", ns::SM)?;
        }
        Ok(match nonza.name() {
            "enable" => Self::Enable {
                resume: nonza.flag("resume")?.unwrap_or(false),
                max: nonza.optional_as("max")?,
            },
            "enabled" => Self::Enabled {
                id: nonza.optional("id"),
                resume: nonza.flag("resume")?.unwrap_or(false),
                max: nonza.optional_as("max")?,
            },
            "resume" => Self::Resume {
                previd: nonza.required("previd")?.to_owned(),
                h: nonza.required_as("h")?,
            },
            "resumed" => Self::Resumed {
                previd: nonza.required("previd")?.to_owned(),
                h: nonza.required_as("h")?,
            },
            "failed" => Self::Failed {
                h: nonza.optional_as("h")?,
                condition: nonza
                    .children()
                    .find(|child| child.has_ns(ns::STANZA_ERRORS))
                    .map(|child| child.name().to_owned()),
            },
            "a" => Self::Ack {
                h: nonza.required_as("h")?,
            },
            "r" => Self::Request,
            _ => return Err(ParseError::content(nonza, "unknown element")),
        })
    }
}

impl From<&Nonza> for Element {
    fn from(nonza: &Nonza) -> Self {
        match nonza {
            Nonza::Enable { resume, max } => element("enable", ns::SM)
                .with_flag("resume", *resume)
                .with_opt("max", *max),
            Nonza::Enabled { id, resume, max } => element("enabled", ns::SM)
                .with_opt("id", id.as_deref())
                .with_flag("resume", *resume)
                .with_opt("max", *max),
            Nonza::Resume { previd, h } => element("resume", ns::SM)
                .with_attr("previd", previd)
                .with_attr("h", h),
            Nonza::Resumed { previd, h } => element("resumed", ns::SM)
                .with_attr("previd", previd)
                .with_attr("h", h),
            Nonza::Failed { h, condition } => element("failed", ns::SM)
                .with_opt("h", *h)
                .with_children(condition.as_deref().map(|c| element(c, ns::STANZA_ERRORS))),
            Nonza::Ack { h } => element("a", ns::SM).with_attr("h", h),
            Nonza::Request => element("r", ns::SM),
        }
    }
}

impl From<Nonza> for Element {
    fn from(nonza: Nonza) -> Self {
        Self::from(&nonza)
    }
}
