//! The stream header (RFC 6120 §4.7), which a WebSocket carries as `<open/>` (RFC 7395 §3.4).

use crate::{Element, ns};

/// Attributes of a stream header; texts as the peer wrote them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Domain that is addressed.
    pub to: Option<String>,
    /// Who speaks.
    pub from: Option<String>,
    /// Id of the stream, chosen by the server.
    pub id: Option<String>,
    /// `1.0`; a peer without version knows neither features nor SASL.
    pub version: Option<String>,
    /// Default language.
    pub lang: Option<String>,
}

impl Header {
    /// What a client opens a stream to `domain` with.
    pub fn to_domain(domain: impl Into<String>) -> Self {
        Self {
            to: Some(domain.into()),
            version: Some("1.0".to_owned()),
            ..Self::default()
        }
    }

    /// What a server answers with.
    pub fn from_domain(domain: impl Into<String>, id: impl Into<String>) -> Self {
        Self {
            from: Some(domain.into()),
            id: Some(id.into()),
            version: Some("1.0".to_owned()),
            lang: Some("en".to_owned()),
            ..Self::default()
        }
    }

    /// Reads the attributes of `<stream:stream>` or `<open/>`.
    pub(super) fn of(element: &Element) -> Self {
        let text = |name: &str| element.attr(name).map(str::to_owned);
        Self {
            to: text("to"),
            from: text("from"),
            id: text("id"),
            version: text("version"),
            lang: element.attr_ns(ns::XML, "lang").map(str::to_owned),
        }
    }
}
