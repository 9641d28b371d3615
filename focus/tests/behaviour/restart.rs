//! The focus loses its connection, or its life; meetings go on.

use std::time::Duration;

use focus::Config;
use xmpp::xml::{ElementExt, element};
use xmpp::{Element, ns};

use super::world::{Level, ROOM, World};

#[test]
fn after_a_new_connection_running_sessions_stay_as_they_are() {
    let mut world = World::meeting(Level::Current);
    world.disconnect();
    world.connect(false);
    for nick in ["a", "b", "c"] {
        assert!(world.jingles(nick).is_empty(), "{nick}");
    }
    world.join("d", Level::Current);
    assert_eq!(world.verbs("d"), ["session-initiate"]);
    world.send_transport("a");
    assert_eq!(world.endpoints("jvb1").len(), 4);
}

#[test]
fn a_resumed_connection_changes_nothing_at_all() {
    let mut world = World::meeting(Level::Current);
    world.director.handle_offline();
    world.connect(true);
    assert!(world.presences.is_empty());
    world.join("d", Level::Current);
    assert_eq!(world.verbs("d"), ["session-initiate"]);
}

#[test]
fn who_left_meanwhile_is_forgotten_and_bridges_that_left_are_replaced() {
    let mut world = World::meeting(Level::Current);
    world.bridge("jvb2");
    world.disconnect();
    world.clients.remove("c");
    world.bridges.remove("jvb1");
    world.connect(false);
    let summary = world.director.conference(ROOM).unwrap();
    assert_eq!(summary.participants.len(), 2);
    assert_eq!(
        world.endpoints("jvb2").into_iter().collect::<Vec<_>>(),
        ["a", "b"]
    );
}

#[test]
fn a_room_that_emptied_meanwhile_is_left() {
    let mut world = World::meeting(Level::Current);
    world.disconnect();
    world.clients.clear();
    world.connect(false);
    assert!(world.director.rooms().is_empty());
    assert!(world.bridges["jvb1"].conferences.is_empty());
}

#[test]
fn requests_that_the_lost_connection_swallowed_are_made_again() {
    let mut world = World::new();
    world.bridge("jvb1");
    world.bridges.get_mut("jvb1").unwrap().mood = super::world::Mood::Silent;
    world.join("a", Level::Current);
    world.join("b", Level::Current);
    world.disconnect();
    world.bridges.get_mut("jvb1").unwrap().mood = super::world::Mood::Answers;
    world.connect(false);
    world.pass(Duration::from_secs(2));
    assert_eq!(world.verbs("a"), ["session-initiate"]);
    assert_eq!(world.verbs("b"), ["session-initiate"]);
}

/// The room lets the focus keep a text; `from` is who says so.
fn memory(from: &str, text: &str) -> Element {
    element("message", ns::CLIENT)
        .with_attr("from", from)
        .with_child(element("memory", ns::ROOM_MEMORY).with_text(text))
}

/// The server is killed and comes back without anybody.
fn lose_everything(world: &mut World) {
    server_restarts(world);
    world.presences.clear();
    world.connect(false);
}

#[test]
fn a_room_that_the_server_has_lost_is_opened_with_what_it_let_the_focus_keep() {
    let mut world = World::meeting(Level::Current);
    world.feed(memory(ROOM, "of old"));
    world.feed(memory(ROOM, "locks"));
    world.feed(memory(&format!("{ROOM}/a"), "a person's"));
    world.feed(memory("s@muc.meet.shoal", "another room's"));
    lose_everything(&mut world);
    let kept = world.presences[0].get_child("memory", ns::ROOM_MEMORY);
    assert_eq!(kept.map(Element::text).as_deref(), Some("locks"));
    assert_eq!(world.director.rooms(), [ROOM], "people are on their way");
    // Whoever comes first is not made owner: one who was may be on the way.
    world.enter("x", Level::Current);
    world.enter("y", Level::Current);
    world.pass(Duration::from_secs(14));
    assert_eq!(world.clients["x"].affiliation, "none");
    world.pass(Duration::from_secs(2));
    assert_eq!(world.clients["x"].affiliation, "owner");
}

#[test]
fn an_owner_who_comes_back_to_a_lost_room_is_the_only_one() {
    let mut world = World::meeting(Level::Current);
    world.feed(memory(ROOM, "locks"));
    lose_everything(&mut world);
    world.enter("x", Level::Current);
    world.enter("y", Level::Current);
    world.clients.get_mut("y").unwrap().affiliation = "owner";
    world.set_role("y", "moderator");
    world.pass(Duration::from_secs(20));
    assert_eq!(world.clients["x"].affiliation, "none");
}

