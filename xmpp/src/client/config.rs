//! What a client needs to know.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::Connector;
use crate::Jid;
use crate::stream::Limits;

/// A password. Never printed, not even in debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a password.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The password.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Settings of a client.
#[derive(Clone, Debug)]
pub struct Config {
    /// Account, `user@domain`. A domain alone logs in anonymously.
    pub jid: Jid,
    /// Goes before the file; both absent log in anonymously.
    pub password: Option<Secret>,
    /// File whose first line is the password, where `password` is `None`. It is read at each login,
    /// so that a password may change while the client runs. Without either the client logs in
    /// anonymously.
    pub password_file: Option<PathBuf>,
    /// Resource to bind; `None` lets the server choose.
    pub resource: Option<String>,
    /// How to reach the server.
    pub connector: Connector,
    /// Silence of the server after which it is pinged.
    pub ping_interval: Duration,
    /// Silence after a ping after which the connection counts as dead.
    pub ping_timeout: Duration,
    /// Time for connecting and logging in.
    pub connect_timeout: Duration,
    /// First wait before connecting again; doubles up to `reconnect_max`, with jitter.
    pub reconnect_min: Duration,
    /// Longest wait before connecting again.
    pub reconnect_max: Duration,
    /// Time that the server is asked to keep the session for resumption. `None`: the server
    /// chooses. Zero: no resumption is asked for, so that the server ends the session together
    /// with the connection.
    pub resume: Option<Duration>,
    /// Events and stanzas that may wait, each way.
    pub queue: usize,
    /// Largest number of requests that wait for an answer at once.
    pub max_requests: usize,
    /// Limits on what the server sends.
    pub limits: Limits,
}

impl Config {
    /// Settings with defaults: a dead server is noticed within 8 s, reconnecting waits 0.1 to 1 s:
    /// a part that restarts is awaited by people.
    pub fn new(jid: impl Into<Jid>, connector: Connector) -> Self {
        Self {
            jid: jid.into(),
            password: None,
            password_file: None,
            resource: None,
            connector,
            ping_interval: Duration::from_secs(4),
            ping_timeout: Duration::from_secs(4),
            connect_timeout: Duration::from_secs(10),
            reconnect_min: Duration::from_millis(100),
            reconnect_max: Duration::from_secs(1),
            resume: None,
            queue: 1024,
            max_requests: 4096,
            limits: Limits::SERVICE,
        }
    }

    /// The settings with a password.
    #[must_use]
    pub fn with_password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(Secret::new(password));
        self
    }

    /// The settings with a resource.
    #[must_use]
    pub fn with_resource(mut self, resource: impl Into<String>) -> Self {
        self.resource = Some(resource.into());
        self
    }
}
