//! Ping (XEP-0199).

use crate::xml::element;
use crate::{Element, ns};

/// The payload of a ping; the answer is an empty result.
pub fn request() -> Element {
    element("ping", ns::PING)
}

/// Whether the payload is a ping.
pub fn is_request(payload: &Element) -> bool {
    payload.is("ping", ns::PING)
}
