//! A file with keys, looked at by content: Kubernetes changes a mounted file by swapping a link.

use crate::config::{KeySource, Secret};
use crate::host::Host;
use crate::session::token::Keys;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Time between two looks.
const LOOK: Duration = Duration::from_secs(1);

/// The keys that the file of this source has.
pub(super) fn parse(source: &KeySource, text: &str) -> Result<Keys, String> {
    match source {
        KeySource::SecretFile(_) => match text.lines().next().map(str::trim) {
            Some(secret) if !secret.is_empty() => Ok(Keys::from_secret(&Secret(secret.into()))),
            _ => Err("it is empty; its first line must be the secret".into()),
        },
        KeySource::PublicKeyFile(_) => Keys::from_pem(text),
        _ => Keys::from_json(text),
    }
}

/// Takes what the file comes to have. Keys in use stay while it has none that can be used.
pub(super) async fn follow(host: Arc<Host>, path: PathBuf, first: String) {
    let mut seen = Ok(first);
    let mut interval = tokio::time::interval(LOOK);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let text = std::fs::read_to_string(&path).map_err(|error| error.to_string());
        if text == seen {
            continue;
        }
        let file = path.display();
        let source = host.settings.token.as_ref().map(|token| &token.keys);
        let keys = match (&text, source) {
            (Ok(text), Some(source)) => parse(source, text),
            (Err(error), _) => Err(error.clone()),
            (_, None) => return,
        };
        seen = text;
        match keys {
            Ok(keys) => {
                host.key_ring.set(keys);
                tracing::info!(%file, "the keys of tokens changed");
            }
            Err(error) => {
                tracing::error!(%file, %error, "the file cannot be used; the keys of before stay");
            }
        }
    }
}
