//! WebSocket frames (RFC 7395): each is one complete element, `<open/>`, `<close/>`, or what a TCP
//! stream would carry.

use rxml::error::EndOrError;
use rxml::{Event as XmlEvent, Parse};

use super::parser::xml_parser;
use super::tree::{Tree, exceeded};
use super::{Header, Limits, StreamCondition, StreamError, write};
use crate::{Element, ns};

/// What a frame holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// `<open/>`: the stream header.
    Open(Header),
    /// `<close/>`: the end of the stream.
    Close {
        /// Where the peer should go instead (RFC 7395 §3.6.1).
        see_other_uri: Option<String>,
    },
    /// Any other element.
    Element(Element),
}

/// Parses the text of a frame. Elements without a namespace count as `jabber:client`: some clients
/// leave the declaration out, as they may in TCP streams.
///
/// # Errors
/// [`StreamError`] when the text is not one complete element or breaks the limits.
pub fn parse(text: &str, limits: &Limits) -> Result<Frame, StreamError> {
    let element = parse_document(text, limits, &[("", ns::CLIENT)])?;
    Ok(if element.is("open", ns::FRAMING) {
        Frame::Open(Header::of(&element))
    } else if element.is("close", ns::FRAMING) {
        Frame::Close {
            see_other_uri: element.attr("see-other-uri").map(str::to_owned),
        }
    } else if element.has_ns(ns::FRAMING) {
        return Err(StreamError::new(StreamCondition::UnsupportedStanzaType));
    } else {
        Frame::Element(element)
    })
}

/// One element with nothing but whitespace around it.
pub(super) fn parse_document(
    text: &str,
    limits: &Limits,
    substitutes: &'static [(&'static str, &'static str)],
) -> Result<Element, StreamError> {
    if text.len() > limits.stanza_bytes {
        return Err(exceeded("a stanza longer", limits.stanza_bytes));
    }
    let mut xml = xml_parser(limits);
    let mut tree = Tree::new(*limits, substitutes);
    let mut input = text.trim_ascii().as_bytes();
    let mut root = None;
    loop {
        match xml.parse(&mut input, true) {
            Ok(Some(XmlEvent::XmlDeclaration(..))) => {}
            Ok(Some(XmlEvent::StartElement(_, name, attributes))) => {
                tree.start(name.0, name.1, attributes)?;
            }
            Ok(Some(XmlEvent::EndElement(_))) => root = tree.end().or(root),
            Ok(Some(XmlEvent::Text(_, text))) => tree.text(text),
            Ok(None) => break,
            Err(EndOrError::NeedMoreData) => {
                return Err(StreamError::new(StreamCondition::NotWellFormed));
            }
            Err(EndOrError::Error(error)) => return Err(error.into()),
        }
    }
    root.ok_or_else(|| StreamError::new(StreamCondition::NotWellFormed))
}

/// The text of an `<open/>` frame. It begins with `<open `, by which clients recognise it.
pub fn open(header: &Header) -> String {
    let mut out = format!("<open xmlns='{}'", ns::FRAMING);
    write::header_attributes(&mut out, header);
    out.push_str("/>");
    out
}

/// The text of a `<close/>` frame, letter for letter as strophe.js compares it.
pub fn close() -> String {
    format!("<close xmlns=\"{}\" />", ns::FRAMING)
}

/// The text of a `<close/>` frame that sends the peer elsewhere.
pub fn close_for(see_other_uri: &str) -> String {
    let mut out = format!("<close xmlns='{}'", ns::FRAMING);
    write::attribute(&mut out, "see-other-uri", see_other_uri);
    out.push_str("/>");
    out
}

/// The text of a frame with one element.
pub fn element(element: &Element) -> String {
    write::document(element)
}
