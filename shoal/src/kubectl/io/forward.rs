//! HTTP with a pod, through a port that the API server forwards: the way on which `kubectl port-forward` goes, without a port
//! of this machine.

use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::Portforwarder;
use serde::de::DeserializeOwned;

use crate::kubectl::answers::Silence;

/// How long the way to the pod, and each answer, may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Largest answer that is read, in bytes: the meetings of a shard with some ten thousand people.
const MAX_ANSWER: usize = 64 << 20;
/// How long the API server may take to say why a connection ended.
const REASON: Duration = Duration::from_millis(500);

/// A connection to a port of a pod.
pub(super) struct Line {
    forwarder: Portforwarder,
    sender: SendRequest<Empty<Bytes>>,
    pod: String,
    port: u16,
}

pub(super) struct Answer {
    pub status: u16,
    pub text: String,
}

impl Line {
    /// Opens it.
    pub(super) async fn open(
        pods: &Api<Pod>,
        namespace: &str,
        pod: &str,
        port: u16,
    ) -> Result<Self, Silence> {
        let silence = |why: String| Silence::NoAnswer {
            pod: pod.to_owned(),
            port,
            why,
        };
        let opened = tokio::time::timeout(PATIENCE, async {
            let mut forwarder = match pods.portforward(pod, &[port]).await {
                Ok(forwarder) => forwarder,
                Err(kube::Error::Api(status)) if status.code == 403 => {
                    return Err(Silence::Forbidden {
                        namespace: namespace.to_owned(),
                    });
                }
                Err(kube::Error::Api(status)) => return Err(silence(status.message.clone())),
                Err(error) => return Err(silence(error.to_string())),
            };
            let Some(stream) = forwarder.take_stream(port) else {
                return Err(silence("the API server forwards no port".into()));
            };
            let (sender, connection) = handshake(TokioIo::new(stream))
                .await
                .map_err(|error| silence(error.to_string()))?;
            // Its end shows at the sender.
            tokio::spawn(connection);
            Ok((forwarder, sender))
        });
        let (forwarder, sender) = opened.await.unwrap_or_else(|_| {
            Err(silence(format!(
                "the API server opened no way to it within {} s",
                PATIENCE.as_secs()
            )))
        })?;
        Ok(Self {
            forwarder,
            sender,
            pod: pod.to_owned(),
            port,
        })
    }

    /// `GET`.
    pub(super) async fn get(&mut self, path: &str) -> Result<Answer, Silence> {
        let request = Request::get(path)
            .header(hyper::header::HOST, &self.pod)
            .body(Empty::new())
            .map_err(|error| self.silence(error.to_string()))?;
        let answer = tokio::time::timeout(PATIENCE, async {
            let answer = self
                .sender
                .send_request(request)
                .await
                .map_err(|error| error.to_string())?;
            let status = answer.status().as_u16();
            let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
            let body = body.map_err(|error| error.to_string())?.to_bytes();
            let text = String::from_utf8_lossy(&body).into_owned();
            Ok(Answer { status, text })
        });
        match answer.await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(why)) => {
                let reason = self.reason().await.unwrap_or(why);
                Err(self.silence(reason))
            }
            Err(_) => Err(self.silence(format!("nothing came within {} s", PATIENCE.as_secs()))),
        }
    }

    /// `GET` of JSON.
    pub(super) async fn get_json<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, Silence> {
        let answer = self.get(path).await?;
        match answer.status {
            200 => self.read(&answer),
            status => Err(self.silence(format!("{path}: {status} {}", answer.text.trim()))),
        }
    }

    /// An answer's JSON.
    pub(super) fn read<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, Silence> {
        serde_json::from_str(&answer.text)
            .map_err(|error| self.silence(format!("its answer is not understood: {error}")))
    }

    fn silence(&self, why: String) -> Silence {
        Silence::NoAnswer {
            pod: self.pod.clone(),
            port: self.port,
            why,
        }
    }

    /// Why the connection ended, as the kubelet says it.
    async fn reason(&mut self) -> Option<String> {
        let reason = self.forwarder.take_error(self.port)?;
        let reason = tokio::time::timeout(REASON, reason).await.ok().flatten()?;
        Some(reason.trim().to_owned())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.forwarder.abort();
    }
}
