//! Small views: mute, version, external services, JSON messages, stream management.

use xmpp::extdisco::{Service, Services};
use xmpp::json_message::JsonMessage;
use xmpp::mute::{Mute, MuteKind};
use xmpp::sm::Nonza;
use xmpp::version::Version;
use xmpp::{Element, healthcheck, ns, ping};

use crate::{error_of, round_trip, xml};

#[test]
fn mutes_of_all_kinds_are_read() {
    let order: Mute =
        round_trip("<mute actor='r@m/a' xmlns='http://jitsi.org/jitmeet/audio'>true</mute>");
    assert_eq!(order, Mute::order(MuteKind::Audio, "r@m/a", true));
    let request: Mute =
        round_trip("<mute jid='r@m/b' xmlns='http://jitsi.org/jitmeet/desktop'>false</mute>");
    assert_eq!(request, Mute::request(MuteKind::Desktop, "r@m/b", false));
    let question: Mute = round_trip("<mute xmlns='http://jitsi.org/jitmeet/video'/>");
    assert_eq!(question.mute, None);
    assert!(Mute::is(&Element::from(&question)));
    assert!(
        error_of::<Mute>("<mute xmlns='http://jitsi.org/jitmeet/video'>perhaps</mute>")
            .contains("not true or false")
    );
    assert!(error_of::<Mute>("<mute xmlns='urn:x'/>").starts_with("expected <mute/>"));
}

#[test]
fn versions_services_and_json_messages_survive_a_round_trip() {
    let version: Version = round_trip(
        "<query xmlns='jabber:iq:version'><name>Shoal</name><version>0.1</version></query>",
    );
    assert_eq!(version.os, None);
    assert_eq!(
        error_of::<Version>("<query xmlns='jabber:iq:version'/>"),
        "<query/> lacks the child <name/>"
    );

    let services: Services = round_trip(
        "<services xmlns='urn:xmpp:extdisco:2'><service type='turns' host='t.d' port='443' \
         transport='tcp' username='1:u' password='p4ss' restricted='1' expires='2026-11-22T00:00:00Z'/>\
         <service type='stun' host='s.d'/></services>",
    );
    assert_eq!(
        services.services[1],
        Service {
            kind: "stun".into(),
            host: "s.d".into(),
            ..Service::default()
        }
    );
    assert!(!format!("{services:?}").contains("p4ss"));

    let message: JsonMessage = round_trip(
        "<json-message xmlns='http://jitsi.org/jitmeet' room='r@m'>{\"type\":\"av_moderation\",\
         \"enabled\":true}</json-message>",
    );
    assert_eq!(message.kind(), Some("av_moderation"));
    assert_eq!(
        message,
        JsonMessage::new("av_moderation")
            .with("enabled", true)
            .in_room("r@m")
    );
    assert!(
        error_of::<JsonMessage>(
            "<json-message xmlns='http://jitsi.org/jitmeet'>[1]</json-message>"
        )
        .contains("not valid")
    );
}

#[test]
fn elements_of_stream_management_survive_a_round_trip() {
    for nonza in [
        Nonza::Enable {
            resume: true,
            max: Some(5),
        },
        Nonza::Enabled {
            id: Some("i".into()),
            resume: true,
            max: None,
        },
        Nonza::Resume {
            previd: "i".into(),
            h: u32::MAX,
        },
        Nonza::Resumed {
            previd: "i".into(),
            h: 0,
        },
        Nonza::Failed {
            h: Some(3),
            condition: Some("item-not-found".into()),
        },
        Nonza::Failed {
            h: None,
            condition: None,
        },
        Nonza::Ack { h: 7 },
        Nonza::Request,
    ] {
        assert_eq!(Nonza::try_from(&Element::from(&nonza)).unwrap(), nonza);
    }
    for (text, expected) in [
        ("<a xmlns='urn:xmpp:sm:3'/>", "<a/> lacks the attribute 'h'"),
        (
            "<a xmlns='urn:xmpp:sm:3' h='x'/>",
            "attribute 'h' of <a/> is not valid: 'x'",
        ),
        (
            "<resume xmlns='urn:xmpp:sm:3' h='1'/>",
            "<resume/> lacks the attribute 'previd'",
        ),
        (
            "<b xmlns='urn:xmpp:sm:3'/>",
            "content of <b/> is not valid: unknown element",
        ),
        ("<a xmlns='urn:x'/>", "expected <a/>, found <a/>"),
    ] {
        assert_eq!(error_of::<Nonza>(text), expected);
    }
}

#[test]
fn pings_and_health_checks_are_recognised() {
    assert!(ping::is_request(&ping::request()) && !ping::is_request(&healthcheck::request()));
    assert!(healthcheck::is_request(&xml(
        "<healthcheck xmlns='http://jitsi.org/protocol/healthcheck'/>"
    )));
    assert_eq!(healthcheck::request().ns(), ns::HEALTHCHECK);
}
