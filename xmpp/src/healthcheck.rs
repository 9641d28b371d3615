//! Health check of a bridge: an IQ get that is answered by an empty result, or by
//! `internal-server-error` with the reason as text.

use crate::xml::element;
use crate::{Element, ns};

/// The payload of the request.
pub fn request() -> Element {
    element("healthcheck", ns::HEALTHCHECK)
}

/// Whether the payload is a health check.
pub fn is_request(payload: &Element) -> bool {
    payload.is("healthcheck", ns::HEALTHCHECK)
}
