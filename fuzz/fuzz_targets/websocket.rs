//! WebSocket framing: what comes out is the same however the bytes are cut, and what is held is bounded.
#![no_main]

use libfuzzer_sys::fuzz_target;
use listen::websocket::{Decoder, Event, Violation};

const MOST: usize = 1_024;

fuzz_target!(|data: &[u8]| {
    let Some((size, bytes)) = data.split_first() else {
        return;
    };
    let whole = decode(bytes, bytes.len().max(1));
    assert_eq!(whole, decode(bytes, usize::from(*size).max(1)));
});

fn decode(bytes: &[u8], size: usize) -> (Vec<Event>, Option<Violation>) {
    let mut decoder = Decoder::new(MOST);
    let mut events = Vec::new();
    for piece in bytes.chunks(size) {
        decoder.handle_input(piece);
        loop {
            match decoder.poll_event() {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(violation) => return (events, Some(violation)),
            }
        }
        assert!(decoder.held() <= MOST + 125 + 14);
    }
    (events, None)
}