#[test]
fn while_people_come_back_to_a_room_that_only_their_pages_knew_nobody_else_is_made_owner() {
    let mut world = World::new();
    world.bridge("jvb1");
    world.join("x", Level::Current);
    assert_eq!(world.clients["x"].affiliation, "owner");
    let returning = |from: &str| {
        element("message", ns::CLIENT)
            .with_attr("from", from)
            .with_child(element("returning", ns::ROOM_MEMORY))
    };
    // One who was there before is back, and what was given in the meantime is void.
    world.feed(returning(ROOM));
    world.clients.get_mut("x").unwrap().affiliation = "none";
    world.set_role("x", "participant");
    world.enter("y", Level::Current);
    world.pass(Duration::from_secs(14));
    assert_eq!(world.clients["x"].affiliation, "none");
    // No owner is.
    world.pass(Duration::from_secs(2));
    assert_eq!(world.clients["x"].affiliation, "owner");
    // A person cannot say it.
    world.feed(returning(&format!("{ROOM}/y")));
    world.clients.get_mut("x").unwrap().affiliation = "none";
    world.set_role("x", "participant");
    world.pass(Duration::from_secs(1));
    assert_eq!(world.clients["x"].affiliation, "owner");
}

#[test]
fn a_lost_room_to_which_nobody_comes_back_is_left() {
    let mut world = World::meeting(Level::Current);
    lose_everything(&mut world);
    world.pass(Duration::from_secs(29));
    assert_eq!(world.director.rooms(), [ROOM]);
    world.pass(Duration::from_secs(2));
    assert!(world.director.rooms().is_empty());
}

#[test]
fn a_new_focus_picks_up_the_rooms_it_finds() {
    let mut world = World::meeting(Level::Current);
    let old = world.director.conference(ROOM).unwrap().participants[0]
        .session
        .clone()
        .unwrap()
        .0;
    world.rooms_listed = vec![
        ROOM.to_owned(),
        "__jicofo-health-check-1@muc.meet.shoal".to_owned(),
    ];
    world.restart_focus(Config::default());
    assert_eq!(world.director.rooms(), [ROOM]);
    for nick in ["a", "b", "c"] {
        let jingles = world.jingles(nick);
        let verbs = world.verbs(nick);
        assert_eq!(
            verbs.last().map(String::as_str),
            Some("session-initiate"),
            "{nick}: {verbs:?}"
        );
        assert_eq!(
            verbs.iter().filter(|v| *v == "session-initiate").count(),
            1,
            "{nick}"
        );
        if nick == "a" {
            assert!(
                jingles
                    .iter()
                    .any(|j| j.action.as_str() == "session-terminate" && j.sid == old),
                "the session that the client knows is ended"
            );
        }
    }
    assert_eq!(
        world.endpoints("jvb1").len(),
        3,
        "the bridge has forgotten the old conference"
    );
    for (nick, first) in [("a", 1000), ("b", 2000), ("c", 3000)] {
        world.accept(nick, first);
    }
    world.join("d", Level::Current);
    assert_eq!(
        world.verbs("d"),
        ["session-initiate"],
        "newcomers have no old session"
    );
    assert_eq!(
        world.clients["d"].affiliation, "none",
        "the moderator is still there"
    );
}

#[test]
fn a_room_that_is_asked_for_after_a_restart_is_picked_up_too() {
    let mut world = World::meeting(Level::Current);
    world.restart_focus(Config::default());
    assert!(
        world.director.rooms().is_empty(),
        "the server does not list it"
    );
    world.join("d", Level::Current);
    for nick in ["a", "d"] {
        assert_eq!(
            world.verbs(nick).last().map(String::as_str),
            Some("session-initiate"),
            "{nick}"
        );
    }
    assert_eq!(world.endpoints("jvb1").len(), 4);
}

