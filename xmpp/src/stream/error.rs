//! Stream errors (RFC 6120 §4.9).

use std::fmt;
use std::str::FromStr;

use crate::xml::{ElementExt, ParseError, element};
use crate::{Element, ns};

macro_rules! conditions {
    ($($variant:ident $name:literal $doc:literal;)*) => {
        /// Defined conditions of stream errors (RFC 6120 §4.9.3).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum StreamCondition { $(#[doc = $doc] $variant,)* }

        impl StreamCondition {
            /// The name of the element.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }

        impl FromStr for StreamCondition {
            type Err = ();

            fn from_str(text: &str) -> Result<Self, ()> {
                match text { $($name => Ok(Self::$variant),)* _ => Err(()) }
            }
        }
    };
}

conditions! {
    BadFormat "bad-format" "XML that cannot be processed here.";
    BadNamespacePrefix "bad-namespace-prefix" "A prefix that is not what it has to be.";
    Conflict "conflict" "Another stream takes this one's place.";
    ConnectionTimeout "connection-timeout" "The peer was silent for too long.";
    HostGone "host-gone" "The domain is no longer served.";
    HostUnknown "host-unknown" "The domain is not served.";
    ImproperAddressing "improper-addressing" "An address is missing or no address.";
    InternalServerError "internal-server-error" "A fault of the server.";
    InvalidFrom "invalid-from" "A 'from' that is not the sender's.";
    InvalidNamespace "invalid-namespace" "A namespace that is not supported for streams.";
    InvalidXml "invalid-xml" "XML that breaks a schema.";
    NotAuthorized "not-authorized" "Something that needs a login first.";
    NotWellFormed "not-well-formed" "No XML.";
    PolicyViolation "policy-violation" "A local policy is broken, such as a size or a rate.";
    RemoteConnectionFailed "remote-connection-failed" "A needed server cannot be reached.";
    Reset "reset" "The stream must be opened anew.";
    ResourceConstraint "resource-constraint" "The server is too busy.";
    RestrictedXml "restricted-xml" "Comments, processing instructions, DTDs or entities.";
    SeeOtherHost "see-other-host" "The service is elsewhere.";
    SystemShutdown "system-shutdown" "The server goes down.";
    UndefinedCondition "undefined-condition" "None of the others.";
    UnsupportedEncoding "unsupported-encoding" "Not UTF-8.";
    UnsupportedFeature "unsupported-feature" "A mandatory feature is missing.";
    UnsupportedStanzaType "unsupported-stanza-type" "An element that is no stanza.";
    UnsupportedVersion "unsupported-version" "A version of XMPP that is not supported.";
}

impl fmt::Display for StreamCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A stream error. It ends the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamError {
    /// The defined condition.
    pub condition: StreamCondition,
    /// Text for people.
    pub text: Option<String>,
}

impl StreamError {
    /// An error without text.
    pub fn new(condition: StreamCondition) -> Self {
        Self {
            condition,
            text: None,
        }
    }

    /// The error with a text for people.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.condition.as_str())?;
        match &self.text {
            Some(text) => write!(f, " ({text})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for StreamError {}

impl From<&StreamError> for Element {
    fn from(error: &StreamError) -> Self {
        let mut out = element("error", ns::STREAM)
            .with_child(element(error.condition.as_str(), ns::STREAM_ERRORS));
        if let Some(text) = &error.text {
            out.append_child(element("text", ns::STREAM_ERRORS).with_text(text));
        }
        out
    }
}

impl TryFrom<&Element> for StreamError {
    type Error = ParseError;

    /// An unknown condition counts as `undefined-condition`.
    fn try_from(error: &Element) -> Result<Self, ParseError> {
        error.expect_is("error", ns::STREAM)?;
        let mut out = Self::new(StreamCondition::UndefinedCondition);
        for child in error.children().filter(|c| c.has_ns(ns::STREAM_ERRORS)) {
            if child.name() == "text" {
                out.text = Some(child.text());
            } else if let Ok(condition) = child.name().parse() {
                out.condition = condition;
            }
        }
        Ok(out)
    }
}

impl From<rxml::Error> for StreamError {
    fn from(error: rxml::Error) -> Self {
        use rxml::Error;
        let condition = match error {
            Error::RestrictedXml(reason) if reason.contains("long") => {
                StreamCondition::PolicyViolation
            }
            // "<!" that begins neither a comment nor a CDATA section begins a DTD.
            Error::InvalidSyntax(reason) if reason.contains("cdata or comment") => {
                StreamCondition::RestrictedXml
            }
            Error::RestrictedXml(_) | Error::UndeclaredEntity => StreamCondition::RestrictedXml,
            Error::InvalidUtf8Byte(_) => StreamCondition::UnsupportedEncoding,
            Error::UndeclaredNamespacePrefix(_) | Error::ReservedNamespacePrefix => {
                StreamCondition::BadNamespacePrefix
            }
            _ => StreamCondition::NotWellFormed,
        };
        Self::new(condition).with_text(error.to_string())
    }
}
