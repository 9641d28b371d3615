//! Media sources and their JSON form.

use xmpp::source::json::{from_element, parse, render, to_element};
use xmpp::source::{ConferenceSources, EndpointSources, Semantics, Source, SsrcGroup, VideoType};

use crate::xml;

fn simulcast() -> EndpointSources {
    EndpointSources {
        audio: vec![Source::new(1000).with_name("e-a0")],
        video: (1010..1016)
            .map(|ssrc| Source::new(ssrc).with_name("e-v0"))
            .collect(),
        audio_groups: Vec::new(),
        video_groups: vec![
            SsrcGroup::new(Semantics::Sim, [1010, 1012, 1014]),
            SsrcGroup::new(Semantics::Fid, [1010, 1011]),
            SsrcGroup::new(Semantics::Fid, [1012, 1013]),
            SsrcGroup::new(Semantics::Fid, [1014, 1015]),
        ],
    }
}

#[test]
fn the_json_form_is_the_one_that_clients_read() {
    let sources = ConferenceSources::one(
        "hkyj",
        EndpointSources {
            audio: vec![Source::new(5000).with_name("hkyj-a0").with_msid("s a")],
            video: vec![
                Source::new(5010)
                    .with_name("hkyj-v0")
                    .with_msid("s v")
                    .with_video_type(VideoType::Desktop),
                Source::new(5011).with_video_type(VideoType::Camera),
            ],
            audio_groups: Vec::new(),
            video_groups: vec![SsrcGroup::new(Semantics::Fid, [5010, 5011])],
        },
    );
    let text = "{\"sources\":{\"hkyj\":[[{\"s\":5010,\"n\":\"hkyj-v0\",\"m\":\"s v\",\"v\":\"d\"},\
                {\"s\":5011}],[[\"f\",5010,5011]],[{\"s\":5000,\"n\":\"hkyj-a0\",\"m\":\"s a\"}]]}}";
    assert_eq!(render(&sources), text);
    let again = parse(text).unwrap();
    assert_eq!(render(&again), text);
    assert_eq!(from_element(&to_element(&sources)).unwrap(), Some(again));
}

#[test]
fn audio_groups_and_other_semantics_survive() {
    let mut sources = simulcast();
    sources
        .audio_groups
        .push(SsrcGroup::new(Semantics::FecFr, [1000, 1]));
    let all = ConferenceSources::one("e", sources);
    assert_eq!(parse(&render(&all)).unwrap(), all);
}

#[test]
fn missing_lists_at_the_end_are_empty() {
    let sources =
        parse("{\"sources\":{\"a\":[],\"b\":[[{\"s\":7}]],\"c\":[[],[],[],[],[9]]}}").unwrap();
    assert!(sources.by_owner["a"].is_empty() && sources.by_owner["c"].is_empty());
    assert_eq!(sources.by_owner["b"].video[0].ssrc, 7);
}

#[test]
fn nonsense_is_refused_and_other_messages_are_left_alone() {
    for text in [
        "",
        "{}",
        "{\"sources\":[]}",
        "{\"sources\":{\"a\":{}}}",
        "{\"sources\":{\"a\":[[{}]]}}",
        "{\"sources\":{\"a\":[[{\"s\":-1}]]}}",
        "{\"sources\":{\"a\":[[{\"s\":4294967296}]]}}",
        "{\"sources\":{\"a\":[[],[[]]]}}",
        "{\"sources\":{\"a\":[[],[[7]]]}}",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
    let other =
        xml("<json-message xmlns='http://jitsi.org/jitmeet'>{\"type\":\"x\"}</json-message>");
    assert_eq!(from_element(&other), Ok(None));
    let broken = xml("<json-message xmlns='http://jitsi.org/jitmeet'>{\"sources\"</json-message>");
    assert!(from_element(&broken).is_err());
}

#[test]
fn receivers_see_one_layer_of_a_simulcast_source() {
    let mut sent = simulcast();
    sent.video.insert(0, Source::new(77));
    sent.video_groups
        .push(SsrcGroup::new(Semantics::FecFr, [1012, 77]));
    let seen = sent.without_simulcast();
    let ssrcs: Vec<_> = seen.video.iter().map(|source| source.ssrc).collect();
    assert_eq!(ssrcs, [1010, 1011]);
    assert_eq!(
        seen.video_groups,
        [SsrcGroup::new(Semantics::Fid, [1010, 1011])]
    );
    assert_eq!(seen.audio, simulcast().audio);
}

#[test]
fn removing_an_ssrc_removes_its_groups() {
    let mut sources = simulcast();
    let gone = sources.remove(&EndpointSources {
        video: vec![Source::new(1012), Source::new(99)],
        ..EndpointSources::default()
    });
    assert_eq!(gone.video.len(), 1);
    assert_eq!(gone.video_groups.len(), 2);
    assert!(!sources.contains(1012) && sources.contains(1013));
    assert_eq!(sources.video_groups.len(), 2);
    let rest = sources.clone();
    sources.remove(&rest);
    assert!(sources.is_empty());
}

#[test]
fn sources_of_owners_add_up() {
    let mut all = ConferenceSources::new();
    assert!(all.is_empty());
    all.add("a", simulcast());
    all.add(
        "a",
        EndpointSources {
            audio: vec![Source::new(1)],
            ..EndpointSources::default()
        },
    );
    all.add("b", simulcast());
    assert_eq!(all.by_owner["a"].audio.len(), 2);
    assert_eq!(all.by_owner.len(), 2);
}
