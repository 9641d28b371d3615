//! HTTP/1.1, with a deadline for each wait.

mod answer;
mod arrival;
mod body;
mod config;
mod connection;
mod exchange;
mod patient;

pub use config::Config;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use axum::response::IntoResponse;
use hyper::body::{Body as _, Incoming};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::{
    Budget, Caller, Callers, Door, Notice, Notices, Permit, Place, Places, Proxies, Visitor,
    caller, first_byte,
};
use answer::Answer;
use body::{Fate, Unfinished};

/// Most bytes of a request's head, and what is read ahead of an open one.
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
            let Visitor {
                socket,
                peer,
                place,
            } = visitor;
            let held = Held {
                _place: place,
                _permit: permit,
            };
            let (inner, router) = (Arc::clone(&self.inner), router.clone());
            match acceptor.clone() {
                None => connections.spawn(connection::serve(inner, socket, held, peer, router)),
                Some(acceptor) => {
                    connections.spawn(inner.welcome(socket, held, peer, acceptor, router))
                }
            };
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

    /// Waits for TLS.
    async fn welcome(
        self: Arc<Self>,
        socket: TcpStream,
        held: Held,
        peer: SocketAddr,
        acceptor: TlsAcceptor,
        router: Router,
    ) {
        let handshake = async move {
            // Whoever says nothing costs a socket and no buffers.
            first_byte(&socket).await?;
            Box::pin(acceptor.accept(socket)).await
        };
        match tokio::time::timeout(self.config.handshake(), handshake).await {
            Ok(Ok(socket)) => {
                let serving = connection::serve(self, Box::new(socket), held, peer, router);
                Box::pin(serving).await
            }
            // Browsers that do not trust a certificate end so, and scanners: no reason for a line.
            Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
            Err(_) => self.notices.tell(Notice::Handshake, &peer.ip()),
        }
    }

    /// The answer to a request.
    async fn answer(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        router: Router,
        way: Way,
        mut running: Running,
    ) -> Response<Answer> {
        let address = caller(peer.ip(), request.headers(), self.proxies);
        if let Way::Refuse(notice) = way {
            return self
                .refuse(notice, address)
                .map(|body| Answer::new(body, running));
        }
        match self.admit_caller(address) {
            Ok(permit) => running.permit = permit,
            Err(notice) => {
                return self
                    .refuse(notice, address)
                    .map(|body| Answer::new(body, running));
            }
        }
        let fate = Arc::new(Fate::default());
        let mut request = request.map(|body| {
            if body.is_end_stream() {
                return Body::empty();
            }
            let share = self.budget.share(address);
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
            Some(notice) => self.refuse(notice, address),
            // What follows an open request is HTTP proper's, which keeps it.
            None if way == Way::Open && response.status() != StatusCode::SWITCHING_PROTOCOLS => {
                closing(response)
            }
            None => response,
        };
        response.map(|body| Answer::new(body, running))
    }

    /// Counts whoever is behind our proxies.
    fn admit_caller(&self, address: IpAddr) -> Result<Option<Permit>, Notice> {
        if self.proxies == Proxies::NONE {
            return Ok(None);
        }
        let permit = self.callers.take(address);
        permit.map(Some).ok_or(Notice::AddressFull)
    }

    /// The last answer to somebody.
    fn refuse(&self, notice: Notice, address: IpAddr) -> Response<Body> {
        self.notices.tell(notice, &address);
        let refusal = match notice {
            Notice::AddressFull => (
                StatusCode::TOO_MANY_REQUESTS,
                "there are too many connections from your network address\n",
            ),
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
}

/// How a request is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// It has come.
    Whole,
    /// Its body is read while it comes.
    Open,
    /// Not at all.
    Refuse(Notice),
}

/// The last answer of a connection.
fn closing(mut response: Response<Body>) -> Response<Body> {
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    response
}

/// How far the request of an exchange is.
#[derive(Debug, Default)]
struct Activity {
    begun: AtomicBool,
    over: AtomicBool,
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
        activity.begun.store(true, Ordering::Relaxed);
        Self {
            activity: Arc::clone(activity),
            permit: None,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.activity.over.store(true, Ordering::Relaxed);
    }
}
