//! The shards that the bridge serves: any number, added and removed while it runs.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use xmpp::client::{Connector, Secret, Tls, TlsOptions};
use xmpp::{BareJid, Jid, client};

use super::control::Control;
use super::shard_task::ShardTask;
use crate::config;

/// Why a shard cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ShardError {
    /// Two shards have the same name.
    #[error("shard {0} is there already; give each shard its own `name`")]
    Exists(String),
    /// There is no password.
    #[error(
        "shard {0} has no `password_file`; name the file whose first line is the password of the bridge's account"
    )]
    NoPasswordFile(String),
    /// The account or room is no XMPP address.
    #[error("shard {shard}: {what} is no XMPP address; check `domain`, `user` and `brewery`")]
    Address {
        /// Name of the shard.
        shard: String,
        /// The text at fault.
        what: String,
    },
    /// The address is not `HOST:PORT`.
    #[error("shard {shard}: `address` must be HOST:PORT, and {address:?} is not")]
    HostPort {
        /// Name of the shard.
        shard: String,
        /// What was written.
        address: String,
    },
    /// A file cannot be read.
    #[error("shard {shard}: cannot read {path}: {error}")]
    File {
        /// Name of the shard.
        shard: String,
        /// The file.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// The password file has nothing on its first line.
    #[error(
        "shard {shard}: the password file {path} is empty; its first line must be the password of the bridge's account"
    )]
    NoPassword {
        /// Name of the shard.
        shard: String,
        /// The file.
        path: String,
    },
}

/// The running shards by name.
#[derive(Default)]
pub(crate) struct Shards {
    running: Mutex<FxHashMap<String, Running>>,
}

struct Running {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Shards {
    /// Serves another shard.
    pub(crate) fn add(
        &self,
        control: &Arc<Control>,
        shard: &config::Shard,
        connector: Option<Connector>,
    ) -> Result<(), ShardError> {
        let mut running = self.running.lock();
        if running.contains_key(&shard.name) {
            return Err(ShardError::Exists(shard.name.clone()));
        }
        let connector = match connector {
            Some(connector) => connector,
            None => connector_of(shard, control.config.tls_ca_file.as_deref())?,
        };
        let not_an_address = |what: String| ShardError::Address {
            shard: shard.name.clone(),
            what,
        };
        let account = format!("{}@{}", shard.user, shard.domain);
        let jid: Jid = account.parse().map_err(|_| not_an_address(account))?;
        let brewery: BareJid = shard
            .brewery
            .parse()
            .map_err(|_| not_an_address(shard.brewery.clone()))?;
        let mut client = client::Config::new(jid, connector);
        match (&shard.password, &shard.password_file) {
            (Some(password), _) => client.password = Some(Secret::new(password.expose())),
            (None, Some(path)) => client.password_file = Some(path.clone()),
            (None, None) => return Err(ShardError::NoPasswordFile(shard.name.clone())),
        }
        let nick = if shard.nick.is_empty() {
            &control.server_id
        } else {
            &shard.nick
        };
        let task = ShardTask {
            name: shard.name.clone(),
            control: Arc::clone(control),
            client,
            brewery,
            nick: nick.clone(),
        };
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(task.run(stopped));
        running.insert(shard.name.clone(), Running { stop, task });
        control.shards.store(running.len(), Ordering::Relaxed);
        Ok(())
    }

    /// Leaves the breweries and servers of these shards; how many there were.
    pub(crate) async fn remove(&self, control: &Control, names: &[String]) -> usize {
        let shards: Vec<Running> = {
            let mut running = self.running.lock();
            let shards = names.iter().filter_map(|name| running.remove(name));
            let shards = shards.collect();
            control.shards.store(running.len(), Ordering::Relaxed);
            shards
        };
        let count = shards.len();
        end_all(shards).await;
        count
    }

    /// Leaves all.
    pub(crate) async fn remove_all(&self) {
        let all: Vec<Running> = self
            .running
            .lock()
            .drain()
            .map(|(_, shard)| shard)
            .collect();
        end_all(all).await;
    }
}

/// Ends all at the same time.
async fn end_all(shards: Vec<Running>) {
    for shard in &shards {
        shard.stop.send_replace(true);
    }
    for shard in shards {
        if let Err(error) = shard.task.await {
            tracing::error!(%error, "a shard's task broke");
        }
    }
}

fn connector_of(shard: &config::Shard, ca_file: Option<&Path>) -> Result<Connector, ShardError> {
    let wrong = || ShardError::HostPort {
        shard: shard.name.clone(),
        address: shard.address.clone(),
    };
    let (host, port) = shard.address.rsplit_once(':').ok_or_else(wrong)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() {
        return Err(wrong());
    }
    let options = || TlsOptions {
        ca_file: ca_file.map(Path::to_owned),
        ..TlsOptions::default()
    };
    Ok(Connector::Tcp {
        host: host.to_owned(),
        port: port.parse().map_err(|_| wrong())?,
        tls: match shard.tls {
            config::Tls::Plain => Tls::Disabled,
            config::Tls::Starttls => Tls::StartTls(options()),
            config::Tls::Direct => Tls::Direct(options()),
        },
    })
}

/// Reads the files that the shard's connection will read, for a mistake to be told at the start.
pub(crate) fn check_files(shard: &config::Shard, ca_file: Option<&Path>) -> Result<(), ShardError> {
    let read = |path: &Path| {
        std::fs::read_to_string(path).map_err(|error| ShardError::File {
            shard: shard.name.clone(),
            path: path.display().to_string(),
            error,
        })
    };
    if let Some(path) = ca_file.filter(|_| shard.tls != config::Tls::Plain) {
        read(path)?;
    }
    let Some(path) = shard
        .password_file
        .as_ref()
        .filter(|_| shard.password.is_none())
    else {
        return Ok(());
    };
    match read(path)?.lines().next().map(str::trim) {
        Some(password) if !password.is_empty() => Ok(()),
        _ => Err(ShardError::NoPassword {
            shard: shard.name.clone(),
            path: path.display().to_string(),
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn shard(json: &str) -> config::Shard {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn an_address_is_host_and_port() {
        let at = |address: &str| {
            let json = format!(r#"{{"name": "a", "address": "{address}", "tls": "plain"}}"#);
            connector_of(&shard(&json), None).map(|connector| connector.to_string())
        };
        assert_eq!(
            at("signalling.example:5222").unwrap(),
            "tcp://signalling.example:5222"
        );
        assert_eq!(at("[::1]:5222").unwrap(), "tcp://::1:5222");
        for wrong in ["", "signalling.example", ":5222", "host:port"] {
            assert!(
                matches!(at(wrong), Err(ShardError::HostPort { .. })),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_missing_password_file_is_named() {
        let shard = shard(
            r#"{"name": "a", "address": "h:1", "password_file": "/nonexistent/jvb.password"}"#,
        );
        let error = check_files(&shard, None).unwrap_err().to_string();
        assert!(
            error.contains("/nonexistent/jvb.password") && error.contains("shard a"),
            "{error}"
        );
    }
}
