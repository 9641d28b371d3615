//! Which optional APIs the Kubernetes cluster has.

use std::collections::HashMap;
use std::time::Duration;

use kube::Client;
use kube::api::ApiResource;
use parking_lot::Mutex;
use tokio::time::Instant;

/// How long an answer holds: an API may be installed at any time.
const FRESH: Duration = Duration::from_secs(30);

/// Which optional APIs there are, as last asked.
#[derive(Default)]
pub(crate) struct Apis {
    known: Mutex<HashMap<String, (bool, Instant)>>,
}

impl Apis {
    /// Whether the cluster serves a kind.
    pub(crate) async fn has(
        &self,
        client: &Client,
        resource: &ApiResource,
    ) -> Result<bool, kube::Error> {
        let key = format!("{}/{}", resource.api_version, resource.kind);
        if let Some((has, asked)) = self.known.lock().get(&key)
            && asked.elapsed() < FRESH
        {
            return Ok(*has);
        }
        let found = match client.list_api_group_resources(&resource.api_version).await {
            Ok(list) => list.resources.iter().any(|one| one.kind == resource.kind),
            Err(kube::Error::Api(status)) if status.code == 404 => false,
            Err(error) => return Err(error),
        };
        self.known.lock().insert(key, (found, Instant::now()));
        Ok(found)
    }
}

/// What to install for a kind that is not there.
pub(crate) fn missing(resource: &ApiResource) -> String {
    let what = match resource.group.as_str() {
        "gateway.networking.k8s.io" => {
            "the Gateway API (its CRDs and a controller), or choose another spec.frontDoor.exposure"
        }
        "cert-manager.io" => {
            "cert-manager, or name a Secret in spec.tls.secretName without issuerRef"
        }
        _ => "what provides it",
    };
    format!(
        "the cluster has no {} of {}: install {what}",
        resource.kind, resource.api_version
    )
}
