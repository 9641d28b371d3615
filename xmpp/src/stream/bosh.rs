//! BOSH: stanzas in the `<body/>` of HTTP requests and answers (XEP-0124, XEP-0206).

use super::frame::parse_document;
use super::{Limits, StreamError, write};
use crate::xml::{ElementExt, ParseError, parse_bool};
use crate::{Element, ns};

/// Why a request body is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// No XML, or beyond the limits.
    #[error(transparent)]
    Xml(#[from] StreamError),
    /// No `<body/>`, or its attributes are wrong.
    #[error(transparent)]
    Body(#[from] ParseError),
}

/// A `<body/>`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Body {
    /// Request id.
    pub rid: Option<u64>,
    /// Session id.
    pub sid: Option<String>,
    /// Domain that is addressed.
    pub to: Option<String>,
    /// Domain that answers.
    pub from: Option<String>,
    /// Version of BOSH, `1.6` or newer.
    pub ver: Option<String>,
    /// Seconds that a request may be held.
    pub wait: Option<u32>,
    /// Requests that may be held at once.
    pub hold: Option<u32>,
    /// Requests that may be open at once.
    pub requests: Option<u32>,
    /// Seconds without any request after which the session ends.
    pub inactivity: Option<u32>,
    /// Shortest seconds between empty requests.
    pub polling: Option<u32>,
    /// Longest pause in seconds.
    pub maxpause: Option<u32>,
    /// Pause that is asked for, in seconds.
    pub pause: Option<u32>,
    /// Request id that is acknowledged.
    pub ack: Option<u64>,
    /// `terminate` or `error`.
    pub kind: Option<String>,
    /// Why the session ended.
    pub condition: Option<String>,
    /// Default language.
    pub lang: Option<String>,
    /// `xmpp:version`, 1.0 in every request that opens a session.
    pub xmpp_version: Option<String>,
    /// The client restarts the stream after SASL.
    pub restart: bool,
    /// Whether the server wants that restart (`xmpp:restartlogic`).
    pub restart_logic: Option<bool>,
    /// Stream id of the server, as old clients expect it.
    pub authid: Option<String>,
    /// Stanzas.
    pub payload: Vec<Element>,
}

impl Body {
    /// A body that ends the session.
    pub fn terminate(condition: Option<&str>) -> Self {
        Self {
            kind: Some("terminate".to_owned()),
            condition: condition.map(str::to_owned),
            ..Self::default()
        }
    }

    /// Parses a body. Stanzas that inherit the namespace of the body count as `jabber:client`, as
    /// many clients write them. The limits hold for the whole body.
    ///
    /// # Errors
    /// [`BodyError`].
    pub fn parse(text: &str, limits: &Limits) -> Result<Self, BodyError> {
        // The body's own namespace is substituted too, so it is checked by the substitute.
        let mut body = parse_document(
            text,
            limits,
            &[("", ns::CLIENT), (ns::HTTPBIND, ns::CLIENT)],
        )?;
        body.expect_is("body", ns::CLIENT)?;
        let text = |name: &str| body.attr(name).map(str::to_owned);
        let xmpp = |name: &str| body.attr_ns(ns::XBOSH, name).map(str::to_owned);
        let mut out = Self {
            rid: body.optional_as("rid")?,
            sid: text("sid"),
            to: text("to"),
            from: text("from"),
            ver: text("ver"),
            wait: body.optional_as("wait")?,
            hold: body.optional_as("hold")?,
            requests: body.optional_as("requests")?,
            inactivity: body.optional_as("inactivity")?,
            polling: body.optional_as("polling")?,
            maxpause: body.optional_as("maxpause")?,
            pause: body.optional_as("pause")?,
            ack: body.optional_as("ack")?,
            kind: text("type"),
            condition: text("condition"),
            lang: body.attr_ns(ns::XML, "lang").map(str::to_owned),
            xmpp_version: xmpp("version"),
            restart: xmpp("restart")
                .and_then(|text| parse_bool(&text))
                .unwrap_or(false),
            restart_logic: xmpp("restartlogic").and_then(|text| parse_bool(&text)),
            authid: text("authid"),
            payload: Vec::new(),
        };
        out.payload = body.take_contents_as_children().collect();
        Ok(out)
    }

    /// The body as text.
    pub fn render(&self) -> String {
        let mut out = format!("<body xmlns='{}'", ns::HTTPBIND);
        let mut attribute = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                write::attribute(&mut out, name, value);
            }
        };
        let number = |value: Option<u32>| value.map(|number| number.to_string());
        attribute("rid", self.rid.map(|rid| rid.to_string()).as_deref());
        attribute("sid", self.sid.as_deref());
        attribute("to", self.to.as_deref());
        attribute("from", self.from.as_deref());
        attribute("ver", self.ver.as_deref());
        attribute("wait", number(self.wait).as_deref());
        attribute("hold", number(self.hold).as_deref());
        attribute("requests", number(self.requests).as_deref());
        attribute("inactivity", number(self.inactivity).as_deref());
        attribute("polling", number(self.polling).as_deref());
        attribute("maxpause", number(self.maxpause).as_deref());
        attribute("pause", number(self.pause).as_deref());
        attribute("ack", self.ack.map(|ack| ack.to_string()).as_deref());
        attribute("type", self.kind.as_deref());
        attribute("condition", self.condition.as_deref());
        attribute("xml:lang", self.lang.as_deref());
        attribute("authid", self.authid.as_deref());
        let xmpp = self.xmpp_version.is_some() || self.restart || self.restart_logic.is_some();
        attribute("xmlns:xmpp", xmpp.then_some(ns::XBOSH));
        attribute("xmpp:version", self.xmpp_version.as_deref());
        attribute("xmpp:restart", self.restart.then_some("true"));
        let restart_logic = self.restart_logic.map(|wanted| wanted.to_string());
        attribute("xmpp:restartlogic", restart_logic.as_deref());
        let in_body = |element: &&Element| element.has_ns(ns::STREAM);
        let stream = self.payload.iter().find(in_body).is_some();
        attribute("xmlns:stream", stream.then_some(ns::STREAM));
        if self.payload.is_empty() {
            out.push_str("/>");
            return out;
        }
        out.push('>');
        for stanza in &self.payload {
            write::append_in_body(&mut out, stanza);
        }
        out.push_str("</body>");
        out
    }
}