#[test]
fn a_room_that_is_picked_up_stays_on_one_bridge_while_that_bridge_forgets_the_old_conference() {
    let mut world = World::meeting(Level::Current);
    world.bridge("jvb2");
    world.rooms_listed = vec![ROOM.to_owned()];
    world.bridges.get_mut("jvb1").unwrap().mood = super::world::Mood::Silent;
    world.restart_focus(Config::default());
    let stats = &mut world.bridges.get_mut("jvb1").unwrap().stats;
    stats.set("stress_level", 0.5);
    world.announce("jvb1");
    world.pump();
    world.bridges.get_mut("jvb1").unwrap().mood = super::world::Mood::Answers;
    world.join("d", Level::Current);
    world.pass(Duration::from_secs(20));
    assert_eq!(world.endpoints("jvb1").len(), 4);
    assert_eq!(world.endpoints("jvb2").len(), 0);
}

#[test]
fn an_empty_room_that_is_found_is_left_again() {
    let mut world = World::new();
    world.rooms_listed = vec![ROOM.to_owned()];
    world.restart_focus(Config::default());
    assert!(world.director.rooms().is_empty());
}

#[test]
fn an_outage_is_nobody_s_fault() {
    let mut world = World::new();
    world.bridge("jvb1");
    world.bridges.get_mut("jvb1").unwrap().mood = super::world::Mood::Silent;
    world.join("a", Level::Current);
    world.join("b", Level::Current);
    world.director.handle_offline();
    for _ in 0..3 {
        assert!(
            world
                .director
                .poll_timeout()
                .is_none_or(|at| at > world.now),
            "the loop sleeps"
        );
        world.pass(Duration::from_secs(20));
    }
    world.connect(true);
    let bridges = world.director.bridge_summaries(world.now);
    assert!(bridges[0].operational, "its answers could not arrive");
}

/// A meeting at a server that keeps what a focus knows.
fn remembered(level: Level) -> World {
    let mut world = World::new();
    world.keeps = true;
    world.rooms_listed = vec![ROOM.to_owned()];
    world.connect(false);
    world.bridge("jvb1");
    for (nick, first) in [("a", 1000), ("b", 2000), ("c", 3000)] {
        world.join(nick, level);
        if nick == "b" {
            world.accept("a", 1000);
        }
        if nick != "a" {
            world.accept(nick, first);
        }
    }
    world.pass(Duration::from_secs(1));
    world.clear();
    world
}

#[test]
fn a_new_focus_that_remembers_leaves_running_sessions_alone() {
    let mut world = remembered(Level::Json);
    world.restart_focus(Config::default());
    for nick in ["a", "b", "c"] {
        assert!(
            world.jingles(nick).is_empty(),
            "{nick}: {:?}",
            world.verbs(nick)
        );
    }
    world.join("d", Level::Json);
    let offered = world.offer("d").sources();
    assert_eq!(
        offered.by_owner.keys().collect::<Vec<_>>(),
        ["a", "b", "c", "jvb"]
    );
    world.accept("d", 4000);
    assert_eq!(
        world.verbs("a"),
        ["source-add"],
        "the others hear of the newcomer"
    );
    world.send_transport("a");
    assert_eq!(world.endpoints("jvb1").len(), 4);
    assert_eq!(
        world.clients["d"].affiliation, "none",
        "there is a moderator"
    );
}

#[test]
fn what_is_remembered_of_a_bridge_is_checked_with_it() {
    let mut world = remembered(Level::Current);
    let conference = world
        .bridges
        .get_mut("jvb1")
        .unwrap()
        .conferences
        .values_mut()
        .next()
        .unwrap();
    conference.endpoints.remove("b");
    world.restart_focus(Config::default());
    assert_eq!(world.verbs("b"), ["session-terminate", "session-initiate"]);
    assert!(world.jingles("a").is_empty());
    assert_eq!(world.endpoints("jvb1").len(), 3);
}

#[test]
fn remembered_sessions_through_a_bridge_that_is_gone_are_replaced() {
    let mut world = remembered(Level::Current);
    world.bridges.remove("jvb1");
    world.bridge("jvb2");
    world.restart_focus(Config::default());
    for nick in ["a", "b", "c"] {
        assert_eq!(
            world.verbs(nick),
            ["session-terminate", "session-initiate"],
            "{nick}"
        );
    }
    assert_eq!(world.endpoints("jvb2").len(), 3);
}

#[test]
fn who_came_or_changed_while_the_focus_was_away_is_invited() {
    let mut world = remembered(Level::Current);
    world.clients.remove("c");
    world
        .clients
        .insert("d".to_owned(), World::client(Level::Current));
    world.restart_focus(Config::default());
    assert!(world.jingles("a").is_empty());
    assert_eq!(
        world.verbs("d").last().map(String::as_str),
        Some("session-initiate")
    );
    assert_eq!(
        world.endpoints("jvb1").into_iter().collect::<Vec<_>>(),
        ["a", "b", "d"]
    );
}

