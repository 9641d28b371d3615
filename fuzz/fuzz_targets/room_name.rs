//! Names of meetings: one that is read means the same room when its link is read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xmpp::room_name::{Place, canonical};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let _ = canonical(&text);
    if let Ok(place) = Place::read(&text) {
        assert!(place.room.is_ascii() && !place.room.is_empty());
        let link = match &place.tenant {
            Some(tenant) => format!("{tenant}/{}", place.room),
            None => place.room.clone(),
        };
        assert_eq!(Place::read(&link).as_ref(), Ok(&place), "{link}");
    }
});
