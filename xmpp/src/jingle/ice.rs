//! The ICE transport (XEP-0176) with DTLS fingerprints (XEP-0320), SCTP (XEP-0343) and the URL of
//! the bridge channel.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::xml::{ElementExt, ParseError, element};
use crate::{Element, ns};

/// The largest accepted numbers of children.
const MAX_CANDIDATES: usize = 128;
const MAX_FINGERPRINTS: usize = 8;
const MAX_WEB_SOCKETS: usize = 16;

/// A `<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1'/>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IceUdpTransport {
    /// ICE user name fragment (RFC 8445).
    pub ufrag: Option<String>,
    /// ICE password.
    pub pwd: Option<String>,
    /// RTP and RTCP share one port.
    pub rtcp_mux: bool,
    /// DTLS fingerprints.
    pub fingerprints: Vec<Fingerprint>,
    /// More may follow in `transport-info`.
    pub candidates: Vec<Candidate>,
    /// URLs of the bridge channel.
    pub web_sockets: Vec<String>,
    /// SCTP over DTLS.
    pub sctpmap: Option<SctpMap>,
    /// Which restart of ICE the credentials belong to, 1 and up; absent outside a restart.
    pub ice_generation: Option<u32>,
}

impl TryFrom<&Element> for IceUdpTransport {
    type Error = ParseError;

    fn try_from(transport: &Element) -> Result<Self, ParseError> {
        transport.expect_is("transport", ns::JINGLE_ICE_UDP)?;
        let mut web_sockets = Vec::new();
        for socket in transport.children_named("web-socket", ns::COLIBRI) {
            if web_sockets.len() == MAX_WEB_SOCKETS {
                return Err(ParseError::TooMany {
                    element: "transport".to_owned(),
                    child: "web-socket",
                    limit: MAX_WEB_SOCKETS,
                });
            }
            web_sockets.push(socket.required("url")?.to_owned());
        }
        Ok(Self {
            ufrag: transport.optional("ufrag"),
            pwd: transport.optional("pwd"),
            // Jicofo and clients write it in the transport's namespace or in the RTP one.
            rtcp_mux: transport.children().any(|child| child.name() == "rtcp-mux"),
            fingerprints: transport.views("fingerprint", ns::JINGLE_DTLS, MAX_FINGERPRINTS)?,
            candidates: transport.views("candidate", ns::JINGLE_ICE_UDP, MAX_CANDIDATES)?,
            web_sockets,
            sctpmap: transport.view("sctpmap", ns::JINGLE_SCTP)?,
            ice_generation: transport.optional_as("ice-generation")?,
        })
    }
}

impl From<&IceUdpTransport> for Element {
    fn from(transport: &IceUdpTransport) -> Self {
        let mut out = element("transport", ns::JINGLE_ICE_UDP)
            .with_opt("ufrag", transport.ufrag.as_deref())
            .with_opt("pwd", transport.pwd.as_deref())
            .with_opt("ice-generation", transport.ice_generation)
            .with_children(
                transport
                    .web_sockets
                    .iter()
                    .map(|url| element("web-socket", ns::COLIBRI).with_attr("url", url)),
            );
        if transport.rtcp_mux {
            out.append_child(element("rtcp-mux", ns::JINGLE_ICE_UDP));
        }
        out.with_children(&transport.fingerprints)
            .with_children(&transport.candidates)
            .with_children(&transport.sctpmap)
    }
}

/// DTLS role (RFC 4145, RFC 5763).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Setup {
    /// Either; the answerer chooses.
    Actpass,
    /// DTLS client.
    Active,
    /// DTLS server.
    Passive,
    /// Keeps the connection that is there.
    Holdconn,
}

impl Setup {
    /// The value on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Actpass => "actpass",
            Self::Active => "active",
            Self::Passive => "passive",
            Self::Holdconn => "holdconn",
        }
    }
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Setup {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Ok(match text {
            "actpass" => Self::Actpass,
            "active" => Self::Active,
            "passive" => Self::Passive,
            "holdconn" => Self::Holdconn,
            _ => return Err(()),
        })
    }
}

/// A `<fingerprint/>` of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// Hash function: `sha-256`, ….
    pub hash: String,
    /// DTLS role.
    pub setup: Option<Setup>,
    /// Upper-case hexadecimal bytes, separated by colons.
    pub value: String,
    /// Jitsi's `required`.
    pub required: Option<bool>,
    /// Encrypted header extensions are offered (RFC 9335).
    pub cryptex: Option<bool>,
}

impl Fingerprint {
    /// A fingerprint with hash, value and role.
    pub fn new(hash: impl Into<String>, value: impl Into<String>, setup: Setup) -> Self {
        Self {
            hash: hash.into(),
            setup: Some(setup),
            value: value.into(),
            required: None,
            cryptex: None,
        }
    }

    /// The value as bytes; `None` if it is not pairs of hexadecimal digits separated by colons.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        self.value
            .split(':')
            .map(|pair| match pair.as_bytes() {
                [high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                    u8::from_str_radix(pair, 16).ok()
                }
                _ => None,
            })
            .collect()
    }
}

impl TryFrom<&Element> for Fingerprint {
    type Error = ParseError;

