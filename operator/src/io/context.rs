//! What every reconcile has at hand.

use std::collections::HashMap;
use std::sync::Arc;

use kube::Client;
use kube::runtime::events::Recorder;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::apis::Apis;
use super::cache::Cache;
use super::reports::Reports;
use crate::metrics::Metrics;
use crate::world::Defaults;

/// Name under which the operator writes.
pub const MANAGER: &str = "shoal-operator";

/// What every reconcile has at hand.
pub struct Context {
    pub client: Client,
    pub cache: Arc<Cache>,
    pub defaults: Defaults,
    pub reports: Arc<Reports>,
    pub recorder: Recorder,
    pub metrics: Arc<Metrics>,
    pub apis: Apis,
    pub memory: Mutex<Memory>,
}

/// What is remembered between reconciles. Nothing is lost when it is: it only saves requests and repetition.
#[derive(Default)]
pub struct Memory {
    /// Objects that the API server keeps otherwise than they were asked for, with the fingerprint of what was asked.
    pub settled: HashMap<String, String>,
    /// When content that pods mount was last written.
    pub written: HashMap<String, Instant>,
    /// Bridges that were told to drain or not to, and when, by `namespace/pod`.
    pub told: HashMap<String, (bool, Instant)>,
}
