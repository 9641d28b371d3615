//! ICE failure, restarts, and the end of sessions.

use std::time::Duration;

use xmpp::jingle::{Action, BridgeSession, Content, IceState, Jingle, Reason, ReasonCondition};
use xmpp::stanza::Condition;

use super::world::{Level, World, bridge_session, client_transport};

struct Meeting {
    world: World,
    sid: String,
    bridge: String,
}

fn meeting() -> Meeting {
    let mut world = World::new();
    world.bridge("jvb1");
    for nick in ["a", "b"] {
        world.join(nick, Level::Current);
    }
    world.accept("a", 1000);
    world.accept("b", 2000);
    let (sid, bridge) = (world.offer("a").sid, world.bridge_session("a"));
    world.clear();
    Meeting { world, sid, bridge }
}

fn restart(sid: &str, bridge: &str) -> Jingle {
    let mut jingle = Jingle::new(Action::SessionTerminate, sid);
    jingle.reason = Some(Reason::new(ReasonCondition::ConnectivityError).with_text("ICE FAILED"));
    jingle.bridge_session = Some(BridgeSession {
        restart: true,
        ..bridge_session(bridge)
    });
    jingle
}

#[test]
fn failed_ice_leads_to_a_new_session_on_the_same_bridge() {
    let Meeting {
        mut world,
        sid,
        bridge,
    } = meeting();
    let mut info = Jingle::new(Action::SessionInfo, &sid);
    info.ice_state = Some(IceState::Failed);
    info.bridge_session = Some(bridge_session(&bridge));
    world.jingle("a", &info).unwrap();
    assert_eq!(world.verbs("a"), ["session-terminate", "session-initiate"]);
    let jingles = world.jingles("a");
    assert_eq!(jingles[0].sid, sid);
    assert_eq!(
        jingles[0].reason.as_ref().unwrap().text.as_deref(),
        Some("moving")
    );
    assert_ne!(jingles[1].sid, sid);
    assert!(world.jingles("b").is_empty(), "others are not affected");
    assert_eq!(world.endpoints("jvb1").len(), 2);
}

#[test]
fn failed_ice_of_a_bridge_session_that_is_over_is_ignored() {
    let Meeting { mut world, sid, .. } = meeting();
    let mut info = Jingle::new(Action::SessionInfo, &sid);
    info.ice_state = Some(IceState::Failed);
    info.bridge_session = Some(bridge_session("another"));
    world.jingle("a", &info).unwrap();
    assert!(world.jingles("a").is_empty());
}

#[test]
fn a_client_may_ask_for_a_new_session_now_and_then() {
    let Meeting {
        mut world,
        sid,
        bridge,
    } = meeting();
    world.jingle("a", &restart(&sid, &bridge)).unwrap();
    assert_eq!(
        world.verbs("a"),
        ["session-initiate"],
        "the client ended the old one itself"
    );
    let again = restart(&world.offer("a").sid, &world.bridge_session("a"));
    let error = world.jingle("a", &again).unwrap_err();
    assert_eq!(
        error.condition,
        Condition::ResourceConstraint,
        "twice within five seconds"
    );
    assert_eq!(world.verbs("a"), ["session-initiate"], "and no new session");
    assert!(!world.endpoints("jvb1").contains("a"));
}

#[test]
fn restarts_are_possible_again_after_five_seconds() {
    let Meeting {
        mut world,
        sid,
        bridge,
    } = meeting();
    world.jingle("a", &restart(&sid, &bridge)).unwrap();
    world.pass(Duration::from_secs(5));
    let again = restart(&world.offer("a").sid, &world.bridge_session("a"));
    world.jingle("a", &again).unwrap();
    assert_eq!(world.verbs("a").len(), 2);
}

#[test]
fn a_restart_of_another_bridge_session_is_refused() {
    let Meeting { mut world, sid, .. } = meeting();
    let error = world.jingle("a", &restart(&sid, "another")).unwrap_err();
    assert_eq!(error.condition, Condition::ItemNotFound);
    assert!(world.jingles("a").is_empty());
}

#[test]
fn a_client_that_ends_its_session_gets_no_other() {
    let Meeting { mut world, sid, .. } = meeting();
    let mut end = Jingle::new(Action::SessionTerminate, &sid);
    end.reason = Some(Reason::new(ReasonCondition::Success));
    world.jingle("a", &end).unwrap();
    assert!(world.jingles("a").is_empty());
    assert!(!world.endpoints("jvb1").contains("a"));
    let error = world.jingle("a", &end).unwrap_err();
    assert_eq!(error.condition, Condition::Gone);
    world.join("c", Level::Current);
    assert!(world.jingles("a").is_empty(), "not even when others come");
}