    fn try_from(fingerprint: &Element) -> Result<Self, ParseError> {
        fingerprint.expect_is("fingerprint", ns::JINGLE_DTLS)?;
        let out = Self {
            hash: fingerprint.required("hash")?.to_owned(),
            setup: fingerprint.optional_as("setup")?,
            value: fingerprint.text().trim().to_owned(),
            required: fingerprint.flag("required")?,
            cryptex: fingerprint.flag("cryptex")?,
        };
        if out.bytes().is_none() {
            return Err(ParseError::content(fingerprint, "not hexadecimal bytes"));
        }
        Ok(out)
    }
}

impl From<&Fingerprint> for Element {
    fn from(fingerprint: &Fingerprint) -> Self {
        element("fingerprint", ns::JINGLE_DTLS)
            .with_attr("hash", &fingerprint.hash)
            .with_opt("setup", fingerprint.setup)
            .with_opt("required", fingerprint.required)
            .with_opt("cryptex", fingerprint.cryptex)
            .with_text(&fingerprint.value)
    }
}

/// A `<candidate/>`. The address may be a name (mDNS), which [`Candidate::address`] does not
/// resolve: a receiver skips it and learns the peer from its checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Component: 1 RTP, 2 RTCP.
    pub component: u8,
    /// Foundation (RFC 8445 §5.1.1.3).
    pub foundation: String,
    /// Generation, 0 unless the sender counts restarts here.
    pub generation: u32,
    /// Id that is unique in the session.
    pub id: String,
    /// Address, or a name.
    pub ip: String,
    /// Network interface index.
    pub network: u32,
    /// Port. 9 for active TCP candidates.
    pub port: u16,
    /// Priority (RFC 8445 §5.1.2).
    pub priority: u32,
    /// `udp`, `tcp`, `ssltcp`; letters in either case mean the same.
    pub protocol: String,
    /// `host`, `srflx`, `prflx`, `relay`.
    pub kind: String,
    /// Related address.
    pub rel_addr: Option<String>,
    /// Related port.
    pub rel_port: Option<u16>,
    /// `active`, `passive`, `so` for TCP (RFC 6544).
    pub tcptype: Option<String>,
}

impl Candidate {
    /// The address, unless it is a name.
    pub fn address(&self) -> Option<IpAddr> {
        self.ip.parse().ok()
    }

    /// Whether the protocol is UDP.
    pub fn is_udp(&self) -> bool {
        self.protocol.eq_ignore_ascii_case("udp")
    }
}

impl TryFrom<&Element> for Candidate {
    type Error = ParseError;

    fn try_from(candidate: &Element) -> Result<Self, ParseError> {
        candidate.expect_is("candidate", ns::JINGLE_ICE_UDP)?;
        Ok(Self {
            component: candidate.optional_as("component")?.unwrap_or(1),
            foundation: candidate.attr("foundation").unwrap_or("0").to_owned(),
            generation: candidate.optional_as("generation")?.unwrap_or(0),
            id: candidate.attr("id").unwrap_or_default().to_owned(),
            ip: candidate.required("ip")?.to_owned(),
            network: candidate.optional_as("network")?.unwrap_or(0),
            port: candidate.required_as("port")?,
            priority: candidate.required_as("priority")?,
            protocol: candidate.required("protocol")?.to_owned(),
            kind: candidate.attr("type").unwrap_or("host").to_owned(),
            rel_addr: candidate.optional("rel-addr"),
            rel_port: candidate.optional_as("rel-port")?,
            tcptype: candidate.optional("tcptype"),
        })
    }
}

impl From<&Candidate> for Element {
    fn from(candidate: &Candidate) -> Self {
        element("candidate", ns::JINGLE_ICE_UDP)
            .with_attr("component", candidate.component)
            .with_attr("foundation", &candidate.foundation)
            .with_attr("generation", candidate.generation)
            .with_attr("id", &candidate.id)
            .with_attr("ip", &candidate.ip)
            .with_attr("network", candidate.network)
            .with_attr("port", candidate.port)
            .with_attr("priority", candidate.priority)
            .with_attr("protocol", &candidate.protocol)
            .with_attr("type", &candidate.kind)
            .with_opt("rel-addr", candidate.rel_addr.as_deref())
            .with_opt("rel-port", candidate.rel_port)
            .with_opt("tcptype", candidate.tcptype.as_deref())
    }
}

/// A `<sctpmap/>`: the port of SCTP inside DTLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SctpMap {
    /// SCTP port, usually 5000.
    pub number: u16,
    /// `webrtc-datachannel`.
    pub protocol: String,
    /// Number of streams.
    pub streams: Option<u16>,
}

impl TryFrom<&Element> for SctpMap {
    type Error = ParseError;

    fn try_from(map: &Element) -> Result<Self, ParseError> {
        map.expect_is("sctpmap", ns::JINGLE_SCTP)?;
        Ok(Self {
            number: map.required_as("number")?,
            protocol: map
                .attr("protocol")
                .unwrap_or("webrtc-datachannel")
                .to_owned(),
            streams: map.optional_as("streams")?,
        })
    }
}

impl From<&SctpMap> for Element {
    fn from(map: &SctpMap) -> Self {
        element("sctpmap", ns::JINGLE_SCTP)
            .with_attr("number", map.number)
            .with_attr("protocol", &map.protocol)
            .with_opt("streams", map.streams)
    }
}
