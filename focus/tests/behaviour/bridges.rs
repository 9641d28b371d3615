//! Loss, failure, absence and choice of bridges.

use std::time::Duration;

use xmpp::colibri2::{Colibri2Error, ErrorReason};
use xmpp::conference::focus_presence::FocusPresence;
use xmpp::stanza::{Condition, StanzaError};

use super::world::{Level, Mood, World};

pub(super) const MOVED: [&str; 2] = ["session-terminate", "session-initiate"];

fn unavailable(world: &World) -> bool {
    FocusPresence::from_presence(world.last_presence())
        .unwrap()
        .bridge_not_available
}

pub(super) fn moved_to(world: &World, nick: &str, bridge: &str) {
    assert_eq!(world.verbs(nick), MOVED, "{nick}");
    let ufrag = format!("u-{bridge}-{nick}");
    assert_eq!(
        world.offer(nick).transport().unwrap().ufrag.as_deref(),
        Some(ufrag.as_str())
    );
}

#[test]
fn a_killed_bridge_is_replaced_at_once_for_everybody() {
    let mut world = World::meeting(Level::Current);
    world.bridge("jvb2");
    world.kill_bridge("jvb1");
    for nick in ["a", "b", "c"] {
        moved_to(&world, nick, "jvb2");
        let reason = world.jingles(nick)[0].reason.clone().unwrap();
        assert_eq!(reason.text.as_deref(), Some("moving"));
    }
    assert_eq!(world.endpoints("jvb2").len(), 3);
    for (nick, first) in [("a", 1000), ("b", 2000), ("c", 3000)] {
        world.accept(nick, first);
    }
}

#[test]
fn a_bridge_that_is_back_before_anybody_saw_it_leave_gets_its_people_anew() {
    type Sign = fn(&mut super::world::Bridge);
    let by_instance: Sign = |bridge| {
        bridge.stats.set("instance_id", "second");
    };
    let by_session: Sign = |bridge| bridge.session = "jvb@auth.meet.shoal/second".to_owned();
    for (says_instance, sign) in [(true, by_instance), (false, by_session)] {
        let mut world = World::meeting(Level::Current);
        if says_instance {
            let bridge = world.bridges.get_mut("jvb1").unwrap();
            bridge.stats.set("instance_id", "first");
            world.announce("jvb1");
            world.pump();
            assert!(world.jingles("a").is_empty());
        }
        world.restart_bridge_unseen("jvb1", sign);
        for nick in ["a", "b", "c"] {
            moved_to(&world, nick, "jvb1");
        }
        assert_eq!(world.endpoints("jvb1").len(), 3);
    }
}

#[test]
fn a_second_session_under_a_bridges_nick_means_that_the_first_may_be_dead() {
    let mut world = World::meeting(Level::Current);
    world.bridge("jvb2");
    world.announce_with_second_session("jvb1", "jvb@auth.meet.shoal/second");
    for nick in ["a", "b", "c"] {
        moved_to(&world, nick, "jvb2");
    }
    for (nick, first) in [("a", 1000), ("b", 2000), ("c", 3000)] {
        world.accept(nick, first);
    }
    world.clear();
    // The server has given up the dead session.
    world.restart_bridge_unseen("jvb1", |bridge| {
        bridge.session = "jvb@auth.meet.shoal/second".to_owned();
    });
    world.kill_bridge("jvb2");
    for nick in ["a", "b", "c"] {
        moved_to(&world, nick, "jvb1");
    }
}

#[test]
fn a_bridge_that_logged_in_anew_keeps_its_people_if_it_is_the_same_process() {
    let mut world = World::meeting(Level::Current);
    let bridge = world.bridges.get_mut("jvb1").unwrap();
    bridge.stats.set("instance_id", "first");
    world.announce("jvb1");
    world.bridges.get_mut("jvb1").unwrap().session = "jvb@auth.meet.shoal/again".to_owned();
    world.announce("jvb1");
    world.pump();
    assert!(world.jingles("a").is_empty());
    assert_eq!(world.endpoints("jvb1").len(), 3);
}

#[test]
fn draining_and_graceful_shutdown_move_nobody_and_take_nobody_new() {
    for name in ["drain", "graceful_shutdown"] {
        let mut world = World::meeting(Level::Current);
        world.bridge("jvb2");
        world.bridges.get_mut("jvb1").unwrap().stats.set(name, true);
        world.announce("jvb1");
        world.pump();
        assert!(world.jingles("a").is_empty(), "{name}");
        let select = world.director.bridge_summaries(world.now);
        assert!(
            select
                .iter()
                .any(|b| b.id == "jvb1" && (b.draining || b.graceful_shutdown))
        );
    }
}

#[test]
fn a_bridge_that_fails_its_health_check_is_left() {
    let mut world = World::meeting(Level::Current);
    world.bridge("jvb2");
    let error = StanzaError::new(Condition::InternalServerError).with_text("no address");
    world.bridges.get_mut("jvb1").unwrap().health = Mood::Refuses(error);
    world.pass(Duration::from_secs(10));
    moved_to(&world, "b", "jvb2");
}

