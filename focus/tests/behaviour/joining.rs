//! From the request for a conference to running sessions.

use std::time::Duration;

use focus::{Config, RequestId};
use xmpp::conference::focus_presence::FocusPresence;
use xmpp::conference::{ConferenceAnswer, ConferenceRequest};
use xmpp::source::BRIDGE_OWNER;
use xmpp::stanza::{self, Condition};
use xmpp::xml::{ElementExt, element};
use xmpp::{Element, ns};

use xmpp::disco::{Caps, Info};

use super::world::{Level, ROOM, World, features};

#[test]
fn a_request_is_answered_once_the_room_is_open() {
    let mut world = World::new();
    let reply = world.request("a");
    assert_eq!(reply.attr("to"), Some("focus.meet.shoal/a@meet.shoal/x"));
    assert_eq!(reply.attr("id"), Some("request-a"));
    let answer = ConferenceAnswer::try_from(stanza::payload(&reply).unwrap()).unwrap();
    assert!(answer.ready);
    assert_eq!(answer.focus_jid.as_deref(), Some("focus@auth.meet.shoal"));
    assert_eq!(answer.room, ROOM);
    assert_eq!(answer.properties["authentication"], "false");
    assert_eq!(answer.properties["visitors-supported"], "false");
}

#[test]
fn a_request_over_http_is_answered_alike() {
    let mut world = World::new();
    world
        .director
        .handle_request(RequestId(7), None, &ConferenceRequest::new(ROOM), world.now);
    world.pump();
    let (id, answer) = world.http.pop().unwrap();
    let answer = answer.unwrap();
    assert_eq!((id, answer.ready), (7, true));
    assert_eq!(answer.focus_jid.as_deref(), Some("focus@auth.meet.shoal"));
}

#[test]
fn the_focus_publishes_what_clients_look_for() {
    let mut world = World::new();
    world.request("a");
    let presence = world.last_presence();
    let published = FocusPresence::from_presence(presence).unwrap();
    assert_eq!(published.properties["support-terminate-restart"], "true");
    assert_eq!(published.etherpad.as_deref(), Some("r"));
    assert_eq!(published.versions[0].0, "focus");
    assert!(presence.has_child("c", ns::CAPS));
}

#[test]
fn three_participants_join_and_each_is_offered_a_session() {
    let mut world = World::new();
    world.bridge("jvb1");
    world.join("a", Level::Current);
    assert_eq!(
        world.clients["a"].affiliation, "owner",
        "the first one becomes moderator"
    );
    assert!(world.jingles("a").is_empty(), "nobody is invited alone");
    world.join("b", Level::Current);
    world.join("c", Level::Current);
    assert_eq!(world.clients["b"].affiliation, "none");
    for nick in ["a", "b", "c"] {
        assert_eq!(world.verbs(nick), ["session-initiate"], "{nick}");
        let offer = world.offer(nick);
        assert_eq!(
            offer.initiator.as_deref(),
            Some("focus@auth.meet.shoal/focus")
        );
        let names: Vec<_> = offer.contents.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["audio", "video"]);
        assert_eq!(offer.groups[0].contents, ["audio", "video"]);
        let transport = offer.transport().unwrap();
        assert_eq!(
            transport.ufrag.as_deref(),
            Some(format!("u-jvb1-{nick}").as_str())
        );
        assert_eq!(transport.fingerprints[0].required, Some(false));
        let region = offer.bridge_session.as_ref().unwrap().region.as_deref();
        assert_eq!(region, Some("region-jvb1"));
        let sources = offer.sources();
        assert_eq!(sources.by_owner.keys().collect::<Vec<_>>(), [BRIDGE_OWNER]);
        let feedback = &sources.by_owner[BRIDGE_OWNER];
        assert_eq!(
            feedback.video[0].msid.as_deref(),
            Some("mixedmslabel mixedlabelvideo0")
        );
        assert_eq!(feedback.audio[0].name.as_deref(), Some("jvb-a0"));
    }
    let created: Vec<bool> = world.bridges["jvb1"]
        .requests
        .iter()
        .map(|r| r.create)
        .collect();
    assert_eq!(
        created,
        [true, false, false],
        "the conference is created once"
    );
    let first = &world.bridges["jvb1"].requests[0];
    assert_eq!(
        (first.meeting_id.as_str(), first.name.as_deref()),
        ("the-meeting", Some(ROOM))
    );
    assert_eq!(first.rtcstats_enabled, Some(false));
    let capabilities = &first.endpoints[0].capabilities;
    assert_eq!(
        capabilities,
        &["source-names", "ssrc-rewriting", "rtp-mid-demux"]
    );
    let properties = FocusPresence::from_presence(world.last_presence())
        .unwrap()
        .properties;
    assert_eq!(properties["bridge-count"], "1");
}

