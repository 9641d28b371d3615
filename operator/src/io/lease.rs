//! The Lease by which one of several replicas leads.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease as Object, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kube::api::{Api, ObjectMeta, PostParams};
use parking_lot::Mutex;
use thiserror::Error;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::context::MANAGER;
use crate::controller::election::{DURATION, Election, RENEWAL, SURRENDER, Seen};

/// Name of the Lease object.
const NAME: &str = "shoal-operator";
/// How often a replica that waits looks.
const LOOK: Duration = Duration::from_secs(1);
/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(4);

/// Why this replica does not lead.
#[derive(Debug, Error)]
pub enum LeaseError {
    /// Another one does.
    #[error("another replica took Lease {NAME}: this one ends, and is to be started again")]
    Taken,
    /// The API server was not reached in time.
    #[error("Lease {NAME} could not be renewed for {} s: this replica ends before another takes over", SURRENDER.as_secs())]
    Unreachable,
    /// A role is missing.
    #[error(
        "this operator may not use leases in its namespace: give its service account get, create and update of leases.coordination.k8s.io ({0})"
    )]
    Forbidden(String),
}

pub(crate) struct Lease {
    api: Api<Object>,
    identity: String,
    held: Mutex<Option<Object>>,
}

impl Lease {
    /// Of the operator's namespace; `identity` is this replica's name.
    pub(crate) fn new(client: Client, namespace: &str, identity: &str) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            identity: identity.to_owned(),
            held: Mutex::new(None),
        }
    }

    /// Waits until this replica leads. `false`: it was stopped before.
    pub(crate) async fn acquire(&self, stop: &CancellationToken) -> Result<bool, LeaseError> {
        let mut election = Election::new(&self.identity);
        let mut told = String::new();
        loop {
            if stop.is_cancelled() {
                return Ok(false);
            }
            match self.try_take(&mut election, &mut told).await {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(kube::Error::Api(status)) if status.code == 403 => {
                    return Err(LeaseError::Forbidden(status.message));
                }
                Err(error) => tracing::warn!(%error, "cannot look at the lease; trying on"),
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = stop.cancelled() => return Ok(false),
            }
        }
    }

    async fn try_take(
        &self,
        election: &mut Election,
        told: &mut String,
    ) -> Result<bool, kube::Error> {
        let found = self.api.get_opt(NAME).await?;
        let seen = found.as_ref().map(seen);
        let holder = seen
            .as_ref()
            .map(|seen| seen.holder.clone())
            .unwrap_or_default();
        if !election.handle_seen(seen, Instant::now().into_std()) {
            if *told != holder {
                tracing::info!(holder, "another replica leads; waiting");
                *told = holder;
            }
            return Ok(false);
        }
        let transitions = found
            .as_ref()
            .and_then(|lease| lease.spec.as_ref()?.lease_transitions);
        let now = MicroTime(Timestamp::now());
        let spec = LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            acquire_time: Some(now.clone()),
            renew_time: Some(now),
            lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
            lease_transitions: Some(transitions.map_or(0, |count| count.saturating_add(1))),
            ..LeaseSpec::default()
        };
        let params = params();
        let result = match found {
            None => {
                let lease = Object {
                    metadata: ObjectMeta {
                        name: Some(NAME.into()),
                        ..ObjectMeta::default()
                    },
                    spec: Some(spec),
                };
                self.api.create(&params, &lease).await
            }
            // With the version that was read: of two who try, one fails.
            Some(mut lease) => {
                lease.spec = Some(spec);
                self.api.replace(NAME, &params, &lease).await
            }
        };
        match result {
            Ok(lease) => {
                *self.held.lock() = Some(lease);
                Ok(true)
            }
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Renews it for as long as that is possible. Returns when this replica leads no more.
    pub(crate) async fn hold(&self) -> LeaseError {
        let mut renewed = Instant::now();
        loop {
            let failed = renewed.elapsed() > RENEWAL;
            tokio::time::sleep(if failed { LOOK } else { RENEWAL }).await;
            let Some(mut lease) = self.held.lock().clone() else {
                return LeaseError::Taken;
            };
            lease.spec.get_or_insert_default().renew_time = Some(MicroTime(Timestamp::now()));
            let began = Instant::now();
            let params = params();
            let renewal = self.api.replace(NAME, &params, &lease);
            match tokio::time::timeout(PATIENCE, renewal).await {
                Ok(Ok(lease)) => {
                    renewed = began;
                    *self.held.lock() = Some(lease);
                }
                Ok(Err(kube::Error::Api(status))) if status.code == 409 || status.code == 404 => {
                    // Ours may have been written by a renewal whose answer was lost.
                    if let Some(error) = self.look_again().await {
                        return error;
                    }
                }
                Ok(Err(error)) => tracing::warn!(%error, "cannot renew the lease; trying on"),
                Err(_) => tracing::warn!(
                    "the API server does not answer the renewal of the lease; trying on"
                ),
            }
            if renewed.elapsed() >= SURRENDER {
                return LeaseError::Unreachable;
            }
        }
    }

    async fn look_again(&self) -> Option<LeaseError> {
        match tokio::time::timeout(PATIENCE, self.api.get_opt(NAME)).await {
            Ok(Ok(Some(lease))) if seen(&lease).holder == self.identity => {
                *self.held.lock() = Some(lease);
                None
            }
            Ok(Ok(_)) => Some(LeaseError::Taken),
            Ok(Err(_)) | Err(_) => None,
        }
    }

    /// Gives it back, so that another takes it at once.
    pub(crate) async fn release(&self) {
        let held = self.held.lock().take();
        let Some(mut lease) = held else { return };
        lease.spec.get_or_insert_default().holder_identity = None;
        let params = params();
        let release = self.api.replace(NAME, &params, &lease);
        match tokio::time::timeout(PATIENCE, release).await {
            Ok(Ok(_)) => tracing::info!("the lease is given back"),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the lease is not given back; another replica takes it when it ends")
            }
            Err(_) => {
                tracing::warn!("the lease is not given back; another replica takes it when it ends")
            }
        }
    }
}

fn params() -> PostParams {
    PostParams {
        field_manager: Some(MANAGER.into()),
        ..PostParams::default()
    }
}

fn seen(lease: &Object) -> Seen {
    let spec = lease.spec.clone().unwrap_or_default();
    Seen {
        holder: spec.holder_identity.unwrap_or_default(),
        renewed: spec
            .renew_time
            .map(|time| time.0.to_string())
            .unwrap_or_default(),
    }
}
