//! What several fuzz targets share.

use std::time::{Duration, Instant};

use xmpp::Element;
use xmpp::stream::{Limits, frame};

/// Splits fuzz input into packets: each begins with its length in two bytes.
pub fn packets(mut data: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = data.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
        let (packet, rest) = rest.split_at(length);
        data = rest;
        Some(packet)
    })
}

/// The element in fuzz input, as it comes in a WebSocket frame.
pub fn element(data: &[u8]) -> Option<Element> {
    let text = std::str::from_utf8(data).ok()?;
    match frame::parse(text, &Limits::PARTICIPANT) {
        Ok(frame::Frame::Element(element)) => Some(element),
        _ => None,
    }
}

/// Reads a typed view; what is accepted must survive rendering.
pub fn view<T>(element: &Element)
where
    T: for<'a> TryFrom<&'a Element> + PartialEq + std::fmt::Debug,
    for<'a> <T as TryFrom<&'a Element>>::Error: std::fmt::Debug,
    for<'a> &'a T: Into<Element>,
{
    if let Ok(view) = T::try_from(element) {
        let rendered: Element = (&view).into();
        assert_eq!(
            T::try_from(&rendered).expect("what was rendered is read"),
            view
        );
    }
}

/// A clock that only moves when it is told to.
pub struct Clock(Instant);

impl Clock {
    /// A clock that begins now.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time, after `milliseconds` more.
    pub fn after(&mut self, milliseconds: u64) -> Instant {
        self.0 += Duration::from_millis(milliseconds);
        self.0
    }
}
