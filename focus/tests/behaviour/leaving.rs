//! How participants and conferences end.

use std::time::Duration;

use xmpp::jingle::ReasonCondition;

use super::world::{Level, World};

#[test]
fn a_participant_that_leaves_frees_its_endpoint_and_nobody_is_told() {
    let mut world = World::meeting(Level::Json);
    world.leave("c");
    assert_eq!(
        world.endpoints("jvb1").into_iter().collect::<Vec<_>>(),
        ["a", "b"]
    );
    assert!(
        world.jingles("a").is_empty(),
        "its leaving is seen by everybody anyway"
    );
}

#[test]
fn a_bridge_is_told_once_that_a_meeting_is_over() {
    let mut world = World::meeting(Level::Current);
    world.clear_requests();
    for nick in ["a", "b", "c"] {
        world.leave(nick);
    }
    world.pass(Duration::from_secs(60));
    assert!(world.director.rooms().is_empty());
    let farewells = world.bridges["jvb1"]
        .requests
        .iter()
        .filter(|request| request.expire)
        .count();
    assert_eq!(farewells, 1, "a second one is answered with an error");
}

#[test]
fn somebody_alone_is_let_go_after_twenty_seconds() {
    let mut world = World::meeting(Level::Current);
    world.leave("b");
    world.leave("c");
    world.pass(Duration::from_secs(19));
    assert!(world.jingles("a").is_empty());
    world.pass(Duration::from_secs(1));
    let end = world.last("a");
    assert_eq!(end.action.as_str(), "session-terminate");
    let reason = end.reason.unwrap();
    assert_eq!(reason.condition, Some(ReasonCondition::Expired));
    assert_eq!(reason.text.as_deref(), Some("Idle session timeout"));
    assert!(
        world.bridges["jvb1"].conferences.is_empty(),
        "the bridge is released"
    );
    assert_eq!(world.director.rooms().len(), 1, "the room stays open");

    world.join("d", Level::Current);
    assert_eq!(
        world.verbs("a").last().map(String::as_str),
        Some("session-initiate")
    );
    assert_eq!(world.verbs("d"), ["session-initiate"]);
}

#[test]
fn somebody_who_comes_within_the_twenty_seconds_changes_nothing_for_the_other() {
    let mut world = World::meeting(Level::Current);
    world.leave("b");
    world.leave("c");
    world.pass(Duration::from_secs(10));
    world.join("d", Level::Current);
    world.pass(Duration::from_secs(60));
    assert!(world.jingles("a").is_empty());
    assert_eq!(world.verbs("d"), ["session-initiate"]);
}

#[test]
fn the_last_one_ends_the_conference() {
    let mut world = World::meeting(Level::Current);
    for nick in ["a", "b", "c"] {
        world.leave(nick);
    }
    assert!(world.director.rooms().is_empty());
    assert!(world.bridges["jvb1"].conferences.is_empty());
    assert_eq!(world.last_presence().attr("type"), Some("unavailable"));

    world.join("a", Level::Current);
    world.join("b", Level::Current);
    assert_eq!(
        world.verbs("b"),
        ["session-initiate"],
        "the room can be opened again"
    );
}

#[test]
fn the_room_is_kept_for_somebody_who_has_asked_for_it() {
    let mut world = World::meeting(Level::Current);
    world.request("d");
    for nick in ["a", "b", "c"] {
        world.leave(nick);
    }
    assert_eq!(world.director.rooms().len(), 1, "d is on the way");
    world.pass(Duration::from_secs(14));
    world.enter("d", Level::Current);
    world.join("e", Level::Current);
    assert_eq!(world.verbs("d"), ["session-initiate"]);
    world.leave("d");
    world.leave("e");
    assert!(world.director.rooms().is_empty());
}

#[test]
fn the_room_is_not_kept_for_ever_for_somebody_who_never_comes() {
    let mut world = World::meeting(Level::Current);
    world.request("d");
    for nick in ["a", "b", "c"] {
        world.leave(nick);
    }
    world.pass(Duration::from_secs(15));
    assert!(world.director.rooms().is_empty());
}

#[test]
fn a_new_moderator_is_elected_when_the_moderator_leaves() {
    let mut world = World::meeting(Level::Current);
    world.leave("a");
    assert_eq!(world.clients["b"].affiliation, "owner");
    assert_eq!(world.clients["c"].affiliation, "none");
}

#[test]
fn an_ssrc_can_be_used_again_after_its_owner_left() {
    let mut world = World::meeting(Level::Current);
    world.leave("c");
    world.join("c", Level::Current);
    world.accept("c", 3000);
    assert_eq!(
        world
            .director
            .conference(super::world::ROOM)
            .unwrap()
            .participants
            .len(),
        3
    );
}
