//! TCP streams (RFC 6120 §4).

use rxml::error::EndOrError;
use rxml::parser::{Options, WithOptions};
use rxml::{AttrMap, Event as XmlEvent, Parse, QName};

use super::tree::{Tree, check_names, exceeded};
use super::{Header, Limits, StreamCondition, StreamError};
use crate::{Element, ns};

/// Above this, buffers of a stanza are given back when it is done.
const KEPT_BYTES: usize = 8 * 1024;

/// What comes out of a stream.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The peer opened the stream.
    StreamOpen(Header),
    /// A complete element at the top level: a stanza, or something of stream negotiation.
    Element(Element),
    /// The peer closed the stream.
    StreamClose,
}

#[derive(Debug)]
enum State {
    BeforeHeader,
    Open,
    Closed,
    Failed(StreamError),
}

/// A parser of one direction of a stream.
///
/// Run loop: [`handle_input`](Self::handle_input) with what the socket gave, then
/// [`poll_event`](Self::poll_event) until it returns `None`. Input is buffered until it is polled,
/// so the caller bounds memory by polling before it reads on.
pub struct Parser {
    xml: rxml::Parser,
    tree: Tree,
    limits: Limits,
    state: State,
    buffer: Vec<u8>,
    /// Where unparsed input begins in `buffer`.
    next: usize,
    /// Bytes of the current stanza or header that are parsed; 0 between stanzas.
    used: usize,
    /// The header was just read, and may be the end of the stream as well: `<stream:stream/>`.
    opened: bool,
}

impl std::fmt::Debug for Parser {
    /// Leaves out what was received.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parser")
            .field("state", &self.state)
            .field("buffered", &self.buffered())
            .finish_non_exhaustive()
    }
}

impl Parser {
    /// A parser that waits for the stream header.
    pub fn new(limits: Limits) -> Self {
        Self {
            xml: xml_parser(&limits),
            tree: Tree::new(limits, &[]),
            limits,
            state: State::BeforeHeader,
            buffer: Vec::new(),
            next: 0,
            used: 0,
            opened: false,
        }
    }

    /// Changes the limits from the next stream header on: call it before
    /// [`restart`](Self::restart).
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Waits for a new stream header, after SASL or TLS (RFC 6120 §4.3.3). Input that is buffered
    /// stays: it belongs to the new stream. After STARTTLS it must not stay, for it came in the
    /// clear: call [`discard_input`](Self::discard_input).
    pub fn restart(&mut self) {
        self.xml = xml_parser(&self.limits);
        self.tree = Tree::new(self.limits, &[]);
        self.state = State::BeforeHeader;
        self.used = 0;
        self.opened = false;
    }

    /// Throws away input that is not parsed yet; returns the number of bytes.
    pub fn discard_input(&mut self) -> usize {
        let bytes = self.buffered();
        self.buffer.clear();
        self.next = 0;
        bytes
    }

    /// Number of bytes that are not parsed yet.
    pub fn buffered(&self) -> usize {
        self.buffer.len() - self.next
    }

