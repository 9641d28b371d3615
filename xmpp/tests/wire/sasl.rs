//! Logging in.

use xmpp::sasl::{self, Login, Plain, SaslError, Step};
use xmpp::{Element, ElementExt, ns};

use crate::xml;

fn offers(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn the_strongest_mechanism_is_chosen_and_plain_only_where_nobody_listens() {
    let account = Some(("jvb", "pw"));
    for (offered, account, confidential, expected) in [
        (
            &["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"][..],
            account,
            true,
            Some("SCRAM-SHA-256"),
        ),
        (
            &["PLAIN", "SCRAM-SHA-1"],
            account,
            true,
            Some("SCRAM-SHA-1"),
        ),
        (&["PLAIN", "ANONYMOUS"], account, true, Some("PLAIN")),
        (&["PLAIN", "ANONYMOUS"], account, false, None),
        (&["ANONYMOUS"], account, true, None),
        (&["PLAIN", "ANONYMOUS"], None, false, Some("ANONYMOUS")),
        (&["PLAIN"], None, true, None),
    ] {
        let chosen = Login::choose(&offers(offered), account, confidential);
        match (chosen, expected) {
            (Ok(login), Some(expected)) => assert_eq!(login.mechanism(), expected),
            (Err(SaslError::NoMechanism { .. }), None) => {}
            (chosen, expected) => panic!("{chosen:?}, expected {expected:?}"),
        }
    }
}

#[test]
fn plain_sends_user_and_password_as_rfc_4616_says() {
    let mut login = Login::choose(&offers(&["PLAIN"]), Some(("jvb", "pw")), true).unwrap();
    let auth = login.start();
    assert_eq!(auth.attr("mechanism"), Some("PLAIN"));
    let plain = Plain::parse(&sasl::data_of(&auth).unwrap().unwrap()).unwrap();
    assert_eq!(
        (plain.user.as_str(), plain.password.as_str()),
        ("jvb", "pw")
    );
    assert!(!format!("{plain:?}{login:?}").contains("pw"));
    assert_eq!(login.handle(&sasl::success(b"")), Ok(Step::Done));
}

#[test]
fn a_refusal_says_why() {
    let mut login = Login::choose(&offers(&["ANONYMOUS"]), None, false).unwrap();
    assert_eq!(
        login.start(),
        xml("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>")
    );
    let failure = sasl::failure("not-allowed", Some("token required"));
    let text = xmpp::stream::write::in_stream(&failure);
    assert!(text.contains("<not-allowed/><text>token required</text>"));
    let error = login.handle(&failure).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the server refused: not-allowed (token required)"
    );
}

#[test]
fn a_server_that_does_not_know_the_password_is_not_believed() {
    let mut login = Login::choose(&offers(&["SCRAM-SHA-1"]), Some(("u", "pw")), false).unwrap();
    let first = sasl::data_of(&login.start()).unwrap().unwrap();
    let nonce = String::from_utf8(first)
        .unwrap()
        .split("r=")
        .nth(1)
        .unwrap()
        .to_owned();
    let challenge = format!("r={nonce}server,s=QSXCR+Q6sek8bf92,i=4096");
    let step = login
        .handle(&sasl::challenge(challenge.as_bytes()))
        .unwrap();
    assert!(matches!(step, Step::Respond(response) if response.is("response", ns::SASL)));
    let forged = sasl::success(b"v=cm1mYW5n");
    assert!(matches!(
        login.handle(&forged),
        Err(SaslError::Mechanism(_))
    ));
}

#[test]
fn a_challenge_that_breaks_the_rules_of_scram_is_refused() {
    for (challenge, expected) in [
        ("r=NONCEx,s=QSXC,i=4096", None),
        ("r=NONCEx,s=QSXC,i=4096,x=1", None),
        ("r=NONCE,s=QSXC,i=4096", Some("nonce")),
        ("r=other,s=QSXC,i=4096", Some("nonce")),
        ("r=NONCEx,s=QSXC,i=1", Some("iterations")),
        ("r=NONCEx,s=QSXC,i=4000000000", Some("iterations")),
        ("r=NONCEx,s=QSXC,i=many", Some("iterations")),
        ("r=NONCEx,s=QSXC,i=4096,i=4000000000", Some("twice")),
        ("r=NONCEx,s=QSXC,i=4096,m=must", Some("understood")),
        ("s=QSXC,r=NONCEx,i=4096", Some("'r='")),
        ("r=NONCEx,i=4096", Some("'s='")),
        ("", Some("'r='")),
    ] {
        let mut login =
            Login::choose(&offers(&["SCRAM-SHA-256"]), Some(("u", "pw")), false).unwrap();
        let first = sasl::data_of(&login.start()).unwrap().unwrap();
        let first = String::from_utf8(first).unwrap();
        let nonce = first.split("r=").nth(1).unwrap();
        let challenge = sasl::challenge(challenge.replace("NONCE", nonce).as_bytes());
        match (login.handle(&challenge), expected) {
            (Ok(Step::Respond(_)), None) => {}
            (Err(SaslError::Mechanism(reason)), Some(part)) => {
                assert!(reason.contains(part), "{reason}");
            }
            (step, expected) => panic!("{step:?}, expected {expected:?}"),
        }
    }
}

#[test]
fn a_user_name_with_separators_is_escaped_for_scram() {
    let mut login =
        Login::choose(&offers(&["SCRAM-SHA-1"]), Some(("a=b,r=c", "pw")), false).unwrap();
    let first = sasl::data_of(&login.start()).unwrap().unwrap();
    assert!(first.starts_with(b"n,,n=a=3Db=2Cr=3Dc,r="));
}

#[test]
fn nonsense_from_the_server_is_an_error() {
    for text in [
        "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>***</challenge>",
        "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        "<iq/>",
    ] {
        let mut login = Login::choose(&offers(&["SCRAM-SHA-1"]), Some(("u", "pw")), false).unwrap();
        login.start();
        assert!(login.handle(&xml(text)).is_err(), "{text}");
    }
}

#[test]
fn data_of_elements_distinguishes_none_from_empty() {
    let element = |text: &str| xmpp::xml::element("auth", ns::SASL).with_text(text);
    assert_eq!(sasl::data_of(&element("")), Ok(None));
    assert_eq!(sasl::data_of(&element("=")), Ok(Some(Vec::new())));
    assert_eq!(sasl::data_of(&element(" aGk= ")), Ok(Some(b"hi".to_vec())));
    assert!(sasl::data_of(&element("a")).is_err());
    let auth = sasl::auth("X", Some(b""));
    assert_eq!(auth.text(), "=");
    for bad in [
        &b"a"[..],
        b"\0u",
        b"\0\0p",
        b"\0u\0",
        b"\0u\0p\0x",
        b"\0u\0\xff",
    ] {
        assert_eq!(Plain::parse(bad), None);
    }
    let features: Element =
        xmpp::xml::element("features", ns::STREAM).with_child(sasl::mechanisms(["A", "B"]));
    assert_eq!(sasl::offered_mechanisms(&features), ["A", "B"]);
}
