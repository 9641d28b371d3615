//! The XMPP and Jitsi vocabulary of Shoal: everything that crosses a wire as XML, and the JSON of
//! the bridge channel.
//!
//! Layer: below `signalling`, `focus` and `bridge`, which meet only through it. The universal type
//! is [`Element`]; parts route elements and take a typed view only of what they handle. A typed
//! view is `TryFrom<&Element>` (the error names the element and attribute at fault) and
//! `From<&View> for Element`.
//!
//! | module | holds |
//! | --- | --- |
//! | [`xml`] | reading and building elements; [`xml::ParseError`] |
//! | [`stanza`] | IQ, message and presence builders; stanza errors (RFC 6120 §8) |
//! | [`stream`] | sans-IO TCP stream parser, serialiser, WebSocket frames, BOSH bodies |
//! | [`sasl`], [`sm`] | authentication; stream management counters (XEP-0198) |
//! | [`disco`], [`muc`], [`dataform`], [`extdisco`], [`ping`], [`version`] | the XEPs a meeting needs |
//! | [`conference`], [`mute`], [`presence`], [`json_message`] | Jitsi between client and focus |
//! | [`hosts`] | focus and server: who may open rooms |
//! | [`jingle`], [`source`] | sessions and their media sources |
//! | [`colibri2`], [`healthcheck`], [`brewery`] | focus and bridge |
//! | [`bridge_channel`], [`lenient`] | client and bridge (JSON) |
//! | [`room_name`] | the room that a link or a typed name means |
//! | [`client`] | a reconnecting client (feature `client`) |
//!
//! All but [`client`] is pure: no sockets, clocks, tasks; randomness only in
//! [`stanza::new_id`] and the SASL nonce.
//!
//! Deliberately absent: rosters, message archives, server-to-server streams, compression,
//! XML comments, processing instructions, DTDs and entities (RFC 6120 §11.1).

pub mod brewery;
pub mod bridge_channel;
#[cfg(feature = "client")]
pub mod client;
pub mod colibri2;
pub mod conference;
pub mod dataform;
pub mod disco;
pub mod extdisco;
pub mod healthcheck;
pub mod hosts;
pub mod jingle;
pub mod json_message;
pub mod lenient;
#[cfg(feature = "client")]
pub mod muc;
pub mod mute;
pub mod ns;
pub mod ping;
pub mod presence;
pub mod room_name;
pub mod sasl;
pub mod sm;
pub mod source;
pub mod stanza;
pub mod stream;
pub mod version;
pub mod xml;

pub use jid::{BareJid, FullJid, Jid};
pub use minidom::Element;
pub use xml::{ElementExt, ParseError};
