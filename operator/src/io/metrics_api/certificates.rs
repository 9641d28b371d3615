//! The serving certificate of the metrics API and the authority that signs it: two Secrets that the replicas share, and
//! the APIService, which names the authority to the API server.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use serde_json::json;
use thiserror::Error;

use super::tls;
use crate::io::context::MANAGER;
use crate::metrics_api::{GROUP, VERSION};
use crate::secrets::{Authority, Content, Leaf, leaf};

/// Why there is no certificate, or nobody trusts it.
#[derive(Debug, Error)]
pub(crate) enum CertificateError {
    /// Where the certificate is kept for all replicas.
    #[error(
        "Secret {namespace}/{name} cannot be kept: {error}; the chart makes it, and lets the operator get and patch it"
    )]
    Secret {
        /// `metadata.namespace`.
        namespace: String,
        /// `metadata.name`.
        name: String,
        /// Why not.
        error: kube::Error,
    },
    /// Where the API server learns whom to trust.
    #[error(
        "APIService {VERSION}.{GROUP} cannot be kept: {0}; the chart makes it, and lets the operator get and patch it"
    )]
    ApiService(kube::Error),
    /// Somebody else serves the API.
    #[error(
        "APIService {VERSION}.{GROUP} is that of Service {0}: another program serves the API; install the chart with metricsApi=PrometheusAdapter, or remove the other"
    )]
    OfAnother(String),
    /// What is kept is no key pair of ours.
    #[error(
        "the certificate in Secret {0} cannot be used: {1}; delete its data, and it is made anew"
    )]
    Unusable(String, String),
}

/// Keeper of the certificate.
pub(crate) struct Certificates {
    secrets: Api<Secret>,
    services: Api<APIService>,
    namespace: String,
    service: String,
}

impl Certificates {
    /// For a Service of the operator's namespace.
    pub(crate) fn new(client: Client, namespace: &str, service: &str) -> Self {
        Self {
            secrets: Api::namespaced(client.clone(), namespace),
            services: Api::all(client),
            namespace: namespace.to_owned(),
            service: service.to_owned(),
        }
    }

    /// Takes over what is there and makes what is missing or near its end. In this order: the API server trusts a new
    /// authority before a certificate of it is shown.
    pub(crate) async fn keep(&self) -> Result<Arc<CertifiedKey>, CertificateError> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now.unwrap_or_default();
        let name = format!("{}-authority", self.service);
        let authority = self
            .secret(&name, |live| Authority::secret(live, None, now))
            .await?;
        let unusable = |why: String| CertificateError::Unusable(name.clone(), why);
        let authority = Authority::of(&authority)
            .ok_or_else(|| unusable("it is no authority of the operator".into()))?;
        self.publish(&authority.bundle).await?;

        let name = format!("{}-certificate", self.service);
        let certificate = self
            .secret(&name, |live| self.certificate(live, &authority, now))
            .await?;
        certified_key(&certificate).map_err(|why| CertificateError::Unusable(name, why))
    }

    fn certificate(&self, live: Option<&Secret>, by: &Authority, now: Duration) -> Content {
        let names = [format!("{}.{}.svc", self.service, self.namespace)];
        let make = |live| {
            let (names, rotate) = (&names[..], None);
            leaf(live, by, Leaf { names, now, rotate })
        };
        let kept = make(live);
        // What cannot be shown is made anew rather than waited for somebody to look.
        if certified_key(&kept).is_ok() {
            kept
        } else {
            make(None)
        }
    }

    /// What a Secret holds, after it was brought to what `make` makes of it. Two replicas may do so at once: the one that
    /// comes second takes over what the first one wrote.
    async fn secret(
        &self,
        name: &str,
        make: impl Fn(Option<&Secret>) -> Content,
    ) -> Result<Content, CertificateError> {
        let failed = |error| CertificateError::Secret {
            namespace: self.namespace.clone(),
            name: name.to_owned(),
            error,
        };
        loop {
            let live = self.secrets.get(name).await.map_err(failed)?;
            let content = make(Some(&live));
            if content == Content::of(&live) {
                return Ok(content);
            }
            match self.write(&live, name, &content).await {
                Ok(_) => {
                    tracing::info!(secret = name, "wrote a certificate of the metrics API");
                    return Ok(content);
                }
                Err(kube::Error::Api(status)) if status.code == 409 => {}
                Err(error) => return Err(failed(error)),
            }
        }
    }

    async fn write(
        &self,
        live: &Secret,
        name: &str,
        content: &Content,
    ) -> Result<Secret, kube::Error> {
        let gone = live
            .data
            .iter()
            .flatten()
            .map(|(key, _)| (key.clone(), None));
        let mut data: BTreeMap<String, Option<ByteString>> = gone.collect();
        let new = content.bytes().into_iter();
        data.extend(new.map(|(key, value)| (key, Some(value))));
        let patch = json!({
            "metadata": {
                "resourceVersion": live.metadata.resource_version,
                "annotations": content.annotations,
            },
            "data": data,
        });
        let params = PatchParams {
            field_manager: Some(MANAGER.into()),
            ..PatchParams::default()
        };
        self.secrets
            .patch(name, &params, &Patch::Merge(&patch))
            .await
    }

    /// Tells the API server which authority to trust.
    async fn publish(&self, bundle: &str) -> Result<(), CertificateError> {
        let name = format!("{VERSION}.{GROUP}");
        let live = self.services.get(&name).await;
        let live = live.map_err(CertificateError::ApiService)?.spec;
        let live = live.unwrap_or_default();
        let service = live.service.unwrap_or_default();
        let of = (
            service.namespace.unwrap_or_default(),
            service.name.unwrap_or_default(),
        );
        if of != (self.namespace.clone(), self.service.clone()) {
            return Err(CertificateError::OfAnother(format!("{}/{}", of.0, of.1)));
        }
        let bundle = ByteString(bundle.as_bytes().to_vec());
        if live.ca_bundle.as_ref() == Some(&bundle) {
            return Ok(());
        }
        let patch = json!({"spec": {"caBundle": bundle}});
        let params = PatchParams {
            field_manager: Some(MANAGER.into()),
            ..PatchParams::default()
        };
        let patch = Patch::Merge(&patch);
        let patched = self.services.patch(&name, &params, &patch);
        patched.await.map_err(CertificateError::ApiService)?;
        tracing::info!(
            api_service = name,
            "the API server is told whom the metrics API trusts"
        );
        Ok(())
    }
}

fn certified_key(content: &Content) -> Result<Arc<CertifiedKey>, String> {
    let part = |key: &str| content.data.get(key).map(Vec::as_slice).unwrap_or_default();
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(part("tls.crt")).collect();
    let chain = chain.map_err(|error| error.to_string())?;
    let key = PrivateKeyDer::from_pem_slice(part("tls.key")).map_err(|error| error.to_string())?;
    let key = CertifiedKey::from_der(chain, key, &tls::provider());
    key.map(Arc::new).map_err(|error| error.to_string())
}
