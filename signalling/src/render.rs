//! Stanzas as bytes. A broadcast is rendered once and shared; only `to` is spliced in for each recipient.
//!
//! Output is canonical enough for the strict readers among clients: attributes in single quotes, `xmlns` where it
//! changes, nothing else declared. [`Writer`] is the one place that escapes.

use crate::addresses::Kept;
use std::fmt::Display;
use std::fmt::Write as _;
use xmpp::stream::Limits;
use xmpp::stream::frame::{self, Frame};
use xmpp::{Element, ns};

/// One stanza, rendered without its `to` and without the default namespace of its root.
#[derive(Debug)]
pub(crate) struct Rendered {
    text: Box<str>,
    name_end: usize,
    /// Whose share it takes for as long as it waits.
    kept: Option<Box<Kept>>,
}

impl Rendered {
    /// Counts in somebody's share until it is sent and, where that is counted, acknowledged.
    pub(crate) fn count_in(&mut self, kept: Kept) {
        self.kept = Some(Box::new(kept));
    }

    /// Bytes that the stanza takes, without `to`.
    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether it is an IQ that asks for an answer.
    pub(crate) fn is_request(&self) -> bool {
        let head = self.text.split('>').next().unwrap_or_default();
        head.starts_with("<iq") && (head.contains(" type='get'") || head.contains(" type='set'"))
    }

    /// The element again, if it is an IQ that asks for an answer.
    pub(crate) fn to_request(&self) -> Option<Element> {
        if !self.is_request() {
            return None;
        }
        match frame::parse(&self.text, &Limits::SERVICE) {
            Ok(Frame::Element(element)) => Some(element),
            _ => None,
        }
    }

    /// Appends the stanza as `to` gets it. `to` is escaped already. `declare`: the stream does not declare
    /// `jabber:client` (RFC 7395 §3.3.3, XEP-0206).
    pub(crate) fn write(&self, out: &mut String, to: &str, declare: bool) {
        let (name, rest) = self.text.split_at(self.name_end);
        out.reserve(self.text.len() + to.len() + 32);
        out.push_str(name);
        if declare {
            out.push_str(" xmlns='jabber:client'");
        }
        out.push_str(" to='");
        out.push_str(to);
        out.push('\'');
        out.push_str(rest);
    }
}

/// Writes XML. Elements are closed by [`Writer::close`] in the order opened.
pub(crate) struct Writer {
    out: String,
    name_end: usize,
    open: Vec<Open>,
    in_head: bool,
}

struct Open {
    name: Box<str>,
    namespace: Box<str>,
}

impl Writer {
    /// A stanza in `jabber:client`.
    pub(crate) fn stanza(name: &str) -> Self {
        let mut writer = Self::fragment();
        writer.open(name, ns::CLIENT);
        writer.name_end = name.len() + 1;
        writer
    }

    /// Elements inside something in `jabber:client`.
    pub(crate) fn fragment() -> Self {
        Self {
            out: String::with_capacity(512),
            name_end: 0,
            open: Vec::with_capacity(4),
            in_head: false,
        }
    }

    /// Bytes written so far.
    pub(crate) fn len(&self) -> usize {
        self.out.len()
    }

    /// Opens an element.
    pub(crate) fn open(&mut self, name: &str, namespace: &str) -> &mut Self {
        self.end_head();
        self.out.push('<');
        self.out.push_str(name);
        let inherited = self.open.last().map_or(ns::CLIENT, |open| &open.namespace);
        if inherited != namespace {
            self.out.push_str(" xmlns='");
            escape_into(&mut self.out, namespace);
            self.out.push('\'');
        }
        self.open.push(Open {
            name: name.into(),
            namespace: namespace.into(),
        });
        self.in_head = true;
        self
    }

    /// Adds an attribute to the element just opened.
    pub(crate) fn attr(&mut self, name: &str, value: &str) -> &mut Self {
        self.out.push(' ');
        self.out.push_str(name);
        self.out.push_str("='");
        escape_into(&mut self.out, value);
        self.out.push('\'');
        self
    }

    /// Adds an attribute if there is a value.
    pub(crate) fn opt(&mut self, name: &str, value: Option<&str>) -> &mut Self {
        if let Some(value) = value {
            self.attr(name, value);
        }
        self
    }

