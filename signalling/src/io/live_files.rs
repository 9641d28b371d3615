//! Files that may change while the server runs: passwords of accounts, the certificate. They are looked at every second,
//! by content, for Kubernetes changes a mounted file by swapping a link.

use super::clock::now;
use super::server::Shared;
use crate::config::Secret;
use crate::settings::ServiceAccount;
use aws_lc_rs::digest::{SHA256, digest};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use xmpp::BareJid;

/// Time between two looks.
const LOOK: Duration = Duration::from_secs(1);

/// What was last seen of a password file: the password is not kept.
type Seen = Result<Vec<u8>, String>;

/// Follows the files until the server stops.
pub(super) async fn follow(shared: Arc<Shared>) {
    let mut seen = HashMap::new();
    let mut interval = tokio::time::interval(LOOK);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        #[expect(
            clippy::iter_over_hash_type,
            reason = "each file is looked at for itself"
        )]
        for (jid, account) in &shared.host.settings.accounts {
            if let Some(path) = &account.password_file {
                look_at_password(jid, account, path, &mut seen);
            }
        }
        if let Some(certificates) = &shared.certificates {
            match certificates.refresh() {
                Ok(false) => {}
                Ok(true) => tracing::info!("the certificate changed; new connections get it"),
                Err(error) => {
                    tracing::error!(%error, "the certificate of before stays in use");
                }
            }
        }
    }
}

fn look_at_password(
    jid: &BareJid,
    account: &ServiceAccount,
    path: &PathBuf,
    seen: &mut HashMap<BareJid, Seen>,
) {
    let password = match std::fs::read_to_string(path) {
        Err(error) => Err(error.to_string()),
        Ok(text) => match text.lines().next().map(str::trim) {
            Some(password) if !password.is_empty() => Ok(Secret(password.to_owned())),
            _ => Err("it is empty; its first line must be the password".to_owned()),
        },
    };
    let is = match &password {
        Ok(password) => Ok(digest(&SHA256, password.0.as_bytes()).as_ref().to_vec()),
        Err(error) => Err(error.clone()),
    };
    if seen.get(jid) == Some(&is) {
        return;
    }
    seen.insert(jid.clone(), is);
    match password {
        Ok(password) => {
            if account.passwords.change(&password, now().instant) {
                tracing::info!(account = %jid, "the password changed; that of before is good for another minute");
            }
        }
        Err(error) => {
            tracing::error!(account = %jid, file = %path.display(), %error, "the password file cannot be used; the password of before stays");
        }
    }
}
