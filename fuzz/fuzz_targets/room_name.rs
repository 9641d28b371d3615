//! Names of meetings: whatever is read is the local part of an address.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xmpp::room_name::{Place, canonical};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let _ = canonical(&text);
    if let Ok(place) = Place::read(&text) {
        let room = &place.room;
        assert!(
            room.is_ascii() && (1..=1023).contains(&room.len()),
            "{room}"
        );
        assert_eq!(*room, room.to_ascii_lowercase());
    }
});
