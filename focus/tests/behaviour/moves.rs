//! Conferences that move while their bridge still works: nobody's media stops.

use std::time::Duration;

use xmpp::jingle::{Action, Jingle};

use super::bridges::{MOVED, moved_to};
use super::world::{Level, Mood, ROOM, World};

const PEOPLE: [(&str, u32); 3] = [("a", 1000), ("b", 2000), ("c", 3000)];

fn tell(world: &mut World, bridge: &str, stat: &str, value: bool) {
    let stats = &mut world.bridges.get_mut(bridge).unwrap().stats;
    stats.set(stat, value);
    world.announce(bridge);
    world.pump();
}

/// Three people on a bridge, and another bridge.
fn meeting() -> World {
    let mut world = World::meeting(Level::Current);
    world.bridge("jvb2");
    world
}

fn is_kept(world: &World) -> bool {
    !world.bridges["jvb1"].conferences.is_empty()
}

fn stress(world: &World, bridge: &str) -> f64 {
    let summaries = world.director.bridge_summaries(world.now);
    summaries.iter().find(|b| b.id == bridge).unwrap().stress
}

#[test]
fn a_bridge_that_says_it_is_shutting_down_carries_media_until_everybody_has_a_new_session() {
    let mut world = meeting();
    tell(&mut world, "jvb1", "shutting_down", true);
    for (nick, first) in PEOPLE {
        moved_to(&world, nick, "jvb2");
        assert!(is_kept(&world), "{nick} has not accepted");
        world.accept(nick, first);
    }
    world.pass(Duration::from_millis(2900));
    assert!(is_kept(&world), "ICE and DTLS take a moment");
    world.pass(Duration::from_millis(100));
    assert!(!is_kept(&world), "nobody needs it any more");
    assert_eq!(world.endpoints("jvb2").len(), 3);
}

#[test]
fn somebody_who_accepts_nothing_holds_the_old_bridge_up_for_eight_seconds() {
    let mut world = meeting();
    tell(&mut world, "jvb1", "shutting_down", true);
    world.accept("a", 1000);
    world.accept("b", 2000);
    world.pass(Duration::from_millis(7900));
    assert!(is_kept(&world));
    world.pass(Duration::from_millis(100));
    assert!(!is_kept(&world));
}

#[test]
fn somebody_who_leaves_or_wants_no_session_holds_nothing_up() {
    let mut world = meeting();
    tell(&mut world, "jvb1", "shutting_down", true);
    world.accept("a", 1000);
    let end = Jingle::new(Action::SessionTerminate, world.offer("b").sid);
    world.jingle("b", &end).unwrap();
    world.leave("c");
    world.pass(Duration::from_secs(3));
    assert!(!is_kept(&world));
}

#[test]
fn a_conference_stays_on_the_only_bridge_while_it_is_there_and_leaves_when_another_comes() {
    for stat in ["shutting_down", "unhealthy"] {
        let mut world = World::meeting(Level::Current);
        match stat {
            "unhealthy" => tell(&mut world, "jvb1", "healthy", false),
            stat => tell(&mut world, "jvb1", stat, true),
        }
        world.pass(Duration::from_secs(4));
        for (nick, _) in PEOPLE {
            assert!(world.jingles(nick).is_empty(), "{stat}: {nick} has media");
        }
        world.bridge("jvb2");
        for (nick, _) in PEOPLE {
            moved_to(&world, nick, "jvb2");
        }
        assert!(is_kept(&world), "{stat}");
    }
}

#[test]
fn who_comes_while_a_bridge_is_left_meets_the_others_on_the_next_one() {
    let mut world = World::meeting(Level::Current);
    tell(&mut world, "jvb1", "shutting_down", true);
    world.join("d", Level::Current);
    assert!(world.jingles("d").is_empty());
    world.bridge("jvb2");
    world.bridge("jvb3");
    assert_eq!(world.verbs("d"), ["session-initiate"]);
    assert_eq!(world.endpoints("jvb2").len(), 4);
    assert!(world.endpoints("jvb3").is_empty());
}

#[test]
fn a_bridge_that_began_to_shut_down_during_an_outage_is_left_when_the_room_is_open_again() {
    let mut world = meeting();
    world.disconnect();
    let stats = &mut world.bridges.get_mut("jvb1").unwrap().stats;
    stats.set("shutting_down", true);
    world.connect(false);
    for (nick, first) in PEOPLE {
        moved_to(&world, nick, "jvb2");
        world.accept(nick, first);
    }
    world.pass(Duration::from_secs(3));
    assert!(!is_kept(&world));
}

#[test]
fn an_operator_moves_a_conference_away_from_a_bridge() {
    let mut world = World::meeting(Level::Current);
    let now = world.now;
    assert!(
        world.director.move_from("jvb1", None, 1, now).is_err(),
        "there is no other"
    );
    world.bridge("jvb2");
    let moved = world.director.move_from("jvb1", None, 1, now).unwrap();
    world.pump();
    assert_eq!((moved.moved_endpoints, moved.conferences), (3, 1));
    for (nick, _) in PEOPLE {
        moved_to(&world, nick, "jvb2");
    }
    assert!(world.director.move_from("unknown", None, 1, now).is_err());
}

#[test]
fn conferences_are_not_moved_from_one_draining_bridge_to_another() {
    let mut world = meeting();
    tell(&mut world, "jvb1", "drain", true);
    tell(&mut world, "jvb2", "drain", true);
    let now = world.now;
    assert!(world.director.move_from("jvb1", None, 1, now).is_err());
    assert!(
        world
            .director
            .move_participant(ROOM, "a", None, now)
            .is_err()
    );
    tell(&mut world, "jvb1", "shutting_down", true);
    moved_to(&world, "a", "jvb2");
}

