//! SASL in XMPP (RFC 6120 §6): the elements, and the client's side of logging in.

mod login;

pub use login::{Login, Step};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::xml::{ElementExt, ParseError, element};
use crate::{Element, ns};

/// Why a login failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SaslError {
    /// The server offers nothing that can be used.
    #[error("no usable mechanism among those that the server offers: {}", .offered.join(", "))]
    NoMechanism {
        /// What it offers.
        offered: Vec<String>,
    },
    /// The server refused.
    #[error("the server refused: {condition}{}", .text.as_ref().map(|t| format!(" ({t})")).unwrap_or_default())]
    Refused {
        /// Name of the condition (RFC 6120 §6.5).
        condition: String,
        /// Text for people.
        text: Option<String>,
    },
    /// The server's messages do not follow the mechanism, or it does not know the password.
    #[error("the server broke the mechanism: {0}")]
    Mechanism(String),
    /// An unexpected element.
    #[error(transparent)]
    Parse(#[from] ParseError),
}

/// `<mechanisms/>` for stream features.
pub fn mechanisms<'a>(names: impl IntoIterator<Item = &'a str>) -> Element {
    element("mechanisms", ns::SASL).with_children(
        names
            .into_iter()
            .map(|name| element("mechanism", ns::SASL).with_text(name)),
    )
}

/// Names in `<mechanisms/>` of stream features.
pub fn offered_mechanisms(features: &Element) -> Vec<String> {
    features
        .get_child("mechanisms", ns::SASL)
        .map(|mechanisms| {
            mechanisms
                .children_named("mechanism", ns::SASL)
                .map(|mechanism| mechanism.text().trim().to_owned())
                .collect()
        })
        .unwrap_or_default()
}

/// `<auth/>`: mechanism and initial response; `None` sends none, empty data sends `=`.
pub fn auth(mechanism: &str, initial: Option<&[u8]>) -> Element {
    let auth = element("auth", ns::SASL).with_attr("mechanism", mechanism);
    match initial {
        None => auth,
        Some([]) => auth.with_text("="),
        Some(data) => auth.with_text(STANDARD.encode(data)),
    }
}

/// `<challenge/>`.
pub fn challenge(data: &[u8]) -> Element {
    with_data("challenge", data)
}

/// `<response/>`.
pub fn response(data: &[u8]) -> Element {
    with_data("response", data)
}

/// `<success/>`, with data if there is any.
pub fn success(data: &[u8]) -> Element {
    with_data("success", data)
}

/// `<failure/>`. LJM shows the text to its user only if it follows the condition directly.
pub fn failure(condition: &str, text: Option<&str>) -> Element {
    element("failure", ns::SASL)
        .with_child(element(condition, ns::SASL))
        .with_children(text.map(|text| element("text", ns::SASL).with_text(text)))
}

fn with_data(name: &str, data: &[u8]) -> Element {
    let out = element(name, ns::SASL);
    if data.is_empty() {
        out
    } else {
        out.with_text(STANDARD.encode(data))
    }
}

/// Data of `<auth/>`, `<challenge/>`, `<response/>` or `<success/>`. `None`: none was sent;
/// `=` is empty data.
///
/// # Errors
/// [`ParseError::InvalidContent`] if it is not Base64 (RFC 4648 §4).
pub fn data_of(element: &Element) -> Result<Option<Vec<u8>>, ParseError> {
    let text = element.text();
    match text.trim() {
        "" => Ok(None),
        "=" => Ok(Some(Vec::new())),
        text => STANDARD
            .decode(text)
            .map(Some)
            .map_err(|_| ParseError::content(element, "not Base64")),
    }
}

/// What PLAIN sends (RFC 4616).
#[derive(Clone, PartialEq, Eq)]
pub struct Plain {
    /// Identity to act as; empty for the own one.
    pub authorization: String,
    /// User name.
    pub user: String,
    /// In clear text.
    pub password: String,
}

impl std::fmt::Debug for Plain {
    /// Leaves out the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Plain({})", self.user)
    }
}

impl Plain {
    /// Parses the message; `None` if it is none.
    pub fn parse(data: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(data).ok()?;
        let mut parts = text.split('\0');
        let plain = Self {
            authorization: parts.next()?.to_owned(),
            user: parts.next()?.to_owned(),
            password: parts.next()?.to_owned(),
        };
        (parts.next().is_none() && !plain.user.is_empty() && !plain.password.is_empty())
            .then_some(plain)
    }
}
