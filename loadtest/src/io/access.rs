//! Reaching the service: TCP, and TLS where the address asks for it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::Uri;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// For connecting and the TLS handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Whose certificates are believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// The public authorities.
    #[default]
    Public,
    /// The authorities of this PEM text, and its certificates themselves.
    Pem(Vec<u8>),
    /// Anybody: whoever is in between can listen.
    Anybody,
}

/// A connection.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// How connections are made; cheap to clone.
#[derive(Clone)]
pub struct Access {
    tls: TlsConnector,
}

impl Access {
    /// Believes the certificates that `trust` says.
    ///
    /// # Errors
    /// When the PEM text has no certificate that can be used.
    pub fn new(trust: &Trust) -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?;
        let mut config = match trust {
            Trust::Public => builder
                .with_root_certificates(RootCertStore {
                    roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
                })
                .with_no_client_auth(),
            trust => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Verifier::new(trust, provider)?))
                .with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            tls: TlsConnector::from(Arc::new(config)),
        })
    }

    /// Connects to `at`, or to where the host of `uri` points.
    pub(super) async fn dial(
        &self,
        uri: &Uri,
        at: Option<SocketAddr>,
    ) -> io::Result<Box<dyn Stream>> {
        let dialling = async {
            let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
            let secure = matches!(uri.scheme_str(), Some("https" | "wss"));
            let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
            let tcp = match at {
                Some(at) => TcpStream::connect(at).await?,
                None => TcpStream::connect((host, port)).await?,
            };
            tcp.set_nodelay(true)?;
            if !secure {
                return Ok(Box::new(tcp) as Box<dyn Stream>);
            }
            let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
            let stream = self.tls.connect(name, tcp).await?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        };
        tokio::time::timeout(CONNECT_TIMEOUT, dialling)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

/// Checks certificates as a [`Trust`] other than the public authorities says.
#[derive(Debug)]
struct Verifier {
    /// `None`: anybody.
    named: Option<(Vec<CertificateDer<'static>>, Arc<WebPkiServerVerifier>)>,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn new(trust: &Trust, provider: Arc<CryptoProvider>) -> Result<Self, rustls::Error> {
        let Trust::Pem(pem) = trust else {
            let named = None;
            return Ok(Self { named, provider });
        };
        let unusable = |error: String| rustls::Error::General(error);
        let certificates = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| unusable(error.to_string()))?;
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            roots.add(certificate.clone())?;
        }
        let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .build()
            .map_err(|error| unusable(error.to_string()))?;
        Ok(Self {
            named: Some((certificates, chain)),
            provider,
        })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match &self.named {
            // A self-signed certificate that was named is the one that was meant, even when it
            // claims to be an authority, which no server's may be (RFC 5280 §4.2.1.9).
            Some((certificates, chain)) if !certificates.contains(certificate) => {
                chain.verify_server_cert(certificate, intermediates, name, ocsp, now)
            }
            _ => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
