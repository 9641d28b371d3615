//! Certificates for STARTTLS and direct TLS, which may change while the server runs.

use crate::config::TlsConfig;
use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// The content of both files; an error instead of what cannot be read.
type Content = [Result<Vec<u8>, String>; 2];

/// The certificate that new connections get.
#[derive(Debug)]
pub(super) struct Certificates {
    files: TlsConfig,
    provider: Arc<CryptoProvider>,
    state: Mutex<State>,
}

struct State {
    current: Arc<CertifiedKey>,
    seen: Content,
}

impl std::fmt::Debug for State {
    /// The content is secret.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("State(…)")
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.state.lock().current))
    }
}

impl Certificates {
    /// Reads the files for the first time.
    pub(super) fn load(files: &TlsConfig) -> Result<Arc<Self>, String> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let seen = read(files);
        let current = Arc::new(parse(files, &seen, &provider)?);
        Ok(Arc::new(Self {
            files: files.clone(),
            provider,
            state: Mutex::new(State { current, seen }),
        }))
    }

    /// Reads the files again. Whether the certificate changed; an error is told once for each content, and leaves the
    /// certificate as it is.
    pub(super) fn refresh(&self) -> Result<bool, String> {
        let content = read(&self.files);
        let mut state = self.state.lock();
        if state.seen == content {
            return Ok(false);
        }
        let parsed = parse(&self.files, &content, &self.provider);
        state.seen = content;
        state.current = Arc::new(parsed?);
        Ok(true)
    }

    pub(super) fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, String> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("tls: {error}"))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as _);
        // XEP-0368 §3.
        config.alpn_protocols = vec![b"xmpp-client".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

fn read(files: &TlsConfig) -> Content {
    let read = |path: &Path| std::fs::read(path).map_err(|error| error.to_string());
    [read(&files.certificate), read(&files.key)]
}

fn parse(
    files: &TlsConfig,
    [chain, key]: &Content,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, String> {
    let certificate = files.certificate.display();
    let unusable = |key: &str, path: &Path, error: String| {
        format!("{key}: cannot use {}: {error}", path.display())
    };
    let of_chain = |error| unusable("tls.certificate", &files.certificate, error);
    let of_key = |error| unusable("tls.key", &files.key, error);
    let chain = chain.as_ref().map_err(|error| of_chain(error.clone()))?;
    let key = key.as_ref().map_err(|error| of_key(error.clone()))?;
    let chain = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| of_chain(error.to_string()))?;
    if chain.is_empty() {
        return Err(of_chain("it holds no certificate".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| of_key(error.to_string()))?;
    CertifiedKey::from_der(chain, key, provider)
        .map_err(|error| format!("tls: {certificate} and its key do not fit: {error}"))
}
