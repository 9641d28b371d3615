//! A server's side of the stream, line by line.

#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

const FEATURES: &str = "<stream:features xmlns:stream='http://etherx.jabber.org/streams'>";

/// A stream, and what the server says to it.
struct Script {
    stream: Stream,
    now: Instant,
}

impl Script {
    fn new() -> Self {
        let now = Instant::now();
        let stream = Stream::new("meet.x", now);
        Self { stream, now }
    }

    /// The client sends a frame that contains this.
    fn sends(&mut self, wanted: &str) -> String {
        let frame = self.stream.poll_frame();
        let frame = frame.unwrap_or_else(|| panic!("nothing is sent, wanted {wanted}"));
        assert!(frame.contains(wanted), "{frame} lacks {wanted}");
        frame
    }

    fn receives(&mut self, text: &str) {
        self.stream.handle_frame(text, self.now);
    }

    fn opens(&mut self) {
        self.sends("<open ");
        let open = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' version='1.0'/>";
        self.receives(open);
    }

    fn logs_in(&mut self) {
        self.stream.handle_open(self.now);
        self.opens();
        self.receives(&format!(
            "{FEATURES}<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
             <mechanism>ANONYMOUS</mechanism></mechanisms></stream:features>"
        ));
        self.sends("ANONYMOUS");
        self.receives("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
        self.opens();
        self.receives(&format!(
            "{FEATURES}<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>\
             <sm xmlns='urn:xmpp:sm:3'/></stream:features>"
        ));
    }

    fn binds(&mut self) {
        let bind = self.sends("xmpp-bind");
        let id = bind.split("id='").nth(1).unwrap().split('\'').next();
        self.receives(&format!(
            "<iq xmlns='jabber:client' type='result' id='{}'>\
             <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>a@meet.x/r</jid></bind></iq>",
            id.unwrap()
        ));
        self.sends("<enable ");
        self.receives("<enabled xmlns='urn:xmpp:sm:3' id='ticket' resume='true'/>");
        assert!(matches!(
            self.stream.poll_event(),
            Some(StreamEvent::Online)
        ));
    }

    fn is_online() -> Self {
        let mut script = Self::new();
        script.logs_in();
        script.binds();
        script
    }

    fn broken(&mut self) -> String {
        match self.stream.poll_event() {
            Some(StreamEvent::Broken(reason)) => reason,
            other => panic!("not broken: {other:?}"),
        }
    }
}

fn message(body: &str) -> Element {
    let to = Jid::new("b@meet.x").unwrap();
    stanza::message_with_body(&to, None, body)
}

#[test]
fn a_resumed_session_sends_again_what_was_not_acknowledged() {
    let mut script = Script::is_online();
    script.stream.send(&message("one"));
    script.stream.send(&message("two"));
    script.sends("one");
    script.sends("two");
    script.receives("<message xmlns='jabber:client'/>");
    script.stream.handle_closed();
    script.stream.send(&message("three"));
    assert_eq!(script.stream.ticket(), Some("ticket"));
    script.logs_in();
    assert!(script.sends("<resume ").contains("h='1'"));
    script.receives("<resumed xmlns='urn:xmpp:sm:3' previd='ticket' h='1'/>");
    script.sends("two");
    script.sends("three");
    assert!(matches!(
        script.stream.poll_event(),
        Some(StreamEvent::Stanza(_))
    ));
    assert!(matches!(
        script.stream.poll_event(),
        Some(StreamEvent::Resumed)
    ));
}

#[test]
fn a_session_that_the_server_forgot_is_replaced_on_the_same_socket() {
    let mut script = Script::is_online();
    script.stream.send(&message("lost"));
    script.sends("lost");
    script.stream.handle_closed();
    script.logs_in();
    script.sends("<resume ");
    script.receives(
        "<failed xmlns='urn:xmpp:sm:3'>\
         <item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>",
    );
    script.binds();
    assert!(
        script.stream.poll_frame().is_none(),
        "nothing is sent again"
    );
}

#[test]
fn acknowledgements_are_given_when_asked_and_asked_for_now_and_then() {
    let mut script = Script::is_online();
    script.receives("<message xmlns='jabber:client'/>");
    assert!(matches!(
        script.stream.poll_event(),
        Some(StreamEvent::Stanza(_))
    ));
    script.receives("<r xmlns='urn:xmpp:sm:3'/>");
    assert!(script.sends("<a ").contains("h='1'"));
    for _ in 0..ACK_EVERY {
        script.stream.send(&message("x"));
        script.sends("x");
    }
    script.sends("<r ");
    script.receives("<a xmlns='urn:xmpp:sm:3' h='7'/>");
    assert!(script.broken().contains("acknowledged"));
}

#[test]
fn a_server_that_answers_no_ping_is_given_up() {
    let mut script = Script::is_online();
    for pings in 1..=PINGS_LOST {
        script.now = script.stream.poll_timeout().unwrap();
        script.stream.handle_timeout(script.now);
        script.sends("urn:xmpp:ping");
        assert!(script.stream.poll_event().is_none(), "after {pings}");
    }
    script.now = script.stream.poll_timeout().unwrap();
    script.stream.handle_timeout(script.now);
    assert!(script.broken().contains("pings"));
}

#[test]
fn a_stream_error_ends_the_stream_with_its_reason() {
    let mut script = Script::is_online();
    script.receives(
        "<stream:error xmlns:stream='http://etherx.jabber.org/streams'>\
         <system-shutdown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
    );
    assert!(script.broken().contains("system-shutdown"));
    assert!(!script.stream.is_online());
}
