//! One line a minute about what was refused, however much it was.

use crate::host::Host;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

const EVERY: Duration = Duration::from_secs(60);
/// Counters that tell of misuse, or of limits that are too narrow.
const WATCHED: &[&str] = &[
    "connections_refused",
    "logins_failed",
    "sessions_too_slow",
    "joins_refused",
    "dropped_malformed",
    "dropped_foreign_presence",
    "dropped_join_queue_full",
    "throttled",
];

pub(super) async fn report(host: Arc<Host>) {
    let mut before = HashMap::new();
    loop {
        let refused = grown(&mut before, &host.counters.all());
        if !refused.is_empty() {
            tracing::warn!(
                ?refused,
                "refused in the last minute; the counters in /metrics tell what they mean"
            );
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Watched counters that have grown, and by how much.
fn grown(
    before: &mut HashMap<&'static str, u64>,
    now: &[(&'static str, &'static str, u64)],
) -> Vec<(&'static str, u64)> {
    now.iter()
        .filter(|(name, ..)| WATCHED.contains(name))
        .filter_map(|(name, _, value)| {
            let previous = before.insert(name, *value).unwrap_or(0);
            (*value > previous).then(|| (*name, value - previous))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counters::Counters;

    #[test]
    fn only_what_has_grown_is_told_and_every_watched_counter_exists() {
        let counters = Counters::default();
        let mut before = HashMap::new();
        counters.throttled.add(3);
        counters.joins.add(5);
        assert_eq!(grown(&mut before, &counters.all()), [("throttled", 3)]);
        assert_eq!(grown(&mut before, &counters.all()), []);
        counters.logins_failed.increase();
        assert_eq!(grown(&mut before, &counters.all()), [("logins_failed", 1)]);
        assert_eq!(before.len(), WATCHED.len());
    }
}
