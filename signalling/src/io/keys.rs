//! Keys that verify tokens: from files, read again when they change, and from URLs.

mod file;
mod key_server;
mod set;

use super::clock::now;
use super::server::Waker;
use crate::config::{KeySource, TokenConfig};
use crate::host::Host;
use crate::session::Wake;
use crate::settings::ReadFile;
use rustls::ClientConfig;
use std::pin::Pin;
use std::sync::Arc;
use xmpp::client::tls::{Trust, client_config};

/// Largest answer with keys.
const MOST_BYTES: usize = 1024 * 1024;

/// A task that keeps the keys fresh.
pub(super) type Keeper = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Reads the keys that are in files; what is returned keeps them fresh, or gets those that are elsewhere.
pub(super) fn start(host: &Arc<Host>, read: ReadFile<'_>) -> Result<Option<Keeper>, String> {
    let Some(token) = &host.settings.token else {
        return Ok(None);
    };
    let keeper: Keeper = match &token.keys {
        KeySource::Secret(_) => return Ok(None),
        KeySource::SecretFile(path)
        | KeySource::PublicKeyFile(path)
        | KeySource::JwksFile(path) => {
            let text = read(path).map_err(|error| {
                format!("auth.token.keys: cannot read {}: {error}", path.display())
            })?;
            let keys = file::parse(&token.keys, &text)
                .map_err(|error| format!("auth.token.keys: {}: {error}", path.display()))?;
            host.key_ring.set(keys);
            Box::pin(file::follow(Arc::clone(host), path.clone(), text))
        }
        KeySource::JwksUrl(url) => {
            let source = remote(host, token, read)?;
            Box::pin(set::follow(source, url.clone(), token.refresh))
        }
        KeySource::AsapKeyServer(url) => {
            let source = remote(host, token, read)?;
            Box::pin(key_server::serve(source, url.clone()))
        }
    };
    Ok(Some(keeper))
}

/// What it takes to get keys from elsewhere.
struct Remote {
    host: Arc<Host>,
    /// Woken when a key is wanted.
    waker: Arc<Waker>,
    tls: Arc<ClientConfig>,
}

impl Remote {
    /// The search for a key is over.
    fn settle(&self, id: &str) {
        self.host.handle_key_settled(id, now());
    }
}

fn remote(host: &Arc<Host>, token: &TokenConfig, read: ReadFile<'_>) -> Result<Remote, String> {
    let trust = match &token.ca_file {
        None => Trust::Public,
        Some(path) => Trust::Pem(
            read(path)
                .map_err(|error| {
                    let path = path.display();
                    format!("auth.token.ca_file: cannot read {path}: {error}")
                })?
                .into_bytes(),
        ),
    };
    let tls = client_config(&trust, b"http/1.1")
        .map_err(|error| format!("auth.token.ca_file: {error}"))?;
    let waker = Arc::new(Waker::default());
    host.key_ring
        .set_fetcher(Arc::clone(&waker) as Arc<dyn Wake>);
    Ok(Remote {
        host: Arc::clone(host),
        waker,
        tls: Arc::new(tls),
    })
}