#[test]
fn a_conference_that_is_over_is_forgotten() {
    let mut world = remembered(Level::Current);
    assert_eq!(world.memories(), 1);
    for nick in ["a", "b", "c"] {
        world.leave(nick);
    }
    world.pass(Duration::from_secs(1));
    assert!(world.kept.is_empty());
}

#[test]
fn who_asks_before_the_new_focus_knows_the_room_does_not_have_it_begun_anew() {
    let mut world = remembered(Level::Current);
    world.keeps_silent = true;
    world.restart_focus(Config::default());
    world.join("d", Level::Current);
    assert!(world.director.rooms().is_empty());
    world.keeps_silent = false;
    world.answer_storage();
    assert!(world.jingles("a").is_empty(), "{:?}", world.verbs("a"));
    let last = world.verbs("d").pop();
    assert_eq!(last.as_deref(), Some("session-initiate"));
    assert_eq!(world.endpoints("jvb1").len(), 4);
}

#[test]
fn a_server_that_restarts_is_told_everything_again() {
    let mut world = remembered(Level::Current);
    world.disconnect();
    world.kept.clear();
    world.connect(false);
    world.pass(Duration::from_secs(1));
    assert_eq!(world.memories(), 1);
}

#[test]
fn what_is_not_yet_kept_is_sent_when_the_focus_ends() {
    let mut world = remembered(Level::Json);
    world.join("d", Level::Json);
    world.accept("d", 4000);
    world.director.handle_end(world.now);
    world.pump();
    world.clear();
    world.restart_focus(Config::default());
    for nick in ["a", "b", "c", "d"] {
        assert!(world.jingles(nick).is_empty(), "{nick}");
    }
}

/// The server has lost its rooms, and everybody has to come again.
fn server_restarts(world: &mut World) {
    world.disconnect();
    world.clients.clear();
    world.kept.clear();
    world.rooms_listed.clear();
    world.meeting = "another-meeting".to_owned();
}

#[test]
fn after_the_server_lost_its_rooms_people_meet_anew_and_the_bridge_forgets_the_old_meeting() {
    let mut world = World::meeting(Level::Current);
    server_restarts(&mut world);
    world.connect(false);
    assert_eq!(world.director.rooms(), [ROOM], "people are on their way");
    assert_eq!(
        world.endpoints("jvb1").len(),
        3,
        "media goes on until people have new sessions"
    );
    for nick in ["d", "e", "f"] {
        world.join(nick, Level::Current);
    }
    for nick in ["d", "e", "f"] {
        assert_eq!(world.verbs(nick), ["session-initiate"], "{nick}");
    }
    world.pass(Duration::from_secs(9));
    let conferences = &world.bridges["jvb1"].conferences;
    assert_eq!(
        conferences.keys().collect::<Vec<_>>(),
        ["another-meeting"],
        "the old meeting is forgotten"
    );
    assert_eq!(world.endpoints("jvb1").len(), 3);
}

#[test]
fn a_bridge_that_comes_back_later_forgets_the_meetings_that_ended_without_it() {
    let mut world = World::meeting(Level::Current);
    server_restarts(&mut world);
    let bridge = world.bridges.remove("jvb1").unwrap();
    world.connect(false);
    world.bridges.insert("jvb1".to_owned(), bridge);
    world.announce("jvb1");
    world.pump();
    assert_eq!(world.endpoints("jvb1").len(), 3);
    world.pass(Duration::from_secs(9));
    assert!(world.bridges["jvb1"].conferences.is_empty());
}

#[test]
fn who_asks_during_an_outage_is_answered_after_it() {
    for resumed in [true, false] {
        let mut world = World::meeting(Level::Current);
        if resumed {
            world.director.handle_offline();
        } else {
            world.disconnect();
        }
        world.http.clear();
        let request = xmpp::conference::ConferenceRequest::new(ROOM);
        world
            .director
            .handle_request(focus::RequestId(7), None, &request, world.now);
        world.pump();
        assert!(
            world.http.is_empty(),
            "nobody knows whether the room is there"
        );
        world.connect(resumed);
        assert_eq!(world.http.len(), 1, "resumed: {resumed}");
        assert!(world.http[0].1.is_ok());
    }
}

