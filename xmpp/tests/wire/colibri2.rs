//! Colibri2 between focus and bridge, in the shapes that Jicofo and the Videobridge exchange.

use xmpp::colibri2::{
    Colibri2Error, ConferenceModified, ConferenceModify, Endpoint, ErrorReason, ForceMute,
    MediaSource, SctpRole, capability,
};
use xmpp::jingle::Setup;
use xmpp::source::{EndpointSources, MediaType, Semantics, Source, SsrcGroup};
use xmpp::stanza::{Condition, StanzaError};
use xmpp::{Element, ns};

use crate::{error_of, round_trip, xml};

#[test]
fn a_request_that_creates_a_conference_with_an_endpoint_is_read() {
    let modify: ConferenceModify = round_trip(
        "<conference-modify xmlns='jitsi:colibri2' meeting-id='c00be3d2' name='mig@conference.lab' \
         rtcstats-enabled='false' create='true'><traceparent xmlns='jitsi:opentelemetry' \
         trace_id='0'/><endpoint stats-id='Probe-m0' create='true' id='rvng2arr' muc-role='visitor' \
         diarize='true'><media type='video'><payload-type xmlns='urn:xmpp:jingle:apps:rtp:1' \
         name='AV1' clockrate='90000' id='41'><rtcp-fb xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' \
         subtype='fir' type='ccm'/></payload-type><rtp-hdrext \
         xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0' uri='urn:ietf:params:rtp-hdrext:sdes:mid' \
         id='10'/><extmap-allow-mixed xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0'/></media>\
         <media type='audio'><payload-type xmlns='urn:xmpp:jingle:apps:rtp:1' name='opus' \
         channels='2' clockrate='48000' id='111'/></media><transport ice-controlling='true'>\
         <sctp role='server' port='5000'/></transport><sources/><force-mute audio='true' \
         video='false'/><initial-last-n value='-1'/><capability name='source-names'/>\
         <capability name='ssrc-rewriting'/></endpoint></conference-modify>",
    );
    assert!(modify.create && !modify.expire);
    assert_eq!(modify.rtcstats_enabled, Some(false));
    let endpoint = &modify.endpoints[0];
    assert!(endpoint.create && endpoint.diarize && endpoint.is_visitor());
    assert!(endpoint.has_capability(capability::SSRC_REWRITING));
    assert!(!endpoint.has_capability(capability::RTP_MID_DEMUX));
    assert_eq!(endpoint.media[0].payload_types[0].name, "AV1");
    assert!(endpoint.media[0].extmap_allow_mixed && !endpoint.media[1].extmap_allow_mixed);
    let transport = endpoint.transport.as_ref().unwrap();
    assert!(transport.ice_controlling && transport.ice.is_none());
    assert_eq!(transport.sctp.unwrap().role, Some(SctpRole::Server));
    assert_eq!(endpoint.sources.as_deref(), Some(&[][..]));
    assert_eq!(endpoint.initial_last_n, Some(-1));
    let mute = ForceMute {
        audio: Some(true),
        video: Some(false),
    };
    assert_eq!(endpoint.force_mute, Some(mute));
}

#[test]
fn an_answer_of_the_bridge_is_read() {
    let modified: ConferenceModified = round_trip(
        "<conference-modified xmlns='jitsi:colibri2'><endpoint xmlns='jitsi:colibri2' id='rvng2arr'>\
         <transport><transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' pwd='3tjim7' \
         ufrag='bfii71'><rtcp-mux/><fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' \
         setup='actpass' hash='sha-256'>6F:AB</fingerprint><web-socket \
         xmlns='http://jitsi.org/protocol/colibri' url='ws://127.0.0.1/colibri-ws/jvb1/63/r?pwd=6'/>\
         <candidate component='1' foundation='1' generation='0' id='2c' network='0' \
         priority='2130706431' protocol='udp' type='host' ip='127.0.0.1' port='12001'/></transport>\
         </transport></endpoint><sources xmlns='jitsi:colibri2'><media-source type='audio' \
         id='jvb-a0'><source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='2319398596' \
         name='jvb-a0'/></media-source></sources></conference-modified>",
    );
    let ice = modified.endpoints[0]
        .transport
        .as_ref()
        .unwrap()
        .ice
        .as_ref()
        .unwrap();
    assert_eq!(ice.ufrag.as_deref(), Some("bfii71"));
    assert_eq!(ice.fingerprints[0].setup, Some(Setup::Actpass));
    assert_eq!(ice.candidates[0].port, 12001);
    let sources = modified.sources.unwrap();
    assert_eq!(
        (sources[0].id.as_str(), sources[0].media_type),
        ("jvb-a0", MediaType::Audio)
    );

    let empty: ConferenceModified = round_trip("<conference-modified xmlns='jitsi:colibri2'/>");
    assert_eq!(empty, ConferenceModified::default());
    let expired: ConferenceModified = round_trip(
        "<conference-modified xmlns='jitsi:colibri2'><endpoint id='e' expire='true'/>\
         </conference-modified>",
    );
    assert!(expired.endpoints[0].expire);
}

