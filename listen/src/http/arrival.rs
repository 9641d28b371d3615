//! A request on its way, pure: bytes in, how far it is out.
//!
//! HTTP proper (hyper) holds two buffers of 8 KiB from the first byte to the last, so it gets a request once that is whole:
//! until then it costs what has come of it. Nothing is judged here: what is unusual, or no HTTP at all, is passed on as it
//! comes.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use super::HEAD_BYTES;
use crate::forwarded::HEADER as FORWARDED;

/// Most header lines, which is hyper's own bound.
const MOST_LINES: usize = 100;
/// A body that is longer is passed on as it comes.
const MOST_BODY: usize = 64 * 1024;

/// How far a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its head has not come.
    Head,
    /// Its head has come, its body has not.
    Body,
    /// It has come.
    Whole,
    /// Its head has come, and what follows is for HTTP proper to read.
    Open {
        /// Whether a body follows.
        body: bool,
    },
}

/// What there is of a request, and of what follows it.
#[derive(Debug)]
pub(super) struct Arrival {
    bytes: Vec<u8>,
    stage: Stage,
    /// Bytes of head and body, once the head has come.
    end: usize,
}

impl Arrival {
    /// Begins with what followed the last request.
    pub(super) fn new(rest: Vec<u8>) -> Self {
        let mut arrival = Self {
            bytes: Vec::new(),
            stage: Stage::Head,
            end: 0,
        };
        if !rest.is_empty() {
            arrival.handle_input(&rest);
        }
        arrival
    }

    /// Bytes have come.
    pub(super) fn handle_input(&mut self, bytes: &[u8]) {
        let before = self.bytes.len();
        let blank = match before {
            // RFC 9112 §2.2: empty lines before a request do not count.
            0 => bytes
                .iter()
                .take_while(|byte| matches!(byte, b'\r' | b'\n'))
                .count(),
            _ => 0,
        };
        let bytes = &bytes[blank..];
        self.bytes.extend_from_slice(bytes);
        if self.stage == Stage::Head {
            self.look_at_head(before);
        }
        if self.stage == Stage::Body && self.bytes.len() >= self.end {
            self.stage = Stage::Whole;
        }
    }

    /// How far it is.
    pub(super) fn stage(&self) -> Stage {
        self.stage
    }

    /// Bytes that have come; a head is held until its body has come too.
    pub(super) fn held(&self) -> usize {
        self.bytes.len()
    }

    /// The header lines that say on whose behalf it comes, once its head has come. They are looked for when they are asked
    /// for, since a map of many lines is many times as large as they are.
    pub(super) fn forwarded(&self) -> HeaderMap {
        let mut lines = [httparse::EMPTY_HEADER; MOST_LINES];
        let mut request = httparse::Request::new(&mut lines);
        let mut forwarded = HeaderMap::new();
        if let Ok(httparse::Status::Complete(_)) = request.parse(&self.bytes) {
            for line in request.headers.iter() {
                if line.name.eq_ignore_ascii_case(FORWARDED)
                    && let Ok(value) = HeaderValue::from_bytes(line.value)
                {
                    forwarded.append(FORWARDED, value);
                }
            }
        }
        forwarded
    }

    /// The request, or what there is of it, and what follows.
    pub(super) fn into_parts(mut self) -> (Vec<u8>, Vec<u8>) {
        let rest = match self.stage {
            Stage::Whole => self.bytes.split_off(self.end),
            _ => Vec::new(),
        };
        (self.bytes, rest)
    }

    /// Looks for the end of the head in what has come after `before`.
    fn look_at_head(&mut self, before: usize) {
        let new = &self.bytes[before.saturating_sub(2)..];
        let ends = new.windows(2).any(|two| two == b"\n\n")
            || new.windows(3).any(|three| three == b"\n\r\n");
        if ends {
            self.handle_head();
        } else if self.bytes.len() >= HEAD_BYTES {
            self.stage = Stage::Open { body: false };
        }
    }

    fn handle_head(&mut self) {
        let mut lines = [httparse::EMPTY_HEADER; MOST_LINES];
        let mut request = httparse::Request::new(&mut lines);
        let Ok(httparse::Status::Complete(head)) = request.parse(&self.bytes) else {
            self.stage = Stage::Open { body: false };
            return;
        };
        let (mut lengths, mut unusual, mut chunked) = (Vec::new(), false, false);
        for line in request.headers.iter() {
            let is = |name: HeaderName| line.name.eq_ignore_ascii_case(name.as_str());
            if is(header::CONTENT_LENGTH) {
                lengths.push(line.value);
            } else if is(header::TRANSFER_ENCODING) {
                chunked = true;
            } else if is(header::EXPECT) || is(header::UPGRADE) {
                unusual = true;
            }
        }
        let body = match lengths[..] {
            [] => Some(0),
            [length] => digits(length).filter(|length| *length <= MOST_BODY),
            _ => None,
        };
        self.stage = match body {
            Some(body) if !chunked && !unusual => {
                self.end = head + body;
                self.bytes.shrink_to_fit();
                Stage::Body
            }
            body => Stage::Open {
                body: chunked || body != Some(0),
            },
        };
    }
}

