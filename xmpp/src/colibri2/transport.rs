//! Transports of endpoints and relays.

use crate::jingle::IceUdpTransport;
use crate::xml::{ElementExt, ParseError, element};
use crate::{Element, ns};

/// A `<transport xmlns='jitsi:colibri2'/>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transport {
    /// The bridge has the controlling role of ICE; Jicofo asks for it always.
    pub ice_controlling: bool,
    /// Restart ICE in place.
    pub ice_restart: bool,
    /// The bridge binds a port of its own; for the initiating side of relays.
    pub use_unique_port: bool,
    /// The peer's transport in a request, the bridge's in an answer.
    pub ice: Option<IceUdpTransport>,
    /// A data channel is wanted.
    pub sctp: Option<Sctp>,
}

impl TryFrom<&Element> for Transport {
    type Error = ParseError;

    fn try_from(transport: &Element) -> Result<Self, ParseError> {
        transport.expect_is("transport", ns::COLIBRI2)?;
        Ok(Self {
            ice_controlling: transport.flag("ice-controlling")?.unwrap_or(false),
            ice_restart: transport.flag("ice-restart")?.unwrap_or(false),
            use_unique_port: transport.flag("use-unique-port")?.unwrap_or(false),
            ice: transport.view("transport", ns::JINGLE_ICE_UDP)?,
            sctp: transport.view("sctp", ns::COLIBRI2)?,
        })
    }
}

impl From<&Transport> for Element {
    fn from(transport: &Transport) -> Self {
        element("transport", ns::COLIBRI2)
            .with_flag("ice-controlling", transport.ice_controlling)
            .with_flag("ice-restart", transport.ice_restart)
            .with_flag("use-unique-port", transport.use_unique_port)
            .with_children(&transport.ice)
            .with_children(&transport.sctp)
    }
}

/// Which side opens the SCTP association.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SctpRole {
    /// The bridge opens it.
    Client,
    /// The peer opens it.
    Server,
}

/// A `<sctp/>`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sctp {
    /// The bridge's role; absent: the bridge chooses (server).
    pub role: Option<SctpRole>,
    /// SCTP port; absent: 5000.
    pub port: Option<u16>,
}

impl TryFrom<&Element> for Sctp {
    type Error = ParseError;

    fn try_from(sctp: &Element) -> Result<Self, ParseError> {
        sctp.expect_is("sctp", ns::COLIBRI2)?;
        let role = match sctp.attr("role") {
            None => None,
            Some("client") => Some(SctpRole::Client),
            Some("server") => Some(SctpRole::Server),
            Some(_) => return Err(ParseError::invalid(sctp, "role")),
        };
        Ok(Self {
            role,
            port: sctp.optional_as("port")?,
        })
    }
}

impl From<&Sctp> for Element {
    fn from(sctp: &Sctp) -> Self {
        let role = sctp.role.map(|role| match role {
            SctpRole::Client => "client",
            SctpRole::Server => "server",
        });
        element("sctp", ns::COLIBRI2)
            .with_opt("role", role)
            .with_opt("port", sctp.port)
    }
}
