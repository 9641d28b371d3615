//! Who opens rooms and who owns them, where a token or a login is needed for it.

use std::time::Duration;

use focus::{Config, RequestId};
use xmpp::conference::ConferenceRequest;
use xmpp::stanza::{self, Condition};

use super::world::{Level, ROOM, World};

const HOST: &str = "focus.meet.shoal/h@meet.shoal/x";
const GUEST: &str = "focus.meet.shoal/g@guest.meet.shoal/x";

/// A focus whose server wants tokens.
fn with_tokens() -> World {
    let mut world = World::unconnected(Config::default());
    world.wants_tokens = true;
    world.connect(false);
    world
}

fn over_http(world: &mut World, room: &str, token: Option<&str>) -> Option<Condition> {
    let mut request = ConferenceRequest::new(room);
    request.token = token.map(str::to_owned);
    world
        .director
        .handle_request(RequestId(1), None, &request, world.now);
    world.pump();
    let (_, answer) = world.http.pop().expect("an answer");
    answer.err().map(|error| error.condition)
}

fn by_iq(world: &mut World, from: &str) -> Option<Condition> {
    let reply = world.request_from("x", from);
    stanza::error_of(&reply).map(|error| error.condition)
}

#[test]
fn only_who_has_a_token_opens_a_room_and_guests_come_to_what_is_open() {
    let refused = Some(Condition::NotAuthorized);
    type Ask = fn(&mut World) -> Option<Condition>;
    let asks: [(&str, Ask, Option<Condition>); 7] = [
        ("a host by IQ", |it| by_iq(it, HOST), None),
        ("a guest by IQ", |it| by_iq(it, GUEST), refused),
        (
            "a host's session itself",
            |it| by_iq(it, "h@meet.shoal/x"),
            None,
        ),
        (
            "HTTP with a token",
            |it| over_http(it, ROOM, Some("good")),
            None,
        ),
        (
            "HTTP without a token",
            |it| over_http(it, ROOM, None),
            refused,
        ),
        (
            "HTTP with a token that is not good",
            |it| over_http(it, ROOM, Some("bad")),
            refused,
        ),
        (
            "HTTP with a token for another room",
            |it| over_http(it, "other@muc.meet.shoal", Some("good")),
            refused,
        ),
    ];
    for (who, ask, expected) in asks {
        assert_eq!(ask(&mut with_tokens()), expected, "{who}, alone");
        let mut world = with_tokens();
        by_iq(&mut world, HOST);
        let other = "HTTP with a token for another room";
        let second = if who == other { refused } else { None };
        assert_eq!(ask(&mut world), second, "{who}, after a host");
    }
}

#[test]
fn without_the_server_s_word_nobody_is_let_in_and_with_it_who_waited_is_answered() {
    let mut world = World::unconnected(Config::default());
    (world.wants_tokens, world.is_mute) = (true, true);
    world.connect(false);
    for from in [GUEST, HOST] {
        let before = world.replies.len();
        world.request_from("x", from);
        assert_eq!(world.replies.len(), before, "{from} waits");
    }
    world.is_mute = false;
    // The question is asked again when it was not answered.
    world.pass(Duration::from_secs(15));
    let conditions: Vec<_> = world.replies.iter().map(stanza::error_of).collect();
    assert!(
        matches!(&conditions[..], [Some(error), None] if error.condition == Condition::NotAuthorized)
    );
}

#[test]
fn where_the_server_makes_owners_the_focus_makes_none_also_after_a_restart() {
    let mut world = with_tokens();
    world.request_from("g", HOST);
    world.enter("g", Level::Current);
    assert_eq!(world.clients["g"].affiliation, "none");
    world.rooms_listed = vec![ROOM.to_owned()];
    world.restart_focus(Config::default());
    world.enter("h", Level::Current);
    world.leave("h");
    assert_eq!(world.clients["g"].affiliation, "none");
}

#[test]
fn behind_another_server_a_login_makes_owner_whoever_comes_first() {
    let mut config = Config::default();
    config.moderators.login_domain = Some("auth.example".into());
    let mut world = World::with(config);
    assert_eq!(
        by_iq(&mut world, "focus.meet.shoal/g@meet.shoal/x"),
        Some(Condition::NotAuthorized)
    );
    assert_eq!(
        over_http(&mut world, ROOM, Some("good")),
        Some(Condition::NotAuthorized)
    );
    assert_eq!(by_iq(&mut world, "focus.meet.shoal/h@auth.example/x"), None);
    world.enter("g", Level::Current);
    assert_eq!(world.clients["g"].affiliation, "none");
}

#[test]
fn a_request_that_waits_for_the_server_s_judgement_is_told_when_the_connection_ends() {
    let mut world = with_tokens();
    let mut request = ConferenceRequest::new(ROOM);
    request.token = Some("good".into());
    world
        .director
        .handle_request(RequestId(1), None, &request, world.now);
    world.pump_into_the_void();
    world.disconnect();
    world.connect(false);
    let (_, answer) = world.http.pop().expect("an answer");
    assert_eq!(answer.unwrap_err().condition, Condition::ServiceUnavailable);
}
