//! The running server.

use super::clock::now;
use super::tls::Certificates;
use super::{abuse, clock, http, keys, live_files, stream};
use crate::Config;
use crate::addresses::{Address, Permit};
use crate::connection::{Connection, Framing, Origin, Query};
use crate::host::Host;
use crate::now::Now;
use crate::random::Random;
use crate::session::Wake;
use crate::settings::Settings;
use listen::{Budget, Notice, Notices};
use rand::RngCore;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::DuplexStream;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Bytes that wait in each direction of a connection inside the process.
const IN_MEMORY_BYTES: usize = 256 * 1024;
/// Time for streams to say goodbye.
const GOODBYE: Duration = Duration::from_secs(3);

/// A running signalling server. Dropping it without [`Server::shutdown`] leaves its tasks running.
pub struct Server {
    shared: Arc<Shared>,
    addresses: Addresses,
}

/// What all tasks of a server use.
pub(super) struct Shared {
    pub(super) host: Arc<Host>,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) certificates: Option<Arc<Certificates>>,
    pub(super) started: Instant,
    pub(super) stop: CancellationToken,
    pub(super) tasks: TaskTracker,
    pub(super) bosh: super::bosh::Sessions,
    /// For messages of WebSockets that are begun and not finished.
    pub(super) budget: Arc<Budget>,
    pub(super) notices: Arc<Notices>,
}

/// The sockets that the server listens on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Addresses {
    /// HTTP (WebSocket, BOSH, health, metrics).
    pub http: Option<SocketAddr>,
    /// HTTP of those who run the service.
    pub private: Option<SocketAddr>,
    /// XMPP over TCP.
    pub tcp: Option<SocketAddr>,
    /// XMPP over direct TLS.
    pub tls: Option<SocketAddr>,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration cannot be used.
    #[error("signalling configuration: {0}")]
    Config(String),
    /// A socket could not be opened.
    #[error("cannot listen on {address} ({purpose}): {source}; is another server running there?")]
    Listen {
        /// What it is for.
        purpose: &'static str,
        /// Where.
        address: SocketAddr,
        /// The system's reason.
        source: std::io::Error,
    },
}

/// Wakes a task.
#[derive(Default)]
pub(super) struct Waker(Notify);

impl Wake for Waker {
    fn wake(&self) {
        self.0.notify_one();
    }
}

impl Waker {
    pub(super) async fn woken(&self) {
        self.0.notified().await;
    }
}

impl Server {
    /// Opens the configured sockets and starts serving.
    ///
    /// # Errors
    /// [`StartError`] when the configuration is unusable, a file cannot be read or a socket cannot be opened.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let listen = config.listen.clone();
        let proxies = config.trust_forwarded_for;
        let certificates = config
            .tls
            .as_ref()
            .map(Certificates::load)
            .transpose()
            .map_err(StartError::Config)?;
        let tls = certificates
            .as_ref()
            .map(Certificates::acceptor)
            .transpose()
            .map_err(StartError::Config)?;
        let read = |path: &std::path::Path| std::fs::read_to_string(path);
        let settings =
            Settings::new(config, &read, &mut rand::rng()).map_err(StartError::Config)?;
        let mut seed = [0; 32];
        rand::rng().fill_bytes(&mut seed);
        let host = Host::new(settings, Random::new(seed));
        let keeper = keys::start(&host, &read).map_err(StartError::Config)?;
        let budget = Budget::new(host.settings.http.unfinished_bytes);
        let shared = Arc::new(Shared {
            budget,
            notices: Notices::of("XMPP"),
            host,
            tls,
            certificates,
            started: Instant::now(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            bosh: super::bosh::Sessions::default(),
        });
        let mut addresses = Addresses::default();
        if let Some(address) = listen.http {
            let listener = bind("HTTP", address)?;
            addresses.http = listener.local_addr().ok();
            let server = http::server(&shared).behind(proxies);
            let served = server.serve(listener, http::router(&shared));
            shared.tasks.spawn(served);
        }
        if let Some(address) = listen.private {
            let listener = bind("private HTTP", address)?;
            addresses.private = listener.local_addr().ok();
            let served =
                http::private_server(&shared).serve(listener, http::private_router(&shared));
            shared.tasks.spawn(served);
        }
        if let Some(address) = listen.tcp {
            let listener = bind("XMPP over TCP", address)?;
            addresses.tcp = listener.local_addr().ok();
            shared.spawn_until_stop(stream::accept(Arc::clone(&shared), listener, false));
        }
        if let Some(address) = listen.tls {
            let listener = bind("XMPP over TLS", address)?;
            addresses.tls = listener.local_addr().ok();
            shared.spawn_until_stop(stream::accept(Arc::clone(&shared), listener, true));
        }
        shared.spawn_until_stop(keep_time(Arc::clone(&shared.host)));
        shared.spawn_until_stop(live_files::follow(Arc::clone(&shared)));
        shared.spawn_until_stop(abuse::report(Arc::clone(&shared.host)));
        if let Some(keeper) = keeper {
            shared.spawn_until_stop(keeper);
        }
        tracing::info!(domain = %shared.host.settings.names.domain, ?addresses, "signalling is up");
        Ok(Self { shared, addresses })
    }

