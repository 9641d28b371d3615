//! Frames of a client (RFC 6455 §5), pure: bytes in, messages out.

use std::fmt;

/// Payload of a control frame (RFC 6455 §5.5).
const MOST_CONTROL: u64 = 125;

/// Puts messages together.
#[derive(Debug)]
pub struct Decoder {
    most: usize,
    /// What has come and does not make a header yet, at most 13 bytes between two calls.
    input: Vec<u8>,
    frame: Option<Frame>,
    /// The message that is begun: whether it is text, and what there is of it.
    message: Option<(bool, Vec<u8>)>,
    control: Vec<u8>,
}

/// A frame whose header has come.
#[derive(Debug)]
struct Frame {
    last: bool,
    opcode: u8,
    left: usize,
    mask: [u8; 4],
    at: usize,
}

/// What a client says.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// A text message.
    Text(String),
    /// A binary message; its content is not kept apart.
    Binary,
    /// A ping, to be answered with its payload.
    Ping(Vec<u8>),
    /// An answer to a ping of ours, or one that nobody asked for.
    Pong,
    /// The end; to be answered with a close frame.
    Close,
}

/// Why a socket must be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Violation {
    /// A message is longer than is permitted.
    TooLong,
    /// It is not WebSocket.
    Protocol(&'static str),
    /// A text that is none.
    NotUtf8,
}

impl Violation {
    /// Code of the close frame (RFC 6455 §7.4.1).
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Self::TooLong => 1009,
            Self::Protocol(_) => 1002,
            Self::NotUtf8 => 1007,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::TooLong => "a frame is too long",
            Self::Protocol(what) => what,
            Self::NotUtf8 => "a text frame is not UTF-8",
        })
    }
}