#[test]
fn an_accept_reaches_the_bridge_with_transport_and_sources() {
    let mut world = World::new();
    world.bridge("jvb1");
    world.join("a", Level::Current);
    world.join("b", Level::Current);
    let mut accept = world.acceptance("a", 1000);
    accept.contents[1].initial_last_n = Some(5);
    world.jingle("a", &accept).unwrap();
    let update = world.bridges["jvb1"].requests.last().unwrap();
    let endpoint = &update.endpoints[0];
    assert_eq!(
        endpoint
            .transport
            .as_ref()
            .unwrap()
            .ice
            .as_ref()
            .unwrap()
            .ufrag
            .as_deref(),
        Some("abcd")
    );
    assert_eq!(endpoint.initial_last_n, Some(5));
    let sources = endpoint.sources.as_ref().unwrap();
    let ids: Vec<_> = sources
        .iter()
        .map(|s| (s.id.as_str(), s.sources.len(), s.ssrc_groups.len()))
        .collect();
    assert_eq!(ids, [("a-a0", 1, 0), ("a-v0", 6, 4)]);
    assert!(
        sources[1].sources.iter().all(|s| s.msid.is_none()),
        "bridges have no use for msids"
    );
}

#[test]
fn a_request_to_a_bridge_does_not_grow_with_the_conference() {
    let mut world = World::new();
    world.bridge("jvb1");
    let mut sizes = Vec::new();
    for n in 0..40_u32 {
        let nick = format!("p{n:02}");
        world.join(&nick, Level::Current);
        if n == 0 {
            continue;
        }
        world.clear_requests();
        world.accept(&nick, 1000 + 100 * n);
        sizes.push(world.bridges["jvb1"].requests.len());
        assert!(
            world.bridges["jvb1"]
                .requests
                .iter()
                .all(|r| r.endpoints.len() == 1)
        );
    }
    assert!(sizes.iter().all(|n| *n == 1), "{sizes:?}");
}