    /// Takes bytes from the peer.
    pub fn handle_input(&mut self, bytes: &[u8]) {
        if self.next > 0 {
            self.buffer.drain(..self.next);
            self.next = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next event; `None` when more input is needed.
    ///
    /// # Errors
    /// [`StreamError`] when the peer broke XML, the rules of streams or the limits. The parser is
    /// of no use after that and returns the same error again.
    pub fn poll_event(&mut self) -> Result<Option<Event>, StreamError> {
        match &self.state {
            State::Failed(error) => return Err(error.clone()),
            State::Closed => return Ok(None),
            State::BeforeHeader | State::Open => {}
        }
        let result = self.parse();
        match &result {
            Err(error) => {
                self.state = State::Failed(error.clone());
                self.buffer = Vec::new();
                self.next = 0;
            }
            Ok(Some(_)) if self.used > KEPT_BYTES => self.xml.release_temporaries(),
            Ok(_) => {}
        }
        if let Ok(Some(_)) = &result {
            self.used = 0;
        }
        if self.next == self.buffer.len() {
            self.next = 0;
            self.buffer.clear();
            if self.buffer.capacity() > KEPT_BYTES {
                self.buffer = Vec::new();
            }
        }
        result
    }

    fn parse(&mut self) -> Result<Option<Event>, StreamError> {
        if std::mem::take(&mut self.opened)
            && let Ok(Some(event)) = self.xml.parse(&mut &[][..], false)
        {
            return self.handle_xml(event);
        }
        loop {
            if self.used == 0 {
                // Whitespace between stanzas keeps the connection alive and means nothing
                // (RFC 6120 §4.6.1).
                let rest = &self.buffer[self.next..];
                let space = rest.iter().take_while(|b| b.is_ascii_whitespace()).count();
                self.next += space;
                match (rest.get(space), &self.state) {
                    (None | Some(b'<'), _) => {}
                    (Some(_), State::BeforeHeader) => {
                        return Err(StreamError::new(StreamCondition::NotWellFormed)
                            .with_text("text before the stream header"));
                    }
                    (Some(_), _) => {
                        return Err(text_between());
                    }
                }
            }
            let rest = &self.buffer[self.next..];
            let room = self.limits.stanza_bytes - self.used;
            if room == 0 && !rest.is_empty() {
                return Err(exceeded("a stanza longer", self.limits.stanza_bytes));
            }
            let mut input = &rest[..rest.len().min(room)];
            let before = input.len();
            let result = self.xml.parse(&mut input, false);
            let parsed = before - input.len();
            self.next += parsed;
            self.used += parsed;
            let event = match result {
                Ok(Some(event)) => event,
                Ok(None) => return Ok(None),
                Err(EndOrError::NeedMoreData) if self.next == self.buffer.len() => {
                    return Ok(None);
                }
                Err(EndOrError::NeedMoreData) => continue,
                Err(EndOrError::Error(error)) => return Err(error.into()),
            };
            if let Some(event) = self.handle_xml(event)? {
                return Ok(Some(event));
            }
        }
    }

    fn handle_xml(&mut self, event: XmlEvent) -> Result<Option<Event>, StreamError> {
        match event {
            XmlEvent::XmlDeclaration(..) => Ok(None),
            XmlEvent::StartElement(_, name, attributes) => match self.state {
                State::BeforeHeader => self.open(name, attributes).map(Some),
                _ => self.tree.start(name.0, name.1, attributes).map(|()| None),
            },
            XmlEvent::EndElement(_) => {
                if self.tree.is_empty() {
                    self.state = State::Closed;
                    return Ok(Some(Event::StreamClose));
                }
                Ok(self.tree.end().map(Event::Element))
            }
            XmlEvent::Text(_, text) => {
                if self.tree.is_empty() {
                    return Err(text_between());
                }
                self.tree.text(text);
                Ok(None)
            }
        }
    }

    fn open(&mut self, name: QName, attributes: AttrMap) -> Result<Event, StreamError> {
        let (namespace, name) = name;
        if &*namespace != ns::STREAM {
            return Err(StreamError::new(StreamCondition::InvalidNamespace));
        }
        if &*name != "stream" {
            return Err(StreamError::new(StreamCondition::BadFormat)
                .with_text("a stream begins with <stream:stream>"));
        }
        check_names(&self.limits, &name, &attributes)?;
        let mut root = Element::bare("stream", ns::STREAM);
        *root.attrs_mut() = attributes;
        self.state = State::Open;
        self.opened = true;
        Ok(Event::StreamOpen(Header::of(&root)))
    }
}

fn text_between() -> StreamError {
    StreamError::new(StreamCondition::BadFormat).with_text("text between stanzas")
}

/// A strict XML parser whose tokens are no longer than a stanza may be.
pub(super) fn xml_parser(limits: &Limits) -> rxml::Parser {
    rxml::Parser::with_options(Options {
        max_token_length: limits.stanza_bytes,
        ..Options::default()
    })
}
