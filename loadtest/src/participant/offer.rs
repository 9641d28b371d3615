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
    pub(super) fn read(jingle: Jingle) -> Result<Self, OfferError> {
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
    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.remote.candidates.iter().map(|c| c.addr).collect()
    }

    /// Our DTLS role.
    pub(super) fn setup(&self) -> Setup {
        match self.remote.setup {
            Setup::Active => Setup::Passive,
            Setup::Passive | Setup::Actpass => Setup::Active,
        }
    }

    /// session-accept, or transport-accept where the offer replaced a transport.
    pub(super) fn accept(
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
    pub(super) fn local_transport(
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
    pub(super) fn id(&self, extension: Extension) -> Option<u8> {
        self.extensions.id(extension).filter(|id| *id < 15)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use media::dtls::Certificate;
    use rand::SeedableRng;
    use rand::rngs::SmallRng;
    use xmpp::Element;
    use xmpp::source::Source;
    use xmpp::stream::Limits;
    use xmpp::stream::frame::{self, Frame};

    const TRANSPORT: &str = "<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='abcd' pwd='0123456789abcdef012345'>\
         <fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' setup='actpass'>AA:BB</fingerprint>\
         <candidate component='1' foundation='1' generation='0' id='c' ip='192.0.2.1' network='0' port='10000' \
         priority='2130706431' protocol='udp' type='host'/>\
         <candidate component='1' foundation='2' generation='0' id='d' ip='x.local' network='0' port='10000' \
         priority='1' protocol='udp' type='host'/>SCTP</transport>";

    fn jingle(action: &str, change: impl Fn(String) -> String) -> Jingle {
        let transport = TRANSPORT.replace("SCTP", "");
        let sctp = TRANSPORT.replace(
            "SCTP",
            "<sctpmap xmlns='urn:xmpp:jingle:transports:dtls-sctp:1' number='5001' protocol='webrtc-datachannel'/>",
        );
        let text = change(format!(
            "<jingle xmlns='urn:xmpp:jingle:1' action='{action}' sid='s1' initiator='focus@auth.x/f'>\
             <content creator='initiator' name='audio'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'>\
             <payload-type id='111' name='opus' clockrate='48000' channels='2'/>\
             <rtp-hdrext xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0' id='1' uri='urn:ietf:params:rtp-hdrext:ssrc-audio-level'/>\
             </description>{transport}</content>\
             <content creator='initiator' name='video'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='video'>\
             <payload-type id='41' name='AV1' clockrate='90000'/><payload-type id='100' name='VP8' clockrate='90000'/>\
             <payload-type id='42' name='rtx' clockrate='90000'><parameter name='apt' value='41'/></payload-type>\
             <payload-type id='96' name='rtx' clockrate='90000'><parameter name='apt' value='100'/></payload-type>\
             </description>{transport}</content>\
             <content creator='initiator' name='data'>{sctp}</content>\
             <bridge-session xmlns='http://jitsi.org/protocol/focus' id='b1'/></jingle>"
        ));
        match frame::parse(&text, &Limits::SERVICE).unwrap() {
            Frame::Element(element) => Jingle::try_from(&element).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn unchanged(text: String) -> String {
        text
    }

    #[test]
    fn an_offer_gives_all_that_is_needed_to_send_and_receive() {
        let offer = Offer::read(jingle("session-initiate", unchanged)).unwrap();
        let types = |format: &Format| (format.payload_type.value(), format.rtx.map(|p| p.value()));
        assert_eq!(types(&offer.audio), (111, None));
        assert_eq!(types(&offer.video), (100, Some(96)));
        assert_eq!(offer.audio.id(Extension::AudioLevel), Some(1));
        assert_eq!(offer.video.id(Extension::AudioLevel), None);
        // A host name is no address that can be checked.
        assert_eq!(
            offer.addresses(),
            [SocketAddr::from(([192, 0, 2, 1], 10_000))]
        );
        assert_eq!(offer.sctp_port, Some(5001));
        assert_eq!(offer.bridge_session.as_deref(), Some("b1"));
    }

    #[test]
    fn an_offer_that_cannot_be_answered_says_what_it_lacks() {
        let error = |change: fn(String) -> String| {
            Offer::read(jingle("session-initiate", change)).unwrap_err()
        };
        assert_eq!(error(|t| t.replace("VP8", "VP9")), OfferError::Codecs);
        assert_eq!(error(|t| t.replace("ufrag=", "x=")), OfferError::Transport);
    }

    #[test]
    fn we_are_the_dtls_client_unless_the_bridge_is() {
        for (theirs, ours) in [
            ("actpass", Setup::Active),
            ("passive", Setup::Active),
            ("active", Setup::Passive),
        ] {
            let change = |text: String| text.replace("actpass", theirs);
            let offer = Offer::read(jingle("session-initiate", change)).unwrap();
            assert_eq!(offer.setup(), ours, "{theirs}");
        }
    }

    #[test]
    fn the_answer_names_our_sources_and_fits_the_kind_of_offer() {
        let local = IceCredentials::generate(&mut SmallRng::seed_from_u64(1));
        let certificate = Certificate::generate().unwrap();
        let responder = FullJid::new("a@x/y").unwrap();
        let mut sources = EndpointSources::default();
        sources.push(MediaType::Video, Source::new(7).with_name("aa-v0"));
        for (action, expected) in [
            ("session-initiate", Action::SessionAccept),
            ("transport-replace", Action::TransportAccept),
        ] {
            let offer = Offer::read(jingle(action, unchanged)).unwrap();
            let answer = offer.accept(&local, certificate.fingerprint(), &sources, &responder);
            // As the focus reads it.
            let answer = Jingle::try_from(&Element::from(&answer)).unwrap();
            assert_eq!(answer.action, expected);
            assert_eq!(answer.own_sources(), sources);
            let transport = answer.transport().unwrap();
            assert_eq!(transport.ufrag.as_ref(), Some(&local.ufrag));
            let setup = transport.fingerprints[0].setup;
            assert_eq!(setup, Some(jingle::Setup::Active));
        }
    }
}