    /// Where the server listens, with the ports that the system chose.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Everything over HTTP: what clients use, and `/about/health` and `/metrics`.
    ///
    /// Serve it with [`listen::http::Server`], which tells who calls, or limits per address cannot work.
    pub fn http_router(&self) -> axum::Router {
        http::router(&self.shared)
    }

    /// Only what clients use, for a server that faces the public: `/xmpp-websocket`, `/http-bind` (also below a
    /// tenant) and the keep-alive.
    pub fn client_router(&self) -> axum::Router {
        http::client_router(&self.shared)
    }

    /// A service connection inside the process. It speaks the stream that TCP speaks; it counts as encrypted.
    #[must_use]
    pub fn connect(&self) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(IN_MEMORY_BYTES);
        let origin = Origin {
            framing: Framing::Tcp,
            address: Address::LOCAL,
            encrypted: true,
            can_encrypt: false,
            query: Query::default(),
        };
        let shared = Arc::clone(&self.shared);
        let served = async move { stream::serve_in_memory(&shared, ours, origin).await };
        self.shared.tasks.spawn(served);
        theirs
    }

    /// Ends every stream with `<system-shutdown/>` and closes the sockets. Waits for it at most three seconds.
    pub async fn shutdown(&self) {
        self.shared.stop.cancel();
        self.shared.host.end_everything(now());
        self.shared.tasks.close();
        if tokio::time::timeout(GOODBYE, self.shared.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("some connections did not close in time; they are dropped");
        }
    }
}

impl Shared {
    /// Runs a task that ends with the server.
    pub(super) fn spawn_until_stop(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = task => {}
            }
        });
    }

    /// A new connection and what wakes it; `None` when its address has too many.
    pub(super) fn connection(&self, origin: Origin) -> Option<(Connection, Arc<Waker>)> {
        let permit = self.admit(origin.address)?;
        Some(self.admitted(origin, permit, now()))
    }

    /// Counts a connection, unless its address has too many.
    pub(super) fn admit(&self, address: Address) -> Option<Permit> {
        let limit = self.host.settings.limits.connections_per_address;
        let permit = self.host.addresses.connect(address, limit);
        if permit.is_none() {
            self.host.counters.connections_refused.increase();
            self.notices.tell(Notice::AddressFull, &address);
        }
        permit
    }

    /// A counted connection, which has been there `since` then.
    pub(super) fn admitted(
        &self,
        origin: Origin,
        permit: Permit,
        since: Now,
    ) -> (Connection, Arc<Waker>) {
        let waker = Arc::new(Waker::default());
        let wake: Arc<dyn Wake> = Arc::clone(&waker) as _;
        let host = Arc::clone(&self.host);
        let connection = Connection::new(host, origin, Some(permit), wake, since);
        (connection, waker)
    }
}

fn bind(purpose: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    listen::bind(address)
        .and_then(TcpListener::from_std)
        .map_err(|source| StartError::Listen {
            purpose,
            address,
            source,
        })
}

/// Ends hibernations on time.
async fn keep_time(host: Arc<Host>) {
    loop {
        // A shorter deadline may come up meanwhile, so the nap is short.
        let nap = clock::after(Duration::from_millis(250));
        clock::sleep_until(clock::earlier(host.poll_timeout(), Some(nap))).await;
        host.handle_timeout(now());
    }
}
