//! What every reconcile has at hand.

use std::collections::HashMap;
use std::sync::Arc;

use kube::Client;
use kube::runtime::events::Reporter;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::apis::Apis;
use super::cache::Cache;
use super::metrics_api::Bridges;
use super::pod_http::PodHttp;
use super::reconcile::Contest;
use super::reports::Reports;
use super::routes::Concerning;
use super::store::Store;
use crate::controller::scope::Key;
use crate::metrics::Metrics;
use crate::secrets::OPERATOR;
use crate::validate::text;
use crate::world::Defaults;

/// Name under which the operator writes.
pub(crate) const MANAGER: &str = "shoal-operator";

/// What every reconcile has at hand.
pub(crate) struct Context {
    pub client: Client,
    pub cache: Arc<Cache>,
    pub defaults: Defaults,
    pub reports: Arc<Reports>,
    /// Where the metrics API takes its numbers from, when it is served.
    pub bridges: Option<Arc<Bridges>>,
    /// Who tells events.
    pub reporter: Reporter,
    pub metrics: Arc<Metrics>,
    pub apis: Apis,
    pub memory: Mutex<Memory>,
    /// Resources to reconcile.
    pub requests: mpsc::UnboundedSender<Key>,
}

impl Context {
    /// Takes over what the API server answered to a write, so that the next reconcile sees it before the watch does. The
    /// watch then tells nothing new, so whom it concerns is asked for here.
    pub(crate) fn learn<K: Concerning>(&self, store: &Store<K>, mut object: K) {
        object.meta_mut().managed_fields = None;
        if let Some(change) = store.set(object) {
            self.request(K::concerned(&self.cache, &change));
        }
    }

    /// A client that may give orders to the parts to which a Secret of that name was given.
    pub(crate) fn authorised(&self, http: &PodHttp, namespace: &str, secret: &str) -> PodHttp {
        let secret = self.cache.secrets.get(namespace, secret);
        http.with(secret.as_ref().and_then(|secret| text(secret, OPERATOR)))
    }

    /// Has resources reconciled.
    pub(crate) fn request(&self, keys: impl IntoIterator<Item = Key>) {
        for key in keys {
            // The receiver ends with the whole operator.
            let _ = self.requests.send(key);
        }
    }
}

/// What is remembered between reconciles. Nothing is lost when it is: it only saves requests and repetition.
#[derive(Default)]
pub(crate) struct Memory {
    /// Objects that the API server keeps otherwise than they were asked for, with the fingerprint of what was asked.
    pub settled: HashMap<String, String>,
    /// When content that pods mount was last written.
    pub written: HashMap<String, Instant>,
    /// Bridges that were told to drain or not to, and when, by `namespace/pod`.
    pub told: HashMap<String, (bool, Instant)>,
    /// How many people focuses moved from a bridge that leaves, by `namespace/pod`.
    pub moved: HashMap<String, u64>,
    /// Numbers of bridges that are not their autoscaler's, by pool.
    pub contests: HashMap<String, Contest>,
}
