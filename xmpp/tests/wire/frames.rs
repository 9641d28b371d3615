//! WebSocket frames (RFC 7395) and BOSH bodies (XEP-0124).

use xmpp::stream::bosh::Body;
use xmpp::stream::frame::{self, Frame};
use xmpp::stream::{Header, Limits, StreamCondition};
use xmpp::{Element, ElementExt, ns, stanza};

fn parse(text: &str) -> Result<Frame, StreamCondition> {
    frame::parse(text, &Limits::PARTICIPANT).map_err(|error| error.condition)
}

#[test]
fn open_and_close_are_recognised() {
    let open = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='meet.shoal' version='1.0'/>";
    assert_eq!(
        parse(open),
        Ok(Frame::Open(Header::to_domain("meet.shoal")))
    );
    let close = parse("<close xmlns=\"urn:ietf:params:xml:ns:xmpp-framing\" />");
    assert_eq!(
        close,
        Ok(Frame::Close {
            see_other_uri: None
        })
    );
    assert_eq!(parse(&frame::close()), close);
    assert_eq!(
        parse(&frame::close_for("wss://b/x?a=1&b=2")),
        Ok(Frame::Close {
            see_other_uri: Some("wss://b/x?a=1&b=2".into())
        })
    );
    let header = Header::from_domain("meet.shoal", "id<1>");
    assert_eq!(parse(&frame::open(&header)), Ok(Frame::Open(header)));
}

#[test]
fn clients_find_open_and_close_where_they_compare_text() {
    assert!(frame::open(&Header::default()).starts_with("<open "));
    assert_eq!(
        frame::close(),
        "<close xmlns=\"urn:ietf:params:xml:ns:xmpp-framing\" />"
    );
}

#[test]
fn a_stanza_without_namespace_counts_as_jabber_client() {
    let Ok(Frame::Element(bare)) = parse("<presence to='a@b/c'><show>away</show></presence>")
    else {
        panic!()
    };
    assert!(stanza::is_presence(&bare));
    assert!(bare.has_child("show", ns::CLIENT));
    let Ok(Frame::Element(full)) =
        parse("<presence xmlns='jabber:client' to='a@b/c'><show>away</show></presence>")
    else {
        panic!()
    };
    assert_eq!(bare, full);
}

#[test]
fn one_frame_holds_one_complete_element() {
    use StreamCondition as C;
    for (text, expected) in [
        ("", C::NotWellFormed),
        ("   ", C::NotWellFormed),
        ("<iq>", C::NotWellFormed),
        ("<iq/><iq/>", C::NotWellFormed),
        ("<iq/>text", C::NotWellFormed),
        ("<stream:stream>", C::BadNamespacePrefix),
        (
            "<framed xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>",
            C::UnsupportedStanzaType,
        ),
    ] {
        assert_eq!(parse(text), Err(expected), "{text:?}");
    }
    let large = format!("<message><body>{}</body></message>", "x".repeat(300_000));
    assert_eq!(parse(&large), Err(C::PolicyViolation));
}

#[test]
fn frames_declare_their_namespaces() {
    let features =
        xmpp::xml::element("features", ns::STREAM).with_child(xmpp::xml::element("bind", ns::BIND));
    assert_eq!(
        frame::element(&features),
        "<stream:features xmlns:stream='http://etherx.jabber.org/streams'>\
         <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>"
    );
    let presence = stanza::presence(&"a@b/c".parse().unwrap());
    assert_eq!(
        frame::element(&presence),
        "<presence xmlns='jabber:client' to='a@b/c'/>"
    );
}

#[test]
fn a_bosh_session_request_is_read() {
    let body = Body::parse(
        "<body content='text/xml; charset=utf-8' hold='1' rid='1573741820' to='meet.shoal' \
         ver='1.6' wait='60' xml:lang='en' xmpp:version='1.0' \
         xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh'/>",
        &Limits::PARTICIPANT,
    )
    .unwrap();
    assert_eq!(
        (body.rid, body.wait, body.hold),
        (Some(1_573_741_820), Some(60), Some(1))
    );
    assert_eq!(body.xmpp_version.as_deref(), Some("1.0"));
    assert!(!body.restart);
    let restart = Body::parse(
        "<body rid='2' sid='s' xmpp:restart='true' xmlns='http://jabber.org/protocol/httpbind' \
         xmlns:xmpp='urn:xmpp:xbosh'/>",
        &Limits::PARTICIPANT,
    )
    .unwrap();
    assert!(restart.restart);
}

#[test]
fn stanzas_that_inherit_the_namespace_of_the_body_count_as_jabber_client() {
    let body = Body::parse(
        "<body rid='3' sid='s' xmlns='http://jabber.org/protocol/httpbind'>\
         <iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>\
         <message xmlns='jabber:client'><body>hi</body></message></body>",
        &Limits::PARTICIPANT,
    )
    .unwrap();
    assert!(stanza::is_iq(&body.payload[0]));
    assert!(body.payload[0].has_child("bind", ns::BIND));
    assert!(body.payload[1].has_child("body", ns::CLIENT));
}

#[test]
fn a_body_survives_rendering() {
    let body = Body {
        sid: Some("s1".into()),
        wait: Some(60),
        requests: Some(2),
        inactivity: Some(60),
        xmpp_version: Some("1.0".into()),
        restart_logic: Some(true),
        payload: vec![
            xmpp::xml::element("features", ns::STREAM),
            stanza::presence(&"a@b/c".parse().unwrap()),
        ],
        ..Body::default()
    };
    let text = body.render();
    assert_eq!(
        Body::parse(&text, &Limits::PARTICIPANT).unwrap(),
        body,
        "{text}"
    );
    assert!(text.contains("<stream:features/><presence xmlns='jabber:client' to='a@b/c'/>"));
}

#[test]
fn a_body_that_is_none_is_refused() {
    for text in [
        "<body",
        "<iq xmlns='jabber:client'/>",
        "<body rid='x' xmlns='http://jabber.org/protocol/httpbind'/>",
    ] {
        assert!(Body::parse(text, &Limits::PARTICIPANT).is_err(), "{text}");
    }
    let error: Element = (&xmpp::stream::StreamError::new(StreamCondition::HostUnknown)).into();
    assert!(frame::element(&error).starts_with("<stream:error xmlns:stream="));
}
