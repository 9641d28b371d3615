//! Stanzas, replies and stanza errors (RFC 6120 §8).

use xmpp::stanza::{self, Condition, ErrorType, IqType, StanzaError};
use xmpp::stream::{StreamCondition, StreamError};
use xmpp::{Element, ElementExt, ParseError, ns};

use crate::{round_trip, xml};

#[test]
fn a_result_goes_back_to_the_asker_with_its_id() {
    let request =
        xml("<iq type='get' id='7' from='a@b/c' to='d@e/f'><ping xmlns='urn:xmpp:ping'/></iq>");
    assert_eq!(stanza::iq_type(&request), Some(IqType::Get));
    assert!(xmpp::ping::is_request(stanza::payload(&request).unwrap()));
    let result = stanza::iq_result(&request, None);
    assert_eq!(
        result,
        xml("<iq type='result' id='7' to='a@b/c' from='d@e/f'/>")
    );
}

#[test]
fn an_error_reply_names_condition_and_text_and_does_not_echo_the_payload() {
    let request = xml("<iq type='set' id='7' from='a@b/c' to='d'><x xmlns='y'/></iq>");
    let error = StanzaError::new(Condition::BadRequest).with_text("no room");
    assert_eq!(
        stanza::error_reply(&request, &error),
        xml(
            "<iq type='error' id='7' to='a@b/c' from='d'><error type='modify'>\
             <bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
             <text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>no room</text></error></iq>"
        )
    );
}

#[test]
fn errors_and_results_are_never_answered_with_errors() {
    for (text, expected) in [
        ("<iq type='get' id='1'/>", true),
        ("<iq type='result' id='1'/>", false),
        ("<iq type='error' id='1'/>", false),
        ("<message type='error'/>", false),
        ("<message/>", true),
        ("<presence type='result'/>", true),
    ] {
        assert_eq!(stanza::may_be_answered(&xml(text)), expected, "{text}");
    }
}

#[test]
fn every_condition_survives_a_round_trip_with_its_recommended_type() {
    for condition in [
        Condition::BadRequest,
        Condition::Conflict,
        Condition::FeatureNotImplemented,
        Condition::Forbidden,
        Condition::Gone,
        Condition::InternalServerError,
        Condition::ItemNotFound,
        Condition::JidMalformed,
        Condition::NotAcceptable,
        Condition::NotAllowed,
        Condition::NotAuthorized,
        Condition::PolicyViolation,
        Condition::RecipientUnavailable,
        Condition::Redirect,
        Condition::RegistrationRequired,
        Condition::RemoteServerNotFound,
        Condition::RemoteServerTimeout,
        Condition::ResourceConstraint,
        Condition::ServiceUnavailable,
        Condition::SubscriptionRequired,
        Condition::UndefinedCondition,
        Condition::UnexpectedRequest,
    ] {
        let error = StanzaError::new(condition);
        assert_eq!(
            StanzaError::try_from(&Element::from(&error)).unwrap(),
            error
        );
        assert_eq!(error.kind, condition.default_type());
    }
}

#[test]
fn an_error_keeps_the_elements_of_the_application() {
    let error: StanzaError = round_trip(
        "<error type='cancel'><not-allowed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
         <room-mismatch xmlns='http://jitsi.org/jitmeet'/></error>",
    );
    assert_eq!(error.kind, ErrorType::Cancel);
    assert!(error.application[0].is("room-mismatch", ns::JITMEET));
}

#[test]
fn an_error_that_says_nothing_useful_is_still_an_error() {
    let undefined = Some(StanzaError::new(Condition::UndefinedCondition));
    for text in [
        "<iq type='error' id='1'/>",
        "<iq type='error' id='1'><error/></iq>",
        "<iq type='error' id='1'><error><odd xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
    ] {
        assert_eq!(stanza::error_of(&xml(text)), undefined, "{text}");
    }
    assert_eq!(stanza::error_of(&xml("<iq type='result' id='1'/>")), None);
}

#[test]
fn addresses_are_read_and_nonsense_is_none() {
    let stanza = xml("<message from='Room@Muc.D/Nick' to='@@'/>");
    assert_eq!(stanza::from(&stanza).unwrap().as_str(), "room@muc.d/Nick");
    assert_eq!(stanza::to(&stanza), None);
    assert_ne!(stanza::new_id(), stanza::new_id());
}

#[test]
fn a_parse_error_names_what_is_wrong_and_becomes_a_bad_request() {
    let candidate = xml(
        "<candidate xmlns='urn:xmpp:jingle:transports:ice-udp:1' ip='::1' port='x' priority='1' protocol='udp'/>",
    );
    let error = xmpp::jingle::Candidate::try_from(&candidate).unwrap_err();
    assert_eq!(
        error.to_string(),
        "attribute 'port' of <candidate/> is not valid: 'x'"
    );
    let stanza = StanzaError::from(error);
    assert_eq!(stanza.condition, Condition::BadRequest);
    assert!(stanza.text.unwrap().contains("'port'"));
    let long = xml(&format!("<a n='{}'/>", "1".repeat(10_000)));
    assert!(ParseError::invalid(&long, "n").to_string().len() < 200);
    assert_eq!(
        long.required("missing").unwrap_err().to_string(),
        "<a/> lacks the attribute 'missing'"
    );
}

#[test]
fn stream_errors_survive_a_round_trip() {
    let error = StreamError::new(StreamCondition::PolicyViolation).with_text("too large");
    assert_eq!(
        StreamError::try_from(&Element::from(&error)).unwrap(),
        error
    );
    let odd = xml(
        "<error xmlns='http://etherx.jabber.org/streams'><odd xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></error>",
    );
    assert_eq!(
        StreamError::try_from(&odd).unwrap().condition,
        StreamCondition::UndefinedCondition
    );
}
