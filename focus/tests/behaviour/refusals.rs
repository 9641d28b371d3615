//! What must not be done, and the errors that say so.

use xmpp::jingle::{Action, Jingle};
use xmpp::source::EndpointSources;
use xmpp::stanza::{self, Condition};
use xmpp::xml::{ElementExt, element};
use xmpp::{Element, ns};

use super::world::{Level, ROOM, World, contents, sources};

fn session(world: &World, nick: &str) -> String {
    let summary = world.director.conference(ROOM).unwrap();
    summary
        .participants
        .into_iter()
        .find(|p| p.id == nick)
        .unwrap()
        .session
        .unwrap()
        .0
}

#[test]
fn jingle_for_somebody_else_s_session_is_refused() {
    let mut world = World::meeting(Level::Current);
    let of_b = session(&world, "b");
    let mut end = Jingle::new(Action::SessionTerminate, &of_b);
    end.contents = Vec::new();
    let error = world.jingle("a", &end).unwrap_err();
    assert_eq!(error.condition, Condition::ItemNotFound);
    assert!(world.endpoints("jvb1").contains("b"));
}

#[test]
fn jingle_from_outside_the_room_is_refused() {
    let mut world = World::meeting(Level::Current);
    let of_b = session(&world, "b");
    for from in ["stranger@meet.shoal/x".to_owned(), format!("{ROOM}/nobody")] {
        let iq = element("iq", ns::CLIENT)
            .with_attr("type", "set")
            .with_attr("id", "1")
            .with_attr("from", &from)
            .with_child(&Jingle::new(Action::SessionTerminate, &of_b));
        world.feed(iq);
        assert!(world.endpoints("jvb1").contains("b"), "{from}");
    }
    let reply = world.replies.last().unwrap();
    assert_eq!(
        stanza::error_of(reply).unwrap().condition,
        Condition::ItemNotFound
    );
}

#[test]
fn requests_out_of_order_and_unknown_actions_are_refused() {
    let mut world = World::meeting(Level::Current);
    let sid = session(&world, "a");
    let cases = [
        (
            Action::SessionAccept,
            sid.as_str(),
            Condition::UnexpectedRequest,
        ),
        (
            Action::ContentAdd,
            sid.as_str(),
            Condition::FeatureNotImplemented,
        ),
        (
            Action::SessionInitiate,
            sid.as_str(),
            Condition::FeatureNotImplemented,
        ),
        (Action::SourceAdd, "unknown", Condition::ItemNotFound),
    ];
    for (action, sid, condition) in cases {
        let error = world
            .jingle("a", &Jingle::new(action.clone(), sid))
            .unwrap_err();
        assert_eq!(error.condition, condition, "{action}");
    }
}

#[test]
fn sources_that_break_the_rules_are_refused_and_change_nothing() {
    let mut world = World::meeting(Level::Json);
    let sid = session(&world, "a");
    let stolen = EndpointSources {
        video: sources("b", 2000).video,
        ..EndpointSources::default()
    };
    let unknown = EndpointSources {
        audio: sources("b", 2000).audio,
        ..EndpointSources::default()
    };
    for (action, sources) in [(Action::SourceAdd, stolen), (Action::SourceRemove, unknown)] {
        let mut jingle = Jingle::new(action.clone(), &sid);
        jingle.contents = contents(&sources);
        let error = world.jingle("a", &jingle).unwrap_err();
        assert_eq!(error.condition, Condition::BadRequest, "{action}");
        assert!(error.text.is_some());
    }
    assert!(world.jingles("b").is_empty());
    assert!(world.bridges["jvb1"].requests.is_empty());
}

#[test]
fn an_accept_with_bad_sources_can_be_repeated() {
    let mut world = World::new();
    world.bridge("jvb1");
    world.join("a", Level::Current);
    world.join("b", Level::Current);
    let mut bad = world.acceptance("a", 1000);
    for source in &mut bad.contents[1].description.as_mut().unwrap().sources {
        source.source.msid = None;
    }
    assert_eq!(
        world.jingle("a", &bad).unwrap_err().condition,
        Condition::BadRequest
    );
    world.accept("a", 1000);
}

#[test]
fn visitors_send_nothing() {
    let mut world = World::new();
    world.bridge("jvb1");
    world.join("a", Level::Current);
    world.join("b", Level::Current);
    world.set_role("b", "visitor");
    let accept = world.acceptance("b", 2000);
    assert_eq!(
        world.jingle("b", &accept).unwrap_err().condition,
        Condition::Forbidden
    );
}

#[test]
fn senders_beyond_the_limit_are_refused() {
    let mut config = focus::Config::default();
    config.conference.max_video_senders = 1;
    let mut world = World::with(config);
    world.bridge("jvb1");
    world.join("a", Level::Current);
    world.join("b", Level::Current);
    world.accept("a", 1000);
    let info = |n: &str| {
        element("SourceInfo", ns::CLIENT).with_text(format!(r#"{{"{n}-v0":{{"muted":false}}}}"#))
    };
    world.say_instead("a", info("a"));
    let accept = world.acceptance("b", 2000);
    assert_eq!(
        world.jingle("b", &accept).unwrap_err().condition,
        Condition::ResourceConstraint
    );
}

#[test]
fn answers_from_somebody_else_do_not_count() {
    let mut world = World::new();
    world.bridge("jvb1");
    world.bridges.get_mut("jvb1").unwrap().mood = super::world::Mood::Silent;
    world.join("a", Level::Current);
    world.join("b", Level::Current);
    let before = world.director.counters().refused_stanzas;
    let id = world.last_request_id();
    let forged = element("iq", ns::CLIENT)
        .with_attr("type", "error")
        .with_attr("id", id)
        .with_attr("from", format!("{ROOM}/a"));
    world.feed(forged);
    assert_eq!(world.director.counters().refused_stanzas, before + 1);
}

#[test]
fn nonsense_changes_nothing() {
    let mut world = World::meeting(Level::Current);
    let texts = [
        "<iq xmlns='jabber:client' type='set' id='1' from='r@muc.meet.shoal/a'/>",
        "<iq xmlns='jabber:client' type='set' id='1' from='r@muc.meet.shoal/a'><jingle xmlns='urn:xmpp:jingle:1'/></iq>",
        "<iq xmlns='jabber:client' type='nonsense' id='1' from='r@muc.meet.shoal/a'/>",
        "<iq xmlns='jabber:client' type='set' id='1' from='@@@'><conference xmlns='http://jitsi.org/protocol/focus'/></iq>",
        "<iq xmlns='jabber:client' type='result'/>",
        "<presence xmlns='jabber:client' from='r@muc.meet.shoal'/>",
        "<presence xmlns='jabber:client' type='error' from='jvbbrewery@internal-muc.meet.shoal/x'/>",
        "<presence xmlns='jabber:client' from='jvbbrewery@internal-muc.meet.shoal/x'><stats xmlns='http://jitsi.org/protocol/colibri'><stat name='stress_level' value='NaN'/></stats></presence>",
        "<message xmlns='jabber:client' from='avmoderation.meet.shoal'><json-message xmlns='http://jitsi.org/jitmeet'>{\"type\":</json-message></message>",
        "<message xmlns='jabber:client'/>",
    ];
    for text in texts {
        let stanza: Element = text.parse().unwrap();
        world.feed(stanza);
    }
    assert_eq!(
        world.director.conference(ROOM).unwrap().participants.len(),
        3
    );
    assert_eq!(world.director.counters().panics, 0);
}
