//! TCP streams (RFC 6120 §4).

use xmpp::stream::{Event, Header, Limits, Parser, StreamCondition, StreamError};
use xmpp::{Element, ns, stanza};

const OPEN: &str = "<?xml version='1.0'?><stream:stream to='meet.shoal' xmlns='jabber:client' \
     xmlns:stream='http://etherx.jabber.org/streams' version='1.0' xml:lang='en'>";

const SESSION: &str = "<?xml version='1.0'?>\n<stream:stream to='meet.shoal' xmlns='jabber:client' \
     xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>\
     <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/> \n \
     <iq type='set' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>\u{e4}\u{1f600}\
     </resource></bind></iq><message to='a@b/c'><body>1 &lt; 2 &amp;&#x26; 'quoted' \
     <![CDATA[<raw>]]></body></message>\n</stream:stream>";

pub(crate) fn all(parser: &mut Parser) -> Result<Vec<Event>, StreamError> {
    let mut events = Vec::new();
    while let Some(event) = parser.poll_event()? {
        events.push(event);
    }
    Ok(events)
}

fn element(event: &Event) -> &Element {
    match event {
        Event::Element(element) => element,
        other => panic!("{other:?}"),
    }
}

fn after_open(input: &str) -> Result<Vec<Event>, StreamError> {
    let mut parser = Parser::new(Limits::PARTICIPANT);
    parser.handle_input(OPEN.as_bytes());
    all(&mut parser).unwrap();
    parser.handle_input(input.as_bytes());
    all(&mut parser)
}

#[test]
fn a_session_becomes_header_elements_and_close() {
    let mut parser = Parser::new(Limits::PARTICIPANT);
    parser.handle_input(SESSION.as_bytes());
    let events = all(&mut parser).unwrap();
    assert_eq!(
        events[0],
        Event::StreamOpen(Header {
            to: Some("meet.shoal".into()),
            version: Some("1.0".into()),
            ..Header::default()
        })
    );
    assert!(element(&events[1]).is("auth", ns::SASL));
    let bind = stanza::payload(element(&events[2])).unwrap();
    assert_eq!(
        bind.get_child("resource", ns::BIND).unwrap().text(),
        "\u{e4}\u{1f600}"
    );
    let body = element(&events[3])
        .get_child("body", ns::CLIENT)
        .unwrap()
        .text();
    assert_eq!(body, "1 < 2 && 'quoted' <raw>");
    assert_eq!(events[4], Event::StreamClose);
    assert_eq!(events.len(), 5);
    assert_eq!(parser.poll_event(), Ok(None));
}

#[test]
fn the_events_are_the_same_wherever_the_bytes_are_split() {
    let mut whole = Parser::new(Limits::PARTICIPANT);
    whole.handle_input(SESSION.as_bytes());
    let expected = all(&mut whole).unwrap();
    let bytes = SESSION.as_bytes();
    for split in 0..=bytes.len() {
        let mut parser = Parser::new(Limits::PARTICIPANT);
        parser.handle_input(&bytes[..split]);
        let mut events = all(&mut parser).unwrap();
        parser.handle_input(&bytes[split..]);
        events.extend(all(&mut parser).unwrap());
        assert_eq!(events, expected, "split at {split}");
    }
    let mut parser = Parser::new(Limits::PARTICIPANT);
    let mut events = Vec::new();
    for byte in bytes {
        parser.handle_input(std::slice::from_ref(byte));
        events.extend(all(&mut parser).unwrap());
    }
    assert_eq!(events, expected, "byte by byte");
}

#[test]
fn a_stream_that_ends_with_its_header_is_closed_whatever_follows() {
    let open = OPEN.replace("xml:lang='en'>", "/>");
    for rest in ["", "text", "<iq/>"] {
        let mut parser = Parser::new(Limits::PARTICIPANT);
        parser.handle_input(open.as_bytes());
        parser.handle_input(rest.as_bytes());
        let events = all(&mut parser).unwrap();
        assert!(
            matches!(events[..], [Event::StreamOpen(_), Event::StreamClose]),
            "{rest}"
        );
    }
}

