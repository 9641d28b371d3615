//! Drain, graceful shutdown and shutdown of the bridge.

use std::time::{Duration, Instant};

/// How long a bridge that is told to end goes on while no focus is there that could move people: signalling and focus may
/// be restarted at the same time.
const WITHOUT_FOCUS: Duration = Duration::from_secs(5);

/// Whether a bridge that is told to end has nothing left to wait for. `shards` are those that it serves, `alone` is for how
/// long it has seen no focus of theirs.
#[must_use]
pub fn may_leave(endpoints: usize, shards: usize, alone: Duration) -> bool {
    endpoints == 0 || shards == 0 || alone >= WITHOUT_FOCUS
}

/// How far the bridge is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Takes everything.
    Running,
    /// Takes no new conferences; those that run go on.
    GracefulShutdown,
    /// The focus moves everybody away.
    ShuttingDown,
    /// The process may leave.
    Finished,
}

/// The states in time. Drain is apart from them: it only asks not to be chosen, and can be taken back.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    state: State,
    drain: bool,
    deadline: Option<Instant>,
    graceful: Duration,
    farewell: Duration,
}

impl Lifecycle {
    /// Running. `graceful` bounds the graceful shutdown, `farewell` is how long the focus gets to move everybody.
    #[must_use]
    pub fn new(drain: bool, graceful: Duration, farewell: Duration) -> Self {
        Self {
            state: State::Running,
            drain,
            deadline: None,
            graceful,
            farewell,
        }
    }

    /// How far the shutdown is.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether the focus is asked to choose others.
    #[must_use]
    pub fn drain(&self) -> bool {
        self.drain
    }

    /// Whether no new conference is taken, for the presence's `graceful_shutdown`.
    #[must_use]
    pub fn is_graceful_shutdown(&self) -> bool {
        self.state != State::Running
    }

    /// Whether the focus shall move everybody, for the presence's `shutting_down`.
    #[must_use]
    pub fn is_shutting_down(&self) -> bool {
        matches!(self.state, State::ShuttingDown | State::Finished)
    }

    /// Sets or ends drain. `true`: it changed.
    pub fn handle_drain(&mut self, drain: bool) -> bool {
        std::mem::replace(&mut self.drain, drain) != drain
    }

    /// A person or the system asks to leave. With `graceful` conferences that run go on first.
    pub fn handle_shutdown(&mut self, graceful: bool, endpoints: usize, now: Instant) {
        match (self.state, graceful) {
            (State::Running, true) => {
                self.state = State::GracefulShutdown;
                self.deadline = now.checked_add(self.graceful);
                self.handle_timeout(endpoints, now);
            }
            (State::Running | State::GracefulShutdown, false) => self.shut_down(endpoints, now),
            _ => {}
        }
    }

    /// Moves on when the time has come or nobody is left. `true`: the state changed.
    pub fn handle_timeout(&mut self, endpoints: usize, now: Instant) -> bool {
        let before = self.state;
        let due = endpoints == 0 || self.deadline.is_some_and(|deadline| now >= deadline);
        match self.state {
            State::GracefulShutdown if due => self.shut_down(endpoints, now),
            State::ShuttingDown if due => self.state = State::Finished,
            _ => {}
        }
        self.state != before
    }

    fn shut_down(&mut self, endpoints: usize, now: Instant) {
        self.state = State::ShuttingDown;
        self.deadline = now.checked_add(self.farewell);
        if endpoints == 0 {
            self.state = State::Finished;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lifecycle() -> Lifecycle {
        Lifecycle::new(false, Duration::from_secs(3600), Duration::from_secs(60))
    }

    #[test]
    fn a_bridge_that_is_told_to_end_waits_for_a_focus_that_may_come_back() {
        let seconds = Duration::from_secs;
        for (endpoints, shards, alone, leaves) in [
            (0, 1, seconds(0), true),
            (3, 1, seconds(0), false),
            (3, 1, seconds(4), false),
            (3, 1, seconds(5), true),
            (3, 0, seconds(0), true),
        ] {
            assert_eq!(
                may_leave(endpoints, shards, alone),
                leaves,
                "{endpoints} endpoints, {shards} shards, {alone:?} alone"
            );
        }
    }

    #[test]
    fn drain_can_be_taken_back_and_stops_nothing() {
        let mut life = lifecycle();
        assert!(life.handle_drain(true) && life.drain());
        assert!(!life.handle_drain(true));
        assert!(life.handle_drain(false) && !life.drain());
        assert_eq!(life.state(), State::Running);
    }

    #[test]
    fn a_graceful_shutdown_waits_for_the_last_endpoint() {
        let (mut life, now) = (lifecycle(), Instant::now());
        life.handle_shutdown(true, 2, now);
        assert!(life.is_graceful_shutdown() && !life.is_shutting_down());
        assert!(!life.handle_timeout(1, now + Duration::from_secs(1800)));
        assert!(life.handle_timeout(0, now + Duration::from_secs(1801)));
        assert_eq!(life.state(), State::Finished);
    }

    #[test]
    fn a_graceful_shutdown_does_not_wait_for_ever_and_the_focus_gets_time_to_move_everybody() {
        let (mut life, now) = (lifecycle(), Instant::now());
        life.handle_shutdown(true, 2, now);
        assert!(life.handle_timeout(2, now + Duration::from_secs(3600)));
        assert_eq!(life.state(), State::ShuttingDown);
        assert!(!life.handle_timeout(2, now + Duration::from_secs(3659)));
        assert!(life.handle_timeout(2, now + Duration::from_secs(3660)));
        assert_eq!(life.state(), State::Finished);
    }

    #[test]
    fn an_idle_bridge_leaves_at_once_and_a_shutdown_cannot_be_taken_back() {
        let (mut life, now) = (lifecycle(), Instant::now());
        life.handle_shutdown(false, 0, now);
        assert_eq!(life.state(), State::Finished);
        life.handle_shutdown(true, 0, now);
        assert_eq!(life.state(), State::Finished);
    }
}
