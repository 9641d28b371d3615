//! Who is told of whose sources, and in which form.

use xmpp::jingle::{Action, Jingle};
use xmpp::ns;
use xmpp::source::{EndpointSources, Source};

use super::world::{Level, World, contents, sources};

fn signal(action: Action, sid: &str, sources: &EndpointSources) -> Jingle {
    let mut jingle = Jingle::new(action, sid);
    jingle.contents = contents(sources);
    jingle
}

fn audio(nick: &str, ssrc: u32) -> EndpointSources {
    let name = format!("{nick}-a0");
    let source = Source::new(ssrc)
        .with_msid(format!("{name}-2 track"))
        .with_name(name);
    EndpointSources {
        audio: vec![source],
        ..EndpointSources::default()
    }
}

#[test]
fn clients_for_which_the_bridge_rewrites_ssrcs_are_told_nothing() {
    let mut world = World::meeting(Level::Current);
    let sid = world
        .director
        .conference(super::world::ROOM)
        .unwrap()
        .participants[0]
        .session
        .clone()
        .unwrap()
        .0;
    world
        .jingle("a", &signal(Action::SourceRemove, &sid, &audio("a", 1000)))
        .unwrap();
    world
        .jingle("a", &signal(Action::SourceAdd, &sid, &audio("a", 1001)))
        .unwrap();
    assert!(world.jingles("b").is_empty() && world.jingles("c").is_empty());
    let update = world.bridges["jvb1"].requests.last().unwrap();
    let ids: Vec<u32> = update.endpoints[0]
        .sources
        .iter()
        .flatten()
        .flat_map(|m| &m.sources)
        .map(|s| s.ssrc)
        .collect();
    assert!(
        ids.contains(&1001) && !ids.contains(&1000),
        "the bridge is told the full state: {ids:?}"
    );
}

#[test]
fn others_are_told_in_json_and_without_upper_layers() {
    let mut world = World::new();
    world.bridge("jvb1");
    world.join("a", Level::Json);
    world.join("b", Level::Json);
    world.accept("b", 2000);
    world.accept("a", 1000);
    let added = world.last("b");
    assert_eq!(added.action, Action::SourceAdd);
    assert_eq!(added.initiator, None);
    assert!(added.contents.is_empty());
    let of_a = &added.json_sources.as_ref().unwrap().by_owner["a"];
    assert_eq!(of_a, &sources("a", 1000).without_simulcast());
    assert_eq!(of_a.video.len(), 2, "one layer and its retransmission");
    assert!(
        !added.json_sources.unwrap().by_owner.contains_key("b"),
        "nobody is told its own"
    );
}

#[test]
fn clients_without_json_are_told_in_xml_with_the_owner() {
    let mut world = World::new();
    world.bridge("jvb1");
    world.join("a", Level::Json);
    world.join("b", Level::Plain);
    let offer = world.offer("b");
    assert!(offer.json_sources.is_none());
    assert_eq!(offer.sources().by_owner["jvb"].audio[0].ssrc, 11);
    world.accept("b", 2000);
    world.accept("a", 1000);
    let added = world.last("b");
    assert!(added.json_sources.is_none());
    assert_eq!(
        added
            .contents
            .iter()
            .map(|c| c.name.as_str())
            .collect::<Vec<_>>(),
        ["audio", "video"]
    );
    assert_eq!(
        added.sources().by_owner["a"],
        sources("a", 1000).without_simulcast()
    );
}

#[test]
fn an_offer_carries_everybody_else_s_sources() {
    let mut world = World::meeting(Level::Json);
    world.join("d", Level::Json);
    let offered = world.offer("d").sources();
    assert_eq!(
        offered.by_owner.keys().collect::<Vec<_>>(),
        ["a", "b", "c", "jvb"]
    );
}

#[test]
fn what_changes_between_offer_and_accept_is_made_up_for() {
    let mut world = World::new();
    world.bridge("jvb1");
    world.join("a", Level::Json);
    world.join("b", Level::Json);
    world.accept("a", 1000);
    world.join("c", Level::Json);
    // c was offered a's sources; meanwhile a changes its audio and b accepts.
    let sid = world.offer("a").sid;
    world
        .jingle("a", &signal(Action::SourceRemove, &sid, &audio("a", 1000)))
        .unwrap();
    world
        .jingle("a", &signal(Action::SourceAdd, &sid, &audio("a", 1001)))
        .unwrap();
    world.accept("b", 2000);
    assert_eq!(
        world.verbs("c"),
        ["session-initiate"],
        "nothing is signalled before the accept"
    );
    world.accept("c", 3000);
    let verbs = world.verbs("c");
    assert_eq!(verbs, ["session-initiate", "source-remove", "source-add"]);
    let removed = world.jingles("c")[1].sources();
    assert_eq!(removed.by_owner["a"].audio[0].ssrc, 1000);
    let added = world.jingles("c")[2].sources();
    assert_eq!(added.by_owner["a"].audio[0].ssrc, 1001);
    assert!(added.by_owner.contains_key("b"));
    assert_eq!(added.by_owner.len(), 2);
}

#[test]
fn removed_sources_are_told_with_their_groups() {
    let mut world = World::meeting(Level::Json);
    let sid = session(&world, "a");
    let video = EndpointSources {
        video: sources("a", 1000).video,
        ..EndpointSources::default()
    };
    world
        .jingle("a", &signal(Action::SourceRemove, &sid, &video))
        .unwrap();
    let removed = world.last("b");
    assert_eq!(removed.action, Action::SourceRemove);
    let of_a = &removed.sources().by_owner["a"];
    assert_eq!(
        (of_a.video.len(), of_a.video_groups.len(), of_a.audio.len()),
        (2, 1, 0)
    );
}

#[test]
fn a_client_that_restarts_takes_its_sources_away_from_the_others() {
    let mut world = World::meeting(Level::Json);
    let sid = session(&world, "a");
    let mut terminate = Jingle::new(Action::SessionTerminate, sid);
    terminate.bridge_session = Some(xmpp::jingle::BridgeSession {
        restart: true,
        ..Default::default()
    });
    world.jingle("a", &terminate).unwrap();
    assert_eq!(world.last("b").action, Action::SourceRemove);
    assert!(world.last("b").sources().by_owner.contains_key("a"));
    world.accept("a", 1000);
    assert_eq!(world.last("b").action, Action::SourceAdd);
}

#[test]
fn source_names_reach_the_wire_as_clients_expect_them() {
    let mut world = World::meeting(Level::Json);
    world.join("d", Level::Json);
    let iq = world.clients["d"].received.last().unwrap();
    let text = iq
        .get_child("jingle", ns::JINGLE)
        .unwrap()
        .get_child("json-message", ns::JITMEET)
        .unwrap()
        .text();
    assert!(
        text.contains(r#""a":[[{"s":1010,"n":"a-v0","m":"a-v0-1 track"},{"s":1011"#),
        "{text}"
    );
    assert!(text.contains(r#"[["f",1010,1011]]"#), "{text}");
}

fn session(world: &World, nick: &str) -> String {
    let summary = world.director.conference(super::world::ROOM).unwrap();
    summary
        .participants
        .into_iter()
        .find(|p| p.id == nick)
        .unwrap()
        .session
        .unwrap()
        .0
}