#[test]
fn input_after_a_login_belongs_to_the_new_stream_unless_it_is_discarded() {
    let input = format!(
        "{OPEN}<auth xmlns='{}' mechanism='X'/>{OPEN}<iq id='1'/>",
        ns::SASL
    );
    let mut parser = Parser::new(Limits::PARTICIPANT);
    parser.handle_input(input.as_bytes());
    assert!(matches!(
        parser.poll_event(),
        Ok(Some(Event::StreamOpen(_)))
    ));
    assert!(matches!(parser.poll_event(), Ok(Some(Event::Element(_)))));
    parser.restart();
    assert!(matches!(
        parser.poll_event(),
        Ok(Some(Event::StreamOpen(_)))
    ));
    assert!(matches!(parser.poll_event(), Ok(Some(Event::Element(_)))));

    let mut parser = Parser::new(Limits::PARTICIPANT);
    parser.handle_input(input.as_bytes());
    parser.poll_event().unwrap();
    parser.poll_event().unwrap();
    assert!(parser.discard_input() > 100);
    parser.restart();
    assert_eq!(parser.poll_event(), Ok(None));
}

#[test]
fn whitespace_between_stanzas_is_ignored_however_much_of_it_comes() {
    let mut parser = Parser::new(Limits::UNAUTHENTICATED);
    parser.handle_input(OPEN.as_bytes());
    all(&mut parser).unwrap();
    for _ in 0..100 {
        parser.handle_input(&[b' '; 1024]);
        assert_eq!(parser.poll_event(), Ok(None));
    }
    parser.handle_input(b"\n<iq id='1'/>");
    assert_eq!(all(&mut parser).unwrap().len(), 1);
}

#[test]
fn a_stanza_of_the_largest_size_passes_and_one_byte_more_does_not() {
    let limits = Limits::PARTICIPANT;
    let frame = "<message><body></body></message>";
    let text = "x".repeat(limits.stanza_bytes - frame.len());
    let largest = format!("<message><body>{text}</body></message>");
    assert_eq!(after_open(&largest).unwrap().len(), 1);
    assert_eq!(after_open(&format!("{largest}{largest}")).unwrap().len(), 2);
    let larger = format!("<message><body>{text}x</body></message>");
    let error = after_open(&larger).unwrap_err();
    assert_eq!(error.condition, StreamCondition::PolicyViolation);
    assert_eq!(error.text.unwrap(), "a stanza longer than 262144");
}

#[test]
fn large_attribute_values_pass_within_the_size_of_a_stanza() {
    let value = "v".repeat(100_000);
    let events = after_open(&format!("<iq id='{value}'/>")).unwrap();
    assert_eq!(stanza::id(element(&events[0])), Some(value.as_str()));
}

#[test]
fn a_broken_parser_stays_broken_and_keeps_nothing() {
    let mut parser = Parser::new(Limits::PARTICIPANT);
    parser.handle_input(b"<nonsense");
    parser.handle_input(&[b'>'; 3]);
    let error = parser.poll_event().unwrap_err();
    assert_eq!(error.condition, StreamCondition::InvalidNamespace);
    assert_eq!(parser.buffered(), 0);
    parser.handle_input(OPEN.as_bytes());
    assert_eq!(parser.poll_event(), Err(error));
}

#[test]
fn prefixes_of_the_peer_mean_what_they_are_bound_to() {
    let input = "<x:iq xmlns:x='jabber:client' id='1' type='get'>\
                 <ping xmlns='urn:xmpp:ping'/></x:iq>";
    let events = after_open(input).unwrap();
    assert!(stanza::is_iq(element(&events[0])));
    let reparsed = crate::xml(&xmpp::stream::write::in_stream(element(&events[0])));
    assert_eq!(&reparsed, element(&events[0]));
}

/// Namespaces in XML 1.0 §3: no default namespace may be that of the prefix `xml`, so no copy of such an element can be
/// written for readers that declare none.
#[test]
fn an_element_whose_prefix_is_xml_is_refused() {
    for input in ["<xml:lang to='a@b'/>", "<message><xml:x/></message>"] {
        let error = after_open(input).unwrap_err();
        assert_eq!(
            error.condition,
            StreamCondition::BadNamespacePrefix,
            "{input}"
        );
    }
}
