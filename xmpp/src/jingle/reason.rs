//! Why a session ends (XEP-0166 §7.4).

use std::str::FromStr;

use crate::xml::{ElementExt, ParseError, element};
use crate::{Element, ns};

macro_rules! reasons {
    ($($variant:ident $name:literal $doc:literal;)*) => {
        /// Defined reasons.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ReasonCondition { $(#[doc = $doc] $variant,)* }

        impl ReasonCondition {
            /// The name of the element.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }

        impl FromStr for ReasonCondition {
            type Err = ();

            fn from_str(text: &str) -> Result<Self, ()> {
                match text { $($name => Ok(Self::$variant),)* _ => Err(()) }
            }
        }
    };
}

reasons! {
    AlternativeSession "alternative-session" "Another session takes its place.";
    Busy "busy" "The party is busy.";
    Cancel "cancel" "The initiator takes the offer back.";
    ConnectivityError "connectivity-error" "No connection could be made or kept.";
    Decline "decline" "The party does not want the session.";
    Expired "expired" "The session was idle too long.";
    FailedApplication "failed-application" "The media could not be set up.";
    FailedTransport "failed-transport" "The transport could not be set up.";
    GeneralError "general-error" "Something went wrong.";
    Gone "gone" "The party left.";
    IncompatibleParameters "incompatible-parameters" "The offer cannot be met.";
    MediaError "media-error" "Media could not be processed.";
    SecurityError "security-error" "Security parameters are not acceptable.";
    Success "success" "The session is over as intended.";
    Timeout "timeout" "An answer did not come in time.";
    UnsupportedApplications "unsupported-applications" "No offered medium is supported.";
    UnsupportedTransports "unsupported-transports" "No offered transport is supported.";
}

/// A `<reason/>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The defined reason; `None` if the sender gave none or an unknown one.
    pub condition: Option<ReasonCondition>,
    /// Text for people.
    pub text: Option<String>,
}

impl Reason {
    /// A reason without text.
    pub fn new(condition: ReasonCondition) -> Self {
        Self {
            condition: Some(condition),
            text: None,
        }
    }

    /// The reason with a text.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }
}

impl TryFrom<&Element> for Reason {
    type Error = ParseError;

    fn try_from(reason: &Element) -> Result<Self, ParseError> {
        reason.expect_is("reason", ns::JINGLE)?;
        let mut out = Self {
            condition: None,
            text: None,
        };
        for child in reason.children().filter(|child| child.has_ns(ns::JINGLE)) {
            if child.name() == "text" {
                out.text = Some(child.text());
            } else {
                out.condition = out.condition.or_else(|| child.name().parse().ok());
            }
        }
        Ok(out)
    }
}

impl From<&Reason> for Element {
    fn from(reason: &Reason) -> Self {
        let mut out = element("reason", ns::JINGLE);
        if let Some(condition) = reason.condition {
            out.append_child(element(condition.as_str(), ns::JINGLE));
        }
        if let Some(text) = &reason.text {
            out.append_child(element("text", ns::JINGLE).with_text(text));
        }
        out
    }
}
