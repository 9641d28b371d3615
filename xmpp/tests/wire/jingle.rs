//! Jingle between focus and client, in the shapes that Jicofo and lib-jitsi-meet exchange.

use xmpp::jingle::sources::{from_contents, to_contents};
use xmpp::jingle::{
    Action, Candidate, Content, Creator, IceState, Jingle, PayloadType, Reason, ReasonCondition,
    RtpDescription, Senders, Setup, StartMuted,
};
use xmpp::source::{
    ConferenceSources, EndpointSources, MediaType, Semantics, Source, SsrcGroup, VideoType,
};
use xmpp::{Element, ns};

use crate::{error_of, round_trip, xml};

const OFFER: &str = "<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' \
    initiator='focus@auth.lab/focus' sid='e773bci75sbn1'>\
    <content creator='initiator' senders='both' name='audio'>\
      <description maxptime='60' media='audio' xmlns='urn:xmpp:jingle:apps:rtp:1'>\
        <payload-type id='112' name='red' channels='2' clockrate='48000'><parameter value='111/111'/>\
        </payload-type>\
        <payload-type id='111' name='opus' channels='2' clockrate='48000'>\
          <parameter value='10' name='minptime'/><parameter value='1' name='useinbandfec'/>\
          <rtcp-fb type='transport-cc' xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0'/></payload-type>\
        <payload-type id='126' name='telephone-event' clockrate='8000'/>\
        <rtp-hdrext id='1' uri='urn:ietf:params:rtp-hdrext:ssrc-audio-level' \
          xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0'/>\
        <extmap-allow-mixed xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0'/><rtcp-mux/></description>\
      <transport pwd='3nv0l7jhts8scsbe1qh6dum6td' ufrag='bpjpp1k81hcsg6' \
        xmlns='urn:xmpp:jingle:transports:ice-udp:1'>\
        <web-socket url='ws://127.0.0.1:19092/colibri-ws/jvb2/77ad/4izm?pwd=kzPd' \
          xmlns='http://jitsi.org/protocol/colibri'/><rtcp-mux/>\
        <fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' cryptex='false' \
          setup='actpass' required='false'>50:F8:3E:2B</fingerprint>\
        <candidate ip='127.0.0.1' foundation='1' network='0' priority='2130706431' protocol='udp' \
          id='1f4a' port='12002' generation='0' type='host' component='1'/></transport></content>\
    <content creator='initiator' senders='both' name='video'>\
      <description media='video' xmlns='urn:xmpp:jingle:apps:rtp:1'>\
        <payload-type id='107' name='H264' clockrate='90000'>\
          <rtcp-fb xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' subtype='fir' type='ccm'/>\
          <rtcp-fb type='nack' xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0'/>\
          <parameter value='42e01f;level-asymmetry-allowed=1;packetization-mode=1;' \
            name='profile-level-id'/></payload-type>\
        <payload-type id='99' name='rtx' clockrate='90000'><parameter value='107' name='apt'/>\
        </payload-type><rtcp-mux/></description></content>\
    <content creator='initiator' name='data' senders='both'>\
      <description xmlns='urn:xmpp:jingle:apps:rtp:1' media='application'/>\
      <transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='u' pwd='p'>\
        <sctpmap xmlns='urn:xmpp:jingle:transports:dtls-sctp:1' number='5000' \
          protocol='webrtc-datachannel' streams='1024'/></transport></content>\
    <group semantics='BUNDLE' xmlns='urn:xmpp:jingle:apps:grouping:0'>\
      <content name='audio'/><content name='video'/><content name='data'/></group>\
    <bridge-session id='8047af4b' xmlns='http://jitsi.org/protocol/focus' region='region2'/>\
    <startmuted xmlns='http://jitsi.org/jitmeet/start-muted' audio='true' video='false'/>\
    <json-message xmlns='http://jitsi.org/jitmeet'>{&quot;sources&quot;:{&quot;jvb&quot;:[[{&quot;s&quot;:\
      832909383,&quot;n&quot;:&quot;jvb-v0&quot;,&quot;m&quot;:&quot;mixedmslabel mixedlabelvideo0&quot;}],\
      [],[{&quot;s&quot;:3056329612,&quot;n&quot;:&quot;jvb-a0&quot;}]]}}</json-message>\
    <traceparent xmlns='jitsi:opentelemetry' trace_flags='00'/></jingle>";