#[test]
fn an_update_carries_transport_and_sources() {
    let modify: ConferenceModify = round_trip(
        "<conference-modify xmlns='jitsi:colibri2' meeting-id='m'><endpoint stats-id='p' id='e'>\
         <transport><transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' pwd='0123' ufrag='abcd'>\
         <rtcp-mux/></transport></transport><sources><media-source type='video' id='e-v0' \
         synthetic='true'><source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' name='e-v0' ssrc='1010'/>\
         <source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' name='e-v0' ssrc='1011'/><ssrc-group \
         xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' semantics='FID'><source ssrc='1010'/>\
         <source ssrc='1011'/></ssrc-group></media-source></sources></endpoint></conference-modify>",
    );
    let source = &modify.endpoints[0].sources.as_ref().unwrap()[0];
    assert!(source.synthetic);
    assert_eq!(source.sources[1], Source::new(1011).with_name("e-v0"));
    assert_eq!(
        source.ssrc_groups,
        [SsrcGroup::new(Semantics::Fid, [1010, 1011])]
    );
}

#[test]
fn relays_are_read() {
    let modify: ConferenceModify = round_trip(
        "<conference-modify xmlns='jitsi:colibri2' meeting-id='m'><relay mesh-id='0' create='true' \
         id='jvb2'><media type='audio'/><transport ice-controlling='true' use-unique-port='true'/>\
         <endpoints><endpoint stats-id='Probe-m1' create='true' id='9agp'><sources/>\
         <capability name='source-names'/></endpoint></endpoints></relay>\
         <relay id='jvb3' expire='true'/></conference-modify>",
    );
    let relay = &modify.relays[0];
    assert_eq!(relay.mesh_id.as_deref(), Some("0"));
    assert!(relay.transport.as_ref().unwrap().use_unique_port);
    assert_eq!(relay.endpoints.as_ref().unwrap()[0].id, "9agp");
    assert!(modify.relays[1].expire && modify.relays[1].endpoints.is_none());
}

#[test]
fn ice_restarts_and_media_exports_are_read() {
    let restart: ConferenceModify = round_trip(
        "<conference-modify xmlns='jitsi:colibri2' meeting-id='m'><endpoint id='e'>\
         <transport ice-restart='true'/></endpoint></conference-modify>",
    );
    assert!(restart.endpoints[0].transport.as_ref().unwrap().ice_restart);
    let connect: ConferenceModify = round_trip(
        "<conference-modify xmlns='jitsi:colibri2' meeting-id='m'><connects><connect id='1' \
         url='wss://t/x' protocol='mediajson' type='transcriber' audio='true' create='true'>\
         <http-header name='Authorization' value='secret'/><ping interval='10000' timeout='5000'/>\
         <exports><export name='e-a0'/></exports><requests><request name='e-a0.hi'/></requests>\
         </connect></connects></conference-modify>",
    );
    let connect = &connect.connects.unwrap()[0];
    assert_eq!(connect.ping, Some((10_000, 5_000)));
    assert_eq!(connect.exports.as_deref(), Some(&["e-a0".to_owned()][..]));
    assert!(!format!("{connect:?}").contains("secret"));
}

