//! How a focus learns from its server who may open rooms, where that takes a token.
//!
//! A server that wants it says so by the feature [`crate::ns::HOSTS`] of its domain. Whoever is on that domain has a token;
//! for a request that came past the server (over HTTP) the focus asks it with an [`OpeningRequest`]. The server's
//! answer is an empty result, or `not-authorized` with the reason.

use crate::xml::{ElementExt, ParseError, element};
use crate::{Element, ns};

/// `<opening/>` in an IQ get: whether the bearer of this token may open this room.
#[derive(Clone, PartialEq, Eq)]
pub struct OpeningRequest {
    /// Room: a bare MUC JID.
    pub room: String,
    /// The token; a bearer secret.
    pub token: String,
}

impl std::fmt::Debug for OpeningRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpeningRequest")
            .field("room", &self.room)
            .finish_non_exhaustive()
    }
}

impl TryFrom<&Element> for OpeningRequest {
    type Error = ParseError;

    fn try_from(opening: &Element) -> Result<Self, ParseError> {
        opening.expect_is("opening", ns::HOSTS)?;
        Ok(Self {
            room: opening.required("room")?.to_owned(),
            token: opening.text(),
        })
    }
}

impl From<&OpeningRequest> for Element {
    fn from(request: &OpeningRequest) -> Self {
        element("opening", ns::HOSTS)
            .with_attr("room", &request.room)
            .with_text(request.token.clone())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_request_survives_the_way_and_its_token_is_not_shown() {
        let request = OpeningRequest {
            room: "r@muc.meet.shoal".into(),
            token: "a.b.c".into(),
        };
        let element = Element::from(&request);
        assert_eq!(OpeningRequest::try_from(&element).unwrap(), request);
        assert!(!format!("{request:?}").contains("a.b.c"));
    }
}
