//! Stanzas and their parts, as clients, rooms and bridges send them.

use xmpp::jingle::{
    BridgeSession, Candidate, Content, Fingerprint, IceUdpTransport, RtpDescription, Setup,
};
use xmpp::source::{EndpointSources, MediaType, Semantics, Source, SsrcGroup};
use xmpp::stanza::{self, StanzaError};
use xmpp::xml::{ElementExt, element};
use xmpp::{Element, ns};

use super::{Level, ME};

pub(crate) fn real(nick: &str) -> String {
    format!("{nick}@meet.shoal/x")
}

pub(super) fn muc_user(affiliation: &str, role: &str, jid: &str, own: bool) -> Element {
    let mut x = element("x", ns::MUC_USER).with_child(
        element("item", ns::MUC_USER)
            .with_attr("affiliation", affiliation)
            .with_attr("role", role)
            .with_attr("jid", jid),
    );
    if own {
        x.append_child(element("status", ns::MUC_USER).with_attr("code", "110"));
    }
    x
}

pub(super) fn own_presence(room: &str) -> Element {
    element("presence", ns::CLIENT)
        .with_attr("from", format!("{room}/focus"))
        .with_attr("to", ME)
        .with_child(muc_user("owner", "moderator", ME, true))
}

pub(super) fn answer(request: &Element, result: Result<Option<Element>, StanzaError>) -> Element {
    match result {
        Ok(payload) => stanza::iq_result(request, payload),
        Err(error) => stanza::error_reply(request, &error),
    }
}

pub(crate) fn features(level: Level) -> Element {
    let mut vars = vec![
        ns::JINGLE,
        ns::JINGLE_RTP,
        ns::JINGLE_ICE_UDP,
        ns::JINGLE_DTLS,
        ns::JINGLE_RTP_AUDIO,
        ns::JINGLE_RTP_VIDEO,
        ns::feature::RTX,
        ns::feature::REMB,
        ns::feature::TCC,
        ns::feature::SOURCE_NAMES,
    ];
    if level != Level::Plain {
        vars.push(ns::feature::JSON_SOURCES);
    }
    if level == Level::DataChannel {
        vars.push(ns::JINGLE_SCTP);
    }
    if matches!(level, Level::Current | Level::DataChannel) {
        vars.extend([ns::feature::SSRC_REWRITING, ns::feature::RTP_MID_DEMUX]);
    }
    element("query", ns::DISCO_INFO).with_children(
        vars.into_iter()
            .map(|v| element("feature", ns::DISCO_INFO).with_attr("var", v)),
    )
}

pub(super) fn fingerprint(setup: Setup) -> Fingerprint {
    Fingerprint::new("sha-256", ["AB"; 32].join(":"), setup)
}

pub(super) fn bridge_transport(bridge: &str, endpoint: &str) -> IceUdpTransport {
    IceUdpTransport {
        ufrag: Some(format!("u-{bridge}-{endpoint}")),
        pwd: Some("bridge-password-of-24-chars".to_owned()),
        rtcp_mux: true,
        fingerprints: vec![fingerprint(Setup::Actpass)],
        candidates: vec![Candidate {
            component: 1,
            foundation: "1".to_owned(),
            generation: 0,
            id: "x".to_owned(),
            ip: "127.0.0.1".to_owned(),
            network: 0,
            port: 10_000,
            priority: 2_130_706_431,
            protocol: "udp".to_owned(),
            kind: "host".to_owned(),
            rel_addr: None,
            rel_port: None,
            tcptype: None,
        }],
        web_sockets: vec![format!(
            "ws://127.0.0.1:9090/colibri-ws/{bridge}/c/{endpoint}?pwd=x"
        )],
        sctpmap: None,
        ice_generation: None,
    }
}

pub(crate) fn client_transport() -> IceUdpTransport {
    IceUdpTransport {
        ufrag: Some("abcd".to_owned()),
        pwd: Some("0123456789abcdef01234567".to_owned()),
        rtcp_mux: true,
        fingerprints: vec![fingerprint(Setup::Active)],
        ..IceUdpTransport::default()
    }
}

/// Audio, and video with three layers and retransmission, on SSRCs from `first` on.
pub(crate) fn sources(nick: &str, first: u32) -> EndpointSources {
    let source = |ssrc: u32, kind: &str| {
        let name = format!("{nick}-{kind}0");
        Source::new(ssrc)
            .with_msid(format!("{name}-1 track"))
            .with_name(name)
    };
    let v = first + 10;
    EndpointSources {
        audio: vec![source(first, "a")],
        video: (v..v + 6).map(|ssrc| source(ssrc, "v")).collect(),
        audio_groups: Vec::new(),
        video_groups: vec![
            SsrcGroup::new(Semantics::Sim, [v, v + 2, v + 4]),
            SsrcGroup::new(Semantics::Fid, [v, v + 1]),
            SsrcGroup::new(Semantics::Fid, [v + 2, v + 3]),
            SsrcGroup::new(Semantics::Fid, [v + 4, v + 5]),
        ],
    }
}

/// A client's contents with its sources.
pub(crate) fn contents(sources: &EndpointSources) -> Vec<Content> {
    [MediaType::Audio, MediaType::Video]
        .into_iter()
        .filter(|media| !sources.of(*media).is_empty())
        .map(|media| {
            let mut description = RtpDescription::new(media);
            description.sources = sources.of(media).iter().cloned().map(Into::into).collect();
            description.ssrc_groups = sources.groups_of(media).to_vec();
            let mut content = Content::new(media.as_str());
            content.description = Some(description);
            content
        })
        .collect()
}

pub(crate) fn bridge_session(id: &str) -> BridgeSession {
    BridgeSession {
        id: Some(id.to_owned()),
        ..BridgeSession::default()
    }
}
