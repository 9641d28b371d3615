//! External service discovery (XEP-0215): STUN and TURN servers.

use crate::xml::{ElementExt, ParseError, element};
use crate::{Element, ns};

/// The largest accepted number of services.
const MAX_SERVICES: usize = 64;

/// A server beside XMPP, for instance TURN (XEP-0215).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Service {
    /// `stun`, `turn`, `turns`.
    pub kind: String,
    /// Host name or address.
    pub host: String,
    /// The default of the type where it is left out.
    pub port: Option<u16>,
    /// `udp` or `tcp`.
    pub transport: Option<String>,
    /// User name.
    pub username: Option<String>,
    /// Of the account in `username`; for TURN it is made for the moment.
    pub password: Option<String>,
    /// When the credentials end (XEP-0082).
    pub expires: Option<String>,
    /// Whether credentials are needed.
    pub restricted: Option<bool>,
}

impl std::fmt::Debug for Service {
    /// Leaves out the credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let port = self.port.unwrap_or_default();
        write!(f, "Service({}:{}:{port})", self.kind, self.host)
    }
}

/// The content of an answer, or a question for services of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Services {
    /// Kind that is asked for; absent: all.
    pub kind: Option<String>,
    /// In the order of the answer.
    pub services: Vec<Service>,
}

/// Whether the payload asks for services or answers.
pub fn is_services(payload: &Element) -> bool {
    payload.is("services", ns::EXTDISCO)
}

impl TryFrom<&Element> for Services {
    type Error = ParseError;

    fn try_from(services: &Element) -> Result<Self, ParseError> {
        services.expect_is("services", ns::EXTDISCO)?;
        Ok(Self {
            kind: services.optional("type"),
            services: services.views("service", ns::EXTDISCO, MAX_SERVICES)?,
        })
    }
}

impl From<&Services> for Element {
    fn from(services: &Services) -> Self {
        element("services", ns::EXTDISCO)
            .with_opt("type", services.kind.as_deref())
            .with_children(&services.services)
    }
}

impl TryFrom<&Element> for Service {
    type Error = ParseError;

    fn try_from(service: &Element) -> Result<Self, ParseError> {
        service.expect_is("service", ns::EXTDISCO)?;
        Ok(Self {
            kind: service.required("type")?.to_owned(),
            host: service.required("host")?.to_owned(),
            port: service.optional_as("port")?,
            transport: service.optional("transport"),
            username: service.optional("username"),
            password: service.optional("password"),
            expires: service.optional("expires"),
            restricted: service.flag("restricted")?,
        })
    }
}

impl From<&Service> for Element {
    fn from(service: &Service) -> Self {
        element("service", ns::EXTDISCO)
            .with_attr("type", &service.kind)
            .with_attr("host", &service.host)
            .with_opt("port", service.port)
            .with_opt("transport", service.transport.as_deref())
            .with_opt("username", service.username.as_deref())
            .with_opt("password", service.password.as_deref())
            .with_opt("expires", service.expires.as_deref())
            .with_opt("restricted", service.restricted.map(u8::from))
    }
}
