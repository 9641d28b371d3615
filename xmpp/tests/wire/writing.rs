//! Serialising.

use xmpp::stream::{Header, write};
use xmpp::xml::element;
use xmpp::{Element, ElementExt, ns, stanza};

#[test]
fn stanzas_of_a_stream_have_neither_prefix_nor_declaration() {
    let iq = stanza::iq(
        stanza::IqType::Get,
        "1",
        Some(&"d".parse().unwrap()),
        Some(element("ping", ns::PING)),
    );
    assert_eq!(
        write::in_stream(&iq),
        "<iq id='1' to='d' type='get'><ping xmlns='urn:xmpp:ping'/></iq>"
    );
    assert_eq!(
        write::document(&iq),
        "<iq xmlns='jabber:client' id='1' to='d' type='get'><ping xmlns='urn:xmpp:ping'/></iq>"
    );
}

#[test]
fn stream_elements_have_the_stream_prefix() {
    let features = element("features", ns::STREAM).with_child(element("sm", ns::SM));
    assert_eq!(
        write::in_stream(&features),
        "<stream:features><sm xmlns='urn:xmpp:sm:3'/></stream:features>"
    );
    assert_eq!(
        write::stream_open(&Header::to_domain("meet.shoal")),
        "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
         xmlns:stream='http://etherx.jabber.org/streams' to='meet.shoal' version='1.0'>"
    );
}

#[test]
fn namespaces_go_back_to_the_outer_one() {
    let x = element("message", ns::CLIENT)
        .with_child(element("json-message", ns::JITMEET).with_text("{}"))
        .with_child(element("body", ns::CLIENT).with_text("b"));
    assert_eq!(
        write::in_stream(&x),
        "<message><json-message xmlns='http://jitsi.org/jitmeet'>{}</json-message>\
         <body>b</body></message>"
    );
    let nested = element("a", "urn:a")
        .with_child(element("b", ns::CLIENT).with_child(element("c", "urn:a")));
    assert_eq!(
        write::in_stream(&nested),
        "<a xmlns='urn:a'><b xmlns='jabber:client'><c xmlns='urn:a'/></b></a>"
    );
}

#[test]
fn markup_and_whitespace_survive_in_text_and_attributes() {
    let text = "<&>'\"\t\n\r]]> \u{e4}\u{1f600}";
    let message = element("message", ns::CLIENT)
        .with_attr("a", text)
        .with_text(text);
    let again = crate::xml(&write::document(&message));
    assert_eq!(again.attr("a"), Some(text));
    assert_eq!(again.text(), text);
}

#[test]
fn characters_that_xml_cannot_carry_are_replaced() {
    let message = element("message", ns::CLIENT).with_text("a\0b\u{8}c\u{ffff}d");
    assert_eq!(
        write::in_stream(&message),
        "<message>a\u{fffd}b\u{fffd}c\u{fffd}d</message>"
    );
}

#[test]
fn attributes_of_other_namespaces_keep_them() {
    let element = crate::xml(
        "<a xmlns='urn:a' xmlns:p='urn:p' p:x='1' x='2' xml:lang='de' xmlns:q='urn:q' q:x='3'/>",
    );
    let again = crate::xml(&write::document(&element));
    assert_eq!(again, element);
    assert_eq!(again.attr_ns("urn:p", "x"), Some("1"));
    assert_eq!(again.attr_ns(ns::XML, "lang"), Some("de"));
}

#[test]
fn a_broadcast_differs_only_in_the_receiver() {
    let mut presence: Element = crate::xml(
        "<presence from='r@m/n' to='x@y/z'><x xmlns='http://jabber.org/protocol/muc#user' to='k'/></presence>",
    );
    let broadcast = write::Broadcast::in_stream(&presence);
    let alone = write::Broadcast::document(&presence);
    for to in ["a@b/c", "d'e@f/<g>"] {
        presence.put_attr("to", to);
        assert_eq!(crate::xml(&broadcast.render(to)), presence);
        assert_eq!(crate::xml(&alone.render(to)), presence);
        let (before, after) = broadcast.parts();
        let joined = format!("{before}{}{after}", write::to_attribute(to));
        assert_eq!(joined, broadcast.render(to));
    }
}
