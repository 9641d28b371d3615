//! A client that keeps itself connected: stream, TLS, login, resource, stream management with
//! resumption (XEP-0198), pings, and reconnection for ever.
//!
//! ```no_run
//! # async fn run(connector: xmpp::client::Connector) {
//! use xmpp::client::{Client, Config, Event};
//!
//! let config = Config::new("jvb@auth.meet.shoal".parse::<xmpp::BareJid>().expect("a JID"), connector)
//!     .with_password("from a file")
//!     .with_resource("bridge-0");
//! let mut client = Client::start(config);
//! let handle = client.handle();
//! while let Some(event) = client.next_event().await {
//!     match event {
//!         Event::Online { jid, resumed } => { /* join rooms, unless resumed */ }
//!         Event::Element(stanza) => { /* dispatch */ }
//!         Event::Offline { reason } => { /* rooms are to be joined anew, unless resumed */ }
//!     }
//! }
//! # }
//! ```
//!
//! Layer: on top of everything else in this crate, and the only part that has sockets, clocks,
//! tasks and randomness.

mod backoff;
mod config;
mod connection;
mod connector;
mod error;
mod handle;
mod negotiation;
mod requests;
mod session;
pub mod tls;

pub use config::{Config, Secret};
pub use connector::{Connector, Tls, TlsOptions};
pub use error::{ConnectError, RequestError, SendError};
pub use handle::ClientHandle;

use tokio::sync::mpsc;

use crate::{Element, FullJid};

/// What a client tells its owner.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Logged in and bound.
    Online {
        /// Own JID.
        jid: FullJid,
        /// The session of before goes on: nothing was missed, rooms are still joined.
        resumed: bool,
    },
    /// A stanza arrived. Answers to [`ClientHandle::request`] and to the client's own pings do not
    /// come here.
    Element(Element),
    /// The connection is lost, or could not be made; the client tries again by itself. Comes once
    /// for each time online, and once for a first failure.
    Offline {
        /// Why, for people.
        reason: String,
    },
}

/// A client with its stream of events.
#[derive(Debug)]
pub struct Client {
    handle: ClientHandle,
    events: mpsc::Receiver<Event>,
}

impl Client {
    /// Starts a client on the current tokio runtime. It runs until [`ClientHandle::close`], or
    /// until the client and all its handles are dropped.
    pub fn start(config: Config) -> Self {
        let (handle, commands) = handle::channel(config.queue);
        let (sender, events) = mpsc::channel(config.queue);
        tokio::spawn(session::run(config, commands, sender));
        Self { handle, events }
    }

    /// A handle for sending.
    pub fn handle(&self) -> ClientHandle {
        self.handle.clone()
    }

    /// The next event; `None` after the client is closed.
    pub async fn next_event(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// The handle and the events apart.
    pub fn into_parts(self) -> (ClientHandle, mpsc::Receiver<Event>) {
        (self.handle, self.events)
    }
}