#[test]
fn an_offer_of_the_focus_is_read_and_rendered_whole() {
    let offer: Jingle = round_trip(OFFER);
    assert_eq!(offer.action, Action::SessionInitiate);
    assert_eq!(offer.initiator.as_deref(), Some("focus@auth.lab/focus"));
    let names: Vec<_> = offer.contents.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["audio", "video", "data"]);

    let audio = offer.content("audio").unwrap();
    assert_eq!(
        (audio.creator, audio.senders),
        (Creator::Initiator, Some(Senders::Both))
    );
    let description = audio.description.as_ref().unwrap();
    assert_eq!(description.maxptime, Some(60));
    assert!(description.rtcp_mux && description.extmap_allow_mixed);
    let red = &description.payload_types[0];
    assert_eq!(red.parameters, [(String::new(), "111/111".to_owned())]);
    let opus = &description.payload_types[1];
    assert_eq!((opus.id, opus.clockrate, opus.channels), (111, 48000, 2));
    assert_eq!(opus.parameter("minptime"), Some("10"));
    assert!(opus.has_feedback("transport-cc", None));
    assert_eq!(description.payload_types[2].channels, 1);
    assert_eq!(description.hdrexts[0].id, 1);

    let transport = offer.transport().unwrap();
    assert!(transport.rtcp_mux);
    assert_eq!(
        transport.web_sockets,
        ["ws://127.0.0.1:19092/colibri-ws/jvb2/77ad/4izm?pwd=kzPd"]
    );
    let fingerprint = &transport.fingerprints[0];
    assert_eq!(fingerprint.setup, Some(Setup::Actpass));
    assert_eq!(fingerprint.bytes().unwrap(), [0x50, 0xf8, 0x3e, 0x2b]);
    assert_eq!(
        (fingerprint.required, fingerprint.cryptex),
        (Some(false), Some(false))
    );
    assert_eq!(
        transport.candidates[0].address(),
        Some("127.0.0.1".parse().unwrap())
    );
    let sctp = offer
        .content("data")
        .unwrap()
        .transport
        .as_ref()
        .unwrap()
        .sctpmap
        .clone()
        .unwrap();
    assert_eq!((sctp.number, sctp.streams), (5000, Some(1024)));

    assert_eq!(offer.groups[0].contents, names);
    assert_eq!(
        offer.bridge_session.as_ref().unwrap().region.as_deref(),
        Some("region2")
    );
    assert_eq!(
        offer.start_muted,
        Some(StartMuted {
            audio: true,
            video: false
        })
    );
    let jvb = &offer.sources().by_owner["jvb"];
    assert_eq!(
        (jvb.video[0].ssrc, jvb.audio[0].ssrc),
        (832_909_383, 3_056_329_612)
    );
    assert_eq!(offer.other.len(), 1);
}

#[test]
fn a_session_accept_of_a_simulcast_client_is_read() {
    let accept: Jingle = round_trip(
        "<jingle action='session-accept' initiator='r@muc.d/focus' responder='u@d/res' sid='s' \
         xmlns='urn:xmpp:jingle:1'><content creator='responder' name='audio' senders='both'>\
         <description media='audio' ssrc='1581978241' xmlns='urn:xmpp:jingle:apps:rtp:1'>\
         <payload-type channels='2' clockrate='48000' id='63' name='red'>\
         <parameter name='' value='111/111'/></payload-type>\
         <source name='a7d4-a0' ssrc='1581978241' xmlns='urn:xmpp:jingle:apps:rtp:ssma:0'>\
         <parameter name='msid' value='a7d4-audio-1 66212a6e-1'/></source></description>\
         <transport pwd='dUpT' ufrag='0tDc' xmlns='urn:xmpp:jingle:transports:ice-udp:1'>\
         <fingerprint hash='sha-256' setup='active' xmlns='urn:xmpp:jingle:apps:dtls:0'>0c:BF\
         </fingerprint></transport></content>\
         <content creator='responder' name='video' senders='both'>\
         <description media='video' xmlns='urn:xmpp:jingle:apps:rtp:1'>\
         <source name='a7d4-v0' ssrc='10' videoType='camera' xmlns='urn:xmpp:jingle:apps:rtp:ssma:0'>\
         <parameter name='msid' value='a b'/></source>\
         <source name='a7d4-v0' ssrc='11' xmlns='urn:xmpp:jingle:apps:rtp:ssma:0'/>\
         <source name='a7d4-v0' ssrc='12' videoType='mystery' xmlns='urn:xmpp:jingle:apps:rtp:ssma:0'/>\
         <ssrc-group semantics='FID' xmlns='urn:xmpp:jingle:apps:rtp:ssma:0'><source ssrc='10'/>\
         <source ssrc='11'/></ssrc-group>\
         <ssrc-group semantics='SIM' xmlns='urn:xmpp:jingle:apps:rtp:ssma:0'><source ssrc='10'/>\
         <source ssrc='12'/></ssrc-group></description>\
         <initial-last-n xmlns='jitsi:colibri2' value='2'/></content></jingle>",
    );
    assert_eq!(accept.content("video").unwrap().initial_last_n, Some(2));
    let transport = accept.transport().unwrap();
    assert_eq!(transport.fingerprints[0].bytes().unwrap(), [0x0c, 0xbf]);
    let own = accept.own_sources();
    assert_eq!(
        own.audio,
        [Source::new(1_581_978_241)
            .with_name("a7d4-a0")
            .with_msid("a7d4-audio-1 66212a6e-1")]
    );
    assert_eq!(own.video[0].video_type, Some(VideoType::Camera));
    assert_eq!(own.video[2].video_type, None);
    assert_eq!(
        own.video_groups,
        [
            SsrcGroup::new(Semantics::Fid, [10, 11]),
            SsrcGroup::new(Semantics::Sim, [10, 12]),
        ]
    );
}

