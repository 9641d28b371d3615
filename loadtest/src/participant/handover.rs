//! One media session takes the place of another: the old one goes on until the new one has brought
//! what still comes over the old one, so that a move is seen as the meeting page shows it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::journal::{Arrival, Journal, Media};

/// How long a replaced session goes on when the new one brings nothing.
pub(super) const LONGEST: Duration = Duration::from_secs(8);
/// A source that has brought nothing for so long is not waited for.
const SILENT: Duration = Duration::from_secs(1);

pub(super) struct Handover<S> {
    pub old: S,
    pub until: Instant,
    /// Sources that the new session has brought.
    arrived: BTreeSet<(Arc<str>, Media)>,
}

impl<S> Handover<S> {
    pub(super) fn new(old: S, now: Instant) -> Self {
        Self {
            old,
            until: now + LONGEST,
            arrived: BTreeSet::new(),
        }
    }

    /// Takes a packet that the new session brought.
    pub(super) fn handle_new(&mut self, arrival: &Arrival) {
        self.arrived.insert((arrival.owner.clone(), arrival.media));
    }

    /// Whether a packet that the old session brought is what a person gets.
    pub(super) fn takes_old(&self, arrival: &Arrival) -> bool {
        !self
            .arrived
            .contains(&(arrival.owner.clone(), arrival.media))
    }

    /// Whether all that flows comes over the new session.
    pub(super) fn is_complete(&self, journal: &Journal, now: Instant) -> bool {
        let flows = |last: Option<Instant>| last.is_some_and(|last| now < last + SILENT);
        journal
            .tracks
            .iter()
            .filter(|(_, track)| flows(track.last()))
            .all(|(source, _)| self.arrived.contains(source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(media: Media) -> Arrival {
        Arrival {
            owner: "aa".into(),
            media,
            lost_before: 0,
        }
    }

    #[test]
    fn each_source_is_taken_from_the_old_session_until_the_new_one_brings_it() {
        let now = Instant::now();
        let mut journal = Journal::new(now);
        journal.handle_packet(packet(Media::Audio), now);
        journal.handle_packet(packet(Media::Video), now);
        let mut handover = Handover::new((), now);
        assert!(handover.takes_old(&packet(Media::Audio)));
        handover.handle_new(&packet(Media::Audio));
        assert!(!handover.takes_old(&packet(Media::Audio)));
        assert!(handover.takes_old(&packet(Media::Video)));
        assert!(!handover.is_complete(&journal, now));
        handover.handle_new(&packet(Media::Video));
        assert!(handover.is_complete(&journal, now));
    }

    #[test]
    fn a_source_that_is_silent_is_not_waited_for() {
        let now = Instant::now();
        let mut journal = Journal::new(now);
        assert!(
            Handover::new((), now).is_complete(&journal, now),
            "nobody sends"
        );
        journal.handle_packet(packet(Media::Video), now);
        let handover = Handover::new((), now);
        assert!(!handover.is_complete(&journal, now));
        assert!(handover.is_complete(&journal, now + SILENT));
    }
}
