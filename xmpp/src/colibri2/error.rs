//! What a bridge adds to a stanza error, so that the focus knows what is lost.

use std::str::FromStr;

use super::Endpoint;
use crate::stanza::{Condition, StanzaError};
use crate::xml::{ElementExt, ParseError, element};
use crate::{Element, ns};

/// Why a bridge refused, as its own element says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ErrorReason {
    /// The bridge does not know the meeting.
    ConferenceNotFound,
    /// The meeting was to be created and exists.
    ConferenceAlreadyExists,
    /// The bridge cannot do this.
    FeatureNotImplemented,
    /// The bridge shuts down and takes no new conference.
    GracefulShutdown,
    /// The bridge does not know the endpoint.
    UnknownEndpoint,
    /// Any other.
    #[default]
    Unspecified,
}

impl ErrorReason {
    /// The value on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConferenceNotFound => "conference_not_found",
            Self::ConferenceAlreadyExists => "conference_already_exists",
            Self::FeatureNotImplemented => "feature_not_implemented",
            Self::GracefulShutdown => "graceful_shutdown",
            Self::UnknownEndpoint => "unknown_endpoint",
            Self::Unspecified => "unspecified",
        }
    }

    /// The stanza error condition that goes with it.
    pub fn condition(self) -> Condition {
        match self {
            Self::ConferenceNotFound | Self::UnknownEndpoint => Condition::ItemNotFound,
            Self::ConferenceAlreadyExists => Condition::Conflict,
            Self::FeatureNotImplemented => Condition::FeatureNotImplemented,
            Self::GracefulShutdown => Condition::ServiceUnavailable,
            Self::Unspecified => Condition::BadRequest,
        }
    }
}

impl FromStr for ErrorReason {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = [
            Self::ConferenceNotFound,
            Self::ConferenceAlreadyExists,
            Self::FeatureNotImplemented,
            Self::GracefulShutdown,
            Self::UnknownEndpoint,
        ];
        Ok(known
            .into_iter()
            .find(|reason| reason.as_str().eq_ignore_ascii_case(text))
            .unwrap_or_default())
    }
}

/// An `<error xmlns='jitsi:colibri2'/>`, inside a stanza error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Colibri2Error {
    /// What the element inside `<error/>` is called.
    pub reason: ErrorReason,
    /// Endpoints that it is about.
    pub endpoints: Vec<String>,
}

impl Colibri2Error {
    /// An error about the whole request.
    pub fn new(reason: ErrorReason) -> Self {
        Self {
            reason,
            endpoints: Vec::new(),
        }
    }

    /// `unknown-endpoint`, by the id that was asked for.
    pub fn unknown_endpoint(id: impl Into<String>) -> Self {
        Self {
            reason: ErrorReason::UnknownEndpoint,
            endpoints: vec![id.into()],
        }
    }

    /// The error inside a stanza error, if there is one.
    pub fn of(error: &StanzaError) -> Option<Self> {
        error
            .application
            .iter()
            .find_map(|element| Self::try_from(element).ok())
    }

    /// The stanza error that carries this one, with a text for people.
    pub fn into_stanza_error(self, text: impl Into<String>) -> StanzaError {
        StanzaError::new(self.reason.condition())
            .with_text(text)
            .with_application(&self)
    }
}

impl TryFrom<&Element> for Colibri2Error {
    type Error = ParseError;

    fn try_from(error: &Element) -> Result<Self, ParseError> {
        error.expect_is("error", ns::COLIBRI2)?;
        Ok(Self {
            reason: error.optional_as("reason")?.unwrap_or_default(),
            endpoints: error
                .children_named("endpoint", ns::COLIBRI2)
                .filter_map(|endpoint| endpoint.optional("id"))
                .collect(),
        })
    }
}

impl From<&Colibri2Error> for Element {
    fn from(error: &Colibri2Error) -> Self {
        element("error", ns::COLIBRI2)
            .with_attr("reason", error.reason.as_str())
            .with_children(
                error
                    .endpoints
                    .iter()
                    .map(|id| Element::from(&Endpoint::new(id))),
            )
    }
}
