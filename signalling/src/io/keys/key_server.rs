//! A server that has a file for each key, as Jitsi's `asap_key_server` (rooms reference §2.3): asked for a key when a token
//! names it.

use super::super::fetch;
use super::{MOST_BYTES, Remote};
use crate::session::token::{self, Keys};
use aws_lc_rs::digest::{SHA256, digest};
use jsonwebtoken::DecodingKey;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How long one try may take, and how often it is tried.
const PATIENCE: Duration = Duration::from_secs(5);
const TRIES: usize = 4;
/// Keys that are kept.
const MOST_KEYS: usize = 128;
/// Requests under way at one time, whatever tokens name.
const MOST_REQUESTS: usize = 8;
/// How long a key that was not to be had is not asked for again, and how many such are remembered.
const ABSENT: Duration = Duration::from_secs(30);
const MOST_ABSENT: usize = 1_000;
/// Time between two warnings.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// Gets each key that is wanted.
pub(super) async fn serve(remote: Remote, base: String) {
    let mut known: VecDeque<(String, DecodingKey)> = VecDeque::new();
    let mut absent: HashMap<String, Instant> = HashMap::new();
    let mut asked = HashSet::new();
    let mut requests = JoinSet::new();
    let mut warned: Option<Instant> = None;
    loop {
        absent.retain(|_, since| since.elapsed() < ABSENT);
        for id in remote.host.key_ring.wanted() {
            if absent.contains_key(&id) {
                remote.settle(&id);
            } else if requests.len() < MOST_REQUESTS && asked.insert(id.clone()) {
                let url = address(&base, &id);
                let tls = Arc::clone(&remote.tls);
                requests.spawn(async move {
                    let key = read(&url, tls).await;
                    (id, key)
                });
            }
        }
        let answer = tokio::select! {
            () = remote.waker.woken() => continue,
            Some(answer) = requests.join_next() => answer,
        };
        let Ok((id, key)) = answer else { continue };
        asked.remove(&id);
        match key {
            Ok(key) => {
                known.push_back((id.clone(), key));
                if known.len() > MOST_KEYS {
                    known.pop_front();
                }
                let keys = known.iter().cloned().collect();
                remote.host.key_ring.set(Keys::ById(keys));
            }
            Err(error) => {
                if warned.is_none_or(|at| at.elapsed() >= WARN_EVERY) {
                    warned = Some(Instant::now());
                    let url = address(&base, &id);
                    tracing::warn!(%url, %error, "a token names a key that is not to be had");
                }
                if absent.len() < MOST_ABSENT {
                    absent.insert(id.clone(), Instant::now());
                }
            }
        }
        remote.settle(&id);
    }
}

fn address(base: &str, id: &str) -> String {
    let hash = digest(&SHA256, id.as_bytes());
    let hex: String = hash
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{}/{hex}.pem", base.trim_end_matches('/'))
}

/// Tries again only when there is no answer.
async fn read(url: &str, tls: Arc<rustls::ClientConfig>) -> Result<DecodingKey, String> {
    for _ in 0..TRIES {
        let get = fetch::get(url, Arc::clone(&tls), MOST_BYTES);
        if let Ok(answer) = tokio::time::timeout(PATIENCE, get).await {
            return token::parse_pem(&answer?.text);
        }
    }
    Err("no answer".into())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_key_is_where_the_hash_of_its_id_says() {
        assert_eq!(
            super::address("https://keys.example.org/prod/", "abc"),
            "https://keys.example.org/prod/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad.pem"
        );
    }
}