#[test]
fn a_bridge_that_reports_itself_unhealthy_is_left() {
    let mut world = World::meeting(Level::Current);
    world.bridge("jvb2");
    world
        .bridges
        .get_mut("jvb1")
        .unwrap()
        .stats
        .set("healthy", false);
    world.announce("jvb1");
    world.pump();
    moved_to(&world, "b", "jvb2");
}

#[test]
fn a_bridge_that_leaves_two_health_checks_unanswered_is_left() {
    let mut world = World::meeting(Level::Current);
    world.bridge("jvb2");
    world.bridges.get_mut("jvb1").unwrap().health = Mood::Silent;
    world.pass(Duration::from_secs(15));
    assert!(world.jingles("a").is_empty(), "one may be lost");
    world.pass(Duration::from_secs(6));
    moved_to(&world, "a", "jvb2");
}

#[test]
fn without_a_bridge_clients_are_told_and_invited_when_one_comes() {
    let mut world = World::new();
    world.join("a", Level::Current);
    world.join("b", Level::Current);
    assert!(world.jingles("a").is_empty());
    assert!(unavailable(&world));
    world.bridge("jvb1");
    assert_eq!(world.verbs("a"), ["session-initiate"]);
    assert_eq!(world.verbs("b"), ["session-initiate"]);
    assert!(!unavailable(&world));
}

#[test]
fn the_only_bridge_killed_and_back_serves_everybody_again() {
    let mut world = World::meeting(Level::Current);
    world.kill_bridge("jvb1");
    assert_eq!(world.verbs("a"), ["session-terminate"]);
    assert!(unavailable(&world));
    world.bridge("jvb1");
    for nick in ["a", "b", "c"] {
        assert_eq!(world.verbs(nick), MOVED, "{nick}");
    }
    assert!(!unavailable(&world));
}

#[test]
fn a_bridge_that_does_not_answer_an_allocation_is_replaced() {
    let mut world = World::new();
    world.bridge("jvb1");
    world.bridges.get_mut("jvb1").unwrap().mood = Mood::Silent;
    world.join("a", Level::Current);
    world.join("b", Level::Current);
    world.bridge("jvb2");
    assert!(world.jingles("a").is_empty());
    world.pass(Duration::from_secs(15));
    for nick in ["a", "b"] {
        assert_eq!(world.verbs(nick), ["session-initiate"], "{nick}");
    }
    assert_eq!(world.endpoints("jvb2").len(), 2);
}

fn refused_by(reason: ErrorReason) -> World {
    let mut world = World::new();
    world.bridge("jvb1");
    world.bridge("jvb2");
    let error = Colibri2Error::new(reason).into_stanza_error("");
    world.bridges.get_mut("jvb1").unwrap().mood = Mood::Refuses(error);
    world.join("a", Level::Current);
    world.join("b", Level::Current);
    world
}

#[test]
fn a_bridge_in_graceful_shutdown_that_refuses_is_replaced() {
    let world = refused_by(ErrorReason::GracefulShutdown);
    assert_eq!(world.verbs("a"), ["session-initiate"]);
    assert_eq!(world.endpoints("jvb2").len(), 2);
    let summaries = world.director.bridge_summaries(world.now);
    assert!(
        summaries
            .iter()
            .any(|b| b.id == "jvb1" && b.graceful_shutdown && b.operational)
    );
}

#[test]
fn a_bridge_that_cannot_do_what_is_asked_is_replaced() {
    let world = refused_by(ErrorReason::FeatureNotImplemented);
    assert_eq!(world.endpoints("jvb2").len(), 2);
    let summaries = world.director.bridge_summaries(world.now);
    assert!(summaries.iter().any(|b| b.id == "jvb1" && !b.operational));
}

#[test]
fn a_bridge_that_forgot_the_conference_gets_it_again() {
    let mut world = World::meeting(Level::Current);
    world.bridges.get_mut("jvb1").unwrap().conferences.clear();
    world.send_transport("a");
    for nick in ["a", "b", "c"] {
        moved_to(&world, nick, "jvb1");
    }
    assert_eq!(world.endpoints("jvb1").len(), 3);
}

#[test]
fn a_bridge_that_forgot_one_endpoint_gets_only_that_again() {
    let mut world = World::meeting(Level::Current);
    let conference = world
        .bridges
        .get_mut("jvb1")
        .unwrap()
        .conferences
        .values_mut()
        .next()
        .unwrap();
    conference.endpoints.remove("a");
    world.send_transport("a");
    moved_to(&world, "a", "jvb1");
    assert!(world.jingles("b").is_empty());
    assert_eq!(world.endpoints("jvb1").len(), 3);
}

#[test]
fn a_bridge_that_keeps_failing_one_participant_is_not_asked_without_end() {
    let mut world = World::new();
    world.bridge("jvb1");
    world.bridges.get_mut("jvb1").unwrap().mood =
        Mood::Refuses(StanzaError::new(Condition::Conflict));
    world.join("a", Level::Current);
    world.join("b", Level::Current);
    let before = world.sent;
    world.pass(Duration::from_secs(60));
    assert!(
        world.sent - before < 200,
        "{} stanzas in a minute",
        world.sent - before
    );
    world.bridges.get_mut("jvb1").unwrap().mood = Mood::Answers;
    world.pass(Duration::from_secs(31));
    assert_eq!(world.endpoints("jvb1").len(), 2);
}
