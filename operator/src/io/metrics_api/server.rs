//! Accepts connections of the metrics API and answers requests.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use listen::{Door, Notices, Places, Visitor};
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::access::Access;
use super::bridges::Bridges;
use super::front_proxy::FrontProxy;
use crate::metrics::{Answer, Metrics};
use crate::metrics_api::discovery;
use crate::metrics_api::refusal::Refusal;
use crate::metrics_api::request::{self, Request as Asked};

/// Connections at a time.
const MOST: usize = 256;
/// How long a handshake, or the head of a request, may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a connection of somebody who is not the front proxy lasts: enough for an answer.
const STRANGERS: Duration = Duration::from_secs(10);

/// What answers are made of.
pub(crate) struct Api {
    pub front_proxy: Arc<FrontProxy>,
    pub access: Access,
    pub bridges: Arc<Bridges>,
    pub metrics: Arc<Metrics>,
}

/// Serves until dropped.
pub(crate) async fn serve(listener: TcpListener, config: Arc<ServerConfig>, api: Arc<Api>) {
    let acceptor = TlsAcceptor::from(config);
    let notices = Notices::of("the metrics API");
    let door = Door::new(listener, Places::new(MOST), notices);
    let mut connections = JoinSet::new();
    loop {
        let Visitor { socket, place, .. } = door.accept().await;
        let (acceptor, api) = (acceptor.clone(), api.clone());
        while connections.try_join_next().is_some() {}
        connections.spawn(async move {
            connection(socket, acceptor, api).await;
            drop(place);
        });
    }
}

async fn connection(stream: TcpStream, acceptor: TlsAcceptor, api: Arc<Api>) {
    let accepted = tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await;
    let stream = match accepted {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%error, "no TLS with the metrics API"),
        Err(_) => return,
    };
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let chain: Arc<[CertificateDer<'static>]> = chain.to_vec().into();
    let stranger = !api.front_proxy.trusts(&chain);
    let service = service_fn(move |request: Request<Incoming>| {
        let (api, chain) = (api.clone(), chain.clone());
        async move { Ok::<_, Infallible>(api.answer(&request, &chain).await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE);
    builder.http2().timer(TokioTimer::new());
    let served = builder.serve_connection(TokioIo::new(stream), service);
    let result = if stranger {
        tokio::time::timeout(STRANGERS, served)
            .await
            .unwrap_or(Ok(()))
    } else {
        served.await
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection of the metrics API ended");
    }
}

impl Api {
    async fn answer<B>(
        &self,
        request: &Request<B>,
        chain: &[CertificateDer<'_>],
    ) -> Response<Full<Bytes>> {
        let (code, body) = match self.value(request, chain).await {
            Ok(value) => (200, value),
            Err(refusal) => {
                tracing::debug!(path = request.uri().path(), ?refusal, "refused");
                (refusal.code, refusal.status())
            }
        };
        let label = Answer { code };
        self.metrics.answers.get_or_create(&label).inc();
        let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
        *response.status_mut() =
            StatusCode::from_u16(code).expect("invariant: refusals have HTTP's codes");
        let json = header::HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    }

    async fn value<B>(
        &self,
        request: &Request<B>,
        chain: &[CertificateDer<'_>],
    ) -> Result<Value, Refusal> {
        let user = self.front_proxy.user(chain, request.headers())?;
        if request.method() != Method::GET {
            return Err(Refusal::method_not_allowed());
        }
        let path = request.uri().path();
        let asked = request::parse(path, request.uri().query())?;
        // What there is to ask is no secret, and the API server's own discovery asks as a user without groups.
        match asked {
            Asked::Groups => Ok(discovery::groups()),
            Asked::Group => Ok(discovery::group()),
            Asked::Resources => Ok(discovery::resources()),
            Asked::Values(query) => {
                self.access.check(user, path, &query).await?;
                self.bridges.values(&query)
            }
        }
    }
}
