//! Of many microphones, only the loudest are forwarded (off by default).

use std::time::{Duration, Instant};

use crate::ids::EndpointKey;

/// A microphone of which nothing came for so long has lost its place.
const EXPIRY: Duration = Duration::from_millis(150);

/// The microphones that are forwarded.
#[derive(Clone, Debug)]
pub struct Loudest {
    places: usize,
    holders: Vec<Holder>,
}

#[derive(Clone, Copy, Debug)]
struct Holder {
    endpoint: EndpointKey,
    energy: u16,
    heard: Instant,
}

impl Loudest {
    /// So many places.
    pub fn new(places: usize) -> Self {
        Self {
            places,
            holders: Vec::with_capacity(places),
        }
    }

    /// Whether a packet of this level (RFC 6464) is forwarded. Energy is smoothed by half with each
    /// packet; who is louder than the quietest holder takes its place.
    pub fn admits(
        &mut self,
        endpoint: EndpointKey,
        level: u8,
        dominant: bool,
        now: Instant,
    ) -> bool {
        let energy = u16::from(127 - level.min(127));
        self.holders
            .retain(|h| now.saturating_duration_since(h.heard) < EXPIRY || h.endpoint == endpoint);
        if let Some(own) = self.holders.iter_mut().find(|h| h.endpoint == endpoint) {
            own.energy = u16::midpoint(own.energy, energy);
            own.heard = now;
            return true;
        }
        let own = Holder {
            endpoint,
            energy,
            heard: now,
        };
        if self.holders.len() < self.places {
            self.holders.push(own);
            return true;
        }
        match self.holders.iter_mut().min_by_key(|h| h.energy) {
            Some(quietest) if quietest.energy < energy => {
                *quietest = own;
                true
            }
            _ => dominant,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: EndpointKey = EndpointKey(1);
    const B: EndpointKey = EndpointKey(2);
    const C: EndpointKey = EndpointKey(3);

    #[test]
    fn the_loudest_have_the_places_and_the_dominant_speaker_always_passes() {
        let now = Instant::now();
        let mut loudest = Loudest::new(2);
        assert!(loudest.admits(A, 30, false, now));
        assert!(loudest.admits(B, 60, false, now));
        assert!(!loudest.admits(C, 90, false, now));
        assert!(loudest.admits(C, 90, true, now));
        assert!(loudest.admits(C, 20, false, now), "louder than B");
        assert!(!loudest.admits(B, 60, false, now));
        assert!(loudest.admits(A, 30, false, now));
    }

    #[test]
    fn who_falls_silent_makes_room() {
        let now = Instant::now();
        let mut loudest = Loudest::new(1);
        assert!(loudest.admits(A, 10, false, now));
        assert!(!loudest.admits(B, 60, false, now + Duration::from_millis(100)));
        assert!(loudest.admits(B, 60, false, now + Duration::from_millis(200)));
    }
}
