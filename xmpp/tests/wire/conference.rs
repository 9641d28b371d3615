//! Conference requests and the presence of the focus.

use xmpp::conference::focus_presence::{FocusPresence, property};
use xmpp::conference::{ConferenceAnswer, ConferenceRequest};
use xmpp::{ElementExt, stanza};

use crate::{error_of, round_trip};

#[test]
fn a_request_in_xml_is_read() {
    let request: ConferenceRequest = round_trip(
        "<conference xmlns='http://jitsi.org/protocol/focus' room='r@conference.lab' \
         machine-uid='4izm' token='jwt-text' session-id='sess-text'><property name='rtcstatsEnabled' \
         value='false'/><property name='startAudioMuted' value='9'/></conference>",
    );
    assert_eq!(request.room, "r@conference.lab");
    assert_eq!(request.flag("rtcstatsEnabled"), Some(false));
    assert_eq!(request.number("startAudioMuted"), Some(9));
    assert_eq!(request.number("visitors-version"), None);
    let shown = format!("{request:?}");
    assert!(
        !shown.contains("jwt-text") && !shown.contains("sess-text"),
        "{shown}"
    );
    assert_eq!(
        error_of::<ConferenceRequest>("<conference xmlns='http://jitsi.org/protocol/focus'/>"),
        "<conference/> lacks the attribute 'room'"
    );
}

#[test]
fn an_answer_in_xml_is_the_one_that_clients_read() {
    let answer: ConferenceAnswer = round_trip(
        "<conference ready='true' xmlns='http://jitsi.org/protocol/focus' \
         focusjid='focus@auth.lab' room='r@conference.lab'><property value='false' \
         name='authentication'/></conference>",
    );
    assert!(answer.ready);
    assert_eq!(answer.focus_jid.as_deref(), Some("focus@auth.lab"));
    assert_eq!(answer.properties["authentication"], "false");
}

#[test]
fn requests_and_answers_in_json_are_those_that_clients_exchange() {
    let request: ConferenceRequest = serde_json::from_str(
        r#"{"room":"r@c","machineUid":"m","properties":{"visitors-version":"1"},"unknown":1}"#,
    )
    .unwrap();
    assert_eq!(request.machine_uid.as_deref(), Some("m"));
    assert_eq!(request.number("visitors-version"), Some(1));
    let answer = ConferenceAnswer {
        room: "r@c".into(),
        ready: true,
        focus_jid: Some("focus@auth.lab".into()),
        properties: [("authentication".to_owned(), "false".to_owned())].into(),
        ..ConferenceAnswer::default()
    };
    assert_eq!(
        serde_json::to_string(&answer).unwrap(),
        r#"{"room":"r@c","ready":true,"focusJid":"focus@auth.lab","properties":{"authentication":"false"}}"#
    );
}

#[test]
fn the_presence_of_the_focus_survives_a_round_trip() {
    let presence = FocusPresence {
        etherpad: Some("pad".into()),
        versions: vec![("focus".into(), "1.1".into())],
        properties: [
            (
                property::SUPPORT_TERMINATE_RESTART.to_owned(),
                "true".to_owned(),
            ),
            (property::BRIDGE_COUNT.to_owned(), "2".to_owned()),
        ]
        .into(),
        bridge_not_available: true,
    };
    let stanza =
        stanza::presence(&"r@m/focus".parse().unwrap()).with_children(presence.to_elements());
    assert_eq!(FocusPresence::from_presence(&stanza).unwrap(), presence);
    let text = xmpp::stream::write::in_stream(&stanza);
    assert!(
        text.contains(
            "<conference-properties xmlns='http://jitsi.org/protocol/focus'>\
         <property key='bridge-count' value='2'/>"
        ),
        "{text}"
    );
    let bare = stanza::presence(&"r@m/focus".parse().unwrap());
    assert_eq!(
        FocusPresence::from_presence(&bare).unwrap(),
        FocusPresence::default()
    );
}
