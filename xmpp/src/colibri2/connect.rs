//! Export of a conference's media to a service (recorder, transcriber, translator).

use crate::xml::{ElementExt, ParseError, element};
use crate::{Element, ns};

/// The largest accepted number of headers, exports and requests.
const MAX_ITEMS: usize = 256;

/// An HTTP header that the bridge sends when it connects.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpHeader {
    /// As HTTP names it, in any case of letters.
    pub name: String,
    /// Value; may be a credential, so it is left out of debug output.
    pub value: String,
}

impl std::fmt::Debug for HttpHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HttpHeader({})", self.name)
    }
}

/// A `<connect/>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connect {
    /// Id, if the sender gave one.
    pub id: Option<String>,
    /// WebSocket URL.
    pub url: Option<String>,
    /// `mediajson`.
    pub protocol: Option<String>,
    /// `transcriber`, `recorder`, `translator`.
    pub kind: Option<String>,
    /// Export audio.
    pub audio: bool,
    /// Export video.
    pub video: bool,
    /// Create it.
    pub create: bool,
    /// Expire it.
    pub expire: bool,
    /// Headers for the connection.
    pub http_headers: Vec<HttpHeader>,
    /// Interval and time-out of pings, in the sender's units (ms).
    pub ping: Option<(u64, u64)>,
    /// Sources to export. `None`: no `<exports/>` element.
    pub exports: Option<Vec<String>>,
    /// Sources wanted from the service. `None`: no `<requests/>` element.
    pub requests: Option<Vec<String>>,
}

impl TryFrom<&Element> for Connect {
    type Error = ParseError;

    fn try_from(connect: &Element) -> Result<Self, ParseError> {
        connect.expect_is("connect", ns::COLIBRI2)?;
        let ping = match connect.get_child("ping", ns::COLIBRI2) {
            Some(ping) => Some((ping.required_as("interval")?, ping.required_as("timeout")?)),
            None => None,
        };
        Ok(Self {
            id: connect.optional("id"),
            url: connect.optional("url"),
            protocol: connect.optional("protocol"),
            kind: connect.optional("type"),
            audio: connect.flag("audio")?.unwrap_or(false),
            video: connect.flag("video")?.unwrap_or(false),
            create: connect.flag("create")?.unwrap_or(false),
            expire: connect.flag("expire")?.unwrap_or(false),
            http_headers: connect.views("http-header", ns::COLIBRI2, MAX_ITEMS)?,
            ping,
            exports: names_of(connect, "exports", "export")?,
            requests: names_of(connect, "requests", "request")?,
        })
    }
}

fn names_of(
    connect: &Element,
    list: &'static str,
    item: &'static str,
) -> Result<Option<Vec<String>>, ParseError> {
    let Some(list) = connect.get_child(list, ns::COLIBRI2) else {
        return Ok(None);
    };
    let names: Vec<Named> = list.views(item, ns::COLIBRI2, MAX_ITEMS)?;
    Ok(Some(names.into_iter().map(|named| named.0).collect()))
}

struct Named(String);

impl TryFrom<&Element> for Named {
    type Error = ParseError;

    fn try_from(item: &Element) -> Result<Self, ParseError> {
        Ok(Self(item.required("name")?.to_owned()))
    }
}

impl TryFrom<&Element> for HttpHeader {
    type Error = ParseError;

    fn try_from(header: &Element) -> Result<Self, ParseError> {
        header.expect_is("http-header", ns::COLIBRI2)?;
        Ok(Self {
            name: header.required("name")?.to_owned(),
            value: header.required("value")?.to_owned(),
        })
    }
}

impl From<&HttpHeader> for Element {
    fn from(header: &HttpHeader) -> Self {
        element("http-header", ns::COLIBRI2)
            .with_attr("name", &header.name)
            .with_attr("value", &header.value)
    }
}

impl From<&Connect> for Element {
    fn from(connect: &Connect) -> Self {
        let mut out = element("connect", ns::COLIBRI2)
            .with_opt("id", connect.id.as_deref())
            .with_opt("url", connect.url.as_deref())
            .with_opt("protocol", connect.protocol.as_deref())
            .with_opt("type", connect.kind.as_deref())
            .with_flag("audio", connect.audio)
            .with_flag("video", connect.video)
            .with_flag("create", connect.create)
            .with_flag("expire", connect.expire)
            .with_children(&connect.http_headers);
        if let Some((interval, timeout)) = connect.ping {
            out.append_child(
                element("ping", ns::COLIBRI2)
                    .with_attr("interval", interval)
                    .with_attr("timeout", timeout),
            );
        }
        for (list, item, names) in [
            ("exports", "export", &connect.exports),
            ("requests", "request", &connect.requests),
        ] {
            if let Some(names) = names {
                out.append_child(
                    element(list, ns::COLIBRI2).with_children(
                        names
                            .iter()
                            .map(|n| element(item, ns::COLIBRI2).with_attr("name", n)),
                    ),
                );
            }
        }
        out
    }
}
