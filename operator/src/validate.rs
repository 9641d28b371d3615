//! The second step of a reconcile: from what was read to what can be built, or to the reasons why not.
//!
//! Pure. What the schema refuses is not checked again; here is what needs more than one object, or more than CEL.

mod cluster;
mod limits;
mod pool;
mod secret;
mod shard;

pub use cluster::{FrontDoorShard, PublicCertificate, Region, ValidCluster, cluster};
pub use limits::Limits;
pub use pool::{ValidPool, pool};
pub(crate) use secret::text;
pub use shard::{ValidShard, shard};

use crate::crd::{ComponentSpec, JitsiCluster};
use crate::world::Defaults;

/// Why something cannot be built, for condition `Degraded`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// One CamelCase word.
    pub reason: &'static str,
    /// A sentence that names the field, the fault and what to do.
    pub message: String,
    /// Whether it passes by itself: something that is being made is not there yet.
    pub waiting: bool,
}

impl Problem {
    /// Somebody has to do something.
    #[must_use]
    pub fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            waiting: false,
        }
    }

    /// It passes by itself.
    #[must_use]
    pub fn waiting(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            waiting: true,
        }
    }
}

/// What is pulled, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// Image of Shoal's parts.
    pub shoal: String,
    /// HAProxy's image.
    pub haproxy: String,
    /// `Always`, `IfNotPresent` or `Never`.
    pub pull_policy: String,
    /// Names of Secrets.
    pub pull_secrets: Vec<String>,
}

impl Images {
    /// Of a cluster, with the operator's own where it says nothing.
    #[must_use]
    pub fn of(cluster: &JitsiCluster, defaults: &Defaults) -> Self {
        let own = &cluster.spec.images;
        let or = |own: &Option<String>, default: &String| own.as_ref().unwrap_or(default).clone();
        Self {
            shoal: or(&own.shoal, &defaults.shoal_image),
            haproxy: or(&own.haproxy, &defaults.haproxy_image),
            pull_policy: or(&own.pull_policy, &defaults.pull_policy),
            pull_secrets: own.pull_secrets.clone(),
        }
    }

    /// Image of one of Shoal's parts.
    #[must_use]
    pub fn part(&self, spec: &ComponentSpec) -> String {
        spec.image.as_ref().unwrap_or(&self.shoal).clone()
    }
}

/// The problems of a resource whose cluster is not there.
fn no_cluster(field: &str, name: &str) -> Problem {
    Problem::new(
        "NoSuchCluster",
        format!(
            "{field} is {name:?}, and this namespace has no JitsiCluster of that name: create it, or correct the field by deleting and creating this resource"
        ),
    )
}