    /// Appends text.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.end_head();
        escape_into(&mut self.out, text);
        self
    }

    /// Appends what a [`Writer::fragment`] produced; valid only where the namespace is `jabber:client`.
    pub(crate) fn raw(&mut self, fragment: &str) -> &mut Self {
        if !fragment.is_empty() {
            self.end_head();
            self.out.push_str(fragment);
        }
        self
    }

    /// Closes the last open element.
    pub(crate) fn close(&mut self) -> &mut Self {
        let open = self.open.pop().expect("every close has its open");
        if self.in_head {
            self.out.push_str("/>");
            self.in_head = false;
        } else {
            self.out.push_str("</");
            self.out.push_str(&open.name);
            self.out.push('>');
        }
        self
    }

    /// An element with only text.
    pub(crate) fn leaf(&mut self, name: &str, namespace: &str, text: &str) -> &mut Self {
        self.open(name, namespace);
        if !text.is_empty() {
            self.text(text);
        }
        self.close()
    }

    /// Copies an element with all that is in it.
    pub(crate) fn element(&mut self, element: &Element) -> &mut Self {
        self.open(element.name(), &element.ns());
        self.attributes_of(element, &[]);
        self.children_of(element);
        self.close()
    }

    /// Copies the attributes of an element onto the one just opened, save the named ones.
    pub(crate) fn attributes_of(&mut self, element: &Element, without: &[&str]) -> &mut Self {
        for (index, ((namespace, name), value)) in element.attrs().iter().enumerate() {
            let namespace: &str = namespace.as_ref();
            let name: &str = name.as_ref();
            if namespace.is_empty() {
                if !without.contains(&name) {
                    self.attr(name, value);
                }
            } else if namespace == ns::XML {
                self.attr(&format!("xml:{name}"), value);
            } else {
                self.attr(&format!("xmlns:ns{index}"), namespace);
                self.attr(&format!("ns{index}:{name}"), value);
            }
        }
        self
    }

    /// Copies the content of an element.
    pub(crate) fn children_of(&mut self, element: &Element) -> &mut Self {
        for node in element.nodes() {
            if let Some(child) = node.as_element() {
                self.element(child);
            } else if let Some(text) = node.as_text() {
                self.text(text);
            }
        }
        self
    }

    /// The finished stanza.
    pub(crate) fn finish(mut self) -> Rendered {
        while !self.open.is_empty() {
            self.close();
        }
        Rendered {
            text: self.out.into_boxed_str(),
            name_end: self.name_end,
            kept: None,
        }
    }

    /// The finished fragment.
    pub(crate) fn into_fragment(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.out
    }

    fn end_head(&mut self) {
        if self.in_head {
            self.out.push('>');
            self.in_head = false;
        }
    }
}

/// Appends `text` with the five special characters escaped.
pub(crate) fn escape_into(out: &mut String, text: &str) {
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let replacement = match byte {
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'&' => "&amp;",
            b'\'' => "&apos;",
            b'"' => "&quot;",
            b'\r' => "&#xd;",
            b'\t' => "&#x9;",
            _ => continue,
        };
        out.push_str(&text[from..at]);
        out.push_str(replacement);
        from = at + 1;
    }
    out.push_str(&text[from..]);
}

/// `value` escaped, as a `to` attribute is kept by its session.
pub(crate) fn escaped(value: &impl Display) -> Box<str> {
    let mut plain = String::new();
    write!(plain, "{value}").expect("strings accept text");
    let mut out = String::with_capacity(plain.len());
    escape_into(&mut out, &plain);
    out.into_boxed_str()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn written(stanza: &Rendered, declare: bool) -> String {
        let mut out = String::new();
        stanza.write(&mut out, "a@b/c", declare);
        out
    }

    fn copied(stanza: &Element) -> Rendered {
        let mut writer = Writer::stanza(stanza.name());
        writer.attributes_of(stanza, &["to"]).children_of(stanza);
        writer.finish()
    }

    #[test]
    fn a_copied_stanza_means_what_the_original_meant() {
        let source = "<presence xmlns='jabber:client' xml:lang='de' id='1' to='x@y' from='z@y/&lt;1'><nick \
                      xmlns='http://jabber.org/protocol/nick'>A &amp; B\r\n</nick><plain/><e xmlns='urn:e' xmlns:p='urn:p' p:q='1'>\
                      <f xmlns=''/></e></presence>";
        let original: Element = source.parse().unwrap();
        let copy: Element = written(&copied(&original), true).parse().unwrap();
        assert_eq!(copy.attr("to"), Some("a@b/c"));
        assert_eq!(copy.attr("from"), Some("z@y/<1"));
        assert_eq!(copy.attr_ns(ns::XML, "lang"), Some("de"));
        assert!(original.children().eq(copy.children()));
    }

    #[test]
    fn only_web_streams_get_the_default_namespace() {
        let stanza = Writer::stanza("message").finish();
        assert_eq!(written(&stanza, false), "<message to='a@b/c'/>");
        assert_eq!(
            written(&stanza, true),
            "<message xmlns='jabber:client' to='a@b/c'/>"
        );
    }
}