#[test]
fn transport_updates_go_to_the_bridge() {
    let Meeting { mut world, sid, .. } = meeting();
    let mut info = Jingle::new(Action::TransportInfo, &sid);
    assert_eq!(
        world.jingle("a", &info).unwrap_err().condition,
        Condition::BadRequest
    );
    let mut content = Content::new("audio");
    content.transport = Some(client_transport());
    info.contents.push(content);
    world.jingle("a", &info).unwrap();
    let update = world.bridges["jvb1"].requests.last().unwrap();
    assert!(
        update.endpoints[0]
            .transport
            .as_ref()
            .unwrap()
            .ice
            .is_some()
    );
    assert!(update.endpoints[0].sources.is_none(), "only what changed");
}

fn ice_restart(sid: &str, bridge: &str) -> Jingle {
    let mut jingle = Jingle::new(Action::SessionInfo, sid);
    jingle.bridge_session = Some(BridgeSession {
        ice_restart: true,
        ..bridge_session(bridge)
    });
    jingle
}

#[test]
fn ice_is_restarted_in_place() {
    let Meeting {
        mut world,
        sid,
        bridge,
    } = meeting();
    world.bridges.get_mut("jvb1").unwrap().ice_generation = Some(1);
    world.jingle("a", &ice_restart(&sid, &bridge)).unwrap();
    let info = world.last("a");
    assert_eq!(
        (info.action.clone(), info.sid.as_str()),
        (Action::TransportInfo, sid.as_str())
    );
    assert_eq!(info.contents[0].name, "audio");
    assert_eq!(info.transport().unwrap().ice_generation, Some(1));
    let mut back = Jingle::new(Action::TransportInfo, &sid);
    let mut content = Content::new("audio");
    let mut transport = client_transport();
    transport.ice_generation = Some(1);
    content.transport = Some(transport);
    back.contents.push(content);
    world.jingle("a", &back).unwrap();
    let told = world.bridges["jvb1"].requests.last().unwrap().endpoints[0]
        .transport
        .clone()
        .unwrap();
    assert_eq!(told.ice.unwrap().ice_generation, Some(1));
}

#[test]
fn an_ice_restart_before_ice_is_up_changes_nothing() {
    let Meeting {
        mut world,
        sid,
        bridge,
    } = meeting();
    world.bridges.get_mut("jvb1").unwrap().ice_generation = Some(0);
    world.jingle("a", &ice_restart(&sid, &bridge)).unwrap();
    assert!(world.jingles("a").is_empty());
}

#[test]
fn an_ice_restart_that_the_bridge_cannot_do_becomes_a_new_session() {
    let Meeting {
        mut world,
        sid,
        bridge,
    } = meeting();
    world.jingle("a", &ice_restart(&sid, &bridge)).unwrap();
    assert_eq!(world.verbs("a"), ["session-terminate", "session-initiate"]);
}

#[test]
fn ice_restarts_of_other_bridge_sessions_and_too_many_are_refused() {
    let Meeting {
        mut world,
        sid,
        bridge,
    } = meeting();
    let other = world
        .jingle("a", &ice_restart(&sid, "another"))
        .unwrap_err();
    assert_eq!(other.condition, Condition::ItemNotFound);
    world.bridges.get_mut("jvb1").unwrap().ice_generation = Some(1);
    world.jingle("a", &ice_restart(&sid, &bridge)).unwrap();
    let again = world.jingle("a", &ice_restart(&sid, &bridge)).unwrap_err();
    assert_eq!(again.condition, Condition::ResourceConstraint);
}

#[test]
fn a_client_that_refuses_the_session_is_let_go() {
    let mut world = World::new();
    world.bridge("jvb1");
    world.join("a", Level::Current);
    world.clients.get_mut("a").unwrap().refuses = true;
    world.join("b", Level::Current);
    assert_eq!(world.verbs("a"), ["session-initiate", "session-terminate"]);
    let reason = world.last("a").reason.unwrap();
    assert_eq!(reason.condition, Some(ReasonCondition::GeneralError));
    assert_eq!(reason.text.as_deref(), Some("jingle session failed"));
    assert!(!world.endpoints("jvb1").contains("a"));
    assert!(world.endpoints("jvb1").contains("b"));
}