/// RFC 9110 §8.6: digits and nothing else.
fn digits(value: &[u8]) -> Option<usize> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    let text = digits.then(|| std::str::from_utf8(value).ok())??;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(text: &str) -> Arrival {
        let mut arrival = Arrival::new(Vec::new());
        arrival.handle_input(text.as_bytes());
        arrival
    }

    #[test]
    fn a_request_is_whole_when_its_last_byte_has_come_however_it_is_cut() {
        let request = "\r\nPOST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd";
        let follows = "GET / HTTP/1.1\r\n";
        let all = format!("{request}{follows}");
        for size in 1..all.len() {
            let mut arrival = Arrival::new(Vec::new());
            for (index, piece) in all.as_bytes().chunks(size).enumerate() {
                let come = index * size;
                assert_eq!(
                    arrival.stage() == Stage::Whole,
                    come >= request.len(),
                    "{size} {come}"
                );
                arrival.handle_input(piece);
            }
            let (bytes, rest) = arrival.into_parts();
            assert_eq!(bytes, request.trim_start().as_bytes());
            assert_eq!(rest, follows.as_bytes());
            assert_eq!(Arrival::new(rest).stage(), Stage::Head);
        }
    }

    #[test]
    fn what_is_unusual_is_passed_on() {
        for (lines, stage) in [
            ("", Stage::Whole),
            ("Content-Length: 0\r\n", Stage::Whole),
            ("Content-Length: 5\r\n", Stage::Body),
            ("content-LENGTH: 65536\r\n", Stage::Body),
            ("Content-Length: 65537\r\n", Stage::Open { body: true }),
            (
                "Content-Length: 99999999999999999999999\r\n",
                Stage::Open { body: true },
            ),
            ("Content-Length: +5\r\n", Stage::Open { body: true }),
            (
                "Content-Length: 5\r\nContent-Length: 5\r\n",
                Stage::Open { body: true },
            ),
            (
                "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                Stage::Open { body: true },
            ),
            ("Transfer-Encoding: chunked\r\n", Stage::Open { body: true }),
            (
                "Content-Length: 5\r\nExpect: 100-continue\r\n",
                Stage::Open { body: true },
            ),
            (
                "Connection: Upgrade\r\nUpgrade: websocket\r\n",
                Stage::Open { body: false },
            ),
            ("no header\r\n", Stage::Open { body: false }),
        ] {
            let arrival = after(&format!("POST / HTTP/1.1\r\n{lines}\r\n"));
            assert_eq!(arrival.stage(), stage, "{lines}");
        }
        assert_eq!(after("no request\n\n").stage(), Stage::Open { body: false });
        assert_eq!(after(&"x".repeat(HEAD_BYTES - 1)).stage(), Stage::Head);
        assert_eq!(
            after(&"x".repeat(HEAD_BYTES)).stage(),
            Stage::Open { body: false }
        );
    }

    #[test]
    fn on_whose_behalf_it_comes_is_known_before_its_body() {
        let arrival = after(
            "POST / HTTP/1.1\r\nX-Forwarded-For: 192.0.2.1\r\nx-forwarded-for: 192.0.2.2\r\nContent-Length: 5\r\n\r\n",
        );
        assert_eq!(arrival.stage(), Stage::Body);
        let forwarded = arrival.forwarded();
        let lines: Vec<_> = forwarded.get_all(FORWARDED).iter().collect();
        assert_eq!(lines, ["192.0.2.1", "192.0.2.2"]);
    }

    #[test]
    fn empty_lines_before_a_request_are_not_held() {
        let mut arrival = after("\r\n\r\n");
        arrival.handle_input(b"\n\n");
        assert_eq!((arrival.stage(), arrival.held()), (Stage::Head, 0));
    }

    #[test]
    fn whatever_comes_is_kept_in_order_and_how_it_is_cut_does_not_matter() {
        let words: [&[u8]; 12] = [
            b"POST / HTTP/1.1",
            b"\r\n",
            b"\n",
            b"\r",
            b"Content-Length: 3",
            b"Content-Length: 99",
            b"Transfer-Encoding: chunked",
            b"Upgrade: x",
            b"X-Forwarded-For: \"",
            b"abc",
            b"\0\xff",
            b": ",
        ];
        let mut random = 1_u64;
        let mut next = move |most: usize| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            usize::try_from(random >> 33).unwrap_or(0) % most
        };
        for _ in 0..20_000 {
            let all: Vec<u8> = (0..next(20))
                .flat_map(|_| words[next(12)])
                .copied()
                .collect();
            let arrive = |size: usize| {
                let mut arrival = Arrival::new(Vec::new());
                all.chunks(size)
                    .for_each(|piece| arrival.handle_input(piece));
                (arrival.stage(), arrival.into_parts())
            };
            let (stage, (bytes, rest)) = arrive(1);
            assert_eq!((stage, (bytes.clone(), rest.clone())), arrive(1_000));
            assert!(all.ends_with(&[bytes, rest].concat()));
        }
    }
}
