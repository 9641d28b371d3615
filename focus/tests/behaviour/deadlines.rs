//! Nothing is waited for without end, and what cannot be had is said at once.

use std::time::Duration;

use focus::{Config, RequestId};
use xmpp::conference::{ConferenceAnswer, ConferenceRequest};
use xmpp::stanza::{self, Condition, StanzaError};
use xmpp::xml::ElementExt;

use super::world::{BREWERY, Level, ROOM, World};

const TENANTS_ROOM: &str = "maths@muc.school.meet.shoal";

#[test]
fn a_room_that_does_not_answer_is_given_up_and_whoever_asked_is_told() {
    let mut world = World::new();
    world.rooms_silent = true;
    world.request("a");
    assert_eq!(world.director.rooms(), [ROOM]);
    world.pass(Duration::from_secs(16));
    assert!(world.director.rooms().is_empty());
    let error = stanza::error_of(world.replies.last().unwrap()).unwrap();
    assert_eq!(error.condition, Condition::RemoteServerTimeout);
    world.rooms_silent = false;
    world.join("a", Level::Current);
    assert_eq!(world.director.rooms(), [ROOM], "it can be had later");
}

#[test]
fn rooms_that_never_answer_do_not_use_up_the_focus() {
    let mut world = World::with(Config {
        max_conferences: 50,
        ..Config::default()
    });
    world.rooms_silent = true;
    for round in 0..4_u64 {
        for number in 0..50 {
            let request = ConferenceRequest::new(format!("r{number}@muc.meet.shoal"));
            let id = RequestId(round * 50 + number);
            world.director.handle_request(id, None, &request, world.now);
            world.pump();
        }
        world.pass(Duration::from_secs(16));
    }
    assert_eq!(world.http.len(), 200, "everybody is answered");
    world.rooms_silent = false;
    world.join("a", Level::Current);
    assert_eq!(world.director.rooms(), [ROOM]);
}

#[test]
fn an_outage_is_not_the_rooms_silence() {
    let mut world = World::new();
    world.rooms_silent = true;
    world.request("a");
    world.director.handle_offline();
    world.pass(Duration::from_secs(60));
    assert_eq!(world.director.rooms(), [ROOM]);
    world.connect(true);
    world.pass(Duration::from_secs(1));
    assert_eq!(world.director.rooms(), [ROOM], "its answer is on the way");
    world.pass(Duration::from_secs(7));
    assert!(world.director.rooms().is_empty());
}

#[test]
fn a_room_that_is_asked_for_and_that_nobody_enters_is_left() {
    let mut world = World::new();
    for _ in 0..3 {
        world.request("a");
        world.pass(Duration::from_secs(10));
    }
    world.pass(Duration::from_secs(6));
    assert!(world.director.rooms().is_empty());
}

#[test]
fn a_room_that_nobody_enters_is_not_kept_by_asking_again() {
    let mut world = World::new();
    world.request("a");
    for _ in 0..11 {
        world.pass(Duration::from_secs(5));
        world.request("a");
    }
    assert_eq!(world.director.rooms(), [ROOM], "somebody may yet come");
    world.pass(Duration::from_secs(5));
    assert!(world.director.rooms().is_empty());
    // Whoever enters has the room for as long as it lasts.
    world.request("a");
    world.pass(Duration::from_secs(10));
    world.enter("a", Level::Current);
    for _ in 0..20 {
        world.pass(Duration::from_secs(5));
        world.request("b");
    }
    assert_eq!(world.director.rooms(), [ROOM]);
    // Left by everybody, it is empty anew.
    world.leave("a");
    for _ in 0..11 {
        world.pass(Duration::from_secs(5));
        world.request("b");
    }
    assert_eq!(world.director.rooms(), [ROOM]);
    world.pass(Duration::from_secs(5));
    assert!(world.director.rooms().is_empty());
}

