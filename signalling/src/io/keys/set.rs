//! A URL with a set of keys: read as often as its answers say, and when a token names a key that is not known.

use super::super::fetch;
use super::{MOST_BYTES, Remote};
use crate::session::token::{self, Keys};
use std::collections::HashMap;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);
/// After a failure, the URL is asked again this soon.
const AFTER_FAILURE: Duration = Duration::from_secs(30);
/// Time between two requests, whatever tokens name: unknown keys cost nobody more than this.
const LEAST: Duration = Duration::from_secs(5);
/// By how much a new request is earlier than the end of what an answer is good for.
const MARGIN: Duration = Duration::from_secs(60);
/// How long a key that is no longer in the set is good: tokens that it signed are under way.
const LINGERING: Duration = Duration::from_secs(90 * 60);

/// Keeps the keys of a URL fresh. Keys in use stay while the URL does not answer.
pub(super) async fn follow(remote: Remote, url: String, every: Duration) {
    let mut known = HashMap::new();
    loop {
        let begin = Instant::now();
        let wanted = remote.host.key_ring.wanted();
        let pause = match read(&remote, &url).await {
            Ok((keys, fresh_for)) => {
                let found = keys.into_iter().map(|(id, key)| (id, (key, begin)));
                known.extend(found);
                known.retain(|_, (_, seen)| seen.elapsed() < LINGERING);
                let keys = known.iter().map(|(id, (key, _))| (id.clone(), key.clone()));
                remote.host.key_ring.set(Keys::ById(keys.collect()));
                fresh_for.map_or(every, |fresh| fresh.saturating_sub(MARGIN).max(MARGIN))
            }
            Err(error) => {
                tracing::warn!(%url, %error, "cannot read token keys; logins with unknown keys fail until it works");
                AFTER_FAILURE
            }
        };
        for id in wanted {
            remote.settle(&id);
        }
        tokio::time::sleep_until((begin + LEAST).into()).await;
        tokio::select! {
            () = tokio::time::sleep_until((begin + pause).into()) => {}
            () = remote.waker.woken() => {}
        }
    }
}

async fn read(remote: &Remote, url: &str) -> Result<(token::KeySet, Option<Duration>), String> {
    let get = fetch::get(url, remote.tls.clone(), MOST_BYTES);
    let answer = tokio::time::timeout(PATIENCE, get)
        .await
        .map_err(|_| "no answer in 30 s".to_owned())??;
    Ok((token::parse_set(&answer.text)?, answer.fresh_for))
}
