//! Messages of the bridge channel, as clients and the Videobridge write them.

use xmpp::bridge_channel::{
    ChannelVideoType, ConnectivityStatus, Message, MessageError, ReceiverVideoConstraints,
    VideoConstraints, VideoMapping, VideoSourcesMap, parse,
};

fn same(text: &str) -> Message {
    let message = parse(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let rendered: serde_json::Value = serde_json::from_str(&message.to_json()).unwrap();
    let original: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!(rendered, original);
    assert!(
        message.to_json().starts_with("{\"colibriClass\":\""),
        "{}",
        message.to_json()
    );
    message
}

#[test]
fn every_class_survives_a_round_trip() {
    for text in [
        r#"{"colibriClass":"ClientHello"}"#,
        r#"{"colibriClass":"ServerHello"}"#,
        r#"{"colibriClass":"ServerHello","version":"2.3"}"#,
        r#"{"colibriClass":"LastNChangedEvent","lastN":4}"#,
        r#"{"colibriClass":"SourceVideoTypeMessage","sourceName":"A-v0","videoType":"desktop"}"#,
        r#"{"colibriClass":"SourceVideoTypeMessage","sourceName":"A-v0","videoType":"none","endpointId":"A"}"#,
        r#"{"colibriClass":"VideoTypeMessage","videoType":"desktop_high_fps"}"#,
        r#"{"colibriClass":"ReceiverAudioSubscription","all":true,"include":["B-a0"],"exclude":[]}"#,
        r#"{"colibriClass":"EndpointMessage","to":"","msgPayload":{"type":"hi"}}"#,
        r#"{"colibriClass":"EndpointMessage","to":"A","from":"B","msgPayload":null,"extra":[1]}"#,
        r#"{"colibriClass":"EndpointStats","bitrate":{"upload":1}}"#,
        r#"{"colibriClass":"EndpointStats","from":"dh","bitrate":{"upload":1}}"#,
        r#"{"colibriClass":"DominantSpeakerEndpointChangeEvent","dominantSpeakerEndpoint":"A","previousSpeakers":["B","C"],"silence":false}"#,
        r#"{"colibriClass":"EndpointConnectivityStatusChangeEvent","endpoint":"A","active":"false"}"#,
        r#"{"colibriClass":"ForwardedSources","forwardedSources":["B-v0"]}"#,
        r#"{"colibriClass":"VideoSourcesMap","mappedSources":[{"source":"B-v0","owner":"B","ssrc":3779898670,"rtx":744074167,"videoType":"CAMERA","mid":"v0"}]}"#,
        r#"{"colibriClass":"AudioSourcesMap","mappedSources":[{"source":"B-a0","owner":"B","ssrc":123}]}"#,
        r#"{"colibriClass":"SenderSourceConstraints","sourceName":"A-v0","maxHeight":720}"#,
        r#"{"colibriClass":"ConnectionStats","estimatedDownlinkBandwidth":2500000}"#,
        r#"{"colibriClass":"SyntheticSourceSendingChangeEvent","sourceName":"A-a0.hi","sending":true,"timestamp":4294967295}"#,
        r#"{"colibriClass":"AddReceiver","bridgeId":"jvb1","sourceName":"A-v0","videoConstraints":{"maxHeight":360}}"#,
        r#"{"colibriClass":"RemoveReceiver","bridgeId":"jvb1","endpointId":"A"}"#,
        r#"{"colibriClass":"ReceiverVideoConstraints"}"#,
        r#"{"colibriClass":"ReceiverVideoConstraints","lastN":5,"selectedSources":["B-v0"],"onStageSources":["A-v1"],"defaultConstraints":{"maxHeight":180},"constraints":{"A-v1":{"maxHeight":720,"maxFrameRate":15.0}},"assumedBandwidthBps":-1}"#,
    ] {
        same(text);
    }
}

#[test]
fn constraints_distinguish_absent_from_empty() {
    let parsed = parse(
        r#"{"colibriClass": "ReceiverVideoConstraints", "lastN": 5, "assumedBandwidthBps": -1,
            "onStageSources": ["d-v0"], "selectedSources": [], "defaultConstraints":
            {"maxHeight": 180, "maxFrameRate": -1}, "constraints": {"d-v0": {"maxHeight": 720}}}"#,
    )
    .unwrap();
    let Message::ReceiverVideoConstraints(constraints) = parsed else {
        panic!()
    };
    assert_eq!(constraints.selected_sources.as_deref(), Some(&[][..]));
    assert_eq!(
        constraints.default_constraints,
        Some(VideoConstraints::height(180))
    );
    assert_eq!(constraints.constraints.unwrap()["d-v0"].max_height, 720);
    let Message::ReceiverVideoConstraints(none) =
        parse(r#"{"colibriClass":"ReceiverVideoConstraints","constraints":null}"#).unwrap()
    else {
        panic!()
    };
    assert_eq!(none, ReceiverVideoConstraints::default());
}

#[test]
fn enums_and_text_booleans_are_read_in_all_their_forms() {
    for text in ["camera", "CAMERA", "Camera"] {
        let message = format!(r#"{{"colibriClass":"VideoTypeMessage","videoType":"{text}"}}"#);
        let Message::VideoTypeMessage(message) = parse(&message).unwrap() else {
            panic!()
        };
        assert_eq!(message.video_type, ChannelVideoType::Camera);
    }
    for (text, expected) in [
        ("\"true\"", true),
        ("true", true),
        ("\"FALSE\"", false),
        ("false", false),
    ] {
        let message = format!(
            r#"{{"colibriClass":"EndpointConnectivityStatusChangeEvent","endpoint":"A","active":{text}}}"#
        );
        let status = ConnectivityStatus {
            endpoint: "A".into(),
            active: expected,
        };
        assert_eq!(
            parse(&message).unwrap(),
            Message::EndpointConnectivityStatusChangeEvent(status)
        );
    }
}

#[test]
fn the_map_of_video_sources_has_upper_case_types_as_clients_compare_them() {
    let map = Message::VideoSourcesMap(VideoSourcesMap {
        mapped_sources: vec![VideoMapping {
            source: "s".into(),
            owner: None,
            ssrc: 1,
            rtx: 2,
            video_type: ChannelVideoType::Desktop,
            mid: None,
        }],
    });
    assert_eq!(
        map.to_json(),
        r#"{"colibriClass":"VideoSourcesMap","mappedSources":[{"source":"s","ssrc":1,"rtx":2,"videoType":"DESKTOP"}]}"#
    );
}

#[test]
fn heights_with_a_fraction_and_absent_lists_are_read_as_a_bridge_of_jitsi_reads_them() {
    let parsed = parse(
        r#"{"colibriClass":"ReceiverVideoConstraints","lastN":5.0,"selectedSources":null,
            "defaultConstraints":{"maxHeight":343.6,"maxFrameRate":null},"assumedBandwidthBps":1e6}"#,
    );
    let expected = ReceiverVideoConstraints {
        last_n: Some(5),
        default_constraints: Some(VideoConstraints::height(343)),
        assumed_bandwidth_bps: Some(1_000_000),
        ..ReceiverVideoConstraints::default()
    };
    assert_eq!(parsed.unwrap(), Message::ReceiverVideoConstraints(expected));
}

#[test]
fn audio_subscriptions_are_read_in_both_forms() {
    for (text, real, listed, synthetic) in [
        (r#""all":true"#, true, true, false),
        (r#""all":false"#, false, false, false),
        (r#""include":["L"]"#, false, true, false),
        (r#""all":true,"exclude":["L"]"#, true, false, false),
        (r#""include":["L"],"exclude":["L"]"#, false, false, false),
        (r#""all":true,"include":["S"]"#, true, true, true),
        (r#""mode":"All""#, true, true, false),
        (r#""mode":"None","list":["L"]"#, false, false, false),
        (r#""mode":"Include","list":["L"]"#, false, true, false),
        (r#""mode":"EXCLUDE","list":["L"]"#, true, false, false),
        (r#""mode":"ALL","list":null"#, true, true, false),
        (
            r#""all":"true","include":null,"exclude":null"#,
            true,
            true,
            false,
        ),
        (r#""all":"false","include":["L"]"#, false, true, false),
    ] {
        let message = format!(r#"{{"colibriClass":"ReceiverAudioSubscription",{text}}}"#);
        let Message::ReceiverAudioSubscription(subscription) = parse(&message).unwrap() else {
            panic!()
        };
        let wants = (
            subscription.wants("R", false),
            subscription.wants("L", false),
            subscription.wants("S", true),
        );
        assert_eq!(wants, (real, listed, synthetic), "{text}");
    }
}

#[test]
fn endpoint_messages_are_addressed() {
    let broadcast = |text: &str| match parse(text).unwrap() {
        Message::EndpointMessage(message) => message.is_broadcast(),
        other => panic!("{other:?}"),
    };
    assert!(broadcast(r#"{"colibriClass":"EndpointMessage"}"#));
    assert!(broadcast(r#"{"colibriClass":"EndpointMessage","to":""}"#));
    assert!(!broadcast(r#"{"colibriClass":"EndpointMessage","to":"A"}"#));
}

#[test]
fn what_is_no_message_is_refused_with_its_reason() {
    assert!(matches!(
        parse(r#"{"colibriClass":"Nonsense"}"#),
        Err(MessageError::UnknownClass(class)) if class == "Nonsense"
    ));
    for text in [
        "",
        "[]",
        "{}",
        "nonsense",
        r#"{"colibriClass":7}"#,
        r#"{"colibriClass":"ClientHello","colibriClass":"ClientHello"}"#,
    ] {
        assert!(
            matches!(parse(text), Err(MessageError::NotAMessage(_))),
            "{text}"
        );
    }
    for text in [
        r#"{"colibriClass":"LastNChangedEvent"}"#,
        r#"{"colibriClass":"LastNChangedEvent","lastN":"4"}"#,
        r#"{"colibriClass":"LastNChangedEvent","lastN":4,"lastN":5}"#,
        r#"{"colibriClass":"LastNChangedEvent","lastN":99999999999}"#,
        r#"{"colibriClass":"SourceVideoTypeMessage","sourceName":"A-v0","videoType":"smell"}"#,
        r#"{"colibriClass":"EndpointMessage","to":7}"#,
        r#"{"colibriClass":"EndpointMessage","to":"A","to":"B"}"#,
        r#"{"colibriClass":"ReceiverVideoConstraints","constraints":{"a":{"maxHeight":1},"a":{"maxHeight":2}}}"#,
        r#"{"colibriClass":"ReceiverVideoConstraints","constraints":[]}"#,
    ] {
        assert!(
            matches!(parse(text), Err(MessageError::Invalid { .. })),
            "{text}"
        );
    }
    let deep = format!(
        r#"{{"colibriClass":"EndpointStats","x":{}}}"#,
        "[".repeat(100_000)
    );
    assert!(parse(&deep).is_err());
}

#[test]
fn fields_that_are_not_understood_do_not_silence_a_client() {
    let message = parse(r#"{"colibriClass":"LastNChangedEvent","lastN":4,"somethingNew":true}"#);
    assert_eq!(message.unwrap().class(), "LastNChangedEvent");
}
