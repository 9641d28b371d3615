//! Serialising, in the form that strict clients expect: stanzas without prefix, `stream:` for
//! features and errors of streams, every other namespace declared as default where it begins.

use std::fmt::Write;

use super::Header;
use crate::{Element, ns};

/// What the place where an element is written declares already.
#[derive(Clone, Copy, Debug)]
struct Scope<'a> {
    default: &'a str,
    stream: bool,
}

/// Inside a TCP stream: the stream header declares `jabber:client` and `stream:`.
const IN_STREAM: Scope<'static> = Scope {
    default: ns::CLIENT,
    stream: true,
};

/// Alone, as in a WebSocket frame.
const ALONE: Scope<'static> = Scope {
    default: "",
    stream: false,
};

/// The opening of a TCP stream. A client's and a server's differ only in the attributes.
pub fn stream_open(header: &Header) -> String {
    let mut out = format!(
        "<?xml version='1.0'?><stream:stream xmlns='{}' xmlns:stream='{}'",
        ns::CLIENT,
        ns::STREAM
    );
    header_attributes(&mut out, header);
    out.push('>');
    out
}

/// The end of a TCP stream.
pub const STREAM_CLOSE: &str = "</stream:stream>";

/// An element of a TCP stream.
pub fn in_stream(element: &Element) -> String {
    let mut out = String::with_capacity(256);
    write(&mut out, element, IN_STREAM);
    out
}

/// Appends an element of a TCP stream to `out`.
pub fn append_in_stream(out: &mut String, element: &Element) {
    write(out, element, IN_STREAM);
}

/// An element that stands alone, with all its declarations.
pub fn document(element: &Element) -> String {
    let mut out = String::with_capacity(256);
    write(&mut out, element, ALONE);
    out
}

/// Appends an element, with all its declarations, to `out`.
pub fn append_document(out: &mut String, element: &Element) {
    write(out, element, ALONE);
}

/// Appends an element of a BOSH `<body/>` that declares `stream:` where it is needed.
pub(super) fn append_in_body(out: &mut String, element: &Element) {
    let scope = Scope {
        default: ns::HTTPBIND,
        stream: true,
    };
    write(out, element, scope);
}

/// A stanza rendered once for many receivers: only the `to` differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broadcast {
    text: String,
    /// Where ` to='…'` goes.
    split: usize,
}

impl Broadcast {
    /// For receivers on TCP streams.
    pub fn in_stream(stanza: &Element) -> Self {
        Self::new(stanza, IN_STREAM)
    }

    /// For receivers on WebSockets and BOSH.
    pub fn document(stanza: &Element) -> Self {
        Self::new(stanza, ALONE)
    }

    fn new(stanza: &Element, scope: Scope<'_>) -> Self {
        let mut text = String::with_capacity(512);
        let split = write_element(&mut text, stanza, scope, true);
        Self { text, split }
    }

    /// The stanza for one receiver.
    pub fn render(&self, to: &str) -> String {
        let mut out = String::with_capacity(self.text.len() + to.len() + 8);
        out.push_str(&self.text[..self.split]);
        attribute(&mut out, "to", to);
        out.push_str(&self.text[self.split..]);
        out
    }

    /// What comes before and after the attribute ` to='…'`, for writing without a copy. See
    /// [`to_attribute`].
    pub fn parts(&self) -> (&str, &str) {
        self.text.split_at(self.split)
    }
}

/// The text ` to='…'`.
pub fn to_attribute(to: &str) -> String {
    let mut out = String::with_capacity(to.len() + 6);
    attribute(&mut out, "to", to);
    out
}

/// Appends ` name='value'`.
pub(super) fn attribute(out: &mut String, name: &str, value: &str) {
    out.push(' ');
    out.push_str(name);
    out.push_str("='");
    escape(out, value, true);
    out.push('\'');
}

pub(super) fn header_attributes(out: &mut String, header: &Header) {
    for (name, value) in [
        ("to", &header.to),
        ("from", &header.from),
        ("id", &header.id),
        ("version", &header.version),
        ("xml:lang", &header.lang),
    ] {
        if let Some(value) = value {
            attribute(out, name, value);
        }
    }
}

fn write(out: &mut String, element: &Element, scope: Scope<'_>) {
    write_element(out, element, scope, false);
}

/// Writes an element; returns where its attributes end. `without_to` leaves out that attribute.
fn write_element(out: &mut String, element: &Element, outer: Scope<'_>, without_to: bool) -> usize {
    let prefix = if element.has_ns(ns::STREAM) {
        "stream:"
    } else {
        ""
    };
    out.push('<');
    out.push_str(prefix);
    out.push_str(element.name());
    let namespace;
    let mut scope = outer;
    if !prefix.is_empty() {
        if !scope.stream {
            attribute(out, "xmlns:stream", ns::STREAM);
            scope.stream = true;
        }
    } else if !element.has_ns(scope.default) {
        namespace = element.ns();
        attribute(out, "xmlns", &namespace);
        scope.default = &namespace;
    }
    let mut declared = 0;
    for ((namespace, name), value) in element.attrs() {
        if namespace.is_none() {
            if !(without_to && &**name == "to") {
                attribute(out, name, value);
            }
        } else if &**namespace == ns::XML {
            attribute(out, &format!("xml:{name}"), value);
        } else {
            attribute(out, &format!("xmlns:ns{declared}"), namespace);
            attribute(out, &format!("ns{declared}:{name}"), value);
            declared += 1;
        }
    }
    let attributes_end = out.len();
    let mut nodes = element.nodes().peekable();
    if nodes.peek().is_none() {
        out.push_str("/>");
        return attributes_end;
    }
    out.push('>');
    for node in nodes {
        match node {
            minidom::Node::Element(child) => write(out, child, scope),
            minidom::Node::Text(text) => escape(out, text, false),
        }
    }
    let _ = write!(out, "</{prefix}{}>", element.name());
    attributes_end
}

/// Appends text with markup escaped. Characters that XML 1.0 cannot carry become U+FFFD.
fn escape(out: &mut String, text: &str, in_attribute: bool) {
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| needs_escape(c, in_attribute)) {
        out.push_str(&rest[..at]);
        let c = rest[at..]
            .chars()
            .next()
            .expect("find returned a position of a char");
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\'' => out.push_str("&apos;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#xd;"),
            '\n' => out.push_str("&#xa;"),
            '\t' => out.push_str("&#x9;"),
            _ => out.push(char::REPLACEMENT_CHARACTER),
        }
        rest = &rest[at + c.len_utf8()..];
    }
    out.push_str(rest);
}

fn needs_escape(c: char, in_attribute: bool) -> bool {
    match c {
        '<' | '>' | '&' | '\r' => true,
        '\'' | '"' | '\n' | '\t' => in_attribute,
        '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => true,
        _ => false,
    }
}
