//! Requests to the private HTTP interfaces of pods.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Largest answer that is read, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// A client of pods' HTTP interfaces.
#[derive(Clone)]
pub struct PodHttp {
    ask: Arc<dyn Ask>,
    token: Option<HeaderValue>,
}

/// Who brings requests to pods.
pub trait Ask: Send + Sync {
    /// The answer; `None` when there is none.
    fn ask(&self, request: Request<Full<Bytes>>) -> BoxFuture<'_, Option<Answer>>;
}

/// Status and body of a part's HTTP.
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Body.
    pub text: String,
}

impl Answer {
    /// The body as JSON, of a success.
    pub fn json(&self) -> Option<Value> {
        if self.status != 200 {
            return None;
        }
        serde_json::from_str(&self.text).ok()
    }
}

impl Default for PodHttp {
    /// Over the network.
    fn default() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(PATIENCE));
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(15))
            .pool_max_idle_per_host(1)
            .build(connector);
        Self::new(Network(client))
    }
}

struct Network(Client<HttpConnector, Full<Bytes>>);

impl Ask for Network {
    fn ask(&self, request: Request<Full<Bytes>>) -> BoxFuture<'_, Option<Answer>> {
        Box::pin(async {
            let answer = self.0.request(request).await.ok()?;
            let status = answer.status().as_u16();
            let body = Limited::new(answer.into_body(), MAX_ANSWER);
            let body = body.collect().await.ok()?.to_bytes();
            let text = String::from_utf8_lossy(&body).into_owned();
            Some(Answer { status, text })
        })
    }
}

impl PodHttp {
    /// Through whom requests go.
    pub fn new(ask: impl Ask + 'static) -> Self {
        Self {
            ask: Arc::new(ask),
            token: None,
        }
    }

    /// The same with a password, for orders.
    #[must_use]
    pub fn with(&self, password: Option<&str>) -> Self {
        let token = password.and_then(|password| {
            let mut value = HeaderValue::from_str(&format!("Bearer {password}")).ok()?;
            value.set_sensitive(true);
            Some(value)
        });
        Self {
            ask: self.ask.clone(),
            token,
        }
    }

    /// `GET`; `None` when nothing answers in time.
    pub async fn get(&self, address: (IpAddr, u16), path: &str) -> Option<Answer> {
        self.request(Method::GET, address, path, None).await
    }

    /// `POST`, with JSON or nothing.
    pub async fn post(
        &self,
        address: (IpAddr, u16),
        path: &str,
        body: Option<&Value>,
    ) -> Option<Answer> {
        self.request(Method::POST, address, path, body).await
    }

    /// `PATCH` with JSON.
    pub async fn patch(&self, address: (IpAddr, u16), path: &str, body: &Value) -> Option<Answer> {
        self.request(Method::PATCH, address, path, Some(body)).await
    }

    async fn request(
        &self,
        method: Method,
        (ip, port): (IpAddr, u16),
        path: &str,
        body: Option<&Value>,
    ) -> Option<Answer> {
        let host = std::net::SocketAddr::new(ip, port);
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{host}{path}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .ok()?;
        if let Some(token) = &self.token {
            let headers = request.headers_mut();
            headers.insert(header::AUTHORIZATION, token.clone());
        }
        let answer = self.ask.ask(request);
        tokio::time::timeout(PATIENCE, answer).await.ok().flatten()
    }
}