impl Decoder {
    /// For messages of at most `most` bytes.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most,
            input: Vec::new(),
            frame: None,
            message: None,
            control: Vec::new(),
        }
    }

    /// Changes the bound, for frames whose header has not been looked at.
    pub fn set_most(&mut self, most: usize) {
        self.most = most;
    }

    /// Bytes have come. [`Decoder::poll_event`] has to be called until it has nothing.
    pub fn handle_input(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    /// Bytes of a message that is begun.
    #[must_use]
    pub fn held(&self) -> usize {
        let message = self.message.as_ref().map_or(0, |(_, bytes)| bytes.len());
        message + self.control.len() + self.input.len()
    }

    /// Whether a message or a frame is begun and not finished.
    #[must_use]
    pub fn is_unfinished(&self) -> bool {
        self.frame.is_some() || self.message.is_some() || !self.input.is_empty()
    }

    /// The next thing that the client says.
    ///
    /// # Errors
    /// [`Violation`]; nothing that follows makes sense.
    pub fn poll_event(&mut self) -> Result<Option<Event>, Violation> {
        loop {
            if self.frame.is_none() {
                let Some((frame, header)) = self.header()? else {
                    // A few bytes are left of what may have been many.
                    self.input.shrink_to_fit();
                    return Ok(None);
                };
                self.input.drain(..header);
                self.frame = Some(frame);
            }
            let Some(frame) = &mut self.frame else {
                return Ok(None);
            };
            let here = frame.left.min(self.input.len());
            let unmasked = self.input.drain(..here).map(|byte| {
                let mask = frame.mask[frame.at % 4];
                frame.at += 1;
                byte ^ mask
            });
            match &mut self.message {
                Some((_, message)) if frame.opcode < 0x8 => message.extend(unmasked),
                _ => self.control.extend(unmasked),
            }
            frame.left -= here;
            if self.input.is_empty() {
                // Sockets that are open and silent hold no memory beside what has come of a message.
                self.input = Vec::new();
            }
            if frame.left > 0 {
                return Ok(None);
            }
            let (last, opcode) = (frame.last, frame.opcode);
            self.frame = None;
            match opcode {
                0x8 => return Ok(Some(Event::Close)),
                0x9 => return Ok(Some(Event::Ping(std::mem::take(&mut self.control)))),
                0xa => {
                    self.control = Vec::new();
                    return Ok(Some(Event::Pong));
                }
                _ if !last => {}
                _ => match self.message.take() {
                    Some((true, bytes)) => {
                        let text = String::from_utf8(bytes).map_err(|_| Violation::NotUtf8)?;
                        return Ok(Some(Event::Text(text)));
                    }
                    _ => return Ok(Some(Event::Binary)),
                },
            }
        }
    }

    /// The header of the next frame and its length, if it has come; begins the frame's message.
    fn header(&mut self) -> Result<Option<(Frame, usize)>, Violation> {
        let wrong = |what| Err(Violation::Protocol(what));
        let &[first, second, ..] = &self.input[..] else {
            return Ok(None);
        };
        let (last, opcode) = (first & 0x80 != 0, first & 0x0f);
        if first & 0x70 != 0 {
            return wrong("a frame uses an extension that was not agreed on");
        }
        if second & 0x80 == 0 {
            return wrong("a frame of a client is not masked");
        }
        let extended = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let header = 2 + extended + 4;
        if self.input.len() < header {
            return Ok(None);
        }
        let length = match extended {
            0 => u64::from(second & 0x7f),
            _ => self.input[2..2 + extended]
                .iter()
                .fold(0, |length, byte| length << 8 | u64::from(*byte)),
        };
        match opcode {
            0x8..=0xa if !last || length > MOST_CONTROL => {
                return wrong("a control frame is fragmented or too long");
            }
            0x8..=0xa => {}
            0x0 if self.message.is_none() => return wrong("nothing is there to be continued"),
            0x1 | 0x2 if self.message.is_some() => return wrong("a message is not finished"),
            0x0..=0x2 => {
                let before = self.message.as_ref().map_or(0, |(_, bytes)| bytes.len());
                let room = self.most.saturating_sub(before);
                if usize::try_from(length).map_or(true, |length| length > room) {
                    return Err(Violation::TooLong);
                }
                if opcode != 0x0 {
                    self.message = Some((opcode == 0x1, Vec::new()));
                }
            }
            _ => return wrong("a frame has an unknown kind"),
        }
        let mask = &self.input[header - 4..header];
        let frame = Frame {
            last,
            opcode,
            // Bounded above.
            left: length as usize,
            mask: [mask[0], mask[1], mask[2], mask[3]],
            at: 0,
        };
        Ok(Some((frame, header)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [1, 2, 3, 4];
        let mut bytes = vec![first];
        match payload.len() {
            length @ 0..=125 => bytes.push(0x80 | length as u8),
            length => {
                bytes.push(0x80 | 126);
                bytes.extend_from_slice(&(length as u16).to_be_bytes());
            }
        }
        bytes.extend_from_slice(&mask);
        bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(a, b)| a ^ b));
        bytes
    }

    fn all(decoder: &mut Decoder) -> Vec<Event> {
        std::iter::from_fn(|| decoder.poll_event().transpose())
            .map(|event| event.unwrap_or(Event::Close))
            .collect()
    }

    #[test]
    fn messages_come_out_however_the_bytes_are_cut() {
        let long = "ä".repeat(200);
        let mut bytes = frame(0x81, long.as_bytes());
        bytes.extend(frame(0x01, b"frag"));
        bytes.extend(frame(0x89, b"?"));
        bytes.extend(frame(0x80, b"mented"));
        bytes.extend(frame(0x8a, b""));
        bytes.extend(frame(0x82, &[0, 255]));
        bytes.extend(frame(0x88, &[3, 232]));
        let wanted = [
            Event::Text(long),
            Event::Ping(b"?".to_vec()),
            Event::Text("fragmented".into()),
            Event::Pong,
            Event::Binary,
            Event::Close,
        ];
        for size in [1, 2, 3, 7, 100, bytes.len()] {
            let mut decoder = Decoder::new(1_000);
            let mut events = Vec::new();
            for piece in bytes.chunks(size) {
                decoder.handle_input(piece);
                events.extend(all(&mut decoder));
            }
            assert_eq!(events, wanted, "in pieces of {size}");
            assert!(!decoder.is_unfinished());
        }
    }

    #[test]
    fn a_message_that_will_be_too_long_is_refused_before_it_comes() {
        let mut decoder = Decoder::new(10);
        decoder.handle_input(&frame(0x81, b"0123456789"));
        assert_eq!(all(&mut decoder).len(), 1);
        decoder.handle_input(&frame(0x81, b"0123456789x")[..6]);
        assert_eq!(decoder.poll_event(), Err(Violation::TooLong));

        let mut decoder = Decoder::new(10);
        decoder.handle_input(&frame(0x01, b"01234567"));
        decoder.handle_input(&frame(0x80, b"89x"));
        assert_eq!(decoder.poll_event(), Err(Violation::TooLong));

        let mut decoder = Decoder::new(10);
        decoder.handle_input(&[
            0x81, 0xff, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0,
        ]);
        assert_eq!(decoder.poll_event(), Err(Violation::TooLong));
        decoder.set_most(usize::MAX);
    }

    #[test]
    fn what_is_begun_is_known_and_what_is_held_is_what_has_come() {
        let mut decoder = Decoder::new(1 << 20);
        assert!(!decoder.is_unfinished());
        let bytes = frame(0x81, &[b'x'; 60_000]);
        decoder.handle_input(&bytes[..1]);
        assert!(decoder.is_unfinished());
        decoder.handle_input(&bytes[1..108]);
        assert_eq!(decoder.poll_event(), Ok(None));
        assert!(
            decoder.is_unfinished() && decoder.held() == 100,
            "{decoder:?}"
        );
        let mut fragmented = Decoder::new(100);
        fragmented.handle_input(&frame(0x01, b""));
        assert_eq!(fragmented.poll_event(), Ok(None));
        assert!(fragmented.is_unfinished());
    }

    #[test]
    fn what_is_not_websocket_is_refused() {
        let mut unmasked = frame(0x81, b"x");
        unmasked[1] &= 0x7f;
        for (bytes, code) in [
            (unmasked, 1002),
            (frame(0xc1, b"x"), 1002),
            (frame(0x83, b"x"), 1002),
            (frame(0x80, b"x"), 1002),
            (frame(0x09, b"x"), 1002),
            (frame(0x89, &[0; 126]), 1002),
            ([frame(0x01, b"x"), frame(0x81, b"x")].concat(), 1002),
            (frame(0x81, &[0xff]), 1007),
        ] {
            let mut decoder = Decoder::new(1_000);
            decoder.handle_input(&bytes);
            assert_eq!(
                decoder.poll_event().map_err(Violation::code),
                Err(code),
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn what_a_server_sends_has_the_lengths_of_the_rfc() {
        for (length, header) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            assert_eq!(
                super::super::text(&"x".repeat(length)).len(),
                header + length
            );
        }
    }
}
