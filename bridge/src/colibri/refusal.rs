//! Why a Colibri2 request is refused, in the words of XMPP and of HTTP.

use xmpp::colibri2::{Colibri2Error, ErrorReason};
use xmpp::stanza::{Condition, StanzaError};

/// A refused request; nothing of it was done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The bridge does not know the meeting; the focus drops this bridge from the conference.
    #[error("no conference for meeting id {0} on this bridge")]
    ConferenceNotFound(String),
    /// The meeting was to be created and exists.
    #[error("a conference for meeting id {0} exists already")]
    ConferenceExists(String),
    /// An endpoint is not there; the focus invites it again.
    #[error("no endpoint {0} in this conference")]
    UnknownEndpoint(String),
    /// An endpoint was to be created and exists.
    #[error("endpoint {0} exists already in this conference")]
    EndpointExists(String),
    /// The bridge shuts down and takes no new conferences.
    #[error("this bridge is shutting down and takes no new conferences")]
    GracefulShutdown,
    /// The bridge cannot do this.
    #[error("{0} is not implemented by this bridge")]
    NotImplemented(&'static str),
    /// The request contradicts itself or the protocol.
    #[error("{0}")]
    BadRequest(String),
    /// A limit of this bridge is reached.
    #[error("{0}")]
    Full(String),
}

impl Refusal {
    /// A request that contradicts itself or the protocol.
    pub(super) fn bad(text: impl Into<String>) -> Self {
        Self::BadRequest(text.into())
    }

    fn reason(&self) -> ErrorReason {
        match self {
            Self::ConferenceNotFound(_) => ErrorReason::ConferenceNotFound,
            Self::ConferenceExists(_) => ErrorReason::ConferenceAlreadyExists,
            Self::UnknownEndpoint(_) => ErrorReason::UnknownEndpoint,
            Self::GracefulShutdown => ErrorReason::GracefulShutdown,
            Self::NotImplemented(_) => ErrorReason::FeatureNotImplemented,
            Self::EndpointExists(_) | Self::BadRequest(_) | Self::Full(_) => {
                ErrorReason::Unspecified
            }
        }
    }

    /// The stanza error, with Colibri2's own error inside.
    #[must_use]
    pub fn to_stanza_error(&self) -> StanzaError {
        let condition = match self {
            Self::EndpointExists(_) => Condition::Conflict,
            // Jitsi's focus answers `service-unavailable` by going to another bridge.
            Self::Full(_) => Condition::ServiceUnavailable,
            _ => self.reason().condition(),
        };
        let detail = match self {
            Self::UnknownEndpoint(id) => Colibri2Error::unknown_endpoint(id),
            _ => Colibri2Error::new(self.reason()),
        };
        StanzaError::new(condition)
            .with_text(self.to_string())
            .with_application(&detail)
    }

    /// The status of the answer over REST.
    #[must_use]
    pub fn http_status(&self) -> u16 {
        match self {
            Self::ConferenceNotFound(_) | Self::UnknownEndpoint(_) => 404,
            Self::ConferenceExists(_) | Self::EndpointExists(_) => 409,
            Self::BadRequest(_) => 400,
            Self::NotImplemented(_) => 501,
            Self::GracefulShutdown | Self::Full(_) => 503,
        }
    }

    /// The reason's name on the wire (`conference_not_found`, …).
    #[must_use]
    pub fn reason_name(&self) -> &'static str {
        self.reason().as_str()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn each_refusal_has_the_condition_and_reason_that_the_focus_acts_on() {
        let table = [
            (
                Refusal::ConferenceNotFound("m".into()),
                "item-not-found",
                "conference_not_found",
            ),
            (
                Refusal::UnknownEndpoint("e".into()),
                "item-not-found",
                "unknown_endpoint",
            ),
            (
                Refusal::ConferenceExists("m".into()),
                "conflict",
                "conference_already_exists",
            ),
            (
                Refusal::EndpointExists("e".into()),
                "conflict",
                "unspecified",
            ),
            (
                Refusal::GracefulShutdown,
                "service-unavailable",
                "graceful_shutdown",
            ),
            (
                Refusal::Full("x".into()),
                "service-unavailable",
                "unspecified",
            ),
            (Refusal::bad("x"), "bad-request", "unspecified"),
            (
                Refusal::NotImplemented("relays"),
                "feature-not-implemented",
                "feature_not_implemented",
            ),
        ];
        for (refusal, condition, reason) in table {
            let error = refusal.to_stanza_error();
            assert_eq!(error.condition.as_str(), condition);
            let detail = Colibri2Error::of(&error).unwrap();
            assert_eq!(detail.reason.as_str(), reason);
            let unknown = matches!(refusal, Refusal::UnknownEndpoint(_));
            assert_eq!(detail.endpoints.len(), usize::from(unknown));
        }
    }
}
