//! Muting by moderators and A/V moderation.

use xmpp::mute::{Mute, MuteKind};
use xmpp::stanza::Condition;
use xmpp::xml::{ElementExt, element};
use xmpp::{Element, ns};

use super::world::{Level, ROOM, World};

fn order(world: &World, nick: &str) -> Option<Mute> {
    let iq = world.clients[nick].received.last()?;
    Mute::try_from(xmpp::stanza::payload(iq)?).ok()
}

#[test]
fn a_moderator_mutes_others() {
    for kind in [MuteKind::Audio, MuteKind::Video, MuteKind::Desktop] {
        let mut world = World::meeting(Level::Current);
        world
            .ask(
                "a",
                Element::from(&Mute::request(kind, format!("{ROOM}/b"), true)),
            )
            .unwrap();
        let order = order(&world, "b").unwrap();
        assert_eq!((order.kind, order.mute), (kind, Some(true)));
        assert_eq!(order.actor.as_deref(), Some("r@muc.meet.shoal/a"));
        assert!(
            world.bridges["jvb1"].requests.is_empty(),
            "b may unmute again"
        );
    }
}

#[test]
fn others_mute_nobody_and_nobody_unmutes() {
    let mut world = World::meeting(Level::Current);
    let cases = [
        ("b", "c", true, Condition::NotAllowed),
        ("a", "b", false, Condition::NotAllowed),
        ("a", "nobody", true, Condition::InternalServerError),
    ];
    for (who, whom, mute, condition) in cases {
        let request = Mute::request(MuteKind::Audio, format!("{ROOM}/{whom}"), mute);
        let error = world.ask(who, Element::from(&request)).unwrap_err();
        assert_eq!(error.condition, condition, "{who} → {whom}");
    }
    assert!(order(&world, "b").is_none() && order(&world, "c").is_none());
}

fn component_says(world: &mut World, from: &str, json: &str) {
    let message = element("message", ns::CLIENT)
        .with_attr("from", from)
        .with_child(element("json-message", ns::JITMEET).with_text(json));
    world.feed(message);
}

fn muted_at_bridge(world: &World, nick: &str) -> bool {
    let conference = world.bridges["jvb1"].conferences.values().next().unwrap();
    conference.endpoints[nick]
        .force_mute
        .is_some_and(|m| m.audio == Some(true))
}

const ON: &str = r#"{"type":"av_moderation","room":"r@muc.meet.shoal","enabled":true,"mediaType":"audio","actor":"r@muc.meet.shoal/a"}"#;

#[test]
fn av_moderation_mutes_at_the_bridge_in_one_request_until_somebody_is_allowed() {
    let mut world = World::meeting(Level::Current);
    component_says(&mut world, "avmoderation.meet.shoal", ON);
    assert!(
        order(&world, "b").is_some()
            && order(&world, "c").is_some()
            && order(&world, "a").is_none()
    );
    assert_eq!(world.bridges["jvb1"].requests.len(), 1);
    assert!(
        muted_at_bridge(&world, "b")
            && muted_at_bridge(&world, "c")
            && !muted_at_bridge(&world, "a")
    );

    let allowed = r#"{"type":"av_moderation","room":"r@muc.meet.shoal","whitelists":{"audio":["r@muc.meet.shoal/b"]}}"#;
    component_says(&mut world, "avmoderation.meet.shoal", allowed);
    assert!(!muted_at_bridge(&world, "b") && muted_at_bridge(&world, "c"));

    world.join("d", Level::Current);
    assert!(
        muted_at_bridge(&world, "d"),
        "newcomers are muted from the start"
    );

    let off = ON.replace("true", "false");
    component_says(&mut world, "avmoderation.meet.shoal", &off);
    assert!(!muted_at_bridge(&world, "c"));
}

#[test]
fn only_the_component_is_believed() {
    let mut world = World::meeting(Level::Current);
    for from in [
        "r@muc.meet.shoal/c",
        "meet.shoal",
        "avmoderation.meet.shoal/x",
    ] {
        component_says(&mut world, from, ON);
    }
    assert!(!muted_at_bridge(&world, "b"));
}
