//! The focus has left a room with people in it. It, or the one that takes its place, may know nothing of the conference any
//! more, so it is asked for again until a focus is there; that one invites everybody.

use std::time::{Duration, Instant};

use rand::rngs::SmallRng;

use super::backoff::Backoff;

/// Between attempts, as the meeting page has it.
const WAIT: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));
/// How long the focus may take to come after it has said that the conference is ready.
const PATIENCE: Duration = Duration::from_secs(6);

/// Where the call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The focus is there.
    Idle,
    /// The conference is to be asked for then.
    Due(Instant),
    /// The answer is awaited.
    Asked,
}

#[derive(Debug)]
pub(super) struct Recall {
    state: State,
    waits: Backoff,
}

impl Default for Recall {
    fn default() -> Self {
        Self {
            state: State::Idle,
            waits: Backoff::new(WAIT.0, WAIT.1),
        }
    }
}

impl Recall {
    pub(super) fn handle_focus_left(&mut self, rng: &mut SmallRng, now: Instant) {
        self.waits.reset();
        self.state = State::Due(now + self.waits.next(rng));
    }

    /// It is there, or we are not in the room any more.
    pub(super) fn stop(&mut self) {
        self.state = State::Idle;
    }

    /// The answer to the conference request; whether it was one of these.
    pub(super) fn handle_answer(&mut self, ready: bool, rng: &mut SmallRng, now: Instant) -> bool {
        if self.state != State::Asked {
            return false;
        }
        let wait = self.waits.next(rng);
        let wait = if ready { wait + PATIENCE } else { wait };
        self.state = State::Due(now + wait);
        true
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Due(at) => Some(at),
            State::Idle | State::Asked => None,
        }
    }

    /// Whether the conference is to be asked for.
    #[must_use]
    pub(super) fn handle_timeout(&mut self, now: Instant) -> bool {
        let due = self.poll_timeout().is_some_and(|at| at <= now);
        if due {
            self.state = State::Asked;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::participant::{Order, Participant, Phase, Room};
    use crate::plan::Seat;
    use crate::service::Service;
    use media::dtls::Certificate;
    use rand::SeedableRng;

    #[test]
    fn the_conference_is_asked_for_at_growing_intervals_until_the_focus_is_there() {
        let mut rng = SmallRng::seed_from_u64(1);
        let start = Instant::now();
        let mut recall = Recall::default();
        assert!(!recall.handle_timeout(start));
        recall.handle_focus_left(&mut rng, start);
        assert!(!recall.handle_timeout(start), "another may come at once");
        let mut now = start;
        for longest in [500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000] {
            let due = recall.poll_timeout().unwrap_or(start);
            assert!(due <= now + Duration::from_millis(longest));
            now = due;
            assert!(recall.handle_timeout(now));
            assert!(!recall.handle_timeout(now), "one request at a time");
            assert!(recall.handle_answer(false, &mut rng, now));
        }
        recall.stop();
        assert_eq!(recall.poll_timeout(), None);
        assert!(!recall.handle_answer(true, &mut rng, now), "too late");
    }

    /// What the focus says of itself in the room.
    fn of_focus(attributes: &str) -> xmpp::Element {
        use xmpp::stream::frame::{self, Frame};
        let text = format!(
            "<presence xmlns='jabber:client' from='r@muc.x/focus' {attributes}>\
             <x xmlns='http://jabber.org/protocol/muc#user'><item jid='focus@auth.x/f'/></x></presence>"
        );
        match frame::parse(&text, &xmpp::stream::Limits::PARTICIPANT) {
            Ok(Frame::Element(presence)) => presence,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn whoever_sits_in_a_room_that_the_focus_has_left_asks_for_the_conference() {
        let now = Instant::now();
        let seat = Seat {
            number: 0,
            room: "r".into(),
            index: 0,
            of: 1,
            senders: 0,
            media: false,
            height: 720,
            break_before_make: false,
            doors: Vec::new(),
            starts_after: Duration::ZERO,
            leaves_after: None,
        };
        let uri = || "ws://x/".parse().expect("an address");
        let service = Service {
            domain: "x".into(),
            muc: "muc.x".into(),
            websocket: uri(),
            conference_request: uri(),
            keep_alive: None,
        };
        let certificate = Certificate::generate().expect("a certificate");
        let participant = Participant::new(seat, &service, certificate, 1, now);
        let mut participant = participant.expect("a room");
        participant.orders.clear();
        let focus = Some("focus@auth.x".to_owned());
        participant.room = Some(Room::new(
            participant.room_jid.clone(),
            "aaaaaaaa".into(),
            focus,
        ));
        participant.phase = Phase::Joined;
        participant.handle_stanza(&of_focus(""), now);
        participant.handle_stanza(&of_focus("type='unavailable'"), now);
        let asks = |participant: &mut Participant, now| {
            participant.handle_timeout(now);
            let orders = std::iter::from_fn(|| participant.poll_order());
            orders
                .filter(|order| matches!(order, Order::RequestConference(_)))
                .count()
        };
        assert_eq!(asks(&mut participant, now + WAIT.0), 1);
        participant.handle_conference(Err("nobody is there".into()), now + WAIT.0);
        assert_eq!(asks(&mut participant, now + WAIT.0 + WAIT.1), 1);
        assert!(participant.phase == Phase::Joined, "it stays where it is");
        participant.handle_stanza(&of_focus(""), now);
        assert_eq!(asks(&mut participant, now + 10 * WAIT.1), 0);
    }

    #[test]
    fn a_focus_that_is_ready_gets_its_time_to_come() {
        let mut rng = SmallRng::seed_from_u64(1);
        let start = Instant::now();
        let mut recall = Recall::default();
        recall.handle_focus_left(&mut rng, start);
        let now = start + WAIT.0;
        assert!(recall.handle_timeout(now));
        assert!(recall.handle_answer(true, &mut rng, now));
        assert!(!recall.handle_timeout(now + PATIENCE));
        assert!(recall.handle_timeout(now + PATIENCE + WAIT.1));
    }
}