#[test]
fn a_move_says_why() {
    let terminate: Jingle = round_trip(
        "<jingle xmlns='urn:xmpp:jingle:1' sid='d' action='session-terminate'>\
         <reason><success/><text>moving</text></reason></jingle>",
    );
    let expected = Reason::new(ReasonCondition::Success).with_text("moving");
    assert_eq!(terminate.reason, Some(expected));
}

#[test]
fn a_client_asks_for_a_new_session_or_an_ice_restart() {
    let restart: Jingle = round_trip(
        "<jingle xmlns='urn:xmpp:jingle:1' sid='d' action='session-terminate'>\
         <reason><connectivity-error/></reason>\
         <bridge-session xmlns='http://jitsi.org/protocol/focus' id='x' restart='true'/></jingle>",
    );
    assert!(restart.bridge_session.unwrap().restart);
    let ice: Jingle = round_trip(
        "<jingle xmlns='urn:xmpp:jingle:1' sid='d' action='session-info'>\
         <bridge-session xmlns='http://jitsi.org/protocol/focus' id='x' ice-restart='true'/></jingle>",
    );
    assert!(ice.bridge_session.unwrap().ice_restart);
    let failed: Jingle = round_trip(
        "<jingle xmlns='urn:xmpp:jingle:1' sid='d' action='session-info'>\
         <ice-state xmlns='http://jitsi.org/protocol/focus'>failed</ice-state></jingle>",
    );
    assert_eq!(failed.ice_state, Some(IceState::Failed));
}

#[test]
fn an_ice_restart_carries_its_generation() {
    let info: Jingle = round_trip(
        "<jingle xmlns='urn:xmpp:jingle:1' sid='d' action='transport-info'>\
         <content name='audio' creator='initiator'><transport ufrag='u2' pwd='p2' \
         xmlns='urn:xmpp:jingle:transports:ice-udp:1' ice-generation='2'/></content></jingle>",
    );
    assert_eq!(info.transport().unwrap().ice_generation, Some(2));
    assert_eq!(info.contents[0].senders, None);
}

#[test]
fn candidates_of_all_kinds_are_accepted() {
    let mdns: Candidate = round_trip(
        "<candidate xmlns='urn:xmpp:jingle:transports:ice-udp:1' component='1' foundation='90' \
         generation='0' id='u' ip='6a2d-4b.local' network='1' port='57905' priority='2122260223' \
         protocol='udp' type='host'/>",
    );
    assert_eq!(mdns.address(), None);
    let tcp: Candidate = round_trip(
        "<candidate xmlns='urn:xmpp:jingle:transports:ice-udp:1' ip='2001:db8::1' port='9' \
         priority='1518280447' protocol='TCP' type='host' tcptype='active' rel-addr='10.0.0.1' \
         rel-port='0'/>",
    );
    assert!(!tcp.is_udp());
    assert_eq!((tcp.component, tcp.rel_port), (1, Some(0)));
    assert_eq!(tcp.tcptype.as_deref(), Some("active"));
}

#[test]
fn sources_cross_in_the_xml_form_with_their_owners() {
    // As Jicofo signals to a client without the JSON form.
    let text = "<jingle xmlns='urn:xmpp:jingle:1' action='source-add' sid='1'><content name='video'>\
         <description media='video' xmlns='urn:xmpp:jingle:apps:rtp:1'>\
         <source ssrc='1010' name='n-v0' xmlns='urn:xmpp:jingle:apps:rtp:ssma:0'>\
         <ssrc-info owner='n' xmlns='http://jitsi.org/jitmeet'/>\
         <parameter value='s t' name='msid' xmlns='urn:xmpp:jingle:apps:rtp:1'/></source>\
         <source ssrc='1011' name='n-v0' xmlns='urn:xmpp:jingle:apps:rtp:ssma:0'>\
         <ssrc-info owner='n' xmlns='http://jitsi.org/jitmeet'/></source>\
         <ssrc-group semantics='FID' xmlns='urn:xmpp:jingle:apps:rtp:ssma:0'><source ssrc='1010'/>\
         <source ssrc='1011'/></ssrc-group></description></content></jingle>";
    let add: Jingle = round_trip(text);
    let sources = add.sources();
    let n = &sources.by_owner["n"];
    assert_eq!(n.video[0].msid.as_deref(), Some("s t"));
    assert_eq!(n.video_groups.len(), 1);
    let mut again = Jingle::new(Action::SourceAdd, "1");
    again.contents = to_contents(&sources);
    assert_eq!(again.sources(), sources);
    assert_eq!(again.contents.len(), 1);
    let reread = Jingle::try_from(&Element::from(&again)).unwrap();
    assert_eq!(reread.sources(), sources);
}

