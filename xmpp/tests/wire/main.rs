//! What goes over the wire, by behaviour: shapes that real clients, focuses and bridges exchange,
//! hostile input, and a client against a scripted server.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

mod brewery;
mod bridge_channel;
mod client;
mod colibri2;
mod conference;
mod disco;
mod frames;
mod hostile;
mod jingle;
mod live_files;
mod muc;
mod presence;
mod sasl;
mod script;
mod small_views;
mod sources;
mod stanzas;
mod tcp_stream;
mod unreachable;
mod writing;

use xmpp::stream::{Limits, frame};
use xmpp::{Element, ParseError};

/// An element from its text; without a namespace it is in `jabber:client`.
fn xml(text: &str) -> Element {
    match frame::parse(text, &Limits::SERVICE) {
        Ok(frame::Frame::Element(element)) => element,
        other => panic!("{other:?} from {text}"),
    }
}

/// Parses, renders and parses again: the view must survive. Returns it.
fn round_trip<T>(text: &str) -> T
where
    T: for<'a> TryFrom<&'a Element, Error = ParseError> + PartialEq + std::fmt::Debug,
    for<'a> &'a T: Into<Element>,
{
    let view = T::try_from(&xml(text)).unwrap();
    let rendered: Element = (&view).into();
    let text = xmpp::stream::write::document(&rendered);
    assert_eq!(T::try_from(&xml(&text)).unwrap(), view, "{text}");
    view
}

/// The error of a view.
fn error_of<T>(text: &str) -> String
where
    T: for<'a> TryFrom<&'a Element, Error = ParseError> + std::fmt::Debug,
{
    T::try_from(&xml(text)).unwrap_err().to_string()
}
