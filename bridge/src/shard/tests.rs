#![allow(clippy::unwrap_used, reason = "tests")]
//! Stanza scripts: what the room and the focus say, and what the bridge says.

use std::cell::{Cell, RefCell};

use super::*;

#[derive(Default)]
struct Bridge {
    ill: Cell<bool>,
    asked: RefCell<Vec<String>>,
}

impl Answers for Bridge {
    fn modify(&self, request: &ConferenceModify) -> Result<ConferenceModified, Refusal> {
        self.asked.borrow_mut().push(request.meeting_id.clone());
        match request.meeting_id.as_str() {
            "unknown" => Err(Refusal::ConferenceNotFound("unknown".into())),
            _ => Ok(ConferenceModified::default()),
        }
    }
    fn health(&self) -> Result<(), String> {
        if self.ill.get() {
            Err("worker 1 hangs".into())
        } else {
            Ok(())
        }
    }
    fn version(&self) -> String {
        "shoal-9".into()
    }
    fn stats(&self) -> BridgeStats {
        let mut stats = BridgeStats::new();
        stats.set("drain", false);
        stats
    }
}

const ROOM: &str = "jvbbrewery@internal-muc.meet.shoal";

fn shard() -> (Shard, Bridge) {
    (
        Shard::new(ROOM.parse().unwrap(), "bridge-0".into()),
        Bridge::default(),
    )
}

fn stanza(xml: &str) -> Element {
    let (name, rest) = xml[1..].split_once(' ').unwrap();
    let rest = rest.replace("ROOM", ROOM);
    format!("<{name} xmlns='jabber:client' {rest}")
        .parse()
        .unwrap()
}

/// Joins, with the focus in the room.
fn joined() -> (Shard, Bridge) {
    let (mut shard, bridge) = shard();
    shard.handle_online(&bridge);
    for xml in [
        "<presence from='ROOM/focus'><x xmlns='http://jabber.org/protocol/muc#user'>\
         <item affiliation='owner' role='moderator' jid='focus@auth.meet.shoal/focus'/></x></presence>",
        "<presence from='ROOM/bridge-0'><x xmlns='http://jabber.org/protocol/muc#user'>\
         <item affiliation='none' role='participant'/><status code='110'/></x></presence>",
    ] {
        assert!(shard.handle_stanza(&stanza(xml), &bridge).is_empty());
    }
    assert!(shard.is_joined());
    (shard, bridge)
}

fn ask(shard: &mut Shard, bridge: &Bridge, from: &str, payload: &str) -> Element {
    let iq = stanza(&format!(
        "<iq from='{from}' to='jvb@auth.meet.shoal/x' id='q1' type='get'>{payload}</iq>"
    ));
    let mut out = shard.handle_stanza(&iq, bridge);
    assert_eq!(out.len(), 1);
    let answer = out.remove(0);
    assert_eq!(answer.attr("id"), Some("q1"));
    answer
}

const MODIFY: &str = "<conference-modify xmlns='jitsi:colibri2' meeting-id='m' create='true'/>";

fn condition(answer: &Element) -> &'static str {
    stanza::error_of(answer).unwrap().condition.as_str()
}

#[test]
fn the_bridge_joins_with_its_statistics_and_then_only_updates_them() {
    let (mut shard, bridge) = shard();
    let join = shard.handle_online(&bridge).remove(0);
    assert_eq!(join.attr("to"), Some(format!("{ROOM}/bridge-0").as_str()));
    assert!(join.has_child("x", ns::MUC) && join.has_child("stats", ns::COLIBRI));
    let (mut shard, bridge) = joined();
    let update = shard.handle_timeout(&bridge).remove(0);
    assert!(!update.has_child("x", ns::MUC) && update.has_child("stats", ns::COLIBRI));
}

#[test]
fn the_focus_in_the_brewery_commands_by_its_occupant_or_real_jid() {
    let (mut shard, bridge) = joined();
    for from in [
        format!("{ROOM}/focus"),
        "focus@auth.meet.shoal/focus".to_owned(),
    ] {
        let answer = ask(&mut shard, &bridge, &from, MODIFY);
        assert_eq!(answer.attr("type"), Some("result"));
        assert!(answer.has_child("conference-modified", ns::COLIBRI2));
    }
    assert_eq!(*bridge.asked.borrow(), ["m", "m"]);
}

#[test]
fn a_stranger_is_forbidden_to_command_and_nothing_happens() {
    let (mut shard, bridge) = joined();
    let gone = stanza("<presence from='ROOM/old' type='unavailable'/>");
    shard.handle_stanza(&gone, &bridge);
    for from in [
        "guest@guests.meet.shoal/x",
        &format!("{ROOM}/old"),
        ROOM,
        "focus@auth.meet.shoal/other",
    ] {
        assert_eq!(
            condition(&ask(&mut shard, &bridge, from, MODIFY)),
            "forbidden",
            "{from}"
        );
        let health = "<healthcheck xmlns='http://jitsi.org/protocol/healthcheck'/>";
        assert_eq!(
            condition(&ask(&mut shard, &bridge, from, health)),
            "forbidden",
            "{from}"
        );
    }
    assert!(bridge.asked.borrow().is_empty());
}

