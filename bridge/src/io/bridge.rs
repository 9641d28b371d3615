//! The bridge as a whole: started, reached over HTTP, stopped.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use listen::http::Server;
use media::dtls::{Certificate, CertificateError};
use parking_lot::Mutex;
use private::{Gate, TokenError};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use xmpp::client::Connector;

use crate::colibri::{ControlSettings, Manager, State, may_leave};
use crate::config::{self, Config};
use crate::io::control::Control;
use crate::io::interfaces::follow_interfaces;
use crate::io::live_files;
use crate::io::shards::{Shards, check_files};
use crate::io::{Driver, DriverError, ShardError, addresses, private_http, websocket};
use crate::settings::WorkerSettings;

/// Why the bridge cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The media side.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// The DTLS certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// One of the configured shards cannot be served.
    #[error(transparent)]
    Shard(#[from] ShardError),
    /// Settings that contradict each other.
    #[error("bridge configuration: {0}")]
    Config(String),
    /// The token of the private HTTP interface.
    #[error("{0} (`private_token_file`)")]
    Token(#[from] TokenError),
    /// A listen address for HTTP.
    #[error("cannot listen on {address} ({error}); check `{key}`")]
    Listen {
        /// The configuration's key.
        key: &'static str,
        /// As configured.
        address: SocketAddr,
        /// Why.
        error: std::io::Error,
    },
}

/// A running bridge. Dropped without [`Bridge::shutdown`] it leaves without telling the focus.
pub struct Bridge {
    control: Arc<Control>,
    shards: Arc<Shards>,
    driver: Arc<Mutex<Option<Driver>>>,
    tasks: Vec<JoinHandle<()>>,
    /// Tasks that follow files.
    followers: Vec<JoinHandle<()>>,
    media: Vec<SocketAddr>,
    http: HttpAddresses,
    gate: Arc<Gate>,
}

/// Where the bridge's own HTTP listeners are.
#[derive(Clone, Copy, Debug, Default)]
pub struct HttpAddresses {
    /// Of [`Config::private_http`].
    pub private: Option<SocketAddr>,
    /// Of [`Config::public_http`].
    pub public: Option<SocketAddr>,
}

impl Bridge {
    /// Starts the workers, the configured shards and HTTP listeners, and the shards of `embedded`, which the program reaches by
    /// connectors of its own. Needs a tokio runtime.
    ///
    /// # Errors
    /// See [`StartError`]; nothing is left running then. A shard that cannot be reached is no error: it is tried for ever.
    pub async fn start(
        config: Config,
        embedded: Vec<(config::Shard, Connector)>,
    ) -> Result<Self, StartError> {
        config.check().map_err(StartError::Config)?;
        let gate = Gate::new(config.private_token_file.clone())?;
        let certificate = Certificate::generate()?;
        let fingerprint = certificate.fingerprint().clone();
        let mut rng = StdRng::from_os_rng();
        let server_id = if config.websocket.server_id.is_empty() {
            format!("bridge-{:08x}", rand::Rng::random::<u32>(&mut rng))
        } else {
            config.websocket.server_id.clone()
        };
        let (driver, events) = Driver::start(&config, |local| {
            let mut settings = WorkerSettings::new(certificate, local);
            config.apply_to(&mut settings);
            settings
        })?;
        let media = driver.bound().to_vec();
        let candidates = addresses::to_advertise(&config, &media, &driver.interfaces());
        tracing::info!(
            bound = ?media,
            told = ?candidates.iter().map(|candidate| candidate.address).collect::<Vec<_>>(),
            workers = driver.commands().len(),
            "media is received and these addresses are told to clients"
        );
        let settings = ControlSettings {
            workers: config.worker_count(),
            spill_endpoints: config.spill_endpoints,
            candidates,
            fingerprint,
            websocket_urls: config.websocket.base_urls.clone(),
            server_id: server_id.clone(),
            sctp: config.sctp,
            limits: config.limits.clone(),
            empty_conference: config.expiry.empty_conference(),
        };
        let control = Control::new(
            config,
            server_id,
            Manager::new(settings, rng),
            driver.commands().to_vec(),
            driver.counters().to_vec(),
        );
        let mut bridge = Self {
            tasks: vec![
                tokio::spawn(Arc::clone(&control).hear(events)),
                tokio::spawn(Arc::clone(&control).keep_time()),
            ],
            control,
            followers: Vec::new(),
            shards: Arc::default(),
            driver: Arc::new(Mutex::new(Some(driver))),
            media,
            http: HttpAddresses::default(),
            gate,
        };
        bridge.listen().await?;
        let config = &bridge.control.config;
        for shard in &config.shards {
            check_files(shard, config.tls_ca_file.as_deref())?;
            bridge.shards.add(&bridge.control, shard, None)?;
        }
        for (shard, connector) in embedded {
            bridge
                .shards
                .add(&bridge.control, &shard, Some(connector))?;
        }
        bridge.follow_files();
        let (control, driver) = (Arc::clone(&bridge.control), Arc::clone(&bridge.driver));
        bridge
            .followers
            .push(tokio::spawn(follow_interfaces(control, driver)));
        Ok(bridge)
    }

    /// Begins to follow the files that may change while the bridge runs.
    fn follow_files(&mut self) {
        let config = &self.control.config;
        if let Some(path) = config.shards_file.clone() {
            let (control, shards) = (Arc::clone(&self.control), Arc::clone(&self.shards));
            self.followers.push(tokio::spawn(async move {
                live_files::follow_shards(control, shards, &path).await;
            }));
        }
        let config = &self.control.config;
        if let Some(addresses) = config.advertised_addresses_file.clone() {
            let (control, port) = (
                Arc::clone(&self.control),
                config.advertised_port_file.clone(),
            );
            let own_port = self.media.first().map_or(config.udp_port, SocketAddr::port);
            self.followers.push(tokio::spawn(async move {
                live_files::follow_addresses(control, &addresses, port.as_deref(), own_port).await;
            }));
        }
    }

    async fn listen(&mut self) -> Result<(), StartError> {
        let config = &self.control.config;
        let (private, public, http) =
            (config.private_http, config.public_http, config.http.clone());
        let proxies = config.trust_forwarded_for;
        if let Some(address) = private {
            let server =
                Server::private("the bridge's private HTTP", &http, CancellationToken::new());
            self.http.private =
                Some(self.serve("private_http", address, server, self.private_router())?);
        }
        if let Some(address) = public {
            let server =
                Server::public("the bridge's public HTTP", &http, CancellationToken::new())
                    .behind(proxies);
            self.http.public =
                Some(self.serve("public_http", address, server, self.public_router())?);
        }
        Ok(())
    }

    fn serve(
        &mut self,
        key: &'static str,
        address: SocketAddr,
        server: Server,
        router: Router,
    ) -> Result<SocketAddr, StartError> {
        let failed = |error| StartError::Listen {
            key,
            address,
            error,
        };
        let listener = listen::bind(address).map_err(failed)?;
        let listener = TcpListener::from_std(listener).map_err(failed)?;
        let local = listener.local_addr().map_err(failed)?;
        tracing::info!(address = %local, key, "HTTP is served");
        self.tasks
            .push(tokio::spawn(server.serve(listener, router)));
        Ok(local)
    }

    /// Bridge channels (`/colibri-ws/…`), for clients.
    pub fn public_router(&self) -> Router {
        websocket::router(Arc::clone(&self.control))
    }

    /// Health, version, metrics, statistics; and for those only who may give orders: Colibri2 over REST, drain, shutdown,
    /// debugging. Served so that handlers know who calls (`ConnectInfo<SocketAddr>`).
    pub fn private_router(&self) -> Router {
        private_http::router(Arc::clone(&self.control), &self.gate)
    }

    /// The addresses on which media is received.
    #[must_use]
    pub fn media_addresses(&self) -> &[SocketAddr] {
        &self.media
    }

    /// Where the bridge's own HTTP listeners are.
    #[must_use]
    pub fn http_addresses(&self) -> HttpAddresses {
        self.http
    }

    /// Serves another shard; without a connector by its address.
    ///
    /// # Errors
    /// See [`ShardError`].
    pub fn add_shard(
        &self,
        shard: &config::Shard,
        connector: Option<Connector>,
    ) -> Result<(), ShardError> {
        self.shards.add(&self.control, shard, connector)
    }

    /// Leaves a shard; its conferences go on until the focus ends them. `false`: there is none of this name.
    pub async fn remove_shard(&self, name: &str) -> bool {
        self.shards.remove(&self.control, &[name.to_owned()]).await > 0
    }

    /// Resolves when a shutdown that was asked for over REST is through, and the program may call [`Bridge::shutdown`] and
    /// end.
    pub async fn finished(&self) {
        let mut state = self.control.state.subscribe();
        // The sender lives as long as `self`.
        let _ = state.wait_for(|state| *state == State::Finished).await;
    }

    /// Leaves: tells the focus, gives it time to move everybody, closes bridge channels and connections, stops the workers.
    /// At most [`config::Expiry::farewell_seconds`] and a few seconds.
    pub async fn shutdown(&self) {
        self.control.begin_shutdown(false);
        // No shard may come while all are left.
        for task in &self.followers {
            task.abort();
        }
        let patience = Duration::from_secs(self.control.config.expiry.farewell_seconds);
        let leaves = async {
            let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
            let mut seen = Instant::now();
            loop {
                if count(&self.control.focuses) > 0 {
                    seen = Instant::now();
                }
                let endpoints = self.control.endpoint_count();
                if may_leave(endpoints, count(&self.control.shards), seen.elapsed()) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(patience, leaves).await.is_err() {
            let left = self.control.endpoint_count();
            tracing::warn!(left, "leaves although the focus has not moved everybody");
        }
        self.shards.remove_all().await;
        self.control.close_channels();
        // Close frames are on their way when the sockets' tasks have run.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let driver = self.driver.lock().take();
        if let Some(mut driver) = driver {
            let _ = tokio::task::spawn_blocking(move || driver.stop()).await;
        }
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        for task in self.tasks.iter().chain(&self.followers) {
            task.abort();
        }
    }
}
