//! What a remote said of its transport, piece by piece, until it is enough to begin.

use std::time::Instant;

use media::dtls::Fingerprint;
use media::ice::IceCredentials;
use media::transport::{self, RemoteError, Setup, Transport};

use crate::command::RemoteTransport;

/// See the module.
#[derive(Debug, Default)]
pub struct Remote {
    credentials: Option<IceCredentials>,
    fingerprints: Vec<Fingerprint>,
    setup: Option<Setup>,
    candidates: Vec<media::ice::RemoteCandidate>,
    began: bool,
    restart: Option<u32>,
}

/// Candidates kept before the transport begins.
const MAX_CANDIDATES: usize = 64;
/// Fingerprints kept.
const MAX_FINGERPRINTS: usize = 8;

impl Remote {
    /// A restart of ICE is under way: only credentials that answer it count.
    pub fn begin_restart(&mut self, generation: u32) {
        self.restart = Some(generation);
    }

    /// Takes in a piece, and hands on to the transport what it can use.
    ///
    /// # Errors
    /// When the remote's credentials or fingerprints are of no use.
    pub fn update(
        &mut self,
        update: RemoteTransport,
        transport: &mut Transport,
        now: Instant,
    ) -> Result<(), RemoteError> {
        if let Some(credentials) = update.ice {
            let answers = self
                .restart
                .is_none_or(|pending| update.generation == Some(pending));
            let known = self.credentials.as_ref() == Some(&credentials);
            if answers || !self.began {
                self.restart = None;
                self.credentials = Some(credentials);
            } else if !known {
                // Untagged or of a generation that is past (ice-generation).
                return Ok(());
            }
        }
        if !update.fingerprints.is_empty() {
            self.fingerprints = update.fingerprints;
            self.fingerprints.truncate(MAX_FINGERPRINTS);
        }
        self.setup = update.setup.or(self.setup);
        self.candidates.extend(update.candidates);
        self.candidates.truncate(MAX_CANDIDATES);
        if let Some(credentials) = self.credentials.clone()
            && !self.fingerprints.is_empty()
        {
            self.began = true;
            let remote = transport::RemoteTransport {
                credentials,
                candidates: std::mem::take(&mut self.candidates),
                fingerprints: self.fingerprints.clone(),
                setup: self.setup.unwrap_or(Setup::Actpass),
            };
            transport.set_remote(remote, now)?;
        }
        Ok(())
    }
}
