//! What the focus offers and ends, and what comes of it.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use media::ice::IceCredentials;
use rand::SeedableRng;
use xmpp::FullJid;

use super::*;
use crate::participant::handover::LONGEST;
use crate::participant::session::tests::offered;

struct World {
    sessions: Sessions,
    rng: SmallRng,
    journal: Journal,
    now: Instant,
}

impl World {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            sessions: Sessions::new(Certificate::generate().unwrap(), false),
            rng: SmallRng::seed_from_u64(1),
            journal: Journal::new(now),
            now,
        }
    }

    fn says(&mut self, jingle: Jingle) -> Result<(), Condition> {
        let Self {
            sessions,
            rng,
            journal,
            now,
        } = self;
        sessions.handle_jingle(jingle, rng, journal, *now)
    }

    fn offers(&mut self, sid: &str) {
        let credentials = IceCredentials::generate(&mut self.rng);
        let certificate = Certificate::generate().unwrap();
        self.says(offered(sid, &credentials, &certificate)).unwrap();
    }

    /// Opens sockets for the offer that is there.
    fn opens(&mut self, id: u64) {
        let who = Identity {
            endpoint: "aaaaaaaa",
            jid: &FullJid::new("a@x/y").unwrap(),
            sends: true,
            height: 720,
        };
        let locals = vec![SocketAddr::from(([198, 51, 100, 7], 50_000))];
        self.sessions.handle_media_open(
            MediaId(id),
            locals,
            who,
            &mut self.rng,
            &self.journal,
            self.now,
        );
    }

    fn ends(&mut self, sid: &str, condition: ReasonCondition) {
        let moving = condition == ReasonCondition::Success;
        let mut jingle = Jingle::new(Action::SessionTerminate, sid);
        jingle.reason = Some(Reason {
            condition: Some(condition),
            text: moving.then(|| "moving".to_owned()),
        });
        self.says(jingle).unwrap();
    }

    fn passes(&mut self) {
        self.sessions.handle_timeout(&self.journal, self.now);
    }

    /// What has happened since the last look.
    fn happened(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.sessions.poll_event())
            .map(|event| match event {
                SessionsEvent::OpenMedia { id, .. } => format!("open {}", id.0),
                SessionsEvent::CloseMedia(id) => format!("close {}", id.0),
                SessionsEvent::Ask { jingle, .. } => {
                    format!("{} {}", jingle.action, jingle.sid)
                }
            })
            .collect()
    }
}

#[test]
fn an_offer_is_answered_once_its_sockets_are_open() {
    let mut world = World::new();
    world.offers("one");
    assert_eq!(world.happened(), ["open 1"]);
    world.offers("one");
    assert!(world.happened().is_empty(), "it came twice");
    world.opens(1);
    assert_eq!(world.happened(), ["session-accept one"]);
    assert_eq!(world.journal.offers.len(), 1);
}

#[test]
fn an_offer_that_another_overtakes_is_not_answered() {
    let mut world = World::new();
    world.offers("one");
    world.offers("two");
    assert_eq!(world.happened(), ["open 1", "close 1", "open 2"]);
    world.opens(1);
    assert_eq!(world.happened(), ["close 1"]);
    world.opens(2);
    assert_eq!(world.happened(), ["session-accept two"]);
}

#[test]
fn a_move_keeps_the_old_session_until_it_has_lingered_long_enough() {
    let mut world = World::new();
    world.offers("one");
    world.opens(1);
    world.ends("one", ReasonCondition::Success);
    world.offers("two");
    world.opens(2);
    let before = [
        "open 1",
        "session-accept one",
        "open 2",
        "session-accept two",
    ];
    assert_eq!(world.happened(), before);
    let moving: Vec<_> = world.journal.offers.iter().map(|o| o.moving).collect();
    assert_eq!(moving, [false, true]);
    world.now += LONGEST;
    world.passes();
    assert_eq!(world.happened(), ["close 1"]);
}

#[test]
fn who_breaks_before_making_has_no_session_while_it_is_moved() {
    let mut world = World::new();
    world.sessions.break_before_make = true;
    world.offers("one");
    world.opens(1);
    world.happened();
    world.ends("one", ReasonCondition::Success);
    assert_eq!(world.happened(), ["close 1"]);
    world.offers("two");
    assert_eq!(world.happened(), ["open 2"]);
}

#[test]
fn an_end_for_another_reason_than_a_move_is_one() {
    let mut world = World::new();
    world.offers("one");
    world.opens(1);
    world.happened();
    world.ends("one", ReasonCondition::Expired);
    assert_eq!(world.happened(), ["close 1"]);
    assert_eq!(world.sessions.poll_timeout(), None);
}

#[test]
fn what_is_about_another_session_is_refused() {
    let mut world = World::new();
    world.offers("one");
    let add = Jingle::new(Action::SourceAdd, "other");
    assert_eq!(world.says(add), Err(Condition::ItemNotFound));
    let add = Jingle::new(Action::SourceAdd, "one");
    assert_eq!(world.says(add), Ok(()));
    world.ends("other", ReasonCondition::Success);
    assert_eq!(world.happened(), ["open 1"]);
}

#[test]
fn an_answer_that_the_focus_refuses_is_followed_by_a_wish_for_another_offer() {
    let mut world = World::new();
    world.offers("one");
    world.opens(1);
    world.happened();
    let sid = "one".to_owned();
    let about = About::Answer { sid };
    world.sessions.handle_answer(&about, true, world.now);
    world.now += Duration::from_secs(6);
    world.passes();
    assert_eq!(world.happened(), ["session-terminate one"]);
}
