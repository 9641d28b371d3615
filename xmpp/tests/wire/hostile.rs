//! Hostile input: each is refused with the condition that RFC 6120 names, and nothing panics.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use xmpp::stream::{Event, Limits, Parser, StreamCondition, bosh, frame, write};
use xmpp::{bridge_channel, colibri2, jingle, source};

const OPEN: &str = "<stream:stream xmlns='jabber:client' \
     xmlns:stream='http://etherx.jabber.org/streams' to='d' version='1.0'>";

fn condition_of(input: &[u8]) -> StreamCondition {
    let mut parser = Parser::new(Limits::PARTICIPANT);
    parser.handle_input(OPEN.as_bytes());
    parser.handle_input(input);
    loop {
        match parser.poll_event() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("accepted: {}", String::from_utf8_lossy(input)),
            Err(error) => return error.condition,
        }
    }
}

#[test]
fn hostile_stanzas_end_the_stream_with_the_condition_that_the_rfc_names() {
    let deep = "<a>".repeat(40);
    let wide = format!("<a>{}</a>", "<b/>".repeat(5000));
    let attributes: String = (0..70).map(|n| format!(" a{n}='1'")).collect();
    let attributes = format!("<a{attributes}/>");
    let name = format!("<{}/>", "n".repeat(300));
    let attribute_name = format!("<a {}='1'/>", "n".repeat(300));
    use StreamCondition as C;
    let table: &[(&[u8], C)] = &[
        (b"<!-- hello -->", C::RestrictedXml),
        (b"<iq><!-- hello --></iq>", C::RestrictedXml),
        (b"<?php evil ?>", C::RestrictedXml),
        (b"<iq><?php evil ?></iq>", C::RestrictedXml),
        (b"<!DOCTYPE bomb [<!ENTITY a 'aaaa'>]>", C::RestrictedXml),
        (b"<iq>&bomb;</iq>", C::RestrictedXml),
        (b"<iq a='&bomb;'/>", C::RestrictedXml),
        (b"<iq>&#0;</iq>", C::NotWellFormed),
        (b"<iq>&#xD800;</iq>", C::NotWellFormed),
        (b"<iq>\x01</iq>", C::NotWellFormed),
        (b"<iq>\xff\xfe</iq>", C::UnsupportedEncoding),
        (b"<iq>\xc0\xaf</iq>", C::UnsupportedEncoding),
        (b"<iq a='\xff'/>", C::UnsupportedEncoding),
        (b"<iq></message>", C::NotWellFormed),
        (b"<iq a='1' a='2'/>", C::NotWellFormed),
        (b"<iq a=1/>", C::NotWellFormed),
        (b"<iq a='<'/>", C::NotWellFormed),
        (b"<x:iq/>", C::BadNamespacePrefix),
        (b"<iq x:a='1'/>", C::BadNamespacePrefix),
        (b"<iq xmlns:xml='urn:evil'/>", C::BadNamespacePrefix),
        (b"<iq xmlns:xmlns='urn:evil'/>", C::BadNamespacePrefix),
        (b"text", C::BadFormat),
        (b"<![CDATA[text]]>", C::BadFormat),
        (b"<iq/>text<iq/>", C::BadFormat),
        (deep.as_bytes(), C::PolicyViolation),
        (wide.as_bytes(), C::PolicyViolation),
        (attributes.as_bytes(), C::PolicyViolation),
        (name.as_bytes(), C::PolicyViolation),
        (attribute_name.as_bytes(), C::PolicyViolation),
    ];
    for (input, expected) in table {
        let shown = String::from_utf8_lossy(&input[..input.len().min(60)]).into_owned();
        assert_eq!(condition_of(input), *expected, "{shown}");
    }
}

#[test]
fn a_stanza_without_end_is_refused_at_the_limit_wherever_it_is() {
    for start in ["<iq>", "<iq a='", "<", "<iq ", "<iq><![CDATA[", "<iq>&#"] {
        let mut parser = Parser::new(Limits::PARTICIPANT);
        parser.handle_input(OPEN.as_bytes());
        parser.poll_event().unwrap();
        parser.handle_input(start.as_bytes());
        let mut fed = 0;
        let error = loop {
            parser.handle_input(&[b'1'; 4096]);
            fed += 4096;
            assert!(fed < 1_000_000, "{start} is accepted without end");
            match parser.poll_event() {
                Ok(None) => {}
                Ok(Some(event)) => panic!("{event:?}"),
                Err(error) => break error,
            }
        };
        assert!(
            parser.buffered() == 0 && fed <= 262_144 + 4096,
            "{start}: {error}"
        );
    }
}

#[test]
fn wrong_openings_of_streams_are_refused() {
    use StreamCondition as C;
    for (input, expected) in [
        ("<stream xmlns='jabber:client'>", C::InvalidNamespace),
        (
            "<stream:stream xmlns:stream='urn:other'>",
            C::InvalidNamespace,
        ),
        (
            "<s:features xmlns:s='http://etherx.jabber.org/streams'>",
            C::BadFormat,
        ),
        ("GET / HTTP/1.1\r\n\r\n", C::NotWellFormed),
        ("\u{16}\u{3}\u{1}", C::NotWellFormed),
        ("<?xml version='1.1'?>", C::RestrictedXml),
        ("<?xml version='1.0' encoding='latin1'?>", C::RestrictedXml),
    ] {
        let mut parser = Parser::new(Limits::UNAUTHENTICATED);
        parser.handle_input(input.as_bytes());
        match parser.poll_event() {
            Err(error) => assert_eq!(error.condition, expected, "{input:?}"),
            Ok(event) => panic!("{event:?} of {input:?}"),
        }
    }
}

