//! What differs between TCP (RFC 6120), WebSocket (RFC 7395) and BOSH (XEP-0206) on the stream's level.

use xmpp::stream::{Header, StreamError, frame, write};
use xmpp::{Element, ns};

/// The transport's way to put a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Tcp,
    WebSocket,
    Bosh,
}

impl Framing {
    /// Whether every stanza has to declare its namespace.
    pub(crate) fn declares_namespace(self) -> bool {
        self != Self::Tcp
    }

    /// Whether it comes over HTTP.
    pub(crate) fn is_web(self) -> bool {
        self != Self::Tcp
    }

    /// The opening of our stream; BOSH has it in the attributes of its body.
    pub(super) fn header(self, header: &Header) -> Option<String> {
        match self {
            Self::Tcp => Some(write::stream_open(header)),
            Self::WebSocket => Some(frame::open(header)),
            Self::Bosh => None,
        }
    }

    /// Stream features around `content`.
    pub(super) fn features(self, content: &str) -> String {
        match self {
            Self::Tcp => format!("<stream:features>{content}</stream:features>"),
            Self::WebSocket | Self::Bosh => format!(
                "<stream:features xmlns:stream='{}' xmlns='{}'>{content}</stream:features>",
                ns::STREAM,
                ns::CLIENT
            ),
        }
    }

    /// Any element.
    pub(super) fn element(self, element: &Element) -> String {
        match self {
            Self::Tcp => write::in_stream(element),
            Self::WebSocket | Self::Bosh => write::document(element),
        }
    }

    pub(super) fn error(self, error: &StreamError) -> String {
        self.element(&Element::from(error))
    }

    /// The end of our stream. For BOSH the transport writes `terminate` when it sees [`super::Output::Close`].
    pub(super) fn close(self) -> String {
        match self {
            Self::Tcp => write::STREAM_CLOSE.to_owned(),
            Self::WebSocket => frame::close(),
            Self::Bosh => String::new(),
        }
    }
}
