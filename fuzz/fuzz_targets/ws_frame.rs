//! WebSocket frames.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xmpp::stream::frame::{self, Frame};
use xmpp::stream::{Limits, write};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(Frame::Element(element)) = frame::parse(text, &Limits::PARTICIPANT) else {
        return;
    };
    let rendered = frame::element(&element);
    let again = frame::parse(&rendered, &Limits::SERVICE);
    assert_eq!(again, Ok(Frame::Element(element.clone())), "{rendered}");
    let broadcast = write::Broadcast::document(&element);
    assert!(frame::parse(&broadcast.render("a'<b"), &Limits::SERVICE).is_ok());
});