/// Valid inputs to start from.
const SEEDS: &[&str] = &[
    "<iq type='set' id='1'><jingle xmlns='urn:xmpp:jingle:1' action='source-add' sid='s'>\
     <content name='audio' creator='responder'><description xmlns='urn:xmpp:jingle:apps:rtp:1' \
     media='audio'><payload-type id='111' name='opus' clockrate='48000' channels='2'/>\
     <source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='1' name='a-a0'><parameter name='msid' \
     value='a b'/></source><ssrc-group xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' semantics='FID'>\
     <source ssrc='1'/><source ssrc='2'/></ssrc-group></description><transport ufrag='u' pwd='p' \
     xmlns='urn:xmpp:jingle:transports:ice-udp:1'><fingerprint hash='sha-256' setup='active' \
     xmlns='urn:xmpp:jingle:apps:dtls:0'>AB:CD</fingerprint><candidate ip='::1' port='9' \
     priority='1' protocol='udp'/></transport></content></jingle></iq>",
    "<conference-modify xmlns='jitsi:colibri2' meeting-id='m' create='true'><endpoint id='e' \
     create='true'><media type='audio'/><transport ice-controlling='true'><sctp port='5000'/>\
     </transport><sources><media-source type='video' id='e-v0'/></sources><capability \
     name='source-names'/></endpoint><relay id='r'><endpoints><endpoint id='x'/></endpoints>\
     </relay></conference-modify>",
    "<body rid='1' xmlns='http://jabber.org/protocol/httpbind' xmpp:restart='true' \
     xmlns:xmpp='urn:xmpp:xbosh'><iq id='1' xmlns='jabber:client'/></body>",
    "{\"colibriClass\":\"ReceiverVideoConstraints\",\"lastN\":5,\"constraints\":{\"a\":\
     {\"maxHeight\":180,\"maxFrameRate\":-1}},\"defaultConstraints\":{\"maxHeight\":0}}",
    "{\"sources\":{\"a\":[[{\"s\":1,\"n\":\"a-v0\",\"m\":\"x y\",\"v\":\"d\"}],[[\"f\",1,2]],[]]}}",
];

#[test]
fn nothing_panics_on_a_hundred_thousand_mutations_of_valid_input() {
    let mut random = StdRng::seed_from_u64(0x5ea1);
    for round in 0..100_000 {
        let mut bytes = SEEDS[round % SEEDS.len()].as_bytes().to_vec();
        for _ in 0..random.random_range(1..6) {
            if bytes.is_empty() {
                break;
            }
            let at = random.random_range(0..bytes.len());
            match random.random_range(0..5) {
                0 => bytes[at] = random.random(),
                1 => bytes.insert(at, b"<>&'\"=/:x0"[random.random_range(0..10)]),
                2 => {
                    bytes.remove(at);
                }
                3 => bytes.truncate(at),
                _ => {
                    let to = random.random_range(at..bytes.len().min(at + 20) + 1);
                    let piece = bytes[at..to].to_vec();
                    let target = random.random_range(0..=bytes.len());
                    bytes.splice(target..target, piece);
                }
            }
        }
        everything(&bytes, random.random_range(1..64));
    }
}

/// Runs every parser of the crate on the input. What is accepted must be rendered again and stay
/// the same.
fn everything(bytes: &[u8], chunk: usize) {
    let mut parser = Parser::new(Limits::PARTICIPANT);
    parser.handle_input(OPEN.as_bytes());
    for piece in bytes.chunks(chunk) {
        parser.handle_input(piece);
        while let Ok(Some(event)) = parser.poll_event() {
            if let Event::Element(element) = event {
                let text = write::in_stream(&element);
                let mut again = Parser::new(Limits::SERVICE);
                again.handle_input(OPEN.as_bytes());
                again.handle_input(text.as_bytes());
                again.poll_event().unwrap();
                assert_eq!(
                    again.poll_event(),
                    Ok(Some(Event::Element(element))),
                    "{text}"
                );
            }
        }
    }
    let text = String::from_utf8_lossy(bytes);
    if let Ok(frame::Frame::Element(element)) = frame::parse(&text, &Limits::PARTICIPANT) {
        if let Some(Ok(jingle)) = element.children().next().map(jingle::Jingle::try_from) {
            let rendered = xmpp::Element::from(&jingle);
            assert_eq!(jingle::Jingle::try_from(&rendered).unwrap(), jingle);
            let _ = (jingle.own_sources(), jingle.sources());
        }
        if let Ok(modify) = colibri2::ConferenceModify::try_from(&element) {
            let rendered = xmpp::Element::from(&modify);
            assert_eq!(
                colibri2::ConferenceModify::try_from(&rendered).unwrap(),
                modify
            );
        }
    }
    let _ = bosh::Body::parse(&text, &Limits::PARTICIPANT);
    if let Ok(message) = bridge_channel::parse(&text) {
        let again = bridge_channel::parse(&message.to_json()).unwrap();
        assert_eq!(again.to_json(), message.to_json());
    }
    if let Ok(sources) = source::json::parse(&text) {
        assert_eq!(
            source::json::parse(&source::json::render(&sources)).unwrap(),
            sources
        );
    }
}
