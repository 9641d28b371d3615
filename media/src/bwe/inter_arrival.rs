//! Groups of packets that were sent together, and how much later than expected each arrives
//! (draft-ietf-rmcat-gcc-02 §5.2).

use std::time::{Duration, Instant};

/// Packets sent within this time of the first are one group.
const SEND_GROUP: Duration = Duration::from_millis(5);
/// Packets that arrive this close together after having been held up are one group.
const ARRIVAL_BURST: f64 = 0.005;
/// A burst is no longer than this.
const MAX_BURST: f64 = 0.1;

/// The difference between two neighbouring groups, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Delta {
    pub(super) sent: f64,
    pub(super) arrived: f64,
    /// Arrival of the later group on the receiver's clock.
    pub(super) arrival: f64,
}

#[derive(Clone, Copy, Debug)]
struct Group {
    first_sent: Instant,
    last_sent: Instant,
    first_arrival: f64,
    last_arrival: f64,
}

/// Groups the arrivals of one path.
#[derive(Debug, Default)]
pub(super) struct InterArrival {
    previous: Option<Group>,
    current: Option<Group>,
    reordered: u8,
}

impl InterArrival {
    /// Takes in a packet, in send order; gives the difference once a group is complete.
    pub(super) fn handle_packet(&mut self, sent: Instant, arrived: Duration) -> Option<Delta> {
        let arrival = arrived.as_secs_f64();
        let new = Group {
            first_sent: sent,
            last_sent: sent,
            first_arrival: arrival,
            last_arrival: arrival,
        };
        let Some(current) = &mut self.current else {
            self.current = Some(new);
            return None;
        };
        if sent < current.first_sent {
            return None;
        }
        let gap = arrival - current.last_arrival;
        let send_gap = sent
            .saturating_duration_since(current.last_sent)
            .as_secs_f64();
        let held_up = gap - send_gap < 0.0
            && gap <= ARRIVAL_BURST
            && arrival - current.first_arrival < MAX_BURST;
        if held_up || sent - current.first_sent <= SEND_GROUP {
            current.last_sent = current.last_sent.max(sent);
            current.last_arrival = current.last_arrival.max(arrival);
            return None;
        }
        let complete = *current;
        let previous = self.previous.replace(complete);
        self.current = Some(new);
        let previous = previous?;
        let delta = Delta {
            sent: complete
                .last_sent
                .saturating_duration_since(previous.last_sent)
                .as_secs_f64(),
            arrived: complete.last_arrival - previous.last_arrival,
            arrival: complete.last_arrival,
        };
        if delta.arrived < 0.0 {
            // A receiver whose clock went back: after a few such groups start over.
            self.reordered += 1;
            if self.reordered >= 3 {
                *self = Self::default();
            }
            return None;
        }
        self.reordered = 0;
        Some(delta)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_sent_together_are_one_group() {
        let start = Instant::now();
        let ms = Duration::from_millis;
        let mut groups = InterArrival::default();
        let mut deltas = Vec::new();
        for frame in 0..4 {
            for packet in 0..3 {
                let sent = start + ms(frame * 30 + packet);
                // Each frame takes 5 ms more than the one before.
                deltas.extend(groups.handle_packet(sent, ms(1_000 + frame * 35 + packet * 2)));
            }
        }
        assert_eq!(deltas.len(), 2);
        assert!((deltas[1].sent - 0.030).abs() < 1e-9 && (deltas[1].arrived - 0.035).abs() < 1e-9);
    }

    #[test]
    fn packets_released_together_are_one_group() {
        let start = Instant::now();
        let ms = Duration::from_millis;
        let mut groups = InterArrival::default();
        let released =
            (0..10).filter_map(|i| groups.handle_packet(start + ms(i * 10), ms(500 + i)));
        assert_eq!(released.count(), 0);
    }
}
