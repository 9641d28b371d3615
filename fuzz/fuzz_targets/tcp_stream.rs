//! TCP streams: any bytes, in pieces of any size, give the same as in one piece.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xmpp::stream::{Event, Limits, Parser, StreamError, write};

const OPEN: &[u8] = b"<stream:stream xmlns='jabber:client' \
    xmlns:stream='http://etherx.jabber.org/streams' to='d' version='1.0'>";

fn run(pieces: impl Iterator<Item = impl AsRef<[u8]>>) -> (Vec<Event>, Option<StreamError>) {
    let mut parser = Parser::new(Limits::PARTICIPANT);
    let mut events = Vec::new();
    for piece in pieces {
        parser.handle_input(piece.as_ref());
        loop {
            match parser.poll_event() {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(error) => return (events, Some(error)),
            }
        }
    }
    (events, None)
}

fuzz_target!(|data: &[u8]| {
    let Some((&first, rest)) = data.split_first() else {
        return;
    };
    let input = if first & 1 == 0 {
        rest.to_vec()
    } else {
        [OPEN, rest].concat()
    };
    let (events, error) = run(std::iter::once(&input));
    let piece = usize::from(first >> 1) + 1;
    let (again, error_again) = run(input.chunks(piece));
    assert_eq!(events, again);
    assert_eq!(error.map(|e| e.condition), error_again.map(|e| e.condition));
    for event in events {
        if let Event::Element(element) = event {
            let text = write::in_stream(&element);
            let (reread, _) = run([OPEN, text.as_bytes()].into_iter());
            assert_eq!(reread.get(1), Some(&Event::Element(element)), "{text}");
        }
    }
});
