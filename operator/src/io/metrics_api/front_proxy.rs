//! Whom the API server's front proxy speaks for: its certificate is checked against the authority that ConfigMap
//! `kube-system/extension-apiserver-authentication` names, as it is at that moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::HeaderMap;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client};
use parking_lot::RwLock;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use thiserror::Error;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::tls;
use crate::metrics_api::caller::{Headers, User};
use crate::metrics_api::refusal::Refusal;

const NAMESPACE: &str = "kube-system";
const NAME: &str = "extension-apiserver-authentication";
const AUTHORITY: &str = "requestheader-client-ca-file";

/// Why nobody is trusted.
#[derive(Debug, Error)]
pub(crate) enum FrontProxyError {
    /// Where the API server says how it shows itself.
    #[error(
        "cannot read ConfigMap {NAMESPACE}/{NAME}: {0}; bind Role extension-apiserver-authentication-reader there to the operator's account"
    )]
    Unreadable(#[from] kube::Error),
    /// Its content.
    #[error(
        "ConfigMap {NAMESPACE}/{NAME} has no {AUTHORITY}: the API server runs without --{AUTHORITY}, so it cannot pass requests on to other servers"
    )]
    NoAuthority,
    /// The certificates in it.
    #[error("{AUTHORITY} of ConfigMap {NAMESPACE}/{NAME} cannot be used: {0}")]
    BadAuthority(String),
}

/// What is known of the API server's front proxy.
pub(crate) struct FrontProxy {
    api: Api<ConfigMap>,
    trusted: RwLock<Option<Arc<Trusted>>>,
}

struct Trusted {
    data: BTreeMap<String, String>,
    headers: Headers,
    verifier: Arc<dyn ClientCertVerifier>,
}

impl FrontProxy {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            api: Api::namespaced(client, NAMESPACE),
            trusted: RwLock::new(None),
        }
    }

    /// Reads the ConfigMap again. Where it cannot be read, what was known holds.
    pub(crate) async fn refresh(&self) -> Result<(), FrontProxyError> {
        let data = self.api.get(NAME).await?.data.unwrap_or_default();
        let same = |trusted: &Arc<Trusted>| trusted.data == data;
        if self.trusted.read().as_ref().is_some_and(same) {
            return Ok(());
        }
        let trusted = trusted(data);
        let (trusted, result) = match trusted {
            Ok(trusted) => (Some(Arc::new(trusted)), Ok(())),
            Err(error) => (None, Err(error)),
        };
        *self.trusted.write() = trusted;
        result
    }

    /// Whether these certificates are the front proxy's.
    pub(crate) fn trusts(&self, chain: &[CertificateDer<'_>]) -> bool {
        self.judge(chain).is_ok()
    }

    /// The user for whom the front proxy, who shows these certificates, asks.
    pub(crate) fn user(
        &self,
        chain: &[CertificateDer<'_>],
        headers: &HeaderMap,
    ) -> Result<User, Refusal> {
        let trusted = self.judge(chain)?;
        let user = trusted.headers.user(headers);
        user.ok_or_else(|| Refusal::unauthorized("the request names no user in its headers"))
    }

    fn judge(&self, chain: &[CertificateDer<'_>]) -> Result<Arc<Trusted>, Refusal> {
        let trusted = self.trusted.read().clone().ok_or_else(|| {
            Refusal::unauthorized("it is not known yet which front proxy the API server has")
        })?;
        let (first, rest) = chain.split_first().ok_or_else(|| {
            Refusal::unauthorized(
                "only the API server's front proxy is served: ask through the API server",
            )
        })?;
        trusted
            .verifier
            .verify_client_cert(first, rest, UnixTime::now())
            .map_err(|error| {
                Refusal::unauthorized(format!(
                    "the client certificate is not one of {AUTHORITY}: {error}"
                ))
            })?;
        let name = common_name(first).unwrap_or_default();
        if !trusted.headers.allows(&name) {
            return Err(Refusal::unauthorized(format!(
                "requestheader-allowed-names does not name {name:?}, the client certificate's common name"
            )));
        }
        Ok(trusted)
    }
}

fn trusted(data: BTreeMap<String, String>) -> Result<Trusted, FrontProxyError> {
    let bad = |error: String| FrontProxyError::BadAuthority(error);
    let pem = data.get(AUTHORITY).ok_or(FrontProxyError::NoAuthority)?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| bad(error.to_string()))?;
        let added = roots.add(certificate);
        added.map_err(|error| bad(error.to_string()))?;
    }
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), tls::provider()).build();
    Ok(Trusted {
        headers: Headers::of(&data),
        verifier: verifier.map_err(|error| bad(error.to_string()))?,
        data,
    })
}

fn common_name(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let name = certificate.subject().iter_common_name().next()?;
    Some(name.as_str().ok()?.to_owned())
}