#[test]
fn media_sources_are_grouped_by_source_name() {
    let sources = EndpointSources {
        audio: vec![Source::new(1).with_name("e-a0")],
        video: vec![
            Source::new(10).with_name("e-v0"),
            Source::new(20).with_name("e-v1"),
            Source::new(11).with_name("e-v0"),
            Source::new(30),
        ],
        audio_groups: Vec::new(),
        video_groups: vec![
            SsrcGroup::new(Semantics::Fid, [10, 11]),
            SsrcGroup::new(Semantics::Fid, [99, 98]),
        ],
    };
    let media = MediaSource::from_sources("e", &sources);
    let ids: Vec<_> = media
        .iter()
        .map(|m| (m.id.as_str(), m.sources.len()))
        .collect();
    assert_eq!(ids, [("e-a0", 1), ("e-v0", 3), ("e-v1", 1)]);
    assert_eq!(media[1].ssrc_groups.len(), 1);
}

#[test]
fn errors_of_the_bridge_say_what_is_lost() {
    for (reason, condition) in [
        (ErrorReason::ConferenceNotFound, Condition::ItemNotFound),
        (ErrorReason::UnknownEndpoint, Condition::ItemNotFound),
        (ErrorReason::ConferenceAlreadyExists, Condition::Conflict),
        (ErrorReason::GracefulShutdown, Condition::ServiceUnavailable),
        (
            ErrorReason::FeatureNotImplemented,
            Condition::FeatureNotImplemented,
        ),
        (ErrorReason::Unspecified, Condition::BadRequest),
    ] {
        let error = Colibri2Error::new(reason);
        let stanza = error.clone().into_stanza_error("why");
        assert_eq!(stanza.condition, condition);
        let wire = StanzaError::try_from(&Element::from(&stanza)).unwrap();
        assert_eq!(Colibri2Error::of(&wire), Some(error));
    }
    let unknown = Colibri2Error::unknown_endpoint("e1").into_stanza_error("x");
    let wire = Element::from(&unknown);
    let inner = wire.get_child("error", ns::COLIBRI2).unwrap();
    assert_eq!(inner.attr("reason"), Some("unknown_endpoint"));
    assert_eq!(
        inner
            .get_child("endpoint", ns::COLIBRI2)
            .unwrap()
            .attr("id"),
        Some("e1")
    );
    assert_eq!(
        Colibri2Error::of(&StanzaError::new(Condition::ItemNotFound)),
        None
    );
    let odd = xml("<error xmlns='jitsi:colibri2' reason='NEW_REASON'/>");
    assert_eq!(
        Colibri2Error::try_from(&odd).unwrap().reason,
        ErrorReason::Unspecified
    );
}

#[test]
fn errors_name_the_element_and_attribute() {
    for (text, expected) in [
        (
            "<conference-modify xmlns='jitsi:colibri2'/>",
            "<conference-modify/> lacks the attribute 'meeting-id'",
        ),
        (
            "<conference-modify xmlns='jitsi:colibri2' meeting-id='m' create='yes'/>",
            "attribute 'create' of <conference-modify/> is not valid: 'yes'",
        ),
        (
            "<conference-modify xmlns='jitsi:colibri2' meeting-id='m'><endpoint/></conference-modify>",
            "<endpoint/> lacks the attribute 'id'",
        ),
        (
            "<conference-modify xmlns='jitsi:colibri2' meeting-id='m'><endpoint id='e'><media type='smell'/></endpoint></conference-modify>",
            "attribute 'type' of <media/> is not valid: 'smell'",
        ),
        (
            "<conference-modify xmlns='jitsi:colibri2' meeting-id='m'><endpoint id='e'><transport><sctp role='x'/></transport></endpoint></conference-modify>",
            "attribute 'role' of <sctp/> is not valid: 'x'",
        ),
    ] {
        assert_eq!(error_of::<ConferenceModify>(text), expected);
    }
    let mut many = ConferenceModify::new("m");
    many.endpoints = vec![Endpoint::new("e"); 2049];
    let error = ConferenceModify::try_from(&Element::from(&many)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "<conference-modify/> has more than 2048 <endpoint/>"
    );
}