#[test]
fn a_bridge_that_leaves_is_soon_rid_of_meetings_that_are_over() {
    let mut world = World::meeting(Level::Current);
    server_restarts(&mut world);
    world.connect(false);
    assert_eq!(world.bridges["jvb1"].conferences.len(), 1);
    let stats = &mut world.bridges.get_mut("jvb1").unwrap().stats;
    stats.set("shutting_down", true);
    world.announce("jvb1");
    world.pump();
    world.pass(Duration::from_secs(8));
    assert!(world.bridges["jvb1"].conferences.is_empty());
}

/// A meeting at a server that keeps what a focus knows and lists no rooms.
fn hidden(level: Level) -> World {
    let mut world = remembered(level);
    world.rooms_listed.clear();
    world
}

#[test]
fn rooms_that_the_server_does_not_list_are_found_by_what_was_kept() {
    let mut world = hidden(Level::Json);
    world.restart_focus(Config::default());
    assert_eq!(world.director.rooms(), [ROOM]);
    for nick in ["a", "b", "c"] {
        assert!(world.jingles(nick).is_empty(), "{:?}", world.verbs(nick));
    }
    world.join("d", Level::Json);
    assert_eq!(world.verbs("d"), ["session-initiate"]);
    assert_eq!(world.endpoints("jvb1").len(), 4);
}

#[test]
fn a_hidden_room_of_which_nothing_is_known_but_its_name_is_picked_up() {
    let mut world = World::new();
    world.keeps = true;
    world.connect(false);
    world.bridge("jvb1");
    world.join("a", Level::Current);
    world.pass(Duration::from_secs(1));
    assert_eq!(world.memories(), 0, "nobody has a session");
    world.restart_focus(Config::default());
    assert_eq!(world.director.rooms(), [ROOM]);
    world.join("b", Level::Current);
    for nick in ["a", "b"] {
        let last = world.verbs(nick).pop();
        assert_eq!(last.as_deref(), Some("session-initiate"), "{nick}");
    }
}

#[test]
fn rooms_that_are_over_are_found_no_more() {
    let mut world = hidden(Level::Current);
    for nick in ["a", "b", "c"] {
        world.leave(nick);
    }
    world.pass(Duration::from_secs(1));
    assert!(world.kept.is_empty(), "{:?}", world.kept);
}

#[test]
fn what_is_kept_of_rooms_that_ended_while_no_focus_ran_goes() {
    for memories in [true, false] {
        let mut world = hidden(Level::Current);
        world.clients.clear();
        if !memories {
            world.kept.retain(|_, kept| kept.name() != "memory");
        }
        world.meeting = "another-meeting".to_owned();
        world.restart_focus(Config::default());
        world.pass(Duration::from_secs(1));
        assert!(world.director.rooms().is_empty());
        assert!(world.kept.is_empty(), "{:?}", world.kept);
    }
}

/// What is written without knowing the list would make another one of it: a room would be in two elements, and go from one.
#[test]
fn what_is_kept_is_read_before_anything_is_written() {
    let mut world = hidden(Level::Current);
    world.join_elsewhere("other@muc.meet.shoal", "x", Level::Current);
    world.pass(Duration::from_secs(1));
    for nick in ["a", "b", "c"] {
        world.leave(nick);
    }
    world.pass(Duration::from_secs(1));
    let kept = world.kept.clone();
    assert!(kept.contains_key("urn:shoal:focus:rooms:1"), "{kept:?}");
    world.disconnect();
    world.keeps_silent = true;
    world.connect(false);
    world.pass(Duration::from_secs(3));
    world.keeps_silent = false;
    world.answer_storage();
    world.pass(Duration::from_secs(1));
    assert_eq!(world.kept, kept);
}

#[test]
fn who_opens_another_room_before_it_is_known_what_was_kept_takes_nothing_from_the_list() {
    let mut world = hidden(Level::Current);
    world.keeps_silent = true;
    world.restart_focus(Config::default());
    world.join_elsewhere("other@muc.meet.shoal", "x", Level::Current);
    world.pass(Duration::from_secs(3));
    world.keeps_silent = false;
    world.answer_storage();
    world.pass(Duration::from_secs(1));
    assert_eq!(world.director.rooms(), ["other@muc.meet.shoal", ROOM]);
    assert!(world.jingles("a").is_empty(), "{:?}", world.verbs("a"));
    world.restart_focus(Config::default());
    assert_eq!(world.director.rooms(), ["other@muc.meet.shoal", ROOM]);
}
