//! What clients have begun to say on their data channels and not finished is kept in memory: so much
//! of one, which its receive window bounds, and so much of all.

use std::time::Instant;

use super::Worker;

/// Bytes of unfinished messages that a bridge keeps, of all endpoints.
const MAX_KEPT: usize = 64 * 1024 * 1024;
/// Whoever keeps it from others has more than this.
const FAIR_SHARE: usize = 64 * 1024;

impl Worker {
    /// Sees to the bound after something arrived: beyond it, the channel of an endpoint that has
    /// more than its share ends, and its client opens another one.
    pub(super) fn bound_unfinished(&mut self, index: usize, now: Instant) {
        let Some(endpoint) = self.endpoints.get_mut(index) else {
            return;
        };
        let kept = endpoint.transport.channel_kept();
        self.unfinished = self.unfinished - endpoint.unfinished + kept;
        endpoint.unfinished = kept;
        if self.unfinished > MAX_KEPT / self.workers && kept > FAIR_SHARE {
            tracing::debug!(endpoint = %endpoint.id, kept,
                "bridge channel given up: too many bytes of unfinished messages on this bridge");
            endpoint.transport.give_up_channel(now);
            self.unfinished -= std::mem::take(&mut endpoint.unfinished);
            self.counters.channel_messages_refused += 1;
            self.drain_transport(index, now);
        }
    }
}
