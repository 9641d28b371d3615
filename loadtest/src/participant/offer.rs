//! What a participant takes from an offer of the focus, and its answer (XEP-0166, XEP-0176).

use std::net::SocketAddr;

use media::dtls::Fingerprint;
use media::ice::{IceCredentials, RemoteCandidate};
use media::rtp::{Extension, ExtensionMap};
use media::transport::{RemoteTransport, Setup};
use media::units::PayloadType;
use xmpp::FullJid;
use xmpp::jingle::{self, Action, Content, Creator, IceUdpTransport, Jingle, Senders};
use xmpp::source::{ConferenceSources, EndpointSources, MediaType};

/// Why an offer cannot be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum OfferError {
    #[error("the offer has no transport with ufrag, pwd and fingerprint")]
    Transport,
    #[error("the offer has neither Opus nor VP8")]
    Codecs,
}

/// How one kind of media is sent and received.
#[derive(Clone, Debug)]
pub(super) struct Format {
    /// Payload type of the codec.
    pub payload_type: PayloadType,
    /// Payload type of its retransmission.
    pub rtx: Option<PayloadType>,
    /// Ids of header extensions.
    pub extensions: ExtensionMap,
}

/// An offer, read.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    /// The offer as it came, for the answer.
    jingle: Jingle,
    pub sid: String,
    pub bridge_session: Option<String>,
    pub remote: RemoteTransport,
    pub audio: Format,
    pub video: Format,
    /// Port of SCTP where the bridge has a data channel.
    pub sctp_port: Option<u16>,
    /// Sources of the others; without any, the bridge names them on the bridge channel.
    pub sources: ConferenceSources,
}

impl Offer {
    pub fn read(jingle: Jingle) -> Result<Self, OfferError> {
        let transport = jingle.transport().ok_or(OfferError::Transport)?;
        Ok(Self {
            sid: jingle.sid.clone(),
            bridge_session: jingle.bridge_session.as_ref().and_then(|s| s.id.clone()),
            remote: remote(transport).ok_or(OfferError::Transport)?,
            audio: format(&jingle, "audio", "opus").ok_or(OfferError::Codecs)?,
            video: format(&jingle, "video", "VP8").ok_or(OfferError::Codecs)?,
            sctp_port: jingle.content("data").map(|data| {
                let map = data.transport.as_ref().and_then(|t| t.sctpmap.as_ref());
                map.map_or(5000, |map| map.number)
            }),
            sources: jingle.sources(),
            jingle,
        })
    }

    /// Addresses that the bridge can be reached at.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.remote.candidates.iter().map(|c| c.addr).collect()
    }

    /// Our DTLS role.
    pub fn setup(&self) -> Setup {
        match self.remote.setup {
            Setup::Active => Setup::Passive,
            Setup::Passive | Setup::Actpass => Setup::Active,
        }
    }

    /// session-accept, or transport-accept where the offer replaced a transport.
    pub fn accept(
        &self,
        local: &IceCredentials,
        fingerprint: &Fingerprint,
        sources: &EndpointSources,
        responder: &FullJid,
    ) -> Jingle {
        let action = match self.jingle.action {
            Action::TransportReplace => Action::TransportAccept,
            _ => Action::SessionAccept,
        };
        let mut answer = Jingle::new(action, &self.sid);
        answer.initiator.clone_from(&self.jingle.initiator);
        answer.responder = Some(responder.to_string());
        let transport = self.local_transport(local, fingerprint);
        answer.contents = [MediaType::Audio, MediaType::Video]
            .into_iter()
            .filter_map(|media| {
                let offered = self.jingle.content(media.as_str())?;
                let mut description = offered.description.clone()?;
                description.sources = sources.of(media).iter().cloned().map(Into::into).collect();
                description.ssrc_groups = sources.groups_of(media).to_vec();
                let mut content = Content::new(media.as_str());
                content.creator = Creator::Responder;
                content.senders = Some(Senders::Both);
                content.description = Some(description);
                content.transport = Some(transport.clone());
                Some(content)
            })
            .collect();
        answer.groups.clone_from(&self.jingle.groups);
        answer
    }

    /// Our end of the transport as it is signalled.
    pub fn local_transport(
        &self,
        local: &IceCredentials,
        fingerprint: &Fingerprint,
    ) -> IceUdpTransport {
        let setup = match self.setup() {
            Setup::Passive => jingle::Setup::Passive,
            Setup::Active | Setup::Actpass => jingle::Setup::Active,
        };
        IceUdpTransport {
            ufrag: Some(local.ufrag.clone()),
            pwd: Some(local.pwd.clone()),
            rtcp_mux: true,
            fingerprints: vec![jingle::Fingerprint::new(
                &fingerprint.hash,
                &fingerprint.value,
                setup,
            )],
            ..IceUdpTransport::default()
        }
    }
}

/// The bridge's end of a transport; `None` where something is missing.
fn remote(transport: &IceUdpTransport) -> Option<RemoteTransport> {
    let print = transport.fingerprints.first()?;
    Some(RemoteTransport {
        credentials: credentials(transport)?,
        candidates: candidates(transport),
        fingerprints: vec![Fingerprint {
            hash: print.hash.clone(),
            value: print.value.clone(),
        }],
        setup: match print.setup {
            Some(jingle::Setup::Active) => Setup::Active,
            Some(jingle::Setup::Passive) => Setup::Passive,
            _ => Setup::Actpass,
        },
    })
}

/// ICE credentials of a signalled transport.
pub(super) fn credentials(transport: &IceUdpTransport) -> Option<IceCredentials> {
    Some(IceCredentials {
        ufrag: transport.ufrag.clone()?,
        pwd: transport.pwd.clone()?,
    })
}

/// Candidates that can be checked from a UDP socket.
pub(super) fn candidates(transport: &IceUdpTransport) -> Vec<RemoteCandidate> {
    let read = |c: &jingle::Candidate| {
        RemoteCandidate::from_signalling(&c.ip, c.port, &c.protocol, &c.kind, c.priority)
    };
    transport.candidates.iter().filter_map(read).collect()
}

fn format(jingle: &Jingle, content: &str, codec: &str) -> Option<Format> {
    let description = jingle.content(content)?.description.as_ref()?;
    let types = &description.payload_types;
    let chosen = types.iter().find(|p| p.name.eq_ignore_ascii_case(codec))?;
    let apt = chosen.id.to_string();
    let rtx = types
        .iter()
        .find(|p| p.name.eq_ignore_ascii_case("rtx") && p.parameter("apt") == Some(apt.as_str()));
    let mut extensions = ExtensionMap::new();
    for extension in &description.hdrexts {
        // One that is not known here is not used.
        let _ = extensions.insert_uri(&extension.uri, extension.id);
    }
    Some(Format {
        payload_type: PayloadType::new(chosen.id)?,
        rtx: rtx.and_then(|rtx| PayloadType::new(rtx.id)),
        extensions,
    })
}

impl Format {
    /// Id of an extension, where it fits the one-byte form (RFC 8285 §4.2).
    pub fn id(&self, extension: Extension) -> Option<u8> {
        self.extensions.id(extension).filter(|id| *id < 15)
    }
}