#[test]
fn a_conference_that_is_being_set_up_is_left_alone_for_a_moment() {
    let mut world = meeting();
    let now = world.now;
    world.director.move_from("jvb1", None, 1, now).unwrap();
    world.pump();
    assert_eq!(world.verbs("a"), MOVED);
    for _ in 0..10 {
        let now = world.now;
        let _ = world.director.move_from("jvb2", None, 1, now);
        world.pass(Duration::from_millis(200));
    }
    assert_eq!(world.verbs("a"), MOVED, "nobody has accepted yet");
    for (nick, first) in PEOPLE {
        world.accept(nick, first);
    }
    world.pass(Duration::from_millis(100));
    assert_eq!(world.verbs("a").len(), 4, "then it moves on");
    assert_eq!(world.endpoints("jvb1").len(), 3);
}

#[test]
fn whoever_is_on_the_way_to_a_bridge_counts_there_at_once() {
    let mut world = meeting();
    let before = stress(&world, "jvb2");
    world.bridges.get_mut("jvb2").unwrap().mood = Mood::Silent;
    tell(&mut world, "jvb1", "shutting_down", true);
    let added = stress(&world, "jvb2") - before;
    assert!((added - 0.03).abs() < 1e-9, "{added}");
}

/// Conferences of two on `jvb1`, besides the meeting of three.
fn crowd(rooms: usize) -> World {
    let mut world = World::meeting(Level::Current);
    for room in 0..rooms {
        for n in 0..2 {
            let nick = format!("{room}-{n}");
            let room_jid = format!("r{room}@muc.meet.shoal");
            world.join_elsewhere(&room_jid, &nick, Level::Current);
            if n == 1 {
                for n in 0..2_u32 {
                    world.accept(&format!("{room}-{n}"), 1000 * (n + 1));
                }
            }
        }
    }
    world.clear();
    world
}

/// Participants by bridge.
fn placed(world: &World) -> Vec<(String, usize)> {
    let summaries = world.director.bridge_summaries(world.now);
    summaries
        .iter()
        .map(|b| (b.id.clone(), b.participants))
        .collect()
}

#[test]
fn a_bridge_that_stays_too_hot_gives_the_conferences_away_that_bring_it_down() {
    let mut world = crowd(4);
    world.bridge("jvb2");
    let hot = |world: &mut World, stress: f64| {
        let stats = &mut world.bridges.get_mut("jvb1").unwrap().stats;
        stats.set("stress_level", stress);
        world.announce("jvb1");
        world.pump();
    };
    hot(&mut world, 0.9);
    world.pass(Duration::from_secs(9));
    assert_eq!(placed(&world)[1].1, 0, "it may pass");
    world.pass(Duration::from_secs(2));
    assert_eq!(
        placed(&world),
        [("jvb1".to_owned(), 8), ("jvb2".to_owned(), 3)],
        "three of eleven bring it below 0.7"
    );
    for (nick, _) in PEOPLE {
        moved_to(&world, nick, "jvb2");
    }
    assert_eq!(world.endpoints("jvb1").len(), 11, "which goes on meanwhile");
    for (nick, first) in PEOPLE {
        world.accept(nick, first);
    }
    hot(&mut world, 0.85);
    world.pass(Duration::from_secs(30));
    assert_eq!(
        placed(&world)[1].1,
        3,
        "its load is not yet what it will be"
    );
    world.pass(Duration::from_secs(40));
    assert_eq!(placed(&world)[1].1, 5, "then the next one goes");
}

#[test]
fn a_bridge_that_is_shutting_down_is_emptied_at_a_rate_and_those_who_move_are_spread() {
    let mut world = crowd(30);
    world.bridge("jvb2");
    world.bridge("jvb3");
    tell(&mut world, "jvb1", "shutting_down", true);
    let left = |world: &World| placed(world)[0].1;
    assert!(
        left(&world) > 50,
        "not all at one instant: {}",
        left(&world)
    );
    world.pass(Duration::from_secs(2));
    let [(_, 0), (_, second), (_, third)] = placed(&world)[..] else {
        panic!("{:?}", placed(&world))
    };
    assert!(second.abs_diff(third) <= 3, "{second} and {third}");
}

#[test]
fn moves_are_counted_by_reason() {
    let count = |world: &World| {
        let moved = &world.director.counters().moved;
        let mut told: Vec<_> = moved.iter().map(|(r, n)| (r.as_str(), *n)).collect();
        told.sort_unstable();
        told
    };
    let mut drained = meeting();
    tell(&mut drained, "jvb1", "drain", true);
    let now = drained.now;
    drained.director.move_from("jvb1", None, 1, now).unwrap();
    assert_eq!(count(&drained), [("drain", (3, 1))]);

    let mut asked = meeting();
    let now = asked.now;
    asked.director.move_from("jvb1", None, 1, now).unwrap();
    asked.pump();
    for (nick, first) in PEOPLE {
        asked.accept(nick, first);
    }
    asked.kill_bridge("jvb2");
    assert_eq!(count(&asked), [("failure", (3, 1)), ("rest", (3, 1))]);

    let mut shut = meeting();
    tell(&mut shut, "jvb1", "shutting_down", true);
    assert_eq!(count(&shut), [("shutdown", (3, 1))]);
}