#[test]
fn a_tenants_room_is_one_conference_under_both_addresses() {
    let mut world = World::new();
    world.bridge("jvb1");
    world.join_elsewhere(TENANTS_ROOM, "a", Level::Current);
    let reply = world.request_room("b", "[school]maths@muc.meet.shoal");
    let answer = ConferenceAnswer::try_from(stanza::payload(&reply).unwrap()).unwrap();
    assert!(answer.ready);
    assert_eq!(world.director.rooms(), [TENANTS_ROOM]);
    world.join_elsewhere(TENANTS_ROOM, "b", Level::Current);
    for nick in ["a", "b"] {
        assert_eq!(world.verbs(nick), ["session-initiate"], "{nick}");
    }
    let request = ConferenceRequest::new("[school]maths@muc.meet.shoal");
    world
        .director
        .handle_request(RequestId(1), None, &request, world.now);
    assert_eq!(world.director.rooms(), [TENANTS_ROOM], "also over HTTP");
}

#[test]
fn a_room_in_which_no_conference_can_be_is_refused_at_once() {
    let mut world = World::new();
    for room in [
        "[a.b]maths@muc.meet.shoal",
        "[]maths@muc.meet.shoal",
        "maths@muc.a.b.meet.shoal",
        "maths@muc.school.else.where",
        "maths@meet.shoal",
        "muc.meet.shoal",
        BREWERY,
    ] {
        let reply = world.request_room("a", room);
        let error = stanza::error_of(&reply).unwrap_or_else(|| panic!("{room} is refused"));
        assert_eq!(error.condition, Condition::BadRequest, "{room}");
        assert!(world.director.rooms().is_empty(), "{room}");
    }
}

#[test]
fn rooms_of_tenants_are_picked_up_under_the_address_that_the_focus_sees() {
    let mut world = World::new();
    world.bridge("jvb1");
    for nick in ["a", "b"] {
        world.join_elsewhere(TENANTS_ROOM, nick, Level::Current);
    }
    world.rooms_listed = vec!["[school]maths@muc.meet.shoal".to_owned()];
    world.restart_focus(Config::default());
    assert_eq!(world.director.rooms(), [TENANTS_ROOM]);
}

fn no_room(world: &World) -> Option<String> {
    world.director.overview(world.now).no_room
}

#[test]
fn a_focus_that_can_open_no_room_is_unwell_until_it_can() {
    let mut world = World::new();
    world.pass(Duration::from_secs(1));
    assert_eq!(no_room(&world), None);
    world.rooms_silent = true;
    world.pass(Duration::from_secs(16));
    let trouble = no_room(&world).unwrap();
    assert!(trouble.contains("did not open a room"), "{trouble}");
    world.rooms_silent = false;
    world.rooms_refused = true;
    world.pass(Duration::from_secs(10));
    let trouble = no_room(&world).unwrap();
    assert!(trouble.contains("resource-constraint"), "{trouble}");
    world.rooms_refused = false;
    world.pass(Duration::from_secs(10));
    assert_eq!(no_room(&world), None);
    assert!(world.director.rooms().is_empty());
}

#[test]
fn a_focus_that_is_full_says_so() {
    let mut world = World::with(Config {
        max_conferences: 1,
        ..Config::default()
    });
    world.join("a", Level::Current);
    assert!(no_room(&world).unwrap().contains("max_conferences"));
    world.leave("a");
    assert_eq!(no_room(&world), None);
}

#[test]
fn a_brewery_that_does_not_answer_is_tried_again() {
    let mut world = World::unconnected(Config::default());
    world.brewery_silent = true;
    world.connect(false);
    world.pass(Duration::from_secs(20));
    assert!(!world.director.overview(world.now).brewery_joined);
    world.brewery_silent = false;
    world.pass(Duration::from_secs(20));
    assert!(world.director.overview(world.now).brewery_joined);
}

#[test]
fn an_error_about_an_earlier_stay_does_not_end_the_next_one() {
    let mut world = World::new();
    world.rooms_silent = true;
    world.request("a");
    let occupant = format!("{ROOM}/focus");
    let leave = stanza::presence_unavailable(&occupant.parse().unwrap()).with_attr("id", "leave");
    let gone = StanzaError::new(Condition::ItemNotFound);
    world.feed(stanza::error_reply(&leave, &gone));
    assert_eq!(world.director.rooms(), [ROOM]);
    let id = world.joins.last().unwrap().attr("id").unwrap().to_owned();
    let join = stanza::presence(&occupant.parse().unwrap()).with_attr("id", id);
    world.feed(stanza::error_reply(&join, &gone));
    assert!(world.director.rooms().is_empty());
    let error = stanza::error_of(world.replies.last().unwrap()).unwrap();
    assert_eq!(error.condition, Condition::ItemNotFound);
}
