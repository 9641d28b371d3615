//! How fast conferences may begin: whoever can reach the HTTP port can ask for rooms.

use std::time::Instant;

/// A bucket that fills at a steady rate and holds what may come at once.
#[derive(Debug)]
pub(super) struct Admission {
    per_second: f64,
    tokens: f64,
    filled: Option<Instant>,
}

impl Admission {
    /// A full bucket, holding two seconds' worth.
    pub(super) fn new(per_second: u32) -> Self {
        let per_second = f64::from(per_second);
        Self {
            per_second,
            tokens: 2.0 * per_second,
            filled: None,
        }
    }

    /// Whether one more may begin now.
    pub(super) fn handle_request(&mut self, now: Instant) -> bool {
        let since = self
            .filled
            .map_or(0.0, |at| now.duration_since(at).as_secs_f64());
        self.filled = Some(now);
        self.tokens = (self.tokens + since * self.per_second).min(2.0 * self.per_second);
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn two_seconds_worth_may_come_at_once_and_then_the_rate_holds() {
        let now = Instant::now();
        let mut admission = Admission::new(10);
        let granted = |admission: &mut Admission, now| {
            (0..100).filter(|_| admission.handle_request(now)).count()
        };
        assert_eq!(granted(&mut admission, now), 20);
        assert_eq!(granted(&mut admission, now + Duration::from_millis(500)), 5);
        assert_eq!(granted(&mut admission, now + Duration::from_secs(60)), 20);
    }
}
