//! HTTP/1.1, with a deadline for each wait.

mod answer;
mod body;
mod config;
mod patient;

pub use config::Config;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use axum::response::IntoResponse;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::{
    Budget, Caller, Callers, Door, Notice, Notices, Permit, Place, Places, Proxies, Visitor,
    caller, first_byte,
};
use answer::Answer;
use body::{Fate, Unfinished};
use patient::Patient;

/// Most bytes of a request's head, and what a connection reads ahead.
const HEAD_BYTES: usize = 16 * 1024;
/// Connections of a private listener: few ask, and they must be heard when the public ones are full.
const PRIVATE: usize = 64;
/// Time for requests that run when the listener stops.
const GOODBYE: Duration = Duration::from_secs(2);

/// A listener's way to serve.
#[derive(Debug)]
pub struct Server {
    places: Arc<Places>,
    passing_on: bool,
    tls: Option<Arc<ServerConfig>>,
    inner: Arc<Inner>,
}

/// What its connections share.
#[derive(Debug)]
struct Inner {
    config: Config,
    proxies: Proxies,
    callers: Arc<Callers>,
    budget: Arc<Budget>,
    notices: Arc<Notices>,
    stop: CancellationToken,
}

impl Server {
    /// For anybody, for `purpose`, until `stop`.
    #[must_use]
    pub fn public(purpose: &'static str, config: &Config, stop: CancellationToken) -> Self {
        let places = Places::of_process();
        // Nobody alone can take them all.
        let each = config.connections_per_address.min(places.most() / 2).max(1);
        Self::new(purpose, config, places, each, stop)
    }

    /// For those who run the service: beside the public listeners, so that a probe is answered while they are full.
    #[must_use]
    pub fn private(purpose: &'static str, config: &Config, stop: CancellationToken) -> Self {
        Self::new(purpose, config, Places::new(PRIVATE), PRIVATE, stop)
    }

    fn new(
        purpose: &'static str,
        config: &Config,
        places: Arc<Places>,
        each: usize,
        stop: CancellationToken,
    ) -> Self {
        Self {
            places,
            passing_on: false,
            tls: None,
            inner: Arc::new(Inner {
                config: config.clone(),
                proxies: Proxies::NONE,
                callers: Callers::new(each),
                budget: Budget::new(config.unfinished_bytes),
                notices: Notices::of(purpose),
                stop,
            }),
        }
    }

    /// Behind so many proxies. Then it is their callers who are counted, not they.
    #[must_use]
    pub fn behind(mut self, proxies: Proxies) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.proxies = proxies;
        }
        self
    }

    /// Serves HTTPS by this configuration; `None` leaves it at HTTP.
    #[must_use]
    pub fn with_tls(mut self, tls: Option<Arc<ServerConfig>>) -> Self {
        self.tls = tls;
        self
    }

    /// Requests are passed on over connections of their own.
    #[must_use]
    pub fn passing_on(mut self, passing_on: bool) -> Self {
        self.passing_on = passing_on;
        self
    }

    /// Serves `router` until stopped, then lets running requests finish for a moment. Each request has its [`Caller`] as an
    /// extension.
    pub async fn serve(self, listener: TcpListener, router: Router) {
        let notices = Arc::clone(&self.inner.notices);
        let mut door = Door::new(listener, self.places, notices);
        if self.passing_on {
            door = door.passing_on();
        }
        let acceptor = self.tls.map(TlsAcceptor::from);
        let mut connections = JoinSet::new();
        loop {
            let visitor = tokio::select! {
                biased;
                () = self.inner.stop.cancelled() => break,
                Some(_) = connections.join_next() => continue,
                visitor = door.accept() => visitor,
            };
            let Some(permit) = self.inner.admit(visitor.peer) else {
                continue;
            };
            let inner = Arc::clone(&self.inner);
            let (acceptor, router) = (acceptor.clone(), router.clone());
            connections.spawn(inner.welcome(visitor, permit, acceptor, router));
        }
        drop(door);
        let all = async { while connections.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(GOODBYE, all).await;
    }
}

/// What a connection counts for, as long as its socket is open.
struct Held {
    _place: Place,
    _permit: Option<Permit>,
}

impl Inner {
    /// Counts a connection, before anything of it is read. Proxies are not counted, but whoever is behind them.
    fn admit(&self, peer: SocketAddr) -> Option<Option<Permit>> {
        if self.proxies > Proxies::NONE {
            return Some(None);
        }
        let permit = self.callers.take(peer.ip());
        if permit.is_none() {
            self.notices.tell(Notice::AddressFull, &peer.ip());
        }
        permit.map(Some)
    }

    /// Waits for the first byte, so that whoever says nothing costs a socket and no buffers; then for TLS.
    async fn welcome(
        self: Arc<Self>,
        visitor: Visitor,
        permit: Option<Permit>,
        acceptor: Option<TlsAcceptor>,
        router: Router,
    ) {
        let Visitor {
            socket,
            peer,
            place,
        } = visitor;
        let held = Held {
            _place: place,
            _permit: permit,
        };
        let Some(acceptor) = acceptor else {
            match tokio::time::timeout(self.config.head(), first_byte(&socket)).await {
                Ok(_) => self.serve_boxed(socket, held, peer, router).await,
                Err(_) => self.notices.tell(Notice::NoRequest, &peer.ip()),
            }
            return;
        };
        let handshake = async move {
            first_byte(&socket).await?;
            accept_boxed(&acceptor, socket).await
        };
        match tokio::time::timeout(self.config.handshake(), handshake).await {
            Ok(Ok(socket)) => self.serve_boxed(socket, held, peer, router).await,
            // Browsers that do not trust a certificate end so, and scanners: no reason for a line.
            Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
            Err(_) => self.notices.tell(Notice::Handshake, &peer.ip()),
        }
    }

