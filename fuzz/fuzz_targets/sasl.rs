//! Login: a hostile server against the client, and what a server reads of a client.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xmpp::sasl::{self, Login, Plain};

fuzz_target!(|data: &[u8]| {
    let _ = Plain::parse(data);
    let offered = ["SCRAM-SHA-1".to_owned()];
    let mut login = Login::choose(&offered, Some(("u", "p")), true).expect("it is offered");
    let first = sasl::data_of(&login.start())
        .expect("Base64")
        .expect("data");
    let nonce = String::from_utf8_lossy(&first)
        .split_once("r=")
        .map(|(_, nonce)| nonce.to_owned())
        .unwrap_or_default();
    for packet in fuzz::packets(data) {
        // The nonce of this run stands for the one that the seed cannot know.
        let text = String::from_utf8_lossy(packet).replace("NONCE", &nonce);
        let answer = match text.strip_prefix('!') {
            Some(data) => sasl::success(data.as_bytes()),
            None => sasl::challenge(text.as_bytes()),
        };
        let _ = login.handle(&answer);
    }
});