#[test]
fn refusals_reach_the_focus_with_their_reason() {
    let (mut shard, bridge) = joined();
    let focus = format!("{ROOM}/focus");
    let unknown = "<conference-modify xmlns='jitsi:colibri2' meeting-id='unknown'/>";
    let answer = ask(&mut shard, &bridge, &focus, unknown);
    assert_eq!(condition(&answer), "item-not-found");
    assert!(String::from(&answer).contains("conference_not_found"));
    let broken = "<conference-modify xmlns='jitsi:colibri2'/>";
    assert_eq!(
        condition(&ask(&mut shard, &bridge, &focus, broken)),
        "bad-request"
    );
    let other = "<query xmlns='jabber:iq:roster'/>";
    assert_eq!(
        condition(&ask(&mut shard, &bridge, &focus, other)),
        "service-unavailable"
    );
}

#[test]
fn the_health_check_passes_or_says_what_is_wrong() {
    let (mut shard, bridge) = joined();
    let focus = format!("{ROOM}/focus");
    let health = "<healthcheck xmlns='http://jitsi.org/protocol/healthcheck'/>";
    assert_eq!(
        ask(&mut shard, &bridge, &focus, health).attr("type"),
        Some("result")
    );
    bridge.ill.set(true);
    let answer = ask(&mut shard, &bridge, &focus, health);
    assert_eq!(condition(&answer), "internal-server-error");
    assert!(String::from(&answer).contains("worker 1 hangs"));
}

#[test]
fn anybody_may_ping_and_ask_who_this_is() {
    let (mut shard, bridge) = shard();
    let from = "meet.shoal";
    let ping = ask(&mut shard, &bridge, from, "<ping xmlns='urn:xmpp:ping'/>");
    assert_eq!(ping.attr("type"), Some("result"));
    let version = ask(
        &mut shard,
        &bridge,
        from,
        "<query xmlns='jabber:iq:version'/>",
    );
    assert!(String::from(&version).contains("shoal-9"));
    let info = ask(
        &mut shard,
        &bridge,
        from,
        "<query xmlns='http://jabber.org/protocol/disco#info' node='n'/>",
    );
    let xml = String::from(&info);
    for feature in [
        "http://jitsi.org/protocol/healthcheck",
        "urn:xmpp:jingle:apps:dtls:0",
        "urn:xmpp:jingle:transports:ice-udp:1",
        "jabber:iq:version",
    ] {
        assert!(xml.contains(feature), "{xml}");
    }
}

#[test]
fn answers_are_not_answered() {
    let (mut shard, bridge) = joined();
    for kind in ["result", "error"] {
        let iq = stanza(&format!("<iq from='ROOM/focus' id='q1' type='{kind}'/>"));
        assert!(shard.handle_stanza(&iq, &bridge).is_empty());
    }
}

#[test]
fn a_taken_nick_makes_it_try_another_at_once() {
    let (mut shard, bridge) = shard();
    shard.handle_online(&bridge);
    let conflict = stanza(
        "<presence from='ROOM/bridge-0' type='error'><error type='cancel'>\
         <conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>",
    );
    let join = shard.handle_stanza(&conflict, &bridge).remove(0);
    assert_ne!(join.attr("to"), Some(format!("{ROOM}/bridge-0").as_str()));
    assert!(join.has_child("x", ns::MUC));
}

#[test]
fn removed_or_forgotten_it_joins_again_with_the_next_presence() {
    for lost in [
        "<presence from='ROOM/bridge-0' type='unavailable'><x xmlns='http://jabber.org/protocol/muc#user'>\
         <item affiliation='none' role='none'/><status code='307'/><status code='110'/></x></presence>",
        "<presence from='ROOM/bridge-0' type='error'><error type='modify'>\
         <not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>",
    ] {
        let (mut shard, bridge) = joined();
        assert!(shard.handle_stanza(&stanza(lost), &bridge).is_empty());
        assert!(!shard.is_joined());
        assert!(
            shard
                .handle_timeout(&bridge)
                .remove(0)
                .has_child("x", ns::MUC)
        );
    }
}

#[test]
fn it_knows_whether_a_focus_is_there() {
    let (mut shard, bridge) = joined();
    assert!(shard.has_focus());
    let other = "<presence from='ROOM/bridge-1'><stats xmlns='http://jitsi.org/protocol/colibri'/></presence>";
    shard.handle_stanza(&stanza(other), &bridge);
    let gone = "<presence from='ROOM/focus' type='unavailable'/>";
    shard.handle_stanza(&stanza(gone), &bridge);
    assert!(!shard.has_focus());
}

#[test]
fn it_leaves_properly() {
    let (mut shard, _) = joined();
    let leave = shard.handle_leave().unwrap();
    assert_eq!(leave.attr("type"), Some("unavailable"));
    assert!(shard.handle_leave().is_none());
}