    /// The same as [`Inner::serve`], in memory of its own: the task of a silent connection stays small.
    fn serve_boxed<S>(
        self: Arc<Self>,
        socket: S,
        held: Held,
        peer: SocketAddr,
        router: Router,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        Box::pin(self.serve(socket, held, peer, router))
    }

    /// Serves requests, one after the other.
    async fn serve<S>(self: Arc<Self>, socket: S, held: Held, peer: SocketAddr, router: Router)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let activity = Arc::new(Activity::default());
        let patient = Patient::new(socket, held, self.config.send());
        let stalled = patient.stalled();
        let service = service_fn({
            let (inner, activity) = (Arc::clone(&self), Arc::clone(&activity));
            move |request| {
                let running = Running::new(&activity);
                let (inner, router) = (Arc::clone(&inner), router.clone());
                async move { Ok::<_, Infallible>(inner.answer(request, peer, router, running).await) }
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            // The deadline below counts from the same moment, and for what comes before the first byte as well.
            .header_read_timeout(None)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(patient), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let mut stopping = false;
        loop {
            let patience = activity.patience(&self.config);
            let deadline = async {
                match patience {
                    Some(patience) => tokio::time::sleep(patience).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = connection.as_mut() => break,
                () = activity.changed.notified() => {}
                () = self.stop.cancelled(), if !stopping => {
                    stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = deadline => {
                    // Between two requests everybody may be silent; who has sent none is a stranger.
                    if !activity.served.load(Ordering::Relaxed) {
                        self.notices.tell(Notice::NoRequest, &peer.ip());
                    }
                    break;
                }
            }
        }
        if stalled.load(Ordering::Relaxed) {
            self.notices.tell(Notice::NotRead, &peer.ip());
        }
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        router: Router,
        mut running: Running,
    ) -> Response<Answer> {
        let address = caller(peer.ip(), request.headers(), self.proxies);
        if self.proxies > Proxies::NONE {
            running.permit = self.callers.take(address);
            if running.permit.is_none() {
                self.notices.tell(Notice::AddressFull, &address);
                let refusal = "there are too many connections from your network address\n";
                let response = (StatusCode::TOO_MANY_REQUESTS, refusal).into_response();
                return closing(response).map(|body| Answer::new(body, running));
            }
        }
        let fate = Arc::new(Fate::default());
        let mut request = request.map(|body| {
            if body.is_end_stream() {
                return Body::empty();
            }
            let share = self.budget.share();
            let unfinished = Unfinished::new(body, self.config.body(), share, Arc::clone(&fate));
            Body::new(unfinished)
        });
        request.extensions_mut().insert(Caller(address));
        // What passes requests on appends the peer, as every proxy does.
        request.extensions_mut().insert(ConnectInfo(peer));
        let response = match router.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let response = match fate.get() {
            None => response,
            Some(notice) => {
                self.notices.tell(notice, &address);
                let refusal = match notice {
                    Notice::BudgetSpent => (
                        StatusCode::SERVICE_UNAVAILABLE,
                        "too much is being sent at once; try again\n",
                    ),
                    _ => (
                        StatusCode::REQUEST_TIMEOUT,
                        "the request did not end in time\n",
                    ),
                };
                closing(refusal.into_response())
            }
        };
        response.map(|body| Answer::new(body, running))
    }
}

fn accept_boxed(
    acceptor: &TlsAcceptor,
    socket: TcpStream,
) -> Pin<Box<dyn Future<Output = io::Result<TlsStream<TcpStream>>> + Send>> {
    Box::pin(acceptor.accept(socket))
}

/// The last answer of a connection.
fn closing(mut response: Response<Body>) -> Response<Body> {
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    response
}

/// Whether a request is being answered.
#[derive(Debug, Default)]
struct Activity {
    running: AtomicBool,
    served: AtomicBool,
    changed: Notify,
}

impl Activity {
    /// How long the peer may take to send the next head.
    fn patience(&self, config: &Config) -> Option<Duration> {
        if self.running.load(Ordering::Relaxed) {
            None
        } else if self.served.load(Ordering::Relaxed) {
            Some(config.idle())
        } else {
            Some(config.head())
        }
    }
}

/// A request from its head to the end of its answer.
#[derive(Debug)]
struct Running {
    activity: Arc<Activity>,
    /// Of the caller, where the peer is a proxy.
    permit: Option<Permit>,
}

impl Running {
    fn new(activity: &Arc<Activity>) -> Self {
        activity.running.store(true, Ordering::Relaxed);
        activity.served.store(true, Ordering::Relaxed);
        activity.changed.notify_one();
        Self {
            activity: Arc::clone(activity),
            permit: None,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.activity.running.store(false, Ordering::Relaxed);
        self.activity.changed.notify_one();
    }
}
