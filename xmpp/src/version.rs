//! Software version (XEP-0092).

use crate::xml::{ElementExt, ParseError, element};
use crate::{Element, ns};

/// The answer to a version request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Name of the software.
    pub name: String,
    /// As the software itself writes it; there is no form for it.
    pub version: String,
    /// Operating system, where the software tells.
    pub os: Option<String>,
}

/// The payload of a request.
pub fn request() -> Element {
    element("query", ns::VERSION)
}

/// Whether the payload is a version request or answer.
pub fn is_request(payload: &Element) -> bool {
    payload.is("query", ns::VERSION)
}

impl TryFrom<&Element> for Version {
    type Error = ParseError;

    fn try_from(query: &Element) -> Result<Self, ParseError> {
        query.expect_is("query", ns::VERSION)?;
        let text = |name: &'static str| query.get_child(name, ns::VERSION).map(Element::text);
        Ok(Self {
            name: text("name").ok_or_else(|| ParseError::missing_child(query, "name"))?,
            version: text("version").ok_or_else(|| ParseError::missing_child(query, "version"))?,
            os: text("os"),
        })
    }
}

impl From<&Version> for Element {
    fn from(version: &Version) -> Self {
        let text = |name: &str, text: &str| element(name, ns::VERSION).with_text(text);
        let mut out = element("query", ns::VERSION)
            .with_child(text("name", &version.name))
            .with_child(text("version", &version.version));
        if let Some(os) = &version.os {
            out.append_child(text("os", os));
        }
        out
    }
}