#[test]
fn the_owner_that_a_client_writes_counts_for_nothing() {
    let mut content = Content::new("audio");
    let mut description = RtpDescription::new(MediaType::Audio);
    let stranger = ConferenceSources::one(
        "someone-else",
        EndpointSources {
            audio: vec![Source::new(1)],
            ..EndpointSources::default()
        },
    );
    xmpp::jingle::sources::add_to_description(&mut description, &stranger);
    content.description = Some(description);
    assert_eq!(from_contents(&[content]).audio, [Source::new(1)]);
}

#[test]
fn old_and_unknown_actions_are_told_apart() {
    for (text, expected) in [
        ("addsource", Action::SourceAdd),
        ("removesource", Action::SourceRemove),
        ("dance", Action::Other("dance".into())),
    ] {
        let jingle = xml(&format!(
            "<jingle xmlns='urn:xmpp:jingle:1' action='{text}' sid='s'/>"
        ));
        assert_eq!(Jingle::try_from(&jingle).unwrap().action, expected);
    }
}

#[test]
fn errors_name_the_element_and_attribute() {
    let jingle = |body: &str| {
        format!(
            "<jingle xmlns='urn:xmpp:jingle:1' action='source-add' sid='s'><content name='audio'>\
             <description media='audio' xmlns='urn:xmpp:jingle:apps:rtp:1'>{body}</description>\
             </content></jingle>"
        )
    };
    let ssma = "xmlns='urn:xmpp:jingle:apps:rtp:ssma:0'";
    for (text, expected) in [
        (
            "<jingle xmlns='urn:xmpp:jingle:1' sid='s'/>".to_owned(),
            "<jingle/> lacks the attribute 'action'",
        ),
        (
            "<jingle xmlns='urn:xmpp:jingle:1' action='x'/>".to_owned(),
            "<jingle/> lacks the attribute 'sid'",
        ),
        (
            "<jingle xmlns='urn:other' action='x'/>".to_owned(),
            "expected <jingle/>, found <jingle/>",
        ),
        (
            jingle(&format!("<source {ssma}/>")),
            "<source/> lacks the attribute 'ssrc'",
        ),
        (
            jingle(&format!("<source {ssma} ssrc='0'/>")),
            "attribute 'ssrc' of <source/> is not valid: '0'",
        ),
        (
            jingle(&format!("<source {ssma} ssrc='4294967296'/>")),
            "attribute 'ssrc' of <source/> is not valid: '4294967296'",
        ),
        (
            jingle(&format!("<source {ssma} ssrc='-1'/>")),
            "attribute 'ssrc' of <source/> is not valid: '-1'",
        ),
        (
            jingle("<payload-type id='128'/>"),
            "attribute 'id' of <payload-type/> is not valid: '128'",
        ),
        (
            jingle("<rtp-hdrext xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0' id='0' uri='x'/>"),
            "attribute 'id' of <rtp-hdrext/> is not valid: '0'",
        ),
    ] {
        assert_eq!(error_of::<Jingle>(&text), expected, "{text}");
    }
    let many = format!("<source {ssma} ssrc='1'/>").repeat(8193);
    assert_eq!(
        error_of::<Jingle>(&jingle(&many)),
        "<description/> has more than 8192 <source/>"
    );
    let json = "<jingle xmlns='urn:xmpp:jingle:1' action='source-add' sid='s'>\
        <json-message xmlns='http://jitsi.org/jitmeet'>{\"sources\":7}</json-message></jingle>";
    assert!(error_of::<Jingle>(json).starts_with("content of <json-message/> is not valid"));
}

#[test]
fn an_offer_is_built_in_few_lines() {
    let mut offer = Jingle::new(Action::SessionInitiate, "sid");
    let mut description = RtpDescription::new(MediaType::Video);
    description.payload_types.push(
        PayloadType::new(100, "VP8", 90000)
            .with_feedback("nack", Some("pli"))
            .with_parameter("x", "y"),
    );
    let mut video = Content::new("video");
    video.senders = Some(Senders::Both);
    video.description = Some(description);
    offer.contents.push(video);
    offer.bundle();
    let element = Element::from(&offer);
    assert!(element.has_child("group", ns::JINGLE_GROUPING));
    assert_eq!(Jingle::try_from(&element).unwrap(), offer);
}
