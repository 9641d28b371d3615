//! Service discovery and capabilities.

use xmpp::dataform::{DataForm, Field, FormType};
use xmpp::disco::{Caps, Identity, Info, Items, info_request};
use xmpp::{Element, ElementExt, ns, stanza};

use crate::{error_of, round_trip};

#[test]
fn what_a_client_can_do_is_read() {
    let info: Info = round_trip(
        "<query xmlns='http://jabber.org/protocol/disco#info' node='n#v'><identity category='client' \
         type='web' name='probe' xml:lang='en'/><feature var='urn:xmpp:jingle:1'/>\
         <feature var='http://jitsi.org/tcc'/></query>",
    );
    assert!(info.has_feature(ns::feature::TCC) && !info.has_feature(ns::feature::REMB));
    assert_eq!(info.identities[0].lang, "en");
    assert_eq!(info_request(Some("n#v")).attr("node"), Some("n#v"));
    assert_eq!(
        error_of::<Info>("<query xmlns='http://jabber.org/protocol/disco#info'><feature/></query>"),
        "<feature/> lacks the attribute 'var'"
    );
}

#[test]
fn items_survive_a_round_trip() {
    let items: Items = round_trip(
        "<query xmlns='http://jabber.org/protocol/disco#items'><item jid='muc.d' name='Rooms'/>\
         <item jid='x' node='n'/></query>",
    );
    assert_eq!(items.items.len(), 2);
}

#[test]
fn the_simple_example_of_xep_0115_has_its_hash() {
    let info = Info::new()
        .with_identity("client", "pc", Some("Exodus 0.9.1"))
        .with_features([
            "http://jabber.org/protocol/disco#info",
            "http://jabber.org/protocol/disco#items",
            "http://jabber.org/protocol/muc",
            "http://jabber.org/protocol/caps",
        ]);
    assert_eq!(info.caps_ver(), "QgayPKawpkPSDYmwT/WM94uAlu0=");
}

#[test]
fn the_complex_example_of_xep_0115_has_its_hash() {
    let identity = |lang: &str, name: &str| Identity {
        category: "client".into(),
        kind: "pc".into(),
        lang: lang.into(),
        name: Some(name.into()),
    };
    let info = Info {
        node: None,
        identities: vec![identity("en", "Psi 0.11"), identity("el", "\u{3a8} 0.11")],
        features: Vec::new(),
        forms: vec![
            DataForm::new(FormType::Result, "urn:xmpp:dataforms:softwareinfo")
                .with_field(Field {
                    var: "ip_version".into(),
                    values: vec!["ipv6".into(), "ipv4".into()],
                    ..Field::default()
                })
                .with("os", "Mac")
                .with("os_version", "10.5.1")
                .with("software", "Psi")
                .with("software_version", "0.11"),
        ],
    }
    .with_features([
        "http://jabber.org/protocol/caps",
        "http://jabber.org/protocol/disco#info",
        "http://jabber.org/protocol/disco#items",
        "http://jabber.org/protocol/muc",
    ]);
    assert_eq!(info.caps_ver(), "q07IKJEyjvHSyhy//CH0CxmKi8w=");
    let again = Info::try_from(&Element::from(&info)).unwrap();
    assert_eq!(again.caps_ver(), info.caps_ver());
}

#[test]
fn capabilities_that_do_not_match_their_hash_are_not_believed() {
    let info = Info::new().with_feature("urn:xmpp:ping");
    let caps = Caps::of("https://shoal.example", &info);
    assert_eq!(
        caps.query_node(),
        format!("https://shoal.example#{}", caps.ver)
    );
    let presence = stanza::presence(&"r@m/n".parse().unwrap()).with_child(&caps);
    assert_eq!(Caps::in_presence(&presence), Some(caps.clone()));
    assert!(caps.matches(&info));
    assert!(!caps.matches(&info.with_feature("more")));
}
