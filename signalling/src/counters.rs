//! What happened, by name.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($field:ident $help:literal;)*) => {
        /// Counters since start.
        #[derive(Default)]
        pub(crate) struct Counters { $(#[doc = $help] pub(crate) $field: Counter,)* }

        impl Counters {
            /// Name, explanation and value of each.
            pub(crate) fn all(&self) -> Vec<(&'static str, &'static str, u64)> {
                vec![$((stringify!($field), $help, self.$field.get()),)*]
            }
        }
    };
}

counters! {
    connections "Connections accepted";
    connections_refused "Connections refused because their address has too many";
    logins "Successful logins";
    logins_failed "Failed logins";
    resumed "Sessions resumed";
    resumptions_failed "Resumptions refused: no such session, or another user's";
    hibernated "Sessions whose connection was lost and that can be resumed";
    sessions_expired "Hibernating sessions that nobody resumed";
    sessions_too_slow "Sessions ended because they did not read";
    sessions_unanswering "Connections given up because the peer answered no request";
    stanzas_in "Stanzas received from logged-in sessions";
    stanzas_out "Stanzas queued for sessions";
    joins "Rooms entered";
    joins_refused "Joins refused";
    joins_queued "Joins that wait for the focus";
    rooms_created "Rooms created";
    rooms_destroyed "Rooms destroyed";
    dropped_malformed "Streams closed: not well-formed, too large, too deep or out of order";
    dropped_foreign_presence "Presence to service rooms from outside the auth domain";
    dropped_join_queue_full "Joins dropped: too many wait for the focus";
    dropped_unroutable "Stanzas dropped without an answer: nobody to deliver to, and no answer permitted";
    dropped_room_memory "Memories of rooms dropped: made up, over, or of another cluster";
    dropped_stray_presence "Presence dropped: subscriptions, probes and errors";
    throttled "Times that reading paused because a session sent too fast";
}

#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn increase(&self) {
        self.add(1);
    }

    pub(crate) fn add(&self, number: u64) {
        self.0.fetch_add(number, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