#[test]
fn features_proven_by_their_hash_are_asked_for_once() {
    let mut world = World::new();
    world.bridge("jvb1");
    // Without caps in its presence every client is asked.
    world.join("a", Level::Current);
    world.join("b", Level::Current);
    assert!(world.director.known_caps().is_empty());
    // A hash that does not fit what the client says proves nothing.
    let forged = element("c", ns::CAPS)
        .with_attr("hash", "sha-1")
        .with_attr("node", "https://jitsi.org/jitsi-meet")
        .with_attr("ver", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    world.enter_with("c", Level::Current, forged);
    assert!(world.director.known_caps().is_empty());
    // The right one does.
    let info = Info::try_from(&features(Level::Current)).unwrap();
    let caps = Caps::of("https://jitsi.org/jitsi-meet", &info);
    world.enter_with("d", Level::Current, Element::from(&caps));
    assert_eq!(world.director.known_caps(), [caps.query_node()]);
    world.enter_with("e", Level::Plain, Element::from(&caps));
    assert!(
        world.offer("e").json_sources.is_some(),
        "e is taken at its hash"
    );
}

#[test]
fn a_client_that_does_not_say_what_it_can_do_is_invited_all_the_same() {
    let mut world = World::new();
    world.bridge("jvb1");
    world.join("a", Level::Current);
    world
        .clients
        .insert("ghost".to_owned(), World::silent_client());
    world.show_again("ghost");
    assert_eq!(world.verbs("a"), ["session-initiate"], "b counts at once");
    world.pass(Duration::from_secs(15));
    assert!(world.endpoints("jvb1").contains("ghost"));
}

#[test]
fn latecomers_start_muted_when_the_first_asker_wished_so() {
    let mut world = World::new();
    world.bridge("jvb1");
    let mut request = ConferenceRequest::new(ROOM);
    request
        .properties
        .insert("startAudioMuted".into(), "1".into());
    world
        .director
        .handle_request(RequestId(1), None, &request, world.now);
    world.pump();
    world.enter("a", Level::Current);
    world.enter("b", Level::Current);
    assert_eq!(world.offer("a").start_muted, None);
    let muted = world.offer("b").start_muted.unwrap();
    assert_eq!((muted.audio, muted.video), (true, false));
}

#[test]
fn newcomers_start_muted_when_the_room_s_metadata_says_so() {
    let mut world = World::meeting(Level::Current);
    let json = r#"{"type":"room_metadata","room":"r@muc.meet.shoal","metadata":{"startMuted":{"audio":true,"video":true}}}"#;
    let message = element("message", ns::CLIENT)
        .with_attr("from", "avmoderation.meet.shoal")
        .with_child(element("json-message", ns::JITMEET).with_text(json));
    world.feed(message);
    world.join("d", Level::Current);
    let muted = world.offer("d").start_muted.unwrap();
    assert_eq!((muted.audio, muted.video), (true, true));
}

#[test]
fn a_full_conference_invites_nobody_else() {
    let mut config = Config::default();
    config.conference.max_participants = Some(2);
    let mut world = World::with(config);
    world.bridge("jvb1");
    for nick in ["a", "b", "c"] {
        world.join(nick, Level::Current);
    }
    assert!(world.jingles("c").is_empty());
    assert_eq!(world.verbs("b"), ["session-initiate"]);
}

#[test]
fn a_nickname_that_an_old_session_holds_is_waited_for() {
    let mut world = World::new();
    world.nick_taken = 3;
    world.request("a");
    assert!(world.replies.is_empty());
    world.pass(Duration::from_secs(2));
    let reply = world.replies.pop().unwrap();
    assert_eq!(reply.attr("type"), Some("result"));
}

#[test]
fn with_accounts_only_those_who_have_one_open_rooms_and_they_become_owners() {
    let mut config = Config::default();
    config.moderators.login_domain = Some("meet.shoal".into());
    let mut world = World::with(config);
    world
        .director
        .handle_request(RequestId(1), None, &ConferenceRequest::new(ROOM), world.now);
    world.pump();
    let (_, answer) = world.http.pop().unwrap();
    assert_eq!(answer.unwrap_err().condition, Condition::NotAuthorized);
    let reply = world.request("a");
    assert_eq!(reply.attr("type"), Some("result"));
    world.enter("a", Level::Current);
    world.enter("b", Level::Current);
    assert_eq!(world.clients["a"].affiliation, "owner");
    assert_eq!(world.clients["b"].affiliation, "owner");
}

#[test]
fn rooms_elsewhere_and_the_brewery_are_no_conferences() {
    for room in [
        "r@elsewhere.example",
        "jvbbrewery@internal-muc.meet.shoal",
        "muc.meet.shoal",
        "no room",
    ] {
        let mut world = World::new();
        world
            .director
            .handle_request(RequestId(1), None, &ConferenceRequest::new(room), world.now);
        world.pump();
        let (_, answer) = world.http.pop().unwrap();
        assert_eq!(
            answer.unwrap_err().condition,
            Condition::BadRequest,
            "{room}"
        );
    }
}

#[test]
fn too_many_conferences_are_refused() {
    let mut world = World::with(Config {
        max_conferences: 1,
        ..Config::default()
    });
    world.request("a");
    let other = ConferenceRequest::new("other@muc.meet.shoal");
    world
        .director
        .handle_request(RequestId(1), None, &other, world.now);
    world.pump();
    let (_, answer) = world.http.pop().unwrap();
    assert_eq!(answer.unwrap_err().condition, Condition::ResourceConstraint);
}

#[test]
fn a_room_to_which_nobody_comes_is_left() {
    let mut world = World::new();
    world.request("a");
    world.pass(Duration::from_secs(14));
    assert_eq!(world.director.rooms().len(), 1);
    world.pass(Duration::from_secs(1));
    assert_eq!(world.director.rooms().len(), 0);
    assert_eq!(world.last_presence().attr("type"), Some("unavailable"));
}

#[test]
fn a_focus_without_a_connection_says_so() {
    let mut world = World::unconnected(Config::default());
    world
        .director
        .handle_request(RequestId(1), None, &ConferenceRequest::new(ROOM), world.now);
    world.pump();
    let (_, answer) = world.http.pop().unwrap();
    assert_eq!(answer.unwrap_err().condition, Condition::ServiceUnavailable);
}

#[test]
fn who_asks_during_an_outage_is_answered_after_it() {
    let mut world = World::new();
    world.disconnect();
    world
        .director
        .handle_request(RequestId(1), None, &ConferenceRequest::new(ROOM), world.now);
    world.pump_into_the_void();
    assert!(world.http.is_empty());
    world.connect(false);
    let (_, answer) = world.http.pop().unwrap();
    assert!(answer.unwrap().ready);
}

#[test]
fn the_data_channel_is_offered_when_both_sides_can() {
    let mut config = Config::default();
    config.conference.sctp = true;
    let mut world = World::with(config);
    world.bridge("jvb1");
    world.join("a", Level::Current);
    world.join("b", Level::DataChannel);
    let names = |nick: &str| -> Vec<String> {
        world
            .offer(nick)
            .contents
            .iter()
            .map(|c| c.name.clone())
            .collect()
    };
    assert_eq!(names("a"), ["audio", "video"], "this client cannot");
    assert_eq!(names("b"), ["audio", "video", "data"]);
    let data = world.offer("b").contents[2]
        .transport
        .clone()
        .unwrap()
        .sctpmap
        .unwrap();
    assert_eq!(
        (data.number, data.protocol.as_str(), data.streams),
        (5000, "webrtc-datachannel", Some(1024))
    );
}

#[test]
fn people_who_waited_for_a_bridge_are_invited_in_one_order_always() {
    let mut world = World::new();
    let nicks: Vec<String> = (10..30).map(|number| format!("p{number}")).collect();
    for nick in &nicks {
        world.join(nick, Level::Current);
    }
    world.bridge("jvb1");
    let requests = &world.bridges["jvb1"].requests;
    let asked: Vec<&str> = requests
        .iter()
        .flat_map(|request| &request.endpoints)
        .map(|endpoint| endpoint.id.as_str())
        .collect();
    assert_eq!(asked, nicks);
}
